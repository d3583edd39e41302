"""What opens when a row of the ladder is clicked."""

import sample

from harness.evidence import trace
from harness.evidence.trace import pack
from harness.report.details import ROWS_MAX, details
from harness.report.ladder import Ladder, Row, lay_out
from harness.report.mask import Mask
from harness.report.run import build


def made(folder, ident, mask=None):
    run = build(folder)
    findings = next(one.findings for one in run.scenarios if one.id == ident)
    records = trace.read(folder / "traces" / f"{ident}.jsonl").records
    return details(lay_out(records), records, prefix="s1", mask=mask or Mask(), findings=findings)


def one_of(record: dict, kind: str = "", faults=(), mask=None):
    record = {"n": 1, "t": 0.0, "w": "2026-03-02T09:30:00.000+08:00"} | record
    row = Row(kind=kind or record["kind"], n=1, faults=faults)
    ladder = Ladder(roles=(), rows=(row,))
    return details(ladder, [record], prefix="s9", mask=mask or Mask())[1]


def test_a_message_shows_its_fields_and_bytes(folder):
    (oru,) = [one for one in made(folder, "value-changed").values() if "ORU" in one.title]
    fields = {row.path: row for row in oru.fields}

    assert oru.id.startswith("s1-")
    assert fields["PID-5"].value == sample.NAME
    assert fields["PID-5"].name == "patient name"
    assert fields["OBX[1]-5"].value == "56.2"
    assert oru.dumps[0][1].startswith("000000  4d 53 48 7c")
    assert ("read as", "gb18030") in oru.facts


def test_fields_that_a_finding_names_are_marked(folder):
    shown = made(folder, "value-changed").values()
    bad = {row.path for one in shown for row in one.fields if row.bad}

    assert bad == {"OBX[1]-5", "OBX[1]-6", "OBX[1]-8"}  # and not OBX[2], nor the other interface


def test_what_a_fault_or_finding_touches_is_worth_paper(folder):
    key = [one.title for one in made(folder, "value-changed").values() if one.key]

    assert key == ["ORU^R01 M3", "⚡ lab-21 replace-value", "mllp.junk-before-start"]


def test_a_fault_shows_both_sides(folder):
    (fault,) = [one for one in made(folder, "value-changed").values() if "⚡" in one.title]

    assert [label for label, _ in fault.dumps] == ["before the fault", "after the fault"]
    assert fault.dumps[0][1] != fault.dumps[1][1]


def test_a_dropped_unit_has_no_bytes_after(folder):
    (fault,) = [one for one in made(folder, "sent-twice").values() if "⚡" in one.title]

    assert fault.dumps[1] == ("after the fault", "(no bytes)")


def test_a_fault_without_bytes_shows_none():
    found = one_of({"kind": "fault", "id": "kill", "detail": "pid 77"}, faults=(1,))

    assert found.dumps == ()
    assert ("detail", "pid 77") in found.facts


def test_a_probe_shows_its_rows(folder):
    (probe,) = [one for one in made(folder, "sent-twice").values() if one.table]

    assert probe.header == ("patient_id", "name", "barcode", "item", "value", "unit")
    assert probe.table[0][3:] == ("GLU", "5.62", "mmol/L")
    assert ("asked for", "barcode=2603020017") in probe.facts


def test_rows_of_a_probe_are_bounded():
    rows = [{"v": str(number)} for number in range(ROWS_MAX + 4)]
    found = one_of({"kind": "probe", "probe": "r", "outcome": "ok", "rows": [*rows, "junk"]})

    assert len(found.table) == ROWS_MAX
    assert found.more == "4 more rows: see the trace"


def test_a_violation_shows_the_rule_and_the_bytes(folder):
    (found,) = [one for one in made(folder, "value-changed").values() if "mllp" in one.title]

    assert ("rule", "MLLP R1 §2") in found.facts
    assert found.dumps[0][1].startswith("000000  00 0a")


def test_a_violation_without_bytes_shows_none():
    assert one_of({"kind": "violation", "code": "x", "raw": ""}).dumps == ()


def test_a_payload_that_was_moved_away_is_said_to_be_missing():
    found = one_of({"kind": "message", "protocol": "hl7", "raw": "", "blob": "00", "size": 70_000})

    assert found.more == "the payload is not in the run folder"
    assert ("size", "70000 bytes") in found.facts
    assert found.title == "hl7"


def test_bytes_that_fit_no_encoding_are_said():
    found = one_of(
        {"kind": "message", "protocol": "astm", "encoding": "utf-8", "raw": pack(b"\xff")}
    )

    assert ("read as", "utf-8, with bytes that it does not have") in found.facts


def test_more_fields_than_shown_are_counted():
    raw = pack(b"OBX" + b"|x" * 500)

    assert one_of({"kind": "message", "protocol": "hl7", "raw": raw}).more.startswith("100 more")


def test_a_masked_detail_names_nobody(folder):
    records = trace.read(folder / "traces" / "value-changed.jsonl").records
    shown = made(folder, "value-changed", mask=Mask.of(records))
    text = repr(list(shown.values()))

    assert sample.NAME not in text
    assert sample.ID_CARD not in text
    assert sample.NAME.encode("gb18030").hex(" ") not in text
    (oru,) = [one for one in shown.values() if "ORU" in one.title]
    assert ("read as", "gb18030") in oru.facts
