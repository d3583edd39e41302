"""The doctor tells of each link to a real system which gate and which canary guard it."""

import pytest

from harness import i18n
from harness.doctor import Status, examine
from harness.doctor_check import Means
from harness.link.reach import Reached
from harness.profile import load_profile

SITE = """
format = 1
name = "x"
environment = "test"
[policy]
forbidden_addresses = ["198.51.100.7"]
[systems.{frm}]
mode = "{caller}"
version = "1"
[systems.{to}]
mode = "{callee}"
version = "1"
[endpoints.line]
interface = "{interface}"
from = "{frm}"
to = "{to}"
protocol = "{protocol}"
host = "192.0.2.1"
port = 9102
{more}
"""

RELAY = 'via = "relay"\nrelay_port = 9103'
CANARY = '\n[canaries.{name}]\ninterface = "{interface}"\ntype = "{type}"\nfrom = "{frm}"'
YB = {"interface": "HIS-YB", "frm": "HIS", "to": "centre", "protocol": "http"}
ASTM = {"interface": "LIS-ASTM", "frm": "analyzer", "to": "LIS", "protocol": "astm"}
ECHO = {"interface": "PACS-DIMSE", "frm": "PACS", "to": "modality", "protocol": "dicom"}
STORE = {"interface": "PACS-DIMSE", "frm": "modality", "to": "PACS", "protocol": "dicom"}
LIST = {"interface": "RIS-MWL", "frm": "modality", "to": "RIS", "protocol": "dicom"}


@pytest.fixture(autouse=True)
def english():
    i18n.use("en")


def guards(folder, link, *, caller="real", callee="simulated", more="", canary=None):
    text = SITE.format(caller=caller, callee=callee, more=more, **link)
    if callee == "simulated":
        text = text.replace("192.0.2.1", "127.0.0.1")
    if canary:
        text += CANARY.format(**canary)
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    means = Means(resolve=lambda _: (), environ={}, can_listen=lambda *_: Reached(ok=True, seconds=0, reason=""))  # fmt: skip
    checks = examine(load_profile(str(path)), means=means,
                     open_connection=lambda *_: Reached(ok=True, seconds=0, reason=""))  # fmt: skip
    return {(one.name, one.place): one for one in checks if one.name in {"gate", "canary"}}


def proof(link, **more):
    return {"name": "sign-in", "type": "9001", "interface": link["interface"],
            "frm": link["frm"]} | more  # fmt: skip


@pytest.mark.parametrize(("link", "more", "status", "told"), [
    (YB, "", Status.OK, "which we play"),
    (YB, RELAY, Status.OK, "the relay reads http"),
    (ASTM, RELAY, Status.OK, "the relay reads astm"),
    (ASTM, "", Status.WARN, "nobody asks"),
    (ECHO, "", Status.OK, "which we play"),
    (YB | {"protocol": "raw"}, "", Status.WARN, "nobody asks"),
])  # fmt: skip
def test_the_gate_of_a_real_caller(tmp_path, link, more, status, told):
    found = guards(tmp_path, link, more=more)["gate", "endpoints.line"]
    assert (found.status, told in found.detail) == (status, True), found.detail
    assert link["interface"] in found.detail
    assert bool(found.remedy) is (status is Status.WARN)


def test_what_we_send_is_asked_about_and_real_ones_speak_as_they_like(tmp_path):
    ours = guards(tmp_path, ASTM, caller="simulated", callee="real")
    assert "before it leaves" in ours["gate", "endpoints.line"].detail
    assert ("canary", "endpoints.line") not in ours
    both = guards(tmp_path, ASTM, callee="real", more=RELAY)
    assert "theirs" in both["gate", "endpoints.line"].detail


def test_without_a_real_system_there_is_nothing_to_tell(tmp_path):
    assert guards(tmp_path, YB, caller="simulated") == {}


@pytest.mark.parametrize(("link", "options", "status", "told"), [
    (YB, {}, Status.WARN, "will be blocked"),
    (YB, {"canary": proof(YB)}, Status.OK, "sign-in (9001)"),
    (ECHO, {"canary": proof(ECHO, name="echo", type="C-ECHO-RQ")}, Status.OK, "echo (C-ECHO-RQ)"),
    (ASTM, {"canary": proof(ASTM, type="H")}, Status.WARN, "without a relay"),
    (ASTM, {"canary": proof(ASTM, type="H"), "more": RELAY}, Status.OK, "must arrive"),
    (STORE, {"canary": proof(STORE, name="e", type="C-ECHO-RQ")}, Status.OK, "e (C-ECHO-RQ)"),
    (LIST, {"canary": proof(LIST, name="f", type="C-FIND-RQ")}, Status.OK, "f (C-FIND-RQ)"),
    (STORE, {"canary": proof(STORE, type="C-STORE-RQ")}, Status.WARN, "notes no other calls"),
    (YB, {"canary": proof(YB), "callee": "real"}, Status.WARN, "no canary is seen"),
    (YB, {"canary": proof(YB), "callee": "real", "more": RELAY}, Status.OK, "must arrive"),
])  # fmt: skip
def test_the_canary_of_a_real_caller(tmp_path, link, options, status, told):
    found = guards(tmp_path, link, **options)["canary", "endpoints.line"]
    assert (found.status, told in found.detail) == (status, True), found.detail


def test_a_canary_of_no_link_is_told(tmp_path):
    found = guards(tmp_path, YB, canary=proof(YB, interface="HIS-ORD"))
    assert found["canary", "canaries.sign-in"].status is Status.WARN
    assert "will be blocked" in found["canary", "endpoints.line"].detail
