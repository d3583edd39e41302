"""Builds small traces for tests of the judges; not a test module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.evidence.expect import Ask, Check, Expectation, Judgement, Selector, Wanted
from harness.evidence.judge import judge
from harness.evidence.match import Value
from harness.evidence.trace import pack
from harness.model import Place

PLACE = Place(interface="LIS-ORU", protocol="hl7", path="OBX")
ROWS = Place(interface="LIS-DB", protocol="sql", path="results")


@dataclass
class Journal:
    """Records by hand."""

    records: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, t: float, **fields: Any) -> int:
        n = len(self.records) + 1
        self.records.append({"n": n, "t": t, "kind": kind} | fields)
        return n

    def begin(self, t: float = 0.0, ident: str = "E1") -> Journal:
        self.add("expectation", t, id=ident)
        return self

    def message(self, t: float, *values: str, msgid: str = "C1", where: str = "lab") -> int:
        segments = "".join(f"OBX|{i}|NM|I{i}||{value}\r" for i, value in enumerate(values, 1))
        raw = f"MSH|^~\\&|A||||20260105||ORU^R01|{msgid}|P|2.5.1\r{segments}"
        return self.add(
            "message",
            t,
            protocol="hl7",
            link=where,
            id=msgid,
            type="ORU^R01",
            raw=pack(raw.encode()),
        )

    def look(
        self,
        t: float,
        *rows: Mapping[str, str | None],
        last: bool = False,
        error: str = "",
        ask: str = "E1",
    ) -> int:
        outcome = "failed" if error else "ok"
        return self.add(
            "probe", t, ask=ask, probe="results", outcome=outcome, rows=list(rows), error=error, last=last
        )  # fmt: skip

    def close(self, t: float, *rests: int, ident: str = "E1") -> int:
        return self.add("note", t, window=ident, rests=list(rests))

    def judged(self, expectation: Expectation, ident: str = "E1") -> Judgement:
        return judge(expectation, ident, self.records)


def check(path: str, expected: str = "", *, op: str = "equals", slot: str = "") -> Check:
    value = Value(op=op, expected=expected, slot=slot)
    return Check(path=path, value=value, place=PLACE, clause="§7.4.2", fault_class="hl7-1")


def messages(*wanted: Wanted, **fields: Any) -> Expectation:
    """Over messages of the link lab, eventually within five seconds."""
    defaults: dict[str, Any] = {
        "mode": "eventually",
        "select": Selector(kind="message", where={"link": "lab"}),
        "place": PLACE,
        "limit_s": 5.0,
    }
    return Expectation(wanted=wanted, **(defaults | fields))


def rows(*wanted: Wanted, **fields: Any) -> Expectation:
    """Over rows of the probe results, eventually within five seconds."""
    defaults: dict[str, Any] = {
        "mode": "eventually",
        "select": Selector(kind="probe", where={"probe": "results"}),
        "place": ROWS,
        "limit_s": 5.0,
        "ask": Ask(probe="results", args={"barcode": "1"}),
        "exact": True,
        "settle_s": 0.4,
        "classes": {"missing": "lost", "repeated": "twice", "unwanted": "invented"},
    }
    return Expectation(wanted=wanted, **(defaults | fields))


def row(item: str, value: str | None = "5.2", **more: str | None) -> dict[str, str | None]:
    return {"item": item, "value": value} | more


def wanted_row(item: str, value: str = "5.2", times: int = 1) -> Wanted:
    return Wanted(key={"row.item": item}, checks=(check("row.value", value),), times=times)


def silence(**fields: Any) -> Expectation:
    """No row until the limit, while the control shows one."""
    defaults: dict[str, Any] = {
        "mode": "never",
        "control": Selector(kind="probe", where={"probe": "results"}),
        "control_ask": Ask(probe="results", args={"barcode": "2"}),
    }
    return rows(**(defaults | fields))


def messages_of(findings: Sequence[Any]) -> list[tuple[str, str, str]]:
    return [(one.message, one.expected, one.actual) for one in findings]
