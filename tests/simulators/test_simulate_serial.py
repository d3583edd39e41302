"""``medharness simulate analyzer`` over a serial line, against the built-in LIS at its other end."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.link.host import Host
from harness.link.serial_line import LineSettings
from harness.link.serial_pty import Cable, Cables
from harness.link.threads import Threads
from simulators import simulate
from simulators.hospital.built_in import BuiltInHospital
from simulators.shell import plain


@pytest.fixture
def cable() -> Iterator[Cable]:
    cables = Cables()
    yield cables.add(LineSettings(baud=115200))
    assert cables.stop() == []


def arguments(link: str) -> argparse.Namespace:
    return argparse.Namespace(
        link=link, model="haematology", seed=1, json=False, host="", expose=False
    )


@pytest.mark.slow
def test_an_analyzer_uploads_over_a_serial_line(
    cable: Cable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = Threads()
    config = {"role": "LIS", "store": str(tmp_path / "lis.sqlite"), "defects": []}
    actor, store = BuiltInHospital().make(config, runtime.clock)
    runtime.add("LIS", Host(actor, runtime.clock, plain, store=store)).attend(
        "analyzer-lis", cable.far
    )
    try:
        code = simulate.analyzer(arguments(f"serial://{cable.near.url}?baud=115200"))
    finally:
        assert runtime.stop() == []
        store.close()

    assert code == 0
    assert cable.passed > 300
    assert capsys.readouterr().out


@pytest.mark.parametrize("link", ["socket://192.0.2.20:4001", "rfc2217://192.0.2.20:4001"])
def test_a_device_server_elsewhere_must_be_meant(link: str) -> None:
    with pytest.raises(InputError, match=r"192\.0\.2\.20"):
        simulate.analyzer(arguments(link))


def test_a_wrong_link_is_refused() -> None:
    with pytest.raises(InputError):
        simulate.analyzer(arguments("serial://COM3?speed=9600"))
