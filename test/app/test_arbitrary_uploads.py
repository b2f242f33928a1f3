"""Whatever is sent, the service answers; it never breaks."""

import contextlib
import io
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from constants.exceptions import ImageRejected
from preprocessor.decoding import Photo

_starts = st.sampled_from(
    [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\x1f\x8b", b"GIF89a", b"RIFF"]
)
_content_types = st.sampled_from(["multipart/form-data; boundary=x", "multipart/form-data", "text/plain", ""])
_contents = st.builds(bytes.__add__, _starts, st.binary(max_size=300))
_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(
    files=st.lists(st.tuples(_contents, _names), max_size=4),
    fields=st.dictionaries(st.sampled_from(["labels", "seed", "name", "label_from", "x"]), st.text(max_size=20)),
)
def test_arbitrary_bytes_as_an_upload_never_give_a_5xx(client, workplace, files, fields):
    for route in ("/build_recognizer", "/v1/recognizers"):
        sent = [(io.BytesIO(content), name) for content, name in files]
        assert client.post(route, data={"images": sent} | fields).status_code < 500
    assert not any(workplace.storage.incoming.iterdir())


@given(st.binary(max_size=300), _content_types)
def test_arbitrary_bodies_never_give_a_5xx(client, body, content_type):
    for route in ("/build_recognizer", "/recognize?id=x"):
        assert client.post(route, data=body, content_type=content_type).status_code < 500


@given(data=st.data())
def test_a_damaged_picture_is_decoded_or_rejected_with_a_reason(astronaut_jpeg, data):
    damaged = bytearray(astronaut_jpeg[: data.draw(st.integers(0, len(astronaut_jpeg)))])
    for _ in range(data.draw(st.integers(0, 5))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ImageRejected):
        assert Photo(bytes(damaged)).pixels().shape[2] == 3


def test_a_web_process_loads_no_heavy_library():
    program = (
        "import sys; from app import create_app; client = create_app().test_client(); client.get('/is_alive');"
        "print(sorted({'cv2', 'dlib', 'tensorflow', 'keras', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"
