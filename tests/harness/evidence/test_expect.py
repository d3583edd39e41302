"""Expectations are data: refused where they could not fail, and the same after a round trip."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evidence.expect import Ask, Check, Expectation, Item, Selector, Wanted, items_of
from harness.evidence.match import Value
from harness.evidence.trace import pack
from harness.model import Place
from tests.harness.evidence.journal import Journal, messages, row, rows, silence, wanted_row

TEXT = st.text("abcXYZ019.-[]张", min_size=1, max_size=6)
PAIRS = st.dictionaries(TEXT, TEXT, max_size=2)
PLACES = st.builds(
    Place,
    interface=st.sampled_from(["LIS-ORU", "PACS-MWL"]),
    protocol=st.sampled_from(["hl7", "sql"]),
    path=st.sampled_from(["", "OBX[1]-5", "results.item name"]),
)
VALUES = st.one_of(
    st.builds(Value, expected=TEXT, unit=st.sampled_from(["", "g/L"])),
    st.builds(Value, op=st.just("decimal"), expected=TEXT, tolerance=st.just("0.01")),
    st.builds(Value, op=st.just("same"), slot=TEXT),
)
CHECKS = st.builds(
    Check, path=TEXT, value=VALUES, place=PLACES, clause=st.just("§2"), fault_class=st.just("f")
)
WANTED = st.builds(
    Wanted,
    key=PAIRS,
    checks=st.lists(CHECKS, max_size=2).map(tuple),
    times=st.integers(1, 3),
)


@settings(max_examples=100, deadline=None)
@given(
    wanted=st.lists(WANTED, min_size=1, max_size=2).map(tuple),
    where=PAIRS,
    place=PLACES,
    probe=st.booleans(),
    mode=st.sampled_from(["eventually", "always", "never"]),
    since=st.integers(0, 9),
)
def test_what_the_trace_holds_reads_back(
    wanted: Any, where: Any, place: Place, probe: bool, mode: str, since: int
) -> None:
    ask = Ask(probe="p", args=where) if probe else None
    kind = "probe" if probe else "message"
    expectation = Expectation(
        mode=mode,
        select=Selector(kind=kind, where=where, each="" if probe else "OBX", having=where),
        wanted=wanted,
        place=place,
        limit_s=1.5,
        exact=probe,
        settle_s=0.5,
        ask=ask,
        control=Selector(kind=kind) if mode == "never" else None,
        control_ask=ask if mode == "never" else None,
        since=since,
        classes=where,
        clause="§2.9",
    )

    assert Expectation.of(json.loads(json.dumps(expectation.data()))) == expectation


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: messages(wanted_row("x"), mode="perhaps"), "unknown mode 'perhaps'"),
        (lambda: silence(control=None, control_ask=None), "needs a positive control"),
        (messages, "wants nothing cannot fail"),
        (lambda: messages(mode="always"), "wants nothing cannot fail"),
        (lambda: rows(wanted_row("x"), limit_s=0.0), "needs a limit"),
        (lambda: rows(wanted_row("x"), ask=None), "where a probe is asked, and only there"),
        (lambda: messages(wanted_row("x"), ask=Ask(probe="p")), "and only there"),
        (lambda: silence(control_ask=None), "a control looks where it asks"),
        (lambda: silence(control=Selector(kind="message")), "a control looks where it asks"),
    ],
)
def test_expectations_that_could_not_fail_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# -- items -------------------------------------------------------------------------------------


def oru() -> dict[str, Any]:
    journal = Journal()
    journal.message(1.0, "5.2", "6.3")
    return journal.records[0] | {"corr": {"barcode": "S1"}}


def test_a_message_is_one_item_or_one_for_each_segment() -> None:
    record = oru()
    whole = items_of(record, Selector(kind="message"))
    each = items_of(record, Selector(kind="message", each="OBX"))

    assert [item.get("OBX[2]-5") for item in whole] == ["6.3"]
    assert [item.get("OBX-5") for item in each] == ["5.2", "6.3"]
    assert [item.get("MSH-10") for item in each] == ["C1", "C1"]
    assert [item.get("corr.barcode") for item in each] == ["S1", "S1"]
    assert each[0].get("OBX-99") is None
    assert each[0].get("corr.patient") is None


def test_astm_records_are_items_too() -> None:
    raw = b"H|\\^&\rP|1\rO|1|S1\rR|1|^^^K|4.1\rR|2|^^^NA|140\rL|1|N\r"
    record = {"n": 1, "kind": "message", "protocol": "astm", "raw": pack(raw), "encoding": "ascii"}
    items = items_of(record, Selector(kind="message", each="R", having={"R.3.4": "NA"}))

    assert [item.get("R.4") for item in items] == ["140"]
    assert items[0].get("O.3") == "S1"


def test_rows_are_items() -> None:
    journal = Journal()
    journal.look(1.0, row("WBC"), row("HGB", None))
    record = journal.records[0]
    items = items_of(record, Selector(kind="probe", where={"probe": "results"}))

    assert [(item.get("row.item"), item.get("row.value")) for item in items] == [
        ("WBC", "5.2"), ("HGB", None),
    ]  # fmt: skip
    assert items[0].get("row.none") is None
    assert items[0].get("probe") == "results"
    assert items_of(record | {"rows": None}, Selector(kind="probe")) == []


@pytest.mark.parametrize(
    "select",
    [
        Selector(kind="probe"),
        Selector(kind="message", where={"link": "ward"}),
        Selector(kind="message", where={"corr.barcode": "S2"}),
        Selector(kind="message", having={"MSH-10": "C2"}),
        Selector(kind="message", each="SPM"),
    ],
)
def test_what_the_selector_does_not_take(select: Selector) -> None:
    assert items_of(oru(), select) == []


def test_an_item_of_another_record_reads_its_fields() -> None:
    assert Item({"n": 1, "kind": "link", "event": "closed"}).get("event") == "closed"
