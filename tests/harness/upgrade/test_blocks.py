"""Patients and rows in another order, because a drawn value decides the order."""

from __future__ import annotations

from harness.upgrade.blocks import rearranged, rows_rearranged


def never(path: str, old: str, new: str) -> bool:
    return False


def drawn(path: str, old: str, new: str) -> bool:
    return {old, new} <= {"S1", "S2", "S7", "S9"}


def message(*patients: tuple[str, str]) -> dict[str, str]:
    values = {"H[1].1": "H"}
    for number, (tube, test) in enumerate(patients, 1):
        values |= {
            f"P[{number}].1": "P",
            f"P[{number}].2": str(number),
            f"O[{number}].3": tube,
            f"O[{number}].5": test,
        }
    return values | {"L[1].1": "L"}


def test_patients_are_read_in_the_order_of_the_other_message() -> None:
    old = message(("S1", "K"), ("S2", "NA"))
    new = message(("S7", "NA"), ("S9", "K"))

    found = rearranged(old, new, drawn)

    assert found is not None
    assert (found["O[1].3"], found["O[1].5"]) == ("S9", "K")
    assert [found["P[1].2"], found["P[2].2"]] == ["1", "2"]
    assert list(found) == list(old)


def test_one_patient_two_more_or_another_test_are_left_as_they_are() -> None:
    old = message(("S1", "K"), ("S2", "NA"))

    assert rearranged(old, message(("S7", "K")), drawn) is None
    assert rearranged(old, message(("S7", "CL"), ("S9", "K")), drawn) is None
    assert rearranged(old, message(("S9", "K"), ("S7", "NA")), drawn) is None, "descends"
    assert rearranged(old, message(("S7", "NA"), ("S9", "K")), never) is None


def rows(*values: tuple[str, str]) -> dict[str, str]:
    found = {"@outcome": "ok"}
    for number, (tube, state) in enumerate(values, 1):
        found |= {f"row[{number}].barcode": tube, f"row[{number}].state": state}
    return found


def test_rows_have_no_order_where_each_has_its_counterpart() -> None:
    old, new = rows(("S1", "open"), ("S2", "done")), rows(("S7", "done"), ("S9", "open"))

    found = rows_rearranged(old, new, drawn)

    assert found == {
        "@outcome": "ok",
        "row[1].barcode": "S9",
        "row[1].state": "open",
        "row[2].barcode": "S7",
        "row[2].state": "done",
    }


def test_a_row_without_counterpart_is_not_hidden() -> None:
    old = rows(("S1", "open"), ("S2", "done"))

    assert rows_rearranged(old, rows(("S7", "done"), ("S9", "done")), drawn) is None
    assert rows_rearranged(old, rows(("S7", "done")), drawn) is None
    assert rows_rearranged(old, rows(("S7", "done"), ("S9", "open")), never) is None
