"""Requests over HTTP are sent again, signed anew; what the centre gives is learned from its answers."""

from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import datetime

import pytest

from harness.cases import asking, faults
from harness.cases.asking import Asking, Bare, moved, signer_of
from harness.cases.kept import load
from harness.cases.player import Heard
from harness.cases.replay import faults_of, once, replay, stage_of
from harness.cases.score import compose
from harness.cases.slots import Slots, stamped
from harness.cases.stage import Manner, specs_of
from harness.cli import main
from harness.clock import CHINA, RealClock
from harness.errors import InputError, PermitError
from harness.link.host import Host
from harness.link.spec import LinkSpec
from harness.link.threads import Threads
from harness.profile import load_profile
from harness.wire.http1_events import HttpResponse
from simulators.bridge.bridge import Bridge
from simulators.bridge.caller import Caller
from simulators.bridge.replaying import Replaying
from simulators.centre.centre_faults import planned
from simulators.centre.provinces import load_province
from tests.harness.cases import seeded
from tests.harness.cases.test_replay import line

PLACE = "output.setlinfo.psn_cash_pay"
NOW = datetime(2026, 3, 10, 9, 0, tzinfo=CHINA)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A settlement of the built-in HIS, taken out of its trace."""
    work = tmp_path_factory.mktemp("settled")
    path = seeded.recorded("yb-window", work / "run")
    window = seeded.Seeded("insurance", "yb-window", "", "")
    wanted = paid(path)
    code = main(["case", "take", str(path), "--about", seeded.about(window, path),
                 "--out", str(work / "case"), "--fault", f"centre 2207 {PLACE} = {wanted}"])  # fmt: skip
    assert code == 0
    return work / "case"


def paid(path):
    """What the recorded centre left to be paid in cash."""
    (answer,) = [one for one in seeded.read([path]).messages if one.kind == "2207" and one.frm == "centre"]  # fmt: skip
    return str(json.loads(answer.payload)["output"]["setlinfo"]["psn_cash_pay"])


@pytest.fixture(scope="module")
def memory():
    return load_profile("memory")


@pytest.mark.slow
@pytest.mark.parametrize("province", ["", "guangdong", "jilin", "hubei"])
def test_a_settlement_is_asked_for_again_as_each_province_signs(folder, memory, province):
    found = replay(load(folder), memory, manner=Manner(province=province), times=2, needed=2)

    assert (found.system, found.exit_code) == ("centre", 0)
    for one in found.runs:
        assert one.played.refused == []
        assert one.played.missing == []
        assert (one.played.sent, len(one.played.heard)) == (6, 6)
    numbers = [{one.ident for one in run.played.heard} for run in found.runs]
    messages = [
        {pair[1] for name, pair in run.played.slots.values.items() if name.startswith("control")}
        for run in found.runs
    ]
    assert all(len(one) == 6 for one in (*numbers, *messages))
    recorded = {one.ident.encode() for one in load(folder).lines}
    assert not recorded & set.union(*messages)


@pytest.mark.slow
def test_a_centre_with_a_fault_shows_it_and_one_without_does_not(folder, memory, monkeypatch):
    class Faulty(Replaying):
        def centre(self, province, folder, clock):
            made = super().centre(province, folder, clock)
            fault = {"id": "F19", "action": "F19", "infno": ["2207"], "occurrences": [1],
                     "parameters": {"identity": "I2"}}  # fmt: skip
            made.actor.book.add(planned(fault))
            return made

    monkeypatch.setattr("harness.cases.our_centre.replaying", Faulty)
    bad = replay(load(folder), memory, manner=Manner())

    assert (bad.shown, bad.exit_code) == (3, 1)


@pytest.mark.slow
def test_a_request_that_nobody_signs_is_refused_and_nothing_is_judged(folder, memory):
    """The gateway of Hunan wants a signature over its headers: the recorded body is not enough."""
    path = load_province("hunan").gateway.path
    found = replay(load(folder), memory, manner=Manner(path=path), times=1, needed=1)

    assert found.exit_code == 3
    assert found.runs[0].seen[0].values == ()
    assert any("401" in one for one in found.runs[0].played.refused)


@pytest.mark.slow
def test_another_person_of_the_site_stands_for_the_one_of_the_case(folder, memory):
    """The numbers of a test person are given; the centre of ours takes that person in."""
    case = load(folder)
    number = next(one.corr["patient"] for one in case.lines if one.corr.get("patient"))
    given = {number: "TEST00000042"}
    found = replay(case, memory, manner=Manner(given=given), times=1, needed=1)

    assert found.exit_code == 0
    assert {one.corr["patient"] for one in found.runs[0].played.heard} == {"TEST00000042"}


@pytest.mark.slow
def test_nobody_but_the_persons_of_the_case_is_named_to_a_centre(folder, memory):
    case = load(folder)
    other = [
        dataclasses.replace(
            one,
            payload=one.payload.replace(
                one.corr.get("patient", "-").encode(), b"430102199001011234"
            ),
        )
        for one in case.lines
    ]
    score = compose(other, "centre", specs_of(memory))
    with stage_of(case, memory, "centre", Manner()) as stage, pytest.raises(PermitError):
        once(stage, score, faults_of(case))


@pytest.mark.slow
def test_a_bridge_gets_the_bodies_as_they_are_and_signs_itself(folder, tmp_path):
    clock, runtime = RealClock(), Threads()

    def plain(link, conn, client):
        spec = LinkSpec(name=link, interface="HIS-YB", frm="a", to="b", protocol="http")
        return spec.connection(conn, client=client)

    made = Replaying().centre("guangdong", tmp_path, clock)
    made.stock([one.payload for one in load(folder).lines if one.kind == "1101"])
    bridge = Bridge(Caller(load_province("guangdong")), clock)
    try:
        centre = runtime.add("centre", Host(made.actor, clock, plain, store=made.store))
        near = runtime.add("bridge", Host(bridge, clock, plain))
        near.routes["centre"] = centre.listen("centre")
        port = near.listen("bridge").port
        profile = site(tmp_path, port)
        manner = Manner(path="/api/YiBao/{infno}")
        found = replay(load(folder), profile, manner=manner, times=1, needed=1)
        with pytest.raises(InputError, match="province"):
            replay(load(folder), profile, manner=Manner(), times=1, needed=1)
    finally:
        runtime.stop()
        made.store.close()

    assert found.runs[0].played.refused == []
    assert found.exit_code == 0
    assert bridge.answered == 6


def site(tmp_path, port):
    """A bridge that is there, and that we run nothing of."""
    path = tmp_path / "site.toml"
    path.write_text(
        f"""format = 1
name = "site"
environment = "test"
transport = "tcp"
[systems.centre]
mode = "real"
product = "bridge"
vendor = "x"
version = "1"
[systems.HIS]
mode = "observed"
[endpoints.his-centre]
interface = "HIS-YB"
from = "HIS"
to = "centre"
protocol = "http"
host = "127.0.0.1"
port = {port}
""",
        encoding="utf-8",
    )
    return load_profile(str(path))


# ---- the parts


def body(msgid, **more):
    return json.dumps({"infno": "2207", "msgid": msgid, "input": more}).encode()


def made(lines, answers=()):
    slots = Slots.of(lines, {"HIS"}, "s")
    return Asking(Bare("/{infno}"), slots, (NOW, 0.0), lambda _: None, answers)


def test_a_message_that_was_sent_again_keeps_one_id():
    lines = [
        line(n, "HIS", "centre", "2207", body("M000001"), "http", "M000001") for n in (1, 2)
    ] + [line(3, "HIS", "centre", "2207", body("M000003"), "http", "M000003")]
    one = made(lines)
    sent = [one.ask(f"c#{each.number}", each, 0.0).event for each in lines]

    ids = [json.loads(each.payload)["msgid"] for each in sent]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0] != "M000001"
    assert ids[2] != "M000003"
    assert {each.target for each in sent} == {"/2207"}


def test_what_the_centre_gives_takes_the_place_of_what_it_gave():
    asked = line(1, "HIS", "centre", "2201", body("M000001"), "http", "M000001")
    later = line(3, "HIS", "centre", "2207", body("M000003", mdtrt_id="V1000", pay=7.0), "http", "M000003")  # fmt: skip
    told = line(2, "centre", "HIS", "2201", b'{"infcode":0,"output":{"mdtrt_id":"V1000","pay":"8.00"}}',
                "http", question="1")  # fmt: skip
    one = made([asked, told, later], [told])
    one.ask("c", asked, 0.0)
    came = HttpResponse(payload=b'{"infcode":0,"output":{"mdtrt_id":"W7","pay":"9.00"}}')

    about, stands_for, _ = one.answered("c", came)
    sent = json.loads(one.ask("c", later, 0.0).event.payload)

    assert (about.type, stands_for.number) == ("2201", 2)
    assert sent["input"] == {"mdtrt_id": "W7", "pay": 7.0}


def test_days_of_the_matter_move_to_today_and_birth_days_stay():
    then = datetime(2025, 1, 1, 8, 0, tzinfo=CHINA).timestamp()
    before = b'{"begntime":"2024-12-31 08:00:00","brdy":"2024-12-30","insured":"2019-01-01","x":"2025-99-01"}'

    after = json.loads(moved(before, then, NOW))

    assert after == {"begntime": "2026-03-09 08:00:00", "brdy": "2024-12-30",
                     "insured": "2019-01-01", "x": "2025-99-01"}  # fmt: skip
    assert moved(before, 0.0, NOW) == before
    envelope = b'{"inf_time":"2025-01-01 08:00:00","refmsg_time":"20250101080000001"}'
    assert json.loads(stamped(envelope, "http", NOW)) == {
        "inf_time": "2026-03-10 09:00:00", "refmsg_time": "20260310090000000"}  # fmt: skip


def test_a_refusal_is_judged_by_its_code_alone():
    def heard(text, **more):
        return Heard(frm="centre", link="c", protocol="http", kind="2207", ident="", corr={},
                     payload=text, **more)  # fmt: skip

    def seen(text, one):
        return faults.look(faults.parse(text), [one], lambda _: None)

    refused = heard(b'{"infcode":-1,"err_msg":"no","output":{}}', refusing=True)
    settled = heard(b'{"infcode":0,"output":{"a":{"pay":171.20},"pay":"3"}}')
    wrapped = heard(json.dumps('{"infcode":0,"output":{"pay":171.20}}').encode())

    assert seen("centre 2207 pay = 171.20", refused).judged is False
    assert seen("centre 2207 infcode = 0", refused).values == ("-1",)
    assert seen("centre 2207 pay = 171.20", settled).values == ("171.20",)
    assert seen("centre 2207 output.pay = 3", settled).values == ("3",)
    assert seen("centre 2207 pay = 171.20", wrapped).values == ("171.20",)


def test_who_signs_is_named_once_and_a_slot_has_a_value(folder_of_nothing, capsys):
    assert signer_of("", "", "s") is None
    with pytest.raises(InputError):
        signer_of("hunan", "/x", "s")
    with pytest.raises(InputError):
        signer_of("nowhere", "", "s")
    with pytest.raises(InputError):
        asking.replaying().signer("jilin", "s").request(b'{"infno":"1101","input":"c2VjcmV0"}', NOW)
    assert main(["replay", str(folder_of_nothing), "--slot", "x", "--lang", "en"]) == 2
    assert "--slot" in capsys.readouterr().err


@pytest.fixture
def folder_of_nothing(tmp_path):
    return tmp_path


@pytest.mark.slow
def test_a_centre_of_ours_has_fresh_books_each_time_over_tcp_too(folder):
    """The account that the first replay empties would be empty in the second."""
    found = replay(load(folder), load_profile("builtin"), manner=Manner(), times=2, needed=1)

    assert found.exit_code == 0
    assert [len(one.played.heard) for one in found.runs] == [6, 6]


@pytest.mark.slow
def test_a_kept_case_knows_whose_interface_it_speaks(folder, tmp_path, memory):
    """Its scenario runs with all others, and nobody names a province there."""
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    words = ("--profile", "memory", "--province", "guangdong", "--times", "1", "--needed", "1",
             "--fault", f"centre 2207 {PLACE} = 1.00", "--keep", "--number", "2026-7")  # fmt: skip

    assert main(["replay", str(own), *words]) == 1
    case = load(own)
    assert case.manifest["province"] == "guangdong"
    with stage_of(case, memory, "centre", Manner()) as stage:
        assert stage.manner.province == "guangdong"
    with stage_of(case, memory, "centre", Manner(path="/x")) as stage:
        assert (stage.manner.province, stage.manner.path) == ("", "/x")
    assert main(["lint", str(own / "case.feature")]) == 0
    assert main(["run", str(own / "case.feature"), "--profile", "memory", "--out",
                 str(tmp_path / "run")]) == 0  # fmt: skip
