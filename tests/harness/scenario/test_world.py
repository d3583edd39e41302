"""The world of one scenario: people, commands, faults, and what is left at the end."""

import pytest
from engine import PLACE, Sentences, command_expected, play

from harness import people
from harness.errors import Blocked, HarnessError, InputError, PermitError
from harness.evidence.expect import Expectation, Selector
from harness.evidence.verdict import Verdict
from harness.faults.plan import Fault, Trigger
from harness.scenario.world import QUIESCE_S
from simulators.feed.feed import Feed
from simulators.feed.policy import Policy, Rule

TEXT = """    当 行动
    那么 10秒内成立
"""


def acting(do, tmp_path, *, text=TEXT, then=lambda world: command_expected("pending"), **options):
    """Run a scenario whose one action is ``do``; errors of it come out of the conclusion."""
    raised = []

    def act(world):
        try:
            do(world)
        except Exception as error:
            raised.append(error)
            raise
        world.order("HIS", "pending")

    sentences = Sentences().when("行动", act).then("成立", then)
    conclusion, records = play(tmp_path, text, sentences, **options)
    return conclusion, records, (raised or [None])[0]


def of_kind(records, kind):
    return [one for one in records if one["kind"] == kind]


def test_people_come_from_the_seed_and_are_prepared_once(tmp_path):
    seen = []

    def act(world):
        one, other = world.person("甲"), world.person("乙")
        assert one != other
        assert world.known_person("甲") is one
        seen.append((one, other))
        with pytest.raises(InputError, match="甲"):
            world.person("甲")
        with pytest.raises(InputError, match="丙"):
            world.known_person("丙")

    for number, seed in enumerate((1, 1, 2)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert acting(act, folder, seed=seed)[2] is None
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_specimens_have_an_owner_and_an_id(tmp_path):
    def act(world):
        who = world.person("甲")
        barcode = world.specimen("管1", "甲")
        assert world.barcode("管1") == barcode
        assert world.owner("管1") is who
        own = people.barcode(world.seed, 99)
        assert world.specimen("管2", "甲", barcode=own) == own
        assert world.barcode("管2") == own
        with pytest.raises(PermitError):
            world.specimen("管4", "甲", barcode="000123")
        with pytest.raises(InputError, match="管3"):
            world.barcode("管3")

    assert acting(act, tmp_path)[2] is None


def test_draws_depend_on_what_they_are_for(tmp_path):
    def act(world):
        assert world.draw("a", 1) == world.draw("a", 1)
        assert world.draw("a", 1) != world.draw("a", 2)
        assert 0 <= world.draw("a") < 1

    assert acting(act, tmp_path)[2] is None


def test_a_command_and_its_answer_stand_in_the_trace(tmp_path):
    _, records, _ = acting(lambda world: None, tmp_path)
    (command,) = of_kind(records, "command")
    assert command["role"] == "HIS"
    assert command["name"] == "pending"
    assert (command["outcome"], command["value"]) == ("ok", 0)


def test_a_command_without_an_answer_is_unknown_and_no_pass(tmp_path):
    conclusion, records, error = acting(lambda world: world.order("HIS", "dance"), tmp_path)
    assert isinstance(error, HarnessError)
    assert conclusion.verdict is Verdict.ERROR
    (command,) = of_kind(records, "command")
    assert command["outcome"] == "unknown"
    assert "dance" in command["value"]


def test_payloads_are_not_written_twice(tmp_path):
    def act(world):
        world.join("测试端HIS", Feed("HIS", world.clock), "his-lis")
        world.tell("测试端HIS", "send", 5.0, link="his-lis", payload=b"MSH|no".hex())

    _, records, _ = acting(act, tmp_path)
    assert of_kind(records, "command")[0]["args"] == {"link": "his-lis"}


def test_production_permits_neither_faults_nor_writes(tmp_path):
    profile = tmp_path / "site.toml"
    profile.write_text(PRODUCTION, encoding="utf-8")
    conclusion, records, error = acting(lambda world: None, tmp_path, profile=str(profile))
    assert conclusion.verdict is Verdict.BLOCKED
    assert of_kind(records, "command") == []

    folder = tmp_path / "second"
    folder.mkdir()
    _, records, error = acting(lambda world: world.plan(FAULT), folder, profile=str(profile))
    assert isinstance(error, PermitError)
    assert of_kind(records, "fault") == []


FAULT = Fault(
    id="F1",
    fault_class="hl7-37",
    layer="message",
    action="drop",
    link="his-lis",
    sender="HIS",
    trigger=Trigger(kind="message", holds=("never",)),
)

PRODUCTION = """
format = 1
name = "正式环境"
environment = "production"
transport = "memory"
[systems.LIS]
mode = "simulated"
[systems.HIS]
mode = "simulated"
[endpoints.his-lis]
interface = "HIS-ORD"
from = "HIS"
to = "LIS"
protocol = "mllp"
transport = "memory"
via = "relay"
[endpoints.lis-his]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
transport = "memory"
via = "relay"
"""


def test_faults_are_numbered_and_one_that_never_fires_shows(tmp_path):
    def act(world):
        assert world.next_fault() == "F1"
        world.plan(FAULT)
        assert world.next_fault() == "F2"

    conclusion, _, error = acting(act, tmp_path)
    assert error is None
    assert conclusion.verdict is Verdict.INCONCLUSIVE
    assert conclusion.reasons == ("the planned fault F1 never fired",)


def test_an_identity_that_is_not_ours_never_leaves(tmp_path):
    foreign = "MSH|^~\\&|HIS|H|LIS|H|20260105||ADT^A01|1|P|2.5.1\rPID|||REAL-1||某人\r"

    def act(world):
        world.join("测试端HIS", Feed("HIS", world.clock), "his-lis")
        world.tell("测试端HIS", "send", 5.0, link="his-lis", payload=foreign.encode().hex())

    conclusion, records, _ = acting(act, tmp_path)
    assert conclusion.verdict is not Verdict.PASS
    assert not any("REAL-1" in str(one.get("corr")) for one in of_kind(records, "message"))


def test_waiting_lets_time_pass_as_far_as_named(tmp_path):
    def act(world):
        begun = world.clock.now()
        assert not world.run_until(lambda: False, 2.0)
        assert world.clock.now() == pytest.approx(begun + 2.0)
        assert world.run_until(lambda: True, 2.0)
        assert not world.poll(lambda: False, 1.0)
        assert world.clock.now() == pytest.approx(begun + 3.0, abs=0.1)
        asked = []
        assert world.poll(lambda: asked.append(1) or len(asked) > 3, 10.0)

    assert acting(act, tmp_path)[2] is None


def test_joining_a_device_twice_keeps_it(tmp_path):
    def act(world):
        first = Feed("HIS", world.clock)
        world.join("测试端HIS", first, "his-lis")
        world.join("测试端HIS", Feed("HIS", world.clock), "his-lis")
        assert world.bench.driver.members["测试端HIS"].host.actor is first

    assert acting(act, tmp_path)[2] is None


def test_what_a_system_still_holds_is_given_up_and_said(tmp_path):
    """Nobody answers the HIS, so it cannot deliver; the scenario ends all the same."""

    def act(world):
        silent = Policy([Rule(action="silence")])
        world.stand_in("测试端LIS", Feed("LIS", world.clock, silent), "his-lis")
        world.order("HIS", "admit", patient_id="T1", name="测试", sex="F", birth="19800101",
                    id_card="")  # fmt: skip

    _, records, error = acting(act, tmp_path)
    assert error is None
    assert "HIS still held messages; they were given up" in [
        one.get("text") for one in of_kind(records, "note")
    ]
    assert records[-1]["t"] >= QUIESCE_S


def test_a_real_system_cannot_be_commanded(tmp_path):
    conclusion, _, error = acting(lambda world: world.order("PACS", "pending"), tmp_path)
    assert isinstance(error, Blocked)
    assert conclusion.verdict is Verdict.BLOCKED


def test_each_expectation_has_its_own_window(tmp_path):
    def two(world):
        return [
            command_expected("pending"),
            Expectation(
                mode="never",
                select=Selector(kind="violation"),
                place=PLACE,
                limit_s=2.0,
                control=Selector(kind="command"),
            ),
        ]

    conclusion, records, _ = acting(lambda world: None, tmp_path, then=two)
    assert conclusion.verdict is Verdict.PASS
    opened = of_kind(records, "expectation")
    closed = [one for one in records if one.get("window")]
    assert [one["id"] for one in opened] == [one["window"] for one in closed] == ["E1", "E2"]
    assert closed[1]["t"] - opened[1]["t"] >= 2.0
    assert [one["expectation"] for one in of_kind(records, "judgement")] == ["E1", "E2"]
