"""Frames: worked checksum vectors, cutting, dialects."""

import pytest

from harness.wire.astm_config import (
    AstmLinkConfig,
    BlockEnd,
    ChecksumKind,
    CutPolicy,
    NumberPolicy,
    Trailer,
)
from harness.wire.astm_frame import (
    ETB,
    ETX,
    Piece,
    build_frame,
    checksum,
    cut,
    is_terminator,
    number_after,
    summed,
)

HEADER = rb"1H|\^&|||SIM^1.0|||||LIS||P|LIS02-A2|20250101080000" + b"\r\x03"

# Worked by hand: body, standard, ETB or ETX left out, STX counted.
VECTORS = [
    (HEADER, b"60", b"5D", b"62"),
    (b"2P|1\r\x03", b"3F", b"3C", b"41"),
    (b"7L|1|N\r\x03", b"0A", b"07", b"0C"),
    (b"0L|1|N\r\x03", b"03", b"00", b"05"),
    (b"3R|1|^^^GLU|5.\x17", b"A6", b"8F", b"A8"),
    (b"460|mmol/L\r\x03", b"56", b"53", b"58"),
    ("5P|1||A1||张^三\r\x03".encode("gbk"), b"61", None, None),
    ("5P|1||A1||张^三\r\x03".encode(), b"68", None, None),
    ("6P|1||A1||瑋\r\x03".encode("gbk"), b"CD", None, None),
]


@pytest.mark.parametrize(("body", "standard", "without_end", "with_start"), VECTORS)
def test_checksum_vectors(body, standard, without_end, with_start):
    assert checksum(body) == standard
    assert summed(body, ChecksumKind.STANDARD) == standard
    assert summed(body, ChecksumKind.ABSENT) == b""
    if without_end is not None:
        assert summed(body, ChecksumKind.WITHOUT_END) == without_end
        assert summed(body, ChecksumKind.WITH_START) == with_start


def test_checksum_of_nothing_is_padded():
    assert checksum(b"") == b"00"


def config(**options):
    return AstmLinkConfig(side="instrument", **options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, b"\x027L|1|N\r\x030A\r\n"),
        ({"trailer": Trailer.CR}, b"\x027L|1|N\r\x030A\r"),
        ({"trailer": Trailer.NONE}, b"\x027L|1|N\r\x030A"),
        ({"checksum": ChecksumKind.WITHOUT_END}, b"\x027L|1|N\r\x0307\r\n"),
        ({"checksum": ChecksumKind.WITH_START}, b"\x027L|1|N\r\x030C\r\n"),
        ({"checksum": ChecksumKind.LOWER_CASE}, b"\x027L|1|N\r\x030a\r\n"),
        ({"checksum": ChecksumKind.ABSENT}, b"\x027L|1|N\r\x03\r\n"),
    ],
)
def test_frame_in_every_dialect(options, expected):
    piece = Piece(text=b"L|1|N\r", end=ETX, record_ends=True, message_ends=True)

    assert build_frame(7, piece, config(**options)) == expected


MESSAGE = b"H|\\^&\rP|1\rR|1|abcdefgh\rL|1\r"


def texts(pieces):
    return [(piece.text, piece.end) for piece in pieces]


def test_records_are_cut_at_the_limit():
    assert texts(cut(MESSAGE, config(frame_text_max=8))) == [
        (b"H|\\^&\r", ETX),
        (b"P|1\r", ETX),
        (b"R|1|abcd", ETB),
        (b"efgh\r", ETX),
        (b"L|1\r", ETX),
    ]


def test_one_record_a_frame_whatever_its_length():
    pieces = cut(MESSAGE, config(frame_text_max=8, cut=CutPolicy.ONE_RECORD_A_FRAME))

    assert texts(pieces) == [
        (b"H|\\^&\r", ETX),
        (b"P|1\r", ETX),
        (b"R|1|abcdefgh\r", ETX),
        (b"L|1\r", ETX),
    ]


def test_one_record_a_frame_up_to_the_limit_of_large_frames():
    record = b"M|1|" + b"x" * 63_989 + b"\r"  # 63 994 with its CR: one more than fits

    pieces = cut(record, config(cut=CutPolicy.ONE_RECORD_A_FRAME))
    assert [(len(piece.text), piece.end) for piece in pieces] == [(63_993, ETB), (1, ETX)]


def test_whole_message_cut_wherever_records_end():
    pieces = cut(MESSAGE, config(frame_text_max=10, cut=CutPolicy.WHOLE_MESSAGE))

    assert texts(pieces) == [
        (b"H|\\^&\rP|1\r", ETB),
        (b"R|1|abcdef", ETB),
        (b"gh\rL|1\r", ETX),
    ]


def test_etx_only_at_the_end_of_the_message():
    pieces = cut(MESSAGE + MESSAGE, config(block_end=BlockEnd.MESSAGE))

    assert [piece.end for piece in pieces] == [ETB, ETB, ETB, ETX] * 2


def test_the_last_frame_of_all_is_etx_even_without_a_terminator():
    pieces = cut(b"H|\\^&\rP|1\r", config(block_end=BlockEnd.MESSAGE))

    assert [piece.end for piece in pieces] == [ETB, ETX]


def test_records_without_their_cr_and_other_record_ends():
    assert texts(cut(b"P|1\rL|1\r", config(record_end_in_frame=False))) == [
        (b"P|1", ETX),
        (b"L|1", ETX),
    ]
    assert texts(cut(b"P|1\r\nL|1", config(record_end=b"\r\n"))) == [
        (b"P|1\r\n", ETX),
        (b"L|1", ETX),
    ]


def test_an_empty_record_is_a_frame_and_an_empty_message_is_none():
    assert texts(cut(b"\rL|1\r", config(record_end_in_frame=False))) == [(b"", ETX), (b"L|1", ETX)]
    assert cut(b"", config()) == []
    assert cut(b"", config(cut=CutPolicy.WHOLE_MESSAGE)) == []


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"L|1|N", True),
        (b"l|1", True),
        (b"\n L!1", True),
        (b"L", True),
        (b"LIS|1", False),
        (b"R|1|L|", False),
        (b"", False),
    ],
)
def test_terminator(record, expected):
    assert is_terminator(record) is expected


def test_number_after():
    assert number_after(7, NumberPolicy.SESSION, record=True, message=True) == 0
    assert number_after(3, NumberPolicy.NEVER, record=True, message=True) == 4
    assert number_after(3, NumberPolicy.RECORD, record=True, message=False) == 1
    assert number_after(3, NumberPolicy.RECORD, record=False, message=False) == 4
    assert number_after(3, NumberPolicy.MESSAGE, record=True, message=False) == 4
    assert number_after(3, NumberPolicy.MESSAGE, record=True, message=True) == 1


@pytest.mark.parametrize(
    "options", [{"frame_text_max": 0}, {"transmissions_max": 0}, {"record_end": b""}]
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(ValueError, match="must not be empty"):
        config(**options)
