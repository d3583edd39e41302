"""``make bundle-windows``: one ZIP that runs on a Windows workstation without installing anything.

It holds the unpacked wheels of ``requirements/site.lock`` for win_amd64, each checked against the
hash there: what runs the harness, and the extras that a site cannot fetch when it needs them
(drivers of databases, encryption, codecs of images, SM2 to SM4). Beside them stand a start file, a
named place for the embeddable CPython of the site, and the SHA-256 of every file. The network is
needed while it is built, never where it runs.

``requirements/windows.lock`` names the wheel of each of these packages and its hash. A package that
has no wheel for win_amd64 has no line there, and ``problems`` says so without any network.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.errors import HarnessError

PYTHON: Final = "3.12"
"""The embeddable CPython that the bundle is made for."""

ABI: Final = f"cp{PYTHON.replace('.', '')}"

PLACE: Final = "python/PUT_EMBEDDABLE_PYTHON_HERE.txt"

EPOCH: Final = (1980, 1, 1, 0, 0, 0)

_PTH: Final = f"python{PYTHON.replace('.', '')}._pth"

START: Final = f"""@echo off
setlocal
set "HERE=%~dp0"
set PYTHONUTF8=1
if not exist "%HERE%python\\python.exe" goto nopython
fc /b "%HERE%medharness._pth" "%HERE%python\\{_PTH}" >nul 2>nul
if not errorlevel 1 goto start
copy /y "%HERE%medharness._pth" "%HERE%python\\{_PTH}" >nul 2>nul
if errorlevel 1 goto nocopy
:start
"%HERE%python\\python.exe" -X utf8 -m harness %*
exit /b %ERRORLEVEL%
:nopython
echo Unpack python-{PYTHON}.x-embed-amd64.zip from python.org into "%HERE%python" first.
exit /b 2
:nocopy
echo "%HERE%medharness._pth" could not be copied to "%HERE%python\\{_PTH}".
echo If the folder or stick is read-only: copy it so by hand where it can be written, once, or copy
echo the whole folder "%HERE%" to a disk that can be written, and start medharness.cmd there.
exit /b 2
"""
"""ASCII, and every path in quotes: it runs from a folder with Chinese characters and spaces.

The embeddable Python comes with a ``._pth`` that does not know ``lib``, so ours takes its place;
where it already stands there, nothing is written and the folder may be read-only. With a ``._pth``
Python may not look at ``PYTHONUTF8``, so ``-X utf8`` says it too; processes that we start read it.
"""

PATHS: Final = f"python{PYTHON.replace('.', '')}.zip\n.\n..\\lib\n"
"""Where the embeddable Python looks; processes that we start look there, too."""

NOTE: Final = f"""Unpack python-{PYTHON}.x-embed-amd64.zip (embeddable package of python.org)
into this folder, so that python.exe stands beside this file. Nothing is installed and no right of
an administrator is needed. Windows 10 or Server 2016 and later.
Start medharness.cmd once before the folder or stick is made read-only.
"""

_PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def canonical(name: str) -> str:
    """A package name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes by package of a pip lock."""
    starts = list(_PINNED.finditer(lock))
    ends = [*[one.start() for one in starts[1:]], len(lock)]
    return {
        canonical(one[1]): (one[2], frozenset(_HASH.findall(lock[one.start() : end])))
        for one, end in zip(starts, ends, strict=True)
    }


def wheels(lock: str) -> dict[str, tuple[str, str]]:
    """File name and hash by package of ``windows.lock``: ``SHA256  FILE`` a line."""
    found = {}
    for line in lock.splitlines():
        if line.strip() and not line.startswith("#"):
            digest, name = line.split()
            found[canonical(name.split("-")[0])] = (name, digest)
    return found


def problems(site_lock: str, windows_lock: str) -> list[str]:
    """Why the bundle would not run on Windows; empty if it would."""
    known, found = wheels(windows_lock), []
    locked = pinned(site_lock)
    for package, (version, hashes) in locked.items():
        if package not in known:
            found.append(f"{package}: no wheel for win_amd64 is recorded")
            continue
        name, digest = known[package]
        parts = name.removesuffix(".whl").split("-")
        if not name.endswith(".whl") or parts[1] != version:
            found.append(f"{package}: {name} is not the wheel of {version}")
        elif not _runs(parts[-3], parts[-1]):
            found.append(f"{package}: {name} does not run on win_amd64 with {ABI}")
        elif digest not in hashes:
            found.append(f"{package}: the hash of {name} is not in the lock")
    found += [f"{package}: no longer in the lock" for package in known if package not in locked]
    return found


def _runs(python: str, platform: str) -> bool:
    tags = python.split(".")
    ours = ABI in tags or any(tag.startswith("py3") for tag in tags)
    abi3 = any(tag.startswith("cp3") and int(tag[3:]) <= int(ABI[3:]) for tag in tags)
    return platform in {"any", "win_amd64"} and (ours or abi3)


def recorded(folder: Path) -> str:
    """``windows.lock`` of a folder of downloaded wheels."""
    lines = [
        f"# Wheels of requirements/site.lock for win_amd64, CPython {PYTHON}: make bundle-windows"
    ]
    lines += [
        f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}"
        for one in sorted(folder.glob("*.whl"), key=lambda one: canonical(one.name))
    ]
    return "\n".join(lines) + "\n"


def download(site_lock: Path, folder: Path) -> None:
    """The wheels of the lock, each checked against its hashes by pip."""
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--platform", "win_amd64", "--python-version", PYTHON, "--implementation", "cp",
        "--only-binary=:all:", "--no-deps", "--require-hashes", "-r", str(site_lock),
        "-d", str(folder),
    ]  # fmt: skip
    if subprocess.run(command, check=False).returncode:
        raise HarnessError("a wheel for win_amd64 could not be downloaded")


def bundle(own: Path, folder: Path, windows_lock: str, out: Path) -> Path:
    """Write the ZIP.

    Args:
        own: wheel of the project.
        folder: downloaded wheels.
        windows_lock: which of them belong in, and their hashes.
        out: the ZIP to write.

    Raises:
        HarnessError: a wheel is missing, or is not the one of the lock.
    """
    files: dict[str, bytes] = {
        "medharness.cmd": START.replace("\n", "\r\n").encode("ascii"),
        "medharness._pth": PATHS.replace("\n", "\r\n").encode("ascii"),
        PLACE: NOTE.replace("\n", "\r\n").encode("ascii"),
    }
    for name, digest in wheels(windows_lock).values():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise HarnessError(f"{name} is missing, or is not the one of the lock")
        files |= dict(_unpacked(path))
    files |= dict(_unpacked(own))
    sums = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    )
    files["SHA256SUMS.txt"] = sums.encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(f"medharness/{name}", date_time=EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out


def _unpacked(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Files of a wheel as they are installed; its scripts are not needed."""
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            head, _, rest = info.filename.partition("/")
            if head.endswith(".data"):
                kind, _, rest = rest.partition("/")
                if kind in {"purelib", "platlib"} and not info.is_dir():
                    yield f"lib/{rest}", archive.read(info)
            elif not info.is_dir():
                yield f"lib/{info.filename}", archive.read(info)


def main(argv: Sequence[str] | None = None) -> int:
    """Build the bundle of the project in the current folder."""
    parser = argparse.ArgumentParser(description="one ZIP for Windows")
    parser.add_argument("--own", required=True, metavar="WHEEL", help="wheel of the project")
    parser.add_argument("--out", default="dist/medharness-windows.zip", metavar="FILE")
    parser.add_argument("--wheels", default="build/windows", metavar="DIR")
    parser.add_argument(
        "--record", action="store_true", help="write requirements/windows.lock anew"
    )
    args = parser.parse_args(argv)
    site_lock, lock = Path("requirements/site.lock"), Path("requirements/windows.lock")
    folder = Path(args.wheels)
    folder.mkdir(parents=True, exist_ok=True)
    download(site_lock, folder)
    if args.record:
        lock.write_text(recorded(folder), encoding="utf-8", newline="\n")
    text = lock.read_text(encoding="utf-8")
    wrong = problems(site_lock.read_text(encoding="utf-8"), text)
    for line in wrong:
        print(line)
    if wrong:
        return 1
    print(bundle(Path(args.own), folder, text, Path(args.out)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
