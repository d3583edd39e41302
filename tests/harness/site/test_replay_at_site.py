"""A case that is played to a real system: proven first, listed afterwards, blocked otherwise."""

import contextlib
import csv
import hashlib
import io
import json
import sys
import threading
from types import SimpleNamespace

import pytest
from hands import free_port
from test_onward import CANARY, RESULT, SITE, Restored, Taking

from harness import i18n
from harness.cases.at_site import AtSite
from harness.cases.bundle import put, toml
from harness.cases.keep import _files
from harness.cases.kept import Line, load
from harness.cases.slots import Slots
from harness.cli import main
from harness.clock import VirtualClock
from harness.evidence.trace import Trace
from harness.link.address import Address
from harness.link.host import Host
from harness.profile import load_profile
from harness.report.leftover import NAME, Leftover
from simulators.foreground import running
from simulators.shell import plain

PLAIN = '[privacy]\nplain = "王主任，信息科"\n'
SENT = (b"MSH|^~\\&|HIS|H|LIS|H|20260105080000||ORU^R01|S1|P|2.4\r"
        b"OBR|1||620000010001|TEST\rOBX|1|NM|K||4.1\r")  # fmt: skip
ACK = b"MSH|^~\\&|LIS|H|HIS|H|20260105080001||ACK^R01|A1|P|2.4\rMSA|AA|S1\r"


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


def a_case(folder):
    """One message to the LIS, and its answer."""

    def line(number, frm, to, kind, ident, corr, payload):
        return Line(number=number, at_s=1_767_571_200.0 + number, frm=frm, to=to, protocol="hl7",
                    kind=kind, ident=ident, corr=corr, link="feed-lis", payload=payload)  # fmt: skip

    files = _files([
        line(1, "feed", "LIS", "ORU^R01", "S1", {"barcode": "620000010001"}, SENT),
        line(2, "LIS", "feed", "ACK^R01", "A1", {"acknowledges": "S1", "code": "AA"}, ACK),
    ])  # fmt: skip
    manifest = {"format": 1, "faults": ["LIS ACK MSA-1 = AA"],
                "timeline_sha256": hashlib.sha256(files["timeline.jsonl"]).hexdigest()}  # fmt: skip
    put(folder, {**files, "manifest.toml": toml(manifest).encode()})
    return folder


@contextlib.contextmanager
def site(folder, *, target="", wait_s=60.0, canary=CANARY, privacy=PLAIN, forwards="", mode="real"):
    """The restored LIS, its profile, and where a live HIS would be."""
    relay = free_port()
    with running() as runtime, running() as elsewhere:
        live = Taking(elsewhere.clock)
        his = elsewhere.add("HIS", Host(live, elsewhere.clock, plain))
        his_port = his.listen("lis-his", Address(host="127.0.0.1", port=0)).port
        lis = Restored(runtime, f"127.0.0.1:{his_port if target == 'live' else relay}")
        text = SITE.format(lis=lis.port, his_port=relay, relay=0, his="simulated",
                           forwards=forwards, canary=canary.format(wait_s=wait_s))  # fmt: skip
        text = text.replace('via = "relay"\nrelay_port = 0\n', "") + privacy
        text = text.replace('[systems.LIS]\nmode = "real"', f'[systems.LIS]\nmode = "{mode}"')
        (folder / "site.toml").write_text(text, encoding="utf-8")
        yield str(folder / "site.toml"), lis, live


def played(folder, profile, lis, *words, command="replay"):
    """The command, with somebody who does the harmless action at the LIS."""
    stop, threads, real = threading.Event(), [], sys.stdout

    class Heard(io.StringIO):
        def write(self, text):
            if "http://" in text and not threads:
                address = text.split("//")[1].strip("/\n ")
                threads.append(threading.Thread(target=lis.work, args=(address, stop), daemon=True))
                threads[-1].start()
            return super().write(text)

    said = Heard()
    sys.stdout = said
    try:
        code = main([command, str(folder), "--profile", profile, "--role", "LIS", "--times", "2",
                     "--lang", "en", *words])  # fmt: skip
    finally:
        sys.stdout = real
        stop.set()
        for thread in threads:
            thread.join(60)
    return code, said.getvalue()


def rows(folder):
    with (folder / NAME).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def got(lis):
    return [one for one in lis.taking.got if b"|ORU^R01|" in one]


@pytest.mark.slow
def test_a_system_that_calls_us_is_played_to_and_what_is_left_is_listed(tmp_path):
    case = a_case(tmp_path / "case")
    with site(tmp_path) as (profile, lis, live):
        code, said = played(case, profile, lis)
        again = got(lis)
    assert code == 0, said
    assert said.count("▶") == 1, "one canary is enough for a session"
    assert len(again) == 2
    assert live.got == []
    found = rows(case)
    assert {one["system"] for one in found} == {"LIS"}
    assert len(found) == 2, "each replay mints a number of its own"
    for one in found:
        number = one["id"].removeprefix("barcode=")
        assert any(number.encode() in each for each in again)
        assert one["undo"]
    assert NAME in said


@pytest.mark.slow
def test_a_restored_system_is_not_written_to(tmp_path):
    case = a_case(tmp_path / "case")
    with site(tmp_path, target="live", wait_s=1.0) as (profile, lis, live):
        code, said = played(case, profile, lis, "--json")
        assert got(lis) == []
    assert code == 3
    assert "sign-off" in json.loads(said.splitlines()[-1])["blocked"]
    assert set(live.got) <= {RESULT}
    assert rows(case) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["replay", "minimise"])
def test_without_a_canary_it_is_blocked_and_the_remedy_names_it(tmp_path, command):
    case = a_case(tmp_path / "case")
    with site(tmp_path, canary="") as (profile, lis, _):
        code, said = played(case, profile, lis, command=command)
        assert got(lis) == []
    assert code == 3
    assert "forwards = false" in said


@pytest.mark.slow
def test_a_link_that_passes_nothing_on_needs_none(tmp_path):
    case = a_case(tmp_path / "case")
    with site(tmp_path, canary="", forwards="forwards = false") as (profile, lis, _):
        assert played(case, profile, lis)[0] == 0
        assert len(got(lis)) == 2


def test_nothing_is_sent_while_nobody_says_how_it_will_lie(tmp_path, capsys):
    case = a_case(tmp_path / "case")
    with site(tmp_path, privacy="") as (profile, lis, _):
        assert main(["replay", str(case), "--profile", profile, "--lang", "en"]) == 2
        assert got(lis) == []
    assert "key_env" in capsys.readouterr().err


def test_an_observed_system_is_not_written_to(tmp_path, capsys):
    case = a_case(tmp_path / "case")
    with site(tmp_path, mode="observed") as (profile, lis, _):
        assert main(["replay", str(case), "--profile", profile, "--lang", "en"]) == 2
        assert got(lis) == []
    assert "observed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_case_that_is_written_anew_keeps_the_list_and_what_was_filled_in(tmp_path):
    case = a_case(tmp_path / "case")
    with site(tmp_path) as (profile, lis, _):
        assert played(case, profile, lis)[0] == 0
        text = (case / NAME).read_text(encoding="utf-8-sig").splitlines()
        text[1] = text[1].removesuffix(",,") + ",张工,2026-01-06"
        (case / NAME).write_text("\n".join(text), encoding="utf-8")
        code, said = played(case, profile, lis, "--keep", "--fault", "LIS ACK MSA-1 = AE")
    assert code == 1, said
    assert "reproduced = true" in (case / "manifest.toml").read_text(encoding="utf-8")
    found = rows(case)
    assert len(found) == 4
    assert [one["done_by"] for one in found].count("张工") == 1
    assert load(case).lines


def test_a_list_that_cannot_be_written_stops_it_before_the_first_message(tmp_path, monkeypatch):
    def locked(*_):
        raise OSError(13, "Permission denied")

    case = a_case(tmp_path / "case")
    monkeypatch.setattr("harness.cases.at_site.cleanup.save", locked)
    with site(tmp_path, canary="", forwards="forwards = false") as (profile, lis, _):
        assert main(["replay", str(case), "--profile", profile, "--role", "LIS"]) == 2
        assert got(lis) == []


def test_what_another_session_listed_meanwhile_is_not_lost(tmp_path):
    with site(tmp_path) as (profile, _, _):
        one, two = (AtSite(load_profile(profile), "LIS", tmp_path) for _ in range(2))
    for number, each in enumerate((one, two)):
        row = Leftover(scenario="s", system="LIS", id=f"barcode={number}", what="x", undo="y")
        each._rows[row.key] = row
        each.save()
    assert [each["id"] for each in rows(tmp_path)] == ["barcode=0", "barcode=1"]


def test_what_a_scenario_plays_is_listed_by_its_run(tmp_path, monkeypatch):
    case = a_case(tmp_path / "case")
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(lis=7, his_port=8, relay=9, his="real", forwards="", canary=""),
                    encoding="utf-8")  # fmt: skip
    trace = Trace(VirtualClock())
    one = AtSite(load_profile(str(path)), "LIS", case, trace=trace)
    monkeypatch.setattr(AtSite, "_prove", lambda *_: None)
    lines = load(case).lines
    bench = SimpleNamespace(clock=VirtualClock())
    with one.session(bench, SimpleNamespace(lines=lines), Slots.of(lines, {"feed"}, "s")) as told:
        told(lines[0])
    assert [(one["type"], one["to"]) for one in trace.records] == [("ORU^R01", "LIS")]
    assert not (case / NAME).exists()
