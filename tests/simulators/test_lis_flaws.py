"""Defects at the edges of the LIS: without one nothing changes, with one only what it says."""

import pytest

from harness.wire.astm_link import (
    AstmLinkConfig,
    DuplicateFrame,
    FrameReceived,
    MessageIncomplete,
    MessageReceived,
    SessionOpened,
)
from simulators.hospital import lis_flaws
from simulators.hospital.defects_edges import DEFECTS
from simulators.hospital.lis_flaws_frames import Frames
from simulators.hospital.lis_reading import Reading, Readings

CONFIG = AstmLinkConfig(side="host")
HALF = b"H|\\^&\rP|1\rO|1|A\rR|1|^^^K|4.1\r"
MESSAGE = b"H|\\^&\rO|1|A\rR|1|x\rL|1|N\r"


def reading(**more):
    return Reading(**{
        "barcode": "A", "kind": "patient", "instrument": "I", "patient_name": "N", "channel": "K",
        "value": "a|b", "unit": "10*9/L", "flag": "A", "tested_at": "20260105080000",
    } | more)  # fmt: skip


def test_a_clean_lis_changes_nothing():
    found = Readings(results=[reading()])

    assert lis_flaws.link_config(CONFIG, set()) == CONFIG
    assert lis_flaws.payload(MESSAGE, set()) == MESSAGE
    assert lis_flaws.encoding("汉".encode(), "gb18030", set()) == "gb18030"
    assert lis_flaws.readings(found, set()).results == [reading()]
    assert lis_flaws.wiped(found, set()) == []
    assert lis_flaws.half_message(MessageIncomplete(data=HALF, reason="timeout"), set()) == b""


@pytest.mark.parametrize(
    ("defect", "field", "value"),
    [
        ("lis-ignores-checksums", "check_checksum", False),
        ("lis-ignores-frame-numbers", "check_numbers", False),
        ("lis-gives-up-when-refused", "transmissions_max", 1),
        ("lis-calls-once", "bids_max", 1),
    ],
)
def test_link_defects(defect, field, value):
    assert getattr(lis_flaws.link_config(CONFIG, {defect}), field) == value


@pytest.mark.parametrize(
    ("defect", "field", "value"),
    [
        ("lis-keeps-escapes", "value", "a&F&b"),
        ("lis-rewrites-powers", "unit", "10^9/L"),
        ("lis-flips-positive", "flag", "N"),
        ("lis-swaps-day-and-month", "tested_at", "20260501080000"),
    ],
)
def test_reading_defects(defect, field, value):
    (found,) = lis_flaws.readings(Readings(results=[reading()]), {defect}).results

    assert getattr(found, field) == value


def test_only_patients_without_a_name_become_controls():
    one, other = (reading(patient_name=name) for name in ("", "N"))
    found = lis_flaws.readings(Readings(results=[one, other]), {"lis-nameless-as-control"})

    assert [row.kind for row in found.results] == ["control", "patient"]


@pytest.mark.parametrize(
    ("reason", "defect"),
    [
        ("timeout", "lis-stores-after-timeout"),
        ("restarted", "lis-stores-after-new-call"),
        ("connection-lost", "lis-stores-after-break"),
    ],
)
def test_half_messages_by_what_ended_them(reason, defect):
    every = {"lis-stores-after-timeout", "lis-stores-after-new-call", "lis-stores-after-break"}
    event = MessageIncomplete(data=HALF, reason=reason)

    assert lis_flaws.half_message(event, {defect}) == HALF
    assert lis_flaws.half_message(event, every - {defect}) == b""
    empty = MessageIncomplete(data=b"H|\\^&\r", reason=reason)
    assert lis_flaws.half_message(empty, {defect}) == b""


def test_text_defects():
    assert lis_flaws.payload(b"H|\\!~\rR|1\r", {"lis-fixed-delimiters"}) == b"H|\\^&\rR|1\r"
    assert lis_flaws.payload("赵".encode("gb18030"), {"lis-seven-bits"}).isascii()
    guess = {"lis-guesses-utf-8"}
    assert lis_flaws.encoding("汉".encode(), "gb18030", guess) == "utf-8"
    assert lis_flaws.encoding("汉".encode("gb18030"), "gb18030", guess) == "gb18030"
    assert lis_flaws.encoding(b"K", "gb18030", guess) == "gb18030"


# -- frames ----------------------------------------------------------------------------------------


def heard(*texts, again=()):
    """The frames of a message but its last, as the LIS hears of them; some come twice."""
    frames = Frames()
    frames.note("c", SessionOpened())
    for number, text in enumerate(texts, 1):
        frames.note("c", FrameReceived(number=number, text=text, last=True, hold=number))
        if number in again:
            frames.note("c", DuplicateFrame(number=number))
    return frames


def test_frames_make_the_message_that_the_link_gave():
    frames = heard(b"H|\\^&\r", b"O|1|A\r", again={2})

    assert frames.message("c", MESSAGE, set()) == (MESSAGE, set())


def test_a_repeated_frame_is_kept_twice():
    frames = heard(b"H|\\^&\r", b"O|1|A\r", b"R|1|x\r", again={3})
    payload, defects = frames.message("c", MESSAGE, {"lis-keeps-repeated-frames"})

    assert payload == b"H|\\^&\rO|1|A\rR|1|x\rR|1|x\rL|1|N\r"
    assert "lis-stores-repeats-of-results" in defects
    assert heard(b"H|\\^&\r").message("c", MESSAGE, {"lis-keeps-repeated-frames"})[0] == MESSAGE


def test_records_across_frames():
    frames = heard(b"H|\\^&\rO|1|A\rR|")

    assert frames.message("c", MESSAGE, {"lis-breaks-records-at-frames"})[0] == (
        b"H|\\^&\rO|1|A\rR|\r1|x\rL|1|N\r"
    )
    frames = heard(b"H|\\^&\rO|1|A\r")
    assert frames.message("c", MESSAGE, {"lis-reads-first-record-of-frame"})[0] == (
        b"H|\\^&\rR|1|x\r"
    )


def test_two_messages_of_a_session_become_one_tube_s():
    frames, merges = heard(), {"lis-merges-messages"}
    second = MESSAGE.replace(b"|A\r", b"|B\r")

    assert frames.message("c", MESSAGE, merges)[0] == MESSAGE
    frames.note("c", MessageReceived(payload=MESSAGE))
    frames.note("c", FrameReceived(number=4, text=b"L|1|N\r", last=True, hold=4))
    assert frames.message("c", second, merges)[0] == MESSAGE
    frames.note("c", SessionOpened())
    assert frames.message("c", second, merges)[0] == second


def test_every_defect_of_the_edges_is_somewhere_in_the_lis():
    import inspect

    from simulators.hospital import critical, lis_astm, lis_flaws_frames, lis_hl7, lis_worklist

    modules = (lis_flaws, lis_flaws_frames, lis_astm, lis_hl7, lis_worklist, critical)
    text = "".join(inspect.getsource(module) for module in modules)

    assert [one.id for one in DEFECTS if f'"{one.id}"' not in text] == []
