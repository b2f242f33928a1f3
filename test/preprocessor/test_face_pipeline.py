"""Pictures in, encoded faces out: whole batches, rejected pictures, turned ones, and large photos."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from constants.exceptions import ImageRejected
from constants.reasons import Reason
from constants.settings import Settings
from preprocessor.decoding import Photo
from preprocessor.face_pipeline import FacePipeline, make_pipeline
from preprocessor.types import Box, EncodedImage
from test.conftest import jpeg

#: Sides of a photo of twelve megapixels, and columns and rows of the people on each of them.
LARGE, GRIDS = (4000, 3000), [(5, 3), (4, 3), (3, 2), (3, 2), (2, 1), (1, 1), (1, 1)]
#: Euclidean distance of two encodings of a face, one by way of a reduced picture: at the most.
REDUCED = 0.05


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> FacePipeline:
    return make_pipeline(Settings(data_dir=tmp_path_factory.getbasetemp()))


def encode(pipeline: FacePipeline, data: bytes) -> EncodedImage:
    (image,) = pipeline.encode([data])
    assert isinstance(image, EncodedImage)
    return image


def centre(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def tiled(people: Sequence[np.ndarray], grid: tuple[int, int]) -> bytes:
    """A photo with a square portrait, enlarged, in each cell of a grid."""
    width, height = LARGE[0] // grid[0], LARGE[1] // grid[1]
    side = min(width, height)
    photo = Image.new("RGB", LARGE, (90, 100, 110))
    for index, person in enumerate(people):
        row, column = divmod(index, grid[0])
        enlarged = Image.fromarray(person).resize((side, side), Image.Resampling.LANCZOS)
        photo.paste(enlarged, (column * width, row * height))
    return jpeg(np.asarray(photo))


@pytest.fixture(scope="module")
def portraits(portrait_files) -> list[np.ndarray]:
    count = sum(columns * rows for columns, rows in GRIDS)
    return [np.asarray(Image.open(file).convert("RGB")) for file in portrait_files(count)]


@pytest.fixture(scope="module")
def photos(portraits) -> list[bytes]:
    """Photos of twelve megapixels, with faces of several sizes."""
    rest = iter(portraits)
    return [tiled([next(rest) for _ in range(grid[0] * grid[1])], grid) for grid in GRIDS]


def test_a_face_has_all_that_is_promised(pipeline, astronaut_jpeg):
    image = encode(pipeline, astronaut_jpeg)
    assert (image.width, image.height) == (512, 512)
    face = image.faces[0]
    assert face.encoding.shape == (128,) and face.encoding.dtype == np.float32
    assert face.landmarks.shape == (5, 2)
    assert 0.5 < face.detected.probability < 1


def test_a_batch_is_those_one_by_one(pipeline, astronaut, portrait_files):
    images = [file.read_bytes() for file in portrait_files(6)]
    images[2:2] = [jpeg(np.full((90, 120, 3), 128, np.uint8)), b"no picture", jpeg(astronaut[:, ::-1])]
    together = pipeline.encode(images)
    assert [type(image) for image in together].count(ImageRejected) == 1
    for image, alone in zip(together, (pipeline.encode([data])[0] for data in images), strict=True):
        if isinstance(image, ImageRejected):
            assert image.reason == alone.reason
            continue
        assert len(image.faces) == len(alone.faces)
        for face, same in zip(image.faces, alone.faces, strict=True):
            assert face.detected == same.detected and np.array_equal(face.landmarks, same.landmarks)
            assert np.abs(face.encoding - same.encoding).max() <= 1e-6


def test_rejected_pictures_keep_their_place(pipeline, astronaut_jpeg):
    results = pipeline.encode([b"", astronaut_jpeg, astronaut_jpeg[:9000], b"no picture", astronaut_jpeg])
    reasons = [image.reason if isinstance(image, ImageRejected) else len(image.faces) > 0 for image in results]
    assert reasons == [Reason.EMPTY_FILE, True, Reason.DAMAGED_IMAGE, Reason.NOT_AN_IMAGE, True]


def test_of_a_jpeg_without_its_last_bytes_a_whole_face_is_used(pipeline, astronaut):
    picture = jpeg(astronaut, progressive=False)
    whole, above = (encode(pipeline, picture[: int(share * len(picture))]) for share in (1, 0.7))
    known, same = (max(image.faces, key=lambda face: face.detected.score) for image in (whole, above))
    assert same.detected == known.detected and np.array_equal(same.encoding, known.encoding)
    (within,) = pipeline.encode([picture[: len(picture) // 4]])
    assert isinstance(within, ImageRejected) and within.reason == Reason.DAMAGED_IMAGE


def test_no_pictures(pipeline):
    assert pipeline.encode([]) == []


def test_a_picture_of_nobody_has_no_faces(pipeline):
    image = encode(pipeline, jpeg(np.full((90, 120, 3), 128, np.uint8)))
    assert image == EncodedImage(120, 90, ())


@pytest.mark.parametrize(("orientation", "turn"), [(6, Image.Transpose.ROTATE_90), (3, Image.Transpose.ROTATE_180)])
def test_a_turned_portrait_is_seen_upright(pipeline, astronaut, orientation, turn):
    exif = Image.Exif()
    exif[274] = orientation
    buffer = io.BytesIO()
    Image.fromarray(astronaut[:440]).transpose(turn).save(buffer, "PNG", exif=exif)
    upright, turned = encode(pipeline, jpeg(astronaut[:440], quality=100)), encode(pipeline, buffer.getvalue())
    assert (turned.width, turned.height) == (512, 440)
    assert turned.faces[0].detected.box == upright.faces[0].detected.box
    assert np.abs(turned.faces[0].landmarks - upright.faces[0].landmarks).max() <= 1
    assert np.linalg.norm(turned.faces[0].encoding - upright.faces[0].encoding) <= REDUCED


def test_boxes_and_landmarks_are_in_the_photos_own_pixels(pipeline, astronaut):
    small = encode(pipeline, jpeg(astronaut)).faces[0]
    corner, scale = np.array([1500, 600]), 4
    photo = Image.new("RGB", LARGE, (90, 100, 110))
    photo.paste(Image.fromarray(astronaut).resize((2048, 2048), Image.Resampling.LANCZOS), tuple(corner.tolist()))
    image = encode(pipeline, jpeg(np.asarray(photo)))
    assert (image.width, image.height) == LARGE
    large = image.faces[0]
    expected = corner + scale * np.array(centre(small.detected.box))
    assert np.abs(centre(large.detected.box) - expected).max() <= 0.15 * large.detected.box.width
    # Landmarks of the small picture are whole pixels, each four of the photo's.
    assert np.abs(large.landmarks - (corner + scale * small.landmarks)).max() <= 2 * scale
    assert np.linalg.norm(large.encoding - small.encoding) <= 0.15


class WholePhoto(Photo):
    """A photo that is always decoded at its full scale."""

    def pixels(self, scale: float = 1.0) -> np.ndarray:
        return super().pixels(1.0)


def distances(pipeline: FacePipeline, data: bytes) -> list[float]:
    """How far every face's encoding is from the one of the picture decoded whole, with the same detections."""
    faces = pipeline._detect(Photo(data), pipeline._detectors.every)
    found = []
    for photo in (Photo(data), WholePhoto(data)):
        photo.within(1200)  # as the detection leaves it
        found.append(pipeline._encoder.encode(np.stack([cut.chip for cut in pipeline._align_faces(photo, faces)])))
    return np.linalg.norm(found[0] - found[1], axis=1).tolist()


def test_reduced_photos_give_the_encodings_of_whole_ones(pipeline, photos):
    found = [distance for data in photos for distance in distances(pipeline, data)]
    assert len(found) >= 40
    assert max(found) <= REDUCED, f"mean {np.mean(found):.4f}, largest {max(found):.4f} of {len(found)} faces"


def test_a_reduced_photo_is_enough_where_the_face_is_large(pipeline, astronaut, monkeypatch):
    monkeypatch.setattr("preprocessor.face_pipeline.CHIP_SOURCE_FACE_SIDE", 300)
    data = tiled([astronaut], (1, 1))
    photo = Photo(data)
    faces = [face for face in pipeline._detect(photo, pipeline._detectors.every) if face.box.width >= 600]
    reduced = pipeline._align_faces(photo, faces)
    assert photo.pixels(0.1).shape == (1500, 2000, 3)
    whole = pipeline._align_faces(WholePhoto(data), faces)
    assert np.abs(reduced[0].landmarks - whole[0].landmarks).max() <= 4
    chips = np.stack([reduced[0].chip, whole[0].chip])
    assert np.linalg.norm(np.subtract(*pipeline._encoder.encode(chips))) <= REDUCED


def test_people_of_every_size_are_found_in_a_large_photo(pipeline, photos):
    for grid, data in zip(GRIDS, photos, strict=True):
        assert len(encode(pipeline, data).faces) >= 0.9 * grid[0] * grid[1]
