"""Waiting for an expectation: asks probes and watches the trace, and decides nothing.

The judge decides, over the trace alone; what is written here gives it something to judge: answers
of probes, the last look at the limit, and the record that closes the window.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from harness.errors import InputError
from harness.evidence.expect import Ask, Expectation, Judgement, items_of
from harness.evidence.judge import differences, judge
from harness.evidence.trace import Record, Trace
from harness.evidence.verdict import Verdict
from harness.probes.probe import Answer, by_hand, reach_of
from harness.scenario.bench import Bench
from harness.scenario.looks import Looks

_ROUNDING_S = 0.0001
"""Times in the trace are rounded; a settling time must hold in them too."""


@dataclass(slots=True)
class Waiting:
    """One expectation while it is waited for."""

    expectation: Expectation
    ident: str
    bench: Bench
    trace: Trace
    _before: tuple[Answer, Record] | None = None
    _controlled: bool = False
    _upto: int = 0
    _closed: Judgement | None = None

    def until(self, begun: float) -> None:
        """Wait at most for the limit, counted from ``begun``, and close the window."""
        deadline = begun + self.expectation.limit_s
        if self.expectation.mode != "eventually":
            self._watch(deadline)
        elif self.expectation.ask is not None:
            self._poll(self.expectation.ask, deadline)
        else:
            self._await(deadline)
        judged = self._as_closed()
        rests = [number for number in judged.cited if number > 0]
        self.trace.add("note", window=self.ident, rests=rests)

    # -- messages ------------------------------------------------------------------------------

    def _await(self, deadline: float) -> None:
        """Look at the trace whenever something happens, until it holds and has settled."""
        if not self.bench.driver.wait(self._holds, deadline):
            return
        expectation = self.expectation
        if expectation.exact and expectation.settle_s > 0:
            settled_at = self.bench.clock.now() + expectation.settle_s
            self.bench.driver.wait(lambda: not self._holds(), settled_at)

    def _holds(self) -> bool:
        return self._as_closed().verdict is Verdict.PASS

    def _as_closed(self) -> Judgement:
        """The judgement if the window closed now: whether anything is still missing."""
        if self._grown() or self._closed is None:
            records = self.trace.records[: self._upto]
            closing: Record = {"n": -1, "kind": "note", "window": self.ident, "rests": []}
            self._closed = judge(self.expectation, self.ident, [*records, closing])
        return self._closed

    def _grown(self) -> bool:
        """Whether anything came that the judgement may rest on; most that comes is something else.

        What stands in the trace stays as it is, and of an account nothing is said before the end.
        """
        select, control = self.expectation.select, self.expectation.control
        kinds = {select.kind, control.kind if control else ""}
        begin, self._upto = self._upto, len(self.trace.records)
        new = self.trace.records[begin : self._upto]
        return any(record["kind"] in kinds for record in new)

    # -- probes --------------------------------------------------------------------------------

    def _poll(self, ask: Ask, deadline: float) -> None:
        """Ask until the answer is right and stays so, or until the limit."""
        settle_s = self.expectation.settle_s
        looks = Looks(self.bench)
        good_since: float | None = None
        judged: Record | None = None
        right = False
        if self._carried(ask):
            # Nobody is sent ten times: one look, when everything has had its time.
            self.bench.driver.idle(deadline + settle_s)
            self._look(ask, self.ident, last=True)
            return
        while True:
            now = self.bench.clock.now()
            if good_since is None:
                last = now >= deadline
            else:
                last = now - good_since >= settle_s + _ROUNDING_S
            answer = self._look(ask, self.ident, last=last)
            if answer is not judged:
                judged, right = answer, self._right(answer)
            if right and (last or settle_s == 0):
                return
            if last and good_since is None:
                return
            if not right:
                good_since = None
            elif good_since is None:
                good_since = self.bench.clock.now()
            settled = None if good_since is None else good_since + settle_s + 2 * _ROUNDING_S
            looks.pause(deadline if settled is None else settled)

    def _right(self, answer: Record) -> bool:
        """Whether an answer is all that is expected."""
        return answer["outcome"] == "ok" and not differences(
            self.expectation, items_of(answer, self.expectation.select)
        )

    def _carried(self, ask: Ask) -> bool:
        """Whether a person looks."""
        probe = self.bench.probes.get(ask.probe)
        return probe is not None and by_hand(probe)

    def _look(self, ask: Ask, ident: str, *, last: bool) -> Record:
        """One look through a probe; an answer like the one before is not written again."""
        probe = self.bench.probes.get(ask.probe)
        if probe is None:
            raise InputError(f"the profile has no probe {ask.probe}")
        begun = self.bench.clock.now()
        answer = probe.ask(ask.args)
        if not last and self._before and self._before[0] is answer and not by_hand(probe):
            return self._before[1]
        rows = [dict(row) for row in answer.rows]
        fields: Record = {
            "kind": "probe",
            "probe": ask.probe,
            "role": probe.role,
            "reach": reach_of(probe),
            "args": dict(ask.args),
            "outcome": answer.outcome.value,
            "rows": rows,
            "error": answer.error,
            "ask": ident,
            "last": last,
        }
        if by_hand(probe):
            # Not the system was slow: the time of a person is no part of the limit.
            fields |= {"by": answer.by, "person_s": round(self.bench.clock.now() - begun, 6)}
        elif not last and self._before and _alike(self._before[1], fields):
            return self._before[1]
        record = self.trace.add(fields.pop("kind"), **fields)
        self._before = answer, record
        return record

    # -- windows -------------------------------------------------------------------------------

    def _watch(self, deadline: float) -> None:
        """``never`` and ``always``: to the limit, or to the first thing that should not be."""
        expectation = self.expectation
        if expectation.ask is None:
            self.bench.driver.wait(lambda: self._as_closed().verdict is Verdict.FAIL, deadline)
        else:
            self._watch_probe(expectation.ask, deadline)
        if expectation.control_ask is not None and not self._controlled:
            self._look(expectation.control_ask, f"{self.ident}/control", last=True)

    def _moment(self, ask: Ask | None) -> contextlib.ExitStack:
        """One state of the database for several looks; a probe that has none looks as it does."""
        stack = contextlib.ExitStack()
        probe = self.bench.probes.get(ask.probe) if ask is not None else None
        snapshot = getattr(probe, "snapshot", None)
        if snapshot is not None:
            with contextlib.suppress(Exception):  # why it cannot, the look itself will say
                stack.enter_context(snapshot())
        return stack

    def _watch_probe(self, ask: Ask, deadline: float) -> None:
        if self._carried(ask):
            self.bench.driver.idle(deadline)
        looks = Looks(self.bench)
        while True:
            last = self.bench.clock.now() >= deadline
            control = self.expectation.control_ask if last else None
            with self._moment(ask if control is not None else None):
                answer = self._look(ask, self.ident, last=last)
                if control is not None:
                    # Silence and its control are of one moment, where the probe can hold it.
                    self._look(control, f"{self.ident}/control", last=True)
                    self._controlled = True
            items = items_of(answer, self.expectation.select)
            if self.expectation.mode == "never":
                wrong = bool(items)
            else:
                wrong = bool(items) and bool(differences(self.expectation, items))
            if last or wrong:
                return
            looks.pause(deadline)


def _alike(before: Record, now: Record) -> bool:
    """Whether two looks saw the same."""
    return all(before[name] == now[name] for name in ("outcome", "rows"))
