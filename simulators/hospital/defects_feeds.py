"""Defects of the built-in LIS and HIS in how they carry, read and answer HL7.

Framing and connections, acknowledgements, character sets, separators and escapes, identifiers,
merges: rows A to F of the HL7 fault catalogue.
"""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_PATIENTS = "HIS-ADT sql patients"
_ACK = "HIS-ADT hl7"
_ORU = "LIS-ORU hl7"
_HIS_RESULTS = "LIS-ORU sql results"
_COLUMNS = tuple(
    f"{_PATIENTS}.{name}" for name in ("name", "ward", "bed", "phone", "sex", "birth", "state")
)

DEFECTS = (
    # framing
    _defect("lis-first-of-glued", "hl7-01", "REQ-FEED-030",
            "of several frames in one read only the first is processed", _PATIENTS, _ACK),
    _defect("lis-stuck-after-junk", "hl7-04", "REQ-FEED-031",
            "text in front of a frame costs the frame", _PATIENTS, _ACK),
    _defect("lis-replays-buffer", "hl7-05", "REQ-FEED-032",
            "each read brings the first message of the connection again", _ACK),
    _defect("lis-reads-answer-once", "hl7-06", "REQ-FEED-049",
            "an answer that comes in parts is not read", _ORU),
    _defect("his-cuts-large", "hl7-14", "REQ-FEED-043",
            "a message is cut at 64 KiB", f"{_HIS_RESULTS}.value", _HIS_RESULTS),
    _defect("his-cuts-at-16-mib", "hl7-14", "REQ-FEED-088",
            "a message is cut at 16 MiB", f"{_HIS_RESULTS}.value", _HIS_RESULTS),
    # acknowledgements
    _defect("lis-credits-late-answer", "hl7-25", "REQ-FEED-048",
            "a late answer to the message before is taken for this one", _ORU),
    _defect("his-silent-on-error", "hl7-30", "REQ-FEED-041",
            "what cannot be processed is not answered", _ORU, f"{_ORU} MSA"),
    _defect("his-refuses-in-text", "hl7-31", "REQ-FEED-042",
            "a refusal is free text, not a message", _ORU, f"{_ORU} MSA", f"{_ORU} MSA-1"),
    _defect("lis-ack-not-swapped", "hl7-32", "REQ-FEED-037",
            "the acknowledgement names sender and receiver as the message did", f"{_ACK} MSH-3",
            f"{_ACK} MSH-5"),
    _defect("lis-ack-other-version", "hl7-33", "REQ-FEED-037",
            "the acknowledgement has a version of its own", f"{_ACK} MSH-12"),
    _defect("lis-ack-without-trigger", "hl7-33", "REQ-FEED-037",
            "the acknowledgement names no event", f"{_ACK} MSH-9"),
    _defect("lis-ack-same-id", "hl7-35", "REQ-FEED-037",
            "all acknowledgements have one control id", f"{_ACK} MSH-10"),
    _defect("lis-poison-blocks", "hl7-43", "REQ-FEED-047",
            "a refused message is sent again and again, and none behind it goes out", _ORU),
    _defect("lis-swallows-changed-content", "hl7-48", "REQ-FEED-038",
            "another message under a known control id is answered AA and dropped",
            f"{_ACK} MSA-1"),
    _defect("lis-retries-at-the-end", "hl7-45", "REQ-FEED-050",
            "a message that was not answered goes to the end of the queue", _ORU),
    # character sets
    _defect("lis-charset-of-first-message", "hl7-58", "REQ-FEED-033",
            "a connection keeps the character set of its first message", *_COLUMNS),
    _defect("lis-refuses-bom", "hl7-60", "REQ-FEED-034",
            "a byte order mark in front of MSH makes the message unreadable", _PATIENTS,
            f"{_ACK} MSA-1"),
    _defect("lis-cuts-hl7-at-bytes", "hl7-61", "REQ-FEED-036",
            "the message is cut at bytes: half of a Chinese character may be a separator",
            *_COLUMNS),
    _defect("his-folds-units", "hl7-64", "REQ-FEED-044",
            "signs of units are replaced by letters", f"{_HIS_RESULTS}.unit"),
    # syntax
    _defect("his-keeps-escapes", "hl7-66", "REQ-FEED-045",
            "escape sequences are stored as they were sent", f"{_HIS_RESULTS}.value"),
    _defect("his-refuses-value-type", "hl7-83", "REQ-FEED-046",
            "one OBX of an unknown type makes the whole result fail", _HIS_RESULTS),
    _defect("lis-refuses-truncation-sign", "hl7-73", "REQ-FEED-034",
            "a fifth character in MSH-2 makes the message unreadable", _PATIENTS,
            f"{_ACK} MSA-1"),
    _defect("lis-ignores-hl7-delimiters", "hl7-74", "REQ-FEED-034",
            "the separators that the header names are not looked at", _PATIENTS,
            f"{_ACK} MSA-1"),
    # content
    _defect("lis-stores-null", "hl7-77", "REQ-FEED-035",
            'a field sent as "" is stored as two quotes', f"{_PATIENTS}.phone"),
    _defect("lis-empty-deletes", "hl7-77", "REQ-FEED-035",
            "an empty field deletes what was stored", f"{_PATIENTS}.phone"),
    _defect("lis-first-identifier", "hl7-78", "REQ-FEED-052",
            "the first repetition of PID-3 is the patient number, whatever its type", _PATIENTS,
            f"{_PATIENTS}.patient_id"),
    _defect("lis-stops-at-unknown-segment", "hl7-80", "REQ-FEED-051",
            "what stands behind a segment that is not known is lost", f"{_PATIENTS}.ward",
            f"{_PATIENTS}.bed", _PATIENTS),
    _defect("lis-merges-with-itself", "hl7-89", "REQ-FEED-039",
            "a merge of a patient with itself retires the patient", f"{_PATIENTS}.state",
            f"{_ACK} MSA-1"),
    _defect("lis-merge-forgets-results", "hl7-89", "REQ-FEED-040",
            "results stay with the retired number", "LIS-ASTM sql results.patient_id"),
    _defect("lis-merge-cannot-be-undone", "hl7-89", "REQ-FEED-083",
            "a merge that is sent the other way round leaves both numbers retired",
            f"{_PATIENTS}.state"),
    _defect("lis-retired-number-lives", "hl7-89", "REQ-FEED-083",
            "a number that was merged away is taken for a patient again", f"{_PATIENTS}.state",
            "HIS-ORD sql orders.patient_id"),
    _defect("lis-ignores-order-status", "hl7-88", "REQ-FEED-084",
            "an order is taken though ORC-5 gainsays ORC-1", "HIS-ORD hl7 MSA-1",
            "HIS-ORD sql orders"),
    _defect("lis-moves-birth-by-zone", "hl7-86", "REQ-FEED-034",
            "a day of birth with a zone is moved to the zone of Beijing", f"{_PATIENTS}.birth"),
)  # fmt: skip
