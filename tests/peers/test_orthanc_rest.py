"""Orthanc's REST interface as a probe, by the definition that ships: a second witness beside DICOM.

What it sees is judged against what Orthanc was made to do: an instance deleted behind its back, and
one that it acknowledges and drops (a filter of its own, in Lua), which is the worst a PACS can do.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from dicom_rig import device, exam, free_port, objects, orthanc
from orthanc_rig import DIRECT, echo, working

from harness.clock import CHINA
from harness.model import Outcome
from harness.permit import Permit
from harness.probes.probe import Probe, reach_of
from harness.profile import load_profile
from harness.scenario.wiring_probes import other_probe
from simulators.modality.model import load_model

pytestmark = [pytest.mark.peer, pytest.mark.slow]

ROOT: Final = Path(__file__).parents[2]
NAME: Final = "pacs-instances-rest"
RUN_S: Final = 120

FEATURE: Final = """# language: zh-CN
@接口-PACS-DIMSE
功能: PACS 自己的接口
  负责人: 影像接口组

  @REQ-IMG-001 @id-peer-stock
  场景: 存入的每一幅在 PACS 自己的接口里也恰有一份
    假如 设备“CT”为患者“甲”做检查“检1”，没有预约
    当 设备把检查“检1”的图像存入PACS
    那么 设备对检查“检1”的每一幅存储应答应为“0000”
    而且 2秒内查询“pacs-instances-rest”所见检查“检1”的图像应恰为发送的各幅
"""

DROPS: Final = """
function ReceivedInstanceFilter(dicom, origin, info)
  return dicom.InstanceNumber ~= '2'
end
"""
"""The second image of every series is answered with success, and not kept."""


def profile_of(folder: Path, port: int, web: int, listens: int = 11112) -> Path:
    """The profile that ships, with the ports of this test."""
    text = (ROOT / "fixtures" / "profiles" / "orthanc.toml").read_text("utf-8")
    for line, instead in {"port = 4242": f"port = {port}", "port = 8042": f"port = {web}",
                          "127.0.0.1:8042": f"127.0.0.1:{web}",
                          "port = 11112": f"port = {listens}"}.items():  # fmt: skip
        assert line in text
        text = text.replace(line, instead)
    path = folder / "site.toml"
    path.write_text(text, "utf-8")
    return path


def probe_of(folder: Path, web: int) -> Probe:
    """The probe of the profile."""
    profile = load_profile(str(profile_of(folder, 1, web)))
    return other_probe(profile, NAME, Permit(profile, datetime.now(CHINA)), {})


def seen(probe: Probe, study: str) -> list[str]:
    """SOP instance UIDs that it sees of a study."""
    answer = probe.ask({"StudyInstanceUID": study})
    assert answer.outcome is Outcome.OK, answer.error
    return sorted(row["SOPInstanceUID"] or "" for row in answer.rows)


def delete(web: int, sop: str) -> None:
    """Take one instance away, as somebody at the console of the PACS might."""
    base = f"http://127.0.0.1:{web}"
    body = json.dumps({"Level": "Instance", "Query": {"SOPInstanceUID": sop}}).encode()
    with DIRECT.open(urllib.request.Request(f"{base}/tools/find", body), timeout=10) as answer:
        (ident,) = json.load(answer)
    gone = urllib.request.Request(f"{base}/instances/{ident}", method="DELETE")
    with DIRECT.open(gone, timeout=10):
        pass


def test_the_probe_sees_an_intact_study_and_an_instance_that_is_lost(tmp_path):
    with orthanc(tmp_path, {}) as (server, web):
        modality = device("ct-helical", server.port, "ORTHANC")
        sent = objects(modality, exam("ct-helical", 31))
        assert {one.shown for one in modality.store(sent).values()} == {"0000"}
        assert modality.store(objects(modality, exam("ct-helical", 32)))  # another study
        study, sops = sent[0].text("StudyInstanceUID"), {one.text("SOPInstanceUID") for one in sent}
        probe = probe_of(tmp_path, web)
        assert (probe.role, reach_of(probe)) == ("PACS", "stored")
        assert seen(probe, study) == sorted(sops)
        rows = probe.ask({"StudyInstanceUID": study}).rows
        assert all(int(row["bytes"] or 0) > 1000 for row in rows)
        lost = sent[1].text("SOPInstanceUID")
        delete(web, lost)
        assert seen(probe, study) == sorted(sops - {lost})
        assert seen(probe, "2.25.404") == []


def test_the_probe_that_reads_nothing_knows_nothing(tmp_path):
    closed = probe_of(tmp_path, free_port()).ask({"StudyInstanceUID": "2.25.1"})
    assert (closed.outcome, list(closed.rows)) == (Outcome.UNKNOWN, [])
    assert closed.error
    with orthanc(tmp_path, {}, AuthenticationEnabled=True, RegisteredUsers={"u": "p"}) as (_, web):
        locked = probe_of(tmp_path, web).ask({"StudyInstanceUID": "2.25.1"})
    assert (locked.outcome, list(locked.rows)) == (Outcome.FAILED, [])
    assert "401" in locked.error


def verdict(folder: Path, *, drops: bool = False, reached: bool = True) -> tuple[int, Any]:
    """The scenario against Orthanc: exit code, and what ``run.json`` says of it."""
    listens = free_port()
    known = {"ct-helical": [load_model("ct-helical").ae_title, "127.0.0.1", listens]}
    script, feature = folder / "drops.lua", folder / "stock.feature"
    script.write_text(DROPS, "ascii")
    feature.write_text(FEATURE, "utf-8")
    more = {"LuaScripts": [str(script)]} if drops else {}
    with orthanc(folder, known, **more) as (server, web):
        profile = profile_of(folder, server.port, web if reached else free_port(), listens)
        with working(partial(echo, web, "ct-helical")):
            done = subprocess.run(
                [sys.executable, "-m", "harness", "run", "--profile", str(profile), "--jobs", "1",
                 "--out", str(folder / "run"), str(feature)],
                cwd=ROOT, capture_output=True, check=False, timeout=RUN_S,
            )  # fmt: skip
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert (folder / "run" / "run.json").exists(), said[-3000:]
    (found,) = json.loads((folder / "run" / "run.json").read_text("utf-8"))["scenarios"]
    return done.returncode, found


def test_a_sentence_asks_what_the_pacs_has_of_a_study(tmp_path):
    code, found = verdict(tmp_path)
    assert (code, found["verdict"], found["findings"]) == (0, "pass", [])


def test_an_image_that_was_acknowledged_and_dropped_is_told_as_lost(tmp_path):
    code, found = verdict(tmp_path, drops=True)
    assert (code, found["verdict"]) == (1, "fail")
    (one,) = found["findings"]
    assert (one["message"], one["fault_class"]) == ("missing", "lost")
    assert one["place"].endswith(NAME)


def test_a_look_that_read_nothing_is_inconclusive(tmp_path):
    code, found = verdict(tmp_path, reached=False)
    assert (code, found["verdict"]) == (3, "inconclusive")
    assert found["findings"] == []
