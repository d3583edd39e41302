"""No person leaves, and the fault stays: against people and a search that are typed here."""

from __future__ import annotations

import base64
import random
import re
from datetime import date

import pytest

from harness.cases.deidentify import Piece, deidentify
from harness.cases.identity import load
from harness.cases.leaks import scan
from harness.cases.pseudonyms import Pseudonyms
from tests.harness.cases import ward

KEY = b"k" * 32
IDENTITY = load()


def without(pieces, key=KEY, also=()):
    return deidentify(pieces, Pseudonyms(key), IDENTITY, also)


def everything(who, control="M1"):
    return [
        Piece("hl7", ward.report(who, "gb18030", control)),
        Piece("hl7", ward.report(who, "utf-8", control)),
        Piece("astm", ward.upload(who)),
        Piece("http", ward.settlement(who)),
        Piece("http", ward.settlement(who, escaped=True)),
    ]


def stands_in(text: str, data: bytes) -> bool:
    """An independent search: plain text, hex, base64 and escapes in the usual character sets."""
    for codec in ("utf-8", "gb18030", "utf-16-le"):
        raw = text.encode(codec)
        if raw in data or raw.hex().encode() in data.lower():
            return True
        if base64.b64encode(raw).rstrip(b"=")[:-1] in data:
            return True
    escaped = "".join(rf"\u{ord(one):04x}" for one in text).encode()
    return not text.isascii() and escaped in data.lower()


@pytest.mark.slow
@pytest.mark.untraced
def test_ten_thousand_people_leave_no_trace():
    chance = random.Random(20260105)
    for number in range(10_000):
        who = ward.somebody(chance)
        pieces = everything(who)
        if number % 10:
            pieces = [pieces[number % 5]]

        done = without(pieces, key=number.to_bytes(4, "big"))

        together = b"\n".join(done.payloads)
        left = [one for one in who.originals if stands_in(one, together)]
        assert left == [], (who, together.decode("gb18030", "replace"))
        assert who.birth.encode() not in together


def test_the_same_person_is_the_same_person_everywhere():
    who = ward.somebody(random.Random(1))
    one, two, astm, json_, _ = without(everything(who)).payloads

    name = one.split(b"|PID"[1:])[1].split(b"|")[5].decode("gb18030")
    number = one.split(b"PID")[1].split(b"|")[3].split(b"^")[0].decode()

    assert name != who.name
    assert name in two.decode("utf-8")
    assert name in astm.decode("gb18030")
    assert f'"psn_name":"{name}"' in json_.decode("utf-8")
    assert f'"psn_no":"{number}"' in json_.decode("utf-8")
    assert f"P|1|{number}|" in astm.decode("gb18030")


def test_another_key_gives_other_people_and_the_same_key_the_same():
    who = ward.somebody(random.Random(2))
    first, again, other = (without(everything(who), key=key).payloads for key in (b"a", b"a", b"b"))

    assert first == again
    assert first[0] != other[0]


@pytest.mark.parametrize("seed", range(20))
def test_lengths_delimiters_and_what_a_fault_hangs_on_stay(seed):
    who = ward.somebody(random.Random(seed))
    for piece in everything(who):
        (done,) = without([piece], key=bytes([seed])).payloads

        assert len(done) == len(piece.payload)
        for sign in b"|^~\\&\r{}[]:":
            assert done.count(sign) == piece.payload.count(sign), chr(sign)
    assert b"|5.60|10*9/L|4-10|N|" in without(everything(who)).payloads[0]
    assert b'"medfee_sumamt":171239.20' in without(everything(who)).payloads[3]


def test_an_identity_card_keeps_sex_age_and_check_digit():
    for seed in range(200):
        who = ward.somebody(random.Random(seed))
        done = without([Piece("http", ward.settlement(who))], key=bytes([seed])).payloads[0]
        card = re.search(rb'"certno":"([0-9X]{18})"', done)[1].decode()

        assert card != who.card
        assert card[17] == ward.check_digit(card[:17])
        assert int(card[16]) % 2 == int(who.card[16]) % 2
        assert card.startswith("19")
        days = (day(who.card[6:14]) - day(card[6:14])).days
        assert 28 <= days <= 182
        assert days % 7 == 0
        assert f'"brdy":"{card[6:10]}-{card[10:12]}-{card[12:14]}"'.encode() in done


def day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def test_dates_move_by_one_amount_and_what_is_no_date_stays():
    text = b"MSH|^~\\&|A|B|C|D|20260105083000||ORU^R01|1|P|2.4\rOBX|1|ST|X||20269941~2026-01-12 10:00||||||F\r"

    (done,) = without([Piece("hl7", text)]).payloads

    moved = done.split(b"|")[6]
    assert moved[8:] == b"083000"
    other = done.split(b"~2026"[:1])[2][:10].decode().replace("-", "")
    assert (day(other) - day(moved[:8].decode())).days == 7
    assert b"|20269941~" in done


@pytest.mark.parametrize("name", ["葉錦", "運頭質", "㛃䶮", "𠮷田"])
def test_characters_are_replaced_by_those_that_provoke_the_same_fault(name):
    text = f"MSH|^~\\&|A|B|C|D|20260105||ADT^A08|1|P|2.4\rPID|1||77001234||{name}\r".encode(
        "gb18030"
    )

    (done,) = without([Piece("hl7", text)]).payloads

    before, after = (one.split(b"77001234" if one is text else b"||", 1) for one in (text, done))
    other = done[-1 - len(name.encode("gb18030")) : -1].decode("gb18030")
    assert before and after
    assert other != name
    for old, new in zip(name, other, strict=True):
        raw, made = old.encode("gb18030"), new.encode("gb18030")
        assert len(raw) == len(made)
        assert len(old.encode()) == len(new.encode())
        if len(raw) == 2 and raw[1] < 0x80:
            assert raw[1] == made[1]


def test_a_name_cut_inside_a_character_stays_cut_and_tells_nobody():
    whole = "MSH|^~\\&|A|B|C|D|20260105||ADT^A08|1|P|2.4\rPID|1||77001234||欧阳震华".encode(
        "gb18030"
    )
    torn = whole[:-1] + b"\rPV1|1\r"

    (done,) = without([Piece("hl7", torn)]).payloads

    assert len(done) == len(torn)
    assert not any(stands_in(one, done) for one in ("欧阳", "阳震", "欧阳震"))
    with pytest.raises(UnicodeDecodeError):
        done[done.index(b"PID") :].split(b"\r")[0].decode("gb18030")


def test_escapes_codes_and_authorities_stay():
    text = b"MSH|^~\\&|A|B|C|D|20260105||ADT^A08|1|P|2.4\rPID|1||77001234^^^HOSPITAL^MR||LI\\T\\SONS^AN\r"

    (done,) = without([Piece("hl7", text)]).payloads

    assert b"^^^HOSPITAL^MR|" in done
    assert re.search(rb"\|[A-Z]{2}\\T\\[A-Z]{4}\^AN\r", done)
    assert b"SONS" not in done


def test_free_text_tells_nothing_but_its_length_even_beside_a_name_that_is_known():
    who = ward.somebody(random.Random(3))

    report, _, upload, *_ = without(everything(who)).payloads

    for data, words in ((report, ("自述头晕", "已通知", "电话")), (upload, ("标本溶血",))):
        assert not any(word.encode("gb18030") in data for word in words)
    assert "血常规".encode("gb18030") in report  # the name of a test is no free text


def test_leading_zeros_and_letters_keep_their_kind():
    pseudonyms = Pseudonyms(KEY)

    other = pseudonyms.of("000ab12-CD")

    assert re.fullmatch(r"000[a-z]{2}[0-9]{2}-[A-Z]{2}", other)
    assert other != "000ab12-CD"


def test_no_two_people_become_one():
    pseudonyms = Pseudonyms(KEY)

    names = {pseudonyms.of(f"{a}{b}") for a in ward.SURNAMES for b in ward.GIVEN}

    assert len(names) == len(set(ward.SURNAMES)) * len(set(ward.GIVEN))


FORMS = [
    lambda text: text.encode("utf-8"),
    lambda text: text.encode("gb18030"),
    lambda text: text.encode("utf-16-le"),
    lambda text: text.encode("utf-8").hex().encode(),
    lambda text: text.encode("gb18030").hex().upper().encode(),
    lambda text: base64.b64encode(b"a" + text.encode("utf-8")),
    lambda text: base64.b64encode(b"ab" + text.encode("gb18030") + b"c"),
    lambda text: base64.b64encode(text.encode("utf-8") + b"tail"),
    lambda text: "".join(rf"\u{ord(one):04x}" for one in text).encode(),
    lambda text: "".join(f"&#{ord(one)};" for one in text).encode(),
]


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_the_last_look_finds_an_original_in_any_form(form):
    data = b"harmless " + FORMS[form]("欧阳震华") + b" more"

    (leak, *_) = scan(["欧阳震华"], {"one": data})

    assert leak.where == "one"
    assert scan(["司马相如"], {"one": data}) == []


def test_the_last_look_finds_numbers_too():
    assert scan(["430102198001011234"], {"one": b"x430102198001011234"})
    assert scan(["430102198001011234"], {"one": base64.b64encode(b"id=430102198001011234;")})
    assert scan(["12345"], {"one": b"12345"}) == []


@pytest.mark.parametrize(
    "name", [rb"\udcabTESTPERSON", rb"\ud83dTESTPERSON", b"TESTPERSON\xab&#x5f20;&#x4e09;"]
)
def test_a_name_with_bytes_that_are_no_text_is_taken_out(name):
    body = b'{"psn_name":"' + name + b'"}'
    head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)

    (done,) = without([Piece("http", head + body)]).payloads

    assert b"TESTPERSON" not in done
