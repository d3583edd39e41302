"""``medharness centre probe``: what a profile allows, and a look at a process over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import cli

SITE = """
format = 1
name = "joint test"
environment = "{environment}"
[systems.HIS]
mode = "observed"
[systems.centre]
mode = "{mode}"
[endpoints.his-centre]
interface = "HIS-YB"
from = "HIS"
to = "centre"
protocol = "http"
host = "127.0.0.1"
port = {port}
[limits.centre]
answer_s = 5
[quirks.centre]
{quirks}
[policy]
forbidden_addresses = ["{forbidden}"]
"""
HUNAN = 'province = "hunan"\nfixmedins_code = "H43010019001"'


def site(folder: Path, **said: Any) -> Path:
    known = {"environment": "test", "mode": "real", "port": 9, "quirks": HUNAN}
    path = folder / "site.toml"
    path.write_text(SITE.format(**known | {"forbidden": "10.9.9.9"} | said), encoding="utf-8")
    return path


def run(path: Path, *more: str) -> int:
    return cli.main(["centre", "probe", "--profile", str(path), "--lang", "en", *more])


@pytest.mark.parametrize(
    ("said", "more", "reason"),
    [
        ({"environment": "production"}, (), "refused in production"),
        ({"environment": "production"}, ("--write",), "in a test environment only"),
        ({"forbidden": "127.0.0.0/8"}, (), "is forbidden by"),
        ({"mode": "simulated"}, (), "is simulated"),
        ({"quirks": ""}, (), "which province"),
        ({"quirks": HUNAN + '\nsecret_key_env = "NO_SUCH_KEY_HERE"'}, (), "is not set"),
        ({}, ("--endpoint", "other"), "0 endpoints"),
    ],
)
def test_what_the_profile_does_not_allow(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: dict[str, Any],
    more: tuple[str, ...],
    reason: str,
) -> None:
    assert run(site(tmp_path, **said), *more) == 2
    captured = capsys.readouterr()
    assert reason in captured.err
    assert captured.out == ""


def test_nobody_there_is_an_incomplete_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(site(tmp_path, port=9), "--json") == 3
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["complete"], result["differences"]) == (False, [])


@contextmanager
def centre(*said: str) -> Iterator[int]:
    command = [sys.executable, "-m", "harness", "simulate", "centre", *said]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, encoding="utf-8", env=os.environ | {"PYTHONUTF8": "1"}
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        yield int(url.split(":")[2].partition("/")[0])
    finally:
        process.terminate()
        process.communicate(timeout=20)


ODD = """
format = 1
name = "odd"
title = "odd"
[gateway]
family = "csb"
replay = "accept"
secret_key = "another"
[envelope]
division_code = "430000"
infcode_as = "text"
numbers_as = "text"
[codes.added.med_type]
12 = "a"
21 = "b"
"""


@pytest.mark.slow
def test_a_process_over_http(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with centre("--province", "hunan", "--seed", "3") as port:
        path = site(tmp_path, port=port)
        assert run(path, "--seed", "3", "--write") == 0, capsys.readouterr()
        assert ", 0 differences" in capsys.readouterr().out

    odd = tmp_path / "odd.toml"
    odd.write_text(ODD, encoding="utf-8")
    monkeypatch.setenv("PROBE_TEST_KEY", "another")
    with centre("--province", str(odd), "--seed", "3") as port:
        secret = HUNAN + '\nsecret_key_env = "PROBE_TEST_KEY"'
        report = tmp_path / "report.json"
        options = ("--seed", "3", "--write", "--out", str(report))
        assert run(site(tmp_path, port=port, quirks=secret), *options) == 1
        told = json.loads(report.read_text(encoding="utf-8"))
        assert {one["kind"] for one in told["differences"]} == {"text-code", "number-as-text"}
        assert told["complete"]

        assert run(site(tmp_path, port=port), "--seed", "3") == 1
        assert "turned away by the gateway" in capsys.readouterr().out
