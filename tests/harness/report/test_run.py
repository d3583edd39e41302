"""The run folder: derived from plan and traces alone."""

import json

import pytest
import sample

from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.report import run as module
from harness.report.run import build, load, write

EXPECTED = {
    "result-arrives": Verdict.PASS,
    "ack-lost-once": Verdict.PASS,
    "value-changed": Verdict.FAIL,
    "sent-twice": Verdict.FAIL,
    "swap": Verdict.INCONCLUSIVE,
    "merge": Verdict.BLOCKED,
    "qc": Verdict.NOT_APPLICABLE,
    "tool": Verdict.ERROR,
    "killed": Verdict.INCONCLUSIVE,
    "never-begun": Verdict.BLOCKED,
}


def by_id(run):
    return {one.id: one for one in run.scenarios}


def lines_of(folder, ident):
    return (folder / "traces" / f"{ident}.jsonl").read_bytes().splitlines(keepends=True)


def put(folder, ident, lines):
    (folder / "traces" / f"{ident}.jsonl").write_bytes(b"".join(lines))


def test_each_scenario_gets_the_verdict_of_its_trace(folder):
    run = build(folder)

    assert {one.id: one.verdict for one in run.scenarios} == EXPECTED
    assert run.verdict is Verdict.ERROR
    assert run.counts == {
        "error": 1,
        "fail": 2,
        "inconclusive": 2,
        "blocked": 2,
        "pass": 2,
        "not-applicable": 1,
    }


def test_findings_faults_and_sentences_stand_in_the_run(folder):
    failed = by_id(build(folder))["value-changed"]

    assert [(one.place, one.expected, one.actual) for one in failed.findings] == [
        ("LIS-ORU sql result.value", "5.62", "56.2"),
        ("LIS-ORU hl7 OBX[1]-5", "5.62", "56.2"),
        ("LIS-ORU hl7 OBX[1]-6", "mmol/L", "mg/dL"),
        ("LIS-ORU hl7 OBX[1]-8", "N", "H"),
    ]
    assert [(one.id, one.planned, one.fired, one.healed) for one in failed.faults] == [
        ("replace-value", 1, 1, 1)
    ]
    assert [one.mark for one in failed.sentences] == ["done", "done", "done", "fail", "fail"]
    assert failed.trace == "traces/value-changed.jsonl"
    assert failed.seed == 7_000_050


def test_sentences_after_the_end_are_not_reached(folder):
    marks = [one.mark for one in by_id(build(folder))["tool"].sentences]

    assert marks == ["done", "not-reached", "not-reached"]


def test_a_killed_scenario_reads_to_its_last_whole_line(folder):
    killed = by_id(build(folder))["killed"]

    assert killed.verdict is Verdict.INCONCLUSIVE
    assert killed.reasons[0] == "cut off"
    assert [one.mark for one in killed.sentences] == ["done", "done", "not-reached"]


def test_a_failure_that_was_seen_before_the_kill_stays_a_failure(folder):
    put(folder, "value-changed", lines_of(folder, "value-changed")[:-1])

    failed = by_id(build(folder))["value-changed"]

    assert failed.verdict is Verdict.FAIL
    assert failed.reasons[0] == "cut off"


def test_a_pass_without_its_seal_is_no_pass(folder):
    put(folder, "result-arrives", lines_of(folder, "result-arrives")[:-1])

    assert by_id(build(folder))["result-arrives"].verdict is Verdict.INCONCLUSIVE


def test_every_cut_of_a_trace_can_be_reported_and_never_passes(folder):
    whole = b"".join(lines_of(folder, "result-arrives"))
    path = folder / "traces" / "result-arrives.jsonl"
    for at in range(0, len(whole) - 1, 211):
        path.write_bytes(whole[:at])

        assert by_id(build(folder))["result-arrives"].verdict is Verdict.INCONCLUSIVE


def test_an_edited_trace_is_not_believed(folder):
    lines = lines_of(folder, "result-arrives")
    put(
        folder,
        "result-arrives",
        [line.replace(b'"value":"4.10"', b'"value":"4.11"') for line in lines],
    )

    edited = by_id(build(folder))["result-arrives"]

    assert edited.verdict is Verdict.INCONCLUSIVE
    assert edited.reasons == ("the hash in the seal does not hold: the file was edited",)


def test_a_seal_that_says_something_else_is_told_and_the_graver_counts(tmp_path):
    def liar(one):
        sample.failed(one)

    folder = sample.write_folder(tmp_path, ["value-changed"])
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["scenarios"][0]
    writer = sample.Writer(folder=folder, plan=plan)
    seal = sample.Trace.seal
    sample.Trace.seal = lambda self, verdict: seal(self, "pass")
    try:
        liar(writer)
    finally:
        sample.Trace.seal = seal

    found = build(folder).scenarios[0]

    assert found.verdict is Verdict.FAIL
    assert found.reasons == ("sealed as pass, judged again as fail",)


def test_a_trace_that_cannot_be_judged_is_an_error_and_the_others_stand(folder, monkeypatch):
    def conclude(records):
        if records[0]["scenario"]["id"] == "swap":
            raise KeyError("corr")
        return real(records)

    real = module.conclude
    monkeypatch.setattr(module, "conclude", conclude)

    run = by_id(build(folder))

    assert run["swap"].verdict is Verdict.ERROR
    assert run["swap"].reasons == ("the trace cannot be judged: KeyError: 'corr'",)
    assert run["result-arrives"].verdict is Verdict.PASS


def test_a_trace_that_the_plan_does_not_know_is_judged_too(folder):
    path = folder / "traces" / "value-changed.jsonl"
    path.rename(folder / "traces" / "stranger.jsonl")

    stranger = by_id(build(folder))["stranger"]

    assert stranger.verdict is Verdict.FAIL
    assert (stranger.name, stranger.requirement) == ("数值、单位、标志逐项一致", "REQ-LAB-002")
    assert (stranger.line, stranger.tags) == (50, ("@lab", "@REQ-LAB-002"))


def test_an_id_that_leaves_the_folder_is_refused(folder):
    for ident in ("../plan", "a/b", "a\\b", "C:x", ".hidden", ""):
        plan = sample.plan([])
        plan["scenarios"] = [{"id": ident}]
        (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")

        with pytest.raises(InputError, match="cannot name a trace"):
            build(folder)


def test_an_empty_run_is_inconclusive(tmp_path):
    run = build(sample.write_folder(tmp_path, []))

    assert run.verdict is Verdict.INCONCLUSIVE
    assert run.seconds == 0.0


def test_seconds_are_those_from_the_start_to_the_last_record(folder):
    assert build(folder).seconds == pytest.approx(20.0, abs=0.5)  # the longest scenario


def test_over_memory_the_virtual_seconds_are_summed(tmp_path):
    profile = {"name": "demo", "hash": "00", "transport": "memory"}
    run = build(sample.write_folder(tmp_path, profile=profile))

    assert run.seconds == pytest.approx(sum(one.seconds for one in run.scenarios))


@pytest.mark.parametrize("started", ["yesterday", "2026-03-02T09:30:00"])
def test_a_start_that_is_no_time_with_a_zone_falls_back_to_the_sum(tmp_path, started):
    run = build(sample.write_folder(tmp_path, started=started))

    assert run.seconds == pytest.approx(sum(one.seconds for one in run.scenarios))


def test_write_makes_every_file(folder):
    run = write(folder)

    assert load(folder) == run
    assert {one.name for one in folder.iterdir()} == {
        "plan.json",
        "run.json",
        "junit.xml",
        "report.html",
        "evidence.zip",
        "traces",
    }


def test_write_twice_gives_the_same_bytes(folder):
    write(folder)
    before = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
    write(folder)

    assert {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()} == before


def test_a_folder_without_its_plan_is_rendered_from_its_run(folder):
    write(folder)
    (folder / "plan.json").unlink()
    (folder / "report.html").unlink()

    write(folder, lang="en")

    assert 'lang="en"' in (folder / "report.html").read_text(encoding="utf-8")


def test_a_folder_without_anything_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        write(tmp_path)


def test_text_that_utf_8_refuses_does_not_stop_the_report(tmp_path):
    folder = sample.write_folder(tmp_path, ["result-arrives", "never-begun"])
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan["label"] = "x\ud800"
    plan["scenarios"][1]["name"] = "n\udfff"
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")

    run = write(folder)

    assert run.label == "x\ud800"
    assert "x⟦D800⟧" in (folder / "report.html").read_text(encoding="utf-8")
