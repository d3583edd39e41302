"""Continuation: fragments typed from HL7 2.5.1 §2.10.2.2, and every way to cut a message."""

from __future__ import annotations

import itertools

import pytest

from harness.errors import InputError
from harness.wire.hl7_continuation import join, pointer_in, pointer_out, split

FIRST = b"MSH|^~\\&|LIS|A|HIS|B|20260105||ORU^R01|1|P|2.4\rPID|1\rOBX|1|TX|||one\rDSC|P1\r"
SECOND = b"MSH|^~\\&|LIS|A|HIS|B|20260105||ORU^R01|2|P|2.4||P1\rADD| two\rOBX|2|TX|||three\r"
WHOLE = (
    b"MSH|^~\\&|LIS|A|HIS|B|20260105||ORU^R01|1|P|2.4\rPID|1\rOBX|1|TX|||one two\r"
    b"OBX|2|TX|||three\r"
)


def test_pointers_name_the_fragment_before() -> None:
    assert (pointer_out(FIRST), pointer_in(FIRST)) == ("P1", "")
    assert (pointer_out(SECOND), pointer_in(SECOND)) == ("", "P1")


def test_fragments_give_the_message() -> None:
    assert join([FIRST, SECOND]) == WHOLE
    assert join([WHOLE]) == WHOLE


@pytest.mark.parametrize(
    ("codec", "charset"), [("gb18030", "GB 18030-2000"), ("utf-8", "UNICODE UTF-8")]
)
def test_every_limit_gives_whole_characters_and_the_same_message(codec: str, charset: str) -> None:
    head = f"MSH|^~\\&|LIS|A|HIS|B|20260105||ORU^R01|1|P|2.4|||||CHN|{charset}\r"
    text = f"{head}PID|1\rOBX|1|TX|||{'葉㛃𠮷a质' * 60}\rOBX|2|TX|||end\r"
    message = text.encode(codec)
    for limit in range(150, 700, 13):
        fragments = split(message, limit, "K-")
        assert join(fragments) == message
        assert max(len(one) for one in fragments) <= limit
        assert all(one.decode(codec) for one in fragments)
        chain = [(pointer_out(one), pointer_in(two))
                 for one, two in itertools.pairwise(fragments)]  # fmt: skip
        assert all(out == back != "" for out, back in chain)


def test_a_message_that_fits_stays_alone() -> None:
    assert split(WHOLE, len(WHOLE), "K") == [WHOLE]


def test_a_limit_below_the_header_is_refused() -> None:
    with pytest.raises(InputError):
        split(WHOLE, 60, "K")
