"""What is written to a real system may go on over its other links: that way is proven first too."""

import threading
from types import SimpleNamespace

import pytest
from engine import Sentences, command_expected, play
from hands import Operators as Persons
from hands import free_port

from harness.clock import VirtualClock
from harness.errors import Blocked
from harness.evidence.trace import Trace
from harness.link import actor as act
from harness.link.address import Address
from harness.link.host import Host
from harness.permit import Permit
from harness.profile import Operators, load_profile
from harness.scenario.bench import Switch
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.world import World
from harness.site.board import Board
from harness.site.cards import read_forms
from harness.site.desk import Desk
from harness.site.route import Routes
from simulators.feed.feed import Feed
from simulators.foreground import running
from simulators.hospital import messages
from simulators.shell import plain

SITE = """
format = 1
name = "恢复的LIS"
environment = "test"
[systems.LIS]
mode = "real"
version = "1"
[systems.HIS]
mode = "{his}"
version = "1"
[endpoints.feed-lis]
interface = "HIS-ORD"
from = "feed"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = {lis}
[endpoints.lis-his]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
host = "127.0.0.1"
port = {his_port}
via = "relay"
relay_port = {relay}
{forwards}
{canary}
"""
CANARY = """
[canaries.sign-off]
interface = "LIS-ORU"
type = "ORU^R01"
from = "LIS"
text = "把测试标本的结果重发一次"
wait_s = {wait_s}
"""


class Taking:
    """A system that takes what it is sent, and remembers it."""

    role = "LIS"

    def __init__(self, clock):
        self.feed, self.got = Feed("LIS", clock), []

    def open_core(self, link, *, client):
        return self.feed.open_core(link, client=client)

    def on_event(self, event, now):
        if isinstance(event, act.Received) and hasattr(event.event, "payload"):
            self.got.append(event.event.payload)
        return self.feed.on_event(event, now)


def patient(person):
    row = {"patient_id": person.patient_id, "name": person.name, "sex": person.sex,
           "birth": person.birth, "id_card": person.id_card, "ward": "", "bed": ""}  # fmt: skip
    return messages.admission("ADT^A01", row, control_id="1", time="20260101000000")


RESULT = (b"MSH|^~\\&|LIS|H|HIS|H|20260105080000||ORU^R01|R1|P|2.4\r"
          b"OBR|1|||TEST\rOBX|1|NM|K||4.1\r")  # fmt: skip


class Restored:
    """A restored LIS: where its results go stands in its settings."""

    def __init__(self, runtime, target):
        self.runtime, self.target = runtime, target
        self.taking = Taking(runtime.clock)
        self.member = runtime.add("LIS", Host(self.taking, runtime.clock, plain))
        self.port = self.member.listen("feed-lis", Address(host="127.0.0.1", port=0)).port

    def work(self, address, stop):
        """Whoever sits there does the harmless action when the card asks for it."""
        board = Persons(address)
        while not any("测试标本" in card["text"] for card in board.cards()):
            if stop.wait(0.05):
                return
        host, _, port = self.target.rpartition(":")
        self.member.routes["lis-his"] = Address(host=host, port=int(port))
        told = {"link": "lis-his", "payload": RESULT.hex()}
        self.runtime.command("LIS", "send", told, 30.0)


def written(folder, *, target="", wait_s=60.0, canary=CANARY, forwards=""):
    """One scenario that writes to the LIS; the conclusion, what the LIS and the live HIS got."""
    relay, threads, stop = free_port(), [], threading.Event()

    def send(world):
        person = world.person("甲")
        world.bench.join("feed", Feed("feed", world.clock), ["feed-lis"], world.guard)
        world.tell("feed", "send", 30.0, link="feed-lis", payload=patient(person).hex())

    def say(line):
        if "http://" in line:
            address = line.split("//")[1].strip("/")
            threads.append(threading.Thread(target=lis.work, args=(address, stop), daemon=True))
            threads[-1].start()

    with running() as runtime, running() as elsewhere:
        live = Taking(elsewhere.clock)
        his = elsewhere.add("HIS", Host(live, elsewhere.clock, plain))
        his_port = his.listen("lis-his", Address(host="127.0.0.1", port=0)).port
        target = target or f"127.0.0.1:{relay}"
        lis = Restored(runtime, f"127.0.0.1:{his_port}" if target == "live" else target)
        site = folder / "site.toml"
        site.write_text(SITE.format(
            lis=lis.port, his_port=his_port, relay=relay, his="real", forwards=forwards,
            canary=canary.format(wait_s=wait_s)), encoding="utf-8")  # fmt: skip
        given = SessionOptions(profile=str(site), seed=1, folder=folder / "run")
        session = RunSession(given, say=say)
        sentences = Sentences().when("写入", send).then("成立", lambda _: command_expected("send"))
        try:
            text = "    当 写入\n    那么 10秒内成立\n"
            conclusion, _ = play(folder, text, sentences, session=session)
        finally:
            stop.set()
            session.stop()
            for thread in threads:
                thread.join(60)
        return conclusion, lis.taking.got, live.got


@pytest.mark.slow
def test_a_restored_lis_that_sends_on_to_the_live_his_is_not_written_to(tmp_path):
    conclusion, lis, live = written(tmp_path, target="live", wait_s=1.0)
    assert conclusion.verdict == "blocked"
    assert "sign-off" in conclusion.reasons[0]
    assert not [one for one in lis if b"ADT^A01" in one]
    assert set(live) <= {RESULT}, "nothing but the harmless result went there"


@pytest.mark.slow
def test_a_lis_whose_results_pass_by_us_is_written_to(tmp_path):
    conclusion, lis, live = written(tmp_path)
    assert conclusion.verdict == "pass", conclusion.reasons
    assert [b"ADT^A01" in one for one in lis if b"|ACK" not in one] == [True]
    assert live == [RESULT]


@pytest.mark.slow
@pytest.mark.parametrize(("forwards", "verdict"), [("", "blocked"), ("forwards = false", "pass")])
def test_without_a_canary_only_a_link_that_is_said_to_pass_nothing_on_lets_it(
    tmp_path, forwards, verdict
):
    conclusion, lis, _ = written(tmp_path, canary="", forwards=forwards)
    assert conclusion.verdict == verdict, conclusion.reasons
    assert any(b"ADT^A01" in one for one in lis) == (verdict == "pass")


def routes(folder, his="real", more="", canary="", forwards=""):
    path = folder / "site.toml"
    text = SITE.format(lis=7, his_port=8, relay=9, his=his, forwards=forwards, canary=canary)
    path.write_text(text + more, encoding="utf-8")
    return Routes(load_profile(str(path)))


@pytest.mark.parametrize("his", ["real", "observed"])
def test_the_remedy_names_the_canary_and_the_link(tmp_path, his):
    with pytest.raises(Blocked, match="lis-his") as caught:
        routes(tmp_path, his).open("HIS-ORD")
    assert 'interface = "LIS-ORU"' in caught.value.remedy
    assert 'from = "LIS"' in caught.value.remedy
    assert "[endpoints.lis-his]" in caught.value.remedy


def test_the_way_on_is_proven_once_and_lost_for_good(tmp_path):
    known = routes(tmp_path, canary=CANARY.format(wait_s=1.0))
    assert [link for link, _, _ in known.open("HIS-ORD")] == ["lis-his"]
    known.proven.add("lis-his")
    assert known.open("HIS-ORD") == []
    known.missed("lis-his", "sign-off")
    known.proven.clear()
    with pytest.raises(Blocked, match="sign-off"):
        known.open("HIS-ORD")


def test_who_writes_to_nobody_needs_no_proof_of_it(tmp_path):
    known = routes(tmp_path)
    assert known.open("LIS-ASTM") == []
    assert known.open("HIS-ORD", "HIS") == []
    with pytest.raises(Blocked, match="lis-his"):
        known.open("LIS-ASTM", writes=["LIS"])
    known = routes(tmp_path, forwards="forwards = false")
    assert known.open("LIS-ASTM", writes=["LIS"]) == []
    with pytest.raises(Blocked, match="lis-his"):
        known.open("LIS-ORU")  # its own interface is proven all the same


def test_what_an_observed_system_writes_is_not_ours(tmp_path):
    more = """
[endpoints.his-lis]
interface = "HIS-ADT"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = 7
"""
    assert routes(tmp_path, "observed", more).open("HIS-ADT") == []


def test_what_a_system_of_ours_is_told_is_a_write_to_those_that_it_calls(tmp_path):
    more = """
[endpoints.his-lis]
interface = "HIS-ADT"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = 7
"""
    profile = routes(tmp_path, "simulated", more, canary=CANARY.format(wait_s=1.0)).profile
    asked, done = [], []

    def prove(about, caller="", writes=()):
        asked.append((about, list(writes)))
        raise Blocked("not proven")

    systems = SimpleNamespace(order=lambda *args: done.append(args))
    bench = SimpleNamespace(clock=VirtualClock(), persons=None, switch=Switch(), systems=systems)
    trace = Trace(VirtualClock())
    trace.add("open", scenario={"id": "one", "interface": "LIS-ORU"})
    world = World("one", 1, bench, trace, Permit(profile, VirtualClock().wall))
    world.desk = SimpleNamespace(serves=lambda _: False, prove=prove)
    with pytest.raises(Blocked, match="not proven"):
        world.order("HIS", "admit", patient_id="1")
    assert asked == [("LIS-ORU", ["LIS"])]
    assert done == []


@pytest.mark.parametrize(("role", "command", "writes"), [
    ("HIS", "admit", ["HIS"]), ("modality", "examine", []),
])  # fmt: skip
def test_a_card_at_a_system_is_a_write_and_one_at_a_device_is_none(role, command, writes):
    asked = []

    def opened(_interface, _caller, given):
        asked.append(list(given))
        raise Blocked("not proven")

    trace = Trace(VirtualClock())
    trace.add("open", scenario={"id": "one", "interface": "HIS-ADT"})
    desk = Desk(
        roles=frozenset({role}), forms=read_forms(), operators=Operators(), board=Board(),
        trace=trace, eyes=None, say=lambda _: None, routes=SimpleNamespace(open=opened),
    )  # fmt: skip
    with pytest.raises(Blocked, match="not proven"):
        desk.hand(role, command, {})
    assert asked == [writes]
