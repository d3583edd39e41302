"""Defects of the built-in HIS."""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_HIS_RESULTS = "LIS-ORU sql results"
_ORU = "LIS-ORU hl7"
_ORDERS = "HIS-ORD sql orders"
_PATIENTS = "HIS-ADT sql patients"

DEFECTS = (
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
