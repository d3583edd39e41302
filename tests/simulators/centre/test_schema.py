"""The specification as data, the check of requests, and the difference of two versions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from harness.errors import InputError
from simulators.centre import schema, schema_check, spec_diff
from simulators.centre.schema_check import Mode, check_input, check_output

SPEC = schema.load()
AT = datetime(2026, 1, 5, 8, 0, 0)  # noqa: DTZ001 - the centre's own clock


def kinds(infno: str, nodes: dict[str, Any], mode: Mode = Mode.SPEC) -> set[tuple[str, str, int]]:
    found = check_input(SPEC, SPEC.transactions[infno], nodes, mode)
    return {(one.code, one.kind, one.row) for one in found.problems}


def test_the_whole_interface_is_there() -> None:
    assert len(SPEC.transactions) == 212
    assert len(SPEC.code_lists) == 300
    field = SPEC.transactions["2207"].inputs[0].fields["medfee_sumamt"]
    assert (field.kind, field.length, field.decimals, field.required) == ("N", 16, 2, True)
    with pytest.raises(InputError):
        schema.load("V9")


UNDO = {"psn_no": "P", "omsgid": "M", "oinfno": "2203A"}


def test_one_shape_whatever_the_habits_of_the_sender() -> None:
    assert kinds("2601", {"data": UNDO}) == set()
    assert kinds("2601", {"data": [UNDO]}) == set()
    assert kinds("2601", {"data": [UNDO]}, Mode.STRICT) == {("oinfno", "long", 0)}
    row = {"feedetl_sn": 1, "cnt": "2", "memo": None, "combo": ""}
    checked = check_input(SPEC, SPEC.transactions["2204"], {"feedetail": row})
    (kept,) = checked.nodes["feedetail"]
    assert kept == {"feedetl_sn": "1", "cnt": Decimal(2)}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({**UNDO, "psn_no": ""}, {("psn_no", "missing", 0)}),
        ({**UNDO, "psn_no": None}, {("psn_no", "missing", 0)}),
        ({**UNDO, "psn_no": "null"}, {("psn_no", "missing", 0)}),
        ({**UNDO, "psn_no": {"a": 1}}, {("psn_no", "kind", 0)}),
        ({**UNDO, "psn_no": "P" * 31}, {("psn_no", "long", 0)}),
        ("text", {("", "node", 0)}),
        ([], {("", "missing", 0)}),
    ],
)
def test_what_is_wrong_is_named(data: Any, expected: set[tuple[str, str, int]]) -> None:
    assert kinds("2601", {"data": data}) == expected


def test_contradictory_lengths_are_tolerated_by_the_wider() -> None:
    """``certno`` has 20 characters in one table and 50 in another, ``psn_type`` 3 and 6."""
    node = SPEC.transactions["2206"].inputs[0].fields
    assert node["certno"].length == 20
    data = {"certno": "C" * 45, "psn_type": "116003"}
    found = {code for code, kind, _ in kinds("2206", {"data": data}) if kind == "long"}
    strict = {
        code for code, kind, _ in kinds("2206", {"data": data}, Mode.STRICT) if kind == "long"
    }
    assert found == set()
    assert strict == {"certno", "psn_type"}


def test_amounts_dates_and_codes() -> None:
    data = {"medfee_sumamt": "1,0", "stmt_begndate": "2026/1/5", "clr_type": "nix"}
    found = kinds("3201", {"data": data})
    assert {
        ("medfee_sumamt", "kind", 0),
        ("stmt_begndate", "kind", 0),
        ("clr_type", "code", 0),
    } <= found
    fine = {"medfee_sumamt": "10", "stmt_begndate": "2026-01-05 00:00:00.0", "clr_type": 11}
    assert not {code for code, kind, _ in kinds("3201", {"data": fine}) if kind != "missing"}
    assert ("clr_type", "code", 0) not in kinds("3201", {"data": data}, Mode.LENIENT)
    assert ("medfee_sumamt", "long", 0) in kinds("3201", {"data": {"medfee_sumamt": 10**14}})


def test_problems_are_bounded() -> None:
    rows = [{"cnt": "x"}] * 1000
    found = check_input(SPEC, SPEC.transactions["2204"], {"feedetail": rows})
    assert len(found.problems) == schema_check.PROBLEMS_MAX


def test_every_transaction_has_an_answer_of_its_shape() -> None:
    for transaction in SPEC.transactions.values():
        output = schema_check.shaped(SPEC, transaction, {"data": {}}, AT)
        assert check_output(SPEC, transaction, output).problems == [], transaction.infno


def test_an_upgrade_on_paper() -> None:
    changes = spec_diff.difference(schema.load("V1.1.18"), SPEC)
    told = {(one.kind, one.infno, one.field) for one in changes}
    assert ("made-required", "5204", "setl_id") in told
    assert ("made-optional", "2201", "atddr_no") in told
    assert ("field-renamed", "4505", "frez_no") in told
    assert ("field-added", "2207", "hifdm_pay") in told
    assert ("lengthened", "4101", "wm_dise_code") in told
    assert ("kind-changed", "2204", "feedetl_sn") in told
    assert ("code-added", "", "2") in told
    assert spec_diff.difference(SPEC, SPEC) == []
    back = {
        (one.kind, one.infno, one.field)
        for one in spec_diff.difference(SPEC, schema.load("V1.1.18"))
    }
    assert ("made-optional", "5204", "setl_id") in back
    assert ("field-removed", "2207", "hifdm_pay") in back
    assert all(one.breaks_senders for one in changes if one.kind == "made-required")
    assert not any(one.breaks_senders for one in changes if one.side == "out")
