"""Catalogues of Oracle and SQL Server through a stand-in; named tables row by row.

The stand-in is written from the drivers' interface (PEP 249). No real server is asked here, which
every snapshot of such a database says itself.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.contract import catalogues, drivers, sql
from harness.contract.compare import compare
from harness.contract.model import Snapshot
from harness.contract.rows import Named
from harness.errors import InputError
from harness.probes.sql import check_select

ROWS = {
    "all_synonyms": [("LIS.RESULTS", "LISCORE", "T_RESULT", None)],
    "sys.synonyms": [("dbo.RESULTS", "[other].[dbo].[T_RESULT]")],
    "status = 'INVALID'": [("LIS.P_SEND", "PROCEDURE")],
    "sys.sql_expression_dependencies": [("dbo.P_SEND -> dbo.GONE", "refers to nothing")],
    "all_db_links": [("PUBLIC.HISLINK", "LIS", "his-db")],
    "sys.servers": [("HISLINK", "Oracle", "OraOLEDB", "his-db")],
    "all_scheduler_jobs": [("LIS.NIGHT", "TRUE", "PLSQL_BLOCK", "FREQ=DAILY", "begin p; end;")],
    "all_tab_columns WHERE table_name": [("HIS_CODE",), ("YB_CODE",)],
    "INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME": [("HIS_CODE",), ("YB_CODE",)],
    "COUNT(*) FROM dbo.MAP": [(1,)],
    "HIS_CODE, YB_CODE FROM dbo.MAP": [("1001", "YB1")],
    "COUNT(*) FROM LIS.MAP": [(1,)],
    "HIS_CODE, YB_CODE FROM LIS.MAP": [("1001", "YB1")],
}  # fmt: skip


class Error(Exception):
    pass


class Cursor:
    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def execute(self, text: str, values: tuple[Any, ...] = ()) -> None:
        if "msdb" in text or "all_triggers" in text:
            raise Error("permission denied")
        self.rows = next((rows for part, rows in ROWS.items() if part in text), [])

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def close(self) -> None: ...


class Database:
    cursor = Cursor

    def rollback(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture(params=["oracle", "mssql"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    asked: list[dict[str, Any]] = []
    module = types.ModuleType(drivers.KINDS[request.param])
    module.Error = Error  # type: ignore[attr-defined]  # a stand-in
    module.connect = lambda **words: asked.append(words) or Database()  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found: str = request.param
    return found


def test_every_question_is_one_plain_select() -> None:
    for looks in catalogues.CATALOGUES.values():
        kinds = [one.kind for one in looks]
        assert len(kinds) == len(set(kinds))
        assert {"column", "view", "synonym", "invalid", "routine", "argument", "trigger", "job",
                "dblink", "grant"} <= set(kinds)  # fmt: skip
        for look in looks:
            check_select(look.sql)


def test_what_a_catalogue_tells_and_that_nobody_verified_it(kind: str) -> None:
    found = sql.items(f"{kind}://u:p@db/lis")

    assert "never run" in found[catalogues.UNVERIFIED]
    text = json.dumps(found)
    for part in ("synonym", "invalid", "dblink"):
        assert f'"{part} ' in text
    refused = "job" if kind == "mssql" else "trigger"
    assert found[f"refused {refused}"] == "permission denied"


def test_a_definition_is_kept_by_its_hash(kind: str) -> None:
    if kind == "oracle":
        found = sql.items("oracle://u:p@db/lis")
        assert found["job LIS.NIGHT"].startswith("TRUE, PLSQL_BLOCK, FREQ=DAILY, ")
        assert "begin" not in found["job LIS.NIGHT"]


def test_named_tables_row_by_row(kind: str) -> None:
    table = "LIS.MAP" if kind == "oracle" else "dbo.MAP"
    found = sql.items(f"{kind}://u:p@db/lis", [Named.parse(f"{table}:HIS_CODE")])

    assert found[f"row {table}[1001].YB_CODE"] == "YB1"


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oracledb", None)
    with pytest.raises(InputError, match="oracledb"):
        sql.items("oracle://u:secret@db/lis")


def database(path: Path, *values: tuple[str, str, str]) -> str:
    db = sqlite3.connect(path)
    with db:
        db.execute("CREATE TABLE map (his_code TEXT, yb_code TEXT, name TEXT, password TEXT,"
                   " patient_name TEXT)")  # fmt: skip
        for one in values:
            db.execute("INSERT INTO map VALUES (?, ?, ?, 'geheim', '张三')", one)
    db.close()
    return str(path)


def test_a_mapping_that_changed_is_told_by_row_and_column(tmp_path: Path) -> None:
    named = [Named.parse("map:his_code")]
    before = sql.items(database(tmp_path / "a", ("1", "A", "血"), ("2", "B", "尿")), named)
    after = sql.items(database(tmp_path / "b", ("1", "A", "血"), ("2", "C", "尿")), named)

    (change,) = compare(
        Snapshot(parts={"sql LIS": before}), Snapshot(parts={"sql LIS": after})
    ).changes
    assert (change.item, change.old, change.new) == ("row map[2].yb_code", "B", "C")
    text = json.dumps(before, ensure_ascii=False)
    assert "geheim" not in text
    assert "张三" not in text
    assert before["row map[1].name"] == "血"


@pytest.mark.parametrize(
    ("text", "says"),
    [("map", "TABLE:KEY"), ("map;drop:x", "TABLE:KEY"), ("map:nothing", "nothing"),
     ("map:name", "two rows"), ("gone:x", "gone"), ("map:patient_name", "person")],
)  # fmt: skip
def test_a_table_that_cannot_be_read_row_by_row(tmp_path: Path, text: str, says: str) -> None:
    url = database(tmp_path / "a", ("1", "A", "血"), ("2", "B", "血"))
    with pytest.raises(InputError) as caught:
        sql.items(url, [Named.parse(text)])
    told = str(caught.value)
    translated = {"two rows": "两行", "person": "个人", "gone": "gone"}
    assert says in told or translated.get(says, says) in told


def test_the_option_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = database(tmp_path / "a", ("1", "A", "血"))
    words = ["contract", "snapshot", "--database", f"LIS={url}", "--lang", "en",
             "--out", str(tmp_path / "o")]  # fmt: skip

    assert cli.main([*words, "--table", "LIS=map:his_code"]) == 0
    data = json.loads((tmp_path / "o" / "contract.json").read_text("utf-8"))
    assert data["parts"]["sql LIS"]["row map[1].yb_code"] == "A"
    assert cli.main([*words, "--table", "HIS=map:his_code"]) == 2
    assert "HIS" in capsys.readouterr().err
