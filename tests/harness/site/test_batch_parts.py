"""What a batch across scenarios rests on, without sockets: waiting, telling apart, joining."""

import pytest
from engine import FEATURE as ENGINE
from engine import Sentences
from hands import FEATURE, profile_text
from test_desk import ADMIT, Looker, Nowhere, Seeing

from harness.clock import VirtualClock
from harness.errors import Blocked
from harness.evidence.trace import Trace, pack
from harness.link.relay import RelayUnit
from harness.link.tap import Connection
from harness.night.plan import WAY_S, plan, write
from harness.permit import Permit
from harness.profile import load_profile
from harness.profile_model import Operators
from harness.report.run import _seconds
from harness.scenario.ahead import BATCH_MAX, batches, joined
from harness.scenario.binding import load
from harness.scenario.leading import Leading, leading
from harness.scenario.persons import persons_of
from harness.scenario.steps import Registry, load_libraries
from harness.scenario.wiring import link_specs
from harness.site.batch import Batch, Begun, Doors, Parted, apart, stands_in
from harness.site.board import Board
from harness.site.desk import Desk
from harness.site.route import Routes
from scenarios.steps.lab import order


class Waiting:
    """A scenario whose cards are out before its turn."""

    def __init__(self, clock, board, ident, name):
        self.trace = Trace(clock)
        self.trace.add("open", scenario={"id": ident})
        self.name, self.told, self.recorder = name, [], Told()
        self.desk = Desk(
            roles=frozenset({"HIS"}), forms={("HIS", "admit"): ADMIT},
            operators=Operators(wait_s=30.0), board=board, trace=self.trace,
            eyes=Seeing(self.trace, Looker()), say=lambda _: None, routes=Routes(Nowhere()),
        )  # fmt: skip
        self.begun = Begun(ident=ident, names=frozenset({name}), trace=self.trace,
                           desk=self.desk, recorder=self.recorder)  # fmt: skip

    def lead(self):
        self.desk.lead("HIS", "admit", {"name": self.name})

    def message(self):
        text = f"MSH|^~\\&|H|H|L|L|20260101||ADT^A01|1|P|2.4\rPID|1||P1||{self.name}\r"
        self.trace.add("message", link="his-lis", frm="HIS", protocol="hl7",
                       raw=pack(text.encode()))  # fmt: skip

    @property
    def command(self):
        (one,) = [one for one in self.trace.records if one["kind"] == "command"]
        return one


class Told:
    """A recorder that remembers."""

    def __init__(self):
        self.heard = []

    def link(self, connection, event, reason):
        self.heard.append(event)

    def data(self, connection, data, *, sent):
        self.heard.append(data)

    def event(self, connection, protocol, event, *, sent):
        self.heard.append(event.payload)

    def note(self, role, text):
        self.heard.append(text)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def two(clock):
    board = Board()
    found = [Waiting(clock, board, "one", "张一"), Waiting(clock, board, "two", "李二")]
    for one in found:
        one.lead()
    return found


def waiter(clock, *later):
    """What happens while persons are waited for: one thing every 20 s."""
    left = list(later)

    def wait(satisfied, deadline):
        clock.advance_to(min(deadline, clock.now() + 20.0))
        if left:
            left.pop(0)()
        return satisfied()

    return wait


# -- waiting ---------------------------------------------------------------------------------------


def test_the_cards_of_two_scenarios_lie_on_one_board_and_are_done_in_any_order(clock, two):
    first, second = two
    assert [one["number"] for one in first.desk.board.data()] == [1, 2]
    batch = Batch([first.desk, second.desk], clock,
                  waiter(clock, second.message, first.message), 30.0)  # fmt: skip
    assert batch.finish()
    for one in two:
        one.desk.hand("HIS", "admit", {"name": one.name})
        one.desk.finish()
        assert (one.command["outcome"], one.command["args"]["name"]) == ("ok", one.name)
    assert first.desk.board.cards == []


def test_each_card_that_is_done_begins_the_time_anew_and_it_is_nobodys_latency(clock, two):
    first, second = two
    wait = waiter(clock, first.message, second.message)
    assert Batch([one.desk for one in two], clock, wait, 30.0).finish()
    assert clock.now() == 40.0, "longer than the time of one card"
    for one in two:
        one.desk.hand("HIS", "admit", {"name": one.name})
        one.trace.add("step", index=0)
        one.desk.finish()
        assert _seconds(one.trace.records) == 0.0


def test_what_is_never_done_blocks_its_own_scenario_alone_and_is_not_waited_for_twice(clock, two):
    first, second = two
    batch = Batch([one.desk for one in two], clock, waiter(clock, second.message), 30.0)
    assert not batch.finish()
    over = clock.now()
    for one in two:
        one.desk.too_late()
        one.desk.hand("HIS", "admit", {"name": one.name})
    with pytest.raises(Blocked, match="30"):
        first.desk.finish()
    second.desk.finish()
    assert clock.now() == over
    assert [one.command["outcome"] for one in two] == ["unknown", "ok"]


def test_a_card_that_does_not_come_again_as_it_was_is_taken_back_and_said(two):
    first, _ = two
    first.desk.hand("HIS", "admit", {"name": "王三"})
    assert first.command["args"]["name"] == "张一"
    assert first.command["outcome"] == "unknown"
    assert [dict(one["fields"])["姓名"] for one in first.desk.board.data()] == ["李二", "王三"]


def test_a_card_handed_out_later_than_the_batch_has_its_own_time(clock, two):
    first, _ = two
    first.desk.too_late()
    first.desk.hand("HIS", "admit", {"name": "张一"})
    first.desk.hand("HIS", "admit", {"name": "王三"})
    begun = clock.now()
    with pytest.raises(Blocked):
        first.desk.finish()
    assert clock.now() - begun == 30.0


# -- telling apart ---------------------------------------------------------------------------------


NEAR = Connection(id="his-lis#1", link="his-lis", interface="HIS-ORD", local="LIS", peer="HIS",
                  client=False)  # fmt: skip
FAR = Connection(id="his-lis#1>", link="his-lis", interface="HIS-ORD", local="HIS", peer="LIS",
                 client=True)  # fmt: skip


def unit(text, encoding="utf-8"):
    return RelayUnit(data=b"", payload=text.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_message_its_bytes_and_its_answer_belong_to_whom_it_names_and_to_nobody_else(
    two, encoding
):
    first, second = two
    parted = Parted([first.begun, second.begun])
    parted.link(NEAR, "opened", "")
    parted.data(NEAR, b"of two", sent=False)
    parted.event(NEAR, "relay", unit("PID|1||7||李二|", encoding), sent=False)
    parted.event(FAR, "relay", unit("MSA|AA|1"), sent=False)
    parted.data(NEAR, b"ack of two", sent=True)
    parted.data(NEAR, b"of one", sent=False)
    parted.event(NEAR, "relay", unit("PID|1||7||张一|", encoding), sent=False)
    assert first.recorder.heard == [b"of one", "PID|1||7||张一|".encode(encoding)]
    assert second.recorder.heard == [
        "opened", b"of two", "PID|1||7||李二|".encode(encoding), b"MSA|AA|1", b"ack of two",
    ]  # fmt: skip
    assert parted.nobodys == 0


def test_what_names_nobody_is_counted_and_given_to_nobody(two):
    parted = Parted([one.begun for one in two])
    parted.event(NEAR, "relay", unit("PID|1||7||李二娃|"), sent=False)
    parted.event(FAR, "relay", unit("MSA|AA|1"), sent=False)
    assert [one.recorder.heard for one in two] == [[], []]
    assert parted.nobodys == 2


def test_whose_turn_it_is_hears_the_rest_and_not_what_comes_late_for_those_that_wait(two):
    first, second = two
    parted, current = Parted([first.begun, second.begun]), Told()
    parted.event(NEAR, "relay", unit("PID|1||7||李二|"), sent=False)
    parted.begun = [second.begun]
    parted.around(current)
    parted.event(FAR, "relay", unit("MSA|AA|1"), sent=False)
    parted.event(NEAR, "relay", unit("PID|1||7||张一|"), sent=False)
    parted.event(FAR, "relay", unit("MSA|AA|2"), sent=False)
    parted.event(NEAR, "relay", unit("ORC|1|李二"), sent=False)
    assert current.heard == ["PID|1||7||张一|".encode(), b"MSA|AA|2"]
    assert second.recorder.heard == [
        "PID|1||7||李二|".encode(), b"MSA|AA|1", "ORC|1|李二".encode(),
    ]  # fmt: skip


def test_a_number_that_a_system_gave_is_a_name_too(two):
    first, second = two
    first.desk.aliases["ours"] = "70001"
    parted = Parted([first.begun, second.begun])
    parted.event(NEAR, "relay", unit("PID|1||70001"), sent=False)
    assert first.recorder.heard
    assert not second.recorder.heard


@pytest.mark.parametrize(("name", "text", "found"), [
    ("张一", "^张一|", True), ("张一", "张一丰", False), ("12", "x12", False), ("1", "|1|", False),
    ("A.1", "|A.1|", True), ("A.1", "|AB1|", False),
])  # fmt: skip
def test_a_name_is_found_as_a_word_of_its_own(name, text, found):
    assert stands_in(name, text) is found


class Letting:
    def __init__(self, name):
        self.name, self.alarm, self.learned = name, None, []

    def stops(self, link, payload):
        why = "" if self.name in payload.decode() else "stranger"
        if why and self.alarm is not None:
            self.alarm(why)
        return why

    def learns(self, link, payload):
        self.learned.append(payload)


def test_the_door_lets_in_those_who_wait_and_shouts_once_about_a_stranger(two):
    told = []
    for one in two:
        one.begun.door = Letting(one.name)
    parted = Parted([one.begun for one in two])
    door = Doors(None, parted, told.append)
    assert [door.stops("his-lis", name.encode()) for name in ("张一", "李二")] == ["", ""]
    assert told == []
    assert door.stops("his-lis", "王三".encode()) == "stranger"
    assert told == ["stranger"]
    own = Letting("王三")
    own.alarm = told.append
    door = Doors(own, parted)
    assert [door.stops("x", name.encode()) for name in ("王三", "李二", "赵四")] == [
        "", "", "stranger",
    ]  # fmt: skip
    assert told == ["stranger", "stranger"]
    door.learns("x", b"code")
    assert own.learned == two[0].begun.door.learned == [b"code"]


# -- joining ---------------------------------------------------------------------------------------


class Bound:
    """As much of a scenario as joining asks for."""

    def __init__(self, ident, *tags):
        self.scenario = type("S", (), {"id": ident, "tags": tags, "interface": "LIS-ASTM"})()


def lead(*names):
    return Leading(cards=("card",), names=frozenset(names))


def idents(batch):
    return [one.scenario.id for one, _ in batch]


def test_nothing_of_a_later_stage_joins_and_an_earlier_one_may():
    queue = [Bound("lab-merge"), Bound("rest"), Bound("smoke", "@冒烟"), Bound("identity-2")]
    found = {one.scenario.id: lead(f"name {one.scenario.id}") for one in queue}
    leads = lambda one: found[one.scenario.id]  # noqa: E731 - a name for what is asked twice
    assert idents(joined(queue, leads, skip=set())) == ["lab-merge", "smoke", "identity-2"]
    assert [idents(one) for one in batches(queue, leads)] == [
        ["lab-merge", "smoke", "identity-2"],
    ]  # fmt: skip


def test_people_who_could_be_taken_for_one_another_are_not_in_one_batch():
    queue = [Bound(one) for one in ("a", "b", "c", "d")]
    found = {"a": lead("王伟"), "b": lead("王伟民"), "c": lead("李四"), "d": Leading()}
    made = batches(queue, lambda one: found[one.scenario.id])
    assert [idents(one) for one in made] == [["a", "c"]]
    assert apart({"王伟"}, {"李四"})
    assert not apart({"王伟民"}, {"王伟"})


def test_a_batch_has_an_end_and_one_alone_is_none():
    queue = [Bound(f"s{number}") for number in range(BATCH_MAX + 3)]
    made = batches(queue, lambda one: lead(f"<{one.scenario.id}>"))
    assert [len(one) for one in made] == [BATCH_MAX, 3]
    assert batches(queue[:1], lambda _: lead("x")) == []


# -- the first cards -------------------------------------------------------------------------------


class Screens:
    results = 7001


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(profile_text(Screens, 7002), encoding="utf-8")
    return load_profile(str(path))


def first_cards(site, folder, feature, *, seed=1, libraries=None):
    path = folder / "one.feature"
    path.write_text(feature, encoding="utf-8")
    (bound,) = load([path], libraries or load_libraries())
    clock = VirtualClock()
    persons = persons_of(site, folder, lambda _: None)
    head = {"scenario": {"interface": bound.scenario.interface}}
    return leading(bound, seed, persons, Permit(site, clock.wall), clock=clock, head=head,
                   specs=link_specs(site))  # fmt: skip


def test_the_first_cards_are_found_without_a_system_and_are_the_same_each_time(site, tmp_path):
    found = first_cards(site, tmp_path, FEATURE)
    assert [(one.role, one.command) for one in found.cards] == [("HIS", "admit"), ("HIS", "order")]
    assert found.cards[0].args["name"] in found.names
    assert found.cards == first_cards(site, tmp_path, FEATURE).cards
    assert found.names != first_cards(site, tmp_path, FEATURE, seed=2).names


def test_a_limit_that_counts_from_the_card_keeps_it_out_of_a_batch(site, tmp_path):
    begin, upload = FEATURE.index("    当 分析仪"), FEATURE.index("    那么 5秒内")
    assert first_cards(site, tmp_path, FEATURE[:begin] + FEATURE[upload:]).cards == ()


def test_what_plans_a_fault_or_needs_a_device_first_has_its_cards_in_its_turn(tmp_path, site):
    def ordered(world):
        order(world, "甲", "管1", ["K"])

    def found(before):
        sentences = Sentences().given("先前", before).given("申请", ordered)
        sentences.when("行动", lambda _: None).then("成立", lambda _: None)
        text = ENGINE + "    假如 先前\n    假如 申请\n    当 行动\n    那么 10秒内成立\n"
        registry = Registry([sentences.library])
        return first_cards(site, tmp_path, text, libraries=registry).cards

    assert len(found(lambda _: None)) == 2
    assert found(lambda world: world.plan(None)) == ()
    assert found(lambda world: world.order("HIS", "yb-day", day="2026-01-05")) == ()
    assert found(lambda world: world.join("x", None)) == ()
    assert found(lambda world: world.bench.systems.order("LIS", "x", {})) == ()
    assert found(lambda world: 1 / 0) == ()


# -- the plan --------------------------------------------------------------------------------------


def test_the_plan_shows_the_batches_and_the_ways_that_they_save(site, tmp_path):
    path = tmp_path / "night.feature"
    one = FEATURE[FEATURE.index("  @REQ") :]
    path.write_text(FEATURE + "".join(
        "\n" + one.replace("on-site", ident).replace("人工登记后上传", ident).replace(
            "@REQ-LAB-001", f"@REQ-LAB-001 {tag}")
        for ident, tag in (("two", ""), ("lab-merge-x", ""), ("now", "@冒烟"))
    ), encoding="utf-8")  # fmt: skip
    made = plan(load([path], load_libraries()), site, 7200.0)
    assert [one.ident for one in made.items] == ["now", "lab-merge-x", "on-site", "two"]
    assert [(one.workstation, one.cards, one.scenarios, one.saved_s) for one in made.batches] == [
        (place, 2, ("on-site", "two"), WAY_S) for place in ("入院登记", "医生站")
    ]  # fmt: skip
    write(made, tmp_path / "plan")
    rows = (tmp_path / "plan" / "batches.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[1:] == [f"1,rest,{place},2,on-site two,0.8" for place in ("入院登记", "医生站")]
    short = plan(load([path], load_libraries()), site, 600.0)
    assert [one.fits for one in short.items] == [True, True, False, False]
    assert short.batches == ()
