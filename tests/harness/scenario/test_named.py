"""Names of a scenario: they stand in texts and tables, and never for nothing or for two things."""

from types import SimpleNamespace

import pytest

from harness.clock import VirtualClock
from harness.errors import Blocked, ScenarioError
from harness.evidence.trace import Trace
from harness.scenario.named import filled, keep
from harness.scenario.table import Table
from scenarios.steps.site import name, probe_row


@pytest.fixture
def world():
    trace = Trace(VirtualClock())
    trace.add("open", scenario={"interface": "HIS-YB"})
    bench = SimpleNamespace(probes={"visits": object()})
    return SimpleNamespace(state={}, trace=trace, desk=None, bench=bench,
                           after_persons=lambda: None)  # fmt: skip


def told(world, role="HIS", captured=None, **args):
    more = {"captured": captured} if captured is not None else {}
    world.trace.add("command", role=role, name="yb-bill", args=args, outcome="ok", value=None,
                    **more)  # fmt: skip


def test_a_name_stands_in_texts_and_tables(world):
    keep(world, "号1", "V9")
    table = Table(file="f", line=1, header=("列",), rows=[{"列": "<${号1}>"}], lines=(2,))
    text, number, other = filled(world, ["x${号1}${号1}", 3, table])
    assert (text, number, other.rows) == ("xV9V9", 3, [{"列": "<V9>"}])
    assert table.rows == [{"列": "<${号1}>"}], "a scenario may run again"


def test_a_name_that_stands_for_nothing_is_an_error(world):
    with pytest.raises(ScenarioError, match="号2"):
        filled(world, ["${号2}"])


def test_a_name_stands_for_one_thing(world):
    keep(world, "号1", "V9")
    keep(world, "号1", "V9")
    with pytest.raises(ScenarioError, match="号1"):
        keep(world, "号1", "V8")


@pytest.mark.parametrize("label", ["就诊号", "bill_no"])
def test_what_the_system_gave_goes_before_what_was_entered(world, label):
    told(world, bill_no="OLD", captured={"bill_no": "OLDER"})
    told(world, bill_no="ours", captured={"bill_no": "88001"})
    told(world, role="RIS", bill_no="of another system")
    name(world, "HIS", label, "号1")
    assert filled(world, ["${号1}"]) == ["88001"]


def test_without_a_captured_one_it_is_what_was_entered(world):
    told(world, bill_no="ours")
    name(world, "HIS", "就诊号", "号1")
    assert filled(world, ["${号1}"]) == ["ours"]


def test_what_nothing_was_told_about_blocks(world):
    told(world, patient_id="P1")
    with pytest.raises(Blocked, match="就诊号"):
        name(world, "HIS", "就诊号", "号1")


def test_the_row_of_a_probe_must_answer_what_was_asked(world):
    table = Table(file="f", line=1, header=("列", "值"), rows=[{"列": "s", "值": "1"}], lines=(2,))
    expected = probe_row(world, 5.0, "visits", "visit_no", "V9", table)
    (wanted,) = expected.wanted
    assert wanted.key == {"row.visit_no": "V9"}
    assert [check.path for check in wanted.checks] == ["row.s"]
    with pytest.raises(ScenarioError, match="absent"):
        probe_row(world, 5.0, "absent", "visit_no", "V9", table)
