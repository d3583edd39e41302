"""Defects of the built-in LIS that guess whose a result is, take the wrong one of two, or restart.

With them come those of the line that only show where the LIS sends: interrupts, contention, floods.
"""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_RESULTS = "LIS-ASTM sql results"
_ASIDE = "LIS-ASTM sql unmatched"
_CONTROL = "LIS-ASTM sql quality_control"
_RERUNS = "LIS-ASTM sql reruns"
_ANSWER = "LIS-ASTM astm"

DEFECTS = (
    _defect("lis-ignores-middle-checksums", "lab-02", "REQ-LAB-033",
            "a frame that ends with ETB is accepted whatever its checksum",
            "LIS-ASTM astm reply"),
    _defect("lis-floods-after-timeout", "lab-09", "REQ-LAB-034",
            "what was not answered in time is queued five times over", _ANSWER),
    _defect("lis-ignores-interrupt", "lab-10", "REQ-LAB-050",
            "an EOT in place of an answer does not make it give the line up",
            f"{_ANSWER} call"),
    _defect("lis-does-not-yield", "lab-11", "REQ-LAB-051",
            "it calls again at once where both sides called", _ANSWER),
    _defect("lis-takes-all-for-a-tube", "lab-97", "REQ-LAB-011",
            "ALL is looked for as the specimen id that it is not", _ANSWER),
    _defect("lis-port-stays-closed", "lab-27", "REQ-LAB-009",
            "after a restart every analyzer that connects is hung up on", _RESULTS),
    _defect("lis-loses-first-after-start", "lab-84", "REQ-LAB-009",
            "the first message after a restart is accepted and lost", _RESULTS),
    _defect("lis-stores-at-session-end", "lab-26", "REQ-LAB-009",
            "the L record is accepted, and its results are stored when the session ends", _RESULTS),
    _defect("lis-matches-typed-name", "lab-51", "REQ-LAB-045",
            "a name in place of a specimen id finds an order of that patient", _ASIDE),
    _defect("lis-matches-unread", "lab-52", "REQ-LAB-045",
            "what stands for an unread barcode finds the newest order", _ASIDE),
    _defect("lis-matches-endings", "lab-53", "REQ-LAB-045",
            "a short number finds an order whose specimen id ends so", _ASIDE),
    _defect("lis-ignores-aliquot-suffix", "lab-56", "REQ-LAB-046",
            "the suffix of an aliquot is taken for a part of the specimen id", _RESULTS),
    _defect("lis-keeps-two-values", "lab-67", "REQ-LAB-047",
            "a field with two values is stored whole", f"{_RESULTS}.value"),
    _defect("lis-takes-other-unit", "lab-69", "REQ-LAB-047",
            "the same test in another unit takes the place of the first",
            _RESULTS, _RERUNS, f"{_RESULTS}.value"),
    _defect("lis-first-lot-for-all", "lab-82", "REQ-LAB-005",
            "quality control is stored under the lot that was known first", _CONTROL),
    _defect("lis-order-clears-unmatched", "lab-90", "REQ-LAB-048",
            "results that waited for their order are wiped when it comes", _ASIDE),
    _defect("lis-routes-first-type-only", "lab-47", "REQ-LAB-067",
            "of an analyzer only the type of message that came first is taken in",
            "LIS-HL7 sql results"),
    _defect("lis-knows-listed-charsets", "lab-104", "REQ-LAB-067",
            "text under another spelling of its character set is read as Latin-1",
            "LIS-HL7 sql results.value"),
    _defect("lis-ignores-implied-decimals", "lab-62", "REQ-LAB-063",
            "columns whose decimals are implied are read as whole numbers",
            "LIS-FRAMED sql results.value"),
    _defect("lis-critical-one-rule-for-all", "lab-108", "REQ-LAB-103",
            "of several rules of an item the general one is applied to everybody",
            "LIS-CRIT sql critical_event"),
    _defect("lis-routes-nowhere", "lab-92", "REQ-FEED-001",
            "results stay here because the way to the HIS is not known", "LIS-ORU hl7"),
)  # fmt: skip
