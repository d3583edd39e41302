"""Defects of the built-in LIS at its edges: the link to ASTM analyzers, and how it reads text."""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_RESULTS = "LIS-ASTM sql results"
_ANSWER = "LIS-ASTM astm"
_REPLY = "LIS-ASTM link reply"
_ORU = "LIS-ORU hl7"

DEFECTS = (
    _defect("lis-ignores-checksums", "lab-01", "REQ-LAB-033",
            "a frame whose checksum does not fit is accepted", _REPLY),
    _defect("lis-ignores-frame-numbers", "lab-04", "REQ-LAB-033",
            "a frame whose number is not the next one is accepted", _REPLY),
    _defect("lis-calls-once", "lab-07", "REQ-LAB-034",
            "an answer is given up when the analyzer refuses the call once", _ANSWER),
    _defect("lis-gives-up-when-refused", "lab-08", "REQ-LAB-034",
            "an answer is given up when one frame is refused once", _ANSWER),
    _defect("lis-stores-after-break", "lab-14", "REQ-LAB-035",
            "the beginning of a message is stored when the connection breaks",
            _ORU, f"{_ORU} MSH-10"),
    _defect("lis-stores-after-timeout", "lab-25", "REQ-LAB-035",
            "the beginning of a message is stored when its end does not come in time",
            _ORU, f"{_ORU} MSH-10"),
    _defect("lis-fixed-delimiters", "lab-30", "REQ-LAB-036",
            "separators are not taken from the header record", _RESULTS, f"{_RESULTS}.value"),
    _defect("lis-keeps-escapes", "lab-31", "REQ-LAB-036",
            "escape sequences are stored as they were sent", f"{_RESULTS}.value"),
    _defect("lis-empty-name-wipes", "lab-38", "REQ-LAB-008",
            "a name that an analyzer leaves empty deletes the registered one",
            "LIS-ASTM sql patients.name"),
    _defect("lis-rewrites-powers", "lab-63", "REQ-LAB-002",
            "10*9 becomes 10^9 in a unit", f"{_RESULTS}.unit"),
    _defect("lis-flips-positive", "lab-72", "REQ-LAB-002",
            "the flag of a positive result becomes that of a normal one", f"{_RESULTS}.flag"),
    _defect("lis-nameless-as-control", "lab-79", "REQ-LAB-038",
            "results without a patient's name are taken for quality control", _RESULTS),
    _defect("lis-forgets-after-reconnect", "lab-86", "REQ-LAB-006",
            "what is sent again over a new connection is stored again", _RESULTS),
    _defect("lis-cuts-long-orders", "lab-98", "REQ-LAB-039",
            "an order of many tests is cut", f"{_ANSWER} O.5"),
    _defect("lis-guesses-utf-8", "lab-103", "REQ-LAB-003",
            "text that could be UTF-8 is read as UTF-8", f"{_RESULTS}.value"),
    _defect("lis-seven-bits", "lab-106", "REQ-LAB-003",
            "the eighth bit of text is lost", f"{_RESULTS}.value"),
)  # fmt: skip
