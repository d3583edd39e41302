"""Character sets: the bytes are from the GBK and GB18030 tables, not from a codec of ours."""

import pytest

from harness.wire.hl7_encoding import codec_of, decode_part, detect, label_of, mask

UTF8 = b"\xe5\xbc\xa0"  # 张
GBK = b"\xd5\xc5"  # 张
GB18030_ONLY = b"\xfe\x9f"  # 䶮
FOUR_BYTES = b"\x95\x34\xb2\x35"  # 𠮷


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("GBK", "gbk"),
        ("gbk", "gbk"),
        ("GB2312", "gbk"),
        ("GB 18030-2000", "gb18030"),
        ("GB18030", "gb18030"),
        ("UNICODE", "utf-8"),
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("ASCII", "ascii"),
        ("8859/1", "iso8859-1"),
        ("8859/15", "iso8859-15"),
        ("ISO_8859-1", "iso8859-1"),
        ("BIG-5", "big5"),
        ("", None),
        ("UNICODE UTF-16", None),
        ("KS X 1001", None),
    ],
)
def test_codec_of(declared, codec):
    assert codec_of(declared) == codec


def test_label_of():
    labels = ("ASCII", "UNICODE UTF-8", "GBK", "GB 18030-2000", "BIG-5", "8859/1", "8859/15")
    for label in labels:
        assert label_of(codec_of(label) or "") == label
    assert label_of("latin-1") == ""


@pytest.mark.parametrize(
    ("data", "declared", "codec", "problem", "offset"),
    [
        (b"A", "", "utf-8", "", -1),
        (b"A", "GBK", "gbk", "", -1),
        (b"A", "X", "utf-8", "encoding-unknown", -1),
        (b"A" + UTF8, "UTF-8", "utf-8", "", -1),
        (b"A" + GBK, "GBK", "gbk", "", -1),
        (b"A" + GBK, "GB18030", "gb18030", "", -1),
        (b"A" + GB18030_ONLY, "GB18030", "gb18030", "", -1),
        (b"A" + UTF8, "", "utf-8", "encoding-undeclared", 1),
        (b"A" + GBK, "", "gb18030", "encoding-undeclared", 1),
        (b"A" + GBK, "UTF-8", "gb18030", "encoding-declared-differs", 1),
        (b"A" + GB18030_ONLY, "GBK", "gb18030", "encoding-declared-differs", 1),
        (b"A" + FOUR_BYTES, "GBK", "gb18030", "encoding-declared-differs", 1),
        # two characters of three bytes each read as three wrong characters of GBK
        (b"A" + UTF8 * 2, "GBK", "utf-8", "encoding-declared-differs", 1),
        (b"A" + UTF8, "ASCII", "utf-8", "encoding-declared-differs", 1),
        (b"A" + UTF8, "8859/1", "utf-8", "encoding-declared-differs", 1),
        (b"A" + GBK, "ASCII", "gb18030", "encoding-declared-differs", 1),
        # 莫莫 in GBK is shaped like UTF-8 of two bytes: the declaration is believed
        (b"\xc4\xaa\xc4\xaa", "GBK", "gbk", "", -1),
        (b"\xc4\xaa\xc4\xaa", "", "utf-8", "encoding-undeclared", 0),
        (b"\xc3\x84", "BIG-5", "utf-8", "encoding-declared-differs", 0),
        (b"M\xfcller", "8859/1", "iso8859-1", "", -1),
        (UTF8, "X", "utf-8", "encoding-unknown", -1),
        (b"\xef\xbb\xbf" + UTF8, "UTF-8", "utf-8", "", -1),
        (b"\xef\xbb\xbfA", "GBK", "utf-8", "encoding-declared-differs", 0),
        (b"AB\xff", "UTF-8", "latin-1", "encoding-undecodable", 2),
        (b"AB" + GBK + b"\xff", "GBK", "latin-1", "encoding-undecodable", 4),
        (b"AB\xff", "", "latin-1", "encoding-undecodable", 2),
    ],
)
def test_detect(data, declared, codec, problem, offset):
    found = detect(data, declared)

    expected = f"hl7.{problem}" if problem else ""
    assert (found.codec, found.problem, found.offset) == (codec, expected, offset)


def test_decode_part():
    assert decode_part(b"A", "gbk") == "A"
    assert decode_part(GBK, "gbk") == "张"
    assert decode_part(GBK[:1], "gbk") == "\xd5"


@pytest.mark.parametrize(
    ("data", "masked"),
    [
        (b"\xe5\x5c^\xee\x5e|\xd9\x7c~\xc8\x7e", b"\xd6\xd0^\xd6\xd0|\xd6\xd0~\xd6\xd0"),
        (b"A|B^C", b"A|B^C"),
        (b"\xd5\xc5|\xe5\x5c", b"\xd5\xc5|\xd6\xd0"),
        # the second byte of the first character is a first byte too: only reading in step tells
        (b"\xd5\xe5\x5c", b"\xd5\xe5\x5c"),
        (b"\xe5\x5c\xe5\x5c", b"\xd6\xd0\xd6\xd0"),
        (b"\xe5\x5c\xff", b"\xe5\x5c\xff"),  # cannot be decoded, so nothing is known
    ],
)
def test_mask(data, masked):
    assert mask(data, b"|^~\\&", "gbk") == masked


def test_mask_has_four_byte_characters_in_step():
    data = FOUR_BYTES + b"|\xe5\x5c"

    assert mask(data, b"|^~\\&", "gb18030") == FOUR_BYTES + b"|\xd6\xd0"


def test_mask_without_dangerous_delimiters():
    assert mask(b"\xe5\x5c", b"$*!", "gbk") == b"\xe5\x5c"


def test_mask_of_big5():
    # 功 = A5 5C in Big5, the best known of its kind
    assert mask(b"\xa5\x5c|", b"|\\", "big5") == b"\xa4\xa4|"


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["gbk", "gb18030", "big5"])
def test_every_character_keeps_its_length(codec):
    """What ``mask`` rests on."""
    for lead in range(0x81, 0xFF):
        for trail in range(0x30, 0xFF):
            data = bytes((lead, trail))
            text = data.decode(codec, "ignore")
            if len(text) == 1 and not text.isascii():
                assert len(text.encode(codec)) == 2
    if codec == "gb18030":
        for code in range(0x10000, 0x110000, 7):
            assert len(chr(code).encode(codec)) == 4


def test_464_ideographs_end_in_a_delimiter_of_gbk():
    """The count of the reference tables: 116 for each of the four delimiter bytes."""
    counts = dict.fromkeys(b"\\^|~", 0)
    for code in range(0x4E00, 0x9FA6):
        data = chr(code).encode("gbk")
        if data[1] in counts:
            counts[data[1]] += 1
            assert mask(data, b"|^~\\&", "gbk") == b"\xd6\xd0"
        else:
            assert mask(data, b"|^~\\&", "gbk") == data
    assert list(counts.values()) == [116] * 4
