"""What is hidden on a page about real persons."""

import sample
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evidence.trace import pack
from harness.report import mask as module
from harness.report.decode import decode
from harness.report.mask import Mask


def message(raw: bytes, protocol: str = "hl7", **more) -> dict:
    return {"kind": "message", "n": 1, "protocol": protocol, "raw": pack(raw), **more}


def test_names_and_numbers_are_blanked_in_the_bytes():
    raw = sample.oru("M1")
    mask = Mask.of([message(raw)])

    hidden = mask.raw(raw, "hl7")

    assert sample.NAME.encode("gb18030") not in hidden
    assert sample.ID_CARD[:14].encode() not in hidden
    assert sample.PHONE[:7].encode() not in hidden
    assert b"OBX|1|NM|GLU||5.62|mmol/L" in hidden  # what is judged stays


def test_the_shape_of_a_blanked_field_stays():
    raw = b"MSH|^~\\&|A\rPID|1||7||Ling^Xiu~Ling^X\r"

    assert b"|****^***~****^*\r" in Mask(active=True).raw(raw, "hl7")


def test_astm_names_are_blanked():
    mask = Mask.of([message(sample.ASTM, "astm", encoding="gb18030")])

    hidden = mask.raw(sample.ASTM, "astm", "gb18030")

    assert sample.NAME.encode("gb18030") not in hidden
    assert b"R|1|^^^GLU|5.62|mmol/L" in hidden


def test_a_name_of_a_message_is_hidden_wherever_it_is_said():
    mask = Mask.of([message(sample.oru("M1"))])

    assert mask.text(f"患者“{sample.NAME}”的申请") == "患者“****”的申请"


def test_a_name_that_a_probe_saw_is_hidden_too():
    mask = Mask.of(
        [{"kind": "probe", "n": 1, "rows": [{"XM": "测试乙周", "VALUE": "5.62"}, "junk"]}]
    )

    assert mask.text("测试乙周 5.62") == "**** 5.62"
    assert mask.row({"XM": "测试丙", "VALUE": "5.62"}) == {"XM": "***", "VALUE": "5.62"}


def test_identity_and_mobile_numbers_keep_their_last_four():
    mask = Mask(active=True)

    assert mask.text("身份证 99990119900307451X。") == "身份证 **************451X。"
    assert mask.text("tel 13900000017") == "tel *******0017"
    assert mask.text("条码 2603020017") == "条码 2603020017"


def test_short_pieces_do_not_hide_innocent_text():
    mask = Mask.of([message(b"MSH|^~\\&|A\rPID|1||7||M^Li\r")])

    assert mask.text("MSH Li M") == "MSH Li M"


def test_an_inactive_mask_changes_nothing():
    raw = sample.oru("M1")

    assert Mask().raw(raw, "hl7") == raw
    assert Mask().text(sample.ID_CARD) == sample.ID_CARD
    assert Mask().row({"name": sample.NAME}) == {"name": sample.NAME}


def test_blanked_bytes_still_decode_to_the_same_other_fields():
    raw = sample.oru("M1")
    before = {one.path: one.value for one in decode(raw, "hl7", "gb18030").fields}
    hidden = Mask.of([message(raw)]).raw(raw, "hl7")
    after = {one.path: one.value for one in decode(hidden, "hl7", "gb18030").fields}

    differing = {path for path in before if before[path] != after[path]}

    assert differing == {"PID[1]-3", "PID[1]-5", "PID[1]-13"}


def test_bytes_without_a_protocol_lose_everything_that_may_be_a_name():
    frame = b"\x0bPID|1||" + "测试乙".encode("gb18030") + b"|OBX\x1c\r"

    assert Mask(active=True).raw(frame) == b"\x0bPID|1||***|OBX\x1c\r"


def test_bytes_that_do_not_come_back_from_their_codec_are_kept_as_they_are():
    # Big5 has U+5341 twice, at A4 51 and at A2 CC; Python writes the first.
    raw = b"MSH|^~\\&|A|B|C|D|1||ADT^A01|1|P|2.4|||||CHN|BIG-5\rPID|1||7||\xa2\xcc\rZZZ|\xa2\xcc\r"

    assert Mask(active=True).raw(raw, "hl7") == raw.replace(b"||\xa2\xcc\r", b"||**\r")


def test_too_many_persons_hide_every_text(monkeypatch):
    monkeypatch.setattr(module, "VALUES_MAX", 1)
    mask = Mask.of([message(sample.oru("M1")), message(sample.ASTM, "astm"), message(b"")])

    assert mask.whole
    assert mask.text("anything at all") == "*" * 15


def test_a_record_that_cannot_be_read_hides_nothing_and_stops_nothing():
    broken = {"kind": "message", "n": 1, "protocol": "hl7", "raw": "中"}

    assert Mask.of([broken, {"kind": "probe", "rows": 7}, {}]) == Mask(active=True)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_what_is_not_personal_keeps_every_byte(tail):
    raw = b"MSH|^~\\&|A\rZZZ|" + tail
    hidden = Mask(active=True).raw(raw, "hl7")

    assert len(hidden) == len(raw) or b"PID" in raw
