"""More defects of the built-in LIS and HIS in how they carry, read and answer HL7.

Rows A to F of the HL7 fault catalogue that ``defects_feeds.py`` has none for.
"""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_PATIENTS = "HIS-ADT sql patients"
_ACK = "HIS-ADT hl7"
_ORU = "LIS-ORU hl7"
_HIS_RESULTS = "LIS-ORU sql results"
_VALUE = f"{_HIS_RESULTS}.value"
_NAME = f"{_PATIENTS}.name"

DEFECTS = (
    _defect("lis-frames-in-utf-16", "hl7-17", "REQ-FEED-086",
            "start and end blocks go through the writer of UTF-16 text", f"{_ACK} MSA-1",
            f"{_ACK} MSA-2", _ACK),
    # framing and connections
    _defect("lis-line-end-costs-frame", "hl7-02", "REQ-FEED-031",
            "a line end in front of a frame costs the frame", _PATIENTS, _ACK),
    _defect("lis-nul-costs-frame", "hl7-03", "REQ-FEED-031",
            "NUL bytes in front of a frame cost the frame", _PATIENTS, _ACK),
    _defect("lis-takes-unframed", "hl7-07", "REQ-FEED-004",
            "an answer without start and end block counts", _ORU),
    _defect("his-drops-double-wrap", "hl7-08", "REQ-FEED-060",
            "a frame that is wrapped twice is dropped", _ORU),
    _defect("lis-needs-exact-trailer", "hl7-09", "REQ-FEED-055",
            "an answer whose end block is followed by NUL is dropped", _ORU),
    _defect("lis-stops-after-close", "hl7-10", "REQ-FEED-055",
            "a connection that the peer closed after its answer is not opened again", _ORU),
    _defect("lis-empty-line-ends", "hl7-15", "REQ-FEED-034",
            "a message ends at its first empty line", _PATIENTS, f"{_ACK} MSA-1"),
    _defect("lis-no-back-off", "hl7-18", "REQ-FEED-062",
            "a connection that was closed is opened again at once, again and again", _ORU),
    _defect("his-stores-half", "hl7-19", "REQ-FEED-060",
            "what came before a connection broke is stored as a message", _HIS_RESULTS, _VALUE),
    _defect("lis-takes-commit-block", "hl7-22", "REQ-FEED-004",
            "a commit block counts as the answer", _ORU),
    _defect("lis-stale-after-idle", "hl7-11", "REQ-FEED-064",
            "the first message after a pause is lost", _PATIENTS, f"{_ACK} MSA"),
    _defect("lis-ten-connections", "hl7-13", "REQ-FEED-057",
            "the eleventh connection is closed without a word", f"{_ACK} MSA-2"),
    _defect("lis-one-reader-for-all", "hl7-16", "REQ-FEED-057",
            "while one connection is in mid-frame, no other one is read", f"{_ACK} MSA-2"),
    # acknowledgements
    _defect("lis-answers-newest-line", "hl7-26", "REQ-FEED-057",
            "every answer goes out over the connection that opened last", f"{_ACK} MSA-2"),
    _defect("lis-garbles-error-text", "hl7-40", "REQ-FEED-061",
            "the text of a refusal is written without Chinese characters", "HIS-ORD hl7 MSA-3"),
    _defect("lis-cuts-error-text", "hl7-40", "REQ-FEED-061",
            "the text of a refusal is cut", "HIS-ORD hl7 MSA-3"),
    _defect("lis-ignores-msh-16", "hl7-41", "REQ-FEED-063",
            "a message that wants no answer is answered", f"{_ACK} MSA"),
    _defect("lis-answers-at-close", "hl7-42", "REQ-FEED-006",
            "an answer waits until the connection closes", "HIS-ORD hl7 MSA"),
    # order
    _defect("lis-applies-last-first", "hl7-46", "REQ-FEED-058",
            "a message is acknowledged at once and applied later, the last one first",
            f"{_PATIENTS}.ward"),
    _defect("lis-small-overtakes-large", "hl7-50", "REQ-FEED-058",
            "a small message is applied before the large one that came first",
            f"{_PATIENTS}.ward"),
    _defect("lis-refuses-commit-accept", "hl7-28", "REQ-FEED-055",
            "CA is taken for a failure, and the message is sent again", _ORU),
    _defect("lis-needs-final-return", "hl7-34", "REQ-FEED-055",
            "an answer whose last segment has no CR is dropped", _ORU),
    _defect("lis-impatient", "hl7-38", "REQ-FEED-055",
            "an answer that takes a second is not waited for", _ORU),
    # character sets
    _defect("lis-unknown-charset-latin", "hl7-54", "REQ-FEED-033",
            "UNICODE UTF-8 is not known and read as Latin", _NAME, f"{_PATIENTS}.bed"),
    _defect("lis-utf8-only", "hl7-56", "REQ-FEED-033",
            "everything is read as UTF-8", _NAME),
    _defect("lis-default-charset", "hl7-59", "REQ-FEED-034",
            "without MSH-18 the text is read as Latin", _NAME),
    _defect("lis-loses-rare", "hl7-62", "REQ-FEED-007",
            "characters that GBK has not become question marks", _NAME),
    _defect("his-question-marks", "hl7-65", "REQ-FEED-017",
            "Chinese text of results becomes question marks", _VALUE),
    # syntax
    _defect("lis-needs-carriage-return", "hl7-70", "REQ-FEED-034",
            "line feeds end no segment", _PATIENTS, f"{_ACK} MSA-1"),
    _defect("lis-gives-up-on-many", "hl7-76", "REQ-FEED-034",
            "a message with a thousand repetitions is not read", _PATIENTS, f"{_ACK} MSA-1"),
    _defect("his-unescapes-twice", "hl7-67", "REQ-FEED-059",
            "escapes are undone twice", _VALUE),
    _defect("his-cuts-at-line-end", "hl7-68", "REQ-FEED-059",
            "a text is cut at its first line end", _VALUE),
    _defect("his-ignores-hex", "hl7-69", "REQ-FEED-059",
            "hexadecimal escapes are not undone", _VALUE),
    _defect("his-cuts-at-component", "hl7-71", "REQ-FEED-059",
            "of a text only what stands before the first separator is stored", _VALUE),
    _defect("his-eats-backslash", "hl7-72", "REQ-FEED-059",
            "backslashes that begin no escape are lost", _VALUE),
    _defect("his-cuts-digits", "hl7-75", "REQ-FEED-059",
            "times are cut to 14 digits as text, and so is every other long number", _VALUE),
    # content
    _defect("his-normalises-numbers", "hl7-84", "REQ-FEED-059",
            "numbers are stored without leading zeros and comparators", _VALUE),
    _defect("his-slow-on-large", "hl7-91", "REQ-FEED-043",
            "a message above 128 KiB takes a minute", _HIS_RESULTS),
    _defect("his-strips-padding", "hl7-93", "REQ-FEED-059",
            "the padding of an embedded file is lost", _VALUE),
    _defect("lis-segment-order", "hl7-81", "REQ-FEED-034",
            "PV1 in front of PID is not read", f"{_PATIENTS}.ward", f"{_PATIENTS}.bed"),
    _defect("lis-phone-from-next-field", "hl7-87", "REQ-FEED-034",
            "the phone is taken from PID-14 where that is filled", f"{_PATIENTS}.phone"),
    _defect("lis-empty-component-counts", "hl7-90", "REQ-FEED-056",
            "a type of identifier without a number deletes the number that is stored",
            f"{_PATIENTS}.id_card"),
)  # fmt: skip
