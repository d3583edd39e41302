"""药品追溯码: purchases 3503, 3504; sales 3505; returns 3506; deletion 3507; queries 3512, 3513.

Every box is sold once: a code that is sold is refused until a return restores it, unless the row
says that a pack was split (``trdn_flag`` 1), which is only recorded. The forms with an A answer on
two levels: the call succeeds, and each row has a result of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.centre.calc_money import COUNT_ONE, scaled
from simulators.centre.ids import digits, fresh
from simulators.centre.ledger import Row, one, update
from simulators.centre.rules import (
    Desk,
    Refusal,
    day,
    needed,
    node,
    node_rows,
    rows_of,
    stamp,
    text,
    wording,
)
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement
from simulators.store import insert

CODES_MAX = 1000
"""Trace codes of one row."""

PURCHASE, SALE = "3", "4"
"""``inv_data_type``: 3 purchase, 4 sale."""

SOLD, SPLIT, RETURNED, HELD = "sold", "split", "returned", "held"

ROW_OK, ROW_FAILED = "1", "0"
"""``retRslt`` of a row."""

_NODES = {
    "3503": "purcinfo",
    "3503A": "purcinfoDetail",
    "3504": "purcinfo",
    "3504A": "purcinfoDetail",
    "3505": "selinfo",
    "3505A": "selinfoDetail",
    "3506": "selinfo",
    "3506A": "selinfoDetail",
    "3507": "data",
    "3507A": "goodDetail",
}


class _Shelf:
    """What a call does to the goods, row by row, before anything is committed."""

    def __init__(self, desk: Desk, call: Call, books: Books) -> None:
        self._desk, self._call, self._books = desk, call, books
        self._sold: set[str] = set()
        self._returned: set[str] = set()
        self._nth = 0

    def goods(self, row: Mapping[str, Any], kind: str) -> Row:
        """A row of ``goods``."""
        self._nth += 1
        call = self._call
        number = fresh(
            self._books, "goods", "goods_id", self._desk.seed, call.infno, call.msgid, self._nth
        )
        name = text(row, "fixmedins_hilist_name")
        count = row.get("sel_retn_cnt", row.get("purc_retn_cnt"))
        return {
            "goods_id": number,
            "fixmedins_code": call.fixmedins_code,
            "infno": call.infno,
            "inv_data_type": kind,
            "fixmedins_bchno": needed(row, "fixmedins_bchno"),
            "med_list_codg": needed(row, "med_list_codg"),
            "fixmedins_hilist_id": needed(row, "fixmedins_hilist_id"),
            "name": name,
            "mdtrt_id": text(row, "mdtrt_sn"),
            "psn_no": text(row, "psn_no"),
            "psn_name": text(row, "psn_name"),
            "cnt": scaled(count, COUNT_ONE, "cnt"),
            "trdn_flag": text(row, "trdn_flag") or "0",
            "goods_time": text(row, "sel_retn_time")
            or text(row, "purc_retn_stoin_time")
            or stamp(call),
            "vali_flag": "1",
        }

    def purchase(self, row: Mapping[str, Any]) -> tuple[Row, list[Statement]]:
        """Goods that come in, or go back to the supplier."""
        goods = self.goods(row, PURCHASE)
        return goods, [
            insert("goods", goods),
            *(_trace(goods, code, "in", HELD) for code in _codes(row)),
        ]

    def sale(self, row: Mapping[str, Any]) -> tuple[Row, list[Statement]]:
        """Goods that go out; each code once.

        Raises:
            Refusal: no code, or one that is sold.
        """
        goods = self.goods(row, SALE)
        codes = _codes(row)
        if not codes:
            raise Refusal("trace_missing")
        split = goods["trdn_flag"] == "1"
        for code in codes:
            if not split and (code in self._sold or self._sold_before(code) is not None):
                raise Refusal("trace_sold", code=code)
        if not split:
            self._sold.update(codes)
        state = SPLIT if split else SOLD
        return goods, [
            insert("goods", goods),
            *(_trace(goods, code, "out", state) for code in codes),
        ]

    def give_back(self, row: Mapping[str, Any]) -> tuple[Row, list[Statement]]:
        """Goods that a patient brings back: their codes can be sold again.

        Raises:
            Refusal: a code that this hospital did not sell, or got back already.
        """
        goods = self.goods(row, SALE)
        codes = _codes(row)
        if not codes:
            raise Refusal("trace_missing")
        statements: list[Statement] = [insert("goods", goods)]
        for code in codes:
            sold = self._to_return(code, text(row, "medins_prod_sel_no"))
            if sold is None or code in self._returned:
                raise Refusal("trace_not_sold", code=code)
            key = {"goods_id": sold["goods_id"], "drug_trac_codg": code}
            statements.append(update("traces", key, {"state": RETURNED}))
        self._returned.update(codes)
        return goods, statements

    def _sold_before(self, code: str) -> Row | None:
        return one(
            self._books,
            "SELECT * FROM traces WHERE drug_trac_codg = ? AND direction = 'out' AND state = ?",
            code,
            SOLD,
        )

    def _to_return(self, code: str, number: str) -> Row | None:
        sql = (
            "SELECT t.* FROM traces t JOIN goods g ON g.goods_id = t.goods_id"
            " WHERE t.drug_trac_codg = ? AND t.direction = 'out' AND t.state IN (?, ?)"
            " AND g.fixmedins_code = ? AND g.vali_flag = '1'"
        )
        values = [code, SOLD, SPLIT, self._call.fixmedins_code]
        if number:
            sql += " AND t.goods_id = ?"
            values.append(number)
        return one(self._books, f"{sql} ORDER BY g.goods_time DESC, t.goods_id", *values)

    def remove(self, row: Mapping[str, Any]) -> tuple[Row, list[Statement]]:
        """Goods of a batch that were uploaded by mistake; their codes are free again.

        Raises:
            Refusal: the batch has none of that kind.
        """
        batch, kind = needed(row, "fixmedins_bchno"), needed(row, "inv_data_type")
        found = self._books.rows(
            "SELECT goods_id FROM goods WHERE fixmedins_code = ? AND fixmedins_bchno = ?"
            " AND inv_data_type = ? AND vali_flag = '1' ORDER BY goods_id",
            (self._call.fixmedins_code, batch, kind),
        )
        if not found:
            raise Refusal("goods_unknown", no=batch)
        statements: list[Statement] = []
        for goods in found:
            key = {"goods_id": goods["goods_id"]}
            statements.append(update("goods", key, {"vali_flag": "0"}))
            statements.append(update("traces", key, {"state": RETURNED}))
        return {"fixmedins_bchno": batch, "inv_data_type": kind}, statements


def _trace(goods: Row, code: str, direction: str, state: str) -> Statement:
    return insert(
        "traces",
        {
            "goods_id": goods["goods_id"],
            "drug_trac_codg": code,
            "direction": direction,
            "state": state,
        },
    )


def _codes(row: Mapping[str, Any]) -> list[str]:
    """Trace codes of a row, each once."""
    listed = rows_of(row.get("drugtracinfo"), "drugtracinfo")
    if len(listed) > CODES_MAX:
        raise Refusal("too_many_rows", name="drugtracinfo", limit=CODES_MAX)
    codes = [needed(one_code, "drug_trac_codg") for one_code in listed]
    if text(row, "drug_trac_codg"):
        codes.append(text(row, "drug_trac_codg"))
    for code in codes:
        if codes.count(code) > 1 and text(row, "trdn_flag") != "1":
            raise Refusal("trace_sold", code=code)
    return sorted(set(codes))


def move(desk: Desk, call: Call, books: Books) -> Handled:
    """3503 to 3507: all rows or none."""
    rows = node_rows(call, _NODES[call.infno])
    if not rows:
        raise Refusal("node_missing", name=_NODES[call.infno])
    shelf = _Shelf(desk, call, books)
    statements: list[Statement] = []
    for row in rows:
        statements += _carry_out(shelf, call.infno, row)[1]
    return Handled(answer=Answer(output={}), statements=statements)


def _carry_out(shelf: _Shelf, infno: str, row: Mapping[str, Any]) -> tuple[Row, list[Statement]]:
    match infno[:4]:
        case "3503" | "3504":
            return shelf.purchase(row)
        case "3505":
            return shelf.sale(row)
        case "3506":
            return shelf.give_back(row)
        case _:
            return shelf.remove(row)


_ANSWERS = {
    "3503A": ("purcinfoDetail", "medins_prod_purc_no"),
    "3504A": ("purcinfoErrDetail", "medins_prod_purc_no"),
    "3505A": ("selinfoDetail", "medins_prod_sel_no"),
    "3506A": ("selinfoErrDetail", "medins_prod_sel_no"),
    "3507A": ("goodErrDetail", ""),
}
"""Node of the answer, and the field that numbers what was kept. Some are named for errors only:
they list the rows that failed."""


def move_each(desk: Desk, call: Call, books: Books) -> Handled:
    """3503A to 3507A: the call succeeds, and each row says whether it did."""
    rows = node_rows(call, _NODES[call.infno])
    if not rows:
        raise Refusal("node_missing", name=_NODES[call.infno])
    shelf = _Shelf(desk, call, books)
    statements: list[Statement] = []
    answers = []
    name, number = _ANSWERS[call.infno]
    for row in rows:
        answer = {key: value for key, value in row.items() if not isinstance(value, list)}
        try:
            goods, some = _carry_out(shelf, call.infno, row)
        except Refusal as refusal:
            answer |= {"retRslt": ROW_FAILED, "msgRslt": wording(desk.policy, refusal)}
            answers.append(answer)
            continue
        statements += some
        if "Err" not in name:
            answer |= {"retRslt": ROW_OK, "msgRslt": "", number: goods["goods_id"]}
            answers.append(answer)
    return Handled(answer=Answer(output={name: answers}), statements=statements)


def query(_desk: Desk, call: Call, books: Books) -> Handled:
    """3512 and 3513: codes that came in, or were sold, in a period."""
    data = node(call)
    sql = (
        "SELECT g.*, t.drug_trac_codg, t.state FROM goods g"
        " JOIN traces t ON t.goods_id = g.goods_id"
        " WHERE g.fixmedins_code = ? AND t.direction = ? AND g.vali_flag = '1'"
        " AND g.goods_time >= ? AND g.goods_time <= ?"
    )
    values = [
        call.fixmedins_code,
        "in" if call.infno == "3512" else "out",
        f"{day(data, 'begndate')} 00:00:00",
        f"{day(data, 'enddate')} 23:59:59",
    ]
    columns = {
        "medins_list_codg": "g.fixmedins_hilist_id",
        "fixmedins_bchno": "g.fixmedins_bchno",
        "med_list_codg": "g.med_list_codg",
        "drug_trac_codg": "t.drug_trac_codg",
        "mdtrt_id": "g.mdtrt_id",
        "psn_no": "g.psn_no",
    }
    for name, column in columns.items():
        if text(data, name):
            sql += f" AND {column} = ?"
            values.append(text(data, name))
    found = books.rows(
        f"{sql} ORDER BY g.goods_time, g.goods_id, t.drug_trac_codg LIMIT 1000", values
    )
    rows = [
        {
            "fixmedinsCode": row["fixmedins_code"],
            "medinsListCodg": row["fixmedins_hilist_id"],
            "medinsListName": row["name"],
            "fixmedinsBchno": row["fixmedins_bchno"],
            "medListCodg": row["med_list_codg"],
            "drugTracCodg": row["drug_trac_codg"],
            "mdtrtId": row["mdtrt_id"],
            "psnNo": row["psn_no"],
            "psnName": row["psn_name"],
            "trdnFlag": row["trdn_flag"],
            "valiFlag": str(int(row["state"] != RETURNED)),
            "rid": row["goods_id"],
            "optTime": row["goods_time"],
        }
        for row in found
    ]
    return Handled(answer=Answer(output={"output": rows}))


def virtual_code(desk: Desk, call: Call, _books: Books) -> Handled:
    """3592B: a code for goods that carry none; 20 digits, the same for the same batch."""
    data = node(call)
    item, batch = needed(data, "med_list_codg"), needed(data, "fixmedins_bchno")
    code = digits(desk.seed, "virtual", call.fixmedins_code, item, batch, length=20)
    output = {
        "result": {
            "med_list_codg": item,
            "fixmedins_hilist_id": needed(data, "fixmedins_hilist_id"),
            "fixmedins_hilist_name": text(data, "fixmedins_hilist_name"),
            "drug_trac_codg": code,
        }
    }
    return Handled(answer=Answer(output=output))
