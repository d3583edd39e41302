"""``report.html``: whole, self-contained, bounded, safe."""

import json
import re
from dataclasses import replace

import pytest
import sample
from lxml import etree
from lxml import html as parser

from harness import i18n
from harness.report import html as module
from harness.report.details import FieldRow
from harness.report.html import render, reproduce
from harness.report.model import FindingEntry
from harness.report.run import build, load, write


@pytest.fixture
def run(folder):
    return write(folder)


def page(run, folder, **options):
    return render(run, folder, **({"lang": "en"} | options))


def tree(text):
    return parser.document_fromstring(text)


def texts(element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def test_the_conclusion_stands_first_with_its_rule(run, folder):
    banner = tree(page(run, folder)).find(".//header")

    assert "No valid result" in texts(banner)
    assert "The test harness itself failed" in texts(banner)
    assert "2 failed" in texts(banner)
    assert "a run takes the gravest verdict" in texts(banner)


def test_systems_profile_and_seed_are_told(run, folder):
    shown = texts(tree(page(run, folder)))

    for part in ("SYN-800", "01.02", "20260302", "3f3f3f3f3f3f3f3f", "2026-03-02 09:30:00 +08:00"):
        assert part in shown


def test_not_tested_says_why(run, folder):
    section = texts(tree(page(run, folder)).get_element_by_id("not-tested"))

    for part in (
        "REQ-LAB-004",
        "REQ-LAB-008",
        "PACS-DIC",
        "连接 10.0.0.9:6661 被拒绝",
        "never fired",
    ):
        assert part in section


def test_a_failure_shows_all_mismatches_the_ladder_and_how_to_reproduce(run, folder):
    document = tree(page(run, folder))
    article = document.get_element_by_id("s3")
    shown = texts(article)

    for part in (
        "OBX[1]-5",
        "OBX[1]-6",
        "OBX[1]-8",
        "56.2",
        "mg/dL",
        "HL7 2.5.1 §7.4.2.6",
        "lab-21",
    ):
        assert part in shown
    assert article.findall(".//svg") or article.xpath(".//*[local-name()='svg']")
    assert "medharness run scenarios/lab/results.feature:50 --seed 20260302 --profile demo" in shown


def test_every_arrow_leads_to_details_that_are_there(run, folder):
    document = tree(page(run, folder))
    ids = document.xpath("//@id")
    targets = [href[1:] for href in document.xpath("//@href") if href.startswith("#")]

    assert len(ids) == len(set(ids))
    assert targets
    assert set(targets) <= set(ids)


def test_details_hold_fields_and_hex_without_javascript(run, folder):
    detail = texts(tree(page(run, folder)).get_element_by_id("s3-11"))

    assert "OBX[1]-5 value 56.2" in detail
    assert "000000 4d 53 48 7c" in detail


def test_passes_are_folded_and_survived_faults_shown(run, folder):
    section = tree(page(run, folder)).get_element_by_id("passed")

    assert section.find(".//details").get("open") is None
    assert "结果按原值到达 HIS" in texts(section)
    assert section.xpath(".//article[@id='s2']")
    assert not section.xpath(".//article[@id='s1']")


def test_nothing_is_asked_for_over_the_network(run, folder):
    text = page(run, folder)
    document = tree(text)

    assert not re.findall(r"(?:https?:)?//[\w.]+\.\w+", text)
    assert "@import" not in text
    assert "url(" not in text
    assert document.xpath("//script/@src | //link | //img | //iframe") == []
    for href in document.xpath("//a/@href"):
        assert href.startswith(("#", "traces/"))


def test_only_our_own_script_may_run(run, folder):
    document = tree(page(run, folder))
    policy = document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]

    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]


def hostile_folder(tmp_path):
    """A run in which every text is an attack."""
    text = sample.HOSTILE

    def write_one(one):
        one.open((text, "given", text), (text, "then", text))
        one.step(0)
        one.message(
            "his-oru", text, text, "HIS", "hl7", text, text, text.encode("utf-8"), barcode=text
        )
        one.trace.add(
            "violation", code=text, message=text, clause=text, frm="HIS", to="LIS", raw=""
        )
        one.fault("planned", text, text, text)
        one.fired(text, text, text, text, "HIS", text.encode("utf-8"), b"")
        one.trace.add(
            "probe",
            probe=text,
            role=text,
            place=text,
            outcome="ok",
            rows=[{text: text}],
            args={text: text},
            error=text,
        )
        one.link("opened", text, text, text, "HIS", text)
        one.trace.add("note", verdict="error", text=text)
        one.trace.seal("error")

    folder = tmp_path / "hostile"
    plan = sample.plan(["value-changed"])
    for name in ("name", "requirement", "interface", "owner", "feature", "file"):
        plan["scenarios"][0][name] = text
    for one in plan["systems"]:
        one.update(product=text, version=text, role=text)
    plan["label"] = plan["profile"]["name"] = plan["command"][0] = text
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    write_one(sample.Writer(folder=folder, plan=plan["scenarios"][0]))
    return folder


def test_what_peers_say_stays_text(tmp_path):
    folder = hostile_folder(tmp_path)
    run = write(folder)
    text = page(run, folder)
    document = tree(text)

    assert len(document.xpath("//script")) == 1
    assert document.xpath("//img") == []
    assert document.xpath("//@onerror") == []
    assert "\u202e" not in text
    assert "\x07" not in text
    assert text.count("alert(1)") > 20  # it is shown, everywhere


def test_chinese_is_the_language_of_a_run_that_asked_for_it(run, folder):
    before = i18n.current()

    text = render(run, folder)

    assert '<html lang="zh-CN">' in text
    assert i18n.current() == before


def test_an_unknown_language_of_a_run_falls_back_to_the_current_one(run, folder):
    assert '<html lang="en">' in render(replace(run, lang="xx"), folder)


def test_real_systems_hide_persons(tmp_path):
    systems = [{"role": "HIS", "mode": "real", "product": "HIS", "version": "8"}]
    folder = sample.write_folder(tmp_path, systems=systems)
    text = page(write(folder), folder)

    assert sample.NAME not in text
    assert sample.ID_CARD not in text
    assert "treat evidence.zip as patient data" in text


def test_masking_can_be_asked_for_and_refused(run, folder):
    assert sample.NAME in page(run, folder)
    assert sample.NAME not in page(run, folder, masked=True)


def test_a_person_of_one_scenario_is_hidden_in_all_others(run, folder):
    text = page(run, folder, masked=True)

    assert "患者“****”有一份血糖申请" in texts(
        tree(text).get_element_by_id("s8")
    )  # no message there


def test_a_damaged_record_does_not_take_a_masked_report(folder):
    path = folder / "traces" / "value-changed.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"raw":"TVNI', '"raw":"中'.encode()))
    run = write(folder, masked=True)

    assert sample.NAME not in page(run, folder, masked=True)


def test_the_page_names_the_hash_of_its_run(run, folder):
    import hashlib

    digest = hashlib.sha256((folder / "run.json").read_bytes()).hexdigest()

    assert digest in page(run, folder)


def test_defects_are_part_of_the_line_that_reproduces(run):
    line = reproduce(replace(run, defects=("lis-07",)), run.scenarios[0])
    spaced = replace(run.scenarios[0], file="my scenarios/a.feature")
    bare = replace(run, profile=replace(run.profile, name=""))

    assert line.endswith("--profile demo --defect lis-07")
    assert '"my scenarios/a.feature:10"' in reproduce(run, spaced)
    assert "--profile" not in reproduce(bare, spaced)


def edited(folder, before, after):
    """The trace of a scenario with bytes that its run did not write, and its judged run."""
    path = folder / "traces" / "value-changed.jsonl"
    path.write_bytes(path.read_bytes().replace(before, after))
    run = build(folder)
    (folder / "run.json").write_text(run.text(), encoding="utf-8")
    return run


def test_of_an_edited_trace_the_page_shows_what_stands_before_the_damage(folder):
    run = edited(folder, b'"raw":"TVNI', '"raw":"中'.encode())

    shown = texts(tree(page(run, folder)).get_element_by_id("s3"))

    assert "the hash in the seal does not hold: the file was edited" in shown
    assert "astm result 2603020017" in shown
    assert "ORU^R01 2603020017" not in shown


def test_a_record_that_fits_none_is_told_where_it_stands(folder):
    run = edited(folder, b'"frm":"LIS"', b'"frm":["LIS"]')

    assert "is not record" in texts(tree(page(run, folder)).get_element_by_id("s3"))


def test_a_trace_that_cannot_be_drawn_does_not_take_the_report(run, folder, monkeypatch):
    def fail(*_given, **_named):
        raise LookupError("what nobody thought of")

    monkeypatch.setattr(module, "details", fail)

    text = page(run, folder)

    assert "the trace cannot be shown" in text
    assert "medharness run scenarios/lab/results.feature:50" in text


def test_a_trace_that_went_missing_after_the_run_is_told(run, folder):
    (folder / "traces" / "value-changed.jsonl").unlink()

    assert "No such file" in texts(tree(page(run, folder)).get_element_by_id("s3"))


def test_a_trace_outside_the_folder_is_not_read(run, folder):
    away = replace(run.scenarios[2], trace="../../secret.jsonl")

    text = page(replace(run, scenarios=(away,)), folder)

    assert "the trace stands outside the run folder" in text


def test_a_run_in_which_nothing_happened_is_a_page_too(tmp_path):
    folder = sample.write_folder(
        tmp_path, [], systems=[], requirements=[], interfaces=[], command=[], label=""
    )
    shown = texts(tree(page(write(folder), folder)))

    for part in (
        "no system was named",
        "Nothing failed.",
        "Nothing passed.",
        "Everything that is known",
    ):
        assert part in shown


def test_more_mismatches_than_shown_are_counted(run, folder, monkeypatch):
    monkeypatch.setattr(module, "FINDINGS_MAX", 1)

    assert "… 3 more: see run.json" in page(run, folder)


def test_long_values_are_cut(run, folder):
    long = FindingEntry(interface="x", place="x", expected="e" * 900, actual="", message="differs")
    run = replace(run, scenarios=(replace(run.scenarios[2], findings=(long,)),))

    assert "e" * 500 + "… (+400)" in page(run, folder)


@pytest.mark.parametrize(
    ("room", "drawn", "detailed"),
    [(10**7, True, True), (20_000, True, False), (10_000, True, False), (0, False, False)],
)
def test_details_give_way_where_there_is_no_room(run, folder, monkeypatch, room, drawn, detailed):
    monkeypatch.setattr(module, "SCENARIO_BYTES_MAX", room)

    article = tree(page(run, folder)).get_element_by_id("s3")

    assert bool(article.xpath(".//*[local-name()='svg']")) is drawn
    assert bool(article.xpath(".//*[@id='s3-7']")) is detailed
    assert "OBX[1]-8" in texts(article)
    assert ("no room for all details" in texts(article)) is not detailed


def test_where_no_room_is_left_fuller_levels_are_not_even_tried(run, folder, monkeypatch):
    tried, drawn = [], module._scenario

    def counted(*given, level, trouble):
        tried.append(level)
        return drawn(*given, level=level, trouble=trouble)

    monkeypatch.setattr(module, "_scenario", counted)
    for left in (1, 0):
        shared = module._Page(run=run, folder=folder, mask=module.Mask(), left=left)
        text = module._section(shared, run.scenarios[0])
        assert (tried, shared.left) == ([*module.Level] if left else [module.Level.TABLE], 0)
        assert text == drawn(
            shared, run.scenarios[0], "s1", module._records(folder, run.scenarios[0])[0],
            level=module.Level.TABLE, trouble="",
        )  # fmt: skip
        tried.clear()


@pytest.mark.parametrize("damage", [None, "", "no record\n", "keep"])
def test_where_no_room_is_left_the_beginning_of_a_trace_tells_the_same(run, folder, damage):
    path = folder / run.scenarios[0].trace
    if damage is None:
        path.unlink()
    elif damage != "keep":
        path.write_text(damage, encoding="utf-8")

    whole = module._records(folder, run.scenarios[0])
    short = module._records(folder, run.scenarios[0], whole=False)
    assert short == (whole[0][:1], whole[1])
    assert bool(short[0]) is (damage == "keep")


def test_texts_of_a_decoded_message_are_escaped_each_for_itself():
    rows = module._field_rows((
        FieldRow(path="OBX[1]-5", name="<b>", value="a\x00\"&'\n\u202eb", bad=True),
        FieldRow(path="<", name="", value=""),
    ))  # fmt: skip

    assert rows == (
        '<tr class="bad"><th>OBX[1]-5</th><td>&lt;b&gt;</td>'
        '<td class="value">a␀&#34;&amp;&#39;\n⟦202E⟧b</td></tr>\n'
        '<tr><th>&lt;</th><td></td><td class="value"></td></tr>'
    )


def test_a_time_that_is_none_stays_as_it_is(run, folder):
    shown = texts(tree(page(replace(run, started="yesterday", seconds=125.4), folder)))

    assert "yesterday" in shown
    assert "2 min 05 s" in shown


def test_more_roles_than_lifelines_are_told(tmp_path):
    def crowded(one):
        one.open(sample.GIVEN, sample.THEN)
        for number in range(12):
            one.message("x", "LIS-ASTM", f"analyzer-{number}", "LIS", "raw", "t", "", b"x")
        one.trace.seal("inconclusive")

    folder = sample.write_folder(tmp_path, [], scenarios=[sample.scenario_plan("swap", 1)])
    (folder / "traces" / "swap.jsonl").unlink()
    crowded(sample.Writer(folder=folder, plan=sample.scenario_plan("swap", 1)))

    assert "events are not drawn: see the trace" in page(write(folder), folder)


@pytest.mark.slow
def test_five_hundred_scenarios_stay_below_five_megabytes(tmp_path):
    folder = tmp_path / "large"
    plan = sample.plan([])
    plan["scenarios"] = [
        sample.scenario_plan("value-changed", number) | {"id": f"s-{number}"}
        for number in range(500)
    ]
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps(plan, ensure_ascii=False), encoding="utf-8")
    for one in plan["scenarios"]:
        sample.failed(sample.Writer(folder=folder, plan=one))

    write(folder)

    text = (folder / "report.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 5_000_000
    assert text.count("<article") == 500
    assert text.count("LIS-ORU hl7 OBX[1]-8") == 500  # no mismatch is lost to the bound
    etree.HTML(text)
    assert load(folder).counts["fail"] == 500
