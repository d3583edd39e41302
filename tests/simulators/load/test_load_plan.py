"""Plans of a load run: intended starts that nobody can change, and errors with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import i18n
from harness.errors import InputError
from simulators.load.arrivals import Arrivals
from simulators.load.plan import KINDS, LoadPlan, load_plan

WHOLE = """
seconds = 10
[feed]
users = 2
per_s = 3
p95_s = 0.5
p99_s = 1
"""


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


def arrivals(**changed: object) -> Arrivals:
    values = {"kind": "feed", "users": 3, "per_s": 4.0, "seconds": 5.0, "seed": 1}
    return Arrivals(**values | changed)  # type: ignore[arg-type]


def test_each_action_lies_in_its_own_slot_and_follows_from_the_seed() -> None:
    found = list(arrivals().part())

    assert [number for number, _ in found] == list(range(20))
    assert all(number / 4 <= at < (number + 1) / 4 for number, at in found)
    assert found == list(arrivals().part())
    assert found != list(arrivals(seed=2).part())


def test_processes_share_the_actions_and_none_is_left_out_or_done_twice() -> None:
    parts = [list(arrivals().part(part, 3)) for part in range(3)]

    assert sorted(one for part in parts for one in part) == list(arrivals().part())


def test_a_plan_with_little_to_do_does_at_least_one_thing() -> None:
    assert arrivals(per_s=0.01).total == 1


def test_the_plan_that_ships_has_every_kind_as_many_as_a_busy_hospital() -> None:
    plan = load_plan(None)

    assert [(one.kind, one.users) for one in plan.groups] == [
        ("analyzer", 100), ("modality", 20), ("feed", 50), ("settlement", 50),
    ]  # fmt: skip
    assert tuple(one.kind for one in plan.groups) == KINDS
    assert plan.groups[-1].per_s == 200
    assert plan.seconds == 600


def test_a_plan_is_the_same_in_another_process() -> None:
    plan = load_plan(None).changed(seconds=30, scale=0.5, seed=9)

    assert LoadPlan.of(plan.data()) == plan
    assert (plan.seconds, plan.seed, plan.groups[0].users) == (30, 9, 50)


def test_limits_of_a_profile_take_the_place_of_the_plans(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(WHOLE, encoding="utf-8")
    plan = load_plan(path).judged_by({"LIS": {"load_feed_p99_s": 4}, "PACS": {"x_s": 1}})

    assert (plan.groups[0].p95_s, plan.groups[0].p99_s) == (0.5, 4.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("seconds = 10", "seconds must be a number above 0"),
        ("users = 2", "users must be a number above 0"),
        ("per_s = 3", "per_s must be a number above 0"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changed: str, message: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(WHOLE.replace(changed, ""), encoding="utf-8")

    with pytest.raises(InputError, match=message) as caught:
        load_plan(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE.replace("users = 2", "users = 2.5"), "users is no whole number"),
        (WHOLE.replace("users = 2", "users = true"), "users must be a number"),
        (WHOLE.replace("per_s = 3", "per_s = -3"), "per_s must be a number above 0"),
        (WHOLE + "often = 3", "unknown key often"),
        (WHOLE + "[gate]", "unknown key gate"),
        ("seconds = 3", "the plan names no users"),
        ("seconds = ", "is not TOML"),
        ("seconds = 3\nfeed = 2", "is no table"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=message):
        load_plan(path)


def test_a_plan_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_plan(tmp_path / "none.toml")
