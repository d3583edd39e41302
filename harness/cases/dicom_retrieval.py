"""A retrieval that the system under test asks of us, answered with the stores of the recording.

The objects of a C-MOVE go to where the profile has the system, over an association as recorded;
those of a C-GET back on the association that it asked on. Each carries the values of this replay,
and names whoever asked now. The counts of the responses are those of the recording: where they were
wrong, that is the fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.cases import retrievals
from harness.cases.dicom_about import opened
from harness.cases.dicom_ready import filled, transcoded
from harness.cases.guard import CaseGuard
from harness.cases.kept import Line
from harness.cases.slots import Slots
from harness.i18n import tr
from harness.link.dicom import Request
from harness.link.dicom_pixels import NATIVE
from harness.link.dicom_scp import Session
from harness.link.tap import Connection
from harness.wire import dicom_command
from harness.wire.dicom_box import Boxed, decode


class Ends(Protocol):
    """What a retrieval needs of the ends of a case."""

    guard: CaseGuard

    @property
    def slots(self) -> Slots:
        """Of this replay."""
        ...

    def send(self, line: Line, said: Said | None = None) -> None:
        """One request over an association of its own."""
        ...

    def answered(self, line: Line, box: Boxed) -> None:
        """The system answered it."""
        ...

    def refuse(self, line: Line, why: str) -> None:
        """It did not come about."""
        ...

    def count(self) -> None:
        """One more message of ours."""
        ...


class Said(Protocol):
    """Changes a message before it leaves."""

    def __call__(self, box: Boxed, /) -> Boxed:
        """The message as it is said."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What the system asked for.

    Args:
        request: its retrieval.
        session: the association that it came over.
    """

    request: Request
    session: Session

    def cancelled(self) -> bool:
        """Whether the system has asked for the end of it."""
        return self.session.cancelled(self.request)

    def store(self, ends: Ends, retrieval: Line, line: Line) -> None:
        """Send one object of the recording.

        Args:
            ends: of the case.
            retrieval: the recorded line that the request stands for.
            line: the recorded store.

        Raises:
            PermitError: it names somebody who is not of the case.
        """
        if retrieval.kind == retrievals.GET:
            self._back(ends, line)
        elif not line.link:
            ends.refuse(line, tr("the profile has no endpoint from {one} to {other}",
                                 one=line.frm, other=line.to))  # fmt: skip
        else:
            recorded = decode(retrieval.payload)
            now = (self.session.calling, self.request.message_id)
            ends.send(line, lambda box: retrievals.renamed(box, recorded, now))

    def _back(self, ends: Ends, line: Line) -> None:
        """On the same association, in a syntax that was agreed for it."""
        payload = filled(line.payload, ends.slots)
        connection = Connection(id=f"{line.link}#case", link=line.link, interface="",
                                local=line.frm, peer=line.to, client=False)  # fmt: skip
        ends.guard.payload(connection, retrievals.PROTOCOL, payload)
        box = opened(payload).box
        agreed = self.session.syntaxes(box.sop_class)
        plain = [one for one in agreed if {one, box.syntax} <= NATIVE]
        syntax = box.syntax if box.syntax in agreed else next(iter(plain), "")
        body = transcoded(box.body, box.syntax, syntax)
        if not syntax or body is None:
            ends.refuse(line, tr("its context was not accepted"))
            return
        number = box.command.get(dicom_command.MESSAGE_ID, 1)
        ends.count()
        answer = self.session.ask(
            Request(kind="C-STORE", sop_class=box.sop_class, sop_instance=box.instance,
                    message_id=number if isinstance(number, int) else 1, payload=body,
                    syntax=syntax)
        )  # fmt: skip
        if answer.error:
            ends.refuse(line, tr("no answer"))
            return
        command: dict[int, dicom_command.Value] = {
            dicom_command.FIELD: box.number | dicom_command.RESPONSE,
            dicom_command.RESPONDED_TO: number,
            dicom_command.DATA_SET_TYPE: dicom_command.NO_DATA_SET,
            dicom_command.STATUS: answer.status,
            dicom_command.AFFECTED_CLASS: box.sop_class,
            dicom_command.AFFECTED_INSTANCE: box.instance,
        }
        if answer.comment:
            command[dicom_command.COMMENT] = answer.comment
        ends.answered(line, Boxed(association="", context=box.context, command=command))
