"""The hand-carried probe: the right answer is taken; a stale or a foreign one is refused."""

import datetime as dt
import sqlite3
import uuid

import pytest
import xlsxwriter

from harness import i18n
from harness.clock import CHINA
from harness.errors import InputError, InputErrors, PermitError
from harness.probes.carried import CarriedProbe, read_table
from harness.profile import load_profile

NOW = dt.datetime(2026, 1, 5, 23, 0, tzinfo=CHINA)
QUERY = "SELECT code AS barcode, val FROM results WHERE code = :barcode AND val <> ':x'"


class Dba:
    """Runs the SQL file at a database, as the person does, and saves what it gives."""

    def __init__(self, folder, change=lambda table: table, end="csv", encoding="utf-8-sig"):
        self.folder, self.change, self.end, self.encoding = folder, change, end, encoding
        self.db = sqlite3.connect(":memory:")
        self.db.execute("CREATE TABLE results (code, val)")
        self.db.execute("INSERT INTO results VALUES ('MH1', '钾 4.10')")
        self.served = []

    def __call__(self, _seconds):
        for sql in sorted(self.folder.glob("*.sql")):
            if sql not in self.served:
                self.served.append(sql)
                cursor = self.db.execute(sql.read_text(encoding="utf-8"))
                table = [[one[0] for one in cursor.description], *map(list, cursor.fetchall())]
                table = [["" if cell is None else cell for cell in row] for row in table]
                for row in table[1:]:
                    row[1] = "2026-01-05 23:00:00"
                self.save(sql.with_suffix(f".{self.end}"), self.change(table))

    def save(self, path, table):
        if self.end == "xlsx":
            with xlsxwriter.Workbook(str(path)) as book:
                sheet = book.add_worksheet()
                for number, row in enumerate(table):
                    sheet.write_row(number, 0, row)
            return
        path.write_text("\n".join(",".join(map(str, row)) for row in table), self.encoding)


def probe(folder, dba, **more):
    times = iter(NOW + dt.timedelta(seconds=number) for number in range(10_000))
    options = {"columns": {"value": "val"}, "say": lambda _: None, "now": lambda: next(times)}
    return CarriedProbe(
        name="lis", role="LIS", folder=folder, query=QUERY, pause=dba, wait_s=20.0, **options | more
    )


@pytest.mark.parametrize(
    ("end", "encoding"), [("csv", "utf-8-sig"), ("csv", "gb18030"), ("xlsx", "")]
)
def test_what_the_dba_brings_is_the_answer(tmp_path, end, encoding):
    answer = probe(tmp_path, Dba(tmp_path, end=end, encoding=encoding)).ask({"barcode": "MH1"})
    assert answer.outcome == "ok", answer.error
    assert list(answer.rows) == [{"barcode": "MH1", "value": "钾 4.10"}]


def test_no_row_is_told_apart_from_no_answer(tmp_path):
    answer = probe(tmp_path, Dba(tmp_path)).ask({"barcode": "MH2"})
    assert (answer.outcome, list(answer.rows)) == ("ok", [])
    missing = probe(tmp_path / "other", lambda _: None).ask({"barcode": "MH2"})
    assert missing.outcome == "unknown"


def edited(column, value):
    def change(table):
        table[1][column] = value
        return table

    return change


@pytest.mark.parametrize(("change", "why"), [
    (edited(0, uuid.UUID(int=1).hex[:16]), "token"),
    (edited(1, "2026-01-05 21:00:00"), "21:00"),
    (edited(1, "2026-01-06 23:00:00"), "01-06"),
    (edited(1, "yesterday"), "yesterday"),
    (lambda table: [row[1:] for row in table], "mh_token"),
    (lambda table: [row[:3] for row in table], "val"),
    (lambda table: table[:1], "-"),
    (lambda table: [*table, *table[1:] * 3], "2"),
])  # fmt: skip
def test_a_stale_or_foreign_answer_is_refused(tmp_path, change, why):
    i18n.use("en")
    answer = probe(tmp_path, Dba(tmp_path, change), rows_max=2).ask({"barcode": "MH1"})
    assert answer.outcome == "failed"
    assert why in answer.error
    assert not answer.rows


@pytest.mark.parametrize(
    ("change", "outcome"), [(lambda table: table, "ok"), (edited(1, "yesterday"), "failed")]
)
def test_question_and_answer_go_to_the_run_that_asked(tmp_path, change, outcome):
    folder, kept = tmp_path / "dba", tmp_path / "run" / "carried"
    folder.mkdir()
    (folder / "lis-0123456789abcdef.csv").write_text("of another run", encoding="utf-8")
    (folder / "notes.txt").write_text("x", encoding="utf-8")
    answer = probe(folder, Dba(folder, change), kept=kept).ask({"barcode": "MH1"})
    assert answer.outcome == outcome
    assert sorted(one.suffix for one in kept.iterdir()) == [".csv", ".sql"]
    assert {one.name for one in folder.iterdir()} == {"lis-0123456789abcdef.csv", "notes.txt"}


def test_what_is_brought_too_late_goes_there_when_the_run_ends(tmp_path):
    folder, kept = tmp_path / "dba", tmp_path / "carried"
    carried = probe(folder, lambda _: None, kept=kept)
    assert carried.ask({"barcode": "MH1"}).outcome == "unknown"
    (sql,) = kept.iterdir()
    (folder / sql.with_suffix(".CSV").name).write_text("late", encoding="utf-8")
    (folder / sql.with_suffix(".part").name).write_text("being saved", encoding="utf-8")
    carried.close()
    assert {one.suffix for one in kept.iterdir()} == {".sql", ".CSV"}
    assert [one.suffix for one in folder.iterdir()] == [".part"]


def test_what_a_spreadsheet_holds_open_is_named_at_the_end(tmp_path, monkeypatch):
    def locked(*_):
        raise PermissionError(13, "in use")

    said = []
    carried = probe(tmp_path, Dba(tmp_path), kept=tmp_path / "carried", say=said.append)
    monkeypatch.setattr("harness.probes.carried.shutil.move", locked)
    assert carried.ask({"barcode": "MH1"}).outcome == "ok"
    before = len(said)
    carried.close()
    assert [("csv" in one, "sql" in one) for one in said[before:]] == [
        (True, False), (False, True),
    ]  # fmt: skip


def test_a_later_question_is_asked_anew(tmp_path):
    dba = Dba(tmp_path)
    carried = probe(tmp_path, dba, fresh_s=30.0)
    first = carried.ask({"barcode": "MH1"})
    assert carried.ask({"barcode": "MH1"}) is first
    dba.db.execute("UPDATE results SET val = '5'")
    for _ in range(40):
        carried.now()
    assert carried.ask({"barcode": "MH1"}).rows[0]["value"] == "5"
    assert len(dba.served) == 2


def test_only_a_select_is_written_and_no_value_breaks_out(tmp_path):
    with pytest.raises(PermitError):
        CarriedProbe(name="x", role="LIS", folder=tmp_path, query="DELETE FROM results")
    with pytest.raises(InputError):
        probe(tmp_path, Dba(tmp_path)).ask({"barcode": "x' OR '1'='1"})
    assert not list(tmp_path.glob("*.sql"))


def test_oracle_gets_its_table_for_constants(tmp_path):
    probe(tmp_path, lambda _: None, from_nothing=" FROM dual").ask({"barcode": "MH1"})
    (sql,) = tmp_path.glob("*.sql")
    assert "AS mh_time FROM dual) t" in sql.read_text(encoding="utf-8")


def test_a_table_that_is_none_is_said_so(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"no workbook")
    with pytest.raises(InputError):
        read_table(tmp_path / "a.xlsx")


PROFILE = """
format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "real"
[probes.lis]
owner = "Li, 8001"
reach = "stored"
role = "LIS"
kind = "{kind}"
url = "{url}"
query = "SELECT 1"
"""


@pytest.mark.parametrize(("kind", "url", "good"), [
    ("carried", "folder:dba", True), ("carried", "sqlite:x", False), ("sql", "folder:dba", False),
])  # fmt: skip
def test_the_profile_knows_a_carried_probe(tmp_path, kind, url, good):
    path = tmp_path / "site.toml"
    path.write_text(PROFILE.format(kind=kind, url=url), encoding="utf-8")
    if good:
        assert load_profile(str(path)).probes["lis"].kind == "carried"
    else:
        with pytest.raises(InputErrors, match="folder:PATH"):
            load_profile(str(path))
