"""A query that is ended by the one who asked (PS3.7 §9.3.2.3)."""

import time

import pytest
from pynetdicom.dimse_primitives import C_CANCEL

from harness.link.dicom import STUDY_FIND, Answer, Request
from harness.link.dicom_data import EXPLICIT, DataSet, encode
from harness.link.dicom_pace import command_of
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.wire import dicom_command as command

LIMIT_S = 30.0


class Endless:
    """Answers a query until it is cancelled; one of level ``DEAF`` a hundred times whatever comes."""

    def serve(self, request, session):
        deaf = request.data().text("QueryRetrieveLevel") == "DEAF"
        until = time.monotonic() + LIMIT_S
        for _ in range(100) if deaf else iter(lambda: time.monotonic() < until, False):
            if not deaf and session.cancelled(request):
                yield Answer(status=0xFE00)
                return
            yield Answer(status=0xFF00, payload=request.payload)
        yield Answer(status=0)


def question(level="STUDY", ident=7):
    payload = encode(DataSet.of({"QueryRetrieveLevel": level}), explicit=True)
    return Request(kind="C-FIND", sop_class=STUDY_FIND, syntax=EXPLICIT, payload=payload,
                   message_id=ident)  # fmt: skip


@pytest.fixture
def link():
    listener = Listener(Endless(), "PACS", [(STUDY_FIND, [EXPLICIT])])
    address = listener.start("127.0.0.1", 0)
    peer = Peer(address=address, called="PACS", calling="CT1")
    with Association(peer, [Offer(abstract=STUDY_FIND, syntaxes=[EXPLICIT])]) as made:
        yield made
    assert listener.stop() == []


def ended(link, asked, after=3):
    statuses = []
    for one in link.ask_all(asked):
        statuses.append(one.status)
        if len(statuses) == after:
            link.cancel(asked)
    return statuses


def test_a_cancelled_query_ends_and_the_next_is_served(link):
    for ident in (7, 7, 65535):
        statuses = ended(link, question(ident=ident))
        assert statuses[-1] == 0xFE00
        assert set(statuses[:-1]) == {0xFF00}
    assert link.is_open


def test_whoever_does_not_listen_gives_them_all(link):
    assert ended(link, question("DEAF")) == [0xFF00] * 100 + [0]
    assert ended(link, question())[-1] == 0xFE00  # a late cancel does not end the next query


def test_a_cancel_names_what_it_ends_and_is_no_answer():
    """Command field 0FFF, the message id, no data set (PS3.7 table 9.3-5)."""
    primitive = C_CANCEL()
    primitive.MessageIDBeingRespondedTo = 7
    assert command_of(primitive, payload=False) == {
        command.FIELD: 0x0FFF, command.RESPONDED_TO: 7, command.DATA_SET_TYPE: 0x0101,
    }  # fmt: skip
