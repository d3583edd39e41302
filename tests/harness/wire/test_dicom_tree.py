"""A data set stays what its bytes are, but for what is changed; bytes are typed from PS3.5 §7."""

from __future__ import annotations

import random
import struct

import pytest

from harness.link.dicom_data import vr_of
from harness.wire import dicom_box
from harness.wire import dicom_command as command
from harness.wire.dicom_tree import parse

EXPLICIT = bytes.fromhex(
    "08000500 4353 0a00 47423138303330202020"  # (0008,0005) CS GB18030, padded too far
    "10001000 504e 0400 cdf55ecd"  # (0010,0010) PN, cut inside a character
    "40000001 5351 0000 ffffffff"  # (0040,0100) SQ without a length
    "feff00e0 ffffffff  08006000 4353 0200 4354  feff0de0 00000000"  # an item without one
    "feff00e0 0a000000  08006000 4353 0200 4d52"  # and one with
    "feffdde0 00000000"
)
IMPLICIT = bytes.fromhex(
    "08005000 04000000 41313233"  # (0008,0050): 41H 32H stand where a representation would
    "40000001 10000000 feff00e0 08000000 08006000 00000000"
)


@pytest.mark.parametrize(("data", "explicit"), [(EXPLICIT, True), (IMPLICIT, False)])
def test_what_is_read_is_written_as_it_was(data, explicit):
    tree = parse(data, vr_of, explicit=explicit)

    assert tree.encode() == data
    assert tree.rest == b""
    assert [one.tag for one in tree.nodes][-1] == 0x00400100


def test_items_are_read_with_and_without_lengths():
    tree = parse(EXPLICIT, vr_of, explicit=True)

    found = [(node.tag, node.value, depth) for node, _, depth in tree.walk() if depth]

    assert found == [(0x00080060, b"CT", 1), (0x00080060, b"MR", 1)]


def test_a_longer_value_moves_every_length_around_it():
    tree = parse(EXPLICIT, vr_of, explicit=True)
    last = [node for node, _, depth in tree.walk() if depth][-1]

    last.body = b"LONGER"

    again = parse(tree.encode(), vr_of, explicit=True)
    assert [one.value for one, _, depth in again.walk() if depth] == [b"CT", b"LONGER"]
    assert again.rest == b""
    assert len(tree.encode()) == len(EXPLICIT) + 4


@pytest.mark.parametrize("cut", range(len(EXPLICIT)))
def test_what_cannot_be_read_is_kept_wherever_it_breaks_off(cut):
    tree = parse(EXPLICIT[:cut], vr_of, explicit=True)

    assert tree.encode() == EXPLICIT[:cut]


def test_a_broken_item_does_not_hide_what_is_behind_it():
    item = bytes.fromhex("08006000 7a7a 0200 4354")  # lower case is no value representation
    data = (
        bytes.fromhex("40000001 5351 0000") + struct.pack("<I", len(item) + 8)
        + bytes.fromhex("feff00e0") + struct.pack("<I", len(item)) + item
        + bytes.fromhex("10002000 4c4f 0200 3737")
    )  # fmt: skip

    tree = parse(data, vr_of, explicit=True)

    assert [one.tag for one in tree.nodes] == [0x00400100, 0x00100020]
    assert [one.rest for one in tree.rests()] == [item]
    assert tree.encode() == data


def test_pixels_in_fragments_are_one_value():
    pixels = bytes.fromhex("feff00e0 00000000 feff00e0 04000000 01020304")
    data = (
        bytes.fromhex("e07f1000 4f42 0000 ffffffff") + pixels + bytes.fromhex("feffdde0 00000000")
    )

    (node,) = parse(data, vr_of, explicit=True).nodes

    assert (node.fragments, node.value) == (True, pixels)
    assert node.encode() == data


def test_sequences_that_nest_for_ever_end():
    data = bytes.fromhex("40000001 5351 0000 ffffffff feff00e0 ffffffff") * 5000

    assert parse(data, vr_of, explicit=True).encode() == data


def test_no_bytes_break_it():
    chance = random.Random(7)
    for _ in range(2000):
        noise = bytearray(EXPLICIT)
        for _ in range(chance.randrange(1, 6)):
            noise[chance.randrange(len(noise))] = chance.randrange(256)
        data = bytes(noise)
        assert parse(data, vr_of, explicit=True).encode() == data
        assert parse(data, vr_of, explicit=False).encode() == data


# ---- the message as a file


def boxed(**more):
    return dicom_box.Boxed(
        association="ab12cd34", context=5, syntax="1.2.840.10008.1.2.1", body=EXPLICIT,
        command={command.FIELD: 0x8001, command.RESPONDED_TO: 3, command.STATUS: 0xA700,
                 command.AFFECTED_CLASS: "1.2.840.10008.5.1.4.1.1.2",
                 command.AFFECTED_INSTANCE: "1.2.3"},
        **more,
    )  # fmt: skip


def test_a_message_comes_out_of_its_file_as_it_went_in():
    one = boxed()

    found = dicom_box.decode(one.encode())

    assert found.kind == "C-STORE-RSP^A700"
    assert (found.association, found.context, found.body) == ("ab12cd34", 5, EXPLICIT)
    assert (found.sop_class, found.instance) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3")
    assert found.is_answer
    assert found.encode() == one.encode()


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 400, boxed().encode()[:-len(EXPLICIT) - 20],
             boxed().encode().replace(dicom_box.CREATOR.encode(), b"1.2.3.4.5.6.7.89")]
)  # fmt: skip
def test_another_file_is_none(data):
    with pytest.raises(ValueError, match=r"\w"):
        dicom_box.decode(data)


def test_an_unknown_service_has_its_number():
    odd = dicom_box.Boxed(association="a", context=1, command={command.FIELD: 0x0777})

    assert odd.kind == "0777H-RQ"
