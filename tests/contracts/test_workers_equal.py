"""How many workers share a run makes no difference to what it came to."""

import pytest
from commands import medharness, run_of
from depth import sized, tags_of

from harness.selfcheck.runs import shipped

pytestmark = [pytest.mark.slow, pytest.mark.untraced]

TIMES = ("started", "seconds")
"""Of the run; each scenario has ``seconds`` as well. Nothing else may differ."""

DEFECT = "his-drops-unit"


MEANT_FOR_IT = "@id-feed-his-results"

SLICES = sized(10, 1)
"""Each commit plays one; together, and every night, they play all."""


JOBS = sized(3, 4)
"""Workers beside one; each of them collects, and has a hospital of its own."""


def core():
    """Words that choose every so-manieth scenario, and the one that finds the defect."""
    found = [one for one in shipped() if not {"@slow", "@extended"} & {*one.scenario.tags}]
    chosen = tags_of(found, SLICES)
    assert chosen.count("@id-") > 10
    return f"{MEANT_FOR_IT} or {chosen}"


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
    chosen = ("--profile", "memory", "--tags", core())
    one = run_with(tmp_path, 1, *chosen, *words)
    many = run_with(tmp_path, JOBS, *chosen, *words)

    assert one["verdict"] == ("fail" if words else "pass")
    assert without_times(many) == without_times(one)
    seconds = {each["id"]: each["seconds"] for each in one["scenarios"]}
    assert {each["id"]: each["seconds"] for each in many["scenarios"]} == seconds


def test_over_tcp(tmp_path):
    words = ("--tags", "@id-feed-lis-refuses or @id-feed-ack-lost or @id-lab-frame-fault")
    one = run_with(tmp_path, 1, *words)
    many = run_with(tmp_path, JOBS, *words)

    assert one["verdict"] == "pass"
    assert without_times(many) == without_times(one)
