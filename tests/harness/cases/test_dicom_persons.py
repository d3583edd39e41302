"""Nobody is left in an image, and what a fault hangs on is: against bytes and a reader of others."""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib

import pydicom
import pytest

from harness.cases import dicom_fill, leaks
from harness.cases.deidentify import Piece, deidentify
from harness.cases.identity import load
from harness.cases.leaks import scan
from harness.cases.pseudonyms import Pseudonyms
from harness.errors import InputError
from harness.link import dicom_pixels
from harness.wire import dicom_box
from harness.wire import dicom_command as command
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate
from tests.harness.cases import ward

KEY = b"k" * 32
IDENTITY = load()
CHARSETS = ("GB18030", "GBK", "ISO_IR 192", "ISO 2022 IR 58", "")
SYNTAXES = (ward.EXPLICIT, ward.IMPLICIT, ward.DEFLATED)


def box(body, syntax=ward.EXPLICIT, sop="1.2.156.1.2.3.4.5", **more):
    return dicom_box.Boxed(
        association="a1", context=1, syntax=syntax, body=body,
        command={command.FIELD: 1, command.MESSAGE_ID: 1, command.AFFECTED_CLASS: ward.CT,
                 command.AFFECTED_INSTANCE: sop, command.DATA_SET_TYPE: 1},
        **more,
    ).encode()  # fmt: skip


def stored(who, charset="GB18030", syntax=ward.EXPLICIT):
    return box(ward.image(who, charset, syntax), syntax, f"{ward.study(who)}.1")


def without(*pieces, key=KEY):
    return deidentify(list(pieces), Pseudonyms(key), IDENTITY)


def body_of(payload):
    found = dicom_box.decode(payload)
    inflated = found.syntax == ward.DEFLATED
    return zlib.decompress(found.body, -zlib.MAX_WBITS) if inflated else found.body


def somebody(seed, charset="GB18030"):
    """Somebody whose name the character set can hold."""
    chance = random.Random(seed)
    while True:
        who = ward.somebody(chance)
        try:
            who.name.encode(ward.CODECS.get(charset, "gb2312"))
        except UnicodeEncodeError:
            continue
        return who


def left(who, payload):
    """An independent search, in everything that a message comes to."""
    body = body_of(payload)
    wholes = [payload, body, ward.image_texts(body)]
    found = []
    for text in (*who.originals, ward.study(who)):
        for codec in ("utf-8", "gb18030", "utf-16-le"):
            raw = text.encode(codec)
            coded = base64.b64encode(raw).rstrip(b"=")[:-1]
            forms = (raw, raw.hex().encode(), *([coded] if len(coded) >= 7 else []))
            found += [text for data in wholes for one in forms if one in data]
    return found


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("charset", CHARSETS)
def test_nobody_is_left_in_any_character_set_and_syntax(charset, syntax):
    for seed in range(3):
        who = somebody(seed, charset)
        payload = stored(who, charset, syntax)
        assert left(who, payload), "the search itself finds"

        done = without(Piece("dicom", payload), key=bytes([seed]))

        assert left(who, done.payloads[0]) == []
        assert who.birth.encode() not in body_of(done.payloads[0])
        assert len(body_of(done.payloads[0])) == len(body_of(payload))


@pytest.mark.slow
@pytest.mark.untraced
def test_ten_thousand_people_leave_no_trace_in_images():
    for number in range(10_000):
        charset, syntax = CHARSETS[number % 5], SYNTAXES[number % 3]
        who = somebody(number, charset)
        beside = [Piece("hl7", ward.report(who))] if number % 10 == 0 else []

        done = without(Piece("dicom", stored(who, charset, syntax)), *beside,
                       key=number.to_bytes(4, "big"))  # fmt: skip

        assert left(who, done.payloads[0]) == [], who


@pytest.mark.parametrize("charset", CHARSETS)
def test_the_same_person_is_the_same_person_as_in_every_other_protocol(charset):
    who = somebody(7, charset)
    pieces = [Piece("dicom", stored(who, charset)), Piece("hl7", ward.report(who)),
              Piece("astm", ward.upload(who)), Piece("http", ward.settlement(who))]  # fmt: skip

    image, report, _, settlement = without(*pieces).payloads

    pid = next(one for one in report.decode("gb18030").split("\r") if one.startswith("PID"))
    number, name = pid.split("|")[3].split("^")[0], pid.split("|")[5]
    codec = ward.CODECS.get(charset, "gb2312")
    bare = ward.image_texts(body_of(image))
    assert name != who.name
    assert name.encode(codec) in bare
    assert f'"psn_name":"{name}"'.encode() in settlement
    assert number.encode() in body_of(image)
    assert pid.split("|")[7].encode() in body_of(image), "the birth date moved by the same days"


def test_a_reader_of_others_reads_what_is_left():
    who = somebody(3)

    data = pydicom.dcmread(io.BytesIO(without(Piece("dicom", stored(who))).payloads[0]))

    assert [one.tag for one in data] == [one.tag for one in pydicom.dcmread(
        io.BytesIO(stored(who)))]  # fmt: skip
    assert data.SpecificCharacterSet == "GB18030"
    assert (data.Rows, data.Columns, data.BitsStored) == (8, 8, 12)
    assert max(data.pixel_array.flatten()) < 4096
    assert data.PatientSex == who.sex
    assert data[0x0009, 0x0010].value == "ACME"
    assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID


def test_uids_map_and_those_of_the_standard_stay():
    who = somebody(4)
    one, two = without(Piece("dicom", stored(who)), Piece("dicom", stored(who))).payloads

    first, second = (pydicom.dcmread(io.BytesIO(each)) for each in (one, two))

    assert first.StudyInstanceUID == second.StudyInstanceUID != ward.study(who)
    assert len(first.StudyInstanceUID) == len(ward.study(who))
    assert all(part == "0" or part[0] != "0" for part in first.StudyInstanceUID.split("."))
    assert first.SOPClassUID == ward.CT


def test_the_malformed_spot_stays_and_what_is_behind_it_tells_nobody():
    who = somebody(5)
    whole = ward.image(who)
    at = whole.index(b"PN")
    broken = whole[:at] + b"p\x00" + whole[at + 2 :]  # no value representation

    (done,) = without(Piece("dicom", box(broken))).payloads

    body = body_of(done)
    assert body[at - 4 : at + 4] == broken[at - 4 : at + 4]
    assert len(body) == len(broken)
    assert left(who, done) == []
    assert b"p\x00" in body


def test_a_name_in_another_set_than_is_declared_stays_that():
    who = somebody(6)
    lie = ward.image(who, "ISO_IR 192").replace(b"ISO_IR 192", b"GB18030   ")

    (done,) = without(Piece("dicom", box(lie))).payloads

    name = pydicom.dcmread(io.BytesIO(done), force=True)[0x0010, 0x0010]
    raw = body_of(done)
    begin = raw.index(b"PN", raw.index(b"\x10\x00\x10\x00PN")) + 4
    value = raw[begin : begin + 10 + len(who.name.encode()) + 1]
    assert value.partition(b"=")[2].decode("utf-8").replace("^", "") != who.name
    assert name is not None
    assert left(who, done) == []


def test_a_key_with_a_wildcard_finds_the_same_person():
    who = somebody(8)
    head = ward.element(8, 5, b"CS", b"GB18030")
    asked = head + ward.element(16, 16, b"PN", f"{who.name[0]}*".encode("gb18030"))
    named = head + ward.element(16, 16, b"PN", who.name.encode("gb18030"))

    query, answer = (body_of(one) for one in without(Piece("dicom", box(asked)),
                                                     Piece("dicom", box(named))).payloads)  # fmt: skip

    begin = query[len(head) + 8 :].rstrip(b" ").removesuffix(b"*").decode("gb18030")
    assert begin
    assert answer[len(head) + 8 :].decode("gb18030").startswith(begin)
    assert begin != who.name[0]


def test_who_asked_for_the_association_is_not_told():
    user = UserInformation(class_uid="1.2.3", others=((0x58, b"\x01\0\0\x05WANG1\0\0"),))
    request = Associate(called=b"PACS", calling=b"CT1",
                        items=Items(contexts=[Context(id=1, abstract_syntax=ward.CT)], user=user))  # fmt: skip

    (done,) = without(Piece("dicom", box(ward.image(somebody(9)), asked=request))).payloads

    assert b"WANG1" not in done
    assert dicom_box.decode(done).asked.called == b"PACS"


def test_a_site_names_its_own_places(tmp_path):
    path = tmp_path / "places.toml"
    path.write_text('format = 1\n[dicom]\nkeep = ["StudyDescription"]\nnumbers = ["(0008,0080)"]\n')
    places = load(path)
    who = somebody(10)
    body = ward.element(8, 0x80, b"LO", b"77001234") + ward.element(8, 0x1030, b"LO", b"HEAD CT")

    done = deidentify([Piece("dicom", box(body))], Pseudonyms(KEY), places)

    assert b"HEAD CT" in done.payloads[0]
    assert "77001234" in done.originals
    assert b"77001234" not in done.payloads[0]
    assert who


def test_a_place_that_is_none_is_refused(tmp_path):
    path = tmp_path / "places.toml"
    path.write_text('format = 1\n[dicom]\nkeep = ["NoSuchKeyword"]\n')

    with pytest.raises(InputError, match="NoSuchKeyword"):
        load(path)


# ---- pixels


def tags(rows, columns, frames, syntax_bits=(16, 12)):
    us = struct.Struct("<H").pack
    return b"".join(
        (ward.element(0x28, 2, b"US", us(1)), ward.element(0x28, 8, b"IS", str(frames).encode()),
         ward.element(0x28, 0x10, b"US", us(rows)), ward.element(0x28, 0x11, b"US", us(columns)),
         ward.element(0x28, 0x100, b"US", us(syntax_bits[0])),
         ward.element(0x28, 0x101, b"US", us(syntax_bits[1])))
    )  # fmt: skip


@pytest.mark.parametrize("syntax", [dicom_pixels.RLE, dicom_pixels.JPEG_LOSSLESS])
def test_coded_pixels_are_coded_anew_in_their_syntax(syntax):
    shape = dicom_pixels.Shape(rows=6, columns=10, stored=12, frames=2)
    secret = (b"\x0f\x00" * 60) * 2
    pixels = dicom_pixels.encode(secret, shape, syntax)
    body = tags(6, 10, 2) + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + pixels

    (done,) = without(Piece("dicom", box(body, syntax))).payloads

    value = body_of(done)[len(tags(6, 10, 2)) + 12 :]
    shown = dicom_pixels.decode(value, shape, syntax)
    assert len(shown) == len(secret)
    assert shown != secret
    assert max(struct.unpack("<120H", shown)) < 4096


def test_a_jpeg_keeps_what_says_how_it_is_coded_and_nothing_that_was_coded():
    words = b"\xff\xfe\x00\x0bWANGFANG!"
    head = b"\xff\xd8" + words + b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"
    scan_head = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    data = head + scan_head + b"\x12\x34\x56\x78" * 8 + b"\xff\xd9"

    done = dicom_fill.coded(data, KEY)

    assert len(done) == len(data)
    assert b"WANGFANG" not in done
    assert done[15:28] == data[15:28]
    assert done.endswith(b"\xff\xd9")
    assert b"\x12\x34\x56\x78" not in done
    assert b"\xff" not in done[len(head) + len(scan_head) : -2]


def test_equal_images_stay_equal_and_different_ones_different():
    shape = dicom_pixels.Shape(rows=4, columns=4)

    one, again, other = (dicom_fill.pattern(raw, shape, KEY)
                         for raw in (b"\1" * 32, b"\1" * 32, b"\1" * 31 + b"\0"))  # fmt: skip

    assert one == again != other
    assert one != dicom_fill.pattern(b"\1" * 32, shape, b"another")


# ---- the last look


@pytest.mark.parametrize(
    "hide",
    [
        lambda who: box(ward.image(who, syntax=ward.DEFLATED), ward.DEFLATED),
        lambda who: box(ward.element(16, 16, b"PN", ward.names(who, "ISO 2022 IR 58"))),
        lambda who: box(ward.sequence(8, 0x1110, ward.element(
            8, 0x1030, b"LO", base64.b64encode(who.name.encode("utf-8"))))),
        lambda who: box(ward.element(9, 0x1001, b"UN", who.name.encode().hex().encode())),
        lambda who: box(ward.element(0x42, 0x11, b"OB", b"%PDF " + who.name.encode("gb18030"))),
    ],
)  # fmt: skip
def test_the_last_look_finds_a_person_wherever_an_image_hides_it(hide):
    who = somebody(11, "ISO 2022 IR 58")

    found = scan([who.name], {"messages/0001.dicom": hide(who)})

    assert found
    assert found[0].where.startswith("messages/0001.dicom")
    assert scan(["司马相如"], {"one": hide(who)}) == []


def test_without_its_views_the_last_look_would_miss_what_is_deflated(monkeypatch):
    who = somebody(12)
    hidden = {"one": box(ward.image(who, syntax=ward.DEFLATED), ward.DEFLATED)}
    assert scan([who.card], hidden)

    monkeypatch.setattr(leaks, "views", lambda where, data: [(where, data)])

    assert scan([who.card], hidden) == []
