"""The same scenarios come to the same over memory and virtual time as over TCP and real time."""

import pytest
from commands import medharness, run_of
from depth import sized, tags_of

from harness.selfcheck.runs import shipped

pytestmark = [pytest.mark.slow, pytest.mark.untraced]

LIMIT_S = 900.0
"""A slice takes about a minute over TCP; a machine with other work beside takes longer."""

REAL_TIME = "img-"
"""DIMSE runs on threads of its library: the one stated exception, real time alone."""

SLICES = sized(16, 1)
"""Each commit plays one over TCP; together, and every night, they play all."""

DEFECTS = (
    "lis-accepts-unknown-types",
    "his-drops-unit",
    "his-alarm-closes-itself",
    "lis-drops-unit",
)
MEANT_FOR_THEM = (
    "@id-feed-lis-refuses or @id-feed-his-results or @id-feed-critical"
    " or @id-lab-upload-comparator or @id-lab-upload-plain"
)


def came_to(folder):
    """What may not differ: verdict, places of findings, and what became of each fault."""
    return {
        one["id"]: {
            "verdict": one["verdict"],
            "seed": one["seed"],
            "findings": sorted((each["place"], each["message"]) for each in one["findings"]),
            "faults": [
                (each["id"], each["fault_class"], each["planned"], each["fired"], each["healed"])
                for each in one["faults"]
            ],
            "marks": [each["mark"] for each in one["sentences"]],
        }
        for one in run_of(folder)["scenarios"]
    }


def both(tmp_path, *words, jobs):
    """Run over memory and over TCP; returns both exit codes and what both came to."""
    found = []
    for profile in ("memory", "builtin"):
        folder = tmp_path / profile
        many = ("--jobs", jobs) if profile == "builtin" else ()
        code, out = medharness(
            "run",
            *words,
            "--profile",
            profile,
            "--out",
            str(folder),
            *many,
            cwd=tmp_path,
            timeout_s=LIMIT_S,
        )
        assert code in {0, 1}, out
        found.append((code, came_to(folder)))
    return found


def slice_of_shipped():
    """Words that choose every so-manieth scenario, beginning with the commit's own."""
    return "--tags", tags_of([one for one in shipped() if "@slow" not in one.scenario.tags], SLICES)


def test_the_scenarios_that_ship_on_the_clean_hospital(tmp_path):
    (memory_code, memory), (tcp_code, tcp) = both(
        tmp_path, *slice_of_shipped(), jobs=str(sized(4, 8))
    )

    assert memory_code == tcp_code == 0
    assert len(memory) > 30
    assert any(fault[3] for one in memory.values() for fault in one["faults"])
    alone = {ident for ident, one in memory.items() if one["verdict"] == "not-applicable"}
    assert all(ident.startswith(REAL_TIME) for ident in alone)
    assert {ident: one for ident, one in tcp.items() if ident not in alone} == {
        ident: one for ident, one in memory.items() if ident not in alone
    }


def test_scenarios_that_catch_a_defect(tmp_path):
    defects = [word for ident in DEFECTS for word in ("--defect", ident)]
    (memory_code, memory), (tcp_code, tcp) = both(
        tmp_path, *defects, "--tags", MEANT_FOR_THEM, jobs="2"
    )

    assert memory_code == tcp_code == 1
    failed = {ident for ident, one in memory.items() if one["verdict"] == "fail"}
    assert len(failed) >= len(DEFECTS)
    assert tcp == memory
