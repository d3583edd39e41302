"""The second opinion: lines become findings, and a program that fails or hangs ends nothing."""

import json
import os
import shutil
import stat
import sys
from datetime import datetime

import pytest

from harness import i18n, people
from harness.cli import main
from harness.dicomcheck import second
from harness.link.dicom_data import encode
from harness.link.dicom_file import write_file
from simulators.modality.images import Exam, instance
from simulators.modality.model import load_model

SAID = """\
Error - </OverlayOrigin(6000,0050)> - Missing attribute for Type 1 Required - Module=<OverlayPlane>
Error - </RequestAttributesSequence(0040,0275)[1]/ScheduledProcedureStepID(0040,0009)[1]> - bad
Error - </PatientName(0010,0010)[1]> - Value invalid for this VR [PN] = <TEST^A=B> - Character bad
Error - </(0011,1001,"OWNER 1.0")[1]> - Value invalid for this VR [LO] = <secret>
Error - Dicom dataset contains invalid data values for Value Representations
Warning - </Laterality(0020,0060)> - is only permitted to be empty
CTImage
"""

FOUND = [
    ("(6000,0050)", "Missing attribute for Type 1 Required - Module=<OverlayPlane>"),
    ("(0040,0275)[1].(0040,0009)", "bad"),
    ("(0010,0010)", "Value invalid for this VR [PN] - Character bad"),
    ("(0011,1001)", "Value invalid for this VR [LO]"),
    ("-", "Dicom dataset contains invalid data values for Value Representations"),
]


@pytest.fixture(autouse=True)
def english():
    i18n.use("en")


def made(number):
    exam = Exam(person=people.generate(1, 0), study="2.25.1", accession="A1", procedure_id="P1",
                step_id="S1", description="胸部平扫",
                moment=datetime(2026, 1, 5, 8, 0))  # fmt: skip  # noqa: DTZ001 - DICOM writes local times
    return instance(load_model("ct-helical"), exam, number)


@pytest.fixture
def files(tmp_path):
    """A good object and one whose position is missing."""
    good, bad = made(number=1), made(number=2)
    bad.drop("ImagePositionPatient")
    folder = tmp_path / "objects"
    folder.mkdir()
    for name, data in (("bad.dcm", bad), ("good.dcm", good)):
        body = encode(data, explicit=True)
        whole = write_file(body, data.text("SOPClassUID"), data.text("SOPInstanceUID"))
        (folder / name).write_bytes(whole)
    return folder


def program(folder, text):
    """A dciodvfy of ours on the path: what it does is Python."""
    where = folder / "bin"
    where.mkdir()
    path = where / second.PROGRAM
    path.write_text(f"#!{sys.executable}\n{text}", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(where)


def told(capsys):
    lines = capsys.readouterr().out.splitlines()
    return lines, json.loads(lines[-1])


def test_its_lines_are_findings_at_their_places_and_show_no_value():
    found = second.of_text(SAID, "a.dcm")
    assert [(one.path, one.message) for one in found] == FOUND
    assert {(one.rule, one.clause, one.about) for one in found} == {
        ("second-opinion", "dciodvfy", "a.dcm")}  # fmt: skip
    assert len(second.of_text("Error - x\n" * 1000, "")) == second.LINES_MAX


def test_where_it_is_not_installed_that_is_said_and_nothing_else_changes(
    files, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["objects", str(files), "--lang", "en", "--json"]) == 1
    lines, said = told(capsys)
    assert "no second opinion: dciodvfy is not installed (package dicom3tools)" in lines
    assert said["second_opinion"] == {"program": "dciodvfy", "installed": False, "objects": 0,
                                      "without": {}, "findings": []}  # fmt: skip
    assert len(said["findings"]) == 1


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
def test_what_it_says_is_shown_beside_ours_and_decides_nothing(
    files, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("PATH", program(tmp_path, f"print({SAID!r})"))
    good = str(files / "good.dcm")
    assert main(["objects", good, "--lang", "en", "--json"]) == 0
    lines, said = told(capsys)
    shown = said["second_opinion"]
    assert (said["findings"], shown["installed"], shown["objects"]) == ([], True, 1)
    assert [(one["path"], one["message"]) for one in shown["findings"]] == FOUND
    assert {one["about"] for one in shown["findings"]} == {good}
    assert f"{good}: (0040,0275)[1].(0040,0009) bad [dciodvfy]" in lines
    assert main(["objects", str(files), "--lang", "en", "--json"]) == 1
    _, said = told(capsys)
    assert [one["path"] for one in said["findings"]] == ["(0020,0032)"]
    assert said["second_opinion"]["objects"] == 2
    assert main(["objects", good, "--no-second-opinion", "--lang", "en", "--json"]) == 0
    lines, said = told(capsys)
    assert "second_opinion" not in said
    assert not any("second opinion" in one for one in lines)


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("import time; print('Error - x', flush=True); time.sleep(600)", "no answer within 1 s"),
        ("", "it said nothing"),
        ("import sys; sys.exit(70)", "it said nothing"),
        ("print('Error - Dicom dataset read failed')", "it cannot read this object"),
    ],
)
def test_a_program_that_fails_or_hangs_has_no_opinion(
    does, why, files, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("PATH", program(tmp_path, does))
    found = second.installed
    wait_s = 1 if "sleep" in does else 60  # on a busy machine to start it takes a second alone
    monkeypatch.setattr(
        second, "installed", lambda: second.SecondOpinion(found().program, wait_s=wait_s)
    )
    good = str(files / "good.dcm")
    assert main(["objects", good, "--lang", "en", "--json"]) == 0
    lines, said = told(capsys)
    assert said["second_opinion"]["without"] == {good: why}
    assert said["second_opinion"]["findings"] == []
    assert f"{good}: no second opinion: {why}" in lines


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
def test_a_flood_of_words_is_bounded(files, tmp_path, monkeypatch, capsys):
    flood = "for n in range(300_000): print('Error - </X(0010,0010)> - flood')"
    monkeypatch.setenv("PATH", program(tmp_path, flood))
    assert main(["objects", str(files / "good.dcm"), "--lang", "en", "--json"]) == 0
    _, said = told(capsys)
    assert len(said["second_opinion"]["findings"]) == second.LINES_MAX


@pytest.mark.skipif(not shutil.which(second.PROGRAM), reason="dciodvfy is not installed")
def test_the_real_program_sees_what_we_see(files, capsys):
    (files / "-version.dcm").write_bytes((files / "bad.dcm").read_bytes())
    assert main(["objects", str(files), "--lang", "en", "--json"]) == 1
    _, said = told(capsys)
    shown = said["second_opinion"]
    assert (shown["installed"], shown["objects"], shown["without"]) == (True, 3, {})
    ours = {(one["about"], one["path"]) for one in said["findings"] if one["rule"] == "type-1"}
    theirs = {(one["about"], one["path"]) for one in shown["findings"]}
    assert {name.rpartition("/")[2] for name, _ in theirs} == {"bad.dcm", "-version.dcm"}
    assert ours <= theirs
