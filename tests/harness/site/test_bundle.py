"""The Windows bundle: every run-time package has a wheel there, and only those of the lock go in."""

import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.site.bundle import (
    ABI,
    PLACE,
    START,
    bundle,
    canonical,
    pinned,
    problems,
    recorded,
    wheels,
)

ROOT = Path(__file__).parents[3]
RUN = (ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")
SITE = (ROOT / "requirements" / "site.lock").read_text(encoding="utf-8")
WINDOWS = (ROOT / "requirements" / "windows.lock").read_text(encoding="utf-8")


ELSEWHERE = {"load", "spark"}
"""Extras of machines that stand beside a site: a load run, a province's cluster."""


def test_every_dependency_of_a_site_has_a_wheel_for_windows():
    assert problems(SITE, WINDOWS) == []


def test_what_runs_the_harness_is_at_a_site_as_it_is_here():
    here, site = pinned(RUN), pinned(SITE)
    assert {name: site.get(name, ("", frozenset()))[0] for name in here} == {
        name: version for name, (version, _) in here.items()
    }


def test_a_site_has_every_extra_that_it_cannot_fetch():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(extras) > ELSEWHERE
    wanted = {canonical(re.split(r"[\[<>=!~ ]", one)[0])
              for name, needs in extras.items() if name not in ELSEWHERE for one in needs}  # fmt: skip
    assert wanted - pinned(SITE).keys() == set()


LOCK = "one==1.0 \\\n    --hash=sha256:{0}\ntwo-x==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{0}\n"
DIGEST = "a" * 64


def lines(*names):
    return "".join(f"{DIGEST}  {name}\n" for name in names)


@pytest.mark.parametrize(("windows", "told"), [
    (["one-1.0-py3-none-any.whl"], "two-x: no wheel"),
    (["one-1.0.tar.gz", "two_x-2.0-py3-none-any.whl"], "one: one-1.0.tar.gz is not"),
    (["one-1.1-py3-none-any.whl", "two_x-2.0-py3-none-any.whl"], "is not the wheel of 1.0"),
    (["one-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", "two_x-2.0-py3-none-any.whl"], "not run"),
    (["one-1.0-cp313-cp313-win_amd64.whl", "two_x-2.0-py3-none-any.whl"], "does not run"),
    (["one-1.0-cp312-cp312-win32.whl", "two_x-2.0-py3-none-any.whl"], "does not run"),
    (["one-1.0-py3-none-any.whl", "two_x-2.0-py3-none-any.whl", "old-1-py3-none-any.whl"], "old"),
])  # fmt: skip
def test_what_does_not_run_on_windows_is_told(windows, told):
    (problem,) = problems(LOCK.format(DIGEST), lines(*windows))
    assert told in problem


@pytest.mark.parametrize("name", [
    "one-1.0-py3-none-any.whl", "one-1.0-py2.py3-none-any.whl", f"one-1.0-{ABI}-{ABI}-win_amd64.whl",
    "one-1.0-cp38-abi3-win_amd64.whl",
])  # fmt: skip
def test_what_runs_on_windows_is_taken(name):
    assert problems(LOCK.format(DIGEST), lines(name, "two_x-2.0-py3-none-any.whl")) == []


def test_a_hash_that_the_lock_does_not_know_is_told():
    other = LOCK.format("b" * 64)
    told = problems(other, lines("one-1.0-py3-none-any.whl", "two_x-2.0-py3-none-any.whl"))
    assert len(told) == 2
    assert all("hash" in one for one in told)


def wheel(folder, name, files):
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


@pytest.fixture
def made(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "one-1.0-py3-none-any.whl",
          {"one.py": "WORD = '一'\n", "one-1.0.data/purelib/more.py": "", "one-1.0.data/scripts/x": "",
           "one-1.0.dist-info/METADATA": "Name: one\nVersion: 1.0\n"})  # fmt: skip
    own = wheel(tmp_path, "own-1.0-py3-none-any.whl", {"own.py": "import one\nprint(one.WORD)\n"})
    return folder, own, tmp_path / "dist" / "bundle.zip"


def test_the_zip_runs_from_a_path_with_chinese_characters_and_spaces(made, tmp_path):
    folder, own, out = made
    bundle(own, folder, recorded(folder), out)
    home = tmp_path / "U 盘 测试"
    with zipfile.ZipFile(out) as archive:
        archive.extractall(home)
    base = home / "medharness"

    names = {one.relative_to(base).as_posix() for one in base.rglob("*") if one.is_file()}
    assert {"medharness.cmd", "medharness._pth", PLACE, "SHA256SUMS.txt", "lib/more.py"} <= names
    assert not any("scripts" in name for name in names)
    for line in (base / "SHA256SUMS.txt").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((base / name).read_bytes()).hexdigest() == digest
        names.remove(name)
    assert names == {"SHA256SUMS.txt"}
    code = f"import sys; sys.path.insert(0, {str(base / 'lib')!r}); import own"
    ran = subprocess.run([sys.executable, "-I", "-X", "utf8", "-c", code],
                         capture_output=True, check=True, timeout=60)  # fmt: skip
    assert ran.stdout.decode().strip() == "一"


def test_the_start_file_is_plain_and_quotes_every_path():
    assert START.isascii()
    assert '"%HERE%python\\python.exe" -X utf8 -m harness %*' in START
    assert all('"%HERE%' in line or "%HERE%" not in line for line in START.splitlines()[3:])
    assert max(map(len, START.splitlines())) <= 110  # a console of Windows is 120 wide


def test_the_same_wheels_give_the_same_bytes(made):
    folder, own, out = made
    first = bundle(own, folder, recorded(folder), out).read_bytes()
    assert bundle(own, folder, recorded(folder), out).read_bytes() == first


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_another_wheel_than_that_of_the_lock_does_not_go_in(made, what):
    folder, own, out = made
    lock = recorded(folder)
    ((name, _),) = wheels(lock).values()
    if what == "gone":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes() + b"x")
    with pytest.raises(HarnessError):
        bundle(own, folder, lock, out)
    assert not out.exists()
