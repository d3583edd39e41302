"""The exception set of a reconciliation: everything it says of every row that is not plainly equal.

Run by itself (``exceptions.py ENGINE ROUNDS FOLDER``) it prints the hash and the number of lines.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from generate import generate, write

from harness.ledger.command import Request, reconcile

HEALTHY_A_ROUND = 10
"""Healthy bills beside the eighty rows of every round of differences."""


@dataclass(frozen=True)
class Exceptions:
    """Lines of ``verdicts.csv`` as bytes, in the order of the inputs, and what they are about."""

    text: bytes
    lines: int
    rows: int
    classes: frozenset[str]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


def found_by(engine: str, folder: Path, *, rounds: int, seed: int = 7) -> Exceptions:
    """What ``engine`` says of ledgers with every kind of difference ``rounds`` times."""
    folder.mkdir(parents=True, exist_ok=True)
    book = generate(seed, rounds=rounds, healthy=HEALTHY_A_ROUND * rounds)
    sources = {side: str(folder / f"{side}.csv") for side in ("his", "centre")}
    write(book.his, Path(sources["his"]), seed=3, shuffle=True)
    write(book.centre, Path(sources["centre"]), seed=4, shuffle=True)
    request = Request(
        sources=sources, out=str(folder / "out"), engine=engine, quiet=True, bare=True
    )
    if reconcile(request) != 1:
        raise AssertionError("ledgers with differences were not said to differ")
    return read(folder / "out" / "verdicts.csv")


def read(path: Path) -> Exceptions:
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    rows = list(csv.DictReader(line.decode() for line in lines))
    # A line of the file is a row: no cell of a generated ledger has a newline.
    kept = [
        (line, row["class"])
        for line, row in zip(lines[1:], rows, strict=True)
        if row["class"] != "matched" or row["field"]
    ]
    return Exceptions(
        text=b"".join(line for line, _ in kept),
        lines=len(kept),
        rows=len(rows),
        classes=frozenset(name for _, name in kept),
    )


if __name__ == "__main__":
    one = found_by(sys.argv[1], Path(sys.argv[3]), rounds=int(sys.argv[2]))
    print(one.sha256, one.lines, one.rows, len(one.classes))
