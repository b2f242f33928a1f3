"""Clients that build, grow, forget, delete and recognize, ask until they are answered, and keep what they were told."""

import json
import random
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, Protocol
from urllib.parse import quote

from bench.fault_history import History, Owned, Recognition, Sent, Version, Wrong
from bench.portrait_pictures import Files, Portraits
from bench.running_service import Form, form

#: Seconds between two tries of a request, and between two looks at a build.
_AGAIN_S, _LOOK_S = 0.3, 0.3
#: Seconds that a client waits for what was accepted, or for an answer, before it takes it as lost.
PATIENCE_S = 300.0
#: Pictures of each person: at least, at most.
_EACH = 3, 8
#: Share of the builds that search for a topology, and of those that are dry runs.
_SEARCHES, _DRY_RUNS = 0.1, 0.15
#: A search that takes seconds.
_SEARCH = {"optimize": "1", "generations": "3", "population": "8", "max_layers": "1"}
_DRY_RUN = {"dry_run": "1"}
#: Mean seconds between two dry runs of a client that waits for none.
_HASTE_S = 1.0
#: What an answer is that says nothing about the request: none at all, or that the client is to come back.
_COME_BACK = {0, 503}
#: Seconds between two recognitions of a client.
_PHOTOS_S = 0.2
#: Bytes of an answer that are shown to people.
_SHOWN_BYTES = 300


class GaveUp(Exception):
    """A client waited in vain, or was told what it cannot go on from; that is among the findings."""


class Answer(NamedTuple):
    """A request's status, its content, and whether it had to be sent more than once."""

    status: int
    content: bytes
    again: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.content or b"{}")

    def __str__(self) -> str:
        return f"{self.status or 'nothing'} {self.content[:_SHOWN_BYTES].decode(errors='replace')}".strip()


class Connection(Protocol):
    """Whatever takes requests: a service, or several of them."""

    def send(self, method: str, path: str, form: Form = ..., /) -> tuple[int, bytes]:
        """Status and content; 0 where nobody answers."""


@dataclass(frozen=True)
class Asking:
    """A client's way to the service: whoever gets no answer asks again, with the same key."""

    service: Connection
    history: History
    name: str

    def once(self, method: str, path: str, body: Form = (b"", {}), *, about: str = "") -> Answer:
        """One request; an answer of a 5xx status that is not 503 is found."""
        answer = Answer(*self.service.send(method, path, body))
        if answer.status >= 500 and answer.status != 503:
            self.history.find(Wrong.BROKEN, f"{method} {path} was answered {answer}", about)
        return answer

    def until_answered(self, method: str, path: str, body: Form = (b"", {}), *, about: str = "") -> Answer:
        """A request that is sent until it is answered. Raises ``GaveUp`` where it never is."""
        key = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        until, again = time.monotonic() + PATIENCE_S, False
        while True:
            answer = self.once(method, path, (body[0], body[1] | key), about=about)
            if method != "GET":
                self.history.note(self.name, f"{method} {path}: {answer}", about)
            if answer.status not in _COME_BACK and answer.status < 500:
                return answer._replace(again=again)
            if time.monotonic() > until:
                self.give_up(Wrong.LOST, f"{method} {path} is never answered, at last {answer}", about)
            again = True
            time.sleep(_AGAIN_S)

    def give_up(self, wrong: Wrong, sentence: str, about: str = "") -> NoReturn:
        """Find something that a client cannot go on from. Raises ``GaveUp``."""
        self.history.find(wrong, sentence, about)
        raise GaveUp


class Client:
    """One that builds recognizers, each of which only this client changes, and does this and that with them."""

    def __init__(self, asking: Asking, portraits: Portraits, seed: str, stopping: threading.Event) -> None:
        self._asking = asking
        self._history = asking.history
        self._portraits = portraits
        self._rng = random.Random(seed)
        self._stopping = stopping
        self._labels = 0

    def build_first(self) -> None:
        """Build a recognizer of everybody that stays. Raises ``GaveUp`` where it does not come to be."""
        self._wait(self._build(len(self._portraits.views), {}))

    def run(self) -> None:
        """Go on until told to stop; what was begun is waited for."""
        while not self._stopping.is_set():
            try:
                self._life()
            except GaveUp:
                continue

    def run_hastily(self) -> None:
        """Go on until told to stop with dry runs that are not waited for; some are deleted while they are done."""
        while not self._stopping.wait(self._rng.expovariate(1 / _HASTE_S)):
            try:
                owned = self._build(2, _DRY_RUN)
                if self._rng.random() < 0.5:
                    self._delete(owned)
            except GaveUp:
                continue

    def _life(self) -> None:
        """A recognizer from its build to its end, or until the client loses interest."""
        owned = self._build(self._rng.choice((2, 3, 3)), self._options())
        if self._rng.random() < 0.1:
            self._delete(owned)  # while it is being built
            return
        self._wait(owned)
        while not self._stopping.is_set() and not owned.dry_run and owned.newest.state == "ready":
            chosen = self._rng.random()
            if chosen < 0.4 and len(owned.newest.labels) < len(self._portraits.views):
                self._grow(owned)
            elif chosen < 0.6 and len(owned.newest.labels) > 2:
                self._forget(owned)
            elif chosen < 0.8:
                break
            else:
                continue
            self._wait(owned)
        if self._rng.random() < 0.7:
            self._delete(owned)

    def _options(self) -> dict[str, str]:
        drawn = self._rng.random()
        if drawn < _SEARCHES:
            return _SEARCH
        return _DRY_RUN if drawn < _SEARCHES + _DRY_RUNS else {}

    def _build(self, count: int, options: dict[str, str]) -> Owned:
        people = self._rng.sample(sorted(self._portraits.views), count)
        files, sent = self._upload(people)
        answer = self._asking.until_answered("POST", "/v1/recognizers", form("images", files, **options))
        if answer.status != 202:
            self._asking.give_up(Wrong.LOST, f"a good build was answered {answer}")
        owned = Owned(answer.json["id"], "dry_run" in options)
        owned.versions[1] = Version(1, sent)
        self._history.owned.append(owned)
        self._history.note(self._asking.name, f"built of {[file.name for file in sent]} {options or ''}", owned.id)
        return owned

    def _upload(self, people: Sequence[str]) -> tuple[Files, list[Sent]]:
        """Pictures of some people, each under a label that was never used before."""
        labels = {}
        for person in people:
            self._labels += 1
            labels[f"{person}-{self._asking.name}-{self._labels}"] = person
        return self._portraits.upload(labels, self._rng.randint(*_EACH), self._rng)

    def _grow(self, owned: Owned) -> None:
        base = owned.newest
        missing = [name for name in self._portraits.views if not any(_shows(label, name) for label in base.labels)]
        files, sent = self._upload([self._rng.choice(missing)])
        answer = self._asking.until_answered(
            "POST", f"/v1/recognizers/{owned.id}/people", form("images", files), about=owned.id
        )
        if answer.status != 202:
            self._asking.give_up(Wrong.LOST, f"a good growth was answered {answer}", owned.id)
        self._accepted(owned, answer.json["version"], [*base.sent, *sent])

    def _forget(self, owned: Owned) -> None:
        base, label = owned.newest, self._rng.choice(sorted(owned.newest.labels))
        answer = self._asking.until_answered(
            "DELETE", f"/v1/recognizers/{owned.id}/people/{quote(label)}", about=owned.id
        )
        owned.forgotten[label] = self._history.now()
        # A deletion that was done without an answer is being carried out, or has been, when it is sent again.
        was_done = answer.again and answer.status in (404, 409)
        if answer.status != 202 and not was_done:
            self._asking.give_up(Wrong.BROKEN, f"forgetting was answered {answer}", owned.id)
        erased = {number for number, version in owned.versions.items() if version.has(label)}
        owned.erased |= erased
        number = base.number + 1 if was_done else answer.json["version"]
        self._accepted(owned, number, [file for file in base.sent if file.label != label])
        for number in erased:
            del owned.versions[number]

    def _accepted(self, owned: Owned, number: int, sent: Sequence[Sent]) -> None:
        if number != owned.newest.number + 1:
            self._history.find(Wrong.DUPLICATED, f"version {owned.newest.number} is followed by {number}", owned.id)
        owned.versions[number] = Version(number, sent)

    def _delete(self, owned: Owned) -> None:
        owned.is_going = True
        answer = self._asking.until_answered("DELETE", f"/v1/recognizers/{owned.id}", about=owned.id)
        owned.deleted = self._history.now()
        if answer.status != 204 and not (answer.again and answer.status == 410):
            self._history.find(Wrong.BROKEN, f"a deletion was answered {answer}", owned.id)

    def _wait(self, owned: Owned) -> None:
        """Wait until the newest version is ended; every state that is told on the way is taken in.

        However long that takes under faults, it must come to its end once there are none any more.
        """
        version, until = owned.newest, None
        path = f"/v1/recognizers/{owned.id}?version={version.number}"
        while not version.is_final:
            answer = self._asking.until_answered("GET", path, about=owned.id)
            if answer.status != 200:
                self._asking.give_up(Wrong.LOST, f"version {version.number} is answered {answer}", owned.id)
            for told in answer.json["versions"]:
                if told["version"] in owned.versions:
                    self._history.tell(owned, told["version"], told["state"])
            if self._stopping.is_set():
                until = until or time.monotonic() + PATIENCE_S
            if until is not None and time.monotonic() > until:
                self._asking.give_up(Wrong.LOST, f"version {version.number} does not end: {answer}", owned.id)
            time.sleep(_LOOK_S)
        self._history.note(self._asking.name, f"version {version.number} is {version.state}", owned.id)


def watch(asking: Asking, portraits: Portraits, seed: str, stopping: threading.Event) -> None:
    """Recognize photos with whatever is ready, and write down who was named."""
    rng, history = random.Random(seed), asking.history
    while not stopping.wait(_PHOTOS_S):
        ready = [owned for owned in list(history.owned) if _has_been_ready(owned) and owned.deleted is None]
        if not ready:
            continue
        owned = rng.choice(ready)
        photo = portraits.photo(rng.choice(sorted(portraits.views)), rng)
        asked, path = history.now(), f"/v1/recognizers/{owned.id}/recognize"
        answer = asking.once("POST", path, form("image", [("photo.jpg", photo)]), about=owned.id)
        named = frozenset(_named(answer) if answer.status == 200 else ())
        history.recognitions.append(Recognition(owned, asked, answer.status, named))


def _has_been_ready(owned: Owned) -> bool:
    return owned.erased != set() or any(version.state == "ready" for version in list(owned.versions.values()))


def _named(answer: Answer) -> set[str]:
    faces = [face for image in answer.json["images"] for face in image.get("faces", ())]
    return {face["person"] for face in faces if face["person"] is not None}


def _shows(label: str, person: str) -> bool:
    return label.startswith(f"{person}-")
