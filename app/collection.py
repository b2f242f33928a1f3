"""What programs that were made for other services ask, in this service's own terms.

They keep people's faces in a collection, and mean but one: the caller's newest recognizer that has the name of the
setting, which the first face makes.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from flask import g

from app import actions, audit
from app.callers import caller
from app.connection import client_is_there
from app.rate_limits import allowance
from app.service import broker, workplace
from constants.exceptions import ImageRejected, InvalidRequest, NotFound
from constants.reasons import Reason
from features.angle_evidence import evidence_of_pair
from features.labelled_face import labelled_face
from features.store import FaceFeatures, ImageFeatures
from jobs.intake.labels import clean_label, clean_name
from jobs.table import builds, nodes
from jobs.table.admission import Admission
from jobs.table.build_options import BuildOptions
from jobs.versions import collection, erasing
from jobs.versions.collection import Enrolment, Example, SentFace
from modelization.decision.decision_rule import logistic
from preprocessor.version import pipeline_version

#: Which face of a picture stands for the person that it was sent for.
Choose = Callable[[ImageFeatures], FaceFeatures]

#: Why a picture is not learnt from that shows more people than the one it was sent for.
SEVERAL_FACES = "SEVERAL_FACES"


def recognized(photo: bytes) -> list[dict[str, Any]]:
    """The faces of a photo, as ``FaceAnswer`` has them; nobody is named while nobody is known.

    Raises ``ImageRejected`` for one that cannot be used.
    """
    recognizer_id = _find()
    if recognizer_id is None:
        return [face | {"person": None, "confidence": None, "candidates": []} for face in detected(photo)]
    serve = partial(builds.serving, workplace().database, recognizer_id)
    serving, answer = actions.recognized(serve, [photo])
    faces = _faces(answer.images)
    named = sum(face["person"] is not None for face in faces)
    audit.note(serving.id, version=serving.version, photos=1, faces=len(faces), named=named)
    return faces


def detected(photo: bytes) -> list[dict[str, Any]]:
    """The faces of a photo, as ``FoundFace`` has them. Raises ``ImageRejected`` for one that cannot be used."""
    return _faces(broker().encode([photo], g.request_id, client_is_there))


def compared(photos: Sequence[bytes]) -> dict[str, Any]:
    """Whether two photos show one person, as ``Verification`` has it; raises likewise, and for one without a face."""
    found: dict[str, Any] = broker().verify(photos, g.request_id, client_is_there)
    return found


def resembling(photo: bytes, example_id: str) -> tuple[Example, list[dict[str, Any]]]:
    """A face that somebody is known by, and those of a photo, as ``FoundFace`` has them, with a ``confidence``.

    It is the probability that the two are of one person, as ``compared`` has it. Raises ``NotFound`` for a face that is
    not there, and ``ImageRejected`` for a photo that cannot be used.
    """
    example, encoding = collection.encoding(workplace().database, _require(), example_id)
    return example, [face | {"confidence": _sameness(face["encoding"], encoding)} for face in detected(photo)]


def _sameness(encoding: Sequence[float], other: npt.NDArray[np.float32]) -> float:
    return round(float(logistic(evidence_of_pair(encoding, other))), 4)


def _faces(images: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The faces of the only photo that was looked at."""
    (image,) = images
    if "reason" in image:
        raise ImageRejected(image["reason"], image["message"])
    return list(image["faces"])


def add(person: str, pictures: Sequence[tuple[str, bytes]], choose: Choose) -> Sequence[Example]:
    """Let a face of each picture, given by name and bytes, stand for a person from now on.

    Raises ``ImageRejected`` for a picture that cannot be used, or in which none can be chosen; then none is added.
    """
    here, label = workplace(), clean_label(person)
    if label is None:
        raise InvalidRequest("Say whom the picture shows.")
    recognizer_id = _find()
    pipeline = recognizer_id and collection.pipeline_of(here.database, recognizer_id)
    pipeline = pipeline or pipeline_version(here.settings)
    found = broker().features([content for _, content in pictures], pipeline, g.request_id, client_is_there)
    faces = [
        SentFace(clean_name(name), hashlib.sha256(content).hexdigest(), image, choose(image).index)
        for (name, content), image in zip(pictures, found, strict=True)
    ]
    options = BuildOptions(name=here.settings.collection, ttl_s=here.settings.ttl_s or None)
    admission = Admission(here.settings.max_queued_builds, None, allowance(here.settings), here.home)
    added = collection.add(here.database, options, Enrolment(label, faces, pipeline), admission)
    _changed(added.recognizer_id, version=added.version, files=len(pictures))
    return added.examples


def prominent(image: ImageFeatures) -> FaceFeatures:
    """The face that a picture is about. Raises ``ImageRejected`` where there is none."""
    if not image.faces:
        raise ImageRejected(Reason.NO_FACE, Reason.NO_FACE.message)
    return image.faces[labelled_face(image)]


def only(image: ImageFeatures) -> FaceFeatures:
    """The face of a picture. Raises ``ImageRejected`` where there is none, or another one."""
    if len(image.faces) > 1:
        raise ImageRejected(SEVERAL_FACES, "There is more than one face; send a picture of the person alone.")
    return prominent(image)


def examples() -> Sequence[Example]:
    """The faces that people are known by; none where there is no collection yet."""
    recognizer_id = _find()
    if recognizer_id is None:
        return ()
    audit.note(recognizer_id)
    return collection.examples(workplace().database, recognizer_id)


def picture(example_id: str) -> BinaryIO:
    """What is kept of a face's picture, opened. Raises ``NotFound`` where nothing is."""
    here, recognizer_id = workplace(), _require()
    audit.note(recognizer_id)
    return collection.picture(here.database, here.storage, recognizer_id, example_id)


def people() -> list[str]:
    """Whoever is known, by label."""
    return sorted({example.person for example in examples()})


def rename(person: str, new: str) -> None:
    """Call a person something else. Raises ``NotFound`` for nobody."""
    label = clean_label(new)
    if label is None:
        raise InvalidRequest("The new name is empty.")
    recognizer_id = _require()
    _changed(recognizer_id, version=collection.rename(workplace().database, recognizer_id, person, label))


def forget(person: str) -> None:
    """Forget a person. Raises ``NotFound`` for nobody."""
    here, recognizer_id = workplace(), _require()
    collection.remove_person(here.database, here.storage, recognizer_id, person)
    _changed(recognizer_id)


def forget_face(example_id: str) -> Example:
    """Forget one face, which has that id. Raises ``NotFound`` for none."""
    here, recognizer_id = workplace(), _require()
    example = collection.remove_face(here.database, here.storage, recognizer_id, example_id)
    _changed(recognizer_id, faces=1)
    return example


def forget_everybody() -> Sequence[Example]:
    """Forget everybody, with the collection; gives what there was."""
    gone = examples()
    if gone:
        here, recognizer_id = workplace(), _require()
        erasing.erase(here.database, here.storage, recognizer_id)
        _changed(recognizer_id, faces=len(gone))
    return gone


def _find() -> str | None:
    here = workplace()
    recognizer_id = collection.find(here.database, caller().tenant, here.settings.collection)
    if recognizer_id is not None:
        nodes.require_within_reach(here.database, recognizer_id, here.home)
    return recognizer_id


def _require() -> str:
    recognizer_id = _find()
    if recognizer_id is None:
        raise NotFound("Nobody is known yet; add a face first.")
    return recognizer_id


def _changed(recognizer_id: str, **numbers: int) -> None:
    broker().wake()
    audit.note(recognizer_id, **numbers)
