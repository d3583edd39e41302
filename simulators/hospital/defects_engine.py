"""Defects of the built-in interface engine: in its store, rules, queues and protocol."""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_LIS = "ENG-LIS sql patients"
_ADT = "HIS-ADT sql patients"
_OUT, _RIS = "ENG-LIS hl7", "ENG-RIS hl7"
_IN = "HIS-ENG hl7"
_PEIS = "ENG-PEIS hl7"
_SHOWN = tuple(f"{_LIS}.{name}" for name in ("id_card", "name")) + tuple(
    f"{_OUT} {path}" for path in ("PID-3", "PID-5")
)
"""Where a block that was damaged shows if it is taken."""
_PLACE = (f"{_ADT}.bed", f"{_ADT}.ward", _ADT)

DEFECTS = (
    _defect("engine-acknowledges-before-storing", "hl7-29", "REQ-FEED-072",
            "the answer leaves before the message is stored", _ADT, _LIS),
    _defect("engine-loses-z-segments", "hl7-80", "REQ-FEED-071",
            "segments of the site do not come out", f"{_OUT} ZPI-1",
            *(f"{where} {name}-{number}" for where in (_OUT, _RIS, "ENG-PACS hl7")
              for name in ("ZPI", "ZFY") for number in (1, 2, 3))),
    _defect("engine-names-charset-only", "hl7-57", "REQ-FEED-071",
            "MSH-18 names the new character set, and the text stays in the old one",
            f"{_RIS} MSH-18", f"{_RIS} PID-5", _RIS),
    _defect("engine-goes-through-gbk", "hl7-62", "REQ-FEED-071",
            "characters that GBK does not have come out as question marks", f"{_RIS} PID-5",
            "ENG-PACS hl7 PID-5", _RIS),
    _defect("engine-swaps-identifiers", "hl7-79", "REQ-FEED-071",
            "the numbers of PID-3 come out under each other's type", _OUT, _RIS,
            "ENG-PACS hl7", _LIS, _ADT, "HIS-ORD sql orders.patient_id", "HIS-ORD sql orders",
            "ENG-LIS sql queue", "ENG-RIS sql queue"),
    _defect("engine-reorders-after-restart", "hl7-45", "REQ-FEED-073",
            "what a restart finds waiting goes out newest first", *_PLACE, f"{_ADT}.state"),
    _defect("engine-repeats-after-restart", "hl7-47", "REQ-FEED-074",
            "the last message of each destination goes out again after a restart, renamed", _OUT),
    _defect("engine-deaf-after-restart", "hl7-20", "REQ-FEED-072",
            "after a restart every connection is closed at once", _LIS, _ADT, _OUT, f"{_IN} MSA-4",
            f"{_IN} MSA-1"),
    _defect("engine-drops-refused", "hl7-43", "REQ-FEED-075",
            "a message that its receiver refuses is gone", "ENG-RIS sql queue"),
    _defect("engine-blocked-by-refusal", "hl7-43", "REQ-FEED-075",
            "a message that its receiver refuses is sent for ever, and none behind it goes out",
            "ENG-RIS sql queue"),
    _defect("engine-one-line-for-all", "hl7-16", "REQ-FEED-075",
            "a destination that is down stops the ones behind it", _RIS),
    _defect("engine-forwards-repeats", "hl7-49", "REQ-FEED-074",
            "a message that came before is forwarded again", _OUT),
    _defect("engine-waits-for-ever", "hl7-12", "REQ-FEED-076",
            "a line that swallows everything is waited for without a limit", _LIS, _OUT),
    _defect("engine-upgrade-forgets-charset", "hl7-55", "REQ-FEED-077",
            "after an upgrade a destination gets the character set of the source",
            f"{_RIS} MSH-18", _RIS),
    _defect("engine-upgrade-loses-rule", "hl7-92", "REQ-FEED-077",
            "after an upgrade one event has no rule any more", f"{_ADT}.phone", _ADT),
    _defect("engine-answers-batch-singly", "hl7-36", "REQ-FEED-078",
            "each message of a batch is answered by itself", f"{_IN} BTS"),
    _defect("engine-takes-first-of-batch", "hl7-36", "REQ-FEED-078",
            "of a batch only the first message is taken, and all are accepted", _LIS),
    _defect("engine-ignores-gaps", "hl7-51", "REQ-FEED-079",
            "a message is taken though the one before it is missing", f"{_IN} MSA-1",
            f"{_IN} MSA-4", _LIS),
    _defect("engine-forwards-fragments", "hl7-14", "REQ-FEED-080",
            "each fragment of a message goes on by itself", f"{_OUT} ZPI-3",
            *(f"{_OUT} {path}" for path in ("ZPI-1", "ZPI-2", "PV2-2", "ZFY-1", "ZFY-2", "ZFY-3")),
            _OUT),
    _defect("engine-forgets-application-answer", "hl7-44", "REQ-FEED-081",
            "the application answer never comes", "ENG-ACK hl7 MSA-1"),
    _defect("engine-tls-takes-anybody", "hl7-21", "REQ-FEED-082",
            "senders are not asked for a certificate", f"{_IN} TLS", _LIS),
    _defect("engine-tls-trusts-anybody", "hl7-21", "REQ-FEED-082",
            "what a receiver shows is not looked at before messages go to it", "ENG-RIS hl7 TLS",
            "ENG-RIS sql queue", _RIS),
    _defect("engine-tls-shows-expired", "hl7-21", "REQ-FEED-082",
            "the engine shows a certificate that has expired", f"{_IN} TLS", _LIS, _OUT, _RIS,
            "ENG-RIS sql queue"),
    _defect("engine-tls-keeps-certificate", "hl7-21", "REQ-FEED-089",
            "a new certificate counts after a restart only", f"{_IN} TLS", _LIS),
    _defect("engine-tls-end-is-frame-end", "hl7-21", "REQ-FEED-090",
            "the end of a connection ends the message too", _LIS, f"{_IN} TLS", f"{_IN} MSA-1",
            _OUT),
    _defect("engine-hllp-ignores-count", "hl7-19", "REQ-FEED-091",
            "the byte count of a block is not looked at", f"{_IN} HLLP", *_SHOWN, _OUT),
    _defect("engine-hllp-ignores-checksum", "hl7-19", "REQ-FEED-091",
            "the checksum of a block is not looked at", f"{_IN} HLLP", *_SHOWN, _OUT),
    _defect("engine-hllp-takes-plain", "hl7-07", "REQ-FEED-091",
            "a frame without the head of a block is taken for one", f"{_IN} HLLP"),
    _defect("engine-hllp-refuses-nothing", "hl7-30", "REQ-FEED-091",
            "a damaged block is dropped without a word", f"{_IN} HLLP"),
    _defect("engine-hllp-keeps-refused", "hl7-19", "REQ-FEED-091",
            "a block that was refused takes effect all the same", f"{_IN} MSA-1", *_SHOWN, _OUT),
    _defect("engine-hllp-refusal-is-answer", "hl7-22", "REQ-FEED-092",
            "the block that refuses counts as the answer", _PEIS),
    _defect("engine-hllp-renames-refused", "hl7-48", "REQ-FEED-092",
            "what was refused goes out under another control id", _PEIS),
    _defect("engine-hllp-counts-characters", "hl7-17", "REQ-FEED-092",
            "the count of a block is of characters, not of bytes", f"{_PEIS} HLLP", _PEIS,
            "ENG-PEIS sql queue"),
)  # fmt: skip
