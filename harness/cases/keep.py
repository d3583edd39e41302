"""A case that is kept: its least timeline, when it was seen red, and a scenario that plays it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.cases.bundle import put, toml
from harness.cases.kept import Case, Line
from harness.cases.replay import Replayed
from harness.errors import InputError
from harness.i18n import tr
from harness.profile import Profile
from harness.scenario.denominators import load_denominators

_NUMBER = re.compile(r"[0-9A-Za-z_-]{1,40}")


def renewed(
    case: Case,
    replayed: Replayed,
    *,
    lines: Sequence[Line] | None = None,
    more: Mapping[str, Any] | None = None,
    feature: str = "",
    requirement: str = "",
    profile: Profile | None = None,
) -> dict[str, Any]:
    """Write a case anew with what its replay showed; returns its manifest.

    A case that is not reproduced gets no scenario: it is no test.

    Args:
        case: the case.
        replayed: its latest replays.
        lines: its timeline, where it became shorter.
        more: further tables of the manifest.
        feature: number of the fault, for the scenario; empty for none.
        requirement: that the fault breaks; empty for the first one of its interface.
        profile: says which interface the case is about.

    Raises:
        InputError: the number of the fault cannot stand in a tag, or the folder cannot be written.
    """
    if feature and not _NUMBER.fullmatch(feature):
        raise InputError(tr("not a number of a fault: {text}", text=feature), remedy="2026-031")
    manifest = {**case.manifest, "reproduced": replayed.reproduced, "system": replayed.system}
    manifest |= dict(more or {})
    if replayed.reproduced:
        manifest["red_seen"] = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "shown": replayed.shown,
            "runs": len(replayed.runs),
            "fault": "; ".join(
                f"{one.fault.text} / {', '.join(one.values)}" for one in replayed.runs[-1].seen
            ),
        }
    manifest["masks"] = {
        name.partition(":")[0]: "minted" for name in replayed.runs[-1].played.slots.values
    }
    files = _files(case.lines if lines is None else lines)
    manifest["timeline_sha256"] = hashlib.sha256(files["timeline.jsonl"]).hexdigest()
    files["manifest.toml"] = toml(manifest).encode()
    expected = json.dumps(replayed.data()["faults"], ensure_ascii=False, indent=1)
    files["expected.json"] = f"{expected}\n".encode()
    if feature and replayed.reproduced:
        about = _interface(case.lines if lines is None else lines, profile)
        known = load_denominators().requirements.values()
        wanted = requirement or next((one.id for one in known if one.interface == about), "")
        files["case.feature"] = scenario(case, manifest, feature, about, wanted).encode()
    _swap(case.folder, files)
    return manifest


def _swap(folder: Path, files: Mapping[str, bytes]) -> None:
    """The new case in the place of the old one, which stays where that cannot be written."""
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    try:
        put(folder, files)
    except InputError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _files(lines: Sequence[Line]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    records = []
    for line in lines:
        name = f"messages/{line.number:04d}.{line.protocol}"
        files[name] = line.payload
        at = datetime.fromtimestamp(line.at_s, UTC).isoformat(timespec="milliseconds")
        record = {
            "n": line.number,
            "at": at if line.at_s else "",
            "frm": line.frm,
            "to": line.to,
            "protocol": line.protocol,
            "type": line.kind,
            "id": line.ident,
            "corr": line.corr,
            "link": line.link,
            "file": name,
            "sha256": hashlib.sha256(line.payload).hexdigest(),
        }
        records.append(json.dumps(record, ensure_ascii=False))
    files["timeline.jsonl"] = "".join(f"{one}\n" for one in records).encode()
    return files


def _interface(lines: Sequence[Line], profile: Profile | None) -> str:
    """Of the endpoint that the case goes over first."""
    endpoints = profile.endpoints if profile is not None else {}
    links = [one.link for one in lines if one.link in endpoints]
    inside = [
        name
        for one in lines
        for name, endpoint in endpoints.items()
        if {endpoint.frm, endpoint.to} == {one.frm, one.to}
    ]
    return next((endpoints[name].interface for name in (*links, *inside)), "")


def scenario(
    case: Case, manifest: Mapping[str, Any], number: str, interface: str, requirement: str
) -> str:
    """The scenario of a case, for a person to finish."""
    digest = hashlib.sha256(number.encode()).hexdigest()[:6]
    ident = re.sub(r"[^a-z0-9]+", "-", number.lower()).strip("-") or "x"
    here = Path.cwd().resolve()
    folder = case.folder.resolve()
    name = folder.relative_to(here).as_posix() if folder.is_relative_to(here) else case.name
    symptom = str(manifest.get("symptom") or "；".join(manifest["faults"])).replace("\n", " ")
    return f"""# language: zh-CN
@接口-{interface}
功能: 故障案例 {number}
  负责人: 待定
  {symptom}

  @{requirement} @缺陷-{number} @id-case-{ident}-{digest}
  场景: 故障 {number} 不再出现
    当 回放案例“{name}”
    那么 案例“{name}”的故障应已消失
"""
