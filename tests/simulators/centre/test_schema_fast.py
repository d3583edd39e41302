"""A row that is in order is read by the compiled rules as it is by the long check."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.centre import provinces, schema_check
from simulators.centre.schema_check import Mode, check_input

SPEC = provinces.load_province("hunan").spec()
DATA = {
    "psn_cert_type": "01", "certno": "1",
    "psn_no": "1", "mdtrt_cert_type": "02", "mdtrt_cert_no": "1", "med_type": "11",
    "medfee_sumamt": "10.00", "psn_setlway": "01", "mdtrt_id": "1", "chrg_bchno": "B1",
    "insutype": "310", "acct_used_flag": "1", "fulamt_ownpay_amt": 0, "overlmt_selfpay": 0,
    "preselfpay_amt": 0, "inscp_scp_amt": 0, "psn_name": "甲", "more": "x",
}  # fmt: skip

VALUES = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "null", " null ", "02", " 02 ", "999", "1_0", "NaN", "Infinity", "1e40",
                     "1e999999999", "-1e-999999999", "2026-03-01", "2026-02-30", "2026-03-01 08:00:00.5",
                     "汉" * 50, "1" * 700, True, 3, 10**20, [], {}, ["02"], {"a": 1}]),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.text(max_size=5),
)  # fmt: skip


def slowly(infno: str, nodes: dict[str, Any], mode: Mode) -> schema_check.Checked:
    class Never:
        def row(self, row: object) -> None:
            return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema_check, "compiled", lambda *_: Never())
        return check_input(SPEC, SPEC.transactions[infno], nodes, mode)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(list(Mode)),
    st.dictionaries(st.sampled_from([*DATA, "begntime", "other"]), VALUES, max_size=4),
)
def test_both_ways_agree(mode: Mode, changed: dict[str, Any]) -> None:
    nodes = {"data": DATA | changed}
    fast = check_input(SPEC, SPEC.transactions["2207"], nodes, mode)
    slow = slowly("2207", nodes, mode)
    assert fast.nodes == slow.nodes
    assert fast.problems == slow.problems


@pytest.mark.parametrize("infno", sorted(SPEC.transactions))
def test_no_transaction_is_let_in_empty_that_was_not(infno: str) -> None:
    for table in SPEC.transactions[infno].inputs:
        nodes = {table.name: {"x": "1"}} if table.name else {"x": "1"}
        fast = check_input(SPEC, SPEC.transactions[infno], nodes)
        assert fast.problems == slowly(infno, nodes, Mode.SPEC).problems


def test_the_fast_way_is_taken() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema_check._Checker, "_value", None)  # the long check cannot run
        found = check_input(SPEC, SPEC.transactions["2207"], {"data": DATA})
    assert found.problems == []
    assert found.nodes["data"]["more"] == "x"
