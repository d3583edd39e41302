"""People and messages typed here: nothing is imported from what takes persons out.

An identity card has its check digit by GB 11643 (ISO 7064 MOD 11-2): the sum of digit times
2^(17-i) mod 11, over all 18, is 1.
"""

from __future__ import annotations

import random
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
