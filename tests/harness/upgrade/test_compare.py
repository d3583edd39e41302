"""What is the same, what differs, and what may not be said to be the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from harness import cli, input_files
from harness.errors import InputError, InputErrors
from harness.evidence.line import pack
from harness.evidence.verdict import Verdict
from harness.report import evidence_zip
from harness.report.model import ScenarioRun
from harness.signoff import results
from harness.upgrade import approvals
from harness.upgrade.differences import Difference, compare
from harness.upgrade.names import Names
from harness.upgrade.observe import Observation, Seen
from harness.upgrade.placeholders import Volatile

ORU = (
    "MSH|^~\\&|LIS||HIS||20260105080000||ORU^R01|M1|P|2.4\rPID|1||P1||张三\r"
    "OBX|1|NM|K||4.1|mmol/L\rOBX|2|NM|NA||140|mmol/L\r"
)
ACK = "MSH|^~\\&|HIS||LIS||20260105080001||ACK^R01|A1|P|2.4\rMSA|AA|M1\r"


def seen(*messages: tuple[str, str, str], verdict: Verdict = Verdict.PASS) -> Seen:
    run = ScenarioRun(
        id="s1", name="", feature="", file="", line=1, tags=(), requirement="R", interface="LIS-ORU",
        owner="", seed=1, verdict=verdict, seconds=0.0, reasons=(), findings=(), faults=(), trace="",
    )  # fmt: skip
    observations = [
        Observation("message", "LIS-ORU", "lis-his", sender, name, float(at),
                    {"protocol": "hl7", "raw": pack(text.encode("gb18030"))})
        for at, (sender, name, text) in enumerate(messages)
    ]  # fmt: skip
    return Seen(run=run, observations=observations)


TURN = (("LIS", "ORU^R01", ORU), ("HIS", "ACK^R01", ACK))


def found(after: Seen, before: Seen | None = None, volatile: Volatile | None = None):
    differences = compare(before or seen(*TURN), after, volatile or Volatile())
    return [(one.cls, one.name, one.path, one.old, one.new) for one in differences]


def changed(old: str, new: str) -> Seen:
    assert old in ORU + ACK
    return seen(*((who, name, text.replace(old, new)) for who, name, text in TURN))


def test_new_times_and_ids_are_no_difference() -> None:
    after = [
        (who, name, text.replace("2026010508", "2026020309").replace("M1", "M77"))
        for who, name, text in TURN
    ]

    assert found(seen(*after)) == []


def test_an_answer_to_another_message_is_one() -> None:
    assert found(changed("MSA|AA|M1", "MSA|AA|M2")) == [
        ("value", "ACK^R01", "MSA-2", "<serial 1>", "<serial 3>")
    ]


@pytest.mark.parametrize(
    ("old", "new", "cls", "path"),
    [
        ("|4.1|", "|4.2|", "value", "OBX-5"),
        ("|4.1|", "|<4.1|", "type", "OBX-5"),
        ("mmol/L\rOBX|2", "\rOBX|2", "missing", "OBX-6"),
        ("|张三", "|張三", "value", "PID-5"),
        ("MSA|AA", "MSA|AE", "value", "MSA-1"),
        ("20260105080000", "", "missing", "MSH-7"),
        ("20260105080000", "now", "type", "MSH-7"),
    ],
)
def test_what_differs_is_told_with_its_place(old: str, new: str, cls: str, path: str) -> None:
    differences = found(changed(old, new))

    assert differences[0][0] == cls
    assert differences[0][2] == path
    assert len(differences) == 1


def test_the_same_text_in_another_character_set_differs() -> None:
    before, after = seen(*TURN), seen(*TURN)
    after.observations[0].record["raw"] = pack(ORU.encode("utf-8"))

    assert [(one[0], one[2]) for one in found(after, before)] == [("value", "@charset")]


def test_missing_added_count_and_order() -> None:
    assert found(seen(TURN[0]))[0][:2] == ("missing", "ACK^R01")
    assert found(seen(*TURN, ("LIS", "MDM^T02", ORU)))[0][:2] == ("added", "MDM^T02")
    assert found(seen(*TURN, TURN[0]))[0] == ("count", "ORU^R01", "", "1", "2")
    assert ("order", "ORU^R01", "", "ORU^R01", "ACK^R01") in found(seen(*reversed(TURN)))


def test_a_verdict_that_changed_comes_first() -> None:
    after = changed("|4.1|", "|4.2|")
    failed = seen(verdict=Verdict.FAIL)
    after = Seen(run=failed.run, observations=after.observations)

    assert [one[0] for one in found(after)] == ["verdict", "value"]


def test_what_equal_runs_differ_in_is_learned_and_still_has_its_kind() -> None:
    before, again = seen(*TURN), changed("|4.1|", "|4.3|")
    volatile = Volatile()
    volatile.learn(("message", "ORU^R01", "OBX-5"), ("4.1", "4.3"))

    assert found(again, before, volatile) == []
    assert found(changed("|4.1|", "|high|"), before, volatile)[0][0] == "type"
    assert found(changed("|4.1|", "||"), before, volatile)[0][0] == "missing"


def test_equal_values_keep_their_number() -> None:
    names = Names()

    assert names.differ("M1", "M7", strict=True) is None
    assert names.differ("M2", "M8", strict=True) is None
    assert names.differ("M1", "M7", strict=True) is None
    assert names.differ("M1", "M8", strict=True) == ("<serial 1>", "<serial 2>")


# -- approvals


def difference(path: str = "OBX-6", name: str = "ORU^R01") -> Difference:
    return Difference(cls="value", interface="LIS-ORU", name=name, path=path, place=path,
                      old="a", new="b", scenario="s", position=0)  # fmt: skip


def approval(folder: Path, signature: str, expires: str = "2026-12-31", extra: str = "") -> Path:
    keys = "\n".join(f'{key} = "x"' for key in approvals.KEYS if key != "signature")
    path = folder / "one.toml"
    path.write_text(
        f'[[approval]]\nsignature = "{signature}"\n{keys}\nexpires = {expires}\n{extra}', "utf-8"
    )
    return path


def test_an_approval_covers_its_signature_until_it_expires(tmp_path: Path) -> None:
    one = difference()
    given = approvals.read(approval(tmp_path, one.signature))
    by = {one.signature: one}

    held = approvals.apply(given, by, date(2026, 12, 31))
    assert set(held.approved) == {one.signature}
    assert held.problems == []
    assert approvals.apply(given, by, date(2027, 1, 1)).approved == {}
    assert "2026-12-31" in approvals.apply(given, by, date(2027, 1, 1)).problems[0]
    assert one.signature in approvals.apply(given, {}, date(2026, 12, 1)).problems[0]


@pytest.mark.parametrize(
    "path", ["PID-3", "PID-5.1", "P.6", "O.3", "row.patient_id", "row.fund_pay_sumamt", "FT1-11"]
)
def test_money_and_identity_are_never_approved(tmp_path: Path, path: str) -> None:
    one = difference(path)
    given = approvals.read(approval(tmp_path, one.signature))

    held = approvals.apply(given, {one.signature: one}, date(2026, 12, 1))

    assert held.approved == {}
    assert path in held.problems[0]


def test_other_places_may_be_approved() -> None:
    for path in ("OBX-6", "OBX-3.1", "row.unit", "PID-13", "H.13"):
        assert not approvals.untouchable(difference(path))


def test_everything_wrong_with_approvals_is_told_at_once(tmp_path: Path) -> None:
    path = approval(tmp_path, "x", '"soon"', "colour = 1\n")
    path.write_text(path.read_text("utf-8") + "[[approval]]\nreason = ''\n", "utf-8")

    with pytest.raises(InputErrors) as caught:
        approvals.read(tmp_path)

    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("text", ["x = 1", "approval = 1", "[[approval]", "[[other]]"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.toml").write_text(text, "utf-8")

    with pytest.raises(InputError):
        approvals.read(tmp_path / "a.toml")


# -- whole runs

Play = Callable[..., Path]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    done: dict[tuple[str, ...], Path] = {}

    def run(*words: str) -> Path:
        if words not in done:
            folder = tmp_path_factory.mktemp("run")
            argv = ["run", "--profile", "memory", "--out", str(folder), "--lang", "en", *words]
            cli.main([*argv, "scenarios/feeds/results.feature", "scenarios/feeds/orders.feature"])
            done[words] = folder
        return done[words]

    return run


@pytest.mark.slow
def test_two_equal_runs_differ_in_nothing(play: Play, tmp_path: Path) -> None:
    before, after = play(), play("--label", "after")

    assert cli.main(["compare", str(before), str(after), "--out", str(tmp_path)]) == 0
    data = input_files.json_of(tmp_path / "compare.json")
    assert input_files.shaped(results.Comparison, data, "-").compared.scenarios, "as sign reads it"
    assert data["groups"] == []
    assert min(data["compared"]["observations"]) > 100
    assert "<script" not in (tmp_path / "compare.html").read_text("utf-8")


@pytest.mark.slow
def test_a_regression_is_found_at_its_place_and_can_be_approved(play: Play, tmp_path: Path) -> None:
    words = ["compare", str(play()), str(play("--defect", "lis-sends-no-unit")), "--out"]

    assert cli.main([*words, str(tmp_path / "one")]) == 1
    data = json.loads((tmp_path / "one" / "compare.json").read_text("utf-8"))
    groups = data["signatures"]
    assert len(data["groups"]) == 1
    missing = [one for one in groups if one["class"] == "missing"]
    assert (missing[0]["interface"], missing[0]["path"]) == ("LIS-ORU", "OBX-6")
    assert missing[0]["severity"] == 3
    rules = tmp_path / "severity.toml"
    rules.write_text('format = 1\n[[rule]]\ninterface = "LIS-*"\ngrade = 1\n', "utf-8")
    assert cli.main([*words, str(tmp_path / "graded"), "--severity", str(rules)]) == 1
    graded = json.loads((tmp_path / "graded" / "compare.json").read_text("utf-8"))["signatures"]
    assert next(one for one in graded if one["class"] == "missing")["severity"] == 1

    keys = "\n".join(f'{key} = "x"' for key in approvals.KEYS if key != "signature")
    text = "".join(
        f'[[approval]]\nsignature = "{one["signature"]}"\n{keys}\nexpires = 2999-01-01\n'
        for one in groups
    )
    (tmp_path / "approved.toml").write_text(text, "utf-8")
    options = [str(tmp_path / "two"), "--approved", str(tmp_path / "approved.toml")]
    assert cli.main([*words, *options]) == 0


SHIPPED = (("lis-sends-no-unit", "LIS-ORU", "OBX-6"),)
"""Regressions, and where each is first seen."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_other_seeds_are_no_difference(play: Play, tmp_path: Path, seed: int) -> None:
    words = [str(play("--seed", "1")), str(play("--seed", str(seed)))]

    assert cli.main(["compare", *words, "--out", str(tmp_path)]) == 0
    data = json.loads((tmp_path / "compare.json").read_text("utf-8"))
    assert data["groups"] == data["signatures"] == []
    assert min(data["compared"]["observations"]) > 100


@pytest.mark.slow
@pytest.mark.parametrize(("defect", "interface", "path"), SHIPPED)
def test_a_regression_is_found_under_another_seed(
    play: Play, tmp_path: Path, defect: str, interface: str, path: str
) -> None:
    words = [str(play("--seed", "1")), str(play("--seed", "2", "--defect", defect))]

    assert cli.main(["compare", *words, "--out", str(tmp_path)]) == 1
    data = input_files.json_of(tmp_path / "compare.json")
    assert input_files.shaped(results.Comparison, data, "-").groups, "as sign reads it"
    first = data["groups"][0]
    assert first["interface"] == interface
    assert first["path"].startswith(path)
    assert len(data["groups"]) <= 3


@pytest.mark.slow
def test_different_coverage_is_inconclusive(play: Play, tmp_path: Path) -> None:
    folder = tmp_path / "less"
    shutil.copytree(play(), folder)
    run = json.loads((folder / "run.json").read_text("utf-8"))
    run["scenarios"].pop()
    (folder / "run.json").write_text(json.dumps(run), "utf-8")
    evidence_zip.pack(folder)

    assert cli.main(["compare", str(play()), str(folder), "--out", str(tmp_path / "o")]) == 3


@pytest.mark.slow
def test_runs_that_cannot_be_trusted_are_refused(play: Play, tmp_path: Path) -> None:
    def broken(name: str, change: Callable[[Path], object]) -> int:
        folder = tmp_path / name
        shutil.copytree(play(), folder)
        change(folder)
        return cli.main(["compare", str(play()), str(folder), "--out", str(tmp_path / "o")])

    def edit(folder: Path) -> None:
        path = min((folder / "traces").glob("*.jsonl"))
        path.write_bytes(path.read_bytes().replace(b'"LIS"', b'"LIX"', 1))

    def version(folder: Path) -> None:
        run = json.loads((folder / "run.json").read_text("utf-8"))
        run["harness_version"] = "0.0.1"
        (folder / "run.json").write_text(json.dumps(run), "utf-8")
        evidence_zip.pack(folder)

    def verdict(folder: Path) -> None:
        text = (folder / "run.json").read_text("utf-8")
        (folder / "run.json").write_text(text.replace('"verdict": "pass"', '"verdict": "fail"', 1))

    def forged(folder: Path) -> None:
        verdict(folder)
        evidence_zip.pack(folder)

    def unproven(folder: Path) -> None:
        verdict(folder)
        (folder / "evidence.zip").unlink()

    assert broken("edited", edit) == 2
    assert broken("version", version) == 2
    assert broken("verdict", verdict) == 2
    assert broken("unproven", unproven) == 2
    assert broken("forged", forged) == 2
    assert broken("killed", lambda folder: (folder / "run.json").unlink()) == 2
    assert cli.main(["compare", str(tmp_path), str(play()), "--out", str(tmp_path / "o")]) == 2
