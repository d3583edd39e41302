"""The codec under mutated messages: no input raises, and every answer stays consistent."""

from pathlib import Path

import pytest
from depth import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.wire.hl7 import Hl7Message, header
from harness.wire.hl7_ack import acknowledge, check_ack
from harness.wire.hl7_tables import validate

SEEDS = [
    path.read_bytes()
    for path in sorted((Path(__file__).resolve().parents[1] / "corpus" / "hl7").glob("*.hl7"))
]

PIECES = [
    b"|",
    b"^",
    b"~",
    b"&",
    b"\\",
    b"\r",
    b"\n",
    b"\\X",
    b"MSH",
    b"MSH|^~\\&|",
    b'""',
    b"\xc8\x7e",
    b"\x82\x30",
    b"\xe5\x5c",
    b"\0",
]
EDIT = st.tuples(
    st.integers(0, 400),
    st.integers(0, 6),
    st.one_of(st.sampled_from(PIECES), st.binary(max_size=3)),
)
PATH = st.sampled_from(
    [
        "MSH-3",
        "MSH-9.2",
        "MSH-10",
        "MSH-18",
        "PID-3",
        "PID-3[2].4.2",
        "PID-5.2",
        "OBX[2]-5",
        "NTE-3",
        "PID-30",
        "ZZZ-1",
    ]
)


@st.composite
def mutated(draw) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    for at, removed, added in draw(st.lists(EDIT, max_size=5)):
        data = data[:at] + added + data[at + removed :]
    return data


def test_there_are_seeds():
    assert len(SEEDS) > 30


@given(data=mutated())
@settings(max_examples=examples(150), deadline=None)
def test_reading(data):
    message = Hl7Message.parse(data)

    assert message.raw == data
    assert all(-1 <= each.offset <= len(data) for each in message.findings)
    end = 0
    for leaf in message.leaves():
        assert end <= leaf.begin <= leaf.end <= len(data)
        end = leaf.end if leaf.field > 1 else end
        assert message.get(leaf.path) == message.text_of(leaf)
    for segment in message.segments():
        for number in range(1, segment.field_count + 1):
            texts = segment.repetitions(number)
            assert texts
            assert texts[0] == segment.field(number)
    if message.segments("MSH"):
        head = header(data)
        assert head.raw
        assert head.raw in data


@given(data=mutated(), path=PATH, text=st.text(max_size=6))
@settings(max_examples=examples(150), deadline=None)
def test_editing(data, path, text):
    message = Hl7Message.parse(data)
    if any(each.code == "hl7.delimiters-duplicated" for each in message.findings):
        return  # what is added cannot be told from what it separates
    try:
        edited = message.set(path, text)
    except HarnessError:
        return
    replaced = len(message.raw_at(path) or b"")
    assert alike(data, edited.raw) + alike(data[::-1], edited.raw[::-1]) >= len(data) - replaced
    assert edited.get(path) == text or "\\" in text or edited.encoding != message.encoding


def alike(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


@given(data=mutated(), path=PATH)
@settings(max_examples=examples(100), deadline=None)
def test_setting_what_stands_there(data, path):
    message = Hl7Message.parse(data)

    text = message.get(path)
    if text is not None:
        assert message.set(path, text).raw == data


@given(data=mutated(), other=mutated())
@example(b"MSH|^~\\&|LI\nS|LAB|HIS|HOSP|20260105||ORU^R01|C\n1|P|2.4\rPID|1\r", b"")
@example(b"MSH$%+!*$LIS$LAB$HIS$HOSP$20260105$$ORU%R01$\n$P$2.4\rPID$1\r", b"")
@settings(max_examples=examples(60), deadline=None)
def test_acknowledging(data, other):
    check_ack(data, other)
    ack = acknowledge(data, "AA", control_id="A", time="20260105")
    message = Hl7Message.parse(ack)
    assert message.count("MSA") == 1
    assert message.get("MSA-1") == "AA"
    sent = Hl7Message.parse(data)
    if sent.header.raw and sent.encoding != "latin-1":
        found = {each.code for each in check_ack(data, ack)}
        assert "hl7.ack-control-id-differs" not in found
        assert "hl7.ack-header-not-swapped" not in found


@pytest.mark.slow
@given(data=mutated())
@settings(max_examples=examples(60), deadline=None)
def test_validating(data):
    for each in validate(data, "2.5.1"):
        assert each.message
