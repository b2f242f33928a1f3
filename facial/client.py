"""A client of the service: send people's pictures, wait for their recognizer, name the people in photos.

    recognizer = Facial("http://127.0.0.1:8080").build("people/").wait()
    print(recognizer.recognize("photo.jpg").people)

Needs httpx alone. ``AsyncFacial`` does the same with ``await``: what is asked and how answers are read is written once,
as generators that say what to send and are told what came.
"""

import asyncio
import contextlib
import json
import struct
import sys
import tempfile
import time
import uuid
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeVar

import httpx

#: A photo: a path, a file's bytes, an array (height, width, 3) uint8 in RGB, or a picture of Pillow's.
Photo = Any
#: What people are built from: a folder with a folder for each person, an archive, single files, or photos by name.
Source = str | Path | Sequence[str | Path] | Mapping[str, Iterable[Photo]]

#: Seconds that an answer may take: a large upload is unpacked before it is answered.
TIMEOUT_S = 300.0
#: Seconds between two looks at a build; tries of a request that nobody answered, and seconds before each further one.
_LOOK_S, _TRIES, _PAUSE_S = 0.5, 3, 1.0

#: uWSGI ends every connection after its answer, and does not say so beforehand: none is kept to be used again.
_LIMITS = httpx.Limits(max_keepalive_connections=0)


class ServiceError(Exception):
    """What the service refuses, or fails at: ``str`` is its sentence, ``code`` its name, ``status`` that of HTTP."""

    def __init__(self, message: str, code: str = "error", status: int = 0) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class BuildFailed(ServiceError):
    """A build that came to its end without a recognizer."""


@dataclass(frozen=True)
class Box:
    """Where a face is, in pixels of the photo as a person sees it."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int
    probability: float


@dataclass(frozen=True)
class Candidate:
    """Somebody whom a face might show, and how sure that is, 0 to 1."""

    person: str
    confidence: float


@dataclass(frozen=True)
class Face:
    """A face in a photo; ``person`` is None for a stranger, or one that cannot be judged: ``reason`` says why."""

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    person: str | None
    confidence: float | None
    candidates: tuple[Candidate, ...]
    reason: str | None = None
    message: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Face":
        return cls(
            Box(**answer["box"]),
            tuple((x, y) for x, y in answer["landmarks"]),
            answer["person"],
            answer["confidence"],
            tuple(Candidate(**candidate) for candidate in answer["candidates"]),
            answer["reason"],
            answer["message"],
        )


@dataclass(frozen=True)
class Recognized:
    """A photo and its faces; ``reason`` and ``message`` say why a photo cannot be used, and are None else.

    ``first_of_several`` is whether its file has other pictures, such as an animation's frames, that were not looked at.
    """

    file: str
    width: int | None
    height: int | None
    faces: tuple[Face, ...]
    reason: str | None = None
    message: str | None = None
    first_of_several: bool = False

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Recognized":
        sides = answer.get("width"), answer.get("height")
        faces = tuple(Face.of(face) for face in answer["faces"])
        why = answer.get("reason"), answer.get("message")
        return cls(answer["file"], *sides, faces, *why, answer.get("first_of_several", False))

    @property
    def people(self) -> list[str]:
        """Names of those who are known, the surest face first."""
        known = sorted((face for face in self.faces if face.person), key=lambda face: -(face.confidence or 0))
        return list(dict.fromkeys(face.person for face in known if face.person))


@dataclass(frozen=True)
class Verified:
    """Whether two photos show one person, and the probability that they do."""

    same_person: bool
    confidence: float


@dataclass(frozen=True)
class Person:
    """Somebody whom a recognizer knows, and how many faces it learnt from."""

    label: str
    faces: int


@dataclass(frozen=True)
class Status:
    """Where a version of a recognizer stands: ``state`` is queued, encoding, training, ready or failed."""

    id: str
    name: str
    version: int
    state: str
    message: str
    done: int
    total: int
    unit: str
    people: tuple[Person, ...]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Status":
        progress = answer["progress"]
        counted = progress["done"], progress["total"], progress["unit"]
        people = tuple(Person(**person) for person in answer["people"])
        named = answer["id"], answer["name"], answer["version"], answer["state"], answer["message"]
        return cls(*named, *counted, people)

    @property
    def has_ended(self) -> bool:
        return self.state not in ("queued", "encoding", "training")


#: A file of a form: the name of its part, its own name, and its content.
_Part = tuple[str, tuple[str, IO[bytes] | bytes]]


@dataclass(frozen=True)
class _Send:
    """A request; the answer's content is written to ``into``, where that is given."""

    method: str
    path: str
    params: Mapping[str, Any] | None = None
    json: Any = None
    files: Sequence[_Part] | None = None
    data: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    into: IO[bytes] | None = None


@dataclass(frozen=True)
class _Sleep:
    seconds: float


#: What a generator below asks to be done, and what it comes to.
_Step = _Send | _Sleep
_Result = TypeVar("_Result")
_Steps = Generator[_Step, Any, _Result]


def _ask(step: _Send) -> _Steps[Any]:
    """The JSON of an answer. Raises ``ServiceError`` for a refusal."""
    answer: httpx.Response = yield step
    if answer.is_success:
        return answer.json() if "json" in answer.headers.get("content-type", "") else None
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    said = problem.get("error", problem)
    message = said.get("detail") or said.get("message") or f"The service answered {answer.status_code}."
    raise ServiceError(message, said.get("code", "error"), answer.status_code)


def _ask_until_answered(step: _Send) -> _Steps[Any]:
    """The answer to what is made once however often it is sent: after a broken connection, it is sent again."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return (yield from _ask(step))
        except httpx.TransportError:
            if not tries_left:
                raise
        except ServiceError as error:
            if not tries_left or error.status not in (429, 503):
                raise
        yield _Sleep(_PAUSE_S)
        for _, (_, content) in step.files or ():
            if not isinstance(content, bytes):
                content.seek(0)
    raise AssertionError("the last try returns or raises")


def _make(path: str, source: Source, options: Mapping[str, Any]) -> _Steps[Status]:
    """Send pictures, with a key by which they are known if they have to be sent again."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    with contextlib.ExitStack() as opened:
        files = _parts(source, opened)
        fields = {name: _field(value) for name, value in options.items()}
        step = _Send("POST", path, files=files, data=fields, headers=headers)
        return Status.of((yield from _ask_until_answered(step)))


def _wait(recognizer: str, version: int, progress: bool, timeout: float | None) -> _Steps[Status]:
    until = None if timeout is None else time.monotonic() + timeout
    shown = _Shown(progress)
    while True:
        status = yield from _status(recognizer, version)
        shown(status)
        if status.state == "failed":
            raise BuildFailed(status.message, "build_failed")
        if status.has_ended:
            return status
        if until is not None and time.monotonic() > until:
            raise TimeoutError(f"Not ready after {timeout} s: {status.message}.")
        yield _Sleep(_LOOK_S)


def _status(recognizer: str, version: int | None = None) -> _Steps[Status]:
    params = None if version is None else {"version": version}
    return Status.of((yield from _ask(_Send("GET", f"/v1/recognizers/{recognizer}", params))))


def _recognize(recognizer: str, photos: Sequence[Photo], version: int | None) -> _Steps[list[Recognized]]:
    files = [("image", _photo(photo)) for photo in photos]
    params = None if version is None else {"version": version}
    path = f"/v1/recognizers/{recognizer}/recognize"
    answer = yield from _ask(_Send("POST", path, params, files=files))
    return [Recognized.of(image) for image in answer["images"]]


def _recognize_one(recognizer: str, photo: Photo, version: int | None) -> _Steps[Recognized]:
    return (yield from _recognize(recognizer, [photo], version))[0]


def _relabel(recognizer: str, person: str, label: str) -> _Steps[Status]:
    path, params = f"/v1/recognizers/{recognizer}/people", {"label": person}
    return Status.of((yield from _ask(_Send("PATCH", path, params, json={"label": label}))))


def _forget(recognizer: str, person: str) -> _Steps[Status]:
    answer = yield from _ask(_Send("DELETE", f"/v1/recognizers/{recognizer}/people", {"label": person}))
    return (yield from _status(recognizer, answer["version"]))


def _download(recognizer: str, version: int | None, path: str | Path, form: str) -> _Steps[Path]:
    params = {"format": form} | ({} if version is None else {"version": version})
    target = Path(path)
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            yield from _ask(_Send("GET", f"/v1/recognizers/{recognizer}/model", params, into=file))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _verify(first: Photo, second: Photo) -> _Steps[Verified]:
    files = [("image", _photo(photo)) for photo in (first, second)]
    answer = yield from _ask(_Send("POST", "/v1/verify", files=files))
    return Verified(answer["same_person"], answer["confidence"])


def _encode(photo: Photo) -> _Steps[list[list[float]]]:
    answer = yield from _ask(_Send("POST", "/v1/encode", files=[("image", _photo(photo))]))
    return [face["encoding"] for face in answer["images"][0]["faces"]]


def _delete(recognizer: str) -> _Steps[None]:
    yield from _ask(_Send("DELETE", f"/v1/recognizers/{recognizer}"))


def _listing() -> _Steps[list[Status]]:
    answer = yield from _ask(_Send("GET", "/v1/recognizers"))
    return [Status.of(one) for one in answer["recognizers"]]


def _is_alive() -> _Steps[bool]:
    try:
        return bool((yield from _ask(_Send("GET", "/is_alive"))) == {"status": 0})
    except (httpx.TransportError, ServiceError):
        return False


class Facial:
    """A service at an address, with a ``key`` where it asks for one. A context manager that closes its connections."""

    def __init__(self, url: str = "http://127.0.0.1:8080", key: str | None = None, timeout: float = TIMEOUT_S) -> None:
        self._client = httpx.Client(base_url=url, headers=_authorized(key), timeout=timeout, limits=_LIMITS)

    def __enter__(self) -> "Facial":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def is_alive(self) -> bool:
        """Whether the service answers."""
        return self._run(_is_alive())

    def build(self, source: Source, **options: Any) -> "RemoteRecognizer":
        """Send people's pictures; ``options`` are those of a build, such as ``name`` or ``target_fpir``.

        The answer is a recognizer that is being made: ``wait`` for it. Raises ``ServiceError`` for what is refused,
        and ``httpx.TransportError`` where nobody answers.
        """
        return RemoteRecognizer(self, self._run(_make("/v1/recognizers", source, options)))

    def recognizer(self, recognizer: str) -> "RemoteRecognizer":
        """One that was built before, by its id."""
        return RemoteRecognizer(self, self._run(_status(recognizer)))

    def verify(self, first: Photo, second: Photo) -> Verified:
        """Whether the largest faces of two photos are of one person."""
        return self._run(_verify(first, second))

    def encode(self, photo: Photo) -> list[list[float]]:
        """The 128 numbers of each face in a photo."""
        return self._run(_encode(photo))

    def recognizers(self) -> list["RemoteRecognizer"]:
        """Every one, the newest first."""
        return [RemoteRecognizer(self, status) for status in self._run(_listing())]

    def _run(self, steps: _Steps[_Result]) -> _Result:
        outcome: Any = None
        failed: Exception | None = None
        while True:
            try:
                step = steps.throw(failed) if failed else steps.send(outcome)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            outcome, failed = None, None
            try:
                outcome = self._do(step)
            except httpx.TransportError as error:
                failed = error

    def _do(self, step: _Step) -> httpx.Response | None:
        if isinstance(step, _Sleep):
            time.sleep(step.seconds)
            return None
        assert isinstance(step, _Send)
        with self._client.stream(**_request(step)) as answer:
            if step.into is None or not answer.is_success:
                answer.read()
            else:
                for piece in answer.iter_bytes():
                    step.into.write(piece)
            return answer


class AsyncFacial:
    """``Facial`` with ``await``; also an asynchronous context manager."""

    def __init__(self, url: str = "http://127.0.0.1:8080", key: str | None = None, timeout: float = TIMEOUT_S) -> None:
        self._client = httpx.AsyncClient(base_url=url, headers=_authorized(key), timeout=timeout, limits=_LIMITS)

    async def __aenter__(self) -> "AsyncFacial":
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def is_alive(self) -> bool:
        """Whether the service answers."""
        return await self._run(_is_alive())

    async def build(self, source: Source, **options: Any) -> "AsyncRemoteRecognizer":
        """As ``Facial.build``."""
        return AsyncRemoteRecognizer(self, await self._run(_make("/v1/recognizers", source, options)))

    async def recognizer(self, recognizer: str) -> "AsyncRemoteRecognizer":
        """One that was built before, by its id."""
        return AsyncRemoteRecognizer(self, await self._run(_status(recognizer)))

    async def verify(self, first: Photo, second: Photo) -> Verified:
        """Whether the largest faces of two photos are of one person."""
        return await self._run(_verify(first, second))

    async def encode(self, photo: Photo) -> list[list[float]]:
        """The 128 numbers of each face in a photo."""
        return await self._run(_encode(photo))

    async def recognizers(self) -> list["AsyncRemoteRecognizer"]:
        """Every one, the newest first."""
        return [AsyncRemoteRecognizer(self, status) for status in await self._run(_listing())]

    async def _run(self, steps: _Steps[_Result]) -> _Result:
        outcome: Any = None
        failed: Exception | None = None
        while True:
            try:
                step = steps.throw(failed) if failed else steps.send(outcome)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            outcome, failed = None, None
            try:
                outcome = await self._do(step)
            except httpx.TransportError as error:
                failed = error

    async def _do(self, step: _Step) -> httpx.Response | None:
        if isinstance(step, _Sleep):
            await asyncio.sleep(step.seconds)
            return None
        assert isinstance(step, _Send)
        async with self._client.stream(**_request(step)) as answer:
            if step.into is None or not answer.is_success:
                await answer.aread()
            else:
                async for piece in answer.aiter_bytes():
                    step.into.write(piece)
            return answer


@dataclass
class _Remote:
    """A recognizer that the service keeps: where it stood when it was last asked."""

    status: Status

    @property
    def id(self) -> str:
        return self.status.id

    @property
    def version(self) -> int:
        return self.status.version

    @property
    def people(self) -> dict[str, int]:
        """Whom it knows, and from how many faces; nobody before it is ready."""
        return {person.label: person.faces for person in self.status.people}


class RemoteRecognizer(_Remote):
    """A recognizer that the service keeps. What changes it makes a new version, which ``wait`` waits for."""

    def __init__(self, service: Facial, status: Status) -> None:
        super().__init__(status)
        self._service = service

    def wait(self, progress: bool = False, timeout: float | None = None) -> "RemoteRecognizer":
        """Return once it is ready; ``progress`` tells of it on standard error.

        Raises ``BuildFailed`` where nothing comes of it, and ``TimeoutError`` after so many seconds.
        """
        self.status = self._service._run(_wait(self.id, self.version, progress, timeout))
        return self

    def recognize(self, photo: Photo, version: int | None = None) -> Recognized:
        """The faces in a photo, with names. Raises ``ServiceError`` where it is none."""
        return self._service._run(_recognize_one(self.id, photo, version))

    def recognize_all(self, photos: Sequence[Photo], version: int | None = None) -> list[Recognized]:
        """The faces in up to 32 photos; one that cannot be used says why, unless all are such."""
        return self._service._run(_recognize(self.id, photos, version))

    def add(self, source: Source, **options: Any) -> "RemoteRecognizer":
        """Send pictures of new people, or more of known ones."""
        self.status = self._service._run(_make(f"/v1/recognizers/{self.id}/people", source, options))
        return self

    def rename(self, person: str, label: str) -> "RemoteRecognizer":
        """Give a person another label; somebody else's joins the two."""
        self.status = self._service._run(_relabel(self.id, person, label))
        return self

    def forget(self, person: str) -> "RemoteRecognizer":
        """Erase a person, and every version built with the person."""
        self.status = self._service._run(_forget(self.id, person))
        return self

    def download(self, path: str | Path, format: str = "bundle", version: int | None = None) -> Path:
        """Write it to a file: ``bundle``, ``onnx``, ``head``, ``keras`` or ``tflite``."""
        return self._service._run(_download(self.id, version, path, format))

    def delete(self) -> None:
        """Erase it, with everything that is kept of it."""
        self._service._run(_delete(self.id))


class AsyncRemoteRecognizer(_Remote):
    """``RemoteRecognizer`` with ``await``."""

    def __init__(self, service: AsyncFacial, status: Status) -> None:
        super().__init__(status)
        self._service = service

    async def wait(self, progress: bool = False, timeout: float | None = None) -> "AsyncRemoteRecognizer":
        """Return once it is ready, as ``RemoteRecognizer.wait``."""
        self.status = await self._service._run(_wait(self.id, self.version, progress, timeout))
        return self

    async def recognize(self, photo: Photo, version: int | None = None) -> Recognized:
        """The faces in a photo, with names. Raises ``ServiceError`` where it is none."""
        return await self._service._run(_recognize_one(self.id, photo, version))

    async def recognize_all(self, photos: Sequence[Photo], version: int | None = None) -> list[Recognized]:
        """The faces in up to 32 photos; one that cannot be used says why, unless all are such."""
        return await self._service._run(_recognize(self.id, photos, version))

    async def add(self, source: Source, **options: Any) -> "AsyncRemoteRecognizer":
        """Send pictures of new people, or more of known ones."""
        self.status = await self._service._run(_make(f"/v1/recognizers/{self.id}/people", source, options))
        return self

    async def rename(self, person: str, label: str) -> "AsyncRemoteRecognizer":
        """Give a person another label; somebody else's joins the two."""
        self.status = await self._service._run(_relabel(self.id, person, label))
        return self

    async def forget(self, person: str) -> "AsyncRemoteRecognizer":
        """Erase a person, and every version built with the person."""
        self.status = await self._service._run(_forget(self.id, person))
        return self

    async def download(self, path: str | Path, format: str = "bundle", version: int | None = None) -> Path:
        """Write it to a file: ``bundle``, ``onnx``, ``head``, ``keras`` or ``tflite``."""
        return await self._service._run(_download(self.id, version, path, format))

    async def delete(self) -> None:
        """Erase it, with everything that is kept of it."""
        await self._service._run(_delete(self.id))


class _Shown:
    """Tells on standard error how far a build is: in one line of a terminal, elsewhere a line for each message."""

    def __init__(self, wanted: bool) -> None:
        self._wanted, self._before = wanted, ""

    def __call__(self, status: Status) -> None:
        if not self._wanted or status.message == self._before:
            return
        self._before = status.message
        on_terminal = sys.stderr.isatty()
        end = "\n" if status.has_ended or not on_terminal else ""
        print(("\r\x1b[K" if on_terminal else "") + status.message, end=end, file=sys.stderr, flush=True)


def _request(step: _Send) -> dict[str, Any]:
    """The arguments of httpx' request."""
    named = {"params": step.params, "json": step.json, "files": step.files, "data": step.data, "headers": step.headers}
    return {"method": step.method, "url": step.path} | {name: value for name, value in named.items() if value}


def _authorized(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _field(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _parts(source: Source, opened: contextlib.ExitStack) -> list[_Part]:
    """The files of a form: a folder, and what is given by names, goes as one archive, however many files it is."""
    if isinstance(source, Mapping):
        return _named_people(source, opened)
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(path) for path in source]
    if len(paths) == 1 and paths[0].is_dir():
        inside = sorted(path for path in paths[0].rglob("*") if path.is_file() and not path.name.startswith("."))
        if not inside:
            raise ValueError(f"There is no file in {paths[0]}.")
        with _archive(opened) as (archive, part):
            for path in inside:
                archive.write(path, path.relative_to(paths[0]).as_posix())
        return [part]
    return [("images", (path.name, opened.enter_context(path.open("rb")))) for path in paths]


def _named_people(people: Mapping[str, Iterable[Photo]], opened: contextlib.ExitStack) -> list[_Part]:
    """Photos of people by their names, which a manifest says: a name may be anything, and a folder's may not."""
    rows: list[dict[str, str]] = []
    with _archive(opened) as (archive, part):
        for number, (person, photos) in enumerate(people.items()):
            for photo in photos:
                name, content = _photo(photo)
                rows.append({"file": f"{number}/{len(rows)}-{Path(name).name}", "person": person})
                archive.writestr(rows[-1]["file"], content)
    return [part, ("manifest", ("manifest.json", json.dumps(rows).encode()))]


@contextlib.contextmanager
def _archive(opened: contextlib.ExitStack) -> Iterator[tuple[zipfile.ZipFile, _Part]]:
    """An archive to be filled, and the part that it then is; pictures are compressed already."""
    file = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    # Times before 1980, which some cameras write, do not fit into an archive.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        yield archive, ("images", ("people.zip", file))
    file.seek(0)


def _photo(photo: Photo) -> tuple[str, bytes]:
    """A name and the bytes of a file."""
    if isinstance(photo, str | Path):
        return Path(photo).name, Path(photo).read_bytes()
    if isinstance(photo, bytes | bytearray | memoryview):
        return "photo", bytes(photo)
    if hasattr(photo, "save"):
        buffer = BytesIO()
        photo.save(buffer, "PNG")
        return "photo.png", buffer.getvalue()
    return "photo.png", _png(photo)


def _png(pixels: Any) -> bytes:
    """An array (height, width, 3) of uint8 as a PNG file (ISO/IEC 15948), its rows unfiltered.

    Raises ``TypeError`` for any other array, and for what is none.
    """
    view = memoryview(pixels)
    if view.ndim != 3 or view.shape is None or view.shape[2] != 3 or view.format != "B":
        raise TypeError("A photo is a path, the bytes of a file, a picture of Pillow's, or uint8 (height, width, 3).")
    height, width, _ = view.shape
    data, row = view.tobytes(), 3 * width
    rows = b"".join(b"\0" + data[start : start + row] for start in range(0, height * row, row))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
