"""Expectations: what a 那么 returns, as data, and the pure judge over a trace.

``judge(expectation, records)`` reads nothing but records. The live run, the report, a killed run
and the self-check all call this one function, so a verdict never differs between them.

Three rules keep a green honest:

* what is judged must have been read: no record and no probe answer is *inconclusive*;
* "nothing came" needs a positive control, and the window must have been watched to its end;
* a failure names the last look, taken at the limit, and everything that differs in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from harness.evidence import decode
from harness.evidence.match import Value
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict
from harness.model import Place

MODES = frozenset({"eventually", "never", "always"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which items of the trace a judge looks at.

    Attributes:
        kind: kind of record: ``message``, ``probe``, ``link``, ``violation``, ``command`` ...
        where: dotted path in the record and the value that it must have.
        each: for messages, the segment or record type that is one item (``OBX``, ``R``); empty
            takes the message as one item. For probes every row is an item.
        having: path in the item and the exact value that it must have (``row.item``, ``OBX-3.1``).
    """

    kind: str
    where: Mapping[str, str] = field(default_factory=dict)
    each: str = ""
    having: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``data()`` wrote."""
        return cls(**data)

    def data(self) -> dict[str, Any]:
        """For the trace."""
        return {
            "kind": self.kind,
            "where": dict(self.where),
            "each": self.each,
            "having": dict(self.having),
        }


_place = lru_cache(maxsize=1024)(Place.parse)
"""A judgement names few places and says each once a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One field of an item and what it should be; ``place`` is where a mismatch is reported."""

    path: str
    value: Value
    place: Place
    clause: str = ""
    fault_class: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``data()`` wrote."""
        return cls(
            path=data["path"],
            value=Value.of(data["value"]),
            place=_place(data["place"]),
            clause=data.get("clause", ""),
            fault_class=data.get("fault_class", ""),
        )

    def data(self) -> dict[str, Any]:
        """For the trace."""
        return {
            "path": self.path,
            "value": self.value.data(),
            "place": str(self.place),
            "clause": self.clause,
            "fault_class": self.fault_class,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One item that should be there: found by ``key``, judged by ``checks``.

    ``times`` of them should be there, and all of them must pass the checks.
    """

    key: Mapping[str, str]
    checks: Sequence[Check] = ()
    times: int = 1

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``data()`` wrote."""
        return cls(
            key=data["key"],
            checks=tuple(Check.of(check) for check in data["checks"]),
            times=data["times"],
        )

    def data(self) -> dict[str, Any]:
        """For the trace."""
        return {
            "key": dict(self.key),
            "checks": [check.data() for check in self.checks],
            "times": self.times,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A probe and its arguments.

    ``claim`` is how far the sentence says it came (``sent``, ``displayed``): a probe that sees less
    far cannot let it pass. Empty claims no more than the probe shows.
    """

    probe: str
    args: Mapping[str, str] = field(default_factory=dict)
    claim: str = ""

    def data(self) -> dict[str, Any]:
        """For the trace."""
        said = {"claim": self.claim} if self.claim else {}
        return {"probe": self.probe, "args": dict(self.args), **said}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What should hold, and within which limit.

    Attributes:
        mode: ``eventually`` (within the limit the wanted items are there), ``never`` (until the
            limit no selected item appears), ``always`` (every selected item passes the checks of
            the first wanted one).
        select: what is looked at.
        wanted: the items that should be there.
        place: where it is reported that an item is missing, repeated or should not be.
        limit_s: the named limit.
        exact: nothing but the wanted items, each once.
        settle_s: how long an exact answer must stay; 0 takes the first.
        ask: the probe whose answers are judged; None judges messages and other records.
        control: positive control: something that the same look must have shown.
        control_ask: the probe of the control; None reads records.
        since: only records after this number count; 0 is the whole scenario.
        classes: fault class by kind of finding: ``missing``, ``repeated``, ``unwanted``.
        clause: the rule that stands behind it.
    """

    mode: str
    select: Selector
    wanted: Sequence[Wanted] = ()
    place: Place
    limit_s: float
    exact: bool = False
    settle_s: float = 0.0
    ask: Ask | None = None
    control: Selector | None = None
    control_ask: Ask | None = None
    since: int = 0
    classes: Mapping[str, str] = field(default_factory=dict)
    clause: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"unknown mode {self.mode!r}")
        if self.mode == "never" and self.control is None:
            raise ValueError("an expectation that nothing comes needs a positive control")
        if self.mode != "never" and not self.wanted:
            raise ValueError("an expectation that wants nothing cannot fail")
        if self.limit_s <= 0:
            raise ValueError("an expectation needs a limit")
        control_kind = self.control.kind if self.control else ""
        if (self.select.kind == "probe") != (self.ask is not None):
            raise ValueError("answers of a probe are judged where a probe is asked, and only there")
        if (control_kind == "probe") != (self.control_ask is not None):
            raise ValueError("a control looks where it asks, and only there")

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``data()`` wrote."""
        ask, control, control_ask = data["ask"], data["control"], data["control_ask"]
        return cls(
            mode=data["mode"],
            select=Selector.of(data["select"]),
            wanted=tuple(Wanted.of(item) for item in data["wanted"]),
            place=Place.parse(data["place"]),
            limit_s=data["limit_s"],
            exact=data["exact"],
            settle_s=data["settle_s"],
            ask=Ask(**ask) if ask else None,
            control=Selector.of(control) if control else None,
            control_ask=Ask(**control_ask) if control_ask else None,
            since=data["since"],
            classes=data["classes"],
            clause=data["clause"],
        )

    def data(self) -> dict[str, Any]:
        """For the trace."""
        return {
            "mode": self.mode,
            "select": self.select.data(),
            "wanted": [item.data() for item in self.wanted],
            "place": str(self.place),
            "limit_s": self.limit_s,
            "exact": self.exact,
            "settle_s": self.settle_s,
            "ask": self.ask.data() if self.ask else None,
            "control": self.control.data() if self.control else None,
            "control_ask": self.control_ask.data() if self.control_ask else None,
            "since": self.since,
            "classes": dict(self.classes),
            "clause": self.clause,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference between what was expected and what was seen."""

    interface: str
    place: str
    expected: str
    actual: str
    message: str
    clause: str = ""
    fault_class: str = ""
    sentence: int = -1

    def data(self) -> dict[str, Any]:
        """For the trace and ``run.json``."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What an expectation came to.

    Attributes:
        verdict: pass, fail or inconclusive.
        cited: numbers of the records that it rests on.
        findings: every difference.
        reasons: why it is inconclusive.
        final: waiting longer could not change it.
    """

    verdict: Verdict
    cited: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    reasons: tuple[str, ...] = ()
    final: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is judged: a message, a segment of one, or a row of a probe's answer."""

    record: Record
    index: int = -1
    each: str = ""

    def get(self, path: str) -> str | None:
        """A field of this item; ``None`` where it is absent."""
        if path.startswith("row."):
            value = self.record["rows"][self.index].get(path[4:])
            return None if value is None else str(value)
        if self.each and path.startswith(self.each) and self.record["kind"] == "message":
            path = f"{self.each}[{self.index + 1}]{path[len(self.each) :]}"
        if self.record["kind"] == "message" and path.partition(".")[0] not in self.record:
            return decode.field(self.record, path)
        value = decode.dotted(self.record, path)
        return None if value is None else str(value)


def items_of(record: Record, select: Selector) -> list[Item]:
    """The items of one record that the selector takes."""
    if record["kind"] != select.kind:
        return []
    for path, wanted in select.where.items():
        if str(decode.dotted(record, path)) != wanted:
            return []
    if select.kind == "probe":
        items = [Item(record, index) for index in range(len(record.get("rows") or ()))]
    elif select.each:
        count = decode.count(record, select.each)
        items = [Item(record, index, select.each) for index in range(count)]
    else:
        items = [Item(record)]
    return [item for item in items if _has(item, select.having)] if select.having else items


def _has(item: Item, having: Mapping[str, str]) -> bool:
    return all(item.get(path) == wanted for path, wanted in having.items())
