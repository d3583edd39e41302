"""The order of records and their numbers (LIS02-A2 §4, §5.6), worked by hand."""

import pytest

from harness.wire.astm_check import check


def found(rows):
    """``"H P1 O1 R2"`` as rows; what is wrong as ``code@record``."""
    pairs = [(one[0], one[1:] or None) for one in rows.split()]
    return [f"{one.code.removeprefix('astm.')}@{one.record}" for one in check(pairs)]


@pytest.mark.parametrize(
    "rows",
    [
        "H L1",
        "H P1 O1 R1 R2 L1",
        "H P1 O1 R1 O2 R1 R2 P2 O1 R1 L1",
        "H P1 C1 C2 O1 C1 R1 C1 R2 C1 C2 L1",
        "H P1 O1 R1 M1 R2 M1 M2 L1",
        "H P1 O1 R1 C1 M1 C2 L1",
        "H P1 O1 R1 C1 M1 C1 L1",
        "H Q1 L1",
        "H S1 S2 P1 O1 L1",
        "H C1 P1 L1",
        "H P01 L1",
    ],
)
def test_good_messages(rows):
    assert found(rows) == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("P1 L1", ["no-header@1"]),
        ("H P1", ["no-terminator@2"]),
        ("H L1 C1", ["after-terminator@3"]),
        ("H L1 P1 O1", ["after-terminator@3", "after-terminator@4"]),
        ("H P1 H L1", ["header-inside@3"]),
        ("H O1 L1", ["order-without-patient@2"]),
        ("H P1 Q1 O1 L1", ["order-without-patient@4"]),
        ("H P1 R1 L1", ["result-without-order@3"]),
        ("H P1 O1 P2 R1 L1", ["result-without-order@5"]),
        ("H X1 L1", ["record-type@2"]),
        ("H P1 O1 R1 X9 R2 L1", ["record-type@5"]),
        ("H P2 L1", ["sequence@2"]),
        ("H P L1", ["sequence@2"]),
        ("H P1 O1 R1 R1 L1", ["sequence@5"]),
        ("H P1 O1 R1 R3 R4 L1", ["sequence@5", "sequence@6"]),
        ("H P1 O1 R1 O2 R2 L1", ["sequence@6"]),
        ("H P1 P2 L2", ["sequence@4"]),
        ("H P1 O1 R1 C1 R2 C2 L1", ["sequence@7"]),
        ("H Px L1", ["sequence@2"]),
    ],
)
def test_bad_messages(rows, expected):
    assert found(rows) == expected


def test_expected_and_actual():
    (one,) = check([("H", None), ("P", "7"), ("L", "1")])

    assert (one.expected, one.actual, one.clause) == ("1", "7", "LIS02-A2 §5.6")
