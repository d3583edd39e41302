"""Bodies over HTTP that are XML, such as SOAP 1.1 and 1.2 envelopes: what they are about.

The members of the settlement interface stand in them as elements, or as JSON inside of an element.
Only for finding records again, and for places of faults; nothing is parsed, so what is cut off is
read as well.
"""

from __future__ import annotations

import re
from typing import Final

from harness.cases.places_xml import is_xml, plain
from harness.evidence.correlate import Summary

XML: Final = (("Content-Type", "text/xml;charset=UTF-8"), ("SOAPAction", '""'))
"""Headers of a request with such a body (SOAP 1.1 §6.1.1)."""

_OPERATION: Final = re.compile(
    r"<(?:[\w-]+:)?Body\b[^<>]*>\s*(?:<!--.*?-->\s*)*<(?:[\w-]+:)?(?P<name>[A-Za-z_][\w.-]*)",
    re.DOTALL,
)
_ROOT: Final = re.compile(r"<(?:[\w-]+:)?(?P<name>[A-Za-z_][\w.-]*)")
_KEYS: Final = (
    ("patient", ("psn_no", "patient_id", "patientId", "PatientId", "patientNo")),
    ("visit", ("mdtrt_id", "visitNo", "visitId", "jzlsh")),
    ("setl_id", ("setl_id",)),
    ("barcode", ("barcode", "barCode", "barcodeNo")),
    ("placer", ("placer", "orderNo", "applyNo")),
    ("bill", ("bill_no",)),
)
"""Key, and the elements or members that hold it."""

_ELEMENT: Final = (
    r"<(?:[\w-]+:)?{}(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?([^<>]*?)"
    r"\s*(?:\]\]>)?\s*</"
)
_ATTRIBUTE: Final = r"\b{}\s*=\s*[\"']([^\"'<>]*)[\"']"
_MEMBER: Final = r"\"{}\\*\"\s*:\s*(?:\\*\"([^\"\\<>]*)|(-?[0-9][0-9.]*))"

_IDS: Final = ("msgid", "inf_refmsgid", "messageId", "MessageID")


def about(payload: bytes) -> Summary | None:
    """Operation or number of the transaction, id and keys of a body; None of what is no XML."""
    if not is_xml(payload):
        return None
    text = plain(payload.decode("latin-1"))
    operation = _OPERATION.search(text) or _ROOT.search(text)
    corr = {key: value for key, names in _KEYS if (value := _first(text, names))}
    return Summary(
        type=_first(text, ("infno",)) or (operation["name"] if operation else ""),
        id=_first(text, _IDS), corr=corr,
    )  # fmt: skip


def _first(text: str, names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := member(text, name))), "")


def member(text: str, name: str) -> str:
    """The first element, attribute or member of JSON of that name; empty where there is none."""
    found = re.search(_ELEMENT.format(re.escape(name)), text)
    for pattern in () if found else (_ATTRIBUTE, _MEMBER):
        found = found or re.search(pattern.format(re.escape(name)), text)
    return next((one for one in found.groups() if one is not None), "") if found else ""
