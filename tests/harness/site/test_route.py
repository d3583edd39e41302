"""Route proof: a restored HIS that still points at the live centre is caught before it settles."""

import re
import threading
import urllib.request

import pytest
from engine import Sentences, command_expected
from hands import FEATURE, OPENER, Operators, double, free_port, play, profile_text, run_feature

from harness import people
from harness.errors import Blocked, InputErrors
from harness.link import actor as act
from harness.link.address import Address
from harness.link.host import Host
from harness.link.tap import Connection
from harness.profile import load_profile
from harness.scenario.binding import load
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import Registry
from harness.site.route import Routes
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_events import HttpRequest, HttpResponse
from simulators.foreground import running
from simulators.hospital import messages
from simulators.shell import plain

LIVE = "127.0.0.2"
"""Where the live centre of the tests is: another machine, as far as an address goes."""

OWN = """# language: zh-CN
@接口-HIS-YB
功能: 结算
  负责人: 测试组

  @REQ-YB-001 @id-own
  场景: 结算一笔
    当 结算
    那么 10秒内成立

  @REQ-YB-001 @id-own-again
  场景: 再结算一笔
    当 结算
    那么 10秒内成立
"""

CARDS = """
format = 1
[[card]]
role = "HIS"
command = "settle"
workstation = "收费窗口"
text = "结算"
fields = { bill = "账单号" }
interface = "HIS-YB"
match = { type = "2207" }
"""

SITE = """
format = 1
name = "恢复库"
environment = "test"
[systems.HIS]
mode = "real"
worked_by = "person"
version = "1"
[systems.centre]
mode = "simulated"
[endpoints.his-centre]
interface = "HIS-YB"
from = "HIS"
to = "centre"
protocol = "http"
host = "127.0.0.1"
port = {port}
[operator]
wait_s = 60.0
cards = "cards.toml"
[policy]
forbidden_addresses = ["192.0.2.7", "{live}"]
{canary}
"""

CANARY = """
[canaries.sign-in]
interface = "HIS-YB"
type = "9001"
from = "HIS"
wait_s = {wait_s}
"""


class Centre:
    """Answers everything, and remembers what it was asked."""

    role = "centre"

    def __init__(self):
        self.got = []

    def open_core(self, link, *, client):
        return HttpServerCore()

    def on_event(self, event, now):
        match event:
            case act.Received(conn=conn, event=HttpRequest() as request):
                self.got.append(request.target)
                return [
                    act.Send(conn=conn, event=HttpResponse(status=200, payload=b'{"infcode":0}'))
                ]
        return []


class RestoredHis:
    """A HIS with a settings file; its cashier does what the cards say."""

    def __init__(self, settings):
        self.settings = settings

    def call(self, infno):
        url = f"http://{self.settings.read_text().strip()}/{infno}"
        body = f'{{"infno":"{infno}","msgid":"1"}}'.encode()
        urllib.request.Request(url, body)
        OPENER.open(url, body, timeout=30).read()

    def work(self, address, stop):
        board, done = Operators(address), set()
        while not stop.is_set():
            for card in board.cards():
                if card["number"] not in done:
                    done.add(card["number"])
                    self.call("2207" if card["workstation"] == "收费窗口" else "9001")
            stop.wait(0.05)


def settle_all(folder, port, his, *, wait_s=60.0, canary=CANARY, live=LIVE):
    """Both settlement scenarios in one run; the conclusions, and what our centre was asked."""
    (folder / "cards.toml").write_text(CARDS, encoding="utf-8")
    text = SITE.format(port=port, canary=canary.format(wait_s=wait_s), live=live)
    (folder / "site.toml").write_text(text, encoding="utf-8")
    (folder / "own.feature").write_text(OWN, encoding="utf-8")
    ours, threads, stop = Centre(), [], threading.Event()

    def settle(world):
        world.bench.join("centre", ours, ())
        world.bench.serve("his-centre", "centre")
        world.order("HIS", "settle", bill="B1")

    sentences = Sentences().when("结算", settle).then("成立", lambda _: command_expected("settle"))

    def say(line):
        if "http://" in line:
            address = line.split("//")[1].strip("/")
            threads.append(threading.Thread(target=his.work, args=(address, stop), daemon=True))
            threads[-1].start()

    options = SessionOptions(profile=str(folder / "site.toml"), seed=1, folder=folder / "run")
    session = RunSession(options, say=say)
    try:
        bound = load([folder / "own.feature"], Registry([sentences.library]))
        return [session.run(one) for one in bound], ours
    finally:
        stop.set()
        session.stop()
        for thread in threads:
            thread.join(60)


@pytest.mark.slow
@pytest.mark.parametrize("listed", [LIVE, "198.51.100.9"])
def test_a_restored_his_is_caught_before_its_first_settlement(tmp_path, listed):
    """Whether the profile knows the live address or not: no list holds every address."""
    live = Centre()
    settings = tmp_path / "settings.ini"
    with running() as elsewhere:
        member = elsewhere.add("live", Host(live, elsewhere.clock, plain))
        try:
            address = member.listen("yb", Address(host=LIVE, port=0))
        except OSError:
            pytest.skip(f"this machine has no {LIVE}")
        settings.write_text(str(address))
        conclusions, ours = settle_all(
            tmp_path, free_port(), RestoredHis(settings), wait_s=1.0, live=listed
        )

    assert [one.verdict for one in conclusions] == ["blocked", "blocked"]
    assert all("sign-in" in one.reasons[0] for one in conclusions)
    assert set(live.got) <= {"/9001"}, "nothing but the harmless call went out"
    assert ours.got == []


@pytest.mark.slow
def test_a_his_that_points_at_us_settles_and_one_canary_is_enough_for_a_run(tmp_path):
    port, settings = free_port(), tmp_path / "settings.ini"
    settings.write_text(f"127.0.0.1:{port}")
    conclusions, ours = settle_all(tmp_path, port, RestoredHis(settings))

    assert [one.verdict for one in conclusions] == ["pass", "pass"], conclusions
    assert ours.got == ["/9001", "/2207", "/2207"]


def routes(tmp_path, more=""):
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(port=9, canary=more, live=LIVE), encoding="utf-8")
    return Routes(load_profile(str(path)))


def test_without_a_canary_a_real_caller_is_blocked(tmp_path):
    with pytest.raises(Blocked, match="his-centre"):
        routes(tmp_path).open("HIS-YB")
    assert routes(tmp_path).open("LIS-ASTM") == []


def test_a_link_is_proven_once_and_lost_for_good(tmp_path):
    known = routes(tmp_path, CANARY.format(wait_s=1.0))
    assert [(link, name) for link, name, _ in known.open("HIS-YB")] == [("his-centre", "sign-in")]
    known.proven.add("his-centre")
    assert known.open("HIS-YB") == []
    assert "sign-in" in str(known.missed("his-centre", "sign-in"))
    with pytest.raises(Blocked, match="sign-in"):
        known.open("HIS-YB")


@pytest.mark.parametrize("live", ["192.0.2.7", LIVE])
def test_a_forbidden_address_is_refused_in_a_test_environment_too(tmp_path, live):
    path = tmp_path / "site.toml"
    text = SITE.format(port=9, canary="", live=LIVE).replace("127.0.0.1", live)
    path.write_text(text.replace("host =", "expose = true\nhost ="), encoding="utf-8")
    with pytest.raises(InputErrors, match=re.escape(live)):
        load_profile(str(path))


@pytest.mark.slow
def test_an_analyzer_does_not_move_before_the_canary_of_its_interface(tmp_path):
    """The same gate stands before what our own devices send."""
    with double(tmp_path) as (screens, port):
        text = profile_text(screens, port, canary_s=1.0)
        feature = FEATURE.replace("@接口-LIS-ASTM", "@接口-HIS-ORD")
        conclusion, records, _ = run_feature(
            tmp_path, text, lambda _address, _stop: None, feature=feature
        )
    assert conclusion.verdict == "blocked"
    assert "self-test" in conclusion.reasons[0]
    assert not [one for one in records if one.get("name") in {"admit", "upload"}]


PACS = Connection(
    id="m#1", link="modality-pacs", interface="PACS-DIMSE", local="modality", peer="PACS",
    client=True,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("gated", "verdict"), [(True, "blocked"), (False, "pass")])
def test_a_device_that_opens_by_itself_waits_for_the_canary_too(tmp_path, gated, verdict):
    """Devices on pynetdicom, and callers over HTTP, are told by nobody; so the guard asks."""
    opened = []

    def act(world):
        if not gated:
            world.guard.proves = None
        world.guard.opens(PACS, "127.0.0.1", 104)
        opened.append(True)
        world.trace.add("command", role="x", name="x", args={}, outcome="ok", value=None)

    with double(tmp_path) as (screens, port):
        site = tmp_path / "site.toml"
        site.write_text(profile_text(screens, port, canary_s=1.0), encoding="utf-8")
        given = SessionOptions(profile=str(site), seed=1, folder=tmp_path / "run")
        session = RunSession(given, say=lambda _: None)
        sentences = Sentences().when("呼叫", act).then("成立", lambda _: command_expected("x"))
        try:
            text = "    当 呼叫\n    那么 10秒内成立\n"
            conclusion, _ = play(tmp_path, text, sentences, session=session)
        finally:
            session.stop()
    assert conclusion.verdict == verdict, conclusion.reasons
    assert bool(opened) is not gated


@pytest.mark.slow
def test_at_a_real_site_a_door_stands_before_the_relay(tmp_path):
    """What passes there is decided by the scenario that runs; see test_strangers_http.py."""
    stranger = people.generate(99, 0)
    row = {
        "patient_id": stranger.patient_id, "name": stranger.name, "sex": stranger.sex,
        "birth": stranger.birth, "id_card": stranger.id_card, "ward": "", "bed": "",
    }  # fmt: skip
    told = messages.admission("ADT^A01", row, control_id="1", time="20260101000000")
    seen = []

    def act(world):
        ours = world.person("甲")
        mine = row | {"patient_id": ours.patient_id, "name": ours.name, "birth": ours.birth,
                      "id_card": ours.id_card}  # fmt: skip
        known = messages.admission("ADT^A01", mine, control_id="1", time="20260101000000")
        world.bench.persons.routes.proven.add("his-lis")
        seen.extend(world.bench.switch.stops("his-lis", one) for one in (told, known))
        world.trace.add("command", role="x", name="x", args={}, outcome="ok", value=None)

    with double(tmp_path) as (screens, port):
        site = tmp_path / "site.toml"
        site.write_text(profile_text(screens, port), encoding="utf-8")
        given = SessionOptions(profile=str(site), seed=1, folder=tmp_path / "run")
        session = RunSession(given, say=lambda _: None)
        sentences = Sentences().when("来人", act).then("成立", lambda _: command_expected("x"))
        try:
            text = "    当 来人\n    那么 10秒内成立\n"
            conclusion, records = play(tmp_path, text, sentences, session=session)
        finally:
            session.stop()
    assert conclusion.verdict == "pass", conclusion.reasons
    assert [bool(one) for one in seen] == [True, False]
    assert [one["text"] for one in records if one.get("alarm")]
