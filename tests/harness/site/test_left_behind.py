"""Strangers are neither sent nor answered; what is left behind stands in cleanup.csv."""

import csv
from dataclasses import replace

import pytest
from engine import Sentences, command_expected, play
from openpyxl import load_workbook

from harness import people
from harness.clock import VirtualClock
from harness.errors import InputError, PermitError
from harness.evidence.trace import Trace, pack
from harness.identity import IdentityGuard
from harness.link import actor as act
from harness.profile import load_profile
from harness.scenario.session import RunSession, SessionOptions
from harness.site import cleanup
from harness.site.cards import read_forms
from harness.site.strangers import Doorman
from harness.wire.core import Message
from simulators.hospital import messages

WHO = people.generate(1, 0)
STRANGER = people.generate(2, 0)


def written(folder, *records, mode="real"):
    path = folder / "traces" / "one.jsonl"
    path.parent.mkdir(exist_ok=True)
    trace = Trace(VirtualClock(), path)
    trace.add(
        "open",
        format=1,
        scenario={"id": "one"},
        systems=[{"role": "LIS", "mode": mode}, {"role": "HIS", "mode": mode}],
    )
    for kind, fields in records:
        trace.add(kind, **fields)
    trace.seal("pass")
    return cleanup.write(folder, read_forms())


def card(name="admit", outcome="ok", **captured):
    fields = {
        "role": "HIS",
        "name": name,
        "args": {"patient_id": "MH1", "name": "x"},
        "outcome": outcome,
        "card": 1,
        "workstation": "入院登记",
        "captured": captured,
    }
    return "command", fields


def sent(frm="analyzer", to="LIS", **corr):
    return "message", {
        "frm": frm,
        "to": to,
        "type": "R",
        "protocol": "astm",
        "raw": pack(b"x"),
        "corr": corr,
    }


def table(folder):
    with (folder / "cleanup.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_write_is_a_row_with_how_it_is_undone(tmp_path):
    rows = written(tmp_path, card(patient_id="70001"), sent(barcode="620"), sent(barcode="620"))

    assert [(one["system"], one["id"]) for one in table(tmp_path)] == [
        ("HIS", "patient_id=70001"),
        ("LIS", "barcode=620"),
    ]
    assert all(one["undo"] for one in table(tmp_path))
    assert all(one.open for one in rows)
    sheet = load_workbook(tmp_path / "cleanup.xlsx").active
    assert [cell.value for cell in sheet[1]] == list(cleanup.COLUMNS)
    assert sheet.max_row == 3


def test_a_card_that_was_not_seen_is_a_row_too(tmp_path):
    """Nobody knows whether it was done: that is no reason to forget it."""
    (row,) = written(tmp_path, card(outcome="unknown"))
    assert row.id == "patient_id=MH1"
    assert row.what != read_forms()["HIS", "admit"].text


def test_what_somebody_filled_in_stays_and_closes_the_row(tmp_path):
    written(tmp_path, card(), sent(barcode="=620"))
    text = (tmp_path / "cleanup.csv").read_text(encoding="utf-8-sig")
    lines = text.splitlines()
    lines[1] = lines[1].removesuffix(",,") + ",张工,2026-01-01"
    (tmp_path / "cleanup.csv").write_text("\n".join(lines), encoding="gb18030")

    rows = cleanup.write(tmp_path, read_forms())

    assert [one.open for one in rows] == [False, True]
    assert table(tmp_path)[0]["done_by"] == "张工"


def test_what_real_systems_said_to_each_other_and_our_own_systems_are_no_rows(tmp_path):
    assert written(tmp_path, sent(frm="HIS", barcode="1")) == []
    assert written(tmp_path, sent(barcode="1"), mode="simulated") == []


def by(protocol, kind, frm="modality", to="LIS", **more):
    fields = {
        "frm": frm, "to": to, "type": kind, "protocol": protocol, "raw": pack(b""), "corr": {},
        "conn": "c#1", "id": "7",
    }  # fmt: skip
    return "message", fields | more


@pytest.mark.parametrize(("message", "row"), [
    (by("dicom", "C-STORE-RQ", sop="1.2.3"), "sop=1.2.3"),
    (by("dicom", "N-CREATE-RQ", sop="1.2.4"), "sop=1.2.4"),
    (by("dicom", "C-FIND-RQ", sop="1.2.3"), None),
    (by("dicom", "C-ECHO-RQ"), None),
    (by("dicom", "C-STORE-RSP", sop="1.2.3"), None),
    (by("dicomweb", "STOW-RQ", target="/studies/1.2"), "target=/studies/1.2"),
    (by("dicomweb", "QIDO-RQ", target="/studies"), None),
    (by("http", "6302", "centre"), "id=7"),
    (by("http", "2207", "centre", corr={"code": "0", "acknowledges": "M", "setl_id": "S1"}),
     "setl_id=S1"),
    (by("http", "2207", "centre", corr={"code": "-1", "acknowledges": "M"}), None),
    (by("http", "1101", "centre", corr={"code": "0", "patient": "P"}), None),
    (by("hl7", "ORU^R01", "feed"), "id=7"),
    (by("hl7", "ACK^A01", "feed", corr={"acknowledges": "7"}), None),
    (by("hl7", "QBP^Q11", "feed"), None),
])  # fmt: skip
def test_what_may_have_changed_something_is_a_row_over_every_protocol(tmp_path, message, row):
    written(tmp_path, message)
    assert [one["id"] for one in table(tmp_path)] == ([row] if row else [])
    assert all(one["undo"] for one in table(tmp_path))


def test_another_table_is_refused(tmp_path):
    written(tmp_path, card())
    (tmp_path / "cleanup.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(InputError, match="scenario,system"):
        cleanup.write(tmp_path, read_forms())


class Answering:
    role = "feed"

    def open_core(self, link, *, client):
        return None

    def on_event(self, event, now):
        return [act.Send(conn=event.conn, event=Message(payload=b"AA"))]


def admission(person):
    row = {
        "patient_id": person.patient_id,
        "name": person.name,
        "sex": person.sex,
        "birth": person.birth,
        "id_card": person.id_card,
        "ward": "",
        "bed": "",
    }
    return messages.admission("ADT^A01", row, control_id="1", time="20260101000000")


@pytest.mark.parametrize(("person", "protocol", "answered"), [
    (WHO, "mllp", True), (STRANGER, "mllp", False), (STRANGER, "", True),
])  # fmt: skip
def test_a_stranger_is_not_answered_and_raises_an_alarm(person, protocol, answered):
    alarms = []
    guard = IdentityGuard([WHO])
    door = Doorman(Answering(), guard, lambda _link: protocol, alarms.append)
    event = act.Received(conn="c", link="his", event=Message(payload=admission(person)))

    (done,) = door.on_event(event, 0.0)

    assert isinstance(done, act.Send) is answered
    assert bool(alarms) is not answered
    assert STRANGER.name not in "".join(alarms)


def test_a_captured_number_is_let_through_for_our_people_only():
    guard = IdentityGuard([WHO])
    renumbered = WHO.__class__(
        patient_id="70001", name=WHO.name, sex=WHO.sex, birth=WHO.birth, id_card=WHO.id_card
    )
    with pytest.raises(PermitError):
        guard.check("hl7", admission(renumbered))
    guard.confirm(renumbered)
    guard.check("hl7", admission(renumbered))
    with pytest.raises(PermitError):
        guard.confirm(STRANGER)


PRODUCTION = """
format = 1
name = "生产"
environment = "{environment}"
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
"""


@pytest.mark.parametrize(("environment", "tag", "requirement", "verdict"), [
    ("production", "@扰动", "REQ-FEED-006", "blocked"),
    ("test", "@扰动", "REQ-FEED-006", "pass"),
    # Somebody forgot the tag: the requirement tells it all the same.
    ("production", "", "REQ-FEED-021", "blocked"),
    ("test", "", "REQ-FEED-021", "pass"),
    # What disturbs nobody runs in production.
    ("production", "", "REQ-FEED-006", "pass"),
])  # fmt: skip
def test_what_disturbs_is_off_in_production(tmp_path, environment, tag, requirement, verdict):
    site = tmp_path / "site.toml"
    site.write_text(PRODUCTION.format(environment=environment), encoding="utf-8")
    load_profile(str(site))
    done = []

    def act(world):
        done.append(True)
        world.trace.add("command", role="HIS", name="x", args={}, outcome="ok", value=None)

    sentences = Sentences().when("报警", act).then("成立", lambda _: command_expected("x"))
    session = RunSession(SessionOptions(profile=str(site), seed=1, folder=tmp_path / "run"))
    conclusion, _ = play(
        tmp_path,
        "    当 报警\n    那么 10秒内成立\n",
        sentences,
        session=_changed(session, tag, requirement),
    )
    assert conclusion.verdict == verdict
    assert bool(done) is (verdict == "pass")


def _changed(session, tag, requirement):
    """The same session, for which every scenario carries the tag and is about the requirement."""
    run = session.run

    class Changed:
        options = session.options

        def run(self, bound):
            tags = (*bound.scenario.tags, *([tag] if tag else []))
            scenario = replace(bound.scenario, tags=tags, requirement=requirement)
            return run(replace(bound, scenario=scenario))

    return Changed()
