"""Strangers in what a HIS says to the insurance centre: neither answered nor passed on."""

import json

import pytest
from engine import Sentences, command_expected
from hands import OPENER, free_port, play

from harness import people
from harness.errors import PermitError
from harness.identity import IdentityGuard
from harness.link import actor as act
from harness.link.relay import Relay, RelayUnit
from harness.profile import load_profile
from harness.scenario.session import RunSession, SessionOptions
from harness.site.route import Routes
from harness.site.strangers import Doorman, Gate, SiteDoor
from harness.wire.core import Message
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_events import HttpRequest, HttpResponse
from simulators.hospital import messages

WHO = people.generate(1, 0)
STRANGER = people.generate(2, 0)


def settled(person, infno="2207", **members):
    """A request as the interface writes it; typed by hand, not by our codec."""
    whole = {
        "infno": infno, "msgid": "H330100000012026010100000001", "opter": "1001",
        "opter_name": "王收费", "fixmedins_name": "医院", "dev_no": "W1",
        "input": {"data": {
            "psn_no": person.patient_id, "mdtrt_cert_type": "02",
            "mdtrt_cert_no": person.id_card, "certno": person.id_card,
            "psn_name": person.name, "brdy": "-".join((person.birth[:4], person.birth[4:6],
                                                       person.birth[6:8])),
            "medfee_sumamt": 123.45, "mdtrt_id": "12345678901234567",
        } | members},
    }  # fmt: skip
    return json.dumps(whole, ensure_ascii=False)


def only(**members):
    return json.dumps({"infno": "1101", "input": {"data": members}}, ensure_ascii=False)


WRAPPED = [
    lambda text: text.encode(),
    lambda text: text.encode("gb18030"),
    lambda text: json.dumps({"jysr": text}).encode(),  # in a string, with codes for Chinese
    lambda text: json.dumps({"a": json.dumps({"b": text})}).encode(),
    lambda text: f"<s:Body><in><![CDATA[{text}]]></in></s:Body>".encode(),
]


@pytest.fixture
def guard():
    return IdentityGuard([WHO])


@pytest.mark.parametrize("wrap", WRAPPED)
def test_ours_pass_and_a_stranger_does_not_in_any_wrapping(guard, wrap):
    guard.check("http", wrap(settled(WHO)))
    with pytest.raises(PermitError):
        guard.check("http", wrap(settled(STRANGER)))


@pytest.mark.parametrize("body", [
    only(psn_no=STRANGER.patient_id),
    only(certno=STRANGER.id_card),
    only(mdtrt_cert_no=STRANGER.id_card),
    only(mdtrt_cert_no="E1234567"),
    only(psn_name=STRANGER.name),
    only(psn_no=33010000000001),
    only(remark=f"证件{STRANGER.id_card}"),
    f"<data><psn_no>{STRANGER.patient_id}</psn_no></data>",
    settled(WHO, certno=STRANGER.id_card),
    settled(WHO, mdtrt_cert_no="E1234567"),
])  # fmt: skip
def test_each_member_by_itself_gives_a_stranger_away(guard, body):
    with pytest.raises(PermitError) as refused:
        guard.check("http", body.encode())
    assert STRANGER.id_card not in str(refused.value)
    assert STRANGER.name not in str(refused.value)


@pytest.mark.parametrize("body", [
    only(infno="9001", opter="1001", opter_name=STRANGER.name, mac="00"),
    settled(WHO, dr_name=STRANGER.name, phar_name=STRANGER.name, phar_certno=STRANGER.id_card),
    only(psn_no="", certno=None),
    "",
])  # fmt: skip
def test_who_works_there_is_nobodys_patient(guard, body):
    guard.check("http", body.encode())


def test_an_unknown_card_counts_as_ours_at_an_armed_terminal_only(guard):
    body = settled(WHO, mdtrt_cert_no="E1234567").encode()
    guard.expect_unknown("W9")
    with pytest.raises(PermitError):
        guard.check("http", body)
    guard.expect_unknown("W1")
    guard.check("http", body)
    # Its holder is named nowhere else: a stranger's number is refused there, too.
    with pytest.raises(PermitError):
        guard.check("http", settled(STRANGER).encode())


def test_a_code_that_our_centre_gave_out_is_known(guard):
    body = only(mdtrt_cert_no="TOKEN1").encode()
    with pytest.raises(PermitError):
        guard.check("http", body)
    guard.learn("http", only(ecToken="TOKEN1").encode())
    guard.check("http", body)


class Centre:
    role = "centre"

    def __init__(self):
        self.got = []

    def open_core(self, link, *, client):
        return None

    def on_event(self, event, now):
        self.got.append(event)
        answer = only(ecToken="TOKEN1").encode()
        return [act.Send(conn=event.conn, event=HttpResponse(status=200, payload=answer))]


def asked(body, target="/"):
    request = HttpRequest(method="POST", target=target, payload=body.encode())
    return act.Received(conn="his-centre#1", link="his-centre", event=request)


@pytest.mark.parametrize(("event", "answered"), [
    (asked(settled(WHO)), True),
    (asked(settled(STRANGER)), False),
    (asked("", f"/query?x=%7B%22psn_no%22:%22{STRANGER.patient_id}%22%7D"), False),
])  # fmt: skip
def test_our_centre_answers_for_test_persons_alone(guard, event, answered):
    centre, alarms = Centre(), []
    (done,) = Doorman(centre, guard, lambda _: "http", alarms.append).on_event(event, 0.0)
    assert isinstance(done, act.Send) is answered
    assert bool(centre.got) is answered
    assert bool(alarms) is not answered
    assert STRANGER.patient_id not in "".join(alarms)
    if answered:
        guard.check("http", only(mdtrt_cert_no="TOKEN1").encode())  # what it gave out


@pytest.mark.parametrize(("person", "sent"), [(WHO, True), (STRANGER, False)])
def test_our_centre_calls_about_test_persons_alone(guard, person, sent):
    class Calling(Centre):
        def on_event(self, event, now):
            request = HttpRequest(method="POST", target="/6302", payload=settled(person).encode())
            return [act.Send(conn="his-callback#1", event=request)]

    alarms = []
    door = Doorman(Calling(), guard, lambda _: "", alarms.append)
    (done,) = door.on_event(act.Opened(conn="his-callback#1", link="his-callback"), 0.0)
    assert isinstance(done, act.Send) is sent
    assert ["his-callback" in one for one in alarms] == ([] if sent else [True])


SITE = """
format = 1
name = "x"
environment = "test"
[systems.HIS]
mode = "real"
version = "1"
[systems.LIS]
mode = "{lis}"
version = "1"
[systems.centre]
mode = "simulated"
[endpoints.his-centre]
interface = "HIS-YB"
from = "HIS"
to = "centre"
protocol = "http"
port = 9101
[endpoints.his-lis]
interface = "HIS-ORD"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = 9102
via = "relay"
relay_port = 9103
{canary}
[operator]
mints = {mints}
"""

CANARY = """
[canaries.card]
interface = "HIS-YB"
type = "1101"
from = "HIS"
"""


def gate(folder, guard, *, canary="", lis="simulated", mints='["HIS.patient_id"]'):
    path = folder / "site.toml"
    path.write_text(SITE.format(canary=canary, lis=lis, mints=mints), encoding="utf-8")
    profile = load_profile(str(path))
    alarms = []
    door = SiteDoor(profile, guard, Routes(profile), alarms.append)
    made = Gate(Relay(), door.stops, door.learns)
    return made, door, alarms


def through(made, *pieces, link="his-centre", payload=b""):
    """What the relay does with a stream of a real system; its far side is open."""
    near, far = f"{link}#1", f"{link}#1>"
    made.on_event(act.Opened(conn=near, link=link), 0.0)
    made.on_event(act.Opened(conn=far, link=link), 0.0)
    done = []
    for piece in pieces:
        unit = RelayUnit(data=piece, payload=payload)
        done += made.on_event(act.Received(conn=near, link=link, event=unit), 0.0)
    return done


HEAD = b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n"


def test_the_relay_passes_ours_on_and_ends_a_strangers_connection(tmp_path, guard):
    made, _, alarms = gate(tmp_path, guard)
    passed = through(made, HEAD, settled(WHO).encode())
    assert [type(one) for one in passed] == [act.Send, act.Send]
    assert alarms == []

    made, _, alarms = gate(tmp_path, guard)
    first, *rest = through(made, HEAD, settled(STRANGER).encode())
    assert isinstance(first, act.Send)  # the head names nobody
    assert [(type(one), one.conn) for one in rest] == [
        (act.Close, "his-centre#1>"), (act.Close, "his-centre#1"),
    ]  # fmt: skip
    assert len(alarms) == 1
    assert STRANGER.name not in alarms[0]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("at", range(160, 420, 7))
def test_a_body_in_two_pieces_is_looked_at_together(tmp_path, guard, encoding, at):
    body = settled(STRANGER).encode(encoding)
    made, _, alarms = gate(tmp_path, guard)
    done = through(made, body[:at], body[at:])
    assert act.Close in [type(one) for one in done]
    assert alarms
    body = settled(WHO).encode(encoding)
    made, _, alarms = gate(tmp_path, guard)
    assert {type(one) for one in through(made, body[:at], body[at:])} == {act.Send}
    assert alarms == []


def admission(person, number=""):
    row = {
        "patient_id": number or person.patient_id, "name": person.name, "sex": person.sex,
        "birth": person.birth, "id_card": person.id_card, "ward": "", "bed": "",
        "phone": "13900000017",
    }  # fmt: skip
    return messages.admission("ADT^A01", row, control_id="1", time="20260101000000")


@pytest.mark.parametrize(("payload", "mints", "passes"), [
    (admission(WHO), "[]", True),
    (admission(STRANGER), "[]", False),
    (admission(WHO, "70001"), '["HIS.patient_id"]', True),
    (admission(WHO, "70001"), "[]", False),
    (admission(STRANGER, WHO.patient_id), '["HIS.patient_id"]', False),
    # A number alone names nobody of ours: it is no new one of theirs.
    (b"MSH|^~\\&|HIS|H|LIS|H|20260101||ADT^A08|1|P|2.4\rPID|1||70001\r", '["HIS.patient_id"]', False),
    (b"MSH|^~\\&|HIS|H|LIS|H|20260101||ADT^A08|1|P|2.4\rPID|1||||||||||13900000017\r", "[]", False),
])  # fmt: skip
def test_a_number_that_the_system_gives_is_let_through_for_somebody_of_ours(
    tmp_path, guard, payload, mints, passes
):
    made, _, alarms = gate(tmp_path, guard, mints=mints)
    done = through(made, b"\x0b" + payload + b"\x1c\r", link="his-lis", payload=payload)
    assert (act.Send in [type(one) for one in done]) is passes
    assert bool(alarms) is not passes


def test_what_real_systems_say_to_each_other_is_theirs(tmp_path, guard):
    made, _, alarms = gate(tmp_path, guard, lis="observed")
    payload = admission(STRANGER)
    done = through(made, b"\x0b" + payload + b"\x1c\r", link="his-lis", payload=payload)
    assert [type(one) for one in done] == [act.Send]
    assert alarms == []


def test_the_harmless_call_of_a_route_proof_passes_once(tmp_path, guard):
    made, door, alarms = gate(tmp_path, guard, canary=CANARY)
    body = settled(STRANGER, infno="1101").encode()
    assert [type(one) for one in through(made, body)] == [act.Send]
    door.routes.proven.add("his-centre")
    assert act.Close in [type(one) for one in through(made, body)]
    assert len(alarms) == 1


def test_while_a_route_is_not_proven_nothing_but_the_harmless_call_passes(tmp_path, guard):
    made, _, alarms = gate(tmp_path, guard, canary=CANARY)
    settlement, sign = settled(STRANGER).encode(), b'{"infno":"1101"}'
    assert act.Close in [type(one) for one in through(made, settlement)]
    assert len(alarms) == 1
    made, _, _ = gate(tmp_path, guard, canary=CANARY)
    both = [type(one) for one in through(made, sign, settlement)]
    assert both[0] is act.Send
    assert act.Close in both[1:], "a settlement behind the harmless call on one connection"


def test_where_the_harmless_call_never_came_no_stranger_passes(tmp_path, guard):
    made, door, alarms = gate(tmp_path, guard, canary=CANARY)
    door.routes.missed("his-centre", "sign")
    body = settled(STRANGER, infno="1101").encode()
    assert act.Close in [type(one) for one in through(made, body)]
    assert len(alarms) == 1


def test_the_harmless_call_of_hl7_passes_and_an_admission_does_not(tmp_path, guard):
    canary = CANARY.replace("1101", "QRY^Q01").replace("HIS-YB", "HIS-ORD")
    made, _, alarms = gate(tmp_path, guard, canary=canary)
    order = admission(STRANGER)
    asks = order.replace(b"ADT^A01", b"QRY^Q01")
    for payload, passes in ((asks, True), (order, False)):
        done = through(made, b"\x0b" + payload + b"\x1c\r", link="his-lis", payload=payload)
        assert (act.Send in [type(one) for one in done]) is passes
    assert len(alarms) == 1


def test_after_its_scenario_a_door_still_shuts_and_writes_nothing(tmp_path, guard):
    made, door, alarms = gate(tmp_path, guard)
    door.alarm = None
    assert act.Close in [type(one) for one in through(made, settled(STRANGER).encode())]
    assert alarms == []


def test_a_message_event_is_read_by_its_own_protocol(guard):
    event = act.Received(conn="c", link="x", event=Message(payload=admission(STRANGER)))
    (done,) = Doorman(Centre(), guard, lambda _: "mllp", lambda _: None).on_event(event, 0.0)
    assert isinstance(done, act.Close)


RUN = """
format = 1
name = "x"
environment = "test"
[systems.HIS]
mode = "real"
version = "1"
[systems.centre]
mode = "simulated"
[endpoints.his-centre]
interface = "HIS-YB"
also = ["HIS-ORD"]
from = "HIS"
to = "centre"
protocol = "http"
port = {port}
"""


class Answering(Centre):
    def open_core(self, link, *, client):
        return HttpServerCore()

    def on_event(self, event, now):
        if isinstance(event, act.Received) and isinstance(event.event, HttpRequest):
            return super().on_event(event, now)
        return []


@pytest.mark.slow
def test_over_sockets_a_real_his_gets_no_answer_about_a_stranger(tmp_path):
    centre, port, got = Answering(), free_port(), {}
    site = tmp_path / "site.toml"
    site.write_text(RUN.format(port=port), encoding="utf-8")

    def call(name, person):
        try:
            url = f"http://127.0.0.1:{port}/2207"
            got[name] = OPENER.open(url, settled(person).encode(), timeout=30).status
        except OSError:
            got[name] = "no answer"

    def talk(world):
        world.join("centre", centre)
        world.bench.serve("his-centre", "centre")
        call("ours", world.person("甲"))
        call("stranger", STRANGER)
        world.trace.add("command", role="x", name="x", args={}, outcome="ok", value=None)

    given = SessionOptions(profile=str(site), seed=1, folder=tmp_path / "run")
    session = RunSession(given, say=lambda _: None)
    sentences = Sentences().when("来往", talk).then("成立", lambda _: command_expected("x"))
    try:
        text = "    当 来往\n    那么 10秒内成立\n"
        conclusion, records = play(tmp_path, text, sentences, session=session)
    finally:
        session.stop()
    assert conclusion.verdict == "pass", conclusion.reasons
    assert got == {"ours": 200, "stranger": "no answer"}
    assert len(centre.got) == 1
    assert [one["text"] for one in records if one.get("alarm")]
