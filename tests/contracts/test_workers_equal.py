"""How many workers share a run makes no difference to what it came to."""

import pytest
from commands import medharness, run_of

pytestmark = pytest.mark.slow

TIMES = ("started", "seconds")
"""Of the run; each scenario has ``seconds`` as well. Nothing else may differ."""

DEFECT = "his-drops-unit"


def without_times(run):
    run = {key: value for key, value in run.items() if key not in TIMES}
    scenarios = [
        {key: value for key, value in one.items() if key != "seconds"} for one in run["scenarios"]
    ]
    return run | {"scenarios": scenarios}


def run_with(tmp_path, jobs, *words):
    folder = tmp_path / f"jobs-{jobs}"
    _, out = medharness(
        "run", "--jobs", str(jobs), "--out", str(folder), "--lang", "en", *words, cwd=tmp_path
    )
    assert (folder / "run.json").is_file(), out
    return run_of(folder)


@pytest.mark.parametrize("words", [(), ("--defect", DEFECT, "--seed", "20")])
def test_over_memory_even_the_order_is_the_same(tmp_path, words):
    core = ("--profile", "memory", "--tags", "not (@slow or @extended)")
    one = run_with(tmp_path, 1, *core, *words)
    four = run_with(tmp_path, 4, *core, *words)

    assert one["verdict"] == ("fail" if words else "pass")
    assert without_times(four) == without_times(one)
    seconds = {each["id"]: each["seconds"] for each in one["scenarios"]}
    assert {each["id"]: each["seconds"] for each in four["scenarios"]} == seconds


def test_over_tcp(tmp_path):
    words = ("--tags", "@id-feed-lis-refuses or @id-feed-ack-lost or @id-lab-frame-fault")
    one = run_with(tmp_path, 1, *words)
    four = run_with(tmp_path, 4, *words)

    assert one["verdict"] == "pass"
    assert without_times(four) == without_times(one)
