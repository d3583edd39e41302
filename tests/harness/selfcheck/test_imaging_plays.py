"""Imaging scenarios played on PACS and RIS that are sound, and on ones that are not."""

from types import SimpleNamespace

import pytest

from harness import people
from harness.errors import InputError, ScenarioError
from harness.evidence.verdict import Verdict
from harness.selfcheck import imaging
from scenarios.steps import imaging_unread
from scenarios.steps.imaging_judge import asked_set
from simulators.hospital.defects import IMAGING

SEEN = ("pacs-undeclared-by-default", "ris-drops-unreadable-keys")
OBJECTS, PIXELS = "img-object-slices", "img-pixel-rle-colour"
STATUS = "PACS-DIMSE dicom C-GET (0000,0900)"
KEY, SET = "unreadable-key", "no-set"


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    made = imaging.Rig(tmp_path_factory.mktemp("plays"), 1)
    yield made
    assert made.stop() == []


@pytest.fixture(scope="module")
def shipped():
    return {one.scenario.id: one for one in imaging.scenarios()}


def play(rig, bound, defect=""):
    rig.switch([defect] if defect else [])
    try:
        ended = rig.play(bound).conclusion
    finally:
        rig.switch([])
    return ended.verdict, {one.place for one in ended.findings}


@pytest.fixture(scope="module")
def begun(rig, shipped):
    """PACS and RIS start in the first play, which is that of a sound retrieval."""
    return rig.play(shipped[OBJECTS]).conclusion.verdict


@pytest.mark.slow
@pytest.mark.parametrize("name", [OBJECTS, PIXELS])
def test_looks_at_objects_and_pixels_judge_how_the_retrieval_ended(rig, shipped, begun, name):
    assert begun is Verdict.PASS
    assert play(rig, shipped[name]) == (Verdict.PASS, set())
    assert play(rig, shipped[name], "pacs-get-ends-failed") == (Verdict.FAIL, {STATUS})


@pytest.mark.slow
@pytest.mark.parametrize("defect", [one for one in IMAGING if one.id in SEEN],
                         ids=lambda one: one.id)  # fmt: skip
def test_a_defect_of_character_sets_shows_where_a_question_is_odd(rig, shipped, begun, defect):
    word = SET if defect.source == "img-C2" else KEY
    meant = [one for name, one in shipped.items()
             if one.scenario.requirement == defect.requirement and word in name]  # fmt: skip
    others = [one for one in shipped.values() if one.scenario.id.startswith("img-query-by-name")]
    assert begun is Verdict.PASS
    assert len(meant) >= 4
    assert len(others) == 2
    assert play(rig, meant[0]) == (Verdict.PASS, set())
    verdict, places = play(rig, meant[0], defect.id)
    assert verdict is Verdict.FAIL
    assert defect.places[0] in places
    for one in others:  # a right question shows nothing of it
        assert play(rig, one, defect.id) == (Verdict.PASS, set())


def world():
    person = SimpleNamespace(name="张三", patient_id="MH1")
    known = SimpleNamespace(exam=SimpleNamespace(person=person))
    here = SimpleNamespace(known=lambda _: known, opens=lambda role, calling: None)
    bench = SimpleNamespace(probes={})
    return SimpleNamespace(state={"imaging": here}, bench=bench, at_end=[])


def test_nothing_is_left_of_a_name_whose_bytes_are_dropped():
    for seed in range(30):
        drawn = iter(range(99))
        made = SimpleNamespace(
            signed={}, people={}, person=lambda _, at=drawn, of=seed: people.generate(of, next(at))
        )
        imaging_unread.name_vanishes(made, "甲")
        assert made.people["甲"].name
        assert made.people["甲"].name.encode("gb18030").decode("utf-8", "ignore") == ""
    with pytest.raises(InputError):
        imaging_unread.name_vanishes(SimpleNamespace(signed={"甲": None}), "甲")


def test_a_question_that_is_right_or_about_nothing_is_no_odd_one():
    for what, declares, codec in (("影像", "无", "UTF-8"), ("检查", "UTF-8", "UTF-8"),
                                  ("检查", "无", "无"), ("检查", "Big5", "UTF-8")):  # fmt: skip
        with pytest.raises(ScenarioError):
            imaging_unread.unreadable_key(world(), 1.0, what, declares, codec, "检1")
    assert (asked_set("无"), asked_set("GB2312")) == ("", "\\ISO 2022 IR 58")


@pytest.mark.parametrize(
    ("what", "level", "role"),
    [("检查", "STUDY", "PACS"), ("患者", "PATIENT", "PACS"), ("工作列表", "WORKLIST", "RIS")],
)
def test_the_look_is_there_until_the_scenario_ends(what, level, role):
    made = world()
    expected = imaging_unread.unreadable_key(made, 1.0, what, "无", "GB18030", "检1")
    (probe,) = made.bench.probes.values()
    assert (probe.role, probe.look.level, probe.look.role) == (role, level, role)
    assert expected.ask.probe == probe.name
    assert expected.ask.args == {"owner": "MH1", "charset": "", "codec": "gb18030",
                                 "PatientName": "*张三*"}  # fmt: skip
    for action in made.at_end:
        action()
    assert made.bench.probes == {}
