"""The shape of answers against the specification's own list of fields, read from its file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.centre import world
from simulators.centre.ids import digits
from simulators.centre.transactions import CLERKS, HANDLERS, NOTED
from tests.simulators.centre.counter import SEED, Counter

SPEC = Path(__file__).resolve().parents[3] / "fixtures" / "centre" / "schema" / "V1.1.27.json"


def tables(infno: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Named output nodes of a transaction, with their fields as text such as ``C30!``."""
    with SPEC.open(encoding="utf-8") as file:
        found = json.load(file)["transactions"][infno]["tables"]
    for table in found:
        if table["dir"] == "out" and table["node"] not in {"", "-"}:
            yield table["node"], table["fields"]


def answers(counter: Counter) -> Iterator[tuple[str, Any]]:
    visit = counter.register("retired")
    rows = [visit.row("MHD0000000001", "50", "10"), visit.row("MHD0000000009", "80", "2")]
    yield "2204", counter.ok("2204", feedetail=rows)
    visit.total = sum(row["det_item_fee_sumamt"] for row in rows)
    who = world.person(SEED, "retired")
    yield "1101", counter.ok("1101", data={"mdtrt_cert_type": "02", "mdtrt_cert_no": who.id_card})
    yield "2206", counter.ok("2206", data=visit.asked())
    done = visit.settle()
    yield "2207", done
    keys = visit.keys() | {"setl_id": done["setlinfo"]["setl_id"]}
    yield "5203", counter.ok("5203", data=keys)
    yield "2208", counter.ok("2208", data=keys)
    ask = {
        "insutype": "310",
        "clr_type": "11",
        "stmt_begndate": "2026-03-01",
        "stmt_enddate": "2026-03-02",
    }
    yield "3201", counter.ok("3201", data=ask)
    stay = counter.admit("civil", med_type="2101")
    yield "2301", counter.ok("2301", feedetail=[stay.row("MHS0000000011", "100", "20")])
    stay.total += 2000
    stay.discharge()
    yield "2303", counter.ok("2303", data=stay.asked())
    done = stay.settle()
    yield "2304", done
    yield "2305", stay.undo(done["setlinfo"]["setl_id"])


def test_answers_have_every_field_that_may_not_be_empty(tmp_path: Path) -> None:
    counter = Counter(tmp_path)
    seen = 0
    for infno, output in answers(counter):
        for node, fields in tables(infno):
            rows = output.get(node)
            if node == "idetinfo":
                continue
            assert rows, (infno, node)
            for row in rows if isinstance(rows, list) else [rows]:
                for name, text in fields.items():
                    if "!" in text.split(" ")[0]:
                        assert row.get(name) not in {None, ""}, (infno, node, name)
                        seen += 1
    assert seen > 250
    counter.close()


def test_every_transaction_is_one_of_the_specification() -> None:
    with SPEC.open(encoding="utf-8") as file:
        known = set(json.load(file)["transactions"])
    # 4101A is the former number of what 4101 is today; provinces still use it.
    assert set(CLERKS) - known == {"4101A"}
    assert set(HANDLERS) == set(CLERKS)
    assert len(CLERKS) > 80
    assert set(CLERKS) > NOTED


@pytest.mark.parametrize("length", [9, 18, 20])
def test_ids_have_their_length_and_no_leading_zero(length: int) -> None:
    found = {digits(1, "x", nth, length=length) for nth in range(500)}
    assert len(found) == 500
    assert {len(one) for one in found} == {length}
    assert all(one.isdecimal() and one[0] != "0" for one in found)
