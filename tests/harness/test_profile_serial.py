"""Serial links in a site profile: which ports a line needs, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import i18n
from harness.errors import InputErrors, PermitError
from harness.permit import Permit
from harness.profile import LinkTransport, load_profile
from harness.scenario.serial_lines import serial_lines

HEAD = """format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "{mode}"
[endpoints.a]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
transport = "serial"
"""


def profile_with(folder: Path, lines: str, mode: str = "simulated", tail: str = "") -> Path:
    path = folder / "p.toml"
    path.write_text(HEAD.format(mode=mode) + lines + "\n" + tail, encoding="utf-8")
    return path


def test_the_serial_profile_is_the_built_in_one_but_for_its_line() -> None:
    plain, serial = load_profile("builtin"), load_profile("builtin-serial")

    # Only the laboratory and its HIS: insurance and imaging have no serial lines.
    assert serial.systems == {role: plain.systems[role] for role in ("LIS", "HIS")}
    assert serial.probes.items() <= plain.probes.items()
    assert serial.encodings == plain.encodings
    ends = {
        name for name, one in plain.endpoints.items()
        if {one.frm, one.to} <= {"LIS", "HIS", "analyzer", "feed"}
    }  # fmt: skip
    assert set(serial.endpoints) == ends - {"his-callback"}
    differ = [name for name in serial.endpoints if serial.endpoints[name] != plain.endpoints[name]]
    assert differ == ["analyzer-lis"]
    assert serial.endpoints["analyzer-lis"].transport is LinkTransport.SERIAL


@pytest.mark.parametrize(
    ("lines", "mode", "said"),
    [
        ("", "real", "a serial link needs a url"),
        ('url = "pty://"', "real", "two sides that we run"),
        ('url = "COM3"', "simulated", "each needs a port of its own"),
        ('url = "pty://"\nlisten_url = "COM4"', "simulated", "each needs a port of its own"),
        ('url = "COM3"\nlisten_url = "COM4"', "real", "of which we run both sides"),
        ('url = "COM3"\nvia = "relay"', "real", "no relay stands in a serial line"),
        ('url = "spy://COM3"', "real", "cannot be reached by spy"),
        ('url = "COM3"\nline = { parity = "perhaps" }', "real", "parity"),
        ('url = "COM3"\nline = { ready = "rts" }', "real", "ready"),
    ],
)
def test_what_a_line_needs(tmp_path: Path, lines: str, mode: str, said: str) -> None:
    before = i18n.current()
    i18n.use("en")
    try:
        with pytest.raises(InputErrors) as caught:
            load_profile(profile_with(tmp_path, lines, mode))
    finally:
        i18n.use(before)

    assert said in str(caught.value)


def test_the_ends_of_lines_by_who_plays_what(tmp_path: Path) -> None:
    line = 'line = { baud = 4800, data_bits = 7, parity = "even", stop_bits = 2, ready = "cts" }\n'
    real = load_profile(profile_with(tmp_path, f'url = "COM3"\n{line}', "real"))
    found = serial_lines(real, Permit(real, _now()))
    assert (found.near["a"].url, str(found.near["a"].line)) == ("COM3", "4800 7E2")
    assert found.near["a"].ready == "cts"
    assert not found.far

    both = load_profile(profile_with(tmp_path, 'url = "COM3"\nlisten_url = "COM4"'))
    found = serial_lines(both, Permit(both, _now()))
    assert (found.near["a"].url, found.far["a"].url) == ("COM3", "COM4")
    assert found.stop() == []


def test_a_pair_is_made_and_taken_away(tmp_path: Path) -> None:
    profile = load_profile(profile_with(tmp_path, 'url = "pty://"'))
    found = serial_lines(profile, Permit(profile, _now()))

    assert found.near["a"].url != found.far["a"].url
    assert found.cables is not None
    assert found.stop() == []
    assert found.cables is None


def test_a_forbidden_device_server_is_not_opened(tmp_path: Path) -> None:
    tail = '[policy]\nforbidden_addresses = ["192.0.2.9"]\n'
    for lines in ('url = "socket://192.0.2.9:4001"', 'url = "rfc2217://192.0.2.9:4001"'):
        with pytest.raises(InputErrors, match=r"192\.0\.2\.9"):
            load_profile(profile_with(tmp_path, lines, "real", tail))
    allowed = load_profile(profile_with(tmp_path, 'url = "socket://192.0.2.8:4001"', "real", tail))
    stricter = load_profile(profile_with(tmp_path, 'url = "COM3"', "real", tail))
    permit = Permit(stricter, _now(), resolve=lambda name: ())
    assert serial_lines(allowed, permit).near["a"].place == ("192.0.2.8", 4001)
    endpoint = allowed.endpoints["a"].model_copy(update={"url": "socket://192.0.2.9:1"})
    moved = allowed.model_copy(update={"endpoints": {"a": endpoint}})
    with pytest.raises(PermitError):
        serial_lines(moved, permit)


def _now() -> object:
    import datetime as dt

    return dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
