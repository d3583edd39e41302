"""Messages of each kind: with the segments that the standard wants, and read back as written."""

from __future__ import annotations

import pytest

from harness import people
from harness.errors import InputError
from harness.wire.hl7 import Hl7Message
from simulators.feed import kinds, through

PERSON = people.generate(7, 0)

NEEDED = {
    "ADT": "EVN PID PV1", "OML": "PID ORC OBR", "ORM": "PID ORC OBR", "OMG": "PID ORC OBR",
    "OMI": "PID ORC OBR IPC", "OMP": "PID ORC RXO", "SIU": "SCH PID RGS AIS", "DFT": "EVN PID FT1",
    "MFN": "MFI MFE STF",
}  # fmt: skip
"""Of HL7 2.4 chapters 3, 4, 6, 8 and 10."""


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_kind_has_its_segments_and_no_findings(kind: str) -> None:
    made = Hl7Message.parse(kinds.message(kind, PERSON, control_id="K1", time="20260105080000"))

    assert made.findings == ()
    assert f"{made.get('MSH-9.1')}^{made.get('MSH-9.2')}" == kind
    for name in NEEDED[kind[:3]].split():
        assert made.count(name), name


def test_a_kind_that_is_not_there_is_said() -> None:
    with pytest.raises(InputError):
        kinds.message("XXX^X01", PERSON, control_id="K1", time="20260105080000")


def test_what_each_receiver_must_get() -> None:
    payload = through.registration(PERSON, through.Manner(), control_id="K1", time="20260105080000")
    lis, ris, pacs = (through.expected(payload, name) for name in ("LIS", "RIS", "PACS"))

    assert lis["PID-5"] == ris["PID-5"] == PERSON.name
    assert (lis["MSH-5"], ris["MSH-18"]) == ("LIS", "UNICODE UTF-8")
    assert ris["PID-8"] in {"1", "2"}
    assert ris["PID-4"] == PERSON.id_card
    assert any(path.startswith("PV2") for path in lis)
    assert not any(path.startswith("PV2") for path in pacs)
    assert lis["ZFY-2.1"] == "自费"
