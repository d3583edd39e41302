"""What the built-in PACS keeps: one file an instance, and an index in its store.

An instance is acknowledged when its file and its row are on the disk, in this order: a power cut
between them leaves a file that nobody names, and never a row without a file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.link.dicom_data import DataSet, tag_of
from simulators.store import Row, Store, insert

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS instances (id INTEGER PRIMARY KEY AUTOINCREMENT,
    sop TEXT NOT NULL, sop_class TEXT NOT NULL, study TEXT NOT NULL, series TEXT NOT NULL,
    patient_id TEXT NOT NULL, syntax TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL,
    size INTEGER NOT NULL, sender TEXT NOT NULL, keys TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS instances_sop ON instances (sop)",
    "CREATE INDEX IF NOT EXISTS instances_study ON instances (study)",
    """CREATE TABLE IF NOT EXISTS commitments (uid TEXT PRIMARY KEY, caller TEXT NOT NULL,
    state TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS destinations (ae TEXT PRIMARY KEY, host TEXT NOT NULL,
    port INTEGER NOT NULL)""",
)

INDEXED: Final = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID",
    "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID",
    "StudyDescription", "ReferringPhysicianName", "SeriesInstanceUID", "Modality", "SeriesNumber",
    "SeriesDescription", "BodyPartExamined", "InstitutionName", "SOPInstanceUID", "SOPClassUID",
    "InstanceNumber", "Rows", "Columns", "NumberOfFrames",
)  # fmt: skip
"""What can be asked for."""

ROWS_MAX: Final = 100_000
"""Instances that one look into the index takes."""


@dataclass(slots=True)
class Archive:
    """Files and index.

    Args:
        store: the index.
        folder: of the files; made at need.
        durable: wait for the disk.
        again: equal second copies by study since the start.
    """

    store: Store
    folder: Path
    durable: bool = True
    again: dict[str, int] = field(default_factory=dict)

    def find(self, column: str, values: Sequence[str]) -> list[Row]:
        """Instances by ``sop``, ``series``, ``study`` or ``patient_id``, in the order stored."""
        if column not in {"sop", "series", "study", "patient_id"}:
            raise ValueError(column)
        found: list[Row] = []
        for value in dict.fromkeys(values):
            sql = f"SELECT * FROM instances WHERE {column} = ? ORDER BY id LIMIT {ROWS_MAX}"
            found += self.store.rows(sql, [value])
        return found

    def all(self) -> list[Row]:
        """Every instance, in the order stored."""
        return self.store.rows(f"SELECT * FROM instances ORDER BY id LIMIT {ROWS_MAX}")

    def keep(self, body: bytes, row: Mapping[str, str], keys: Mapping[str, str]) -> None:
        """Write one instance: the file first, then its row."""
        digest = hashlib.sha256(body).hexdigest()
        name = f"{hashlib.sha256((row['sop'] + digest).encode()).hexdigest()[:40]}.dat"
        self._write(name, body)
        full = {**row, "file": name, "sha256": digest, "size": len(body),
                "keys": json.dumps(keys, ensure_ascii=False)}  # fmt: skip
        self.store.commit([insert("instances", full)])

    def _write(self, name: str, body: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{name}.part"
        with partial.open("wb") as file:
            file.write(body)
            file.flush()
            if self.durable:
                os.fsync(file.fileno())
        partial.replace(self.folder / name)

    def body(self, row: Mapping[str, str]) -> bytes | None:
        """The encoded data set of an instance; None where its file is gone."""
        try:
            return (self.folder / row["file"]).read_bytes()
        except OSError:
            return None

    def lose(self, row: Mapping[str, str]) -> None:
        """Delete the file of an instance and keep its row."""
        (self.folder / row["file"]).unlink(missing_ok=True)

    def forget(self, sop: str) -> None:
        """Take an instance out of the index."""
        self.store.commit([("DELETE FROM instances WHERE sop = ?", [sop])])

    def destination(self, title: str) -> tuple[str, int] | None:
        """Where an AE listens."""
        rows = self.store.rows("SELECT host, port FROM destinations WHERE ae = ?", [title])
        return (str(rows[0]["host"]), int(rows[0]["port"])) if rows else None


def keys_of(data: DataSet) -> dict[str, str]:
    """The texts of a data set that can be asked for."""
    return {keyword: data.text(keyword) for keyword in INDEXED if tag_of(keyword) in data.elements}
