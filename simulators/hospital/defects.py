"""The switchable defects of the built-in hospital.

Each is a code path that changes what a peer can see. ``source`` names the row of the fault
catalogue that it was taken from (``lab-26``: LIS01/02 catalogue, ``hl7-29``: HL7 catalogue),
``places`` where it truly is as findings name it, the first one being the place itself and the
others where it also shows, and ``requirement`` what is broken.

Nothing but the hospital and the self-check may import this module.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One switchable defect."""

    id: str
    source: str
    places: tuple[str, ...]
    requirement: str
    what: str


def _defect(ident: str, source: str, requirement: str, what: str, *places: str) -> Defect:
    return Defect(id=ident, source=source, places=places, requirement=requirement, what=what)


_RESULTS = "LIS-ASTM sql results"
_ORU = "LIS-ORU hl7"
_HIS_RESULTS = "LIS-ORU sql results"
_ORDERS = "HIS-ORD sql orders"
_PATIENTS = "HIS-ADT sql patients"

DEFECTS = (
    _defect("lis-accepts-before-storing", "lab-26", "REQ-LAB-009",
            "the L record is accepted before the results are stored", _RESULTS),
    _defect("lis-drops-comparator", "lab-60", "REQ-LAB-002",
            "<0.5 is stored as 0.5", f"{_RESULTS}.value", f"{_ORU} OBX-5"),
    _defect("lis-narrow-value-column", "lab-77", "REQ-LAB-002",
            "values are cut at eight characters", f"{_RESULTS}.value", f"{_ORU} OBX-5"),
    _defect("lis-reads-latin-1", "lab-101", "REQ-LAB-003",
            "analyzer text is read as Latin-1", f"{_RESULTS}.value", f"{_ORU} OBX-5"),
    _defect("lis-barcode-as-number", "lab-48", "REQ-LAB-004",
            "leading zeros of a specimen id are lost", _RESULTS),
    _defect("lis-flattens-flags", "lab-70", "REQ-LAB-002",
            "HH is stored as H", f"{_RESULTS}.flag", f"{_ORU} OBX-8"),
    _defect("lis-drops-unit", "lab-64", "REQ-LAB-002",
            "the unit is not stored", f"{_RESULTS}.unit", f"{_ORU} OBX-6"),
    _defect("lis-quality-control-as-patient", "lab-78", "REQ-LAB-005",
            "quality control is stored among patients", _RESULTS),
    _defect("lis-stores-repeats-of-results", "lab-88", "REQ-LAB-006",
            "a message sent again is stored again", _RESULTS),
    _defect("lis-preliminary-as-final", "lab-71", "REQ-LAB-007",
            "status P is stored as F", f"{_RESULTS}.status", f"{_ORU} OBX-11"),
    _defect("lis-ignores-corrections", "lab-89", "REQ-LAB-007",
            "a corrected result changes nothing", f"{_RESULTS}.value"),
    _defect("lis-first-patient-for-all", "lab-34", "REQ-LAB-008",
            "all results of a message go to its first patient", f"{_RESULTS}.patient_id"),
    _defect("lis-takes-name-from-analyzer", "lab-57", "REQ-LAB-008",
            "the name that an analyzer sends replaces the registered one",
            "LIS-ASTM sql patients.name"),
    _defect("lis-drops-unmatched", "lab-59", "REQ-LAB-004",
            "results without an order vanish", "LIS-ASTM sql unmatched"),
    _defect("lis-matches-cancelled", "lab-59", "REQ-LAB-004",
            "results are stored for a cancelled order", _RESULTS),
    _defect("lis-own-time", "lab-93", "REQ-LAB-002",
            "the time of receipt stands for the time of the test",
            f"{_RESULTS}.tested_at", f"{_ORU} OBX-14"),
    _defect("lis-sends-first-result-only", "hl7-78", "REQ-FEED-001",
            "only the first result of a message is passed on", _ORU),
    _defect("lis-sends-no-unit", "hl7-80", "REQ-FEED-001",
            "OBX-6 is empty", f"{_ORU} OBX-6"),
    _defect("lis-sends-no-flag", "hl7-85", "REQ-FEED-001",
            "OBX-8 is empty", f"{_ORU} OBX-8"),
    _defect("lis-declares-other-charset", "hl7-57", "REQ-FEED-002",
            "MSH-18 says GB18030, the text is UTF-8", f"{_ORU} MSH-18"),
    _defect("lis-shifts-birth", "hl7-86", "REQ-FEED-001",
            "a time is added to the date of birth", f"{_ORU} PID-7"),
    _defect("lis-no-resend", "hl7-37", "REQ-FEED-003",
            "a message without answer is given up", _ORU),
    _defect("lis-ignores-msa-2", "hl7-23", "REQ-FEED-004",
            "an answer to another message is taken for this one", _ORU),
    _defect("lis-takes-any-answer", "hl7-27", "REQ-FEED-004",
            "any answer counts as accepted", _ORU),
    _defect("lis-resend-new-control-id", "hl7-49", "REQ-FEED-003",
            "a message sent again has another control id", f"{_ORU} MSH-10"),
    _defect("lis-acknowledges-before-storing", "hl7-29", "REQ-FEED-005",
            "an order is acknowledged before it is stored", _ORDERS),
    _defect("lis-wrong-msa-2", "hl7-24", "REQ-FEED-006",
            "MSA-2 is not the control id", "HIS-ORD hl7 MSA-2"),
    _defect("lis-ignores-msh-18", "hl7-53", "REQ-FEED-007",
            "the declared character set is not looked at", f"{_PATIENTS}.name"),
    _defect("lis-accepts-unknown-types", "hl7-39", "REQ-FEED-008",
            "a message of an unknown type is answered AA", "HIS-ORD hl7 MSA-1"),
    _defect("lis-ignores-null", "hl7-77", "REQ-FEED-009",
            'a field sent as "" is not deleted', f"{_PATIENTS}.phone"),
    _defect("lis-ignores-transfer", "hl7-82", "REQ-FEED-010",
            "A02 does not change ward and bed", f"{_PATIENTS}.ward"),
    _defect("lis-merge-forgets-orders", "hl7-89", "REQ-FEED-011",
            "orders stay with the retired number", f"{_ORDERS}.patient_id"),
    _defect("lis-first-order-only", "hl7-78", "REQ-FEED-012",
            "only the first item of an order is stored", _ORDERS),
    _defect("lis-ignores-cancel", "hl7-88", "REQ-FEED-013",
            "a cancelled order stays open", f"{_ORDERS}.state"),
    _defect("his-stores-repeats", "hl7-47", "REQ-FEED-014",
            "a message with a known control id is stored again", _HIS_RESULTS),
    _defect("his-acknowledges-before-storing", "hl7-29", "REQ-FEED-015",
            "a result is acknowledged before it is stored", _HIS_RESULTS),
    _defect("his-wrong-msa-2", "hl7-24", "REQ-FEED-016",
            "MSA-2 is not the control id", f"{_ORU} MSA-2"),
    _defect("his-ignores-msh-18", "hl7-53", "REQ-FEED-017",
            "the declared character set is not looked at", f"{_HIS_RESULTS}.value"),
    _defect("his-accepts-unknown-types", "hl7-39", "REQ-FEED-018",
            "a message of an unknown type is answered AA", f"{_ORU} MSA-1"),
    _defect("his-reads-first-obx-only", "hl7-78", "REQ-FEED-019",
            "only the first OBX is read", _HIS_RESULTS),
    _defect("his-drops-unit", "hl7-80", "REQ-FEED-019",
            "the unit is not stored", f"{_HIS_RESULTS}.unit"),
    _defect("his-rounds-values", "lab-75", "REQ-FEED-019",
            "trailing zeros of a value are lost", f"{_HIS_RESULTS}.value"),
    _defect("his-downgrades-final", "hl7-52", "REQ-FEED-020",
            "a late preliminary result replaces the final one", f"{_HIS_RESULTS}.value"),
    _defect("his-ignores-corrections", "hl7-85", "REQ-FEED-020",
            "a corrected result changes nothing", f"{_HIS_RESULTS}.value"),
    _defect("his-misses-low-critical", "lab-107", "REQ-FEED-021",
            "LL raises no alarm", "LIS-ORU sql alarms"),
    _defect("his-alarm-closes-itself", "lab-111", "REQ-FEED-021",
            "an alarm is acknowledged by nobody", "LIS-ORU sql alarms.state"),
    _defect("his-loses-id-card", "hl7-79", "REQ-FEED-022",
            "the identity card number is missing in PID-3", "HIS-ADT hl7 PID-3[2].1",
            f"{_PATIENTS}.id_card"),
    _defect("his-cuts-name", "hl7-63", "REQ-FEED-022",
            "names are cut at four bytes", "HIS-ADT hl7 PID-5", f"{_PATIENTS}.name"),
    _defect("his-shifts-birth", "hl7-86", "REQ-FEED-022",
            "the date of birth is a day off", "HIS-ADT hl7 PID-7", f"{_PATIENTS}.birth"),
    _defect("his-wrong-sex", "hl7-85", "REQ-FEED-022",
            "sex is sent as 1 and 2", "HIS-ADT hl7 PID-8", f"{_PATIENTS}.sex"),
    _defect("his-no-null", "hl7-77", "REQ-FEED-023",
            "a deleted field is sent as empty", "HIS-ADT hl7 PID-13", f"{_PATIENTS}.phone"),
    _defect("his-sends-first-item-only", "lab-95", "REQ-FEED-024",
            "only the first item of an order is sent", "HIS-ORD hl7", _ORDERS),
    _defect("his-cancel-as-new", "hl7-88", "REQ-FEED-024",
            "a cancellation is sent as a new order", "HIS-ORD hl7 ORC-1", f"{_ORDERS}.state"),
    _defect("his-routine-for-all", "lab-95", "REQ-FEED-024",
            "urgent orders are sent as routine", "HIS-ORD hl7 OBR-5", f"{_ORDERS}.priority"),
    _defect("his-no-resend", "hl7-37", "REQ-FEED-025",
            "a message without answer is given up", "HIS-ORD hl7", _ORDERS),
    _defect("his-resend-new-control-id", "hl7-49", "REQ-FEED-025",
            "a message sent again has another control id", "HIS-ORD hl7 MSH-10"),
)  # fmt: skip

BY_ID = {defect.id: defect for defect in DEFECTS}


def check(idents: Sequence[str]) -> None:
    """Refuse an id that no defect has, with the nearest ones."""
    for ident in idents:
        if ident not in BY_ID:
            near = difflib.get_close_matches(ident, BY_ID, n=3, cutoff=0.3)
            raise InputError(
                f"the built-in hospital has no defect {ident}",
                remedy=", ".join(near) if near else "medharness run --defect ID",
            )
