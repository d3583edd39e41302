"""The first pages: conclusion, requirements by interface, what was not tested."""

from dataclasses import replace

import pytest
import sample

from harness.evidence.verdict import Verdict
from harness.report.model import System
from harness.report.overview import RULES, overview
from harness.report.run import build


@pytest.fixture
def run(folder):
    return build(folder)


def test_every_verdict_has_a_heading_and_a_rule():
    assert set(RULES) == set(Verdict)


def test_requirements_stand_under_their_interface(run):
    groups = {group.id: group for group in overview(run).groups}

    assert list(groups) == ["LIS-ASTM", "LIS-ORU", "HIS-ADT", "PACS-DIC"]
    assert [(line.id, line.verdict) for line in groups["LIS-ORU"].lines] == [
        ("REQ-FEED-003", "fail"),  # one passed, one failed: the gravest counts
        ("REQ-FEED-004", "inconclusive"),
        ("REQ-LAB-002", "fail"),
    ]
    assert groups["LIS-ASTM"].verdict == "error"
    assert groups["PACS-DIC"].verdict == "not-tested"
    assert [one.id for one in groups["LIS-ASTM"].untested] == ["REQ-LAB-004", "REQ-LAB-008"]


def test_only_what_was_judged_counts_as_tested(run):
    view = overview(run)

    # Judged are REQ-LAB-001 (pass), REQ-LAB-002 (fail) and REQ-FEED-003 (pass and fail).
    assert view.tested_requirements == 3
    assert view.known_requirements == 11
    assert view.uncovered_requirements == 2
    assert "covers 3 of 11" in view.cautions[0]


def test_what_was_not_judged_says_why_and_whose_it_is(run):
    shown = [
        (one.scenario.id, one.reasons[0], one.scenario.owner) for one in overview(run).untested
    ]

    assert shown == [
        ("tool", "KeyError: 'corr'", "检验科"),
        ("swap", "the planned fault swap-two never fired", "信息科"),
        ("killed", "cut off", "检验科"),
        ("merge", "HIS 的测试库未开放：连接 10.0.0.9:6661 被拒绝", "信息科"),
        ("never-begun", "not run: the run ended before this scenario began", "检验科"),
        ("qc", "本院该仪器不上传质控", "检验科"),
    ]


def test_a_missing_reason_is_said_to_be_missing(run):
    silent = replace(run.scenarios[5], reasons=())

    assert overview(replace(run, scenarios=(silent,))).untested[0].reasons == (
        "no reason was recorded",
    )


def test_a_scenario_that_no_list_knows_is_shown_all_the_same(run):
    stranger = replace(run.scenarios[0], id="x", requirement="REQ-NEW", interface="NEW-LINK")
    loose = replace(run.scenarios[2], id="y", requirement="", interface="")
    groups = {one.id: one for one in overview(replace(run, scenarios=(stranger, loose))).groups}

    assert [line.id for line in groups["NEW-LINK"].lines] == ["REQ-NEW"]
    assert [(line.name, line.verdict) for line in groups["–"].lines] == [
        ("without a requirement", "fail")
    ]
    assert (groups["–"].tested, groups["–"].known) == (0, 0)
    assert groups["–"].count("fail") == 1


def test_the_reader_is_warned_of_defects_and_of_simulated_systems(run):
    warned = " ".join(overview(replace(run, defects=("lis-07",))).cautions)
    real = replace(run, systems=(System(role="LIS", mode="real"),))

    assert "lis-07" in warned
    assert "simulated" in warned
    assert "simulated" not in " ".join(overview(real).cautions)


def test_nothing_is_cautioned_where_all_was_tested(tmp_path):
    folder = sample.write_folder(tmp_path, ["result-arrives"])
    run = build(folder)
    run = replace(
        run,
        requirements=tuple(one for one in run.requirements if one.id == "REQ-LAB-001"),
        systems=(System(role="LIS", mode="real"),),
    )

    assert overview(run).cautions == ()
    assert overview(run).heading == "Passed"
