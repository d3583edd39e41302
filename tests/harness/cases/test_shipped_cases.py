"""Each case that ships shows its fault with its defect, and not without."""

from __future__ import annotations

import pytest

from harness import resources
from harness.cases.kept import load
from harness.cases.replay import replay
from harness.cases.stage import Manner
from harness.profile import load_profile

CASES = (
    ("lab-unit-lost", "lis-drops-unit", "memory"),
    ("img-step-id-empty", "ris-empties-step-id", "builtin"),
)
"""Case, the defect that it was made with, and over which profile it is played."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "defect", "profile"), CASES)
def test_a_case_that_ships_is_red_with_its_defect_and_green_without(name, defect, profile):
    case, site = load(resources.fixture("cases", name)), load_profile(profile)

    red = replay(case, site, manner=Manner(defects=(defect,)), times=1, needed=1)
    green = replay(case, site, manner=Manner(), times=1, needed=1)

    assert (red.exit_code, green.exit_code) == (1, 0), green.data()
    assert case.manifest["red_seen"]["shown"] >= 1
    assert green.runs[0].seen[0].judged


def test_every_case_that_ships_is_among_them_and_has_its_scenario():
    folder = resources.fixture("cases", "lab-unit-lost").parent
    shipped = {one.name for one in folder.iterdir() if (one / "manifest.toml").is_file()}
    features = "".join(
        one.read_text("utf-8") for one in resources.scenarios_folder().rglob("cases.feature")
    )

    assert shipped == {name for name, _, _ in CASES}
    assert all(f"回放案例“{name}”" in features for name in shipped)
