"""The centre's catalogues: items, diseases, limits, parts paid first; 1301 to 1319."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from simulators.centre.calc_money import ratio_text, yuan
from simulators.centre.files import store_file, zip_text
from simulators.centre.ledger import Row, one
from simulators.centre.rules import Desk, Refusal, needed, node, text, whole
from simulators.centre.transaction import Answer, Books, Call, Handled

PAGE_SIZE_MAX = 1000
"""Rows of one page of a catalogue query."""

HOLES_MAX = 500
"""Values in one ``IN (...)``: below the limit of any database."""

DOWNLOADS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "1301": ("list_type = '101'", ()),
    "1302": ("list_type IN ('102', '106')", ()),
    "1303": ("list_type = '103'", ()),
    "1305": ("list_type = '201'", ()),
    "1306": ("list_type = '301'", ()),
}
"""Catalogues that come as a file: which items each holds."""

_FILE_COLUMNS = (
    "med_list_codg", "name", "list_type", "chrgitm_lv", "med_chrgitm_type", "begndate", "enddate",
)  # fmt: skip


def catalogue_rows(books: Books, codes: Iterable[str]) -> dict[str, Row]:
    """Items by ``med_list_codg``; unknown codes are missing."""
    wanted = sorted(codes)
    found: dict[str, Row] = {}
    for start in range(0, len(wanted), HOLES_MAX):
        some = wanted[start : start + HOLES_MAX]
        holes = ", ".join("?" for _ in some)
        rows = books.rows(f"SELECT * FROM catalogue WHERE med_list_codg IN ({holes})", some)
        found |= {row["med_list_codg"]: row for row in rows}
    return found


def mapped_codes(
    books: Books, fixmedins_code: str, ids: Iterable[str], today: str
) -> dict[str, str]:
    """Item codes by the hospital's own codes, where the mapping is in force today."""
    wanted = sorted(ids)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), HOLES_MAX):
        some = wanted[start : start + HOLES_MAX]
        holes = ", ".join("?" for _ in some)
        rows = books.rows(
            "SELECT fixmedins_hilist_id, med_list_codg FROM mappings WHERE fixmedins_code = ?"
            f" AND begndate <= ? AND enddate >= ? AND fixmedins_hilist_id IN ({holes})",
            [fixmedins_code, today, today, *some],
        )
        found |= {row["fixmedins_hilist_id"]: row["med_list_codg"] for row in rows}
    return found


def known_disease(books: Books, code: str) -> bool:
    """Whether a diagnosis code is in the catalogue."""
    return one(books, "SELECT 1 FROM diseases WHERE diag_code = ?", code) is not None


def download(desk: Desk, call: Call, books: Books) -> Handled:
    """1301 to 1311: a catalogue as a ZIP of text, fetched with 9102."""
    version = needed(node(call), "ver")
    if call.infno in DOWNLOADS:
        where, values = DOWNLOADS[call.infno]
        items = books.rows(f"SELECT * FROM catalogue WHERE {where} ORDER BY med_list_codg", values)
        lines = [[*(str(item[name]) for name in _FILE_COLUMNS), version] for item in items]
    else:
        diseases = books.rows("SELECT * FROM diseases ORDER BY diag_code")
        lines = [[row["diag_code"], row["diag_name"], version] for row in diseases]
        if call.infno != "1307":
            lines = []
    body = zip_text(f"{call.infno}.txt", lines)
    number, until, statement = store_file(
        desk, call, books, f"{call.infno}.zip", body, owner=desk.policy.catalogue_owner
    )
    output = {
        "file_qury_no": number,
        "filename": f"{call.infno}.zip",
        "dld_end_time": until,
        "data_cnt": len(lines),
    }
    return Handled(answer=Answer(output=output), statements=[statement])


def paged(
    call: Call,
    books: Books,
    *,
    sql: str,
    values: Sequence[Any],
    shown: Callable[[Row], Sequence[Row]],
) -> Handled:
    """One page of a catalogue query; ``data`` holds the rows.

    Raises:
        Refusal: the page is no number, or larger than a page may be.
    """
    data = node(call)
    page, size = whole(data, "page_num", "1"), min(PAGE_SIZE_MAX, whole(data, "page_size", "100"))
    if page < 1 or size < 1:
        raise Refusal("not_a_number", name="page_num")
    rows = [line for row in books.rows(sql, values) for line in shown(row)]
    part = rows[(page - 1) * size : page * size]
    output = {
        "pageNum": page,
        "pageSize": size,
        "pages": -(-len(rows) // size),
        "recordCounts": len(rows),
        "size": len(part),
        "startRow": (page - 1) * size + 1 if part else 0,
        "endRow": (page - 1) * size + len(part),
        "firstPage": page == 1,
        "lastPage": page * size >= len(rows),
        "data": part,
    }
    return Handled(answer=Answer(output=output))


def _filters(data: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, list[str]]:
    named = [(column, text(data, column)) for column in columns if text(data, column)]
    where = "".join(f" AND {column} = ?" for column, _ in named)
    values = [value for _, value in named]
    if text(data, "updt_time"):
        where += " AND updt_time >= ?"
        values.append(text(data, "updt_time")[:10])
    return where, values


def _common(desk: Desk, row: Row) -> Row:
    return {
        "insu_admdvs": desk.policy.region,
        "begndate": row["begndate"],
        "enddate": row["enddate"],
        "vali_flag": "1",
        "updt_time": row["updt_time"],
        "crte_time": row["updt_time"],
        "poolarea_no": desk.policy.region,
    }


def query_items(desk: Desk, call: Call, books: Books) -> Handled:
    """1304 and 1312: items as the insurance lists them."""
    where, values = _filters(
        node(call), ("hilist_code", "list_type", "chrgitm_lv", "med_chrgitm_type", "lmt_used_flag")
    )
    if call.infno == "1304":
        where += " AND list_type = '104'"

    def shown(row: Row) -> list[Row]:
        return [
            _common(desk, row)
            | {
                "med_list_codg": row["med_list_codg"],
                "hilist_code": row["hilist_code"],
                "hilist_name": row["name"],
                "med_chrgitm_type": row["med_chrgitm_type"],
                "chrgitm_lv": row["chrgitm_lv"],
                "lmt_used_flag": row["lmt_used_flag"],
                "list_type": row["list_type"],
                "med_use_flag": "1",
                "matn_used_flag": "0",
                "hilist_use_type": "1",
                "lmt_cpnd_type": "1",
                "rid": row["hilist_code"],
            }
        ]

    sql = f"SELECT * FROM catalogue WHERE 1 = 1{where} ORDER BY med_list_codg"
    return paged(call, books, sql=sql, values=values, shown=shown)


def query_matches(desk: Desk, call: Call, books: Books) -> Handled:
    """1316: national code to the insurance's own."""
    where, values = _filters(node(call), ("med_list_codg", "hilist_code", "list_type"))

    def shown(row: Row) -> list[Row]:
        return [
            _common(desk, row)
            | {
                "med_list_codg": row["med_list_codg"],
                "hilist_code": row["hilist_code"],
                "list_type": row["list_type"],
                "memo": "",
                "rid": row["med_list_codg"],
            }
        ]

    sql = f"SELECT * FROM catalogue WHERE 1 = 1{where} ORDER BY med_list_codg"
    return paged(call, books, sql=sql, values=values, shown=shown)


def query_mappings(desk: Desk, call: Call, books: Books) -> Handled:
    """1317: what the hospital mapped (3301)."""
    data = node(call)
    where, values = _filters(data, ("list_type", "med_list_codg"))
    values.insert(0, text(data, "fixmedins_code") or call.fixmedins_code)
    if text(data, "medins_list_codg"):
        where += " AND fixmedins_hilist_id = ?"
        values.append(text(data, "medins_list_codg"))

    def shown(row: Row) -> list[Row]:
        return [
            _common(desk, row)
            | {
                "fixmedins_code": row["fixmedins_code"],
                "medins_list_codg": row["fixmedins_hilist_id"],
                "medins_list_name": row["fixmedins_hilist_name"],
                "list_type": row["list_type"],
                "med_list_codg": row["med_list_codg"],
                "memo": row["memo"],
                "rid": row["fixmedins_hilist_id"],
            }
        ]

    sql = (
        f"SELECT * FROM mappings WHERE fixmedins_code = ?{where}"
        " ORDER BY fixmedins_hilist_id, list_type"
    )
    return paged(call, books, sql=sql, values=values, shown=shown)


def query_limits(desk: Desk, call: Call, books: Books) -> Handled:
    """1318: highest prices in scope, a row a level of hospital."""
    data = node(call)
    where, values = _filters(data, ("hilist_code",))
    level = text(data, "hilist_lmtpric_type")

    def shown(row: Row) -> list[Row]:
        return [
            _common(desk, row)
            | {
                "hilist_code": row["hilist_code"],
                "hilist_lmtpric_type": each,
                "overlmt_dspo_way": "1",
                "hilist_pric_uplmt_amt": yuan(row[f"limit_{each}"]).scaleb(-4),
                "rid": f"{row['hilist_code']}-{each}",
            }
            for each in ("1", "2", "3")
            if row[f"limit_{each}"] and level in {"", each}
        ]

    sql = f"SELECT * FROM catalogue WHERE 1 = 1{where} ORDER BY hilist_code"
    return paged(call, books, sql=sql, values=values, shown=shown)


def query_ratios(desk: Desk, call: Call, books: Books) -> Handled:
    """1319: parts that a person pays first, a row an insurance."""
    data = node(call)
    where, values = _filters(data, ("hilist_code",))
    psn_type = text(data, "selfpay_prop_psn_type")

    def shown(row: Row) -> list[Row]:
        return [
            _common(desk, row)
            | {
                "hilist_code": row["hilist_code"],
                "selfpay_prop_psn_type": each,
                "selfpay_prop_type": "10",
                "selfpay_prop": ratio_text(row[f"ratio_{each}"]),
                "rid": f"{row['hilist_code']}-{each}",
            }
            for each in ("310", "390")
            if psn_type in {"", each}
        ]

    sql = f"SELECT * FROM catalogue WHERE 1 = 1{where} ORDER BY hilist_code"
    return paged(call, books, sql=sql, values=values, shown=shown)
