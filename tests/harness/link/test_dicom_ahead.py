"""What follows a PDU in the same read is neither lost nor taken for another."""

from itertools import pairwise

import pytest

from harness.link.address import Address
from harness.link.dicom import VERIFICATION, Answer
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.link.dicom_raw import RawPeer
from harness.link.dicom_scp import Listener
from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse, cut
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate, Release

CT = "1.2.840.10008.5.1.4.1.1.2"


class Keeping:
    """Keeps every object."""

    def __init__(self):
        self.got = []

    def serve(self, request, session):
        if request.kind == "C-STORE":
            self.got.append(request.payload)
        yield Answer(status=0)


@pytest.fixture
def pacs():
    service = Keeping()
    listener = Listener(
        service, "PACS", [(CT, [EXPLICIT]), (VERIFICATION, [IMPLICIT])], max_pdu=4096
    )
    yield service, listener.start("127.0.0.1", 0)
    assert listener.stop() == []


def talk():
    """Two objects of several PDUs, and an echo, each PDU by itself."""
    made = []
    for number, size in ((1, 9000), (3, 4084)):
        elements = {command.FIELD: int(command.Service.C_STORE), command.MESSAGE_ID: number,
                    command.AFFECTED_CLASS: CT, command.AFFECTED_INSTANCE: f"2.25.{number}",
                    command.PRIORITY: 0, command.DATA_SET_TYPE: 1}  # fmt: skip
        body = bytes([number]) * size
        made += cut(SendDimse(context=1, command=elements, payload=body), 4096)
    echo = {command.FIELD: int(command.Service.C_ECHO), command.MESSAGE_ID: 5,
            command.AFFECTED_CLASS: VERIFICATION, command.DATA_SET_TYPE: 0x0101}  # fmt: skip
    made += cut(SendDimse(context=3, command=echo, payload=b""), 4096)
    return made


def cut_behind(pieces, behind):
    """Writes that end so many bytes behind the end of a PDU; what remains is the release."""
    whole = b"".join(pieces) + Release().encode()
    ends = [sum(map(len, pieces[: at + 1])) + behind for at in range(len(pieces))]
    return [whole[begin:end] for begin, end in pairwise([0, *ends])], whole[ends[-1] :]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("behind", range(8))
def test_every_message_is_served_wherever_the_reads_end(pacs, behind, together):
    service, address = pacs
    writes, rest = cut_behind(talk(), behind)
    contexts = [Context(id=1, abstract_syntax=CT, transfer_syntaxes=(EXPLICIT,)),
                Context(id=3, abstract_syntax=VERIFICATION,
                        transfer_syntaxes=(IMPLICIT,))]  # fmt: skip
    user = UserInformation(class_uid="2.25.7")
    asked = Associate(called=b"PACS", calling=b"CT1", items=Items(contexts=contexts, user=user))
    with RawPeer(Address(host=address.host, port=address.port)) as peer:
        assert not isinstance(peer.associate(asked, 30.0), str)
        wire = peer._wire
        for one in [b"".join(writes)] if together else writes:
            wire.sendall(one)
        answers = [peer.message(30.0) for _ in range(3)]
        assert [one.command[command.RESPONDED_TO] for one in answers] == [1, 3, 5]
        assert [one.command[command.STATUS] for one in answers] == [0, 0, 0]
        wire.sendall(rest)
        found = peer.message(30.0)
        assert found == "released"
    assert service.got == [b"\1" * 9000, b"\3" * 4084]
