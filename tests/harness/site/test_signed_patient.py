"""A patient of the site's signed list is the patient of a scenario; nobody else can be."""

import hashlib

import pytest
from hands import FEATURE, double, profile_text, run_feature
from test_operator_steps import together, worker

from harness import people
from harness.clock import VirtualClock
from harness.errors import Blocked, InputError, ScenarioError
from harness.evidence.trace import Trace
from harness.model import Person
from harness.permit import Permit
from harness.profile import load_profile
from harness.scenario.bench import Switch
from harness.scenario.world import World
from scenarios.steps.insurance import person

SUBJECT = Person(
    patient_id="T1", name="测试甲", sex="M", birth="19900307", id_card="11010119900307467X"
)
OTHER = Person(patient_id="T2", name="测试乙", sex="F", birth="19800101")
LIST = "patient_id,name,sex,birth,id_card\n" + "".join(
    f"{one.patient_id},{one.name},{one.sex},{one.birth},{one.id_card}\n" for one in (SUBJECT, OTHER)
)
SIGNED = """
[test_subjects]
list = "list.csv"
sha256 = "{digest}"
signer = "王主任"
date = 2026-01-05
"""
WITH = FEATURE.replace("    假如 患者", "    假如 患者“甲”是测试患者“T1”\n    并且 患者", 1)


def signed(folder):
    data = LIST.encode()
    (folder / "list.csv").write_bytes(data)
    return SIGNED.format(digest=hashlib.sha256(data).hexdigest())


@pytest.mark.slow
def test_what_is_entered_for_a_signed_patient_is_seen_under_the_number_that_the_his_gives(tmp_path):
    done = []
    with double(tmp_path) as (screens, port):
        text = profile_text(screens, port, more=signed(tmp_path))
        conclusion, records, _ = run_feature(
            tmp_path,
            text,
            together(
                screens.self_test,
                worker(screens, "入院登记", "张工", done),
                worker(screens, "医生站", "李医生", done),
            ),
            feature=WITH,
        )
    assert conclusion.verdict == "pass", conclusion.reasons
    card = next(one for one in records if one.get("name") == "admit")
    assert {"name": card["args"]["name"], "id_card": card["args"]["id_card"]} == {
        "name": SUBJECT.name, "id_card": SUBJECT.id_card,
    }  # fmt: skip
    assert card["captured"]["patient_id"] != SUBJECT.patient_id
    assert not [one for one in records if one.get("alarm")]


@pytest.mark.slow
def test_without_the_signed_list_nobody_is_asked_for_anything(tmp_path):
    with double(tmp_path) as (screens, port):
        conclusion, records, told = run_feature(
            tmp_path, profile_text(screens, port), lambda _address, _stop: None, feature=WITH
        )
    assert conclusion.verdict == "blocked"
    assert "T1" in conclusion.reasons[0]
    assert not [one for one in records if one["kind"] == "command"]
    assert not [line for line in told if line.startswith("▶")]


class Bench:
    """Nothing runs."""

    clock, persons = VirtualClock(), None

    def __init__(self):
        self.switch = Switch()


@pytest.fixture
def world():
    permit = Permit(load_profile("memory"), VirtualClock().wall)
    return World("one", 1, Bench(), Trace(VirtualClock()), permit, (SUBJECT, OTHER))


@pytest.mark.parametrize("number", ["T3", "", people.generate(1, 0).patient_id])
def test_who_is_not_on_the_list_is_nobody(world, number):
    with pytest.raises(Blocked):
        world.signed_person("甲", number)
    assert world.person("甲") not in (SUBJECT, OTHER)


def test_one_name_is_one_patient_and_one_patient_has_one_name(world):
    world.signed_person("甲", "T1")
    for label, number in (("甲", "T2"), ("乙", "T1")):
        with pytest.raises(InputError):
            world.signed_person(label, number)
    with pytest.raises(InputError):
        world.person("甲", "rare")
    assert world.person("甲") == world.known_person("甲") == SUBJECT
    with pytest.raises(InputError):
        world.person("甲")
    generated = world.person("丙")
    with pytest.raises(InputError):
        world.signed_person("丙", "T2")
    assert people.is_generated(generated)


def test_a_signed_patient_that_no_sentence_prepared_is_known_all_the_same(world):
    world.signed_person("甲", "T1")
    assert world.known_person("甲") == SUBJECT


def test_a_patient_of_our_centre_is_not_put_in_the_place_of_a_signed_one(world):
    world.signed_person("甲", "T1")
    with pytest.raises(ScenarioError, match="甲"):
        person(world, "甲", "职工医保")
    assert world.known_person("甲") == SUBJECT
