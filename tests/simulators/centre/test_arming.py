"""Arming: what nobody knows is a test person once, at one terminal, for a while, and says so."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from harness import cli
from harness.cli import build_parser
from harness.clock import RealClock, VirtualClock
from harness.errors import InputError
from harness.link import actor as act
from harness.people import check_character
from simulators.centre import arming, provinces, simulate
from simulators.centre.arm_command import arm as command
from simulators.centre.centre import Centre
from simulators.centre.centre_commands import obey
from simulators.centre.transaction import Call
from simulators.centre.world import HOSPITAL
from tests.simulators.centre.counter import SEED, Counter
from tests.simulators.centre.running import beside, province_file
from tests.simulators.postgres_cluster import cluster

_NOBODY = "19430119800515123"
NOBODY = _NOBODY + check_character(_NOBODY)
"""In a region that is allotted to nobody."""

FOREIGN_CARD = "X99000111"
FOREIGN_TOKEN = "T0KEN-OF-ANOTHER-PLATFORM"


class Window:
    """One centre, and calls from terminals to it."""

    def __init__(self, folder):
        self.counter = Counter(folder)
        self.store = self.counter.store
        self.centre = Centre(
            province=provinces.load_province("hunan"),
            handlers=self.counter.handlers,
            store=self.store,
            clock=VirtualClock(),
            seed=SEED,
        )
        self.numbers = itertools.count(1)
        rows = self.store.rows("SELECT p.* FROM persons p JOIN insurances i ON i.psn_no = p.psn_no"
                               " WHERE i.psn_insu_stas = '1' ORDER BY p.psn_no")  # fmt: skip
        self.ours, self.other = rows[0], rows[1]

    def arm(self, terminal="ZD01", who=None, **more):
        args = {"psn_no": (who or self.ours)["psn_no"], "terminal": terminal} | more
        return obey(self.centre, act.Commanded(name="arm", args=args, ident=1))

    def call(self, infno, nodes, *, terminal="ZD01", opter="0001", msgid=""):
        call = Call(
            infno=infno,
            msgid=msgid or f"M{next(self.numbers)}",
            fixmedins_code=self.counter.hospital,
            opter=opter,
            input=nodes,
            at=self.centre.time.wall(),
            envelope={"dev_no": terminal},
        )
        handled = self.centre.handle(call)
        self.store.commit(handled.statements)
        return handled

    def card(self, number=FOREIGN_CARD, kind="03", **more):
        nodes = {"data": {"mdtrt_cert_type": kind, "mdtrt_cert_no": number}}
        return self.call("1101", nodes, **more)

    def ends(self):
        return [
            (row["how"], row["kind"]) for row in self.counter.books("arming_ends")["arming_ends"]
        ]


def person_of(handled):
    assert handled.answer.infcode == 0, handled.answer.err_msg
    return handled.answer.output["baseinfo"]["psn_no"]


@pytest.fixture
def window(tmp_path):
    made = Window(tmp_path)
    yield made
    made.counter.close()


def test_not_armed_an_unknown_card_is_unknown_and_nothing_is_said(window):
    handled = window.card()
    assert (handled.answer.infcode, handled.note) == (-1, "")
    assert window.counter.books("armings", "arming_ends") == {"armings": [], "arming_ends": []}


@pytest.mark.parametrize("kind", ["02", "03"])
def test_armed_the_next_unknown_card_is_the_person_once_and_it_is_marked(window, kind):
    assert window.arm().error == ""
    handled = window.card(kind=kind)
    assert person_of(handled) == window.ours["psn_no"]
    assert handled.note.startswith(arming.MARK)
    assert window.ours["psn_no"] in handled.note
    assert FOREIGN_CARD not in handled.note, "what was shown is somebody's"
    assert window.card(kind=kind).answer.infcode == -1
    assert window.ends() == [("used", "card")]
    assert FOREIGN_CARD not in repr(window.counter.books("armings", "arming_ends", "persons"))


def test_the_name_on_the_foreign_card_is_not_the_persons(window):
    window.arm()
    nodes = {"data": {"mdtrt_cert_type": "03", "mdtrt_cert_no": "1", "psn_name": "路人",
                      "certno": "2"}}  # fmt: skip
    assert person_of(window.call("1101", nodes)) == window.ours["psn_no"]


def test_another_terminal_does_not_use_it_and_is_told_what_is_armed(window):
    window.arm()
    handled = window.card(terminal="ZD02")
    assert handled.answer.infcode == -1
    assert handled.note.startswith(arming.MARK)
    assert "ZD02" in handled.note
    assert "ZD01" in handled.note
    assert person_of(window.card()) == window.ours["psn_no"], "it still waits for its own"


def test_a_terminal_without_a_device_number_is_its_operator(window):
    window.arm("0007")
    assert window.card(terminal="", opter="0008").answer.infcode == -1
    assert person_of(window.card(terminal="", opter="0007")) == window.ours["psn_no"]


def test_a_known_card_is_its_own_person_and_uses_nothing(window):
    window.arm()
    assert person_of(window.card(window.other["card_no"])) == window.other["psn_no"]
    assert window.ends() == []


def test_it_ends_and_says_so(window):
    window.arm(minutes=5)
    window.centre.time.advance(301)
    handled = window.card()
    assert handled.answer.infcode == -1
    assert "ended at" in handled.note
    window.centre.time.advance(-2)
    assert person_of(window.card()) == window.ours["psn_no"]


def test_the_same_message_again_is_the_same_read(window):
    window.arm()
    assert person_of(window.card(msgid="SAME")) == window.ours["psn_no"]
    assert person_of(window.card(msgid="SAME")) == window.ours["psn_no"]
    assert window.ends() == [("used", "card")]


def test_an_unknown_token_stays_the_persons_for_as_long_as_a_token_is_good(window):
    window.arm()
    assert person_of(window.card(FOREIGN_TOKEN, "01")) == window.ours["psn_no"]
    visit = {"psn_no": window.ours["psn_no"], "insutype": insutype(window), "ipt_otp_no": "O1",
             "mdtrt_cert_type": "01", "mdtrt_cert_no": FOREIGN_TOKEN}  # fmt: skip
    assert window.call("2201", {"data": visit}).answer.infcode == 0
    window.centre.time.advance(601)
    assert window.call("2201", {"data": visit}).answer.infcode == -1


def insutype(window):
    rows = window.store.rows("SELECT insutype FROM insurances WHERE psn_no = ?",
                             (window.ours["psn_no"],))  # fmt: skip
    return rows[0]["insutype"]


def test_a_token_that_is_shown_with_a_visit_alone_is_taken_as_well(window):
    window.arm()
    visit = {"psn_no": window.ours["psn_no"], "insutype": insutype(window), "ipt_otp_no": "O1",
             "mdtrt_cert_type": "01", "mdtrt_cert_no": FOREIGN_TOKEN}  # fmt: skip
    handled = window.call("2201", {"data": visit})
    assert handled.answer.infcode == 0, handled.answer.err_msg
    assert window.ends() == [("used", "token")]


def test_a_message_that_names_another_person_does_not_use_it(window):
    window.arm()
    visit = {"psn_no": window.other["psn_no"], "insutype": "310", "ipt_otp_no": "O1",
             "mdtrt_cert_type": "01", "mdtrt_cert_no": FOREIGN_TOKEN}  # fmt: skip
    handled = window.call("2201", {"data": visit})
    assert handled.answer.infcode == -1
    assert "names another person" in handled.note
    assert window.ends() == []
    assert window.counter.books("tokens")["tokens"] == []


def test_an_unknown_code_gives_a_token_of_the_person(window):
    nodes = {"InData": {"businessType": "01301", "businessInfo": "QR-UNKNOWN"}}
    assert window.call("6101", nodes).answer.infcode == -1
    window.arm()
    handled = window.call("6101", nodes)
    assert handled.answer.output["OutData"]["idNo"] == window.ours["certno"]
    assert window.ends() == [("used", "code")]


def test_a_refusal_for_another_cause_uses_nothing(window):
    window.arm()
    assert window.call("2207", {"data": {"psn_no": "nobody"}}).answer.infcode == -1
    assert window.ends() == []


def test_a_terminal_is_armed_once(window):
    assert window.arm().error == ""
    error = window.arm(who=window.other).error
    assert "ZD01" in error
    assert window.ours["psn_no"] in error
    assert window.arm("ZD02", who=window.other).error == ""
    assert person_of(window.card()) == window.ours["psn_no"]


@pytest.mark.parametrize(("args", "told"), [
    ({"psn_no": "nobody"}, "nobody"), ({"terminal": " "}, ""), ({"terminal": "x" * 101}, "x"),
    ({"minutes": 0}, "120"), ({"minutes": 121}, "120"),
])  # fmt: skip
def test_what_cannot_be_armed_is_refused(window, args, told):
    named = {"psn_no": window.ours["psn_no"], "terminal": "ZD01"} | args
    reply = obey(window.centre, act.Commanded(name="arm", args=named, ident=1))
    assert reply.error
    assert told in reply.error
    assert window.counter.books("armings")["armings"] == []


# -- the command -----------------------------------------------------------------------------------


def given(ledger, *words):
    return build_parser().parse_args(["centre", "arm", "--ledger", str(ledger), *words])


def test_the_command_writes_where_a_running_centre_looks(window, tmp_path, capsys):
    ledger = tmp_path / "centre.db"
    window.centre.time.offset = timedelta()
    window.centre.time.clock = RealClock()
    assert command(given(ledger, window.ours["psn_name"], "--terminal", "ZD01")) == 0
    assert window.ours["psn_no"] in capsys.readouterr().out
    with pytest.raises(InputError, match="ZD01"):
        command(given(ledger, window.other["psn_no"], "--terminal", "ZD01"))
    assert command(given(ledger, window.other["certno"], "--terminal", "ZD01", "--replace")) == 0
    assert person_of(window.card()) == window.other["psn_no"]

    capsys.readouterr()
    assert command(given(ledger, "--list", "--json")) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert sorted(row["state"] for row in told["armings"]) == ["replaced", "used"]


def test_what_waits_can_be_taken_back(window, tmp_path):
    ledger = tmp_path / "centre.db"
    with pytest.raises(InputError, match="ZD01"):
        command(given(ledger, "--withdraw", "--terminal", "ZD01"))
    command(given(ledger, window.ours["psn_no"], "--terminal", "ZD01"))
    assert command(given(ledger, "--withdraw", "--terminal", "ZD01")) == 0
    assert window.card().answer.infcode == -1
    assert window.ends() == [("withdrawn", "")]


@pytest.mark.parametrize("words", [
    ["P"], ["--terminal", "T"], ["P", "--terminal", "T", "--list"],
    ["P", "--terminal", "T", "--withdraw"], ["nobody", "--terminal", "T"],
])  # fmt: skip
def test_wrong_words_are_refused(window, tmp_path, words):
    with pytest.raises(InputError):
        command(given(tmp_path / "centre.db", *words))


def test_no_ledger_is_refused_and_none_is_made(tmp_path):
    with pytest.raises(InputError, match=r"none\.db"):
        command(given(tmp_path / "none.db", "P", "--terminal", "T"))
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match=r"text\.db"):
        command(given(tmp_path / "text.db", "P", "--terminal", "T"))


@pytest.mark.slow
def test_a_centre_in_the_foreground_takes_it_while_it_runs(tmp_path, monkeypatch):
    """Over real sockets: unknown, armed from beside, known once, unknown again."""
    ledger, heard = tmp_path / "books.sqlite", []

    def work(line):
        def read():
            shown = {"mdtrt_cert_type": "03", "mdtrt_cert_no": FOREIGN_CARD, "psn_cert_type": "01"}
            shown |= {"certno": FOREIGN_CARD, "psn_name": "持卡人"}
            heard.append(line.ask("1101", {"data": shown})["infcode"])

        read()
        who = people_of(ledger)[0]["psn_no"]
        command(given(ledger, who, "--terminal", "ZD01"))
        read()
        read()

    told = beside(monkeypatch, ledger, province_file(tmp_path), work, dev_no="ZD01")
    assert heard == [-1, 0, -1]
    assert [line for line in told if arming.MARK in line and "ZD01" in line]


def people_of(ledger):
    store = simulate.open_store(str(ledger), [])
    try:
        return store.rows("SELECT psn_no FROM persons ORDER BY psn_no")
    finally:
        store.close()


@pytest.mark.peer
@pytest.mark.slow
def test_a_ledger_in_postgresql_is_armed_as_well(tmp_path):
    """Two centres may stand on one database: a person is used by one of them."""
    pytest.importorskip("psycopg")
    with cluster() as url:
        export = tmp_path / "persons.csv"
        export.write_text(f"姓名,身份证号\n测试甲,{NOBODY}\n", encoding="gb18030")
        words = ["centre", "import", "--ledger", url, "--persons", str(export)]
        made, store = simulate.make(provinces.load_province("hunan"), url, RealClock())
        try:
            assert cli.main(words) == 0
            assert command(given(url, "测试甲", "--terminal", "ZD01")) == 0
            nodes = {"data": {"mdtrt_cert_type": "03", "mdtrt_cert_no": FOREIGN_CARD}}
            call = Call(infno="1101", msgid="M1", fixmedins_code=HOSPITAL, opter="1",
                        input=nodes, at=made.time.wall(), envelope={"dev_no": "ZD01"})  # fmt: skip
            assert person_of(made.handle(call)) == f"T{NOBODY}"
            assert made.handle(replace(call, msgid="M2")).answer.infcode == -1
        finally:
            store.close()
