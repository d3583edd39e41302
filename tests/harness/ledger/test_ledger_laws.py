"""Laws of any two ledgers: hospitals apart or together, sides swapped, a bill more on both sides."""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.ledger.command import Request, reconcile

pytestmark = pytest.mark.slow

NAMES = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "setl_time",
    "msgid",
    "refd_setl_flag",
    "fixmedins_code",
)
HOSPITAL = len(NAMES) - 1


def _row(parts):
    """A refund is negative and says so: how a side writes refunds is a habit of a whole file."""
    key, visit, person, fee, time, message, hospital = parts
    refund = fee.startswith("-")
    fund = "-2.00" if refund else "2.00"
    return (key, visit, person, fee, fund, time, message, "1" if refund else "0", hospital)


# Few values, so that keys repeat, visits collide and hospitals share people and amounts.
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["50010001", "50010002", "5001O001", "60010001", ""]),
        st.sampled_from(["M1", "M2", ""]),
        st.sampled_from(["P1", "P2", ""]),
        st.sampled_from(["10.00", "-10.00", "3.00", "7.00"]),
        st.sampled_from(["2026-03-02 10:00:00", "2026-03-02 10:20:00", "2026-03-03 00:00:01"]),
        st.sampled_from(["G1", "G2", ""]),
        st.sampled_from(["H1", "H2"]),
    ).map(_row),
    max_size=7,
)
TRIES = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

MIRROR = {
    "his_only": "centre_only",
    "centre_only": "his_only",
    "duplicate_his": "duplicate_centre",
    "duplicate_centre": "duplicate_his",
}


def judged(his, centre, **further):
    """Class and partners of every row by side and line; the run itself proves conservation."""
    if not his and not centre:
        return {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side, rows in (("his", his), ("centre", centre)):
            with (folder / f"{side}.csv").open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([NAMES, *rows])
        sources = {side: str(folder / f"{side}.csv") for side in ("his", "centre")}
        out = folder / "out"
        request = Request(
            sources=sources,
            out=str(out),
            further=argparse.Namespace(**further),
            quiet=True,
            bare=True,
        )
        assert reconcile(request) in {0, 1}
        with (out / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
            found = list(csv.DictReader(stream))
    return {(r["side"], int(r["line"])): (r["class"], _partners(r["partner"])) for r in found}


def _partners(text):
    return {(one.split(":")[0], int(one.split(":")[1])) for one in text.split("+") if one}


def _apart(his, centre):
    """The verdicts of each hospital's own run, with the lines of the whole files."""
    found = {}
    for hospital in ("H1", "H2"):
        lines = {
            side: [n for n, row in enumerate(rows, 1) if row[HOSPITAL] == hospital]
            for side, rows in (("his", his), ("centre", centre))
        }
        own = judged(*([rows[n - 1] for n in lines[s]] for s, rows in _sides(his, centre)))
        for (side, line), (name, partners) in own.items():
            whole = {(s, lines[s][n - 1]) for s, n in partners}
            found[side, lines[side][line - 1]] = (name, whole)
    return found


def _sides(his, centre):
    return (("his", his), ("centre", centre))


@TRIES
@given(his=ROWS, centre=ROWS)
def test_hospital_by_hospital_and_all_at_once_are_the_same(his, centre):
    assert judged(his, centre, by_hospital="fixmedins_code") == _apart(his, centre)


def test_without_the_option_hospitals_do_meet():
    # The property above could not fail if nothing ever paired across hospitals.
    here = ("50010001", "M1", "P1", "10.00", "2.00", "2026-03-02 10:00:00", "G1", "0", "H1")
    there = (*here[:-1], "H2")
    assert judged([here], [there])["his", 1][0] == "matched"
    assert judged([here], [there], by_hospital="FIXMEDINS_CODE")["his", 1][0] == "his_only"


def test_a_damaged_id_is_found_within_a_hospital_only():
    row = ("00123456789", "", "P1", "10.00", "2.00", "2026-03-02 10:00:00", "", "0", "H1")
    bare = ("123456789", "", "", *row[3:])
    assert judged([bare], [row], by_hospital="fixmedins_code")["his", 1][0] == "id_suspect"
    other = (*row[:-1], "H2")
    assert judged([bare], [other], by_hospital="fixmedins_code")["his", 1][0] == "his_only"


def test_a_ledger_without_the_column_is_refused():
    row = ("50010001", "M1", "P1", "10.00", "2.00", "2026-03-02 10:00:00", "G1", "0", "H1")
    with pytest.raises(InputError, match="org_code"):
        judged([row], [row], by_hospital="org_code")


@TRIES
@given(his=ROWS, centre=ROWS)
def test_swapped_sides_mirror_the_verdicts(his, centre):
    there = {"his": "centre", "centre": "his"}
    one, other = judged(his, centre), judged(centre, his)
    mirrored = {
        (there[side], line): MIRROR.get(name, name) for (side, line), (name, _) in one.items()
    }
    assert mirrored == {key: name for key, (name, _) in other.items()}


@TRIES
@given(his=ROWS, centre=ROWS)
def test_a_bill_on_both_sides_changes_no_other_verdict(his, centre):
    more = ("99999999", "M9", "P9", "55.00", "5.00", "2026-03-02 12:00:00", "G9", "0", "H1")
    before, after = judged(his, centre), judged([*his, more], [*centre, more])
    own = {("his", len(his) + 1), ("centre", len(centre) + 1)}
    assert {after.pop(key)[0] for key in own} == {"matched"}
    assert after == before


@TRIES
@given(his=ROWS, centre=ROWS, kind=st.sampled_from(["centre_only", "his_only", "amount_mismatch"]))
def test_an_approved_repair_changes_only_what_it_repairs(his, centre, kind):
    bill = ("99999999", "M9", "P9", "55.00", "5.00", "2026-03-02 12:00:00", "G9", "0", "H1")
    wrong = (*bill[:3], "56.00", *bill[4:])
    ours = {"centre_only": [], "his_only": [bill], "amount_mismatch": [wrong]}[kind]
    theirs = [] if kind == "his_only" else [bill]
    before = judged([*his, *ours], [*centre, *theirs])
    # The same inputs give the same answer again.
    assert judged([*his, *ours], [*centre, *theirs]) == before
    # Booked, voided or corrected in the hospital's books, as the repair list proposes.
    after = judged([*his, *theirs], [*centre, *theirs])
    own = {("his", len(his) + 1), ("centre", len(centre) + 1)}
    told = {before.pop(key)[0] for key in own & before.keys()}
    repaired = {after.pop(key)[0] for key in own & after.keys()}
    assert told == {kind}
    assert repaired == ({"matched"} if theirs else set())
    assert after == before
