"""A case as a folder: written whole, after the last look for leaks, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.captures.layout import INSTRUMENT
from harness.cases.as_sent import mapped
from harness.cases.deidentify import Deidentified, Piece, deidentify
from harness.cases.faults import parse
from harness.cases.framing_maker import WIRE as MAKER
from harness.cases.guard import persons
from harness.cases.identity import Identity
from harness.cases.leaks import scan
from harness.cases.places import IMAGES
from harness.cases.pseudonyms import Pseudonyms
from harness.cases.recorded import Recorded, Recording
from harness.cases.recorded_maker import SESSION
from harness.cases.take import Taken
from harness.errors import InputError
from harness.i18n import tr

FORMAT: Final = 1
KEY_BYTES: Final = 32
_ADDRESS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{1,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What people say about a case.

    Attributes:
        symptom: what was reported.
        approver: who let it leave the site.
        systems: name and version.
        faults: what should stand where, see ``faults``.
        ends: role by address of the recording.
    """

    symptom: str = ""
    approver: str = ""
    systems: Mapping[str, str]
    faults: Sequence[str] = ()
    ends: Mapping[str, str] = field(default_factory=dict)


def key_of(variable: str) -> bytes:
    """The secret of a case: from an environment variable, or made and forgotten.

    Raises:
        InputError: the variable is not set.
    """
    if not variable:
        return secrets.token_bytes(KEY_BYTES)
    value = os.environ.get(variable, "")
    if not value:
        raise InputError(
            tr("the environment variable {name} is not set", name=variable),
            remedy=tr("set it, or leave the option out: then a key is made and forgotten"),
        )
    return hashlib.sha256(value.encode()).digest()


def write(
    out: Path,
    taken: Taken,
    recording: Recording,
    sources: Sequence[Path],
    *,
    about: str,
    key: bytes,
    identity: Identity,
    told: Told,
) -> dict[str, Any]:
    """Write a case; returns its manifest.

    Raises:
        InputError: the folder is there already, nothing was taken, or an original would leak.
    """
    if out.exists():
        raise InputError(tr("{path} is there already", path=out), remedy="--out")
    if not taken.messages:
        raise InputError(
            tr("no message about this in the recording"),
            remedy=tr("look with `medharness decode` for what stands in it"),
        )
    pseudonyms = Pseudonyms(key)
    known = {one for one in (about,) if one} | {
        value
        for one in taken.messages
        for name, value in one.corr.items()
        if name not in {"code", "acknowledges", SESSION}
    }
    done = deidentify(
        [Piece(one.protocol, one.payload) for one in taken.messages], pseudonyms, identity, known
    )
    manifest = _manifest(taken, recording, sources, done, told)
    files = _files(taken.messages, done, pseudonyms, told.ends)
    manifest["timeline_sha256"] = hashlib.sha256(files["timeline.jsonl"]).hexdigest()
    images = [number for number, one in enumerate(taken.messages) if one.protocol == IMAGES]
    before = [taken.messages[number].payload for number in images]
    after = [done.payloads[number] for number in images]
    manifest["faults"] = [
        parse(mapped(_told(done, one), before, after)).text for one in told.faults
    ]
    manifest["persons_salt"] = salt = secrets.token_hex(8)
    pieces = zip(taken.messages, done.payloads, strict=True)
    manifest["persons"] = persons([(one.protocol, raw) for one, raw in pieces], salt, identity)
    if identity.layout is not None and MAKER in manifest["messages"]:
        manifest[INSTRUMENT] = identity.layout.told()
    files["manifest.toml"] = toml(manifest).encode()
    leaks = scan(done.originals, files)
    if leaks:
        raise InputError(
            tr("an original would leave with this case ({count} places): nothing was written",
               count=len(leaks)),
            where=", ".join(sorted({f"{one.where} @{one.offset} ({one.form})" for one in leaks})),
            remedy=tr("name its place in a file for --identity"),
        )  # fmt: skip
    put(out, files)
    return manifest


def put(out: Path, files: Mapping[str, bytes]) -> None:
    """All files, or none: a case that was cut off is no case."""
    work = out.with_name(f"{out.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    try:
        for name, data in files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        work.rename(out)
    except OSError as error:
        shutil.rmtree(work, ignore_errors=True)
        why = error.strerror or str(error)
        raise InputError(tr("cannot be written: {why}", why=why), where=str(out)) from error


def _files(
    messages: Sequence[Recorded],
    done: Deidentified,
    pseudonyms: Pseudonyms,
    ends: Mapping[str, str],
) -> dict[str, bytes]:
    """Name and bytes of every message, and the timeline."""
    hosts: dict[str, str] = {}
    files: dict[str, bytes] = {}
    lines = []
    for number, (one, payload) in enumerate(zip(messages, done.payloads, strict=True), 1):
        name = f"messages/{number:04d}.{one.protocol}"
        files[name] = payload
        moved = timedelta(days=pseudonyms.days) if one.at_s else timedelta()
        at = datetime.fromtimestamp(one.at_s, UTC) + moved
        corr = {key: _text(done, value) for key, value in one.corr.items()}
        line = {
            "n": number,
            "at": at.isoformat(timespec="milliseconds") if one.at_s else "",
            "frm": _role(one.frm, ends) or _named(one.frm, hosts),
            "to": _role(one.to, ends) or _named(one.to, hosts),
            "protocol": one.protocol,
            "type": one.kind,
            "id": _text(done, one.ident),
            "corr": corr,
            "link": one.link,
            "file": name,
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        lines.append(json.dumps(line, ensure_ascii=False))
    files["timeline.jsonl"] = "".join(f"{line}\n" for line in lines).encode()
    return files


def _text(done: Deidentified, text: str) -> str:
    """A key of a message as the case has it; keys are read as Latin-1."""
    raw = done.replace(text.encode("latin-1", "replace"))
    return raw.decode("latin-1")


def _told(done: Deidentified, text: str) -> str:
    """A fault with the pseudonyms of the case in place of the originals."""
    return done.replace(text.encode("utf-8")).decode("utf-8")


def _role(end: str, ends: Mapping[str, str]) -> str:
    """The role that stands at an address: ``HOST:PORT``, or ``HOST`` for every port of it."""
    return ends.get(end) or ends.get(end.rpartition(":")[0], "")


def _named(end: str, hosts: dict[str, str]) -> str:
    """An end without the site's addresses: ``A:6661``."""
    return _ADDRESS.sub(lambda match: hosts.setdefault(match[0], f"host-{len(hosts) + 1}"), end)


def _manifest(
    taken: Taken,
    recording: Recording,
    sources: Sequence[Path],
    done: Deidentified,
    told: Told,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "harness": __version__,
        "symptom": told.symptom,
        "approver": told.approver,
        "reproduced": False,
        "systems": dict(told.systems),
        "messages": dict(Counter(one.protocol for one in taken.messages)),
        "not_matched": len(taken.near),
        "left_out": dict(recording.left_out),
        "identity": {"replaced": len(done.originals), "too_short_to_search": done.short},
        "sources": {f"source-{number}": _digest(path) for number, path in enumerate(sources, 1)},
    }


def _digest(path: Path) -> str:
    """Of a recording, however large: it is not read into memory at once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def toml(manifest: Mapping[str, Any]) -> str:
    """A manifest as text: plain values first, then its tables."""
    lines = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in manifest.items()
        if not isinstance(value, Mapping)
    ]
    for name, table in manifest.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{name}]"]
            lines += [
                f"{json.dumps(key, ensure_ascii=False)} = {json.dumps(value, ensure_ascii=False)}"
                for key, value in table.items()
            ]
    return "\n".join(lines) + "\n"
