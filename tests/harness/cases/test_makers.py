"""Lines of instruments with a framing of their own, byte for byte, and nobody of the site in them.

Checks are computed here by hand as the makers' captures have them (XOR of an AU, two's complement
of a 1620 and an Array, sums of a Vitros and a mini VIDAS).
"""

from __future__ import annotations

import random
from datetime import date, datetime

import pytest

from harness.captures.command import layout_of
from harness.cases import maker_places
from harness.cases.deidentify import Piece, deidentify
from harness.cases.framing import WireDone, WireReply
from harness.cases.framing_maker import WIRE, changed, pieces, said, text_of, units
from harness.cases.identity import load as places
from harness.cases.maker_core import MakerCore
from harness.cases.pseudonyms import Pseudonyms
from harness.errors import InputError
from harness.wire.core import Message
from simulators.analyzer import upload
from simulators.analyzer.framed_build import payloads
from simulators.analyzer.model import known_models, load_model
from tests.harness.cases import ward

FRAMED = [name for name in known_models() if load_model(name).family == "framed"]
BARCODE = "B8559300690"
GAS = layout_of("ciba-corning-1620")
AU = layout_of("beckman-au")


def twos(data):
    return -sum(data) & 0xFF


def gas(text, off=0):
    """STX text, two digits, ETX: the digits make the sum of the text zero."""
    return b"\x02" + text + b"%02X" % ((twos(text) + off) & 0xFF) + b"\x03"


def au(text, wrong=0):
    """STX text ETX, and XOR of both as one raw byte."""
    value = 0
    for byte in text + b"\x03":
        value ^= byte
    return b"\x02" + text + b"\x03" + bytes([value ^ wrong])


def array(text):
    return b"[" + text + b"]" + b"%02X\r\n" % twos(b"[" + text + b"]")


def vitros(text):
    return b"!" + text + b"%02X\r\n" % (sum(b"!" + text) & 0xFF)


def gas_text(barcode=BARCODE, value="7.401"):
    return f"0007,1620,00417,{barcode},pH,{value},,,K+,4.10,mmol/L,H".encode()


def au_text(barcode=BARCODE):
    return b"D 000101 0007" + barcode.encode().ljust(20) + b"E" + b"01  5.60  02  21.0H "


def hidden(model, *lines, also=()):
    given = places()
    object.__setattr__(given, "layout", layout_of(model))
    done = deidentify([Piece(WIRE, one) for one in lines], Pseudonyms(b"k" * 32), given, also)
    return done.payloads


# ---- the tables say where fields stand


@pytest.mark.parametrize("name", FRAMED)
def test_every_model_that_ships_is_read_as_its_simulator_writes_it(name):
    model = load_model(name)
    layout = layout_of(name)
    items = list(model.framed.channels)[:3]
    tested = upload.Tested(
        barcode="B77001", results=[upload.Result(item=one, value="5.5") for one in items]
    )
    found = []
    for payload in payloads(model.framed, [tested], time=datetime(2026, 1, 5, 8, 30)):  # noqa: DTZ001 - as instruments have it
        _, text = layout.decoded(payload)
        parts, rest = layout.parts(text)
        assert all(one.whole and one.exact for one in parts), (text, parts)
        assert rest == []
        found += [text[one.begin : one.end].strip() for part in parts for one in part.places
                  if one.source == "barcode"]  # fmt: skip
    assert set(found) == {"B77001"}


# ---- on the line


def test_a_side_is_cut_into_messages_with_all_that_stands_around_them():
    bad = gas(gas_text(), off=5)
    line = b"\x15??" + gas(gas_text()) + b"\r\n" + bad + b"\x02half" + gas(b"0008,1620")
    found = said(line, GAS)

    assert b"".join(one.data for one in found) == line[1:]  # our reply to the LIS is no part of it
    assert [one.sound for one in found] == [False, False, False]
    assert [one.text for one in found] == [gas_text(), gas_text(), b"0008,1620"]
    assert said(gas(gas_text()), GAS)[0].sound


def test_a_check_is_as_right_or_wrong_as_it_was():
    other = gas_text("B1234567890")
    for off in (0, 1, 0x80, 0xFF):
        assert changed(gas(gas_text(), off), GAS, lambda _: other) == gas(other, off)
    for wrong in (0, 1, 0x80):
        before, after = au(au_text(), wrong), au(au_text("B1234567890"), wrong)
        assert changed(before, AU, lambda _: au_text("B1234567890")) == after
    text = b"21,B77001,0007"
    for name, made in (("beckman-array", array), ("vitros-750", vitros)):
        layout = layout_of(name)
        assert changed(made(text), layout, lambda raw: raw.replace(b"77", b"88")) == made(
            text.replace(b"77", b"88")
        )


def test_the_digits_of_a_check_stay_large_or_small():
    vidas = layout_of("biomerieux-mini-vidas")
    line = b"\x02\x1esiB1|\x1d" + b"%02x" % (sum(b"\x1esiB1|\x1d") & 0xFF)
    other = changed(line, vidas, lambda raw: raw.replace(b"B1", b"C9"))
    assert other[-2:] == b"%02x" % (sum(b"\x1esiC9|\x1d") & 0xFF)


def test_a_message_in_parts_is_one_text_and_keeps_its_length():
    aeroset = layout_of("abbott-aeroset")
    line = b"\x02R 000101 B8559\x17" + b"\x02300690         \x03"
    assert [one.last for one in units(line, aeroset)] == [False, True]
    assert text_of(line, aeroset) == b"R 000101 B8559300690         "
    made = changed(line, aeroset, lambda raw: raw.replace(b"B8559300690", b"C1112223334"))
    assert made == b"\x02R 000101 C1112\x17" + b"\x02223334         \x03"
    with pytest.raises(InputError):
        changed(line, aeroset, lambda raw: raw + b"x")


def test_blocks_are_one_text_with_a_check_for_each():
    maxm = layout_of("coulter-maxm")
    (payload,) = payloads(
        load_model("coulter-maxm").framed, [upload.Tested(barcode="B77001", results=[])],
        time=datetime(2026, 1, 5),  # noqa: DTZ001 - as instruments have it
    )  # fmt: skip
    line = b"".join(maxm.config.pieces(payload))
    assert len(said(line, maxm)) == 1
    assert said(line, maxm)[0].sound
    other = changed(line, maxm, lambda raw: raw.replace(b"B77001", b"C12345"))
    assert b"C12345" in text_of(other, maxm)
    assert all(one.good for one in units(other, maxm) if one.kind == "frame")
    spoilt = line.replace(b"ID1", b"ID2")
    assert not said(spoilt, maxm)[0].sound
    assert not any(one.good for one in units(changed(spoilt, maxm, lambda raw: raw.replace(
        b"B77001", b"C12345")), maxm)[1:2])  # fmt: skip


@pytest.mark.parametrize("number", [b"ZZ", b"G1", b"\xb2\xb2", b"1_", b"+1"])
def test_a_block_whose_number_is_none_is_a_block(number):
    maxm = layout_of("coulter-maxm")
    block = b"\x02" + number + b"x" * maxm.config.block_bytes + b"0000\x03"
    assert [(one.kind, one.number) for one in units(block, maxm)] == [("frame", 0)]


def test_any_bytes_are_cut_and_none_is_left_out():
    chance = random.Random(4)
    for name in FRAMED:
        layout = layout_of(name)
        for _ in range(30):
            data = bytes(
                chance.choice(b"\x02\x03\x04\x05[]!\r\n,|AB019 \x17\x1d\xb1") for _ in range(60)
            )
            assert b"".join(one.data for one in units(data, layout)) == data
            assert changed(data, layout, lambda raw: raw) == data


# ---- nobody of the site


def test_persons_go_and_columns_stay():
    who = ward.somebody(random.Random(3))
    before = au(au_text(who.barcode))
    (after,) = hidden("beckman-au", before)

    assert who.barcode.encode() not in after
    assert len(after) == len(before)
    assert after[:14] == before[:14]
    assert after[34:-1] == before[34:-1]
    assert said(after, AU)[0].sound


def test_a_wrong_check_is_wrong_by_as_much_behind_it():
    (after,) = hidden("ciba-corning-1620", gas(gas_text(), off=3))

    text = text_of(after, GAS)
    assert BARCODE.encode() not in after
    assert after == gas(text, off=3)
    assert text.split(b",")[4:] == gas_text().split(b",")[4:]


def test_an_age_and_a_name_in_gbk_go_and_dates_move():
    who = ward.somebody(random.Random(8))
    name = "nihon-kohden-celltak"
    text = "\r".join((
        r"H|\^&|||MEK-1305^03-05^00123||||||||E1394-97|20260105083000",
        f"P|1||{who.number}||{who.name}^AGE||{who.birth}|{who.sex}",
        f"O|1|{who.barcode}||^^^CBC|R|20260105083000|||||", "R|4|^^^WBC|5.6|10*9/L^9^0||||F||||20260105083000",
        "L|1|N",
    )).encode("gb18030") + b"\r\r"  # fmt: skip
    (after,) = hidden(name, text)
    for one in (who.name, who.number, who.barcode, who.birth, "20260105"):
        assert one.encode("gb18030") not in after
    assert len(after) == len(text)
    assert b"|5.6|10*9/L^9^0|" in after
    (own,) = hidden("beckman-array", array(b"20,050126,ARRAY"))
    told = text_of(own, layout_of("beckman-array")).split(b",")[1].decode()
    day = date(2000 + int(told[4:]), int(told[2:4]), int(told[:2]))
    assert day < date(2026, 1, 1)
    assert (date(2026, 1, 5) - day).days % 7 == 0


@pytest.mark.parametrize("name", FRAMED)
def test_a_line_that_fits_no_frame_leaves_nobody(name, monkeypatch):
    """And does where what fits none is passed over: the guard is felt."""
    who = ward.somebody(random.Random(5))
    layout = layout_of(name)
    start = layout.config.start if hasattr(layout.config, "start") else b""
    end = layout.config.end if hasattr(layout.config, "end") else b""
    stray = f"?? {who.name} {who.number} WANGXIAOMING ".encode("gb18030")
    line = start + stray + end
    (after,) = hidden(name, line)
    looked = [who.name.encode("gb18030"), who.number.encode(), b"WANGXIAOMING"]
    assert [one for one in looked if one in after] == []
    monkeypatch.setattr(maker_places, "spans", lambda text, layout: ("gb18030", []))
    (bare,) = hidden(name, line)
    assert all(one in bare for one in looked)


def test_a_name_in_a_line_taken_for_a_result_goes_as_well():
    who = ward.somebody(random.Random(6))
    line = f"*NAME  {who.name}        {who.number}"
    text = f"ID:{who.barcode}\r\n{line}\r\n ALB    41.0    g/L\r\n"
    layout = layout_of("arkray-spotchem")
    assert all(one.whole for one in layout.parts(text)[0])
    assert layout.parts(text)[1] == []
    (after,) = hidden("arkray-spotchem", b"\x02" + text.encode("gb18030") + b"\x03")
    for one in (who.name, who.number, who.barcode):
        assert one.encode("gb18030") not in after
    assert b" ALB    41.0    g/L" in after


def test_other_values_stand_in_the_same_columns():
    change = {BARCODE.encode(): b"T1", b"B77001": b"B" * 30}
    line = maker_places.filled(au(au_text()), AU, lambda raw: change.get(raw, raw))
    assert line == au(au_text("T1"))
    with pytest.raises(InputError):
        maker_places.filled(au(au_text("B77001")), AU, lambda raw: change.get(raw, raw))
    assert maker_places.filled(gas(gas_text("B77001"), 2), GAS, lambda raw: change.get(raw, raw)) == (
        gas(gas_text("B" * 30), 2))  # fmt: skip


# ---- playing


def test_each_frame_waits_for_its_reply_whatever_it_is():
    core = MakerCore(AU)
    bad = au(au_text(), wrong=4)
    core.send(Message(payload=b"\x05" + bad), 0.0)
    core.send(Message(payload=au(b"DE01")), 0.0)
    went = [core.data_to_send()]
    core.receive(b"\x15", 1.0)
    went.append(core.data_to_send())
    assert core.next_deadline() == 6.0
    core.on_deadline(6.0)

    assert went == [b"\x05" + bad, au(b"DE01")]
    said_ = core.events()
    assert [one.name for one in said_ if isinstance(one, WireReply)] == ["NAK", "no reply"]
    assert sum(isinstance(one, WireDone) for one in said_) == 2


def test_where_nothing_replies_nothing_waits():
    core = MakerCore(GAS)
    line = gas(gas_text()) + gas(gas_text())
    core.send(Message(payload=line), 0.0)

    assert core.data_to_send() == line
    assert core.next_deadline() is None
    assert pieces(line, GAS) == [gas(gas_text())] * 2


def test_a_message_of_the_lis_is_acknowledged_as_the_instrument_would():
    core = MakerCore(AU)
    order = b"S 000101 0007" + BARCODE.encode().ljust(20) + b"E0102"
    core.receive(au(order), 0.0)

    assert core.data_to_send() == b"\x06"
    assert [one.payload for one in core.events()] == [order]
    told = maker_places.about(order, AU, [BARCODE])
    assert (told.type, told.corr) == ("S", {"barcode": BARCODE})
