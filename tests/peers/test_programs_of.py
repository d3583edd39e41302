"""A missing peer is skipped by name, or fails where it must be there; what is installed is pinned."""

import json
from pathlib import Path

import pytest
from programs_of import NODE, needs, node_package, python_package


def test_a_missing_peer_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDHARNESS_REQUIRE_PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="peer some-engine is not installed"):
        needs("some-engine", "")


def test_a_missing_peer_fails_where_it_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDHARNESS_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="some-engine is not installed"):
        needs("some-engine", "")
    needs("some-engine", "1.0")


def test_versions_are_those_of_what_is_installed() -> None:
    assert python_package("pytest") == pytest.__version__
    assert python_package("no-such-distribution") == ""
    assert node_package("no-such-package") == ""


def test_the_lock_file_pins_and_names_no_host() -> None:
    text = (NODE / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    wanted = json.loads((Path(NODE) / "package.json").read_text("utf-8"))["dependencies"]

    assert "://" not in text
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert all(entry["integrity"] for path, entry in packages.items() if path)
