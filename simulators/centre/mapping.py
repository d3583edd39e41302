"""对码: 3301 maps the hospital's codes to national ones, 3302 takes a mapping back."""

from __future__ import annotations

from simulators.centre.catalogue import catalogue_rows
from simulators.centre.ledger import delete, one
from simulators.centre.rules import Desk, Refusal, day, flat, needed, node_rows, stamp, text
from simulators.centre.transaction import Answer, Books, Call, Handled
from simulators.store import insert


def upload(_desk: Desk, call: Call, books: Books) -> Handled:
    """3301: all rows, or none; a code that is mapped has to be taken back before."""
    rows = node_rows(call, "data")
    if not rows:
        raise Refusal("node_missing", name="data")
    known = catalogue_rows(books, {text(row, "med_list_codg") for row in rows})
    seen: set[tuple[str, str]] = set()
    statements = []
    for row in rows:
        own, kind = needed(row, "fixmedins_hilist_id"), needed(row, "list_type")
        item = known.get(needed(row, "med_list_codg"))
        if item is None or item["list_type"] != kind:
            raise Refusal("fee_code", code=text(row, "med_list_codg"))
        begin, end = day(row, "begndate"), day(row, "enddate")
        if begin > end:
            raise Refusal("mapping_dates", code=own)
        again = one(
            books,
            "SELECT 1 FROM mappings WHERE fixmedins_code = ? AND fixmedins_hilist_id = ?"
            " AND list_type = ?",
            call.fixmedins_code,
            own,
            kind,
        )
        if again is not None or (own, kind) in seen:
            raise Refusal("mapping_repeat", code=own)
        seen.add((own, kind))
        values = {
            "fixmedins_code": call.fixmedins_code,
            "fixmedins_hilist_id": own,
            "fixmedins_hilist_name": text(row, "fixmedins_hilist_name"),
            "list_type": kind,
            "med_list_codg": item["med_list_codg"],
            "begndate": begin,
            "enddate": end,
            "memo": text(row, "memo"),
            "updt_time": stamp(call),
        }
        statements.append(insert("mappings", values))
    return Handled(answer=Answer(output={}), statements=statements)


def withdraw(_desk: Desk, call: Call, books: Books) -> Handled:
    """3302: take one mapping back, also an approved one."""
    data = flat(call)
    key = {
        "fixmedins_code": call.fixmedins_code,
        "fixmedins_hilist_id": needed(data, "fixmedins_hilist_id"),
        "list_type": needed(data, "list_type"),
        "med_list_codg": needed(data, "med_list_codg"),
    }
    where = " AND ".join(f"{name} = ?" for name in key)
    found = one(books, f"SELECT 1 FROM mappings WHERE {where}", *key.values())
    if found is None:
        raise Refusal("mapping_unknown", code=key["fixmedins_hilist_id"])
    return Handled(answer=Answer(output={}), statements=[delete("mappings", key)])
