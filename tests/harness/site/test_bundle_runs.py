"""The real ZIP for Windows, unpacked on a stick and started through its ``medharness.cmd``.

The wheels for win_amd64 cannot run here, so the libraries of this environment, packed as wheels
again, stand in for them; the ZIP is made by what ``make bundle-windows`` calls.
"""

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from batch_file import BatchFile, embeddable

from harness.selfcheck.runs import shipped
from harness.site.bundle import bundle, pinned, recorded

pytestmark = [
    pytest.mark.slow,
    pytest.mark.untraced,
    pytest.mark.skipif(os.name == "nt", reason="there the real one is tried by hand"),
]

ROOT = Path(__file__).resolve().parents[3]
FOREIGN = {"colorama"}
"""In the lock for Windows alone."""


def wheel_of(name, folder):
    """A distribution of this environment as a wheel; its scripts stay away, as in the bundle."""
    known = importlib.metadata.distribution(name)
    title = known.metadata["Name"].replace("-", "_")
    path = folder / f"{title}-{known.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for one in known.files or ():
            real = Path(one.locate())
            if real.is_file() and ".." not in one.parts and "__pycache__" not in one.parts:
                archive.write(real, one.as_posix())


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The ZIP."""
    out = tmp_path_factory.mktemp("own")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        cwd=out, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (own,) = out.glob("medharness-*.whl")
    wheels = tmp_path_factory.mktemp("wheels")
    for name in pinned((ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")):
        if name not in FOREIGN:
            wheel_of(name, wheels)
    return bundle(own, wheels, recorded(wheels), out / "medharness-windows.zip")


@pytest.fixture(scope="module")
def stick(archive, tmp_path_factory):
    """Unpacked where its path has Chinese characters and spaces, with the site's CPython."""
    home = tmp_path_factory.mktemp("stick") / "U 盘 (测试)"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(home)
    base = home / "medharness"
    embeddable(base / "python", tmp_path_factory.mktemp("windows") / "boot.py")
    return base


def started(stick, cwd, *args, **more):
    return BatchFile(stick / "medharness.cmd", list(args), cwd, **more).run()


def told(ran):
    return json.loads(ran.out.rstrip().rsplit("\n", 1)[-1])


@pytest.fixture
def desk(tmp_path):
    """Where the engineer stands."""
    folder = tmp_path / "桌面 一"
    folder.mkdir()
    return folder


def test_help_is_that_of_the_bundle(stick, desk):
    ran = started(stick, desk, "--help")
    assert ran.code == 0
    assert "reconcile" in ran.out
    assert (stick / "python" / "python312._pth").read_bytes() == (
        stick / "medharness._pth"
    ).read_bytes()


def test_a_scenario_runs_from_there(stick, desk):
    one = next(one for one in shipped() if {"@冒烟"} & {*one.scenario.tags}
               and not {"@slow", "@extended"} & {*one.scenario.tags})  # fmt: skip
    (mark,) = (tag for tag in one.scenario.tags if tag.startswith("@id-"))
    ran = started(stick, desk, "run", "--profile", "memory", "--tags", mark, "--json")
    assert ran.code == 0, ran.out
    assert told(ran)["verdict"] == "pass"
    assert told(ran)["counts"]["pass"] >= 1
    assert [one.name for one in desk.iterdir()] == ["runs"]
    trace = next((desk / "runs").rglob("traces/*.jsonl")).read_text(encoding="utf-8")
    assert str(ROOT) not in trace


def test_a_file_of_ones_own_is_linted_from_there(stick, desk):
    (desk / "我的 场景.feature").write_text(
        "# language: zh-CN\n功能: 我的\n\n  @id-x @接口-LIS-HL7 @REQ-LAB-001\n  场景: 一\n    当 无此句\n",
        encoding="utf-8",
    )
    ran = started(stick, desk, "lint", "我的 场景.feature", "--json")
    assert ran.code == 2, ran.out
    assert "无此句" in ran.out
    shipped_lint = started(stick, desk, "lint", "--json")
    assert shipped_lint.code == 0, shipped_lint.out
    assert told(shipped_lint)["problems"] == 0


def test_two_ledgers_are_reconciled_from_there(stick, desk):
    head = "setl_id,mdtrt_id,psn_no,medfee_sumamt,fund_pay_sumamt,acct_pay,psn_cash_pay,setl_time"
    lines = [f"S{n},M{n},P{n},100.00,60.00,10.00,30.00,2026-03-02 10:00:00" for n in range(3)]
    for name, rows in (("医院 账.csv", lines), ("中心 账.csv", lines[:2])):
        (desk / name).write_text("\n".join([head, *rows]) + "\n", encoding="gb18030")
    words = ("reconcile", "--his", "医院 账.csv", "--centre", "中心 账.csv", "--out", "结果 一")
    ran = started(stick, desk, *words)
    assert ran.code == 1, ran.out
    assert "100.00" in (desk / "结果 一" / "verdicts.csv").read_text(encoding="utf-8-sig")


def test_without_python_it_says_what_to_unpack_and_where(archive, desk):
    with zipfile.ZipFile(archive) as opened:
        opened.extract("medharness/medharness.cmd", desk)
    ran = started(desk / "medharness", desk, "--help")
    assert ran.code == 2
    assert ran.programs == []
    assert "embed-amd64.zip" in ran.out
    assert "桌面 一" in ran.out


def fingerprint(folder):
    return {one.relative_to(folder).as_posix(): hashlib.sha256(one.read_bytes()).hexdigest()
            for one in folder.rglob("*") if one.is_file() and one.suffix != ".pyc"}  # fmt: skip


def test_a_stick_that_is_read_only_runs_once_it_was_made_ready(stick, desk, tmp_path):
    pth = stick / "python" / "python312._pth"
    pth.write_text("python312.zip\n.\n", encoding="utf-8")
    before = fingerprint(stick)
    ran = started(stick, desk, "--help", read_only=True)
    assert ran.code == 2
    assert ran.programs == []
    assert "read-only" in ran.out
    assert str(stick) in ran.out
    assert fingerprint(stick) == before

    assert started(stick, desk, "--version").code == 0  # where it can be written
    before = fingerprint(stick)
    ran = started(stick, desk, "lint", "--json", read_only=True)
    assert ran.code == 0, ran.out
    assert fingerprint(stick) == before


def test_the_python_of_the_site_does_not_find_the_program_by_itself(stick, desk):
    """What is found is found by the ``._pth``: the stand-in looks nowhere else."""
    pth = stick / "python" / "python312._pth"
    pth.write_text("python312.zip\n.\n", encoding="utf-8")
    words = [str(stick / "python" / "python.exe"), "-m", "harness", "--help"]
    done = subprocess.run(words, cwd=desk, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert b"No module named harness" in done.stderr
