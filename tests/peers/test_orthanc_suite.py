"""The imaging scenarios that ship, run against Orthanc by the profile that ships.

``fixtures/profiles/orthanc.toml`` with the ports of this test. Where Orthanc does otherwise,
``fixtures/expected/orthanc.toml`` says so and why; anything else it does otherwise fails here.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from dicom_rig import free_port, orthanc, version_of
from expected import Observed, differences, load, of_version

from simulators.modality.model import known_models, load_model

pytestmark = [pytest.mark.peer, pytest.mark.slow]

ROOT: Final = Path(__file__).parents[2]
SCENARIOS: Final = tuple(
    f"scenarios/imaging/{name}.feature"
    for name in ("storage", "query", "web-store", "web-retrieve")
)
RUN_S: Final = 300

IDENTITY: Final = frozenset(
    {"img-store-other-patient", "img-web-stow-stranger", "img-store-conflict-matrix-e97601"}
)
"""What Orthanc does there is about identity: never expected, only shown to be seen."""

NOT_OURS: Final = frozenset(
    {
        "img-power-cut",
        "img-power-cut-resend",
        "img-power-cut-commit",
        "img-move-dead",
        "img-commit-unreachable",
        "img-web-https",
    }
)
"""Scenarios that command the PACS; at a site somebody else must do that."""


@contextmanager
def echoing(web: int) -> Iterator[None]:
    """What a person does for the canary of the profile, again until a device of ours answers."""
    over = threading.Event()
    asked = urllib.request.Request(
        f"http://127.0.0.1:{web}/modalities/ct-helical/echo", data=b"{}", method="POST"
    )

    def press() -> None:
        while not over.wait(0.2):
            with contextlib.suppress(OSError), urllib.request.urlopen(asked, timeout=5):
                return

    thread = threading.Thread(target=press)
    thread.start()
    yield
    over.set()
    thread.join(30)


def run(folder: Path) -> list[dict[str, Any]]:
    """The scenarios of ``run.json``."""
    port = free_port()
    known = {name: [load_model(name).ae_title, "127.0.0.1", port] for name in known_models()}
    profile = (ROOT / "fixtures" / "profiles" / "orthanc.toml").read_text("utf-8")
    with orthanc(folder, known) as (server, web):
        site = folder / "site.toml"
        text = profile.replace("port = 4242", f"port = {server.port}")
        text = text.replace("port = 8042", f"port = {web}")
        site.write_text(text.replace("port = 11112", f"port = {port}"), "utf-8")
        with echoing(web):
            done = subprocess.run(
                [sys.executable, "-m", "harness", "run", "--profile", str(site), "--jobs", "1",
                 "--out", str(folder / "run"), *SCENARIOS],
                cwd=ROOT, capture_output=True, check=False, timeout=RUN_S,
            )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout.decode("utf-8", "replace")[-3000:]
    told = json.loads((folder / "run" / "run.json").read_text("utf-8"))
    scenarios: list[dict[str, Any]] = told["scenarios"]
    return scenarios


def test_orthanc_does_otherwise_what_is_expected_and_nothing_else(tmp_path):
    scenarios = {one["id"]: one for one in run(tmp_path)}
    assert {name for name, one in scenarios.items() if one["verdict"] == "blocked"} == NOT_OURS
    entries = load(ROOT / "fixtures" / "expected" / "orthanc.toml")
    assert of_version(entries, version_of("Orthanc", "--version")) == []
    seen = {
        Observed(
            id=f"pacs.{name}.{finding['message']}", place=finding["place"].partition(" ")[2]
        )
        for name, one in scenarios.items()
        for finding in one["findings"]
        if name not in IDENTITY
    }  # fmt: skip
    assert differences(seen, entries) == []
    failed = {name for name, one in scenarios.items() if one["verdict"] == "fail"}
    assert failed == {entry.observed.id.split(".")[1] for entry in entries} | IDENTITY
    rest = {one["verdict"] for name, one in scenarios.items() if name not in failed | NOT_OURS}
    assert rest == {"pass"}
    assert len(scenarios) > 50
    for name in IDENTITY:
        assert {each["message"] for each in scenarios[name]["findings"]} & {"differs", "repeated"}
    other = [each["message"] for each in scenarios["img-store-other-patient"]["findings"]]
    assert other == ["differs", "unwanted"]
