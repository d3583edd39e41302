"""A case that was written: its manifest, and every message of its timeline, held to its hash."""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.evidence.shapes import typed
from harness.i18n import tr

COMMAND: Final = "command"
"""Protocol of a line that is no message: what a user did at a screen."""

LINES_MAX: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a timeline.

    Attributes:
        number: in the case as it was taken.
        at_s: seconds since 1970; 0 where the recording had no times.
        frm: role that sent it.
        to: role that got it.
        protocol: ``hl7``, ``astm``, ``http`` or ``command``.
        kind: type of the message; name of the command.
        ident: control id, msgid.
        corr: what it is about.
        link: name of the endpoint that it went over, where the recording says.
        payload: the bytes; of a command its arguments as JSON.
    """

    number: int
    at_s: float
    frm: str
    to: str
    protocol: str
    kind: str
    ident: str
    corr: dict[str, str]
    link: str
    payload: bytes

    @property
    def answers(self) -> str:
        """Id of the message that this one answers; empty where it answers none."""
        return self.corr.get("acknowledges", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case.

    Attributes:
        folder: where it is.
        manifest: its ``manifest.toml``.
        lines: its timeline.
        hash: of manifest and timeline, for reports.
    """

    folder: Path
    manifest: dict[str, Any]
    lines: Sequence[Line]
    hash: str

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name


def load(folder: Path) -> Case:
    """Read a case.

    Raises:
        InputError: there is none, or a message is not what it was when the case was written.
    """
    try:
        text = (folder / "manifest.toml").read_bytes()
        manifest = tomllib.loads(text.decode("utf-8"))
        timeline = (folder / "timeline.jsonl").read_bytes()
        records = [json.loads(line) for line in timeline.decode("utf-8").splitlines()]
        lines = [_line(folder, record) for record in records[:LINES_MAX]]
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(tr("cannot be read: {why}", why=why), where=str(folder)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(tr("not a case: {why}", why=error), where=str(folder)) from error
    if manifest.get("timeline_sha256", "") not in ("", hashlib.sha256(timeline).hexdigest()):
        raise InputError(tr("the timeline is not the one that was written"), where=str(folder))
    if not lines:
        raise InputError(tr("the case has no message"), where=str(folder))
    whole = hashlib.sha256(text + timeline).hexdigest()
    return Case(folder=folder, manifest=manifest, lines=lines, hash=whole)


def _payload(folder: Path, record: dict[str, Any]) -> bytes:
    """In a file of its own, or in base64 where a case travels as text alone."""
    if "raw" in record:
        return base64.b64decode(record["raw"], validate=True)
    path = folder / str(record["file"])
    if folder.resolve() not in path.resolve().parents:
        raise ValueError(record["file"])
    return path.read_bytes()


def _line(folder: Path, record: dict[str, Any]) -> Line:
    wrong = [name for name, value in record.items() if not typed({name: value})]
    if wrong:
        raise ValueError(", ".join(wrong))
    payload = _payload(folder, record)
    if hashlib.sha256(payload).hexdigest() != record["sha256"]:
        raise InputError(
            tr("{file} is not what it was when the case was written", file=record.get("file", "")),
            where=str(folder),
        )
    at = record.get("at", "")
    return Line(
        number=record["n"],
        at_s=datetime.fromisoformat(at).timestamp() if at else 0.0,
        frm=record["frm"],
        to=record["to"],
        protocol=record["protocol"],
        kind=record["type"],
        ident=record["id"],
        corr=dict(record.get("corr", {})),
        link=record.get("link", ""),
        payload=payload,
    )
