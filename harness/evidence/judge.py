"""The pure judge: an expectation and the records of a trace in, a judgement out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.evidence import account_items, reach
from harness.evidence.expect import (
    Ask,
    Expectation,
    Finding,
    Item,
    Judgement,
    Selector,
    Wanted,
    items_of,
)
from harness.evidence.match import beside
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict
from harness.model import Place

ACCOUNT_CITED_MAX = 20
"""Messages that a failed account cites; its findings name all. Each costs two accounts."""


def judge(expectation: Expectation, ident: str, records: Sequence[Record]) -> Judgement:
    """Judge one expectation over a trace.

    Args:
        expectation: what should hold.
        ident: id of its ``expectation`` record, by which probe answers and the close of the
            window belong to it.
        records: the trace, live or sealed.
    """
    return reach.limited(_judged(expectation, ident, records), expectation.ask, records)


def _judged(expectation: Expectation, ident: str, records: Sequence[Record]) -> Judgement:
    view = _View.of(expectation, ident, records)
    if view.opened is None:
        return _inconclusive("the expectation itself is not in the trace")
    if view.closed is not None and not view.holds(view.closed["rests"]):
        return _inconclusive("a record that the judgement rests on is missing")
    if expectation.mode == "never":
        return _never(expectation, view)
    if expectation.select.kind == account_items.KIND:
        return _over_account(expectation, view, records)
    if expectation.mode == "always":
        return _always(expectation, view)
    if expectation.ask is not None:
        return _over_answers(expectation, view)
    return _over_records(expectation, view)


ROUNDING_S = 0.0001
"""Times in the trace are rounded; limits must hold in them too."""


LATE_S = 0.9
"""What comes later than this behind the limit and the settling time came too late. A look that
begins at the limit ends a little behind it; a slower one cannot tell what held at the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What of the trace belongs to one expectation."""

    opened: Record | None
    closed: Record | None
    records: Sequence[Record]
    answers: Sequence[Record]
    controls: Sequence[Record]

    @classmethod
    def of(cls, expectation: Expectation, ident: str, records: Sequence[Record]) -> _View:
        opened = closed = None
        seen: list[Record] = []
        answers: list[Record] = []
        controls: list[Record] = []
        too_late = float("inf")
        eventually, since = expectation.mode == "eventually", expectation.since
        for record in records:
            kind = record["kind"]
            if kind == "probe" and "person_s" in record and record.get("ask") == ident:
                too_late += float(record["person_s"])  # a person was waited for, not a system
            if kind == "expectation" and record["id"] == ident:
                opened = record
                limit_s = expectation.limit_s + expectation.settle_s + LATE_S
                too_late = record.get("t", float("inf")) + limit_s
            elif kind == "note" and record.get("window") == ident:
                closed = record
                break
            elif eventually and record.get("t", 0.0) > too_late:
                continue
            elif kind == "probe":
                if record.get("ask") == ident:
                    answers.append(record)
                elif record.get("ask") == f"{ident}/control":
                    controls.append(record)
            elif record["n"] > since:
                seen.append(record)
        return cls(opened=opened, closed=closed, records=seen, answers=answers, controls=controls)

    def over(self, limit_s: float) -> Record | None:
        """The record that closes the window, if that was watched until the limit.

        A closing record without a time is the question "and if it closed now?".
        """
        if self.closed is None or self.opened is None:
            return None
        watched_s = self.closed.get("t", float("inf")) - self.opened.get("t", 0.0)
        return self.closed if watched_s >= limit_s - ROUNDING_S else None

    def holds(self, numbers: Sequence[int]) -> bool:
        """All these records are in the view."""
        wanted = set(numbers)
        for part in (self.records, self.answers, self.controls) if wanted else ():
            wanted.difference_update([record["n"] for record in part])
        return not wanted


def _inconclusive(*reasons: str) -> Judgement:
    return Judgement(verdict=Verdict.INCONCLUSIVE, reasons=reasons)


def _over_answers(expectation: Expectation, view: _View) -> Judgement:
    """``eventually`` over probe answers: each answer is a whole picture."""
    usable = [answer for answer in view.answers if answer["outcome"] == "ok"]
    if not usable:
        return _inconclusive(_probe_trouble(expectation.ask, view.answers))
    good: Record | None = None
    for answer in usable:
        if differences(expectation, items_of(answer, expectation.select)):
            good = None
            continue
        good = good or answer
        if "person_s" in answer and answer.get("last"):
            # A person looks once, when the limit and the settling time are over.
            return Judgement(verdict=Verdict.PASS, cited=(answer["n"],), final=True)
        if answer["t"] - good["t"] >= expectation.settle_s - ROUNDING_S and (
            expectation.settle_s == 0 or answer.get("last")
        ):
            # A settled answer needs only the last look: it alone proves the state and the time.
            return Judgement(verdict=Verdict.PASS, cited=(answer["n"],), final=True)
    last = view.answers[-1]
    if last["outcome"] != "ok" or not last.get("last"):
        return _inconclusive("the last look, at the limit, is missing")
    if good is not None:
        return _inconclusive("the answer was not watched for its whole settling time")
    findings = tuple(differences(expectation, items_of(last, expectation.select)))
    return Judgement(verdict=Verdict.FAIL, cited=(last["n"],), findings=findings, final=True)


def _probe_trouble(ask: Ask | None, answers: Sequence[Record]) -> str:
    name = ask.probe if ask else ""
    if not answers:
        return f"the probe {name} never answered"
    return f"the probe {name} could not look: {answers[-1].get('error', '')}"


def _over_records(expectation: Expectation, view: _View) -> Judgement:
    """``eventually`` over messages and other records, which only accumulate."""
    items = [item for record in view.records for item in items_of(record, expectation.select)]
    findings = tuple(differences(expectation, items))
    cited = _numbers(item for item in items if _cites(expectation, item))
    closed = view.closed
    if not findings and not expectation.exact:
        return Judgement(verdict=Verdict.PASS, cited=cited, final=True)
    if closed is None:
        return _inconclusive("the window was not watched to its end")
    if not findings:
        seen_at = max((item.record["t"] for item in items), default=0.0)
        if closed.get("t", float("inf")) - seen_at < expectation.settle_s - ROUNDING_S:
            return _inconclusive("the records were not watched for their whole settling time")
        return Judgement(verdict=Verdict.PASS, cited=(*cited, closed["n"]), final=True)
    too_many = any(finding.message in {"repeated", "unwanted"} for finding in findings)
    if not too_many and view.over(expectation.limit_s) is None:
        return _inconclusive("the limit was not reached")
    cited = (*cited, closed["n"])
    return Judgement(verdict=Verdict.FAIL, cited=cited, findings=findings, final=True)


def _numbers(items: Iterable[Item]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(item.record["n"] for item in items))


def _cites(expectation: Expectation, item: Item) -> bool:
    if expectation.exact:
        return True
    return any(_is(item, wanted) for wanted in expectation.wanted)


def _always(expectation: Expectation, view: _View) -> Judgement:
    """Every item that is there until the limit passes the checks."""
    source = view.answers if expectation.ask is not None else view.records
    items = [item for record in source for item in items_of(record, expectation.select)]
    findings = tuple(differences(expectation, items))
    if findings:
        cited = _numbers(item for item in items if differences(expectation, [item]))
        return Judgement(
            verdict=Verdict.FAIL, cited=cited or _numbers(items), findings=findings, final=True
        )
    ended = _watched_to_the_end(expectation, view)
    if isinstance(ended, str):
        return _inconclusive(ended)
    if not items:
        return _inconclusive("nothing was there to judge")
    cited = tuple(dict.fromkeys((*_numbers(items), *ended)))
    return Judgement(verdict=Verdict.PASS, cited=cited, final=True)


def _over_account(expectation: Expectation, view: _View, records: Sequence[Record]) -> Judgement:
    """``always`` over the message account, which is only right once the window is over.

    A message on its way looks like a lost one, so nothing is said before the end.
    """
    closed = view.over(expectation.limit_s)
    if closed is None or "t" not in closed:
        return _inconclusive("the window was not watched to its end")
    upto = [record for record in records if record["n"] <= closed["n"]]
    items = _account_of(expectation, upto)
    if not items:
        return _inconclusive("nothing was there to judge")
    findings = tuple(differences(expectation, items))
    wrong = [item for item in items if differences(expectation, [item])]
    # That all of many are right rests on the window, without which nothing is concluded. A message
    # that went over the wire twice stands without either record: it is not what a finding rests on.
    cited = [n for n in _numbers(wrong)[:ACCOUNT_CITED_MAX] if _rests_on(expectation, upto, n)]
    verdict = Verdict.FAIL if findings else Verdict.PASS
    return Judgement(verdict=verdict, cited=(*cited, closed["n"]), findings=findings, final=True)


def _account_of(expectation: Expectation, upto: Sequence[Record]) -> list[Item]:
    return [
        item
        for entry in account_items.entries(upto)
        if entry["n"] > expectation.since
        for item in items_of(entry, expectation.select)
    ]


def _rests_on(expectation: Expectation, upto: Sequence[Record], number: int) -> bool:
    """Whether the findings change when this record is taken away."""
    less = [record for record in upto if record["n"] != number]
    before, after = (_account_of(expectation, records) for records in (upto, less))
    return differences(expectation, before) != differences(expectation, after)


def _never(expectation: Expectation, view: _View) -> Judgement:
    """No item appears until the limit, while the control does."""
    source = view.answers if expectation.ask is not None else view.records
    unwanted = [item for record in source for item in items_of(record, expectation.select)]
    if unwanted:
        findings = tuple(_unwanted(expectation, item) for item in unwanted)
        cited = _numbers(unwanted)
        return Judgement(verdict=Verdict.FAIL, cited=cited, findings=findings, final=True)
    ended = _watched_to_the_end(expectation, view)
    if isinstance(ended, str):
        return _inconclusive(ended)
    shown = _control(expectation, view)
    if shown is None:
        return _inconclusive("the positive control was not seen, so silence proves nothing")
    return Judgement(verdict=Verdict.PASS, cited=(*ended, shown["n"]), final=True)


def _watched_to_the_end(expectation: Expectation, view: _View) -> tuple[int, ...] | str:
    """The records that show that the window was watched to its end, or why it was not."""
    closed = view.over(expectation.limit_s)
    if closed is None:
        return "the window was not watched to its end"
    if expectation.ask is None:
        return (closed["n"],)
    last = view.answers[-1] if view.answers else None
    if last is None or last["outcome"] != "ok":
        return _probe_trouble(expectation.ask, view.answers)
    if not last.get("last"):
        return "the last look, at the limit, is missing"
    return (closed["n"], last["n"])


def _control(expectation: Expectation, view: _View) -> Record | None:
    """The record that shows the control; the last, because a later look says more."""
    control = expectation.control or Selector(kind="probe")
    source = view.controls if expectation.control_ask is not None else view.records
    for record in reversed(source):
        if items_of(record, control):
            return record
    return None


def _is(item: Item, wanted: Wanted) -> bool:
    for path, value in wanted.key.items():  # noqa: SIM110 - asked for each item of each look
        if item.get(path) != value:
            return False
    return True


def differences(expectation: Expectation, items: Sequence[Item]) -> list[Finding]:
    """Every difference between the wanted items and those that are there, all at once."""
    findings: list[Finding] = []
    slots: dict[str, str] = {}
    if expectation.mode == "always":
        for item in items:
            findings += _check(item, expectation.wanted[0], slots)
        return findings
    left = list(items)
    for wanted in expectation.wanted:
        found = [item for item in left if _is(item, wanted)]
        left = [item for item in left if item not in found]
        if len(found) < wanted.times:
            findings += [_missing(expectation, wanted)] * (wanted.times - len(found))
        if len(found) > 1:
            found.sort(key=lambda item: len(_check(item, wanted, dict(slots))))
        for item in found[: wanted.times]:
            findings += _check(item, wanted, slots)
        if expectation.exact:
            findings += [_repeated(expectation, item) for item in found[wanted.times :]]
    if expectation.exact:
        findings += [_unwanted(expectation, item) for item in left]
    return findings


def _check(item: Item, wanted: Wanted, slots: dict[str, str]) -> list[Finding]:
    findings = []
    for check in wanted.checks:
        actual = item.get(check.path)
        why = check.value.mismatch(actual, slots)
        if why:
            is_there = "(absent)" if actual is None else actual or "(empty)"
            should, is_there = beside(check.value.shown(slots), is_there)
            findings.append(
                Finding(
                    interface=check.place.interface,
                    place=str(check.place),
                    expected=should,
                    actual=is_there,
                    message=why,
                    clause=check.clause,
                    fault_class=check.fault_class,
                )
            )
    return findings


def _about(expectation: Expectation, kind: str, expected: str, actual: str) -> Finding:
    place: Place = expectation.place
    return Finding(
        interface=place.interface,
        place=str(place),
        expected=expected,
        actual=actual,
        message=kind,
        clause=expectation.clause,
        fault_class=expectation.classes.get(kind, ""),
    )


def _key_text(wanted: Wanted) -> str:
    return ", ".join(f"{path}={value}" for path, value in wanted.key.items())


def _missing(expectation: Expectation, wanted: Wanted) -> Finding:
    return _about(expectation, "missing", _key_text(wanted), "(nothing)")


def _item_text(item: Item) -> str:
    if item.record["kind"] == "probe":
        row = item.record["rows"][item.index]
        return ", ".join(f"{name}={beside('', str(value))[1]}" for name, value in row.items())
    shown = [str(item.record.get(name, "")) for name in ("type", "id", "event", "code")]
    return " ".join(part for part in shown if part) or item.record["kind"]


def _repeated(expectation: Expectation, item: Item) -> Finding:
    return _about(expectation, "repeated", "(once)", _item_text(item))


def _unwanted(expectation: Expectation, item: Item) -> Finding:
    return _about(expectation, "unwanted", "(nothing)", _item_text(item))
