"""As long as a row of cleanup.csv is open, no page of a run states its conclusion without it."""

import csv
import json
from pathlib import Path

import pytest

from harness import cli
from harness.clock import VirtualClock
from harness.evidence.trace import Trace, pack
from harness.i18n import tr
from harness.report import intact
from harness.report import run as report
from harness.signoff.material import read
from harness.signoff.rules import Conclusion, rulings
from harness.site.cards import Card, read_forms

SENTENCE = {"keyword": "那么", "kind": "then", "text": "成立", "line": 3, "table": None, "doc": ""}


def folder_of(place, *, mode="real"):
    """A run folder of one scenario that passed, and sent a result to the LIS."""
    systems = [{"role": "LIS", "mode": mode}]
    plan = {
        "format": 1, "started": "2026-11-22T01:00:00+08:00", "seed": 1, "systems": systems,
        "scenarios": [{"id": "one", "name": "上传", "interface": "LIS-ASTM"}],
    }  # fmt: skip
    folder = place / "run"
    (folder / "traces").mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    trace = Trace(VirtualClock(), folder / "traces" / "one.jsonl")
    head = {"id": "one", "name": "上传", "interface": "LIS-ASTM"}
    trace.add("open", format=1, scenario=head, seed=1, systems=systems, sentences=[SENTENCE])
    trace.add("step", index=0, keyword="那么", text="成立", line=3)
    trace.add("message", frm="analyzer", to="LIS", link="a", interface="LIS-ASTM", type="R",
              protocol="astm", raw=pack(b"R|1"), corr={"barcode": "620"})  # fmt: skip
    trace.add("expectation", id="E1", sentence=0, limit_s=1.0, spec=SPEC)
    trace.add("note", window="E1", rests=[])
    trace.add("judgement", expectation="E1", verdict="pass", cited=[], findings=[], reasons=[])
    trace.seal("pass")
    return folder


SPEC = {
    "mode": "eventually", "select": {"kind": "message", "where": {}, "each": "", "having": {}},
    "wanted": [{"key": {"type": "R"}, "checks": [], "times": 1}], "place": "LIS-ASTM:astm:R",
    "limit_s": 1.0, "exact": False, "settle_s": 0.0, "ask": None, "control": None,
    "control_ask": None, "since": 0, "classes": {}, "clause": "",
}  # fmt: skip


def told(capsys, *words):
    code = cli.main(["report", *words, "--json", "--lang", "en"])
    out = capsys.readouterr().out
    return code, json.loads(out.splitlines()[-1]), out


def fill(folder, name="张工"):
    path = folder / "cleanup.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    for row in rows[1:]:
        row[5] = name
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def ruling(folder):
    material = read(folder, None, None, (), None, None)
    return next((one for one in rulings(material) if "cleanup.csv" in one.because), None)


def test_an_open_row_stands_in_every_conclusion_until_somebody_takes_it_back(tmp_path, capsys):
    folder = folder_of(tmp_path)
    code, data, out = told(capsys, str(folder))

    # What was judged passed, so the exit code stays; the conclusion says its condition.
    assert (code, data["verdict"], data["conditional"], data["cleanup_open"]) == (
        0,
        "pass",
        True,
        1,
    )
    assert "conditional: 1 of 1 entries of cleanup.csv are open" in out
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert (run["conditional"], run["cleanup"]) == (True, {"rows": 1, "open": 1, "problem": ""})
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "conditional</h1>" in page
    assert ruling(folder).says is Conclusion.CONDITIONAL

    fill(folder)
    _, data, out = told(capsys, str(folder))

    assert (data["conditional"], data["cleanup_open"]) == (False, 0)
    assert "conditional" not in out.splitlines()[:-1][-1]
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert (run["conditional"], run["cleanup"]["open"]) == (False, 0)
    assert "conditional</h1>" not in (folder / "report.html").read_text(encoding="utf-8")
    assert ruling(folder).says is Conclusion.GO


def test_a_run_of_our_own_systems_is_never_conditional(tmp_path, capsys):
    folder = folder_of(tmp_path, mode="simulated")
    _, data, _ = told(capsys, str(folder))
    assert "conditional" not in data
    assert not (folder / "cleanup.csv").exists()
    assert ruling(folder) is None


def test_a_row_that_is_taken_out_of_the_table_stays_open_at_the_signing(tmp_path, capsys):
    folder = folder_of(tmp_path)
    told(capsys, str(folder))
    path = folder / "cleanup.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").splitlines()[0] + "\n", encoding="utf-8")
    assert ruling(folder).says is Conclusion.CONDITIONAL


@pytest.mark.parametrize("text", ["a,b\n", ""])
def test_a_table_that_cannot_be_read_is_a_condition_too(tmp_path, capsys, text):
    folder = folder_of(tmp_path)
    told(capsys, str(folder))
    (folder / "cleanup.csv").write_text(text, encoding="utf-8")
    code, data, out = told(capsys, str(folder))
    assert (code, data["conditional"]) == (0, True)
    assert "nobody can tell" in out
    assert ruling(folder).says is Conclusion.CONDITIONAL


def test_filling_the_table_in_is_no_edit_of_the_run_and_another_edit_is(tmp_path):
    folder = folder_of(tmp_path)
    cli.main(["report", str(folder)])
    (folder / "evidence.zip").unlink()
    fill(folder)
    assert intact.damage(folder) == ""
    path = folder / "run.json"
    path.write_bytes(path.read_bytes().replace(b'"seed": 1,', b'"seed": 2,', 1))
    assert intact.damage(folder)


def test_a_card_of_the_site_leaves_a_row_and_a_canary_leaves_none(tmp_path):
    folder = folder_of(tmp_path)
    trace = Trace(VirtualClock(), folder / "traces" / "two.jsonl")
    systems = [{"role": "HIS", "mode": "real"}]
    trace.add("open", format=1, scenario={"id": "two"}, seed=1, systems=systems)
    for name in ("canary 9001", "certify"):
        trace.add("command", role="HIS", name=name, args={"patient_id": "7"}, outcome="ok",
                  value=None, card=1, workstation="收费处", captured={})  # fmt: skip
    trace.seal("pass")
    report.write(folder)
    cli.main(["report", str(folder)])
    with Path(folder / "cleanup.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [(one["what"], one["id"]) for one in csv.DictReader(file) if one["system"] == "HIS"]
    assert rows == [("HIS certify", "patient_id=7")]


OWN_CARDS = """
format = 1
[[card]]
role = "HIS"
command = "certify"
workstation = "住院医生站"
text = "填写诊断证明，保存。"
undo = "在“病历质控”作废该证明"
fields = { patient_id = "患者号" }
interface = "HIS-ADT"
match = { "PID-3[1].1" = "{patient_id}" }
[[card]]
role = "HIS"
command = "admit"
workstation = "住院处"
text = "按本院规程登记入院。"
undo = "由住院处主任撤销入院"
fields = { patient_id = "患者号", name = "姓名" }
interface = "HIS-ADT"
match = { "PID-3[1].1" = "{patient_id}" }
[[card]]
role = "HIS"
command = "discharge"
workstation = "护士站"
text = "办理出院。"
fields = { patient_id = "患者号" }
interface = "HIS-ADT"
match = { "PID-3[1].1" = "{patient_id}" }
"""


def his_rows(folder):
    with (folder / "cleanup.csv").open(encoding="utf-8-sig", newline="") as file:
        return [one for one in csv.DictReader(file) if one["system"] == "HIS"]


def with_cards(folder, *records):
    trace = Trace(VirtualClock(), folder / "traces" / "two.jsonl")
    systems = [{"role": "HIS", "mode": "real"}]
    trace.add("open", format=1, scenario={"id": "two"}, seed=1, systems=systems)
    for record in records:
        trace.add("command", **record)
    trace.seal("pass")
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan["scenarios"].append({"id": "two", "name": "卡", "interface": "HIS-ADT"})
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    cli.main(["report", str(folder)])


def test_the_sheet_has_the_words_of_the_cards_of_the_site(tmp_path):
    """``report`` and the sign-off have no profile, so no file of cards; a shipped card may be
    another one than the site's of the same command."""
    file = tmp_path / "cards.toml"
    file.write_text(OWN_CARDS, encoding="utf-8")
    forms = read_forms(file)
    cards = [
        Card(number=number, form=forms["HIS", command], args={"patient_id": "7", "name": "甲"},
             workstation="病区", minted=frozenset(), typed=frozenset(), since=0, opened="x",
             seen=seen)
        for number, (command, seen) in enumerate(
            [("certify", "record 3"), ("admit", ""), ("discharge", "record 4")], 1)
    ]  # fmt: skip
    folder = folder_of(tmp_path)
    with_cards(folder, *(one.told("y") for one in cards))

    wanted = [
        ("填写诊断证明，保存。", "在“病历质控”作废该证明"),
        (f"按本院规程登记入院。{tr(' (not seen)')}", "由住院处主任撤销入院"),
        # The card of the site does not say how, and what ships knows nothing of this house.
        ("办理出院。", tr("take it back at {place}", place="病区")),
    ]
    assert [(one["what"], one["undo"]) for one in his_rows(folder)] == wanted
    assert {one["id"] for one in his_rows(folder)} == {"patient_id=7"}
    left = read(folder, None, None, (), None, None).left
    assert [(one.what, one.undo) for one in left if one.system == "HIS"] == wanted


def test_a_trace_of_an_older_version_has_the_words_of_the_cards_that_ship(tmp_path):
    record = {"role": "HIS", "name": "admit", "args": {"patient_id": "7"}, "outcome": "ok",
              "value": None, "card": 1, "workstation": "入院登记", "captured": {}}  # fmt: skip
    folder = folder_of(tmp_path)
    with_cards(folder, record)
    form = read_forms()["HIS", "admit"]
    assert [(one["what"], one["undo"]) for one in his_rows(folder)] == [(form.text, form.undo)]


def test_a_number_that_the_system_gave_is_on_the_sheet_though_nobody_entered_it(tmp_path):
    """The card of a bill has no field for its number, and by it the cashier voids the bill."""
    form = read_forms()["HIS", "yb-bill"]
    assert "bill_no" not in form.fields
    card = Card(number=1, form=form, args={"name": "甲", "bill_no": "ours"}, workstation="医保窗口",
                minted=frozenset({"bill_no"}), typed=frozenset(), since=0, opened="x",
                seen="record 3", captured={"bill_no": "88001"})  # fmt: skip
    folder = folder_of(tmp_path)
    with_cards(folder, card.told("y"))
    assert [one["id"] for one in his_rows(folder)] == ["bill_no=88001"]
