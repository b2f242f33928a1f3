"""Somebody is forgotten while others go on recognizing: no request fails, and nobody is told the name again."""

import threading
import time
from typing import NamedTuple

import pytest

from test.service.running import running, wait_for
from test.service.test_end_to_end import enrolment, subject

pytestmark = pytest.mark.thorough

#: Views of each person that are enrolled, and the threads that recognize all the while.
ENROLLED, THREADS = 6, 3


class Answered(NamedTuple):
    """An answer: when it was asked for, when it came, whom it named, and by which version; both empty if refused."""

    asked: float
    came: float
    status: int
    people: tuple[str | None, ...] = ()
    version: int | None = None


def test_no_second_without_a_recognizer_and_none_with_the_person(tmp_path, gallery):
    known = {folder.name: sorted(folder.iterdir()) for folder in sorted(gallery.iterdir())}
    forgotten, *others = known
    photos = [(name, known[name][ENROLLED].read_bytes()) for name in (forgotten, others[0])]
    answers: list[Answered] = []
    enough = threading.Event()

    with running(tmp_path / "data", tmp_path / "log", FACIAL_ENCODE_WORKERS="2") as service:
        recognizer = service.post("/build_recognizer", "images", enrolment(known, each=ENROLLED))[1]["id"]
        assert service.wait_until_built(recognizer)["state"] == "ready"

        def recognize() -> None:
            while not enough.is_set():
                asked = time.monotonic()
                status, answer = service.post(f"/recognize?id={recognizer}", "image", photos)
                said = (tuple(map(subject, answer["images"])), answer["version"]) if status == 200 else ()
                answers.append(Answered(asked, time.monotonic(), status, *said))

        threads = [threading.Thread(target=recognize) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: len(answers) >= 2 * THREADS, "the first answers")
            assert service.delete(f"/v1/recognizers/{recognizer}/people/{forgotten}")[0] == 202
            deleted = time.monotonic()
            during = service.get(f"/is_available?id={recognizer}")[1]
            assert service.wait_until_built(recognizer, version=2)["state"] == "ready"
            ready = time.monotonic()
            so_far = len(answers)
            wait_for(lambda: len(answers) >= so_far + 2 * THREADS, "answers of the new version")
        finally:
            enough.set()
            for thread in threads:
                thread.join()

    assert during["available"] == 0 and forgotten not in during["message"]
    assert {answer.status for answer in answers} == {200}
    assert {answer.people[1] for answer in answers} == {others[0]}
    before = [answer for answer in answers if answer.came < deleted and answer.version == 1]
    assert before and {answer.people[0] for answer in before} == {forgotten}
    after = [answer for answer in answers if answer.asked > deleted]
    assert {(answer.people[0], answer.version) for answer in after} == {(None, 2)}
    assert [answer for answer in after if answer.came < ready], "the version was ready too soon to show anything"
