"""The table of fault classes: what is provoked and what is detected, by hand and from runs."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import i18n
from harness.errors import InputError
from harness.evidence.conclude import Conclusion
from harness.evidence.expect import Finding
from harness.evidence.line import pack
from harness.evidence.verdict import Verdict
from harness.selfcheck import runs
from harness.selfcheck.defect_matrix import Catch
from harness.selfcheck.fault_classes import Row, catalogue, counts, read_catalogue, render, table
from simulators.hospital.defects import DEFECTS

SEED = 1
"""The page is made with the seed that ``medharness selfcheck`` takes by default."""

CAUGHT = Catch(
    defect="lis-x",
    source="lab-60",
    places=("LIS-ASTM sql results.value",),
    caught_by=("s1",),
    intended=("s1",),
    placed=("s1",),
    seen_at=("LIS-ASTM sql results.value",),
)


def played(records=(), *, ident="s1", verdict=Verdict.PASS, place=""):
    findings = [
        Finding(interface="LIS-ASTM", place=place, expected="", actual="", message="differs")
    ]
    return SimpleNamespace(
        bound=SimpleNamespace(scenario=SimpleNamespace(id=ident)),
        conclusion=Conclusion(verdict=verdict, findings=tuple(findings if place else ())),
        records=records,
    )


def fired(fault_class="lab-01", wire=b"XY"):
    return [
        {
            "n": 1, "t": 0.0, "kind": "fault", "event": "fired", "id": "F1", "conn": "c",
            "frm": "a", "layer": "link", "fault_class": fault_class,
            "before": pack(b"AB"), "after": pack(b"XY"),
        },
        {"n": 2, "t": 0.0, "kind": "bytes", "conn": "c", "frm": "a", "raw": pack(wire)},
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def _in_english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


def row_of(rows, ident):
    return next(row for row in rows if row.id == ident)


# -- the catalogue -----------------------------------------------------------------------------


def test_the_catalogue_has_every_number_once():
    ids = [ident for ident in catalogue()]  # noqa: C416 - the order counts

    assert ids == [
        *(f"lab-{number:02}" for number in range(1, 113)),
        *(f"hl7-{number:02}" for number in range(1, 94)),
        *(f"yb-{number}" for number in range(1, 29)),
        "yb-ap",
        *(f"yb-F{number}" for number in range(24)),
        *(f"yb-{name}" for name in ("1.4", "6.3", "trace", "list", "cred", "face")),
        *(f"rec-{number}" for number in (36, 41, 44)),
    ]


def test_every_row_says_what_it_is_in_both_languages():
    for row in catalogue().values():
        assert row.en.isascii() or "“" in row.en
        assert any("\u4e00" <= sign <= "\u9fff" for sign in row.zh), row.id
        assert "|" not in row.en + row.zh


def test_every_defect_stands_for_a_row():
    assert {row for one in DEFECTS for row in one.source.split()} <= {*catalogue()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("b-2", "b-1"), "stands twice"),
        (('letters = "P"', 'letters = "X"'), "unknown letters"),
        (('pillar = "lab"', 'pillar = "moon"'), "pillar"),
    ],
)
def test_a_damaged_catalogue_is_refused(change, message):
    rows = "".join(
        f'[[groups.rows]]\nid = "{ident}"\nletters = "P"\nzh = "甲"\nen = "a"\n'
        for ident in ("b-1", "b-2")
    )
    text = f'[[groups]]\nid = "b"\npillar = "lab"\nzh = "组"\nen = "g"\n{rows}'
    assert list(read_catalogue(text, "here")) == ["b-1", "b-2"]

    with pytest.raises(InputError, match=message):
        read_catalogue(text.replace(*change), "here")


# -- the table ---------------------------------------------------------------------------------


def test_a_fault_that_the_wire_shows_is_provoked():
    rows = table([played(fired())], [])

    assert row_of(rows, "lab-01").provoked_in == ("s1",)
    assert [row.id for row in rows if row.provoked or row.detected] == ["lab-01"]


def test_a_fault_that_only_says_so_is_not():
    assert not row_of(table([played(fired(wire=b"AB"))], []), "lab-01").provoked


def test_a_caught_defect_is_detected_if_the_clean_hospital_is_clean():
    assert row_of(table([played()], [CAUGHT]), "lab-60").detected_by == ("lis-x",)


@pytest.mark.parametrize(
    "clean",
    [
        [],
        [played(ident="s2")],
        [played(verdict=Verdict.INCONCLUSIVE)],
        [played(place="LIS-ASTM sql results.value")],
    ],
)
def test_a_finding_that_may_be_there_without_the_defect_proves_nothing(clean):
    assert not row_of(table(clean, [CAUGHT]), "lab-60").detected


def test_a_defect_that_nobody_caught_at_its_place_is_not_detected():
    assert not row_of(table([played()], [replace(CAUGHT, placed=())]), "lab-60").detected


@pytest.mark.parametrize(("scenario", "detected"), [("s1", ("lis-x",)), ("s2", ())])
def test_a_fault_that_brings_a_defect_out_is_detected_where_the_wire_showed_it(scenario, detected):
    catch = replace(CAUGHT, source="lab-60 lab-01")
    rows = table([played(), played(fired(), ident=scenario)], [catch])

    assert row_of(rows, "lab-60").detected_by == ("lis-x",)
    assert row_of(rows, "lab-01").provoked_in == (scenario,)
    assert row_of(rows, "lab-01").detected_by == detected


def test_a_class_that_the_catalogue_does_not_have_is_refused():
    with pytest.raises(InputError, match="lab-999"):
        table([played(fired("lab-999"))], [])
    with pytest.raises(InputError, match="hl7-0"):
        table([], [replace(CAUGHT, source="hl7-0")])


@pytest.mark.parametrize(
    ("letters", "provoked", "detected", "counted"),
    [
        ("P", True, False, True),
        ("P", False, True, False),
        ("D", False, True, True),
        ("PD", True, False, False),
        ("PD", True, True, True),
    ],
)
def test_a_row_counts_if_every_letter_holds(letters, provoked, detected, counted):
    row = Row(
        id="lab-01",
        pillar="lab",
        letters=letters,
        provoked_in=("s1",) * provoked,
        detected_by=("d1",) * detected,
    )

    assert row.counts is counted
    assert row.data()["counts"] is counted
    assert counts([row])["lab"] == {
        "listed": 1,
        "provoked": int(provoked),
        "detected": int(detected),
        "counting": int(counted),
    }
    assert counts([row])["feeds"]["listed"] == 0


def test_the_page_names_two_and_counts_the_rest():
    rows = table([played(fired(), ident=f"s{number}") for number in range(4)], [])

    page = render(rows)

    assert "`s0`, `s1` and 2 more" in page
    assert "| lab | 112 | 1 | 0 | 0 |" in page
    assert page.count("\n## ") == 18
    assert "| imaging |" not in page  # it has a page of its own, which test_imaging holds
    assert "(faults-imaging.md)" in page


def test_the_page_names_every_row_and_only_defects_and_scenarios_that_are_there():
    """What a row counts is measured by the whole self-check; that the names are real, here."""
    text = (Path(__file__).parents[3] / "docs/reference/faults.md").read_text("utf-8")
    lines = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    shown = {cells[1].strip(): cells for cells in lines if len(cells) == 9}
    assert {*catalogue()} <= {*shown}
    known = {one.scenario.id for one in runs.shipped()} | {one.id for one in DEFECTS}
    named = {
        name
        for ident in catalogue()
        for cell in shown[ident][5:7]
        for name in re.findall(r"`([^`]+)`", cell)
    }
    assert len(named) > 100
    assert named - known == set()
