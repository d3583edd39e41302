"""Rows of the catalogue of 单边账 that a scenario shows and judges: its classes and its causes.

The books of a scenario are broken by its own sentences and not by a defect of the hospital, so what
it alone covers is read from what reconciliation told there. A row counts where a judgement that
passed rests on it: one that nobody looked at is covered by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.evidence.trace import Record

PROBE = "reconcile-rows"
"""The probe that shows what reconciliation made of the books."""

NO_CAUSE = frozenset({"", "unknown"})


def judged_rows(records: Sequence[Record]) -> list[str]:
    """Classes of differences, with the field where amounts differ, and causes; each once."""
    cited = {
        number for one in records if one["kind"] == "judgement" and one["verdict"] == "pass"
        for number in one["cited"]
    }  # fmt: skip
    found: dict[str, None] = {}
    for one in records:
        if one["kind"] == "probe" and one["probe"] == PROBE and one["n"] in cited:
            found |= dict.fromkeys(_rows(one))
    return list(found)


def _rows(probe: Record) -> Iterator[str]:
    for row in probe["rows"]:
        if row["difference"] != "yes":
            continue
        yield f"ledger class {row['class']}"
        if row["field"]:
            yield f"ledger class {row['class']} in {row['field']}"
        if row["cause"] not in NO_CAUSE:
            yield f"ledger cause {row['cause']}"
