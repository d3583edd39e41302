"""Plays the DICOM ends of a case: asks what the devices asked, answers what the system asks.

As a client it asks for the associations of the recording with their contexts, sends each command
set and data set as recorded, with the values of this replay in its slots, and hears every answer
before it goes on. As a server it gives the recorded answers; a request that is not in the recording
fails, and is told with the nearest that is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.cases import dicom_about
from harness.cases.dicom_about import KEYS, opened
from harness.cases.dicom_cancel import CANCEL, CANCELLED, Pace, of_request
from harness.cases.dicom_match import PROTOCOL, Match, nearest
from harness.cases.dicom_ready import (
    CALLING,
    NO_SUCH,
    asked,
    context_of,
    filled,
    good,
    offered,
    reply,
    said_back,
    transcoded,
)
from harness.cases.dicom_retrieval import Asked
from harness.cases.guard import CaseGuard
from harness.cases.kept import Line
from harness.cases.player import Heard, Player, Unmatched
from harness.cases.retrievals import ASKING
from harness.cases.slots import Slots
from harness.errors import PermitError
from harness.i18n import tr
from harness.link.address import LOOPBACK, Address
from harness.link.dicom import PENDING, VERIFICATION, Answer, Request
from harness.link.dicom_messages import command_of_request
from harness.link.dicom_raw import RawPeer
from harness.link.dicom_scp import Listener, Session
from harness.link.spec import LinkSpec
from harness.wire import dicom_command
from harness.wire.dicom_box import Boxed
from harness.wire.dicom_events import SendDimse

_CAUSES: Final = {"N-EVENT-REPORT": ("N-ACTION-RQ",), "C-STORE": ("C-MOVE-RQ", "C-GET-RQ")}
"""What a system calls about, and what asks for it."""

LEAST_S: Final = 1.0
LONGER: Final = 5.0
"""What a system calls about by itself may take so long, and so many times as long as then."""

RETRIEVAL_S: Final = 600.0
"""A retrieval of the system may take so long; each of its stores has a limit of its own."""

ANSWERS_MAX: Final = 10_000
"""Of one request; a system that never ends must not fill the memory."""


@dataclass(slots=True)
class _Open:
    """One association of ours."""

    peer: RawPeer
    syntaxes: Mapping[int, str]
    classes: Mapping[int, str]
    last: int
    """Number of the last line that goes over it."""


@dataclass(slots=True)
class DicomPlayer:
    """The ends.

    Args:
        player: of the other protocols: what is heard and refused stands there.
        specs: links by name.
        address: where the system accepts a link.
        guard: lets only persons of the case through.
        wait_s: for each answer.
        lines: of the case.
        pace: keeps the gaps inside of a retrieval.
    """

    player: Player
    specs: Mapping[str, LinkSpec]
    address: Callable[[LinkSpec], Address]
    guard: CaseGuard
    wait_s: float
    lines: Sequence[Line]
    pace: Pace = field(default_factory=Pace)
    _ended: set[int] = field(default_factory=set)
    _open: dict[tuple[str, str], _Open] = field(default_factory=dict)
    _match: Match = field(init=False)
    _listener: Listener | None = None
    _came: threading.Condition = field(default_factory=threading.Condition)
    _serving: int = 0
    trouble: PermitError | None = None

    def __post_init__(self) -> None:
        self._match = Match(self.player.slots)

    @property
    def slots(self) -> Slots:
        """Of this replay."""
        return self.player.slots

    # ---- as a client

    def send(self, line: Line, said: Callable[[Boxed], Boxed] | None = None) -> None:
        """One request, and every answer to it.

        Args:
            line: of the recording.
            said: changes what is said, such as for whom it is.

        Raises:
            PermitError: it names somebody who is not of the case.
        """
        if line.kind == CANCEL:
            if line.number not in self._ended:
                self.refuse(line, tr("what it should end was over"))
            return
        payload = filled(line.payload, self.slots)
        spec = self.specs[line.link]
        connection = spec.connection(f"{line.link}#case", client=spec.to == self.player.system)
        self.guard.payload(connection, PROTOCOL, payload)
        found = opened(payload).box
        found = said(found) if said is not None else found
        link = self._association(line, found)
        if link is None:
            return
        context = context_of(link.syntaxes, link.classes, found)
        body = transcoded(found.body, found.syntax, link.syntaxes.get(context, ""))
        if not context or body is None:
            self.refuse(line, tr("its context was not accepted"))
        else:
            self.count()
            link.peer.say(SendDimse(context=context, command=found.command, payload=body))
            self._hear(line, link, context)
        if line.number >= link.last or link.peer.over:
            link.peer.release(self.wait_s)
            self._close(line.link, found.association)

    def count(self) -> None:
        """One more message of ours; a retrieval is answered beside what is sent."""
        with self._came:
            self.player.sent += 1

    def refuse(self, line: Line, why: str) -> None:
        """Something of the recording did not come about."""
        self.player.refused.append(f"{line.link}: {line.kind}: {why}")

    def _association(self, line: Line, box: Boxed) -> _Open | None:
        """That of the recording; asked for when its first line is due."""
        key = (line.link, box.association)
        if key in self._open:
            return self._open[key]
        spec = self.specs[line.link]
        request = asked(box)
        called = spec.ae_title.encode("ascii") or request.called
        peer = RawPeer(self.address(spec), spec.connection(f"{line.link}#case", client=True),
                       guard=self.guard)  # fmt: skip
        try:
            peer.__enter__()
            accepted = peer.associate(replace(request, called=called), self.wait_s)
        except OSError as error:
            accepted = error.strerror or str(error)
        if isinstance(accepted, str):
            self.refuse(line, accepted)
            peer.__exit__(None, None, None)
            return None
        same = [one.number for one in self.lines if one.protocol == PROTOCOL
                and one.ident.partition("/")[0] == line.ident.partition("/")[0]]  # fmt: skip
        made = self._open[key] = _Open(
            peer=peer,
            syntaxes={one.id: one.transfer_syntaxes[0] for one in accepted.items.contexts
                      if one.result == 0 and one.transfer_syntaxes},
            classes={one.id: one.abstract_syntax for one in request.items.contexts},
            last=max(same, default=line.number),
        )  # fmt: skip
        return made

    def _hear(self, line: Line, link: _Open, context: int) -> None:
        ends = of_request(line, self.lines)
        for count in range(ANSWERS_MAX):
            while ends and count >= ends[0][0]:
                self._end(ends.pop(0)[1], line, link, context)
            came = link.peer.message(self.wait_s)
            if isinstance(came, str):
                return  # no answer: what it should have been is missing
            syntax = link.syntaxes.get(came.context, "")
            found = Boxed(association="", context=came.context, command=came.command,
                          syntax=syntax, body=came.payload)  # fmt: skip
            if not found.is_answer:  # stores of a C-GET, reports
                for answer in self._answers(found, None):
                    command = said_back(found, answer.status)
                    link.peer.say(SendDimse(context=came.context, command=command))
                continue
            self.answered(line, found)
            if found.command.get(dicom_command.STATUS) not in PENDING:
                return

    def _end(self, cancel: Line, line: Line, link: _Open, context: int) -> None:
        """Ask for the end of a request whose answers are coming."""
        before = [one for one in self.lines if line.number <= one.number < cancel.number]
        self.pace.wait(before[-1], cancel)
        command = opened(cancel.payload).box.command
        link.peer.say(SendDimse(context=context, command=command, payload=b""))
        self._ended.add(cancel.number)
        self.count()

    def answered(self, line: Line, box: Boxed) -> None:
        """The system answered what we sent."""
        payload = box.encode()
        about = dicom_about.summary(payload)
        answers = [one for one in self.player.said if one.answers == line.ident]
        with self._came:
            stands = self._match.alike(about, answers)
        refusing = stands is not None and good(stands.kind) and not good(about.type)
        heard = Heard(
            frm=self.player.system, link=line.link, protocol=PROTOCOL, kind=about.type, ident="",
            corr=about.corr, payload=payload, matched=stands.number if stands else 0,
            refusing=refusing,
        )  # fmt: skip
        self._note(heard, stands)
        # Where a fault is about such an answer, it is judged; it is no trouble of the replay.
        if refusing and about.type.partition("^")[0] not in {
            one.partition("^")[0] for one in self.player.expected
        }:
            comment = box.text(dicom_command.COMMENT)
            self.refuse(line, f"{about.type} {comment}".rstrip())

    def _note(self, heard: Heard, stands: Line | None) -> None:
        with self._came:
            if stands is None:
                self.player.unmatched.append(
                    Unmatched(heard, nearest(heard, self.player.said, self.slots))
                )
            else:
                for key in KEYS:  # what the system gave itself holds from now on
                    recorded, actual = stands.corr.get(key, ""), heard.corr.get(key, "")
                    if recorded and actual and self.slots.text(recorded) != actual:
                        self.slots.bind(f"{key}:{recorded}", recorded, actual)
            self.player.heard.append(heard)
            self._came.notify_all()

    # ---- as a server

    def listen(self, where: Address | None) -> tuple[set[str], Address] | None:
        """Accept what the system opens by itself; AE titles and where, None where it opens nothing.

        Args:
            where: to listen; None for a free port on loopback.
        """
        asking = [one for one in self.player.said if one.kind.endswith("-RQ")
                  and one.protocol == PROTOCOL]  # fmt: skip
        if not asking:
            return None
        titles, contexts = offered([opened(line.payload).box for line in asking])
        roles = [one for one in contexts if one != VERIFICATION]
        self._listener = Listener(self, min(titles) or CALLING.decode(), list(contexts.items()),
                                  roles=roles)  # fmt: skip
        at = where or LOOPBACK
        return titles, self._listener.start(at.host, at.port)

    def serve(self, request: Request, session: Session) -> Iterator[Answer]:
        """Answers to one request of the system."""
        command = command_of_request(request)
        box = Boxed(association="", context=1, command=command, syntax=request.syntax,
                    body=request.payload)  # fmt: skip
        with self._came:
            self._serving += 1
        try:
            yield from self._answers(box, Asked(request, session))
        except PermitError as error:
            self.trouble = error
            raise
        finally:
            with self._came:
                self._serving -= 1
                self._came.notify_all()

    def _answers(self, box: Boxed, asked: Asked | None) -> Iterator[Answer]:
        payload = box.encode()
        about = dicom_about.summary(payload)
        if box.service == "C-ECHO" and not any(one.kind == about.type for one in self.player.said):
            yield Answer(status=0)  # a look whether somebody is there
            return
        asking = [one for one in self.player.said if one.kind == about.type and not one.answers]
        with self._came:
            stands = self._match.alike(about, asking)
            heard = Heard(
                frm=self.player.system, link=stands.link if stands else "", protocol=PROTOCOL,
                kind=about.type, ident=about.id, corr=about.corr, payload=payload,
                matched=stands.number if stands else 0,
            )  # fmt: skip
            self._note(heard, stands)
        replies = self.player.replies.get(stands.number, ()) if stands else ()
        if stands is None or not replies:
            comment = "not in the recording" if stands is None else "no answer in the recording"
            yield Answer(status=NO_SUCH, comment=comment)
            return
        ends = [one for one in self.player.said
                if one.kind == CANCEL and one.answers == stands.ident]  # fmt: skip
        before = stands
        for one in replies:
            if asked is not None and self._cancelled(asked, stands, one, ends):
                last = replies[-1]
                over = last.kind.endswith(f"^{CANCELLED:04X}")
                yield reply(last, self.slots, box.syntax) if over else Answer(status=CANCELLED)
                return
            self.pace.wait(before, one)
            before = one
            if not one.kind.endswith("-RQ"):
                yield reply(one, self.slots, box.syntax)
            elif asked is not None:
                asked.store(self, stands, one)

    def _cancelled(self, asked: Asked, stands: Line, line: Line, ends: list[Line]) -> bool:
        """Whether the system has ended its request; where it did then, it is waited for."""
        due = next((one for one in ends if one.number < line.number), None)
        waited = self.pace.until(asked.cancelled, self.wait_s) if due else asked.cancelled()
        if not waited:
            ends[:] = [one for one in ends if one is not due]  # nobody waits for it twice
            return False
        heard = Heard(
            frm=self.player.system, link=stands.link, protocol=PROTOCOL, kind=CANCEL, ident="",
            corr={"acknowledges": stands.ident}, payload=(due or stands).payload,
            matched=ends[0].number if ends else 0,
        )  # fmt: skip
        self._note(heard, ends[0] if ends else None)
        return True

    # ---- both

    def wait(self, line: Line) -> bool:
        """Until the system has said what stands for a recorded line, or the time is over.

        Answers were heard with what they answer. A call of the system is waited for where what it
        calls about was sent (a report after the question, an image after the retrieval), and
        longer than it took in the recording.
        """
        self._raise_trouble()
        here = self.player.heard_of(line.number)
        with self._came:
            came = self._came.wait_for(here, self._patience(line))
            if not came and self._serving:  # it may answer one of the stores that go to it
                self._came.wait_for(lambda: here() or not self._serving, RETRIEVAL_S)
                came = here()
        self._raise_trouble()
        return came

    def _patience(self, line: Line) -> float:
        service = line.kind.partition("-RQ")[0]
        before = [one for one in self.lines if one.number < line.number]
        causes = _CAUSES.get(service)
        if causes is not None:
            before = [one for one in before if one.kind in causes]
        elif line.kind not in ASKING:
            return 0.0
        if not before:  # somebody has to make it ask
            return self.wait_s if causes is None else 0.0
        took_s = line.at_s - before[-1].at_s if line.at_s else self.wait_s
        return min(self.wait_s, max(LEAST_S, LONGER * took_s))

    def _raise_trouble(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def settle(self) -> None:
        """Until what the system asked for has been answered to the end.

        Raises:
            PermitError: what it asked for names somebody who is not of the case.
        """
        with self._came:
            self._came.wait_for(lambda: not self._serving, RETRIEVAL_S)
        if self._listener is not None:
            self._listener.settle(LEAST_S)
        self._raise_trouble()

    def _close(self, link: str, association: str) -> None:
        found = self._open.pop((link, association), None)
        if found is not None:
            found.peer.__exit__(None, None, None)

    def close(self) -> None:
        """End everything."""
        self.pace.end()
        for link, association in list(self._open):
            self._open[link, association].peer.release(min(self.wait_s, 1.0))
            self._close(link, association)
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
