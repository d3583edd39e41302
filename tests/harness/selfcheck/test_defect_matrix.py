"""The matrix of defects: what it takes to say that one is caught."""

from dataclasses import replace

import pytest

from harness.selfcheck import defect_matrix
from harness.selfcheck.defect_matrix import matrix
from harness.selfcheck.runs import shipped
from simulators.hospital.defects import BY_ID, DEFECTS

pytestmark = pytest.mark.slow

DEFECT = BY_ID["lis-drops-unmatched"]
CATCHER = "lab-unmatched"


@pytest.fixture
def only(monkeypatch):
    """Leaves one defect, changed as the test wants it."""

    def leave(**changes):
        monkeypatch.setattr(defect_matrix, "DEFECTS", [replace(DEFECT, **changes)])

    leave()
    return leave


def run(scenarios, *, intended_only=False):
    (catch,) = matrix(scenarios, seed=1, intended_only=intended_only, slice_of=(0, 1))
    return catch


def few():
    return [one for one in shipped() if one.scenario.id in {CATCHER, "lab-upload-plain"}]


@pytest.mark.usefixtures("only")
def test_a_defect_is_caught_at_its_place_by_a_scenario_meant_for_it():
    catch = run(few())

    assert catch.caught
    assert catch.caught_by == catch.intended == catch.placed == (CATCHER,)
    assert {*catch.seen_at} & {*DEFECT.places}
    assert catch.data()["caught"] is True


@pytest.mark.usefixtures("only")
def test_without_the_scenario_that_looks_there_it_is_not_caught():
    left = [one for one in few() if one.scenario.id != CATCHER]

    catch = run(left)

    assert (catch.caught, catch.caught_by) == (False, ())


def test_who_fails_elsewhere_has_not_caught_it(only):
    only(places=("LIS-ASTM sql another.place",))

    catch = run(few())

    assert (catch.intended, catch.placed, catch.caught) == ((CATCHER,), (), False)


def test_who_is_not_meant_for_it_has_not_caught_it(only):
    only(requirement="REQ-LAB-002")

    catch = run(few())

    assert (catch.caught_by, catch.intended, catch.caught) == ((CATCHER,), (), False)


def test_only_those_meant_for_it_are_run_if_that_is_asked_for(only):
    only(requirement="REQ-LAB-002")

    assert run(few(), intended_only=True).caught_by == ()


def test_slices_are_the_whole():
    parts = [matrix([], seed=1, intended_only=True, slice_of=(part, 3)) for part in range(3)]

    assert {one.defect for part in parts for one in part} == {one.id for one in DEFECTS}
    assert sum(len(part) for part in parts) == len(DEFECTS)
    assert not any(one.caught for part in parts for one in part)
