"""Recorded traffic as observations, a connection at a time: a day never has to fit into memory.

HL7 is read by the dialect learner, from any file. What went over ASTM, DICOM and HTTP is read here,
from traces and captures, which alone say who sent what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.dialect import sources
from harness.upgrade import dicom
from harness.upgrade.observe import HOSPITAL, Observation, agreed

CONNECTION_CHARS_MAX: Final = 128 * 1024 * 1024
"""Of one association, as its trace writes it; a longer one is left out, and counted."""

ELSEWHERE: Final = frozenset({"hl7", "dicom"})
"""Read by the dialect learner, and association by association."""


@dataclass(slots=True)
class Heard:
    """Who spoke, and what could not be read.

    Attributes:
        played: senders that a harness played: what they say is test data.
        left_out: associations longer than ``CONNECTION_CHARS_MAX``.
        unreadable: messages that are not what their protocol says.
        protocols: of what was read.
    """

    played: set[str] = field(default_factory=set)
    left_out: int = 0
    unreadable: int = 0
    protocols: set[str] = field(default_factory=set)


def observations(path: Path, heard: Heard) -> Iterator[Observation]:
    """What went over every protocol but HL7.

    Raises:
        InputError: a capture is none.
    """
    for journal in sources.journals([path]):
        for one in _of_journal(journal, heard):
            heard.protocols.add(str(one.record.get("protocol", "")))
            yield one


def _of_journal(records: Iterable[dict[str, Any]], heard: Heard) -> Iterator[Observation]:
    held: dict[str, list[dict[str, Any]]] = {}
    sizes: dict[str, int] = {}
    for record in records:
        kind, conn = record["kind"], str(record.get("conn", ""))
        if kind == "open":
            heard.played |= _played(record)
        elif kind == "message" and record.get("protocol") not in ELSEWHERE:
            yield _message(record)
        elif kind in {"message", "bytes"}:
            # Whether it is DICOM is known from its first bytes; what is not is not kept.
            if conn not in sizes:
                sizes[conn] = 0 if dicom.connections([record]) else CONNECTION_CHARS_MAX + 1
            elif sizes[conn] <= CONNECTION_CHARS_MAX < sizes[conn] + len(record["raw"]):
                heard.left_out += 1
                held.pop(conn, None)
            sizes[conn] += len(record["raw"])
            if sizes[conn] <= CONNECTION_CHARS_MAX:
                held.setdefault(conn, []).append(record)
        elif kind == "link" and record.get("event") == "closed":
            yield from _of_connection(held.pop(conn, ()))
            sizes.pop(conn, None)
    for left in held.values():
        yield from _of_connection(left)


def _played(head: dict[str, Any]) -> set[str]:
    return {
        str(one["role"]) for one in head.get("systems", ())
        if one["mode"] == "simulated" and one["role"] not in HOSPITAL
    }  # fmt: skip


def _message(record: dict[str, Any], data: dicom.Values | None = None) -> Observation:
    return Observation(
        "message", str(record.get("interface", "")), str(record.get("link", "")),
        str(record.get("frm", "")), str(record.get("type", "")), float(record.get("t", 0.0)),
        record, data or {},
    )  # fmt: skip


def _of_connection(records: Iterable[dict[str, Any]]) -> Iterator[Observation]:
    """Messages and associations of one connection over DICOM."""
    ours = list(records)
    read = dicom.read(ours)
    for group in agreed(read.said).values():
        yield from group
    for record in ours:
        if record["kind"] == "message":
            yield _message(record, read.data_sets.get(int(record["n"])))
