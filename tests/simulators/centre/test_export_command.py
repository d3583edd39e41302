"""``centre export``: the ledger as a file, and what is refused."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

import pytest

from harness.cli import main
from harness.clock import RealClock
from harness.errors import InputError
from simulators.centre import export_command, provinces, simulate


def arguments(**said: object) -> argparse.Namespace:
    known = {"begin": "", "end": "", "encoding": "utf-8", "json": False}
    return argparse.Namespace(**known | said)


def test_a_ledger_in_use_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger, out = tmp_path / "books.sqlite", tmp_path / "books.csv"
    _, store = simulate.make(provinces.load_province("hunan"), str(ledger), RealClock(), seed=1)
    names = [row["name"] for row in store.rows("PRAGMA table_info(settlements)")]
    row = dict.fromkeys(names, 0) | {
        "setl_id": "1", "mdtrt_id": "2", "psn_no": "3", "setl_time": "2026-03-02 08:00:00",
        "medfee_sumamt": 18650, "vali_flag": "1", "refd_setl_flag": "0", "medins_setl_id": "M1",
    }  # fmt: skip
    holes = ", ".join("?" * len(names))
    store.commit([(f"INSERT INTO settlements VALUES ({holes})", [row[name] for name in names])])

    code = main(["centre", "export", "--ledger", str(ledger), "--out", str(out)])

    store.close()
    lines = out.read_text("utf-8-sig").splitlines()
    assert code == 0
    assert lines[0].startswith("setl_id,mdtrt_id,psn_no,medfee_sumamt")
    assert lines[1].startswith("1,2,3,186.50,")
    assert "books.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        {"ledger": "none.sqlite"},
        {"ledger": "other.sqlite"},
        {"ledger": "text.sqlite"},
        {"out": "text.sqlite"},
        {"begin": "yesterday"},
        {"encoding": "utf-7"},
    ],
)
def test_what_cannot_be_exported(tmp_path: Path, wrong: dict[str, str]) -> None:
    sqlite3.connect(tmp_path / "other.sqlite").execute("CREATE TABLE a (b)").connection.close()
    (tmp_path / "text.sqlite").write_text("no database", "utf-8")
    said: dict[str, str] = {"ledger": "other.sqlite", "out": "x.csv"} | wrong
    for name in ("ledger", "out"):
        said[name] = str(tmp_path / said[name])
    with pytest.raises(InputError):
        export_command.export(arguments(**said))
    assert not (tmp_path / "x.csv").exists()
