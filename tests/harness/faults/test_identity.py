"""What a fault decision is keyed by: the matter, never what is minted anew in each run."""

from __future__ import annotations

import pytest

from harness.faults import identity as identity_module
from harness.faults.identity import Identities
from harness.wire.core import Unit


def hl7(body: bytes, control: bytes = b"C1", kind: bytes = b"ORU^R01^ORU_R01") -> Unit:
    payload = b"MSH|^~\\&|A|B|C|D|20260105||%b|%b|P|2.5.1\r%b" % (kind, control, body)
    return Unit(kind="message", data=b"\x0b" + payload + b"\x1c\r", payload=payload)


@pytest.mark.parametrize(
    ("body", "identity"),
    [
        (b"PID|1||P1\rOBR|1|PL|S1\rSPM|1|S9&A\r", "ORU^R01|S9&A"),
        (b"PID|1||P1\rOBR|1|PL|S1\r", "ORU^R01|S1"),
        (b"PID|1||P1\rOBR|1|PL\r", "ORU^R01|PL"),
        (b"PID|1||P1\r", "ORU^R01|P1"),
        (b"OBX|1\r", "ORU^R01|"),
        (b"", "ORU^R01|"),
    ],
)
def test_a_message_is_known_by_its_type_and_its_matter(body: bytes, identity: str) -> None:
    assert Identities().of("c", hl7(body)) == identity


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r", b"\n\r"])
def test_segments_may_end_in_any_way(end: bytes) -> None:
    usual = hl7(b"PID|1||P1\rOBR|1|PL|S1\rSPM|1|S9\r").payload
    payload = usual.replace(b"\r", end)

    found = Identities().of("c", Unit(kind="message", data=payload, payload=payload))
    assert found == "ORU^R01|S9"


def test_the_first_of_several_segments_counts() -> None:
    body = b"OBR|1||S1\rOBR|2||S2\r"

    assert Identities().of("c", hl7(body)).endswith("|S1")


def test_the_identity_does_not_change_with_control_id_or_time() -> None:
    one, other = hl7(b"PID|1||P1\r"), hl7(b"PID|1||P1\r", control=b"C999")

    assert Identities().of("c", one) == Identities().of("d", other)


def test_an_acknowledgement_is_known_by_what_it_acknowledges() -> None:
    identities = Identities()
    identities.of("c", hl7(b"PID|1||P1\r", control=b"C7"))
    ack = hl7(b"MSA|AA|C7\r", control=b"A1", kind=b"ACK")
    unknown = hl7(b"MSA|AA|C8\r", control=b"A2", kind=b"ACK")

    assert identities.of("d", ack) == "ACK|ORU^R01|P1"
    assert identities.of("d", unknown) == "ACK|"


def test_the_oldest_control_id_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_module, "REMEMBERED_MAX", 2)
    identities = Identities()
    for number in (1, 2, 1, 3):
        identities.of("c", hl7(b"PID|1||P%d\r" % number, control=b"C%d" % number))

    def acknowledged(number: int) -> str:
        ack = hl7(b"MSA|AA|C%d\r" % number, kind=b"ACK", control=b"A")
        return identities.of("c", ack)

    assert [acknowledged(n) for n in (1, 2, 3)] == [
        "ACK|ORU^R01|P1", "ACK|", "ACK|ORU^R01|P3",
    ]  # fmt: skip


def test_a_message_behind_line_ends_is_read_as_well() -> None:
    inner = hl7(b"PID|1||P1\r").payload
    unit = Unit(kind="message", data=b"", payload=b"\r\r" + inner)

    assert Identities().of("c", unit) == "ORU^R01|P1"


def frame(text: bytes) -> Unit:
    return Unit(kind="frame", data=b"\x02" + text, payload=text)


def test_frames_are_known_by_record_and_specimen() -> None:
    identities = Identities()
    said = [b"H|\\^&", b"P|1", b"O|1|S1^R^5", b"R|1|^^^K", b"r|2|^^^NA", b"L|1", b"H|\\^&", b"P|1"]
    found = [identities.of("c", frame(text)) for text in said]

    assert found == ["H.|", "P.1|", "O.1|S1", "R.1|S1", "R.2|S1", "L.1|S1", "H.|", "P.1|"]


def test_connections_have_specimens_of_their_own() -> None:
    identities = Identities()
    identities.of("c", frame(b"O|1|S1"))
    identities.of("d", frame(b"O|1|S2"))

    assert identities.of("c", frame(b"R|1")) == "R.1|S1"


@pytest.mark.parametrize("kind", ["enq", "ack", "eot"])
def test_control_characters_have_no_matter(kind: str) -> None:
    assert Identities().of("c", Unit(kind=kind, data=b"\x05")) == kind
