"""The imaging scenarios that ship, run against Orthanc by the profiles that ship.

``fixtures/profiles/orthanc.toml`` has Orthanc as the PACS, ``orthanc-worklist.toml`` its worklist
plugin as the RIS; both with the ports of this test. Every feature file of ``scenarios/imaging`` is
played. Where Orthanc does otherwise, ``fixtures/expected/*.toml`` says so and why; what cannot be
played stands here with its reason. Anything else fails.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pydicom
import pytest
from dicom_rig import free_port, orthanc, program, version_of
from expected import Observed, differences, load, of_version
from orthanc_rig import Clerk, echo, held, working
from second_opinion import KNOWN, unknown

from harness.link.dicom_data import IMPLICIT
from harness.link.dicom_pixels import HIGH_THROUGHPUT
from scenarios.steps.imaging_pixels import SYNTAXES
from scenarios.steps.imaging_trials import VIDEO
from simulators.modality.model import known_models, load_model

ROOT: Final = Path(__file__).parents[2]
FEATURES: Final = ROOT / "scenarios" / "imaging"
RUN_S: Final = 900
CARD_S: Final = 20.0
"""A card that no person can do is waited for so long."""

AS_PACS: Final = (
    "storage", "query", "association", "object-validity", "pixel-syntaxes", "web-store",
    "web-retrieve", "tls-calls", "ris-hl7-orders",
)  # fmt: skip
"""Played with Orthanc as the PACS. The first ones let our devices listen, which proves the way of
its calls; raw associations come after that."""

AS_RIS: Final = ("worklist", "worklist-keys", "cases")
"""Played with its worklist plugin as the RIS."""

EVERYBODY: Final = frozenset(
    {"img-query-unreadable-key-1a3486", "img-query-unreadable-key-edb1c7",
     "img-query-unreadable-key-b579c8", "img-query-unreadable-key-88ae9b"}
)  # fmt: skip
"""Bytes of a key that are no UTF-8 are dropped where UTF-8 or nothing is declared: what is left of
``*name*`` is ``**``, and everybody fits."""

IDENTITY: Final = EVERYBODY | {
    "img-store-other-patient", "img-web-stow-stranger", "img-store-conflict-matrix-e97601",
}  # fmt: skip
"""What Orthanc does there is about identity: never expected, only shown to be seen."""

EVERYBODY_LISTED: Final = frozenset(
    {"img-worklist-unreadable-key-084008", "img-worklist-unreadable-key-41e739"}
)
"""The same of its worklist plugin."""

PACE: Final = frozenset({"img-assoc-time", "img-service-load"})
"""How fast an answer comes on the machine of a test says nothing of Orthanc: played, not judged."""

COMMANDED: Final = "不由本工具运行"
GATE: Final = "不属于测试人员的身份"
NO_CARD: Final = "没有操作卡"
NOT_SEEN: Final = "没有看到操作结果"
NO_END: Final = "没有接口"
NO_LINK: Final = "没有通往 PACS TLS 的链路"

BLOCKED_PACS: Final[Mapping[str, tuple[str, str]]] = {
    "img-power-cut": (COMMANDED, "we end the process of our own PACS; at a site somebody else must"),
    "img-power-cut-resend": (COMMANDED, "as img-power-cut"),
    "img-power-cut-commit": (COMMANDED, "as img-power-cut"),
    "img-move-dead": (COMMANDED, "destinations are entered by whoever runs the PACS"),
    "img-move-new-port": (COMMANDED, "as img-move-dead"),
    "img-commit-unreachable": (COMMANDED, "as img-move-dead"),
    "img-commit-same": (COMMANDED, "which way a report takes is told to our own PACS"),
    "img-commit-same-released": (COMMANDED, "as img-commit-same"),
    "img-commit-later": (COMMANDED, "as img-commit-same"),
    "img-web-https": (NO_LINK, "the built-in PACS is told which certificate to show"),
    "img-odd-no-charset": (GATE, "a gate reads a name as it is declared, or not at all"),
    "img-odd-wrong-charset": (GATE, "as img-odd-no-charset"),
    "img-query-unreadable-object-5e32bd": (GATE, "as img-odd-no-charset"),
    "img-query-unreadable-object-9ae2ff": (GATE, "as img-odd-no-charset"),
    "img-query-unreadable-object-d1a7f1": (GATE, "as img-odd-no-charset"),
    "img-query-unreadable-object-7602a3": (GATE, "as img-odd-no-charset"),
    "img-query-unreadable-object-0be9f5": (GATE, "as img-odd-no-charset"),
    "img-query-unreadable-object-25560d": (GATE, "as img-odd-no-charset"),
}  # fmt: skip
"""What no real PACS can be asked: word of the run's own reason, and why."""

BLOCKED_RIS: Final[Mapping[str, tuple[str, str]]] = {
    "img-ris-power-cut": (COMMANDED, "we end the process of our own RIS"),
    "img-case-step-id-empty": (COMMANDED, "a case is replayed to the RIS that we run"),
    "img-worklist-long-bbcdad": (NO_CARD, "a switch of the built-in RIS enters hundreds at once"),
    "img-worklist-long-2521b6": (NO_CARD, "as img-worklist-long-bbcdad"),
    "img-worklist-long-d94a43": (NO_CARD, "as img-worklist-long-bbcdad"),
    "img-worklist-cancel": (NO_CARD, "as img-worklist-long-bbcdad"),
    "img-order-renamed": (NOT_SEEN, "the row of the name put right proved the first card already"),
}  # fmt: skip
"""The same of a real worklist that persons write."""

NOT_APPLICABLE: Final[Mapping[str, str]] = {
    "tls-calls": "the PACS shows certificates that the scenario changes from call to call;"
                 " DICOM over TLS with a real peer is met in test_dcmtk_tls.py",
    "ris-hl7-orders": "Orthanc is no RIS: it takes no HL7 and tells no state to a HIS",
}  # fmt: skip
"""Feature files of which every scenario is about an interface that Orthanc does not have."""


def played(folder: Path, profile: Path, features: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The scenarios of ``run.json``, by their ids."""
    files = [f"scenarios/imaging/{one}.feature" for one in features]
    done = subprocess.run(
        [sys.executable, "-m", "harness", "run", "--profile", str(profile), "--jobs", "1",
         "--lang", "zh-CN", "--out", str(folder / "run"), *files],
        cwd=ROOT, capture_output=True, check=False, timeout=RUN_S,
    )  # fmt: skip
    assert done.returncode in {0, 1}, (done.stdout + done.stderr).decode("utf-8", "replace")[-3000:]
    told = json.loads((folder / "run" / "run.json").read_text("utf-8"))
    return {one["id"]: one for one in told["scenarios"]}


def profile_of(folder: Path, name: str, ports: Mapping[str, str]) -> Path:
    """A profile that ships, with the ports of this test, beside the cards that it names."""
    text = (ROOT / "fixtures" / "profiles" / f"{name}.toml").read_text("utf-8")
    for line, instead in ports.items():
        assert text.count(line) > 0, line
        text = text.replace(line, instead)
    cards = ROOT / "fixtures" / "site" / "orthanc-worklist-cards.toml"
    for one in ("profiles", "site"):
        (folder / one).mkdir()
    shutil.copy(cards, folder / "site" / cards.name)
    path = folder / "profiles" / "site.toml"
    path.write_text(text, "utf-8")
    return path


def verdicts(found: Mapping[str, Mapping[str, Any]], *words: str) -> set[str]:
    """Ids of the scenarios with one of these verdicts."""
    return {name for name, one in found.items() if one["verdict"] in words}


def judge(
    found: Mapping[str, Mapping[str, Any]],
    role: str,
    expected: str,
    blocked: Mapping[str, tuple[str, str]],
    apart: frozenset[str] = frozenset(),
) -> None:
    """Everything that was played passed, was expected to fail, or is named with its reason."""
    entries = load(ROOT / "fixtures" / "expected" / f"{expected}.toml")
    assert of_version(entries, version_of("Orthanc", "--version")) == []
    assert verdicts(found, "blocked") == set(blocked)
    for name, (word, _) in blocked.items():
        assert word in found[name]["reasons"][0], name
    seen = {
        Observed(
            id=f"{role}.{name}.{finding['message']}", place=finding["place"].partition(" ")[2]
        )
        for name, one in found.items()
        for finding in one["findings"]
        if name not in apart
    }  # fmt: skip
    assert differences(seen, entries) == []
    failed = verdicts(found, "fail") - apart
    assert failed == {entry.observed.id.split(".")[1] for entry in entries}
    outside = {name for name, one in found.items() if Path(one["file"]).stem in NOT_APPLICABLE}
    assert verdicts(found, "not-applicable") == outside
    assert all(NO_END in found[name]["reasons"][0] for name in outside)
    rest = found.keys() - failed - blocked.keys() - outside - apart
    assert verdicts(found, "pass") - apart == rest


def test_every_feature_of_imaging_is_played_against_orthanc():
    """A new file must be played, whichever way; what of it cannot be is named above."""
    shipped = {path.stem for path in FEATURES.glob("*.feature")}
    assert len(AS_PACS) + len(AS_RIS) == len(set(AS_PACS) | set(AS_RIS))
    assert shipped == set(AS_PACS) | set(AS_RIS)
    assert set(NOT_APPLICABLE) <= shipped


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a run with Orthanc as the PACS.

    Attributes:
        found: scenarios by id.
        objects: files of everything that Orthanc holds then: what our devices sent it.
    """

    found: Mapping[str, Mapping[str, Any]]
    objects: Sequence[Path]


@pytest.fixture(scope="module")
def as_pacs(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """One run for all that is asked of it."""
    folder, port = tmp_path_factory.mktemp("pacs"), free_port()
    known = {name: [load_model(name).ae_title, "127.0.0.1", port] for name in known_models()}
    with orthanc(folder, known) as (server, web):
        profile = profile_of(folder, "orthanc", {
            "port = 4242": f"port = {server.port}", "port = 8042": f"port = {web}",
            "127.0.0.1:8042": f"127.0.0.1:{web}", "port = 11112": f"port = {port}"})  # fmt: skip
        with working(partial(echo, web, "ct-helical")):
            found = played(folder, profile, AS_PACS)
        return Played(found, held(web, folder / "objects"))


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.xdist_group("orthanc-suite")
def test_orthanc_does_otherwise_what_is_expected_and_nothing_else(as_pacs):
    found = as_pacs.found
    judge(found, "pacs", "orthanc", BLOCKED_PACS, IDENTITY | PACE)
    assert verdicts(found, "fail") >= IDENTITY
    assert verdicts(found, "pass", "fail") >= PACE
    for name in IDENTITY:
        assert {each["message"] for each in found[name]["findings"]} & {"differs", "repeated"}
    other = [each["message"] for each in found["img-store-other-patient"]["findings"]]
    assert other == ["differs", "unwanted"]
    only_others(found, EVERYBODY)


def only_others(found: Mapping[str, Mapping[str, Any]], names: frozenset[str]) -> None:
    """Each of these showed somebody else, and nothing worse: the right question still finds."""
    for name in names:
        told = [
            (each["message"], each["place"].partition(" ")[2]) for each in found[name]["findings"]
        ]
        assert told == [("differs", "dicom (0010,0010)")], name


SENT: Final = frozenset(SYNTAXES.values()) - HIGH_THROUGHPUT | {IMPLICIT, VIDEO}
"""Transfer syntaxes of the scenarios; those of HTJ2K are met in ``test_dciodvfy.py``."""


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.xdist_group("orthanc-suite")
@pytest.mark.filterwarnings("ignore:Unknown encoding:UserWarning")  # of pydicom, on an odd object
def test_everything_that_the_scenarios_send_is_valid_to_dciodvfy_or_known_why_not(
    as_pacs, tmp_path
):
    program("dciodvfy")
    syntaxes = {str(pydicom.dcmread(one, specific_tags=[]).file_meta.TransferSyntaxUID)
                for one in as_pacs.objects}  # fmt: skip
    assert syntaxes == SENT
    found, met = unknown(as_pacs.objects, tmp_path)
    assert found == {}
    assert met == {one.reason for one in KNOWN}


@pytest.mark.peer
@pytest.mark.slow
def test_its_worklist_plugin_does_otherwise_what_is_expected_and_nothing_else(tmp_path):
    port, page = free_port(), free_port()
    known = {"ct-helical": [load_model("ct-helical").ae_title, "127.0.0.1", port]}
    with orthanc(tmp_path, known) as (server, _):
        profile = profile_of(tmp_path, "orthanc-worklist", {
            "port = 4242": f"port = {server.port}", "port = 11112": f"port = {port}",
            "wait_s = 600.0": f"wait_s = {CARD_S}\nport = {page}"})  # fmt: skip
        clerk = Clerk(page, tmp_path / "worklists")
        with working(clerk.work):
            found = played(tmp_path, profile, AS_RIS)
    judge(found, "ris", "orthanc-worklist", BLOCKED_RIS, EVERYBODY_LISTED)
    assert verdicts(found, "fail") >= EVERYBODY_LISTED
    only_others(found, EVERYBODY_LISTED)
    assert len(clerk.handled) > len(verdicts(found, "pass")) > 20  # who wrote none proved nothing
