"""Strangers at a centre in the foreground: refused as an unknown person is, and nothing is done."""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

from harness.clock import CHINA, VirtualClock
from harness.link import actor as act
from harness.model import Person
from harness.people import check_character, generate
from harness.wire.http1_events import HttpRequest
from simulators.centre import arming, doorman, provinces, simulate
from simulators.centre.centre import Centre
from simulators.centre.world import HOSPITAL
from simulators.store import insert
from tests.simulators.centre.counter import SEED, Counter
from tests.simulators.centre.hospital import members
from tests.simulators.centre.running import beside, province_file

_REAL = "20010119800515123"
REAL = _REAL + check_character(_REAL)
"""Outside what is ours, as a real one would be; no region has 20, so it is nobody's."""

NAME, CARD = "某某某", "Z990001"
TEXT = "未查询到该参保人"
UNKNOWN = generate(77, 0)
"""Generated, and in no books."""


@functools.cache
def province():
    """The one that ships, without signatures."""
    with tempfile.TemporaryDirectory() as folder:
        return provinces.load_province(str(province_file(Path(folder))))


class Desk:
    """One centre with a doorman, and requests to it."""

    def __init__(self, folder, *subjects):
        self.counter = Counter(folder)
        self.store = self.counter.store
        self.centre = Centre(
            province=province(),
            handlers=self.counter.handlers, store=self.store, clock=VirtualClock(), seed=SEED,
            door=doorman.Doorman(subjects),
        )  # fmt: skip
        self.said, self.turn = [], 0
        rows = self.store.rows(
            "SELECT p.* FROM persons p JOIN insurances i ON i.psn_no = p.psn_no"
            " WHERE i.psn_insu_stas = '1' AND i.insutype = '310' ORDER BY p.psn_no"
        )
        self.ours, self.other = rows[0], rows[1]

    def person(self, number="P9", name=NAME, certno=REAL, card=CARD):
        """Somebody whom no import takes, in the books all the same."""
        row = dict(self.ours) | {"psn_no": number, "psn_name": name, "certno": certno,
                                 "card_no": card, "card_sn": "S9"}  # fmt: skip
        insured = self.store.rows("SELECT * FROM insurances WHERE psn_no = ?",
                                  (self.ours["psn_no"],))[0] | {"psn_no": number}  # fmt: skip
        self.store.commit([insert("persons", row), insert("insurances", insured)])

    def ask(self, infno, nodes, *, terminal="W1", msgid=""):
        at = datetime.now(CHINA)
        self.turn += 1
        body = members(infno, nodes, self.turn, at, dev_no=terminal)
        if msgid:
            body["msgid"] = msgid
        path = self.centre.province.gateway.path.replace("{infno}", infno)
        request = HttpRequest(method="POST", target=path,
                              payload=json.dumps(body, ensure_ascii=False).encode())  # fmt: skip
        event = act.Received(conn="c#1", link="centre", event=request)
        answer = None
        for one in self.centre.on_event(event, 0.0):
            match one:
                case act.Note(text=text):
                    self.said.append(text)
                case act.Commit(statements=statements):
                    self.store.commit(statements)
                case act.Send(event=response):
                    answer = json.loads(response.payload)
        return answer

    def alarms(self):
        return self.store.rows("SELECT infno, terminal, place FROM alarms")

    def books(self):
        """Everything but the alarms."""
        names = [row["name"] for row in self.store.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alarms'")]  # fmt: skip
        return {name: self.store.rows(f"SELECT * FROM {name}") for name in sorted(names)}


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.counter.close()


def read(certno, name, kind="02", shown=""):
    return {"data": {"mdtrt_cert_type": kind, "mdtrt_cert_no": shown or certno,
                     "psn_cert_type": "01", "certno": certno, "psn_name": name}}  # fmt: skip


def asked(psn_no, **more):
    return {"data": {"psn_no": psn_no, "insutype": "310", "fixmedins_code": HOSPITAL,
                     "med_type": "11", "begntime": "2026-01-05 08:00:00", "endtime": "",
                     "dise_codg": "", "dise_name": "", "oprn_oprt_code": "",
                     "oprn_oprt_name": "", "matn_type": "", "birctrl_type": ""} | more}  # fmt: skip


STRANGERS = {
    "identity card": ("1101", lambda ours: read(REAL, ours["psn_name"])),
    "card": ("1101", lambda ours: read(ours["certno"], ours["psn_name"], "03", CARD)),
    "name": ("1101", lambda ours: read(ours["certno"], NAME)),
    "number": ("2001", lambda _: asked("33010000000001")),
    "in the books": ("2001", lambda _: asked("P9")),
    "in a text": ("2001", lambda ours: asked(ours["psn_no"], dise_name=f"见{REAL}")),
}


@pytest.mark.parametrize("what", STRANGERS)
def test_a_stranger_is_an_unknown_person_with_an_alarm_and_nothing_changes(desk, what):
    desk.person()
    before = desk.books()
    infno, nodes = STRANGERS[what]

    answer = desk.ask(infno, nodes(desk.ours))

    assert answer["infcode"] == -1
    assert TEXT in answer["err_msg"]
    assert not answer["output"]
    assert desk.books() == before
    (row,) = desk.alarms()
    assert (row["infno"], row["terminal"]) == (infno, "W1")
    assert [one.startswith(doorman.ALARM) for one in desk.said] == [True]
    told = repr((desk.said, desk.store.rows("SELECT * FROM alarms")))
    assert not any(word in told for word in (REAL, NAME, CARD, "33010000000001"))


def test_without_the_doorman_the_books_alone_decide(desk):
    """What this is about: somebody who stands in the books is answered."""
    desk.person()
    desk.centre.door = None
    assert desk.ask("1101", read(REAL, NAME))["output"]["baseinfo"]["psn_name"] == NAME


def test_ours_are_answered_without_an_alarm(desk):
    who = desk.ours
    for nodes in (read(who["certno"], who["psn_name"]),
                  read(who["certno"], who["psn_name"], "03", who["card_no"])):  # fmt: skip
        assert desk.ask("1101", nodes)["infcode"] == 0
    assert desk.ask("2001", asked(who["psn_no"]))["infcode"] == 0
    assert desk.ask("9001", {"signIn": {"opter_no": "1", "mac": "00", "ip": "1"}}) is not None
    assert desk.alarms() == []


def test_a_generated_person_whom_the_books_do_not_have_is_unknown_without_an_alarm(desk):
    answer = desk.ask("1101", read(UNKNOWN.id_card, UNKNOWN.name))
    assert TEXT in answer["err_msg"]
    assert desk.alarms() == []


def signed(**more):
    return Person(**{"patient_id": "P1", "name": NAME, "sex": "M", "birth": "19800515",
                     "id_card": REAL} | more)  # fmt: skip


@pytest.mark.parametrize(("subject", "answered"), [
    (signed(), True), (signed(name="别人"), False), (signed(id_card=""), False),
])  # fmt: skip
def test_a_signed_test_patient_is_ours_with_every_number_of_the_books(tmp_path, subject, answered):
    desk = Desk(tmp_path, subject)
    try:
        desk.person()
        for nodes in (read(REAL, NAME), read(REAL, NAME, "03", CARD)):
            assert (desk.ask("1101", nodes)["infcode"] == 0) is answered
        assert (desk.ask("2001", asked("P9"))["infcode"] == 0) is answered
        assert len(desk.alarms()) == (0 if answered else 3)
    finally:
        desk.counter.close()


def arm(desk, terminal="W1"):
    at = desk.centre.time.wall()
    _, statements = arming.arm(desk.store, 1, desk.ours["psn_no"], terminal, at)
    desk.store.commit(statements)


def foreign_card(**more):
    return {"data": read(REAL, NAME, "03", CARD)["data"] | more}


def test_an_armed_card_is_the_person_whoever_holds_it(desk):
    assert desk.ask("1101", foreign_card())["infcode"] == -1
    arm(desk)
    assert desk.ask("1101", foreign_card(), terminal="W2")["infcode"] == -1, "another terminal"
    answer = desk.ask("1101", foreign_card(), msgid="H43010019001202601010000007777")
    assert answer["output"]["baseinfo"]["psn_no"] == desk.ours["psn_no"]
    again = desk.ask("1101", foreign_card(), msgid="H43010019001202601010000007777")
    assert again["output"]["baseinfo"]["psn_no"] == desk.ours["psn_no"], "the same read"
    assert desk.ask("1101", foreign_card())["infcode"] == -1, "it is used"
    assert [row["terminal"] for row in desk.alarms()] == ["W1", "W2", "W1"]


def test_after_the_read_the_card_goes_with_the_persons_number_and_its_holder_does_not(desk):
    arm(desk)
    desk.ask("1101", foreign_card())
    who = desk.ours
    visit = {"psn_no": who["psn_no"], "insutype": "310", "mdtrt_cert_type": "03",
             "psn_cert_type": "01", "certno": who["certno"], "psn_name": who["psn_name"],
             "psn_type": "11", "mdtrt_cert_no": CARD, "begntime": "2026-01-05 08:00:00", "ipt_otp_no": "OP1",
             "atddr_no": "D1", "dr_name": "医生甲", "dept_code": "A01", "dept_name": "内科",
             "caty": "A03.01"}  # fmt: skip
    assert desk.ask("2201", {"data": visit})["infcode"] == 0
    assert desk.alarms() == []
    before = desk.books()
    for holder in ({"psn_name": NAME}, {"certno": REAL}, {"psn_no": "P9"}):
        assert desk.ask("2201", {"data": visit | holder})["infcode"] == -1, holder
    assert desk.ask("2201", {"data": visit | {"psn_no": desk.other["psn_no"]}})["infcode"] == -1
    assert desk.books() == before
    assert len(desk.alarms()) == 4


def test_a_visit_of_a_stranger_is_a_stranger(desk):
    desk.person()
    columns = ("fixmedins_code insutype visit_kind ipt_otp_no med_type mdtrt_cert_type begntime"
               " endtime state msgid dise_codg dise_name dept_code dept_name dr_code dr_name bed"
               " dscg_way opter opt_time")  # fmt: skip
    row = dict.fromkeys(columns.split(), "") | {"mdtrt_id": "V9", "psn_no": "P9"}
    desk.store.commit([insert("visits", row)])
    data = {"psn_no": desk.ours["psn_no"], "mdtrt_id": "V9", "chrg_bchno": "0000"}
    desk.ask("2205", {"data": data})
    assert [one["place"] for one in desk.alarms()] == ["mdtrt_id"]


SITE = """
format = 1
name = "现场"
environment = "test"
[systems.HIS]
mode = "real"
version = "1"
[systems.centre]
mode = "simulated"
[quirks.centre]
province = "site-province.toml"
[test_subjects]
list = "subjects.csv"
sha256 = "{digest}"
signer = "信息科"
date = 2026-01-05
"""


@pytest.mark.slow
@pytest.mark.parametrize("signed_for", [False, True])
def test_the_command_itself_over_sockets(tmp_path, monkeypatch, signed_for):
    """A person whom somebody put into the books is refused until a profile has signed for them."""
    made = Desk(tmp_path)
    made.person()
    made.counter.close()
    listed = f"patient_id,name,sex,birth,id_card\nP1,{NAME},M,19800515,{REAL}\n"
    (tmp_path / "subjects.csv").write_text(listed, encoding="utf-8")
    site = tmp_path / "site.toml"
    site.write_text(SITE.format(digest=hashlib.sha256(listed.encode()).hexdigest()),
                    encoding="utf-8")  # fmt: skip
    got = []

    def work(line):
        got.append(line.ask("1101", read(REAL, NAME)))
        got.append(line.ask("1101", read(made.ours["certno"], made.ours["psn_name"])))

    own = province_file(tmp_path)
    given = {"profile": str(site)} if signed_for else {}
    told = beside(monkeypatch, tmp_path / "centre.db", own, work, **given)

    assert [one["infcode"] for one in got] == [0 if signed_for else -1, 0]
    assert any(doorman.ALARM in line for line in told) is not signed_for
    assert not any(REAL in line or NAME in line for line in told)


def test_a_profile_names_the_province_and_who_is_signed(tmp_path):
    listed = f"patient_id,name,sex,birth,id_card\nP1,{NAME},M,19800515,{REAL}\n"
    (tmp_path / "subjects.csv").write_text(listed, encoding="utf-8")
    site = tmp_path / "site.toml"
    site.write_text(SITE.format(digest=hashlib.sha256(listed.encode()).hexdigest()),
                    encoding="utf-8")  # fmt: skip
    subjects, named = simulate._site(str(site))
    assert [one.name for one in subjects] == [NAME]
    assert named == str(tmp_path / "site-province.toml")
    assert simulate._site("hunan") == ((), "hunan")
    own = str(province_file(tmp_path))
    assert simulate._site(own) == ((), own)
