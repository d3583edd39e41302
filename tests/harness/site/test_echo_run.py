"""A canary over DICOM: the echo of a foreign program shows that calls of the PACS come to us."""

import shutil
import subprocess

import pytest
from hands import Operators, run_feature
from test_imaging_desk import AE_TITLES, EXAMINED, Department, ImagingSystems, by_hand

from harness.link.dicom import VERIFICATION
from harness.link.dicom_scp import Listener
from scenarios.steps.imaging_front import Front

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("echoscu") is None, reason="peer dcmtk is not installed"),
]

CANARY = """
[canaries.echo]
interface = "PACS-DIMSE"
type = "C-ECHO-RQ"
from = "PACS"
text = "在 PACS 的目的地表里对“medharness”做一次 C-ECHO"
wait_s = {wait_s}
"""


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    made = ImagingSystems(tmp_path_factory.mktemp("theirs"))
    yield made
    made.close()


def echo(port):
    """As the PACS of the site does it: DCMTK, in a process of its own."""
    called = ["echoscu", "-aet", AE_TITLES["PACS"], "-aec", "MEDHARNESS", "127.0.0.1", str(port)]
    return subprocess.run(called, check=False, timeout=120, capture_output=True).returncode


def at_site(folder, systems, *, wait_s, elsewhere=0):
    """A scenario of our own device at a real PACS; its administrator sends the echo."""
    department = Department(systems)
    text = department.profile() + CANARY.format(wait_s=wait_s)
    port = int(text.split('to = "modality"')[1].split("port = ")[1].split("\n")[0])
    echoed = []

    def work(address, stop):
        board, done = Operators(address), set()
        while not stop.is_set():
            for card in board.cards():
                if card["number"] in done:
                    continue
                done.add(card["number"])
                if card["workstation"] == "RIS登记台":
                    department.register(dict(card["fields"]))
                else:
                    echoed.append(echo(elsewhere or port))
            stop.wait(0.05)

    conclusion, records, _ = run_feature(folder, text, work, feature=EXAMINED)
    return conclusion, records, echoed


def test_an_echo_of_a_foreign_program_lets_the_scenarios_of_its_interface_run(tmp_path, systems):
    conclusion, records, echoed = at_site(tmp_path, systems, wait_s=120.0)
    assert echoed == [0]
    canary = next(one for one in by_hand(records) if one["name"] == "canary echo")
    assert canary["outcome"] == "ok"
    stored = [one["n"] for one in records
              if one["kind"] == "message" and one["type"] == "C-STORE-RQ"]  # fmt: skip
    assert conclusion.verdict == "pass", conclusion.reasons
    assert stored
    assert min(stored) > canary["n"], "nothing was stored before the way was proven"


def test_an_echo_that_goes_elsewhere_leaves_them_blocked(tmp_path, systems):
    """The PACS still points at another device: that one answers, and we see nothing."""
    other = Front()
    listener = Listener(other, "OTHER", [(VERIFICATION, ("1.2.840.10008.1.2",))])
    place = listener.start("127.0.0.1", 0)
    try:
        conclusion, records, echoed = at_site(tmp_path, systems, wait_s=3.0, elsewhere=place.port)
    finally:
        listener.stop()
    assert echoed == [0], "it was answered, by somebody else"
    assert conclusion.verdict == "blocked"
    assert "canary" in str(conclusion.reasons) or "echo" in str(conclusion.reasons)
    assert not [one for one in records if one["kind"] == "message" and one["type"] == "C-STORE-RQ"]
