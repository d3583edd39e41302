"""People and messages typed here: nothing is imported from what takes persons out.

An identity card has its check digit by GB 11643 (ISO 7064 MOD 11-2): the sum of digit times
2^(17-i) mod 11, over all 18, is 1.
"""

from __future__ import annotations

import base64
import random
import re
import struct
import zlib
from dataclasses import dataclass

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗葉錦運頭質梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰涛明超兰霞平刚桂建国志华𠮷㛃䶮海波雪梅玉红辉宇浩然子涵欣怡"
STREETS = ("解放路", "人民大道", "朝阳新村", "滨河西街", "五一中路")


@dataclass(frozen=True)
class Somebody:
    name: str
    number: str
    card: str
    birth: str
    phone: str
    address: str
    barcode: str
    visit: str
    sex: str

    @property
    def originals(self) -> list[str]:
        return [
            self.name,
            self.number,
            self.card,
            self.phone,
            self.address,
            self.barcode,
            self.visit,
        ]


def check_digit(first: str) -> str:
    for sign in "0123456789X":
        value = 10 if sign == "X" else int(sign)
        total = sum(int(one) * pow(2, 17 - at, 11) for at, one in enumerate(first)) + value
        if total % 11 == 1:
            return sign
    raise AssertionError(first)


def somebody(chance: random.Random) -> Somebody:
    sex = chance.choice("MF")
    birth = (
        f"{chance.randrange(1930, 2020)}{chance.randrange(1, 13):02d}{chance.randrange(1, 29):02d}"
    )
    order = chance.randrange(1, 499) * 2 + (sex == "M")
    first = f"{chance.choice(['430102', '110105', '440306'])}{birth}{order:03d}"
    name = chance.choice(SURNAMES) + "".join(
        chance.choice(GIVEN) for _ in range(chance.choice([1, 2]))
    )
    return Somebody(
        name=name,
        number=f"{chance.randrange(10**9):09d}",
        card=first + check_digit(first),
        birth=birth,
        phone=f"1{chance.choice('3578')}{chance.randrange(10**9):09d}",
        address=f"长沙市{chance.choice(STREETS)}{chance.randrange(1, 400)}号{chance.randrange(1, 30)}栋",
        barcode=f"B{chance.randrange(10**9):09d}",
        visit=f"ZY{chance.randrange(10**8):08d}",
        sex=sex,
    )


def report(who: Somebody, encoding: str = "gb18030", control: str = "M1") -> bytes:
    declared = {"gb18030": "GB 18030-2000", "utf-8": "UNICODE UTF-8"}[encoding]
    head = f"PID|1||{who.number}^^^HOSP^MR~{who.card}^^^GA^NI||{who.name}||{who.birth}|{who.sex}"
    return "\r".join(
        (
            f"MSH|^~\\&|LIS|LAB|HIS|H|20260105083000||ORU^R01|{control}|P|2.4||||||{declared}",
            f"{head}|||{who.address}||{who.phone}",
            f"PV1|1|I|W3^302^1||||||||||||||||{who.visit}",
            f"OBR|1||{who.barcode}|CBC^血常规|||20260105080000",
            "OBX|1|NM|WBC^白细胞||5.60|10*9/L|4-10|N|||F",
            f"OBX|2|TX|CMT||患者{who.name}自述头晕，电话{who.phone}||||||F",
            f"NTE|1||{who.name}已通知",
            "",
        )
    ).encode(encoding)


def upload(who: Somebody) -> bytes:
    return "\r".join(
        (
            "H|\\^&|||XN^1|||||||P|1|20260105083000",
            f"P|1|{who.number}|||{who.name}||{who.birth}|{who.sex}||{who.address}||{who.phone}",
            f"O|1|{who.barcode}||^^^WBC|R",
            "R|1|^^^WBC|5.60|10*9/L||N||F||||20260105083000",
            f"C|1|I|{who.name} 标本溶血|G",
            "L|1|N",
            "",
        )
    ).encode("gb18030")


def settlement(who: Somebody, *, escaped: bool = False) -> bytes:
    name = (
        "".join(f"\\u{ord(one):04x}" for one in who.name if ord(one) < 65536)
        if escaped
        else who.name
    )
    text = (
        f'{{"infno":"2207","msgid":"H43010020260105083000{0:04d}","input":{{"data":{{'
        f'"psn_no":"{who.number}","psn_name":"{name}","certno":"{who.card}","mdtrt_id":"{who.visit}",'
        f'"tel":"{who.phone}","brdy":"{who.birth[:4]}-{who.birth[4:6]}-{who.birth[6:]}",'
        f'"medfee_sumamt":171239.20,"begntime":"2026-01-05 08:30:00"}}}}}}'
    )
    return text.encode("utf-8")


# ---- images: PS3.5 §7 by hand, so that nothing here comes from what takes persons out

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
CT = "1.2.840.10008.5.1.4.1.1.2"
LONG = {b"OB", b"OW", b"SQ", b"UN", b"UT"}
CODECS = {"GB18030": "gb18030", "GBK": "gbk", "ISO_IR 192": "utf-8", "": "gb18030"}


def element(group: int, number: int, vr: bytes, value: bytes, *, explicit: bool = True) -> bytes:
    value += (b"\0" if vr in {b"UI", b"OB", b"UN"} else b" ") * (len(value) % 2)
    head = struct.pack("<HH", group, number)
    if not explicit:
        return head + struct.pack("<I", len(value)) + value
    if vr in LONG:
        return head + vr + struct.pack("<HI", 0, len(value)) + value
    return head + vr + struct.pack("<H", len(value)) + value


def sequence(group: int, number: int, *items: bytes, explicit: bool = True) -> bytes:
    """One of undefined length, and its items too: as most devices write them."""
    body = b"".join(
        struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        + one
        + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        for one in items
    )
    head = struct.pack("<HH", group, number) + (b"SQ\0\0" if explicit else b"")
    return head + b"\xff\xff\xff\xff" + body + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def study(who: Somebody) -> str:
    return f"1.2.156.7{who.number}.7{who.visit[2:]}"


def names(who: Somebody, charset: str) -> bytes:
    """Family and given name apart, as DICOM has them; with escape sequences where the set has."""
    family, given = who.name[:1], who.name[1:]
    if charset != "ISO 2022 IR 58":
        return b"ZHAO^QIAN=" + f"{family}^{given}".encode(CODECS[charset])
    escape = b"\x1b$)A"
    return b"ZHAO^QIAN=" + escape + family.encode("gb2312") + b"^" + escape + given.encode("gb2312")


def image(who: Somebody, charset: str = "GB18030", syntax: str = EXPLICIT) -> bytes:
    """A data set that has its person everywhere: names, numbers, texts, privately, in sequences."""
    plain, codec = syntax != IMPLICIT, CODECS.get(charset, "gb2312")

    def one(group: int, number: int, vr: bytes, value: bytes | str) -> bytes:
        raw = value.encode(codec) if isinstance(value, str) else value
        return element(group, number, vr, raw, explicit=plain)

    whom = [one(0x0010, 0x0010, b"PN", names(who, charset)), one(0x0010, 0x0020, b"LO", who.number)]
    hidden = who.name.encode("gb18030") + base64.b64encode(who.card.encode()) + who.phone.encode()
    parts = [
        one(0x0008, 0x0005, b"CS", f"\\{charset}" if "58" in charset else charset),
        one(0x0008, 0x0016, b"UI", CT),
        one(0x0008, 0x0018, b"UI", f"{study(who)}.1"),
        one(0x0008, 0x0020, b"DA", "20260105"),
        one(0x0008, 0x0050, b"SH", who.barcode),
        one(0x0008, 0x1030, b"LO", f"tel {who.phone}"),
        one(0x0009, 0x0010, b"LO", "ACME"),
        one(0x0009, 0x1001, b"UN", hidden),
        one(0x0009, 0x1002, b"LO" if plain else b"UN", who.card),
        *whom,
        one(0x0010, 0x0030, b"DA", who.birth),
        one(0x0010, 0x0040, b"CS", who.sex),
        sequence(0x0010, 0x1002, one(0x0010, 0x0020, b"LO", who.card), explicit=plain),
        one(0x0010, 0x1040, b"LO", who.address if "58" not in charset else who.phone),
        one(0x0010, 0x4000, b"LT", f"{who.number} {who.card}"),
        one(0x0020, 0x000D, b"UI", study(who)),
        one(0x0028, 0x0002, b"US", struct.pack("<H", 1)),
        one(0x0028, 0x0004, b"CS", "MONOCHROME2"),
        one(0x0028, 0x0010, b"US", struct.pack("<H", 8)),
        one(0x0028, 0x0011, b"US", struct.pack("<H", 8)),
        one(0x0028, 0x0100, b"US", struct.pack("<H", 16)),
        one(0x0028, 0x0101, b"US", struct.pack("<H", 12)),
        one(0x0028, 0x0102, b"US", struct.pack("<H", 11)),
        one(0x0028, 0x0103, b"US", struct.pack("<H", 0)),
        sequence(0x0040, 0x0275, b"".join(whom), explicit=plain),
        one(0x0042, 0x0011, b"OB", b"%PDF-1.4\n" + who.name.encode("utf-8")),
        one(0x7FE0, 0x0010, b"OW", (who.name.encode("gb18030") + who.card.encode()).ljust(128)),
    ]
    body = b"".join(parts)
    if syntax != DEFLATED:
        return body
    machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return machine.compress(body) + machine.flush()


def image_texts(data: bytes) -> bytes:
    """What a data set comes to: without delimiters of names and escape sequences."""
    return re.sub(rb"\x1b\$?[()\-,./]?[\x30-\x7e]|[\^= ]", b"", data)
