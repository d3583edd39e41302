"""Our devices against DCMTK's storescp with each of its fault switches.

What a device is told must be what happened: an abort is no silence, a silence is no refusal, and an
image is stored only where that was said. Whatever broke, the series then comes again whole.
"""

from __future__ import annotations

from typing import Final

import pytest
from dicom_rig import device, exam, objects, stored, storing

from harness.link.address import Address
from harness.link.dicom import VERIFICATION, Request, payload_of
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.link.dicom_raw import RawPeer
from harness.link.dicom_scu import Association, Offer, Peer
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate

pytestmark = [pytest.mark.peer, pytest.mark.slow]

LIMIT_S: Final = 3.0
SLEEP_S: Final = "9"
"""Longer than a device waits for an answer, and for the answer to its release."""

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
PRIVATE: Final = "1.2.826.0.1.3680043.10.1510.99"
"""A class that no table knows."""

REFUSED: Final = "rejected (1, 1, 1): no reason given"

SWITCHES: Final = [
    (("--refuse",), [REFUSED] * 4, 0),
    (("--abort-after",), ["aborted"] * 4, 0),
    (("--abort-during",), ["aborted"] * 4, 0),
    (("--sleep-during", SLEEP_S), ["timeout", *["aborted"] * 3], 0),
    (("--sleep-after", SLEEP_S), ["0000", "timeout", *["aborted"] * 2], 1),
    (("--reject",), ["0000"] * 4, 4),
    (("--promiscuous",), ["0000"] * 4, 4),
    (("+xi",), ["0000"] * 4, 4),
    (("--ignore",), ["0000"] * 4, 0),
]
"""Switches, what a device is told of each of four images, and how many stand there then.

``--ignore`` says that it stored, and did not: only another look can tell (a probe, a retrieve)."""


@pytest.mark.parametrize(("switches", "told", "kept"), SWITCHES)
def test_a_device_is_told_what_happened_and_its_series_comes_again_whole(
    switches, told, kept, tmp_path
):
    with storing(tmp_path, *switches, "-aet", "DCMTK") as peer:
        broken = device("ct-helical", peer.port, "DCMTK", LIMIT_S)
        sent = objects(broken, exam("ct-helical"))
        answers = broken.store(sent)
    wanted = [one.text("SOPInstanceUID") for one in sent]
    assert [answers[one].shown for one in wanted] == told
    assert [answers[one].ok for one in wanted] == [one == "0000" for one in told]
    assert len(list((tmp_path / "in").iterdir())) == kept
    with storing(tmp_path, "-aet", "DCMTK") as peer:
        healthy = device("ct-helical", peer.port, "DCMTK")
        assert {one.shown for one in healthy.store(sent).values()} == {"0000"}
    assert set(stored(tmp_path / "in")) == set(wanted)


def asked(port: int, *offers: Offer) -> Association:
    """An association of ours, not open yet."""
    where = Address(host="127.0.0.1", port=port)
    return Association(
        Peer(address=where, called="DCMTK", calling="MHCT1", acse_s=LIMIT_S, dimse_s=LIMIT_S),
        offers,
    )


def of(sop_class: str) -> Request:
    """One object, stored under that class."""
    data = objects(device("ct-helical", 1, ""), exam("ct-helical"))[0]
    data.set("SOPClassUID", sop_class)
    return Request(kind="C-STORE", sop_class=sop_class, sop_instance=data.text("SOPInstanceUID"),
                   syntax=EXPLICIT, payload=payload_of(data, EXPLICIT))  # fmt: skip


def test_a_release_that_is_never_answered_is_ended_by_us(tmp_path):
    """Stored, and said so; then the peer sleeps, and a device must not wait for ever."""
    with storing(tmp_path, "--sleep-after", SLEEP_S, "-aet", "DCMTK") as peer:
        link = asked(peer.port, Offer(abstract=CT, syntaxes=[EXPLICIT]))
        assert link.open()
        answer = link.ask(of(CT))
        assert (answer.shown, link.is_open) == ("0000", True)
        assert link.close() == []
        assert not link.is_open
        library = link._assoc  # what the library saw: no release, an abort of ours
        assert (library.is_released, library.is_aborted) == (False, True)
    assert len(list((tmp_path / "in").iterdir())) == 1


def test_a_requestor_without_an_implementation_uid_is_told_of_the_rejection(tmp_path):
    with storing(tmp_path, "--reject", "-aet", "DCMTK") as peer:
        said = {}
        for uid in ("2.25.7", ""):
            one = Context(id=1, abstract_syntax=VERIFICATION, transfer_syntaxes=(IMPLICIT,))
            request = Associate(
                called=b"DCMTK", calling=b"MHCT1",
                items=Items(contexts=[one], user=UserInformation(class_uid=uid)),
            )  # fmt: skip
            with RawPeer(Address(host="127.0.0.1", port=peer.port)) as raw:
                found = raw.associate(request, LIMIT_S)

            said[uid] = found if isinstance(found, str) else "accepted"
    assert said["2.25.7"] == "accepted"
    assert said[""] == "rejected 1,1,1"


@pytest.mark.parametrize(("switches", "result", "kept"), [((), 3, 0), (("--promiscuous",), 0, 1)])
def test_a_class_that_nobody_knows_is_taken_by_a_promiscuous_peer_alone(
    switches, result, kept, tmp_path
):
    with storing(tmp_path, *switches, "-aet", "DCMTK") as peer:
        offers = [Offer(abstract=one, syntaxes=[EXPLICIT]) for one in (CT, PRIVATE)]
        with asked(peer.port, *offers) as link:
            assert link.results() == {CT: 0, PRIVATE: result}
            if not result:
                assert link.ask(of(PRIVATE)).shown == "0000"
    assert len(stored(tmp_path / "in")) == kept


def test_a_peer_of_another_syntax_alone_is_told_as_such(tmp_path):
    with storing(tmp_path, "+xi", "-aet", "DCMTK") as peer:
        link = asked(peer.port, Offer(abstract=CT, syntaxes=[EXPLICIT]))
        assert not link.open()
        assert link.error == "no usable presentation context"
        assert link.results() == {CT: 4}
        assert link.close() == []
        both = asked(peer.port, Offer(abstract=CT, syntaxes=[EXPLICIT, IMPLICIT]))
        assert both.open()
        assert both.syntaxes(CT) == [IMPLICIT]
        assert both.close() == []
