"""A ledger of many settlements, made by the database itself, and what reconciling costs on it.

The rows are those of one hospital over a year, evenly over its days; every sixteenth is the refund
of the one before. Everything is asked over HTTP as a hospital asks: 3201 over a month, 9101 and 3202
with a file of a hundred thousand rows.
"""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from settlement_load import drive
from settlement_requests import HOSPITAL, Writer

from simulators.centre.ledger import AMOUNT_COLUMNS, SCHEMA

YEAR: Final = 2025
DAYS: Final = 365
FILE_ROWS: Final = 100_000
SECONDS_A_DAY: Final = 36_000
"""Settlements come from 08:00 to 18:00."""

_COLUMNS: Final = {
    "setl_id": "printf('4%017d', i)",
    "mdtrt_id": "printf('5%017d', i / 16 * 16 + min(i % 16, 14))",
    "psn_no": "printf('43%018d', i % 300007)",
    "infno": "CASE WHEN i % 16 = 15 THEN '2208' ELSE '2207' END",
    "medins_setl_id": f"printf('{HOSPITAL}%018d', i)",
    "fixmedins_code": f"'{HOSPITAL}'",
    "setl_time": f"datetime('{YEAR}-01-01 08:00:00', '+' || (i * {DAYS} / n) || ' days',"
    f" '+' || ((i * {DAYS} % n) * {SECONDS_A_DAY} / n) || ' seconds')",
    "cum_year": f"'{YEAR}'",
    "insutype": "CASE WHEN i % 5 = 0 THEN '390' ELSE '310' END",
    "kind": "'outpatient'",
    "med_type": "'11'",
    "clr_type": "'11'",
    "clr_way": "'1'",
    "clr_optins": "'430100'",
    "pay_loc": "'2'",
    "psn_type": "'11'",
    "cvlserv_flag": "'0'",
    "mdtrt_cert_type": "'02'",
    "chrg_bchno": "'B1'",
    "mid_setl_flag": "'0'",
    "acct_used_flag": "'1'",
    "invono": "''",
    "refd_setl_flag": "CASE WHEN i % 16 = 15 THEN '1' ELSE '0' END",
    "init_setl_id": "CASE WHEN i % 16 = 15 THEN printf('4%017d', i - 1) ELSE '' END",
    "undone": "CASE WHEN i % 16 = 14 THEN '1' ELSE '0' END",
    "vali_flag": "'1'",
    "stays": "0",
    "turn": "CASE WHEN i % 16 = 15 THEN 1 ELSE 0 END",
    "opter": "'0001'",
}

_SIGN: Final = "CASE WHEN i % 16 = 15 THEN -1 ELSE 1 END"
_AMOUNTS: Final = {
    "medfee_sumamt": "f",
    "inscp_scp_amt": "f",
    "hifp_pay": "f / 2",
    "fund_pay_sumamt": "f / 2",
    "psn_part_amt": "f - f / 2",
    "acct_pay": "f / 4",
    "psn_cash_pay": "f - f / 2 - f / 4",
}
"""In fen; ``f`` is what the visit cost. A refund has the amount of the row before, negative."""


def build(path: Path, rows: int) -> float:
    """Fill the ledger of a centre that is not running; returns seconds."""
    begin = time.perf_counter()
    values = dict(_COLUMNS)
    for name in AMOUNT_COLUMNS:
        values[name] = f"{_SIGN} * ({_AMOUNTS[name]})" if name in _AMOUNTS else "0"
    indexes = [one for one in SCHEMA if " ON settlements " in one]
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-400000")
        for one in indexes:
            db.execute(f"DROP INDEX {one.partition('EXISTS ')[2].split()[0]}")
        db.execute("BEGIN")
        db.execute(
            f"INSERT INTO settlements ({', '.join(values)})"
            " WITH RECURSIVE numbers(i) AS"
            " (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < ?1)"
            f" SELECT {', '.join(values.values())} FROM"
            " (SELECT i, ?1 AS n, 1000 + (i - (i % 16 = 15)) * 7919 % 900000 AS f FROM numbers)",
            (rows,),
        )
        for one in indexes:
            db.execute(one)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("ANALYZE")
    db.close()
    return time.perf_counter() - begin


@dataclass(frozen=True, slots=True)
class Period:
    """Days that are reconciled."""

    begin: str
    end: str

    def fields(self) -> dict[str, str]:
        """As 3201 and 3202 name them."""
        return {"stmt_begndate": self.begin, "stmt_enddate": self.end, "clr_type": "11",
                "setl_optins": "430100", "fixmedins_refd_setl_flag": "0"}  # fmt: skip

    def bounds(self) -> tuple[str, str]:
        """As the ledger's times compare."""
        return f"{self.begin} 00:00:00", f"{self.end} 23:59:59"


MONTH: Final = Period(f"{YEAR}-03-01", f"{YEAR}-03-31")


def days_of(rows: int, wanted: int) -> Period:
    """From the first of July, as many days as hold so many rows."""
    begin = date(YEAR, 7, 1)
    count = min(-(-wanted * DAYS // rows) + 1, 180)
    return Period(begin.isoformat(), (begin + timedelta(days=count - 1)).isoformat())


def sums(path: Path, period: Period, insutype: str) -> dict[str, Any]:
    """What 3201 has to find, added up by the database: sums in yuan and a count."""
    with sqlite3.connect(path) as db:
        row = db.execute(
            "SELECT SUM(medfee_sumamt), SUM(fund_pay_sumamt), SUM(acct_pay), COUNT(*)"
            " FROM settlements NOT INDEXED WHERE setl_time BETWEEN ? AND ? AND insutype = ?",
            (*period.bounds(), insutype),
        ).fetchone()
    db.close()
    names = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
    amounts = {name: str(yuan(fen)) for name, fen in zip(names, row, strict=False)}
    return amounts | {"fixmedins_setl_cnt": str(row[3])}


def yuan(fen: int) -> Decimal:
    """With two decimals."""
    return Decimal(fen).scaleb(-2)


def details(path: Path, period: Period, wanted: int) -> bytes:
    """The hospital's file of a period: one row is missing, one has another amount."""
    with sqlite3.connect(path) as db:
        rows = db.execute(
            "SELECT setl_id, mdtrt_id, psn_no, medfee_sumamt, fund_pay_sumamt, acct_pay,"
            " refd_setl_flag FROM settlements WHERE fixmedins_code = ? AND clr_type = '11'"
            " AND setl_time BETWEEN ? AND ? ORDER BY setl_time, setl_id LIMIT ?",
            (HOSPITAL, *period.bounds(), wanted + 1),
        ).fetchall()
    db.close()
    lines = []
    for nth, (*ids, medfee, fund, acct, refd) in enumerate(rows[1:]):
        amounts = [str(yuan(fen)) for fen in (medfee + (nth == 1), fund, acct)]
        lines.append("\t".join([*ids, *amounts, refd]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("detail.txt", "".join(f"{line}\n" for line in lines))
    return packed.getvalue()


class Asker:
    """One window that reconciles.

    Args:
        port, path: of the centre.
    """

    def __init__(self, port: int, path: str) -> None:
        self._port, self._writer = port, Writer(path)

    def ask(self, infno: str, nodes: Mapping[str, Any]) -> tuple[Any, float]:
        """``output`` of an answer, and the seconds that it took."""
        found: list[Any] = []
        request = self._writer.request(infno, nodes)
        begin = time.perf_counter()
        drive(self._port, [iter([(request, found.append)])], 0.0)
        return found[0]["output"], time.perf_counter() - begin

    def totals(self, path: Path) -> dict[str, float]:
        """3201 over a month of both insurances, which must balance; and with a fen too much."""
        taken = []
        for insutype in ("310", "390"):
            data = MONTH.fields() | {"insutype": insutype} | sums(path, MONTH, insutype)
            output, seconds = self.ask("3201", {"data": data})
            _expect(output["stmtinfo"]["stmt_rslt"] == "0", output)
            taken.append(seconds)
        data["medfee_sumamt"] = str(Decimal(data["medfee_sumamt"]) + Decimal("0.01"))
        output, _ = self.ask("3201", {"data": data})
        _expect(output["stmtinfo"]["stmt_rslt"] == "1", output)
        return {"month_rows": float(data["fixmedins_setl_cnt"]), "totals_s": max(taken)}

    def details(self, path: Path, rows: int) -> dict[str, float]:
        """9101 and 3202 with a file; the result is read from the books."""
        period = days_of(rows, FILE_ROWS)
        body = details(path, period, FILE_ROWS)
        node = {"in": base64.b64encode(body).decode(), "filename": "detail.zip",
                "fixmedins_code": HOSPITAL}  # fmt: skip
        stored, upload_s = self.ask("9101", {"fsUploadIn": node})
        number = stored["file_qury_no"]
        amounts = dict.fromkeys(("medfee_sumamt", "fund_pay_sumamt", "cash_payamt"), "0")
        data = period.fields() | amounts | {"file_qury_no": number, "fixmedins_setl_cnt": "0"}
        answer, seconds = self.ask("3202", {"data": data})
        found = _result(path, answer["fileinfo"]["file_qury_no"])
        sent = _lines(body)
        _expect(found["uneven"] >= 2 and found["lines"] > sent, found)
        return {"file_rows": float(sent), "result_rows": float(found["lines"]),
                "upload_s": upload_s, "details_s": seconds}  # fmt: skip


def _lines(body: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return archive.read(archive.namelist()[0]).count(b"\n")


def _result(path: Path, number: str) -> dict[str, int]:
    with sqlite3.connect(path) as db:
        (body,) = db.execute("SELECT body FROM files WHERE file_qury_no = ?", (number,)).fetchone()
    db.close()
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(body))) as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines()
    return {"lines": len(lines), "uneven": sum(line.split("\t")[4] != "0" for line in lines)}


def _expect(held: bool, said: object) -> None:
    if not held:
        raise SystemExit(f"the centre answered wrongly: {json.dumps(said, default=str)[:500]}")
