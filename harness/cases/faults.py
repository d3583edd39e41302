"""What is wrong, said so that a program sees it: at a place, something else should stand.

``LIS ORU^R01 OBX[3=K]-6 = mmol/L``: in each such message from the LIS, this field of this segment.
``LIS ORU^R01 count = 1``: how many of them the system sends. ``lis-results[item=K] unit = mmol/L``:
what a probe of the profile sees. ``LIS astm O.5 = ...`` and ``HIS 2207 medfee_sumamt = ...`` are
places of ASTM records (LIS02-A2) and of JSON members; ``output.setlinfo.acct_pay`` is a path, from
wherever it begins. Of DICOM ``RIS C-FIND-RSP PatientName = ...`` and ``PACS C-STORE-RSP status =
0000``; ``C-FIND-RSP^FF00`` are the answers with that status. ``PACS C-STORE-RQ PixelData =
as-sent``: what comes back is what was sent under the same instance. ``LIS framing count = 0``: how
often its frames of HL7, or of an instrument's own, are not as they should be. On such a line ``LIS
ACK count`` and ``LIS NAK count`` are its replies; of POCT1-A2 ``LIS ACK.R01 ACK.type_cd = AA``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from harness.captures.poct import POCT
from harness.cases import dicom_about, soap
from harness.cases.as_sent import AS_SENT
from harness.cases.places_xml import is_xml, plain
from harness.errors import InputError, PeerError
from harness.evidence import correlate_http
from harness.i18n import tr
from harness.wire import poct1a
from harness.wire.astm_records import AstmMessage
from harness.wire.envelope import as_text
from harness.wire.hl7 import Hl7Message
from harness.wire.json_exact import decode, loads

COUNT: Final = "count"

REFUSALS: Final = frozenset({"infcode", "err_msg", dicom_about.STATUS})
"""Places at which a refusal is looked at; everywhere else it tells nothing."""

_WHOLE: Final = re.compile(r"(?P<left>.+?)\s+(?P<place>\S+)\s+=(?:\s+(?P<wanted>.*))?")
_PROBE: Final = re.compile(r"(?P<name>[\w-]+)(?:\[(?P<column>\w+)=(?P<value>[^\]]*)\])?")
_HL7: Final = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<key>[0-9]+)=(?P<value>[^\]]*)\])?"
    r"-(?P<field>[0-9]+)(?:\.(?P<component>[0-9]+))?"
)
_ASTM: Final = re.compile(
    r"(?P<segment>[A-Z])(?:\[(?P<key>[0-9]+)=(?P<value>[^\]]*)\])?\.(?P<field>[0-9]+)"
)


class Said(Protocol):
    """One message of the system, as a fault looks at it."""

    @property
    def frm(self) -> str:
        """Role that sent it."""
        ...

    @property
    def kind(self) -> str:
        """Type of the message."""
        ...

    @property
    def ident(self) -> str:
        """Its id; empty where it has none."""
        ...

    @property
    def protocol(self) -> str:
        """``hl7``, ``astm`` or ``http``."""
        ...

    @property
    def payload(self) -> bytes:
        """Its bytes."""
        ...

    # ``refusing`` may stand beside: a refusal of what was not refused in the recording.


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One reported fault.

    Attributes:
        text: as it was written.
        role: who says it; empty where a probe sees it.
        kind: type of the message, or name of the probe.
        where: column and value by which a row of a probe is chosen; empty for all.
        place: field, record field, member, column, or ``count``.
        wanted: what should stand there.
    """

    text: str
    role: str
    kind: str
    where: tuple[str, str] = ("", "")
    place: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a replay showed about one fault.

    Attributes:
        fault: which.
        values: what stood there; for a count the number; empty where nothing was seen.
    """

    fault: Fault
    values: tuple[str, ...]

    @property
    def judged(self) -> bool:
        """Whether there was anything to look at."""
        return bool(self.values)

    @property
    def shows(self) -> bool:
        """Whether the fault is there."""
        return any(one != self.fault.wanted for one in self.values)


def parse(text: str) -> Fault:
    """Read one fault as a person writes it.

    Raises:
        InputError: it is none.
    """
    match = _WHOLE.fullmatch(text.strip())
    if match is None:
        raise InputError(
            tr("not a fault: {text}", text=text),
            remedy=tr("write it like LIS ORU^R01 OBX[3=K]-6 = mmol/L"),
        )
    left, place, wanted = match["left"].strip(), match["place"], (match["wanted"] or "").strip()
    if place == COUNT and not wanted.isdecimal():
        raise InputError(tr("a count is a number: {text}", text=text))
    role, _, kind = left.partition(" ")
    if kind:
        return Fault(text=text.strip(), role=role, kind=kind.strip(), place=place, wanted=wanted)
    probe = _PROBE.fullmatch(left)
    if probe is None:
        raise InputError(tr("not the name of a probe: {name}", name=left))
    where = (probe["column"] or "", probe["value"] or "")
    return Fault(
        text=text.strip(), role="", kind=probe["name"], where=where, place=place, wanted=wanted
    )


def look(
    fault: Fault,
    said: Sequence[Said],
    ask: Callable[[str], Sequence[Mapping[str, str | None]] | None],
    sent: Callable[[Said, str], str | None] = lambda _one, _place: None,
) -> Seen:
    """What stands at the place of a fault.

    Args:
        fault: which.
        said: every message of the system.
        ask: rows of a probe by name; None where it could not look.
        sent: beside what was sent (``as_sent``); None where nothing was.
    """
    if not fault.role:
        return _rows(fault, ask(fault.kind))
    about = [one for one in said if one.frm == fault.role and _of_kind(one.kind, fault.kind)]
    if fault.place == COUNT:
        # One that is sent again under its own id is the same message.
        different = {one.ident or str(number) for number, one in enumerate(about)}
        return Seen(fault, (str(len(different)),) if said or fault.wanted != "0" else ())
    if fault.place not in REFUSALS:
        about = [one for one in about if not getattr(one, "refusing", False)]
    if fault.wanted == AS_SENT:
        found = (sent(one, fault.place) for one in about)
        return Seen(fault, tuple(one for one in found if one is not None))
    return Seen(fault, tuple(value for one in about for value in values(one, fault.place) or [""]))


def _of_kind(kind: str, wanted: str) -> bool:
    """``ORU^R01``, or ``ORU`` for all of them."""
    return kind == wanted or kind.partition("^")[0] == wanted


def _rows(fault: Fault, rows: Sequence[Mapping[str, str | None]] | None) -> Seen:
    if rows is None:
        return Seen(fault, ())
    column, value = fault.where
    chosen = [row for row in rows if not column or row.get(column) == value]
    if fault.place == COUNT:
        return Seen(fault, (str(len(chosen)),))
    if any(fault.place not in row for row in chosen):
        raise InputError(tr("the probe has no column {column}", column=fault.place))
    return Seen(fault, tuple(row[fault.place] or "" for row in chosen))


def values(one: Said, place: str) -> list[str]:
    """Everything that stands at a place of a message; empty where no segment is the one meant.

    Raises:
        InputError: this protocol has no such places.
    """
    if one.protocol == "hl7" and (match := _HL7.fullmatch(place)):
        return list(_hl7(one.payload, match))
    if one.protocol == "astm" and (match := _ASTM.fullmatch(place)):
        return list(_astm(one.payload, match))
    if one.protocol == "http" and re.fullmatch(r"\w+(?:\.\w+)*", place):
        return members(one.payload, place)
    if one.protocol == POCT:
        return [given.get("V", "") for given in poct1a.read(one.payload).every(place)]
    if one.protocol == "dicom":
        return dicom_about.values(one.payload, place)
    raise InputError(
        tr("no place of a message of {protocol}: {place}", protocol=one.protocol, place=place)
    )


def _hl7(payload: bytes, match: re.Match[str]) -> Iterable[str]:
    message = Hl7Message.parse(payload)
    name, key = match["segment"], match["key"]
    component = f".{match['component']}" if match["component"] else ""
    for number in range(1, message.count(name) + 1):
        at = f"{name}[{number}]"
        keys = {message.get(f"{at}-{key}.1"), message.get(f"{at}-{key}")} if key else set()
        if not key or match["value"] in {one or "" for one in keys}:
            yield message.get(f"{at}-{match['field']}{component}") or ""


def _astm(payload: bytes, match: re.Match[str]) -> Iterable[str]:
    key, number = int(match["key"] or 0), int(match["field"])
    for record in AstmMessage.parse(payload, "gb18030").records:
        if record.type == match["segment"] and (
            not key or _at(record.fields, key) == match["value"]
        ):
            yield _at(record.fields, number)


def _at(fields: Sequence[str], number: int) -> str:
    return fields[number - 1] if len(fields) >= number else ""


def members(payload: bytes, place: str) -> list[str]:
    """The first member of that name anywhere in a body, or at the first place that ends so.

    Numbers are written as they stand. A body that is no JSON is searched as text.
    """
    try:
        whole = decode(payload).value
    except PeerError:
        if is_xml(payload):
            text = plain(payload.decode("utf-8", "replace"))
            return [soap.member(text, place.rpartition(".")[2])]
        found = correlate_http.member(payload, place.rpartition(".")[2])
        return [found.encode("latin-1").decode("utf-8", "replace")]
    wanted = place.split(".")
    return next(([one] for path, one in _members(whole, ()) if path[-len(wanted) :] == wanted), [])


def _members(value: Any, path: tuple[str, ...]) -> Iterator[tuple[list[str], str]]:
    """Every scalar with its path, in the order of the body; a text of JSON is looked into."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _members(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _members(one, (*path, str(number)))
    elif isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            yield from _members(loads(value), path)
        except PeerError:
            yield list(path), as_text(value)
    else:
        yield list(path), as_text(value)
