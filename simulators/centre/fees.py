"""Rows of a visit: checked, split into their parts, refunds against the row they take back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from simulators.centre import staff
from simulators.centre.calc import Parts, Tariff, split_row
from simulators.centre.calc_money import (
    COUNT_ONE,
    PRICE_ONE,
    fen,
    line_total,
    ratio_text,
    scaled,
    yuan,
)
from simulators.centre.catalogue import catalogue_rows, mapped_codes
from simulators.centre.ledger import Row
from simulators.centre.persons import hospital
from simulators.centre.rules import Desk, Refusal, needed, stamp, text
from simulators.centre.rules_identities import broken_row
from simulators.centre.transaction import Books, Call, Statement
from simulators.store import insert

_SERIAL = re.compile(r"(?!0+$)[0-9]{1,15}")
"""``feedetl_sn``: digits, not zero, at most 15 (Hunan; declared with 30)."""

_RESIDENTS = frozenset({"390", "391", "392"})
_LIMIT_COLUMNS = {"1": "limit_1", "2": "limit_2", "3": "limit_3"}


def unsettled(books: Books, mdtrt_id: str, *, batch: str = "") -> list[Row]:
    """Rows of a visit that no settlement holds; of one batch, if named."""
    sql = "SELECT * FROM fees WHERE mdtrt_id = ? AND setl_id = ''"
    values = [mdtrt_id]
    if batch:
        sql += " AND chrg_bchno = ?"
        values.append(batch)
    return books.rows(f"{sql} ORDER BY feedetl_sn", values)


class FeeBook:
    """The rows of one visit while a call adds to them.

    Args:
        desk: policy.
        call: that adds.
        books: committed rows.
        visit: whose rows.
        rows: of the call, for one look at the catalogue.
    """

    def __init__(
        self, desk: Desk, call: Call, books: Books, visit: Row, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        self._desk, self._call, self._visit, self._books = desk, call, visit, books
        self._known = {
            row["feedetl_sn"]: row
            for row in books.rows("SELECT * FROM fees WHERE mdtrt_id = ?", (visit["mdtrt_id"],))
        }
        listed = list(rows)
        self._catalogue = catalogue_rows(books, {text(row, "med_list_codg") for row in listed})
        self._level = str(hospital(books, visit["fixmedins_code"])["level"])
        self._mapped: Mapping[str, str] | None = None
        if desk.policy.check_mapping:
            ids = {text(row, "medins_list_codg") for row in listed}
            self._mapped = mapped_codes(books, visit["fixmedins_code"], ids, stamp(call)[:10])

    def add(self, row: Mapping[str, Any], *, batch: str = "") -> tuple[Row, Statement]:
        """Check and split a row: its answer, and the statement that keeps it.

        Raises:
            Refusal: number, code or amounts are not in order.
        """
        serial = text(row, "feedetl_sn")
        if not _SERIAL.fullmatch(serial):
            raise Refusal("fee_sn", sn=serial)
        if serial in self._known:
            raise Refusal("fee_repeat", sn=serial)
        item = self._item(row)
        staff.check(self._desk, self._call, self._books, row)
        tariff = self._tariff(item)
        count = scaled(row.get("cnt"), COUNT_ONE, "cnt")
        price = scaled(row.get("pric"), PRICE_ONE, "pric")
        total = fen(row.get("det_item_fee_sumamt"), "det_item_fee_sumamt")
        self._check_amount(serial, total, price, count)
        approval = text(row, "hosp_appr_flag") or "0"
        if count < 0:
            parts = self._refund(serial, row, item, total, count)
        else:
            parts = split_row(
                total=total, price=price, count=count, tariff=tariff, approval=approval
            )
        kept = self._kept(row, batch, tariff, parts)
        kept |= {"cnt": count, "pric": price, "det_item_fee_sumamt": total}
        self._known[serial] = kept
        return self._answer(kept, item, parts), insert("fees", kept)

    def _item(self, row: Mapping[str, Any]) -> Row:
        code = needed(row, "med_list_codg")
        item = self._catalogue.get(code)
        if item is None:
            raise Refusal("fee_code", code=code)
        own = text(row, "medins_list_codg")
        if self._mapped is not None and self._mapped.get(own) != code:
            raise Refusal("fee_unmapped", code=own)
        return item

    def _tariff(self, item: Row) -> Tariff:
        resident = self._visit["insutype"] in _RESIDENTS
        return Tariff(
            level=item["chrgitm_lv"],
            ratio=int(item["ratio_390" if resident else "ratio_310"]),
            limit=int(item[_LIMIT_COLUMNS[self._level]]),
            restricted=item["lmt_used_flag"] == "1",
        )

    def _check_amount(self, serial: str, total: int, price: int, count: int) -> None:
        if price < 0 or count == 0 or (total < 0) != (count < 0 and total != 0):
            raise Refusal("fee_sign", sn=serial)
        if abs(total - line_total(price, count)) > self._desk.policy.amount_tolerance_fen:
            raise Refusal("fee_amount", sn=serial)

    def _refund(
        self, serial: str, row: Mapping[str, Any], item: Row, total: int, count: int
    ) -> Parts:
        """Parts of a refund: what the original loses, so that a full refund leaves nothing.

        The net of original and refunds is split before and after; the difference is the refund.
        """
        first = self._known.get(text(row, "init_feedetl_sn"))
        if first is None or first["med_list_codg"] != item["med_list_codg"]:
            raise Refusal("fee_refund", sn=serial)
        group = [first] + [
            other
            for other in self._known.values()
            if other["init_feedetl_sn"] == first["feedetl_sn"]
        ]
        net_count = sum(int(other["cnt"]) for other in group)
        net_total = sum(int(other["det_item_fee_sumamt"]) for other in group)
        if int(first["cnt"]) < 0 or net_count + count < 0 or net_total + total < 0:
            raise Refusal("fee_refund", sn=serial)
        if net_count + count == 0 and net_total + total != 0:
            raise Refusal("fee_refund", sn=serial)
        tariff = self._tariff(item)
        before, after = (
            split_row(
                total=amount,
                price=int(first["pric"]),
                count=number,
                tariff=tariff,
                approval=first["hosp_appr_flag"],
            )
            for amount, number in (
                (net_total, net_count),
                (net_total + total, net_count + count),
            )
        )
        return after - before

    def _kept(self, row: Mapping[str, Any], batch: str, tariff: Tariff, parts: Parts) -> Row:
        return {
            "mdtrt_id": self._visit["mdtrt_id"],
            "feedetl_sn": text(row, "feedetl_sn"),
            "chrg_bchno": batch,
            "psn_no": self._visit["psn_no"],
            "init_feedetl_sn": text(row, "init_feedetl_sn"),
            "fee_ocur_time": text(row, "fee_ocur_time"),
            "med_list_codg": text(row, "med_list_codg"),
            "medins_list_codg": text(row, "medins_list_codg"),
            "fulamt_ownpay_amt": parts.fulamt_ownpay_amt,
            "overlmt_amt": parts.overlmt_amt,
            "preselfpay_amt": parts.preselfpay_amt,
            "inscp_scp_amt": parts.inscp_scp_amt,
            "pric_uplmt_amt": tariff.limit,
            "selfpay_prop": tariff.ratio,
            "hosp_appr_flag": text(row, "hosp_appr_flag") or "0",
            "rxno": text(row, "rxno") or text(row, "drord_no"),
            "bilg_dept_codg": text(row, "bilg_dept_codg"),
            "bilg_dept_name": text(row, "bilg_dept_name"),
            "bilg_dr_codg": text(row, "bilg_dr_codg"),
            "bilg_dr_name": text(row, "bilg_dr_name"),
            "memo": text(row, "memo"),
            "setl_id": "",
            "undone_setl_id": "",
            "opt_time": stamp(self._call),
        }

    def _answer(self, kept: Row, item: Row, parts: Parts) -> Row:
        shown = broken_row(parts, self._desk.broken)
        return fee_answer(kept, item) | {
            "feedetl_sn": kept["feedetl_sn"],
            "fulamt_ownpay_amt": yuan(shown.fulamt_ownpay_amt),
            "overlmt_amt": yuan(shown.overlmt_amt),
            "preselfpay_amt": yuan(shown.preselfpay_amt),
            "inscp_scp_amt": yuan(shown.inscp_scp_amt),
            "memo": "",
            "exp_content": "",
        }


def fee_answer(kept: Row, item: Row) -> Row:
    """What 2204, 2301 and 5204 say alike about a row."""
    return {
        "det_item_fee_sumamt": yuan(kept["det_item_fee_sumamt"]),
        "cnt": ratio_text(kept["cnt"]),
        "pric": yuan(kept["pric"]).scaleb(-4),
        "pric_uplmt_amt": yuan(kept["pric_uplmt_amt"]).scaleb(-4),
        "selfpay_prop": ratio_text(kept["selfpay_prop"]),
        "fulamt_ownpay_amt": yuan(kept["fulamt_ownpay_amt"]),
        "overlmt_amt": yuan(kept["overlmt_amt"]),
        "preselfpay_amt": yuan(kept["preselfpay_amt"]),
        "inscp_scp_amt": yuan(kept["inscp_scp_amt"]),
        "chrgitm_lv": item["chrgitm_lv"],
        "med_chrgitm_type": item["med_chrgitm_type"],
        "bas_medn_flag": item["bas_medn_flag"],
        "hi_nego_drug_flag": item["hi_nego_drug_flag"],
        "chld_medc_flag": "0",
        "list_sp_item_flag": "0",
        "lmt_used_flag": item["lmt_used_flag"],
        "drt_reim_flag": "0",
    }
