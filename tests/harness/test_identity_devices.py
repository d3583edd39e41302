"""Whose identity POCT1-A2 messages and streams of records carry; and what a fault is keyed by."""

from __future__ import annotations

import pytest

from harness.errors import PermitError
from harness.faults.identity import Identities
from harness.identity import IdentityGuard
from harness.people import barcode, generate
from harness.wire.core import Unit

OURS = generate(1, 0)
TUBE = barcode(1, 0)


@pytest.fixture
def guard() -> IdentityGuard:
    one = IdentityGuard([OURS])
    one.allow_specimen(TUBE)
    return one


def observation(patient: str, name: str, tube: str) -> bytes:
    return (
        f'<OBS.R01><SVC><PT><PT.patient_id V=\'{patient}\'/><PT.name  U="x" V = "{name}"/></PT>'
        f'<SPC><SPC.specimen_id V="{tube}"/></SPC></SVC></OBS.R01>'
    ).encode()


def test_a_message_about_our_people_passes(guard: IdentityGuard) -> None:
    guard.check("poct1a", observation(OURS.patient_id, OURS.name, TUBE))
    guard.check("poct1a", b'<HEL.R01><DEV.vendor_id V="SIM"/></HEL.R01>')


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        (observation("4711", OURS.name, TUBE), "PT.patient_id"),
        (observation(OURS.patient_id, "雷锋", TUBE), "PT.name"),
        (observation(OURS.patient_id, "&#x96F7;&#x950B;", TUBE), "PT.name"),
        (observation(OURS.patient_id, OURS.name, "26010500123"), "SPC.specimen_id"),
    ],
)
def test_a_message_about_others_is_refused(
    guard: IdentityGuard, payload: bytes, place: str
) -> None:
    with pytest.raises(PermitError, match=place):
        guard.check("poct1a", payload)


def test_a_stream_of_records_is_read_like_records(guard: IdentityGuard) -> None:
    head = "H|\\^&|||X\r"
    guard.check("framed", f"{head}P|1||{OURS.patient_id}||{OURS.name}^AGE\rO|1|{TUBE}\r".encode())
    with pytest.raises(PermitError, match=r"P\.6"):
        guard.check("framed", f"{head}P|1||||雷锋^AGE\rO|1|{TUBE}\r".encode())


def test_columns_hold_no_name_but_a_card_number_is_found(guard: IdentityGuard) -> None:
    guard.check("framed", f"D 000101 0001{TUBE}E01  5.60".encode())
    with pytest.raises(PermitError):
        guard.check("framed", b"D 000101 0001 11010519491231002X E01  5.60")


@pytest.mark.parametrize(
    ("kind", "payload", "identity"),
    [
        ("message", b'<OBS.R01><SPC.specimen_id V="T1"/></OBS.R01>', "OBS.R01|T1"),
        ("message", b'<?xml version="1.0"?>\n<ACK.R01></ACK.R01>', "ACK.R01|"),
        ("frame", b"D 000101 0001T1                  E01  5.60", None),
        ("frame", b"O|1|T7", "O.1|T7"),
        ("ack", b"", "ack"),
    ],
)
def test_what_a_fault_is_keyed_by(kind: str, payload: bytes, identity: str | None) -> None:
    unit = Unit(kind=kind, data=payload, payload=payload)
    wanted = payload.decode() if identity is None else identity
    assert Identities().of("c#1", unit) == wanted
