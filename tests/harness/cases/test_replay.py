"""A kept case shows its fault where the fault is, and nowhere else; and as little of it as shows."""

from __future__ import annotations

import json
import shutil
import tomllib

import pytest

from harness import resources
from harness.captures.journal import PcapJournal
from harness.cases import faults
from harness.cases.guard import CaseGuard, persons
from harness.cases.kept import Line, load
from harness.cases.minimise import Search, ddmin
from harness.cases.replay import Once, Replayed, faults_of, once, replay, stage_of
from harness.cases.score import NOT_WITH_IT, compose
from harness.cases.slots import Slots, moulded, stamped
from harness.cases.stage import Manner, specs_of
from harness.cli import main
from harness.clock import VirtualClock
from harness.errors import InputError, PermitError
from harness.evidence import trace
from harness.profile import load_profile
from tests.harness.cases import seeded

DEFECT = "lis-drops-unit"


@pytest.fixture
def case():
    return load(resources.fixture("cases", "lab-unit-lost"))


@pytest.fixture(scope="module")
def memory():
    return load_profile("memory")


@pytest.fixture
def own(tmp_path):
    """A copy of the case that ships, to be written."""
    shutil.copytree(resources.fixture("cases", "lab-unit-lost"), tmp_path / "one")
    return tmp_path / "one"


def line(number, frm, to, kind, payload, protocol="hl7", ident="", link="", **corr):
    return Line(number=number, at_s=float(number), frm=frm, to=to, protocol=protocol, kind=kind,
                ident=ident or f"ID{number:05d}", corr=corr, link=link, payload=payload)  # fmt: skip


# ---- replay


@pytest.mark.slow
def test_the_fault_shows_with_the_defect_and_not_without(case, memory):
    bad = replay(case, memory, manner=Manner(defects=(DEFECT,)))
    good = replay(case, memory, manner=Manner())

    assert (bad.shown, bad.reproduced, bad.exit_code) == (3, True, 1)
    assert (good.shown, good.reproduced, good.exit_code) == (0, False, 0)
    assert bad.runs[0].played.sent == 2
    assert not good.runs[0].played.unmatched


@pytest.mark.slow
def test_what_is_minted_differs_from_replay_to_replay(case, memory):
    runs = replay(case, memory, manner=Manner()).runs

    control = {
        value[1] for run in runs for name, value in run.played.slots.values.items()
        if name == "control:2"
    }  # fmt: skip
    barcodes = {
        one.corr["barcode"] for run in runs for one in run.played.heard if one.corr.get("barcode")
    }
    assert len(control) == len(barcodes) == 3


@pytest.mark.slow
def test_gaps_are_kept_where_they_are_asked_for(case, memory):
    lines = [
        Line(**{**{name: getattr(one, name) for name in Line.__slots__}, "at_s": 1e9 + 100.0 * one.number})
        for one in case.lines
    ]  # fmt: skip
    score = compose(lines, "LIS", specs_of(memory))
    clocks = []
    for scale in (0.0, 0.5):
        with stage_of(case, memory, "LIS", Manner(timed=scale)) as stage:
            bench = stage._ready()
            once(stage, score, faults_of(case))
            clocks.append(bench.clock.now())

    assert clocks[1] - clocks[0] == pytest.approx(100.0, abs=5.0)


def test_less_often_than_needed_is_not_reproduced():
    def run(outcome):
        class Judged(Once):
            @property
            def outcome(self):
                return outcome

        return Judged(None, ())

    def of(*outcomes):
        runs = [run(one) for one in outcomes]
        return Replayed(system="LIS", runs=runs, needed=2, left_out={}).exit_code

    assert of("shows", "shows", "gone") == 1
    assert of("shows", "gone", "gone") == 3
    assert of("gone", "unclear", "gone") == 3
    assert of("gone", "gone", "gone") == 0


def test_a_case_that_says_no_fault_or_a_role_that_is_not_there_is_refused(case, memory):
    with pytest.raises(InputError):
        replay(case, memory, system="X", manner=Manner())
    with pytest.raises(InputError):
        faults_of(type(case)(folder=case.folder, manifest={}, lines=case.lines, hash=""))
    with pytest.raises(InputError):
        replay(case, memory, manner=Manner(), times=1, needed=2)


def test_a_message_of_the_case_that_was_changed_is_refused(own):
    timeline = own / "timeline.jsonl"
    text = timeline.read_text("utf-8")
    for changed in (text.replace('"raw": "T', '"raw": "U'), text.replace("OML^O21", "OML^O33"), ""):
        timeline.write_text(changed, encoding="utf-8")
        with pytest.raises(InputError):
            load(own)
    (own / "manifest.toml").unlink()
    with pytest.raises(InputError):
        load(own)


def test_nobody_but_the_persons_of_the_case_leaves(case, memory):
    lines = [
        line(one.number, one.frm, one.to, one.kind, one.payload.replace(b"PID||", b"PID||430102199001011234"),
             one.protocol, one.ident, one.link, **one.corr)
        for one in case.lines
    ]  # fmt: skip
    score = compose(lines, "LIS", specs_of(memory))

    with stage_of(case, memory, "LIS", Manner()) as stage, pytest.raises(PermitError):
        once(stage, score, faults_of(case))


def test_the_guard_knows_persons_by_their_hashes_alone():
    payload = "MSH|^~\\&|A\rPID|1||777||王五\r".encode()
    known = frozenset(persons([("hl7", payload)], "salt"))
    guard = CaseGuard(None, known, "salt", lambda data: data)

    guard.payload(None, "mllp", payload)
    with pytest.raises(PermitError):
        guard.payload(None, "mllp", payload.replace(b"777", b"778"))
    with pytest.raises(PermitError):
        guard.payload(None, "http", b'{"psn_name":"x"}')


# ---- as a server


def test_requests_alike_get_their_answers_in_turn_and_the_last_one_again(memory):
    from harness.cases.player import Player
    from harness.link import actor as act
    from harness.wire.http1_events import HttpRequest

    body = b'{"infno":"1101","msgid":"%s","input":{}}'
    said = [
        line(n, "HIS", "centre", "1101", body % b"M%d" % n, "http", f"M{n:06d}") for n in (1, 3)
    ]
    replies = {1: [line(2, "centre", "HIS", "1101", b'{"infcode":-1}', "http")],
               3: [line(4, "centre", "HIS", "1101", b'{"infcode":0,"of":"M000003"}', "http")]}  # fmt: skip
    player = Player("HIS", {"c": "http"}, said, replies, Slots("s"), VirtualClock().wall())

    def ask(kind=b"1101", msgid=b"N1"):
        payload = b'{"infno":"%s","msgid":"%s"}' % (kind, msgid)
        event = act.Received(conn="c#1", link="c", event=HttpRequest(payload=payload))
        return [one.event.payload for one in player.on_event(event, 0.0)]

    assert ask() == [b'{"infcode":-1}']
    assert ask(msgid=b"N2") == [b'{"infcode":0,"of":"N2"}']
    assert ask(msgid=b"N2") == [b'{"infcode":0,"of":"N2"}']
    assert ask(kind=b"1102") == []
    assert (player.unmatched[0].heard.kind, player.unmatched[0].nearest.kind) == ("1102", "1101")


def test_what_went_between_other_systems_is_told(memory):
    lines = [
        line(1, "HIS", "LIS", "OML^O21", b"MSH|^~\\&|H\r"),
        line(2, "A", "B", "ADT", b"MSH|^~\\&|H\r"),
        line(3, "LIS", "HIS", "ACK", b"MSH|^~\\&|L\rMSA|AA|ID00001\r", acknowledges="ID00001"),
    ]
    score = compose(lines, "LIS", specs_of(memory))

    assert [(one.move, one.line.link) for one in score.turns] == [
        ("send", "his-lis"), ("hear", "his-lis"),
    ]  # fmt: skip
    assert score.left_out == {NOT_WITH_IT: 1}
    with pytest.raises(InputError):
        compose(lines[2:], "LIS", specs_of(memory))


# ---- slots and faults


def test_minted_numbers_keep_their_shape():
    for text in ("B00123", "0016406141", "H4D3", "M000000000000000000000000000000000009"):
        made = moulded(text, "salt")
        assert len(made) == len(text)
        assert made != text
        assert [one.isdigit() for one in made] == [one.isdigit() for one in text]
        assert len(made) - len(made.lstrip("0")) == len(text) - len(text.lstrip("0"))


def test_a_slot_fills_whole_numbers_only_and_finds_back():
    slots = Slots.of([line(1, "A", "B", "X", b"", ident="12345", barcode="777001")], {"A"}, "s")

    filled = slots.filled(b"12345|112345|777001^777001|")

    assert filled.split(b"|")[1] == b"112345"
    assert b"777001" not in filled
    assert slots.recorded(filled) == b"12345|112345|777001^777001|"


def test_a_message_gets_the_time_of_its_replay():
    now = VirtualClock().wall()
    stamp = now.strftime("%Y%m%d%H%M%S").encode()

    assert stamped(b"MSH|^~\\&|A|B|C|D|20200101000000||ORU\r", "hl7", now).split(b"|")[6] == stamp
    assert stamped(b"H|\\^&|1||I|||||||P|1|20200101000000\rL|1\r", "astm", now) == (
        b"H|\\^&|1||I|||||||P|1|" + stamp + b"\rL|1\r"
    )
    assert stamped(b"{}", "http", now) == b"{}"


class Said:
    frm, kind, protocol, ident = "LIS", "ORU^R01", "hl7", "1"

    def __init__(self, payload, protocol="hl7", kind="ORU^R01"):
        self.payload, self.protocol, self.kind = payload, protocol, kind


def test_a_fault_is_looked_at_at_its_place():
    report = b"MSH|^~\\&|L\rOBX|1|NM|K^x||3.1|u\rOBX|2|NM|NA||140|\r"
    upload = b"H|\\^&\rR|1|^^^K|3.1|mmol/L\rL|1\r"

    def seen(text, *said):
        return faults.look(faults.parse(text), said, lambda _: [{"item": "K", "unit": None}])

    assert seen("LIS ORU^R01 OBX[3=K]-6 = u", Said(report)).shows is False
    assert seen("LIS ORU OBX[3=NA]-6 = u", Said(report)).values == ("",)
    assert seen("LIS ORU^R01 OBX[3=CL]-6 = u", Said(report)).values == ("",)
    assert seen("LIS ORU^R01 count = 1", Said(report), Said(report)).shows is False
    assert seen("LIS astm R[3=^^^K].5 = mmol/L", Said(upload, "astm", "astm")).shows is False
    assert seen("LIS 2207 fee = 1.00", Said(b'{"fee":1.0}', "http", "2207")).shows is True
    assert seen("lis-results[item=K] unit = u").shows is True
    assert seen("lis-results[item=NA] unit = u").judged is False
    assert seen("LIS ORU^R01 OBX-6 = u").judged is False
    with pytest.raises(InputError):
        seen("LIS astm OBX-6 = u", Said(upload, "astm", "astm"))
    for wrong in ("", "LIS ORU^R01", "LIS ORU count = x", "a b"):
        with pytest.raises(InputError):
            faults.parse(wrong)


# ---- the least


def test_ddmin_leaves_what_is_needed_and_nothing_more():
    tried = []

    def shows(some):
        tried.append(tuple(some))
        return {2, 5, 11} <= set(some)

    assert ddmin(range(16), shows) == [2, 5, 11]
    assert ddmin([], lambda _: True) == []
    assert ddmin([1, 2], lambda _: True) == []
    assert ddmin([1], bool) == [1]
    assert len(tried) < 40


def test_ddmin_takes_out_at_last_what_stayed_while_something_else_was_there():
    """One part that nobody needs any more once another is gone; and many that stay of many."""

    def shows(some):
        return 0 in some and (3 in some or 1 not in some) and (1 in some or 2 in some)

    least = ddmin(range(4), shows)
    assert shows(least)
    assert not any(shows([one for one in least if one != part]) for part in least)

    needed, tried = set(range(5, 211, 13)), set()

    def holds(some):
        tried.add(tuple(some))
        return needed <= set(some)

    assert set(ddmin(range(211), holds)) == needed
    assert len(tried) < 200


@pytest.mark.slow
def test_a_case_is_not_made_a_fault_of_its_own(case, memory):
    """Without the unit in what is sent every LIS loses it: neither way of searching takes it out."""
    score = compose(case.lines, "LIS", specs_of(memory))
    wanted = faults_of(case)
    with (
        stage_of(case, memory, "LIS", Manner(defects=(DEFECT,))) as stage,
        stage_of(case, memory, "LIS", Manner()) as reference,
    ):
        for other in (None, reference):
            search = Search(stage, wanted, other)
            least = search.run(score)
            assert search.ended
            upload = next(one for one in least.lines if one.protocol == "astm")
            assert b"PLT" in upload.payload
            assert b"10*9/L" in upload.payload
            assert search.trials > 0


@pytest.mark.slow
def test_a_search_without_time_keeps_what_it_has(case, memory):
    score = compose(case.lines, "LIS", specs_of(memory))
    ticks = iter(range(1000))
    with stage_of(case, memory, "LIS", Manner(defects=(DEFECT,))) as stage:
        search = Search(
            stage, faults_of(case), None, budget_s=3.0, clock=lambda: float(next(ticks))
        )
        least = search.run(score)

    assert not search.ended
    assert least.lines


# ---- the commands


def run(capsys, *words):
    code = main([*words, "--lang", "en"])
    return code, capsys.readouterr()


@pytest.mark.slow
def test_replay_and_minimise_as_commands(own, capsys):
    again = ("--profile", "memory", "--times", "1", "--needed", "1", "--json")

    code, said = run(capsys, "replay", str(own), *again)
    assert code == 0
    assert json.loads(said.out.splitlines()[-1])["outcomes"] == {"gone": 1}

    code, said = run(capsys, "replay", str(own), *again, "--defect", DEFECT, "--keep")
    assert code == 1
    assert tomllib.loads((own / "manifest.toml").read_text("utf-8"))["reproduced"] is True
    assert not (own / "case.feature").exists()

    code, said = run(capsys, "minimise", str(own), *again)
    assert code == 3
    assert "not reproduced" in said.out
    assert tomllib.loads((own / "manifest.toml").read_text("utf-8"))["reproduced"] is False

    code, said = run(capsys, "minimise", str(own), *again, "--defect", DEFECT, "--number", "F-7")
    assert code == 0
    text = (own / "case.feature").read_text("utf-8")
    assert "@缺陷-F-7" in text
    assert main(["lint", str(own / "case.feature")]) == 0


@pytest.mark.slow
def test_a_reference_with_the_fault_is_none(own, capsys):
    code, said = run(capsys, "minimise", str(own), "--profile", "memory", "--defect", DEFECT,
                     "--reference", "memory", "--fault", "LIS ORU^R01 OBX[3=PLT]-6 = other")  # fmt: skip

    assert code == 2
    assert "reference" in said.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [11, 20])
def test_from_a_recording_to_a_case_that_fails(tmp_path, capsys, number):
    one = seeded.SEEDED[number]
    path = seeded.recorded(one.scenario, tmp_path / "run", [one.defect])
    case = tmp_path / "case"

    code, said = run(
        capsys, "case", "make", str(path), "--about", seeded.about(one, path), "--out", str(case),
        "--fault", seeded.told(one), "--profile", "memory", "--reference", "memory",
        "--defect", one.defect, "--number", "2026-9", "--budget", "2",
    )  # fmt: skip

    assert code == 0, said
    assert main(["replay", str(case), "--profile", "memory", "--defect", one.defect]) == 1
    assert main(["replay", str(case), "--profile", "memory"]) == 0


@pytest.mark.slow
def test_from_a_capture_of_the_lines_to_a_case_that_fails(tmp_path, capsys):
    """The bytes of all lines as a sniffer has them: no ids, no links, no roles but those of --end."""
    one = seeded.SEEDED[0]
    path = seeded.recorded(one.scenario, tmp_path / "run", [one.defect])
    journal = PcapJournal(tmp_path / "lines.pcap")
    journal.open()
    hosts = {"analyzer": "10.0.0.1", "LIS": "10.0.0.2", "HIS": "10.0.0.3"}
    begun = set()
    for record in trace.read(path).records:
        if record["kind"] == "bytes" and not record["conn"].endswith(">"):
            client, server = record["link"].split("-")
            ends = [(hosts[name if name == "analyzer" else name.upper()], port)
                    for name, port in ((client, 40000), (server, 5000 + len(record["link"])))]  # fmt: skip
            if record["link"] not in begun:
                begun.add(record["link"])
                journal.opened(*ends)
            ours = hosts[record["frm"]] == ends[0][0]
            journal.passed(*(ends if ours else ends[::-1]), trace.unpack(record["raw"]))
    journal.close()
    barcode = seeded.about(
        seeded.Seeded(one.pillar, one.scenario, one.defect, one.fault, "barcode"), path
    )
    named = [word for role, host in hosts.items() for word in ("--end", f"{host}={role}")]

    code, said = run(
        capsys, "case", "make", str(journal.path), "--about", barcode, "--out",
        str(tmp_path / "case"), "--fault", seeded.told(one), "--profile", "memory",
        "--reference", "memory", "--defect", one.defect, *named,
    )  # fmt: skip

    assert code == 0, said
    assert main(["replay", str(tmp_path / "case"), "--profile", "memory"]) == 0
