"""Which fault fires on what."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.faults import plan as plan_module
from harness.faults.plan import Fault, Plan, Trigger, keyed

# Computed once with ``printf ... | b2sum -l 64`` of GNU coreutils, parts joined by U+001F.
DIGESTS = [
    (("1",), 0xF6FC42039FBA3776),
    ((1,), 0xF6FC42039FBA3776),
    ((7, "S", "lab", "AN", "ORU^R01|S1", 1, "F1"), 0x69F70AE90F367730),
    (("谷丙", 2), 0xD3520C0E8F44B445),
]


@pytest.mark.parametrize(("parts", "digest"), DIGESTS)
def test_decisions_are_stable_on_every_machine(parts: tuple[Any, ...], digest: int) -> None:
    assert keyed(*parts) == digest / 2**64


def test_parts_do_not_run_into_each_other() -> None:
    assert keyed("ab", "c") != keyed("a", "bc")


def fault(ident: str = "F1", **fields: Any) -> Fault:
    defaults = {
        "fault_class": "lab-05",
        "layer": "link",
        "action": "drop",
        "link": "lab",
        "sender": "AN",
    }
    return Fault(id=ident, **(defaults | fields))


def due(plan: Plan, identity: str = "ORU^R01|S1", occurrence: int = 1, **where: str) -> list[str]:
    place = {"link": "lab", "sender": "AN", "kind": "message"} | where
    return [one.id for one in plan.due(**place, identity=identity, occurrence=occurrence)]


@pytest.mark.parametrize(
    ("trigger", "kind", "identity", "occurrence", "takes"),
    [
        (Trigger(), "frame", "x", 1, True),
        (Trigger(), "frame", "x", 2, False),
        (Trigger(occurrences=()), "frame", "x", 9, True),
        (Trigger(occurrences=(2, 3)), "frame", "x", 3, True),
        (Trigger(kind="frame"), "ack", "x", 1, False),
        (Trigger(holds=("ORU", "S1")), "message", "ORU^R01|S1", 1, True),
        (Trigger(holds=("ORU", "S2")), "message", "ORU^R01|S1", 1, False),
    ],
)
def test_triggers(trigger: Trigger, kind: str, identity: str, occurrence: int, takes: bool) -> None:
    assert trigger.takes(kind, identity, occurrence) is takes


def test_faults_that_are_due_come_in_the_order_of_planning() -> None:
    plan = Plan(7, "S")
    for ident in ("F2", "F1", "F3"):
        plan.add(fault(ident))

    assert due(plan) == ["F2", "F1", "F3"]
    plan.heal("F1")
    assert due(plan) == ["F2", "F3"]
    assert due(plan, link="other") == []
    assert due(plan, sender="LIS") == []
    assert due(plan, occurrence=2) == []


def test_occurrences_are_counted_for_each_identity() -> None:
    plan = Plan(7, "S")

    assert plan.count("lab", "AN", "message", "S1") == 1
    assert plan.count("lab", "AN", "message", "S1") == 2
    assert plan.count("lab", "AN", "message", "S2") == 1
    assert plan.count("lab", "AN", "frame", "S1") == 1
    assert plan.count("lab", "LIS", "message", "S1") == 1


def test_occurrences_are_counted_once_each_by_many_threads() -> None:
    plan, counts = Plan(7, "S"), list[int]()

    def count() -> None:
        for _ in range(200):
            counts.append(plan.count("lab", "AN", "message", "S1"))

    workers = [threading.Thread(target=count) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(counts) == list(range(1, 801))


def test_a_probability_is_a_keyed_draw() -> None:
    # From the digest above: 0x69F7... / 2**64 is 0.4139.
    for probability, fires in ((0.41, False), (0.42, True), (0.0, False), (1.0, True)):
        plan = Plan(7, "S")
        plan.add(fault(trigger=Trigger(probability=probability)))
        assert due(plan) == (["F1"] if fires else [])


def test_a_probability_depends_on_identity_occurrence_seed_and_scenario() -> None:
    trigger = Trigger(probability=0.5, occurrences=())

    def drawn(seed: int, scenario: str) -> list[bool]:
        plan = Plan(seed, scenario)
        plan.add(fault(trigger=trigger))
        return [bool(due(plan, f"S{n}", occurrence)) for n in range(50) for occurrence in (1, 2)]

    first = drawn(7, "S")
    assert drawn(7, "S") == first
    assert drawn(8, "S") != first
    assert drawn(7, "T") != first
    assert 30 < sum(first) < 70


def test_faults_that_cannot_be_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(7, "S")
    plan.add(fault())
    with pytest.raises(HarnessError, match="F1 is planned twice"):
        plan.add(fault())
    monkeypatch.setattr(plan_module, "FAULTS_MAX", 1)
    with pytest.raises(HarnessError, match="may plan 1 faults"):
        plan.add(fault("F2"))
    with pytest.raises(ValueError, match="unknown layer 'weather'"):
        fault(layer="weather")
    with pytest.raises(ValueError, match=r"no probability: 1\.5"):
        fault(trigger=Trigger(probability=1.5))
