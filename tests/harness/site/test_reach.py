"""A verdict never claims more than its probe sees, and waiting for a person is nobody's delay."""

import contextlib
import json

import pytest
from engine import Sentences, play

from harness import cli
from harness.link.dicom import Answer as Reply
from harness.link.dicom_data import EXPLICIT, DataSet, encode
from harness.model import Outcome
from harness.probes.dicom import FindProbe, RetrieveProbe
from harness.probes.dicomweb import WebFindProbe, WebRetrieveProbe
from harness.probes.probe import Answer
from harness.report import run as report
from harness.resources import fixture
from harness.scenario.binding import load
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries
from scenarios.steps.common import nothing_expected, rows_expected

TEXT = "    当 行动\n    那么 10秒内显示\n"


class Seen:
    """A probe of a scenario: what it shows, how far it sees, how long a person takes for it."""

    name, role = "screen", "HIS"

    def __init__(self, world, reach, value, takes_s=0.0):
        self.world, self.value, self.takes_s = world, value, takes_s
        if reach:
            self.reach = reach
        self.by_hand = takes_s > 0
        self.asked = 0

    def ask(self, args):
        self.asked += 1
        if self.takes_s and self.asked == 1:
            driver = self.world.bench.driver
            driver.wait(lambda: False, self.world.clock.now() + self.takes_s)
        rows = [{"barcode": args["barcode"], "level": self.value}] if self.value else []
        return Answer(outcome=Outcome.OK, rows=rows, by="张工" if self.by_hand else "")

    def close(self):
        pass


def shown(tmp_path, reach, *, claim="displayed", value="HH", takes_s=0.0):
    def act(world):
        world.bench.look(Seen(world, reach, value, takes_s))

    def judged(_):
        return rows_expected(
            probe="screen", args={"barcode": "620"}, interface="LIS-ORU", table="alarms",
            key=["level"], rows=[{"level": "HH"}], limit_s=1.0, claim=claim,
        )  # fmt: skip

    return play(tmp_path, TEXT, Sentences().when("行动", act).then("显示", judged))


@pytest.mark.parametrize(("reach", "claim", "verdict"), [
    ("displayed", "displayed", "pass"),
    ("sent", "displayed", "inconclusive"),
    ("stored", "displayed", "inconclusive"),
    ("", "displayed", "inconclusive"),
    ("stored", "sent", "inconclusive"),
    ("sent", "sent", "pass"),
    ("stored", "", "pass"),
])  # fmt: skip
def test_what_a_probe_cannot_see_is_not_passed(tmp_path, reach, claim, verdict):
    conclusion, records = shown(tmp_path, reach, claim=claim)
    assert conclusion.verdict == verdict
    assert [one["reach"] for one in records if one["kind"] == "probe"][-1] == (reach or "stored")
    told = [one for one in conclusion.reasons if "claims" in one]
    assert bool(told) is (verdict == "inconclusive")
    if told:
        assert f"claims {claim}, and the probe screen reaches {reach or 'stored'} only" in told[0]


class Association:
    """Answers a query with one examination, or brings one image."""

    store = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask_all(self, _):
        yield Reply(status=0xFF00, payload=EXAM, syntax=EXPLICIT)
        yield Reply(status=0)


EXAM = encode(DataSet.of({"PatientID": "620", "StudyDescription": "HH"}), explicit=True)


def archive(opens):
    return FindProbe("screen", "HIS", opens, "STUDY", ["PatientID", "StudyDescription"])


@pytest.mark.parametrize(("claim", "verdict"), [
    ("", "pass"), ("stored", "pass"), ("sent", "inconclusive"), ("displayed", "inconclusive"),
])  # fmt: skip
def test_what_an_archive_answers_proves_no_more_than_that_it_holds_it(tmp_path, claim, verdict):
    """C-FIND: the row is there, and still nobody has seen it on a screen."""
    expected = rows_expected(
        probe="screen", args={"PatientID": "620"}, interface="PACS-DIMSE", table="studies",
        key=["StudyDescription"], rows=[{"StudyDescription": "HH"}], limit_s=1.0, claim=claim,
    )  # fmt: skip
    conclusion, records = play(
        tmp_path, TEXT,
        Sentences().when("行动", lambda world: world.bench.look(archive(lambda _: Association())))
        .then("显示", lambda _: expected),
    )  # fmt: skip
    assert conclusion.verdict == verdict
    answer = next(one for one in records if one["kind"] == "probe")
    assert answer["rows"][0]["StudyDescription"] == "HH"
    assert answer["reach"] == "stored"
    told = [one for one in conclusion.reasons if "reaches stored only" in one]
    assert bool(told) is (verdict == "inconclusive")


@pytest.mark.parametrize("kind", [FindProbe, RetrieveProbe, WebFindProbe, WebRetrieveProbe])
def test_every_look_into_an_archive_says_how_far_it_sees(kind):
    assert kind.reach == "stored"


def test_what_is_wrong_where_the_probe_sees_it_fails_all_the_same(tmp_path):
    """The finding names the place that was looked at; it claims nothing about the screen."""
    conclusion, _ = shown(tmp_path, "stored", value="LL")
    assert conclusion.verdict == "fail"
    assert {one.place for one in conclusion.findings} == {"LIS-ORU sql alarms"}


def test_that_nothing_is_shown_needs_the_reach_too(tmp_path):
    def act(world):
        world.bench.look(Seen(world, "stored", ""))

    expected = nothing_expected(
        probe="screen", args={"barcode": "1"}, control_args={"barcode": "2"}, interface="LIS-ORU",
        table="alarms", limit_s=0.2,
    )  # fmt: skip
    conclusion, _ = play(
        tmp_path, TEXT, Sentences().when("行动", act).then("显示", lambda _: expected)
    )
    assert conclusion.verdict == "inconclusive"  # its control shows nothing either


def test_silence_and_its_control_are_of_one_moment(tmp_path):
    """What came between the two looks would else make the one prove nothing about the other."""
    inside, looks = [], []

    class Moment(Seen):
        @contextlib.contextmanager
        def snapshot(self):
            inside.append(True)
            yield
            inside.pop()

        def ask(self, args):
            looks.append((args["barcode"], bool(inside)))
            rows = [{"barcode": "2"}] if args["barcode"] == "2" else []
            return Answer(outcome=Outcome.OK, rows=rows)

    expected = nothing_expected(
        probe="screen", args={"barcode": "1"}, control_args={"barcode": "2"}, interface="LIS-ORU",
        table="alarms", limit_s=0.2,
    )  # fmt: skip
    sentences = Sentences().when("行动", lambda world: world.bench.look(Moment(world, "", "")))
    conclusion, records = play(tmp_path, TEXT, sentences.then("显示", lambda _: expected))
    assert conclusion.verdict == "pass", conclusion.reasons
    assert looks[-2:] == [("1", True), ("2", True)]
    assert not any(held for _, held in looks[:-2])
    assert len([one for one in records if str(one.get("ask")).endswith("/control")]) == 1


def test_the_report_says_how_far_was_seen(tmp_path):
    shown(tmp_path, "sent", claim="displayed")
    folder = tmp_path / "run"
    plan = {
        "format": 1, "started": "2026-11-22T01:00:00+08:00", "seed": 1,
        "scenarios": [{"id": "own", "name": "自有"}], "systems": [{"role": "HIS", "mode": "simulated"}],
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    run = report.write(folder, lang="en")
    assert [one.reach for one in run.scenarios[0].sentences] == ["", "sent"]
    cli.main(["report", str(folder), "--lang", "en"])
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "seen as far as: sent on" in page


def test_a_person_who_takes_minutes_is_no_slow_system(tmp_path):
    conclusion, records = shown(tmp_path, "displayed", takes_s=300.0)
    assert conclusion.verdict == "pass", conclusion.reasons
    looks = [one for one in records if one["kind"] == "probe"]
    assert looks[0]["person_s"] >= 300
    assert {one["by"] for one in looks} == {"张工"}
    plan = {
        "format": 1, "started": "2026-11-22T01:00:00+08:00", "seed": 1,
        "scenarios": [{"id": "own", "name": "自有"}], "systems": [],
    }  # fmt: skip
    (tmp_path / "run" / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert report.build(tmp_path / "run").scenarios[0].seconds < 60


def test_a_system_that_takes_minutes_is_slow(tmp_path):
    """The same delay of a look that nobody carries proves nothing within the limit."""

    def act(world):
        one = Seen(world, "displayed", "HH", 300.0)
        one.by_hand = False
        world.bench.look(one)

    def judged(_):
        return rows_expected(
            probe="screen", args={"barcode": "620"}, interface="LIS-ORU", table="alarms",
            key=["level"], rows=[{"level": "HH"}], limit_s=1.0,
        )  # fmt: skip

    conclusion, _ = play(tmp_path, TEXT, Sentences().when("行动", act).then("显示", judged))
    assert conclusion.verdict == "inconclusive"


ALARM = """# language: zh-CN
@接口-LIS-ORU
功能: 现场
  负责人: 测试组

  @REQ-FEED-006 @id-alarm
  场景: 危急值到达护士站
    假如 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K    |
    当 分析仪“生化仪”上传标本“管1”的结果:
      | 项目 | 结果 | 标志 |
      | K    | 6.90 | HH   |
    那么 10秒内HIS中应有且仅有标本“管1”的危急值:
      | 项目 | 级别 | 状态   |
      | K    | HH   | 已通知 |
"""


@pytest.mark.slow
@pytest.mark.parametrize(("reach", "verdict"), [("displayed", "pass"), ("stored", "inconclusive")])
def test_the_sentences_of_alarms_claim_that_they_are_displayed(tmp_path, reach, verdict):
    text = fixture("profiles", "memory.toml").read_text(encoding="utf-8")
    before, name, rest = text.partition("[probes.his-alarms]")
    changed = before + name + rest.replace('reach = "displayed"', f'reach = "{reach}"', 1)
    (tmp_path / "site.toml").write_text(changed, encoding="utf-8")
    (tmp_path / "own.feature").write_text(ALARM, encoding="utf-8")
    (bound,) = load([tmp_path / "own.feature"], load_libraries())
    given = SessionOptions(profile=str(tmp_path / "site.toml"), seed=1, folder=tmp_path / "run")
    session = RunSession(given)
    try:
        conclusion = session.run(bound)
    finally:
        session.stop()
    assert conclusion.verdict == verdict, (conclusion.reasons, conclusion.findings)
