"""The plugin under plain pytest: opt-in, and selection as for any test."""

import json

import pytest
from small_features import (
    FAILS,
    JUDGES_NOTHING,
    NEVER_FIRES,
    PASSES,
    ROWS,
    STEP_RAISES,
    feature,
    line_of,
)

from harness.scenario import plugin, steps

# Read once for all tests here: pytester would import everything anew in each of them.
assert plugin.OUTCOME
assert steps.load_libraries().steps

pytest_plugins = ("pytester",)

PLUGIN = ("-p", "harness.scenario.plugin", "-p", "no:cacheprovider")
ALL = feature(PASSES, ROWS, FAILS)


@pytest.fixture(autouse=True)
def _few_plugins(monkeypatch):
    """What happens to be installed here has no part in these tests."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def tree(pytester):
    """A folder with one feature file."""
    (pytester.path / "小样.feature").write_text(ALL, encoding="utf-8")
    return pytester


def run(pytester, *args, profile="memory"):
    out = pytester.path / "out"
    options = (f"--medharness-profile={profile}", f"--medharness-out={out}")
    return pytester.runpytest_inprocess(*PLUGIN, *options, *args)


def verdicts(pytester):
    """Sealed verdict by scenario id, read as plain JSON."""
    found = {}
    for path in (pytester.path / "out" / "traces").glob("*.jsonl"):
        last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        found[path.stem] = last["verdict"]
    return found


def test_without_the_plugin_a_feature_file_is_no_test(tree):
    result = tree.runpytest_inprocess("-p", "no:cacheprovider", ".")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_each_scenario_and_each_row_is_a_test(tree):
    result = run(tree, ".")
    result.assert_outcomes(passed=3, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert sorted(verdicts(tree).values()) == ["fail", "pass", "pass", "pass"]
    result.stdout.fnmatch_lines(["*HIS-ORD hl7 MSA-1: AR ≠ AA*"])


def test_a_verdict_is_told_without_a_traceback(tree):
    result = run(tree, f"小样.feature:{line_of(ALL, '应答不一致')}")
    result.assert_outcomes(failed=1)
    assert "Traceback" not in result.stdout.str()
    assert "plugin.py" not in result.stdout.str()


def test_a_line_means_its_scenario_and_a_row_line_its_row(tree):
    result = run(tree, f"小样.feature:{line_of(ALL, '不支持的事件')}")
    result.assert_outcomes(passed=1)
    assert len(verdicts(tree)) == 1


def test_a_folder_that_is_named_as_well_takes_all_of_its_files(tree):
    result = run(tree, "--collect-only", "-q", f"小样.feature:{line_of(ALL, '应答一致')}", ".")
    assert len([one for one in result.stdout.lines if "::" in one]) == 4


@pytest.mark.parametrize(
    ("args", "count"),
    [
        (("-k", "应答不一致"), 1),
        (("-k", "id-small-rows"), 2),
        (("-k", "冒烟"), 1),
        (("--medharness-tags=@冒烟",), 1),
        (("--medharness-tags=not @冒烟 and not @id-small-fail",), 2),
        (("--medharness-tags=@没有",), 0),
    ],
)
def test_k_and_tags_choose(tree, args, count):
    result = run(tree, "--collect-only", "-q", *args, ".")
    assert len([one for one in result.stdout.lines if "::" in one]) == count


@pytest.mark.slow
def test_workers_run_every_scenario_once(tree):
    result = run(tree, "-p", "xdist", "-n", "2", ".")
    result.assert_outcomes(passed=3, failed=1)
    plan = json.loads((tree.path / "out" / "plan.json").read_text(encoding="utf-8"))
    assert sorted(one["id"] for one in plan["scenarios"]) == sorted(verdicts(tree))
    assert len(verdicts(tree)) == 4


@pytest.mark.slow
def test_workers_know_the_line(tree):
    result = run(tree, "-p", "xdist", "-n", "2", f"小样.feature:{line_of(ALL, '不支持的事件')}")
    result.assert_outcomes(passed=1)


def test_a_fault_that_never_fired_is_no_pass(pytester):
    (pytester.path / "a.feature").write_text(feature(NEVER_FIRES), encoding="utf-8")
    result = run(pytester, "a.feature")
    result.assert_outcomes(failed=1)
    assert verdicts(pytester) == {"small-never": "inconclusive"}
    result.stdout.fnmatch_lines(["*F1 never fired*"])


def test_a_step_that_raises_is_an_error_of_ours(pytester):
    text = feature(STEP_RAISES)
    (pytester.path / "a.feature").write_text(text, encoding="utf-8")
    result = run(pytester, "a.feature")
    result.assert_outcomes(failed=1)
    assert verdicts(pytester) == {"small-error": "error"}
    result.stdout.fnmatch_lines([f"*a.feature:{line_of(text, '没有这种故障')}: *"])


def test_a_scenario_that_judges_nothing_is_refused(pytester):
    text = feature(JUDGES_NOTHING)
    (pytester.path / "a.feature").write_text(text, encoding="utf-8")
    result = run(pytester, "a.feature")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*a.feature:{line_of(text, '场景: ')}: *"])
    assert not (pytester.path / "out").exists()


def test_reading_and_binding_problems_of_all_files_come_together(pytester):
    first = feature(PASSES.replace("登记", "登记”，而且“再来一次"), JUDGES_NOTHING, name="甲")
    second = feature(PASSES.replace("@REQ-FEED-006", "@REQ-FEED-999"), name="乙")
    (pytester.path / "a.feature").write_text(first, encoding="utf-8")
    (pytester.path / "b.feature").write_text(second, encoding="utf-8")
    result = run(pytester, ".")
    result.assert_outcomes(errors=2)
    shown = result.stdout.str()
    for file, text, part in (
        ("a.feature", first, "再来一次"),
        ("a.feature", first, "场景: 什么也不判断"),
        ("b.feature", second, "场景: 应答一致"),
    ):
        assert f"{file}:{line_of(text, part)}: " in shown


@pytest.mark.parametrize("ident", ["small-pass", "Small-Pass"])
def test_an_id_that_stands_twice_in_the_tree_is_refused(pytester, ident):
    (pytester.path / "a.feature").write_text(feature(PASSES, name="甲"), encoding="utf-8")
    other = PASSES.replace("id-small-pass", f"id-{ident}").replace("应答一致", "另一个")
    (pytester.path / "b.feature").write_text(feature(other, name="乙"), encoding="utf-8")
    result = run(pytester, ".")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    shown = result.stderr.str()
    assert "b.feature:7: " in shown
    assert "a.feature:7" in shown


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--medharness-tags=@a and",), "@a and"),
        (("--medharness-defect=lis-drops-unt",), "lis-drops-unit"),
        (("--medharness-profile=nowhere",), "nowhere"),
    ],
)
def test_options_that_cannot_be_used_are_refused_before_anything_runs(tree, args, said):
    result = run(tree, *args, ".")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    assert not (tree.path / "out").exists()


def test_a_used_run_folder_is_refused(tree):
    (tree.path / "out").mkdir()
    (tree.path / "out" / "anything").write_text("x", encoding="utf-8")
    result = run(tree, ".")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "out" in result.stderr.str()


def test_only_collecting_writes_nothing(tree):
    run(tree, "--collect-only", ".")
    assert not (tree.path / "out").exists()


def test_the_plan_names_files_without_a_path_of_this_machine(tree):
    run(tree, f"小样.feature:{line_of(ALL, '没有患者号的登记')}")
    text = (tree.path / "out" / "plan.json").read_text(encoding="utf-8")
    (planned,) = json.loads(text)["scenarios"]
    assert planned["file"] == "小样.feature"
    assert planned["line"] == line_of(ALL, "没有患者号的登记")
    assert str(tree.path) not in text
    trace = next((tree.path / "out" / "traces").glob("*.jsonl")).read_text(encoding="utf-8")
    assert str(tree.path) not in trace


def test_other_tests_beside_the_scenarios_still_run(tree):
    tree.makepyfile(test_other="def test_other():\n    pass\n")
    result = run(tree, "-k", "test_other or 应答一致", ".")
    result.assert_outcomes(passed=2)


def test_a_site_without_the_interface_skips(tree):
    (tree.path / "site.toml").write_text(NO_ENDPOINTS, encoding="utf-8")
    result = run(tree, "-k", "应答一致", ".", profile=str(tree.path / "site.toml"))
    result.assert_outcomes(skipped=1)
    assert verdicts(tree) == {"small-pass": "not-applicable"}


NO_ENDPOINTS = """
format = 1
name = "没有接口的医院"
environment = "test"
transport = "memory"
[systems.LIS]
mode = "simulated"
"""
