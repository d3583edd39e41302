"""What trials of an association are made of: requests, messages and answers, byte by byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.link.dicom import STUDY_GET, VERIFICATION, payload_of
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.link.dicom_raw import RawPeer
from harness.wire import dicom_command as command
from harness.wire.dicom_events import DimseReceived, SendDimse
from harness.wire.dicom_items import Context, Items, Role, UserInformation
from harness.wire.dicom_pdu import Associate
from scenarios.steps.imaging_planned import Planned
from scenarios.steps.imaging_site import Site
from simulators.modality.images import instance
from simulators.modality.model import load_model

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
ACSE_S: Final = 3.0
PENDING: Final = frozenset({"FF00", "FF01"})

Contexts = Sequence[tuple[str, Sequence[str]]]
"""Proposed classes and their transfer syntaxes, in order."""


@dataclass(slots=True)
class Trial:
    """What a trial works with.

    Args:
        site: the imaging side of the scenario.
        planned: the examination that it is about.
        role: the system that is called.
    """

    site: Site
    planned: Planned
    role: str

    def peer(self, role: str = "") -> RawPeer:
        """A connection on which nothing was said yet."""
        return self.site.raw(role or self.role)

    def request(
        self,
        role: str = "",
        *,
        called: bytes = b"",
        calling: bytes = b"",
        contexts: Contexts = ((VERIFICATION, (IMPLICIT,)),),
        window: tuple[int, int] | None = None,
        roles: Sequence[Role] = (),
        max_length: int = 16384,
    ) -> Associate:
        """A request for an association; its parts are as a device has them, unless given."""
        user = UserInformation(max_length=max_length, class_uid="2.25.7", window=window,
                               roles=roles)  # fmt: skip
        items = [
            Context(id=2 * index + 1, abstract_syntax=abstract, transfer_syntaxes=syntaxes)
            for index, (abstract, syntaxes) in enumerate(contexts)
        ]
        return Associate(
            called=called or self.site.title(role or self.role).encode("ascii"),
            calling=calling or self.planned.station.encode("ascii"),
            items=Items(contexts=items, user=user),
        )

    def call(
        self,
        *,
        called: bytes = b"",
        calling: bytes = b"",
        window: tuple[int, int] | None = None,
    ) -> str:
        """Associate, echo, release: ``accepted``, or what came in place of it."""
        with self.peer() as peer:
            asked = self.request(called=called, calling=calling, window=window)
            found = peer.associate(asked, ACSE_S)
            if isinstance(found, str):
                return found
            status = echo(peer)
            peer.release()
            return "accepted" if status == "0000" else status


def worst(found: Sequence[str], good: str) -> str:
    """The first that is not as it should be."""
    return next((one for one in found if one != good), good)


def status_of(found: DimseReceived | str) -> str:
    """The status of an answer, or the word for what came in its place."""
    if isinstance(found, str):
        return found
    status = found.command.get(command.STATUS)
    return f"{status:04X}" if isinstance(status, int) else "no status"


def echo(peer: RawPeer, context: int = 1, ident: int = 1) -> str:
    """C-ECHO over an open association: its status, or what came in place of it."""
    head: dict[int, int | str] = {
        command.AFFECTED_CLASS: VERIFICATION, command.FIELD: int(command.Service.C_ECHO),
        command.MESSAGE_ID: ident, command.DATA_SET_TYPE: command.NO_DATA_SET,
    }  # fmt: skip
    peer.say(SendDimse(context=context, command=head))
    return status_of(peer.message())


def asked(sop_class: str, service: command.Service) -> dict[int, int | str]:
    """The command set of a request with a data set."""
    return {command.AFFECTED_CLASS: sop_class, command.FIELD: int(service),
            command.MESSAGE_ID: 1, command.PRIORITY: 0, command.DATA_SET_TYPE: 1}  # fmt: skip


def ask_find(peer: RawPeer, sop_class: str, keys: DataSet) -> None:
    """Send a C-FIND over the first context."""
    head = asked(sop_class, command.Service.C_FIND)
    peer.say(SendDimse(context=1, command=head, payload=payload_of(keys, EXPLICIT)))


def find(peer: RawPeer, sop_class: str, keys: DataSet) -> str:
    """C-FIND: the number of pending answers and the final status, such as ``1 0000``."""
    ask_find(peer, sop_class, keys)
    count = 0
    while (status := status_of(peer.message())) in PENDING:
        count += 1
    return f"{count} {status}"


def store_over(trial: Trial, data: DataSet) -> str:
    """C-STORE of a CT image over a new association: its status, or what came instead."""
    with trial.peer() as peer:
        found = peer.associate(trial.request(contexts=[(CT, [EXPLICIT])]), ACSE_S)
        if isinstance(found, str):
            return found
        head = asked(CT, command.Service.C_STORE)
        head[command.AFFECTED_INSTANCE] = data.text("SOPInstanceUID")
        peer.say(SendDimse(context=1, command=head, payload=payload_of(data, EXPLICIT)))
        return status_of(peer.message())


def image(trial: Trial, number: int) -> DataSet:
    """An image of the examination that no other sentence sends."""
    return instance(load_model("ct-helical"), trial.planned.exam, 500 + number)


def ask_get(peer: RawPeer, trial: Trial, instances: Sequence[str] = ()) -> None:
    """C-GET of the study, or of a list of its images."""
    level = "IMAGE" if instances else "STUDY"
    keys = {"QueryRetrieveLevel": level, "StudyInstanceUID": trial.planned.exam.study}
    if instances:
        keys["SOPInstanceUID"] = "\\".join(instances)
    payload = payload_of(DataSet.of(keys), EXPLICIT)
    head = asked(STUDY_GET, command.Service.C_GET)
    peer.say(SendDimse(context=1, command=head, payload=payload))


def retrieved(trial: Trial, instances: Sequence[str] = ()) -> tuple[list[int], str]:
    """Contexts over which images came (3: explicit, 5: implicit), and the final status."""
    came: list[int] = []
    with trial.peer() as peer:
        role = Role(sop_class=CT, scu=True, scp=True)
        contexts = [(STUDY_GET, [EXPLICIT]), (CT, [EXPLICIT]), (CT, [IMPLICIT])]
        found = peer.associate(trial.request(contexts=contexts, roles=[role]), ACSE_S)
        if isinstance(found, str):
            return [], found
        ask_get(peer, trial, instances)
        while isinstance(message := peer.message(), DimseReceived):
            if message.command.get(command.FIELD) != command.Service.C_STORE:
                status = status_of(message)
                if status in PENDING:
                    continue
                peer.release()
                return came, status
            came.append(message.context)
            answer: dict[int, int | str | bytes] = {
                command.AFFECTED_CLASS: CT,
                command.FIELD: command.Service.C_STORE | command.RESPONSE,
                command.RESPONDED_TO: message.command[command.MESSAGE_ID],
                command.DATA_SET_TYPE: command.NO_DATA_SET,
                command.STATUS: 0,
                command.AFFECTED_INSTANCE: message.command[command.AFFECTED_INSTANCE],
            }
            peer.say(SendDimse(context=message.context, command=answer))
        return came, message
