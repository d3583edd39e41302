"""The imaging table: its catalogue, its readers, and one play over TCP with and without a defect."""

import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import resources
from harness.errors import InputError
from harness.evidence.line import pack
from harness.selfcheck import imaging, imaging_beside, imaging_http, imaging_objects, imaging_wire
from harness.selfcheck.defect_matrix import Catch
from harness.selfcheck.fault_classes import IMAGING, catalogue
from harness.selfcheck.imaging_read import Look
from simulators.hospital.defects import IMAGING as DEFECTS

REFERENCE = Path(resources.__file__).resolve().parent.parent / "docs/reference"
PAGE = REFERENCE / "faults-imaging.md"

# Typed from PS3.8 tables 9-11 to 9-25: an A-ASSOCIATE-RQ with one context, a C-ECHO-RQ in one
# P-DATA-TF, and an A-ABORT.
UID_ECHO = b"1.2.840.10008.1.1"
UID_IMPLICIT = b"1.2.840.10008.1.2"


def item(kind, value):
    return struct.pack(">BxH", kind, len(value)) + value


def pdu(kind, body):
    return struct.pack(">BxI", kind, len(body)) + body


def request(called=b"MHPACS", calling=b"MHCT1", user=b"", contexts=1):
    proposal = b"".join(
        item(
            0x20, bytes((2 * number + 1, 0, 0, 0)) + item(0x30, UID_ECHO) + item(0x40, UID_IMPLICIT)
        )
        for number in range(contexts)
    )
    fixed = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16), calling.ljust(16))
    return pdu(1, fixed + item(0x10, b"1.2.840.10008.3.1.1.1") + proposal + item(0x50, user))


def element(number, value):
    return struct.pack("<HHI", 0, number, len(value)) + value


def echo():
    rest = (
        element(0x0002, UID_ECHO + b"\0") + element(0x0100, b"\x30\0")
        + element(0x0110, b"\1\0") + element(0x0800, b"\1\1")
    )  # fmt: skip
    command = element(0, struct.pack("<I", len(rest))) + rest
    return pdu(4, struct.pack(">IBB", len(command) + 2, 1, 3) + command)


def records(*sent, interface="PACS-DIMSE"):
    return [
        {"n": n, "t": float(n), "kind": "bytes", "interface": interface, "frm": "modality",
         "to": "PACS", "conn": conn, "link": "modality-pacs", "raw": pack(raw)}
        for n, (conn, raw) in enumerate(sent, 1)
    ]  # fmt: skip


# -- the catalogue and the page --------------------------------------------------------------------


def test_the_catalogue_has_122_rows_in_seven_groups_and_more():
    rows = catalogue(IMAGING)

    letters = [ident.removeprefix("img-").rstrip("0123456789") for ident in rows]
    assert {one: letters.count(one) for one in letters} == {
        "N": 21, "C": 15, "W": 18, "M": 7, "K": 8, "S": 18, "X": 18, "Q": 12, "T": 3, "P": 2,
    }  # fmt: skip
    assert {row.pillar for row in rows.values()} == {"imaging"}
    assert not {*rows} & {*catalogue()}


def test_every_row_says_what_it_is_in_both_languages():
    for row in catalogue(IMAGING).values():
        assert row.en.isascii()
        assert any("\u4e00" <= sign <= "\u9fff" for sign in row.zh), row.id


def test_defects_and_readers_stand_for_rows():
    known = {*catalogue(IMAGING)}

    assert {one.source for one in DEFECTS} <= known
    assert {*imaging_wire.ROWS, *imaging_objects.ROWS} <= known
    assert {*imaging_http.ROWS, *imaging_beside.ROWS} <= known
    assert not {*imaging_wire.ROWS} & {*imaging_objects.ROWS}


def test_a_row_that_cannot_count_says_why():
    read = {*imaging_wire.ROWS, *imaging_objects.ROWS, *imaging_http.ROWS, *imaging_beside.ROWS}
    defects = {one.source for one in DEFECTS}
    for row in catalogue(IMAGING).values():
        can = ("P" not in row.letters or row.id in read) and row.id in defects
        assert can is not bool(row.open), row.id


def test_the_page_and_the_catalogue_agree():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    shown = [line.split(" | ") for line in lines if line.startswith("| img-")]

    rows = [[f"| {row.id}", row.en, row.zh, row.letters] for row in catalogue(IMAGING).values()]
    assert [cells[:4] for cells in shown] == rows
    for cells in shown:
        row = catalogue(IMAGING)[cells[0].removeprefix("| ")]
        assert (cells[6] == "yes |") is not (f": {row.open} |" in cells[6]), row.id


# -- the readers -----------------------------------------------------------------------------------


def test_pdus_are_cut_apart_wherever_the_bytes_were():
    whole = request() + echo() + pdu(7, b"\0\0\0\0")

    look = Look(records(("modality-pacs#1", whole[:50]), ("modality-pacs#1", whole[50:])))

    assert [one.kind for one in look.pdus] == [1, 4, 7]
    assert [one.calling.strip() for one in look.requests] == [b"MHCT1"]
    assert [(one.kind, one.sop_class) for one in look.asked("C-ECHO")] == [
        ("C-ECHO", UID_ECHO.decode())
    ]


def test_other_interfaces_are_not_read():
    assert imaging_wire.shown_rows(records(("c", request()), interface="LIS-ASTM")) == []


@pytest.mark.parametrize(
    ("row", "without", "sent"),
    [
        ("img-N16", request(contexts=126), request(contexts=127)),
        ("img-N12", request(), request(user=item(0x53, b"\0\5\0\1"))),
        ("img-N11", request(), request(calling=b"CT/1")),
    ],
)
def test_a_row_is_shown_by_what_is_sent_and_by_nothing_less(row, without, sent):
    assert row not in imaging_wire.shown_rows(records(("modality-pacs#1", without)))
    assert row in imaging_wire.shown_rows(records(("modality-pacs#1", sent)))


def test_a_title_in_other_letters_is_another_title_only_beside_its_own():
    both = records(("modality-pacs#1", request()), ("modality-pacs#2", request(called=b"mhpacs")))

    assert "img-N1" in imaging_wire.shown_rows(both)
    assert "img-N1" not in imaging_wire.shown_rows(both[1:])


# -- the plays -------------------------------------------------------------------------------------


def test_a_catch_without_its_clean_play_detects_nothing():
    catch = Catch(defect="d", source="img-N1", places=("p",), caught_by=("s",), intended=("s",),
                  placed=("s",), seen_at=("p",))  # fmt: skip

    rows = imaging.table([], [catch])

    assert not any(row.detected or row.provoked for row in rows)


def test_a_row_that_the_catalogue_does_not_have_is_refused(monkeypatch):
    monkeypatch.setattr(imaging.imaging_wire, "shown_rows", lambda _: ["img-Z9"])
    bound = type("B", (), {"scenario": type("S", (), {"id": "s"})})
    passed = type("C", (), {"verdict": imaging.Verdict.PASS, "findings": ()})
    played = imaging.Played(bound=bound, conclusion=passed, records=(), stores={})

    with pytest.raises(InputError, match="img-Z9"):
        imaging.table([played], [])


@pytest.mark.slow
def test_one_defect_is_caught_and_its_row_counts(tmp_path, capsys):
    code = imaging.imaging(quick=False, seed=3, defects=["pacs-aborts-async"], out=str(tmp_path),
                           page_to="", as_json=False)  # fmt: skip

    said = capsys.readouterr().out
    assert code == 0, said
    assert "pacs-aborts-async (img-N12): img-assoc-window" in said
    assert (tmp_path / "imaging.json").exists()


def test_systems_that_start_within_the_first_scenario_can_be_switched_after_it(tmp_path):
    rig, orders = imaging.Rig(tmp_path, 1), []
    world = SimpleNamespace(bench=SimpleNamespace(probes={}), at_end=[])
    with pytest.raises(InputError):
        rig.switch(["d"])
    rig._begin(world)
    world.bench.probes[imaging.SYSTEMS] = SimpleNamespace(order=lambda *one: orders.append(one))
    for action in world.at_end:
        action()
    rig.switch(["d"])

    assert orders == [(role, "_defects", {"ids": ["d"]}) for role in imaging.ROLES]
