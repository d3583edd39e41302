"""Frames out of a byte stream, whatever the reads."""

import pytest

from harness.wire.astm_config import AstmLinkConfig
from harness.wire.astm_reader import FrameReader, TokenKind

FRAME = b"\x027L|1|N\r\x030A\r\n"


def read(data, size=0, **options):
    reader = FrameReader(AstmLinkConfig(side="host", **options))
    size = size or len(data)
    tokens = []
    for base in range(0, len(data), size):
        chunk, at = data[base : base + size], 0
        while at < len(chunk):
            at, token = reader.next(chunk, at, base)
            if token is not None:
                tokens.append(token)
    return reader, tokens


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_tokens(size):
    data = b"\x05" + FRAME + b"\x04" + FRAME[:4] + FRAME + b"\x021P\x05"

    _, tokens = read(data, size)
    assert [(token.kind, token.offset) for token in tokens] == [
        (TokenKind.ENQ, 0),
        (TokenKind.FRAME, 1),
        (TokenKind.EOT, 14),
        (TokenKind.BROKEN_BY_START, 15),
        (TokenKind.FRAME, 19),
        (TokenKind.BROKEN_BY_CONTROL, 32),
        (TokenKind.ENQ, 35),
    ]
    assert tokens[1].body == b"7L|1|N\r\x03"
    assert tokens[1].stated == b"0A"
    assert tokens[1].trailer_ok


def test_noise_is_given_as_it_comes():
    _, tokens = read(b"ab" + FRAME + b"c")

    assert [token.body for token in tokens if token.kind is TokenKind.NOISE] == [b"ab", b"c"]


def test_what_is_open_can_be_settled_or_forgotten():
    reader, tokens = read(FRAME[:-1])

    assert tokens == []
    assert reader.unsettled
    token = reader.settle()
    assert (token.body, token.trailer_ok) == (b"7L|1|N\r\x03", False)
    assert not reader.unsettled
    reader, _ = read(FRAME[:5])
    assert not reader.unsettled
    assert reader.partial == FRAME[:5]
    reader.reset()
    assert reader.partial == b""


@pytest.mark.parametrize("size", [0, 1, 2, 7])
def test_a_run_of_starts_is_one_broken_start(size):
    _, tokens = read(b"\x02" * 39 + FRAME, size)

    assert [(token.kind, token.offset) for token in tokens] == [
        (TokenKind.BROKEN_BY_START, 0),
        (TokenKind.FRAME, 39),
    ]
