"""The independent readers against lines that were typed by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire import framings_read
from harness.wire.framings_read import Reading, ReadResult, read
from harness.wire.framings_readers import READERS


def reading(name: str, *lines: str, **setup: int | str) -> Reading:
    return read(READERS[name], [line.encode() for line in lines], setup)


def values(got: Reading) -> list[tuple[str, str, str, str, str]]:
    return [
        (one.barcode, result.code, result.value, result.unit, result.flag)
        for one in got.specimens
        for result in one.results
    ]


ID20 = "24000001".ljust(20)
TYPED = {
    "olympus": (
        ["DB01", f"D 001203 0007{ID20}E01  5.60  97 140.0H ", "DE01", "RB01"],
        {},
        [("24000001", "01", "5.60", "", ""), ("24000001", "97", "140.0", "", "H")],
    ),
    "olympus, AU480": (
        ["D 001203 0007A   E001     5.60r "],
        {"id_width": 4, "test_width": 3, "value_width": 9},
        [("A", "001", "5.60", "", "r")],
    ),
    "hitachi": (
        [":N    7  3     24000001  2  5  5.60  88 140.0H"],
        {},
        [("24000001", "5", "5.60", "", ""), ("24000001", "88", "140.0", "", "H")],
    ),
    "hitachi 7150": (
        ["1    7  3     24000001 5  5.60 "],
        {},
        [("24000001", "5", "5.60", "", "")],
    ),
    "sysmex-k": (
        ["D1U260105        24000001" [:24] + "0061004500*000000451"],
        {"decimals": "WBC:1 RBC:2 HGB:1 PLT:0"},
        [
            ("2400000", "WBC", "6.1", "", ""), ("2400000", "RBC", "4.50", "", ""),
            ("2400000", "HGB", "", "", "*"), ("2400000", "PLT", "45", "", "1"),
        ],
    ),
    "sysmex-ca": (
        ["D126010508000001" + "02" + "24000001".rjust(15) + "04100123 04400105+"],
        {},
        [("24000001", "041", "12.3", "", ""), ("24000001", "044", "1.05", "", "+")],
    ),
    "ciba-corning": (
        ["17,1620,00001,24000001,pH,7.412,,,pCO2,41.2,mmHg,H"],
        {},
        [("24000001", "pH", "7.412", "", ""), ("24000001", "pCO2", "41.2", "mmHg", "H")],
    ),
    "array": (
        ["20,050126,ARRAY", "21,24000001,1", "25,x", "22,CRP,M301,A,5.1,mg/L,H", "99,1", "88"],
        {},
        [("24000001", "CRP", "5.1", "mg/L", "H")],
    ),
    "vitros": (
        [
            "000a260105080000" + "24000001".ljust(15) + "A1  ",
            "001fGLU        5.60mmol/L  00", "002fK+         4.10mmol/L  01", "003h4",
        ],
        {},
        [("24000001", "GLU", "5.60", "mmol/L", ""), ("24000001", "K+", "4.10", "mmol/L", "01")],
    ),
    "strip": (
        ["NO.0001 2026-01-05 08:00\r\nID:24000001\r\n LEU  -\r\n*PRO  1+      0.3 g/L\r\n"],
        {},
        [("24000001", "LEU", "-", "", ""), ("24000001", "PRO", "1+", "0.3", "*")],
    ),
    "vidas": (
        ["\x1emtrsl|\x1epiP1|\x1esi24000001|\x1ertTSH|\x1ernTSH|\x1eql|\x1eqn1.25 mIU/L|"],
        {},
        [("24000001", "TSH", "1.25", "mIU/L", "")],
    ),
    "maxm": (
        ["S02\r\nDATE 01/05/26\r\nID1 24000001\r\nG01 05\r\nWBC   6.1\r\nRBC ----- \r\nPLT :::::\r\nMPV 8.1 H\r\n"],
        {},
        [
            ("24000001", "WBC", "6.1", "", ""), ("24000001", "RBC", "", "", ""),
            ("24000001", "PLT", "", "", ""), ("24000001", "MPV", "8.1", "", "H"),
        ],
    ),
    "dri-chem": (
        ["2026-01-05,08:00,0001,24000001  ,GLU-P ,=,  5.1 mmol/L,,CRP-S,<,0.2 mg/L,L"],
        {},
        [("24000001", "GLU-P", "5.1", "mmol/L", ""), ("24000001", "CRP-S", "<0.2", "mg/L", "L")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPED)
def test_typed_lines(name: str) -> None:
    lines, setup, wanted = TYPED[name]
    reader = name.partition(",")[0].partition(" ")[0]
    got = reading(reader, *lines, **setup)

    assert (values(got), got.problems) == (wanted, [])


@pytest.mark.parametrize("name", sorted(READERS))
def test_what_cannot_be_read_is_said(name: str) -> None:
    got = reading(name, "??, nothing of the kind, that this maker knows #")

    assert got.problems
    assert values(got) == []


def test_counts_that_do_not_hold_are_said() -> None:
    head = "000a260105080000" + "24000001".ljust(15) + "A1  "
    assert reading("vitros", head, "003h9").problems == ["9 lines announced, 2 read"]
    assert reading("vitros", head, "002fGLU        5.60mmol/L  00").problems
    assert reading("hitachi", ":N    7  3     24000001  2  5  5.60 ").problems
    assert reading("olympus", f"D 001203 0007{ID20}E01  5.60").problems
    assert reading("sysmex-ca", "D126010508000001" + "02" + " " * 15 + "04900123 ").problems
    assert reading("ciba-corning", "1,2,3,4,pH").problems


def test_controls() -> None:
    assert reading("olympus", f"DQ001203 0007{ID20}E").specimens[0].control
    assert reading("hitachi", ":C    7  3     24000001  0").specimens[0].control
    assert reading("vidas", "\x1emtrsl|\x1eciLOT1|\x1ertTSH|\x1eqn1|").specimens[0].control


@pytest.mark.parametrize(
    ("digits", "decimals", "wanted"),
    [("0135", 1, "13.5"), ("0005", 2, "0.05"), ("1234", 0, "1234"), ("0000", 1, "0.0"),
     ("  45", 0, "45"), ("*000", 1, "*000"), ("5", 2, "0.05"), ("0000", 0, "0")],
)  # fmt: skip
def test_implied_decimals(digits: str, decimals: int, wanted: str) -> None:
    assert framings_read.implied(digits, decimals) == wanted


@given(st.sampled_from(sorted(READERS)), st.lists(st.binary(max_size=80), max_size=5))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_a_reader_raise(name: str, messages: list[bytes]) -> None:
    got = read(READERS[name], messages, {"decimals": "x:y :1", "id_width": 4})

    assert len(got.specimens) <= sum(map(len, messages)) + len(messages)


def test_a_reading_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framings_read, "SPECIMENS_MAX", 1)
    monkeypatch.setattr(framings_read, "PROBLEMS_MAX", 2)
    got = reading("array", "21,A,1", "21,B,2", "x", "y")

    assert (len(got.specimens), len(got.problems)) == (1, 2)
    assert read(READERS["array"], [b"21,\xff"], {}).problems == [
        "message 1 holds bytes outside ascii"
    ]
    assert ReadResult(code="A", value="1") == ReadResult(code="A", value="1", unit="", flag="")
