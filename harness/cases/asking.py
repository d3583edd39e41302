"""Requests of a case over HTTP, written anew as the interface wants them, each after its answer.

A request carries what may not come twice: its id, its time, its signature, the numbers that the
centre gave in an answer before. The id and the signature are made by whoever knows the interface
(``Signer``); the numbers of the centre are learned from each answer, at the member where the
recorded answer has them.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol

from harness.cases.kept import Line
from harness.cases.places_xml import is_xml
from harness.cases.slots import SHORT_MAX, Slots
from harness.cases.soap import XML
from harness.clock import CHINA, Clock
from harness.errors import InputError, PeerError, PermitError
from harness.evidence import correlate_http
from harness.evidence.correlate import Summary
from harness.i18n import tr
from harness.link import actor as act
from harness.link.actor import Actor
from harness.link.host import Storage
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import decode

GROUP: Final = "medharness.simulators"
ENTRY: Final = "replay-centre"

FIRST: Final = "hunan"
"""Of the centre of ours, where no province is named: the one whose specification is whole."""

NEAR_DAYS: Final = 31
"""A day this near to the recorded one belongs to the matter, and moves with it."""

BIRTH: Final = b"brdy"
"""The one member whose day never moves."""

GIVEN: Final = re.compile(r"(?:_id|_no|_sn|bchno|token)\Z")
"""Names of members whose values the centre gives, and later requests quote."""

_DAY: Final = re.compile(rb'"(\w+)\\*"\s*:\s*\\*"(\d{4}-\d\d-\d\d)(?=[" \\T])')
_NUMBER: Final = re.compile(r"\{infno\}")


class Signer(Protocol):
    """Writes requests as one interface wants them."""

    def token(self) -> HttpRequest | None:
        """What must be asked first; None where nothing must, or the answer is there."""
        ...

    def granted(self, answer: HttpResponse) -> bool:
        """Take the answer to that; whether it lets us in."""
        ...

    def ident(self, at: datetime) -> str:
        """A new id of a message; empty where the recorded one is minted in its own shape."""
        ...

    def request(self, payload: bytes, at: datetime) -> HttpRequest:
        """The request of a recorded body, with its time and signature.

        Raises:
            InputError: the body cannot be signed anew, such as where it is enciphered.
        """
        ...

    def clear(self, answer: HttpResponse) -> bytes:
        """The body of an answer, readable where the interface enciphers it."""
        ...


class Books(Storage, Protocol):
    """A store that can be closed."""

    def close(self) -> None:
        """Give it back."""
        ...


class Simulated(Protocol):
    """A centre of ours."""

    @property
    def actor(self) -> Actor:
        """The centre."""
        ...

    @property
    def store(self) -> Books:
        """What it keeps."""
        ...

    def stock(self, answers: Sequence[bytes]) -> None:
        """Take in the persons of the case, as its answers tell of them."""
        ...


class Replaying(Protocol):
    """What the entry point offers: someone who signs, and a centre of ours to ask."""

    def signer(self, province: str, salt: str) -> Signer:
        """Of a province; ids of messages hang on the salt of the replay."""
        ...

    def centre(self, province: str, folder: Path, clock: Clock) -> Simulated:
        """A fresh centre; empty for the province that ships first."""
        ...


@cache
def replaying() -> Replaying:
    """What is installed.

    Raises:
        InputError: nothing is.
    """
    for entry in entry_points(group=GROUP, name=ENTRY):
        made: Replaying = entry.load()()
        return made
    raise InputError(tr("nothing that calls a centre is installed"),
                     remedy=tr("install medharness again"))  # fmt: skip


@dataclass(slots=True)
class Bare:
    """Posts bodies as they are: to a bridge, which signs by itself.

    Args:
        path: where to; ``{infno}`` stands for the number of the transaction.
    """

    path: str

    def token(self) -> HttpRequest | None:
        """Nothing is asked first."""
        return None

    def granted(self, _answer: HttpResponse) -> bool:
        """Nobody asks."""
        return True

    def ident(self, _at: datetime) -> str:
        """In the shape of the recorded one."""
        return ""

    def request(self, payload: bytes, _at: datetime) -> HttpRequest:
        """The body at the path."""
        number = correlate_http.member(payload, "infno")
        kinds = XML if is_xml(payload) else (("Content-Type", "application/json;charset=UTF-8"),)
        return HttpRequest(
            method="POST", target=_NUMBER.sub(number, self.path),
            headers=(("Host", "centre"), *kinds), payload=payload,
        )  # fmt: skip

    def clear(self, answer: HttpResponse) -> bytes:
        """As it came; a bridge wraps it as a text."""
        return answer.payload


def signer_of(province: str, path: str, salt: str) -> Signer | None:
    """Who writes the requests of a replay; None where nobody was named.

    Raises:
        InputError: no such province, or both were named.
    """
    if province and path:
        raise InputError(tr("a province has a path of its own"), remedy=tr("leave out --path"))
    if province:
        return replaying().signer(province, salt)
    return Bare(path) if path else None


@dataclass(slots=True)
class Asking:
    """Sends the requests of a replay and reads their answers.

    Args:
        signer: writes them.
        slots: of this replay.
        started: civil time and reading of the clock at its beginning.
        check: refuses a body that names somebody who is not of the case.
        answers: recorded answers of the system under test.
    """

    signer: Signer
    slots: Slots
    started: tuple[datetime, float]
    check: Callable[[bytes], None]
    answers: Sequence[Line]
    trouble: InputError | PermitError | None = None
    _asked: dict[str, Line] = field(default_factory=dict)
    _first: set[str] = field(default_factory=set)
    _renewed: set[str] = field(default_factory=set)
    _used: set[int] = field(default_factory=set)

    def busy(self, conn: str) -> bool:
        """Whether a connection waits for an answer."""
        return conn in self._asked

    def ask(self, conn: str, line: Line, now: float) -> act.Command:
        """Send a recorded request; before it, what lets us in.

        What may not or cannot be sent ends the replay: ``raise_trouble`` says why.
        """
        try:
            return self._written(conn, line, now)
        except (InputError, PermitError) as error:
            self.trouble = error
            self._asked.pop(conn, None)
            return act.Close(conn=conn)

    def raise_trouble(self) -> None:
        """Raise what stood against a request, in the thread of the caller.

        Raises:
            PermitError: it names somebody who is not of the case.
            InputError: it cannot be signed anew.
        """
        if self.trouble is not None:
            raise self.trouble

    def _written(self, conn: str, line: Line, now: float) -> act.Command:
        self._asked[conn] = line
        token = self.signer.token()
        if token is not None:
            self._first.add(conn)
            return act.Send(conn=conn, event=token)
        wall, begun = self.started
        at = wall + timedelta(seconds=now - begun)
        if line.ident and line.ident not in self._renewed:
            self._renewed.add(line.ident)
            self.slots.renew(f"control:{line.number}", line.ident, self.signer.ident(at))
        payload = self.slots.filled(line.payload)
        self.check(payload)
        return act.Send(conn=conn, event=self.signer.request(moved(payload, line.at_s, at), at))

    def let_in(self, conn: str, answer: HttpResponse) -> Line | None:
        """The line that waited for this answer; None where it is the answer to a line itself.

        Raises:
            PeerError: the system does not let us in.
        """
        if conn not in self._first:
            return None
        self._first.discard(conn)
        if not self.signer.granted(answer):
            raise PeerError(f"HTTP {answer.status}: no token")
        return self._asked.pop(conn)

    def answered(self, conn: str, came: HttpResponse) -> tuple[Summary, Line | None, bytes]:
        """What an answer is about, the recorded answer that it stands for, and its clear body."""
        asked = self._asked.pop(conn)
        answer = dataclasses.replace(came, payload=self.signer.clear(came))
        keys = {key: self.slots.text(value) for key, value in asked.corr.items()}
        question = Summary(type=asked.kind, id=self.slots.text(asked.ident), corr=keys)
        about = correlate_http.response(answer, question)
        alike = [one for one in self.answers if one.corr.get("question") == str(asked.number)]
        line = next((one for one in alike if one.number not in self._used), None)
        if line is not None:
            self._used.add(line.number)
            self._learn(line, about, answer.payload)
        return about, line, answer.payload

    def lost(self, conn: str) -> str:
        """What was asked and gets no answer; empty where nothing was."""
        line = self._asked.pop(conn, None)
        self._first.discard(conn)
        return line.kind if line is not None else ""

    def _learn(self, line: Line, about: Summary, payload: bytes) -> None:
        """What the centre gave this time, in the place of what it gave then."""
        self.slots.learn(f"theirs:{line.number}", line.ident, about.id)
        then, given = dict(_leaves(line.payload)), dict(_leaves(payload))
        for place, recorded in then.items():
            name = place.rpartition("/")[2]
            actual = given.get(place, "")
            if GIVEN.search(name) and len(recorded) > SHORT_MAX and actual:
                self.slots.learn(f"{name}:{recorded}", recorded, actual)


def moved(payload: bytes, at_s: float, now: datetime) -> bytes:
    """A body whose days near to the recorded one are as near to today; birth dates stay."""
    if not at_s:
        return payload
    then = datetime.fromtimestamp(at_s, CHINA).date()
    step = now.astimezone(CHINA).date() - then

    def day(match: re.Match[bytes]) -> bytes:
        try:
            stands = date.fromisoformat(match[2].decode("ascii"))
        except ValueError:  # the malformed day may be the fault
            return match[0]
        if match[1] == BIRTH or abs((stands - then).days) > NEAR_DAYS:
            return match[0]
        return match[0][: -len(match[2])] + (stands + step).isoformat().encode()

    return _DAY.sub(day, payload) if step else payload


def refusal(payload: bytes) -> str:
    """The reason in an answer, for people."""
    try:
        told = decode(payload).value
    except PeerError:
        return ""
    return str(told.get("err_msg") or "")[:200] if isinstance(told, Mapping) else ""


def _leaves(payload: bytes) -> Iterator[tuple[str, str]]:
    """Every text of a JSON body with its place; nothing where it is none."""
    try:
        yield from _walk(decode(payload).value, "")
    except PeerError:
        return


def _walk(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _walk(one, f"{place}/{name}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _walk(one, f"{place}/{number}")
    elif isinstance(value, str):
        inside = value.lstrip()[:1]
        if inside in {"{", "["}:
            yield from _inner(value, place)
        else:
            yield place, str(value)


def _inner(text: str, place: str) -> Iterator[tuple[str, str]]:
    """Of a body that came as a text inside a body."""
    try:
        yield from _walk(json.loads(text), place)
    except (ValueError, RecursionError):
        yield place, text
