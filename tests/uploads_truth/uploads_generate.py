"""Registrations, trace codes and settlement lists with a truth that is fixed before any noise.

Imports nothing of what it is to judge. Each kind of row is made by a function that gives rows of
both sides with their true class; look-alikes that are harmless stand among them.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEADS = {
    "visits": {
        "his": ["mdtrt_id", "psn_no", "ipt_otp_no", "vali_flag"],
        "centre": ["mdtrt_id", "psn_no", "ipt_otp_no", "vali_flag", "msgid"],
    },
    "boxes": {
        "his": ["drug_trac_codg", "mdtrt_id", "psn_no", "trdn_flag", "state", "note"],
        "centre": ["drugTracCodg", "mdtrtId", "psnNo", "trdnFlag", "valiFlag"],
    },
    "lists": {
        "his": ["setl_id", "psn_no", "state", "fund_pay_sumamt"],
        "centre": ["setl_id", "psn_no", "stas_type", "fund_pay_sumamt"],
    },
}

Row = tuple[str, tuple[str, ...]]
"""True class, and cells."""


@dataclass(slots=True)
class Book:
    """Rows of both sides of one kind, in the order in which they were made."""

    his: list[Row] = field(default_factory=list)
    centre: list[Row] = field(default_factory=list)

    def put(self, his: list[Row], centre: list[Row]) -> None:
        """Rows that belong together."""
        self.his += his
        self.centre += centre


def visits(seed: int, rounds: int) -> Book:
    """Registrations; truth by construction."""
    book = Book()
    for n in _numbers(seed, rounds):
        m, p, o = f"M{n:09d}", f"P{n:07d}", f"B{n:08d}"
        ok = ("matched", (m + "1", p, o + "1", "1"))
        book.put([ok], [(ok[0], (*ok[1], f"G{n}"))])
        # undone in HIS only; then the same person comes again and all is well
        book.put(
            [
                ("registration_only", (m + "2", p, o + "2", "0")),
                ("matched", (m + "3", p, o + "3", "1")),
            ],
            [
                ("registration_only", (m + "2", p, o + "2", "1", "")),
                ("matched", (m + "3", p, o + "3", "1", "")),
            ],
        )
        book.put([], [("registration_only", (m + "4", p, o + "4", "1", ""))])
        book.put([("registration_missing", (m + "5", p, o + "5", "1"))], [])
        book.put(
            [("registration_missing", (m + "6", p, o + "6", "1"))],
            [("registration_missing", (m + "6", p, o + "6", "0", ""))],
        )
        # undone on both sides, and one that HIS deleted after the centre undid it
        book.put(
            [("withdrawn", (m + "7", p, o + "7", "0"))],
            [("withdrawn", (m + "7", p, o + "7", "0", ""))],
        )
        book.put([], [("withdrawn", (m + "8", p, o + "8", "0", ""))])
        book.put([("withdrawn", (m + "9", p, o + "9", "0"))], [])
        book.put(
            [("other_person", (m + "A", p, o + "A", "1"))],
            [("other_person", (m + "A", p + "9", o + "A", "1", ""))],
        )
        # the answer was lost: HIS holds the visit without the centre's id
        book.put(
            [("id_suspect", ("", p, o + "C", "1"))],
            [("id_suspect", (m + "C", p, o + "C", "1", ""))],
        )
        # who pays alone has no id either, and the centre has nothing: no difference
        book.put([("not_insured", ("", p, o + "D", "1"))], [])
        # registered, undone, registered again under one hospital number: harmless
        book.put(
            [("matched", (m + "F", p, o + "E", "1"))],
            [
                ("withdrawn", (m + "E", p, o + "E", "0", "")),
                ("matched", (m + "F", p, o + "E", "1", "")),
            ],
        )
        # two at the centre for one without an id: nobody can tell
        book.put(
            [("ambiguous", ("", p, o + "G", "1"))],
            [
                ("ambiguous", (m + "G", p, o + "G", "1", "")),
                ("ambiguous", (m + "H", p, o + "G", "1", "")),
            ],
        )
        book.put(
            [
                ("matched", (m + "J", p, o + "J", "1")),
                ("duplicate_his", (m + "J", p, o + "J", "1")),
            ],
            [("matched", (m + "J", p, o + "J", "1", ""))],
        )
        book.put(
            [("matched", (m + "K", p, o + "K", "1"))],
            [
                ("matched", (m + "K", p, o + "K", "1", "")),
                ("registration_only", (m + "L", p, o + "K", "1", "")),
            ],
        )
    return book


def boxes(seed: int, rounds: int) -> Book:
    """Trace codes."""
    book = Book()
    for n in _numbers(seed, rounds):
        code = [f"8{n:010d}{k:09d}" for k in range(20)]
        a, b, p, q = f"M{n:09d}1", f"M{n:09d}2", f"P{n}", f"Q{n}"

        def his(
            truth: str,
            k: int,
            m: str,
            who: str,
            state: str = "sold",
            split: str = "0",
            note: str = "",
        ) -> Row:
            return truth, (code[k], m, who, split, state, note)  # noqa: B023 - used at once

        def centre(truth: str, k: int, m: str, who: str, valid: str = "1", split: str = "0") -> Row:
            return truth, (code[k], m, who, split, valid)  # noqa: B023 - used at once

        book.put([his("matched", 0, a, p)], [centre("matched", 0, a, p)])
        # two halves of one pack: the same code, and no risk
        book.put(
            [his("matched", 1, a, p, split="1"), his("matched", 1, b, q, split="1")],
            [centre("matched", 1, a, p, split="1"), centre("matched", 1, b, q, split="1")],
        )
        # returned and sold again
        book.put(
            [his("withdrawn", 2, a, p, "returned"), his("matched", 2, b, q)],
            [centre("withdrawn", 2, a, p, "0"), centre("matched", 2, b, q)],
        )
        # the same again within one visit
        book.put(
            [his("withdrawn", 3, a, p, "returned"), his("matched", 3, a, p)],
            [centre("withdrawn", 3, a, p, "0"), centre("matched", 3, a, p)],
        )
        book.put([his("trace_code_missing", 4, a, p, "refused", note="系统维护")], [])
        book.put([his("trace_code_missing", 5, a, p)], [])
        book.put([his("trace_code_missing", 6, a, p)], [centre("trace_code_missing", 6, a, p, "0")])
        book.put([], [centre("trace_code_only", 7, a, p)])
        book.put([], [centre("withdrawn", 8, a, p, "0")])
        book.put(
            [his("matched", 9, a, p), his("trace_code_twice", 9, b, q, "refused", note="已售")],
            [centre("matched", 9, a, p)],
        )
        book.put(
            [his("trace_code_twice", 10, a, p), his("trace_code_twice", 10, b, q)],
            [centre("trace_code_twice", 10, a, p), centre("trace_code_twice", 10, b, q)],
        )
        book.put(
            [his("trace_not_returned", 11, a, p, "returned")],
            [centre("trace_not_returned", 11, a, p)],
        )
        book.put(
            [his("trace_state_differs", 12, a, p, "sending")],
            [centre("trace_state_differs", 12, a, p)],
        )
        book.put(
            [his("trace_state_differs", 13, a, p)],
            [centre("trace_state_differs", 13, a, p, split="1")],
        )
        book.put([his("id_suspect", 14, a, p)], [centre("id_suspect", 14, b, p)])
        book.put([his("other_person", 15, a, p)], [centre("other_person", 15, a, q)])
        book.put([his("withdrawn", 16, a, p, "returned")], [])
        book.put(
            [his("matched", 17, a, p), his("trace_code_twice", 17, a, p, "repeated")],
            [centre("matched", 17, a, p)],
        )
    return book


def lists(seed: int, rounds: int) -> Book:
    """Settlement lists, where the ledger holds no settlement of theirs: files alone decide."""
    book = Book()
    for n in _numbers(seed, rounds):
        s, p = f"S{n:012d}", f"P{n}"

        def pair(
            k: str,
            truth: str,
            his: tuple[str, str] | None,
            centre: tuple[str, str] | None,
            who: str = "",
        ) -> None:
            book.put(
                [(truth, (s + k, p, *his))] if his else [],  # noqa: B023 - used at once
                [(truth, (s + k, who or p, *centre))] if centre else [],  # noqa: B023 - used at once
            )

        pair("1", "matched", ("submitted", "10.00"), ("1", "10.00"))
        pair("2", "matched", ("submitted", "10.00"), ("2", "10.00"))
        pair("3", "matched", ("submitted", "1,010.00"), ("2", "1010.0"))
        pair("4", "list_missing", ("due", "10.00"), None)
        pair("5", "list_missing", ("submitted", "10.00"), None)
        pair("6", "list_refused", ("refused", "10.00"), None)
        pair("7", "list_refused", ("submitted", "10.00"), ("3", "10.00"))
        pair("8", "list_stale", ("void", "10.00"), ("1", "10.00"))
        pair("9", "withdrawn", ("void", "10.00"), None)
        pair("A", "withdrawn", ("void", "10.00"), ("3", "10.00"))
        pair("B", "list_not_submitted", ("uploaded", "10.00"), ("0", "10.00"))
        pair("C", "list_not_submitted", ("submitted", "10.00"), ("0", "10.00"))
        pair("D", "list_differs", ("submitted", "10.00"), ("1", "10.01"))
        pair("E", "list_differs", ("due", "10.00"), ("1", "10.00"))
        pair("F", "list_only", None, ("1", "10.00"))
        pair("G", "other_person", ("submitted", "10.00"), ("1", "10.00"), p + "9")
        pair("H", "list_differs", ("refused", "10.00"), ("2", "10.00"))
    return book


def _numbers(seed: int, rounds: int) -> Iterator[int]:
    yield from random.Random(seed).sample(range(10**7), rounds)


def write(
    rows: list[Row],
    heads: list[str],
    path: Path,
    *,
    seed: int,
    shuffle: bool = False,
    columns: bool = False,
    encoding: str = "utf-8",
    tab: bool = False,
) -> list[Row]:
    """Write one side; gives the true class and the cells of each line."""
    rng = random.Random(seed)
    rows = list(rows)
    if shuffle:
        rng.shuffle(rows)
    order = list(range(len(heads)))
    if columns:
        rng.shuffle(order)
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter="\t" if tab else ",", lineterminator="\r\n")
        writer.writerow([heads[place] for place in order])
        writer.writerows([cells[place] for place in order] for _, cells in rows)
    return rows
