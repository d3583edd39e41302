"""Hospital by hospital from a partitioned data set: what each one's own run says, put together."""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
from pathlib import Path

import duckdb
import pytest

from harness.errors import InputError
from harness.ledger.command import Request, reconcile
from tests.harness.ledger.desk import Desk, row

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ledger_truth"))
from generate import generate, write

pytestmark = pytest.mark.slow

HOSPITALS = ("H43010001", "h43010002 ", "衡阳市医院", "")


def ledgers(folder, *, spread=True):
    """Ledgers with every kind of difference, each kind's rows in one hospital of several."""
    book = generate(31, rounds=1, healthy=60)
    luck = random.Random(5)
    where = {}
    for side, rows in (("his", book.his), ("centre", book.centre)):
        path = folder / f"{side}.csv"
        write(rows, path, seed=2, shuffle=True)
        with path.open(encoding="utf-8", newline="") as stream:
            lines = list(csv.DictReader(stream))
        for line in lines:
            # Rows of one person belong to one hospital, and so do those without a person.
            key = line["psn_no"].strip().upper()
            line["fixmedins_code"] = where.setdefault(key, luck.choice(HOSPITALS)) if spread else ""
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
    return {side: str(folder / f"{side}.csv") for side in ("his", "centre")}


def judged(sources, out, **further):
    request = Request(
        sources=sources,
        out=str(out),
        further=argparse.Namespace(**further),
        quiet=True,
        bare=True,
    )
    assert reconcile(request) == 1
    return (out / "verdicts.csv").read_bytes(), json.loads((out / "totals.json").read_text("utf-8"))


def test_one_hospital_after_another_says_what_all_together_say(tmp_path):
    sources = ledgers(tmp_path)
    parts = tmp_path / "parts"
    by = {"by_hospital": "fixmedins_code"}
    text, told = judged(sources, tmp_path / "apart", **by, hospital_parts=str(parts))
    whole, wanted = judged(sources, tmp_path / "whole", **by)
    assert text == whole
    assert told == wanted
    assert told["residual"] == "0.00"
    names = {one.name for one in (parts / "his").iterdir()}
    assert len(names) == len(HOSPITALS)
    assert {"hospital=H43010001", "hospital=H43010002"} <= names


def test_each_partition_says_the_same_by_itself(tmp_path):
    sources = ledgers(tmp_path)
    parts = tmp_path / "parts"
    by = {"by_hospital": "fixmedins_code"}
    text, _ = judged(sources, tmp_path / "apart", **by, hospital_parts=str(parts))
    found = sorted(_classes(text.decode("utf-8-sig")))
    alone = []
    for name in sorted(one.name for one in (parts / "his").iterdir()):
        own = {}
        for side in ("his", "centre"):
            own[side] = str(tmp_path / f"{side}-own.csv")
            with duckdb.connect() as con:
                files = (parts / side / name / "*.parquet").as_posix()
                con.execute(f"CREATE VIEW own AS SELECT rid FROM read_parquet('{files}')")
                lines = {row[0] for row in con.execute("SELECT rid FROM own").fetchall()}
            every = Path(sources[side]).read_text("utf-8").splitlines(keepends=True)
            kept = [every[0], *(every[line] for line in sorted(lines))]
            Path(own[side]).write_text("".join(kept), encoding="utf-8", newline="")
        out = tmp_path / f"own-{len(alone)}"
        request = Request(sources=own, out=str(out), quiet=True, bare=True)
        assert reconcile(request) in {0, 1}
        alone += _classes((out / "verdicts.csv").read_text("utf-8-sig"))
    assert found == sorted(alone)
    assert len({name for _, _, name in found}) > 10


def _classes(text):
    return [
        (row["side"], row["setl_id"], row["class"]) for row in csv.DictReader(text.splitlines())
    ]


def test_a_hospital_that_writes_refunds_positive_is_turned_by_itself(tmp_path):
    names = "setl_id,psn_no,medfee_sumamt,fund_pay_sumamt,setl_time,refd_setl_flag,org\n"
    time = "2026-03-02 10:00:00"
    rows = [f"S{n},P{n},10.00,4.00,{time},0,A\n" for n in range(3)]
    rows += [f"S{n},P{n},10.00,4.00,{time},1,A\n" for n in range(2)]
    other = [f"T{n},Q{n},-7.00,-3.00,{time},1,B\n" for n in range(2)]
    sources = {}
    for side in ("his", "centre"):
        sources[side] = str(tmp_path / f"{side}.csv")
        Path(sources[side]).write_text(names + "".join([*rows, *other]), encoding="utf-8")
    out, parts = tmp_path / "out", str(tmp_path / "parts")
    further = argparse.Namespace(by_hospital="org", hospital_parts=parts)
    request = Request(sources=sources, out=str(out), further=further, quiet=True, bare=True)
    assert reconcile(request) == 0
    text = (out / "verdicts.csv").read_text("utf-8-sig")
    found = [name for side, _, name in _classes(text) if side == "his"]
    assert found[:5] == ["refund_pair", "refund_pair", "matched", "refund_pair", "refund_pair"]


@pytest.mark.parametrize(
    "further", [{"hospital_parts": "x"}, {"hospital_parts": "x", "by_hospital": "fixmedins_code"}]
)
def test_what_the_data_set_cannot_serve_is_refused(tmp_path, further):
    sources = ledgers(tmp_path)
    state = {"state": str(tmp_path / "state")} if "by_hospital" in further else {}
    request = Request(
        sources=sources,
        out=str(tmp_path / "out"),
        further=argparse.Namespace(**further),
        quiet=True,
        bare=True,
        **state,
    )
    with pytest.raises(InputError, match="hospital-parts"):
        reconcile(request)


def test_spark_is_refused_before_anything_is_read_or_written(tmp_path):
    further = argparse.Namespace(by_hospital="fixmedins_code", hospital_parts=str(tmp_path / "x"))
    sources = {side: str(tmp_path / "no-such.csv") for side in ("his", "centre")}
    request = Request(
        sources=sources, out=str(tmp_path / "out"), engine="spark", further=further, quiet=True
    )
    with pytest.raises(InputError, match="spark") as caught:
        reconcile(request)
    assert caught.value.where == "--hospital-parts"
    assert "--by-hospital" in caught.value.remedy
    assert not [*tmp_path.iterdir()]


def test_other_peoples_files_are_not_overwritten(tmp_path):
    sources = ledgers(tmp_path)
    (tmp_path / "parts" / "his").mkdir(parents=True)
    (tmp_path / "parts" / "his" / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match=r"other files|别的文件"):
        judged(
            sources,
            tmp_path / "out",
            by_hospital="fixmedins_code",
            hospital_parts=str(tmp_path / "parts"),
        )
    assert (tmp_path / "parts" / "his" / "thesis.txt").exists()


def test_the_command_cuts_by_hospital(tmp_path, capsys):
    desk = Desk(tmp_path, capsys)
    his = [row(1, org="A"), row(2, org="B"), row(3, org="A")]
    centre = [row(1, org="A"), row(2, org="A"), row(3, org="A")]
    parts = tmp_path / "parts"
    code = desk.run(his, centre, "--by-hospital", "org", "--hospital-parts", parts)
    assert code == 1
    assert desk.classes("his") == ["matched", "his_only", "matched"]
    assert desk.classes("centre") == ["matched", "centre_only", "matched"]
    assert [one.name for one in (parts / "centre").iterdir()] == ["hospital=A"]
