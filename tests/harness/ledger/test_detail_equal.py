"""Settlements that agree while their fee lines do not: found, and nothing else is called so."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import pytest

from harness.ledger.command import Request, reconcile

LEDGER = (
    "setl_id,mdtrt_id,psn_no,medfee_sumamt,fund_pay_sumamt,acct_pay,psn_cash_pay,setl_time,"
    "refd_setl_flag,msgid\n"
)
HEADS = "setl_id,feedetl_sn,medins_list_codg,med_list_codg,cnt,pric,det_item_fee_sumamt\n"
SAME = "S1,1,Y1,M1,2,5.00,10.00\nS1,2,Y2,M2,1,3.00,3.00\n"


def _ledger() -> str:
    rows = [f"S{n},V{n},P{n},13.00,5.00,3.00,5.00,2026-01-05 08:0{n}:00,0,G{n}\n" for n in (1, 2)]
    return LEDGER + "".join(rows)


def _classes(folder: Path, his: str, centre: str) -> list[tuple[str, str, str]]:
    names = ("his", "centre", "his_detail", "centre_detail")
    texts = (_ledger(), _ledger(), HEADS + his, HEADS + centre)
    for name, text in zip(names, texts, strict=True):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    sources = {name: str(folder / f"{name}.csv") for name in names[:2]}
    details = {name: str(folder / f"{name}.csv") for name in names[2:]}
    out = folder / "out"
    reconcile(
        Request(sources=sources, out=str(out), further=argparse.Namespace(**details), bare=True)
    )
    with (out / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
        return [(row["side"], row["class"], row["cause"]) for row in csv.DictReader(stream)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "cause"),
    [
        ("S1,1,Y1,M9,2,5.00,10.00\nS1,2,Y2,M2,1,3.00,3.00\n", "mapping_error"),
        ("S1,1,Y1,M1,5,2.00,10.00\nS1,2,Y2,M2,1,3.00,3.00\n", "lines_differ"),
        ("S1,1,Y1,M1,2,5.00,10.00\nS1,2,Y2,M2,1,3.00,3.00\nS1,3,Y3,M3,1,0.50,0.50\n",
         "leftover_lines"),
    ],
)  # fmt: skip
def test_lines_alone_make_a_class_of_their_own(tmp_path: Path, other: str, cause: str) -> None:
    found = _classes(tmp_path, SAME, other)

    assert found == [
        ("his", "detail_differs", cause), ("his", "matched", ""),
        ("centre", "detail_differs", cause), ("centre", "matched", ""),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "other",
    [
        "S1,2,Y2,M2,1.0,3.0000,3.00\nS1,1,Y1,M1,2.0000,5,10.00\n",  # order and form of numbers
        "S1,12,Y2,M2,1,3.00,3.00\nS1,11,Y1,M1,2,5.00,10.00\n",  # other serial numbers
        "S2,1,Y1,M1,2,5.00,10.00\n",  # a settlement that only one file has
    ],
)
def test_what_only_looks_different_is_none(tmp_path: Path, other: str) -> None:
    assert {one for _, one, _ in _classes(tmp_path, SAME, other)} == {"matched"}
