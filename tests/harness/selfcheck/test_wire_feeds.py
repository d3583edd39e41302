"""Fault classes of HL7 read from the wire: hand-typed messages, with and without the fault."""

import pytest

from harness.evidence.line import pack
from harness.selfcheck.wire_classes import shown_classes as shown_with_lab
from harness.selfcheck.wire_feeds import CLASSES, shown_classes

MSH = "MSH|^~\\&|LIS|A|HIS|B|20260105080000||ORU^R01|M1|P|2.4|||||CHN|"
PID = "PID|1|P1|P1^^^^PatientNO||Zhao||19700101083000|M"
OBX = "OBX|1|NM|K||4.10|mmol/L||N|||F"
PLAIN = (MSH, PID, "OBR|1|O1|S1|LAB", OBX)
ACK = ("MSH|^~\\&|HIS|B|LIS|A|20260105080001||ACK^R01|A1|P|2.4", "MSA|AA|M1")


class Wire:
    """Records of one link, in order."""

    def __init__(self):
        self.records = []
        self.t = 0.0

    def _add(self, kind, conn, frm, **more):
        to = "HIS" if frm == "LIS" else "LIS"
        self.records.append(
            {"n": len(self.records) + 1, "t": self.t, "kind": kind, "link": "lis-his",
             "conn": conn, "frm": frm, "to": to} | more
        )  # fmt: skip
        return self

    def read(self, data, *, conn="c1", frm="LIS"):
        return self._add("bytes", conn, frm, raw=pack(data))

    def link(self, event, *, conn="c1"):
        return self._add("link", conn, "LIS", event=event)

    def says(self, payload, *, conn="c1", frm="LIS"):
        self.read(b"\x0b" + payload + b"\x1c\r", conn=conn, frm=frm)
        return self._add("message", conn, frm, protocol="hl7", raw=pack(payload))

    def msg(self, *rows, codec="ascii", conn="c1", frm="LIS"):
        return self.says(text(*rows, codec=codec), conn=conn, frm=frm)

    def ack(self, *rows, conn="c1"):
        return self.msg(*(rows or ACK), conn=conn, frm="HIS", codec="gb18030")

    def on(self, link, frm, says):
        """Records of another link, which ``frm`` opens."""
        before = len(self.records)
        says(self)
        self.records[before:] = [one | {"link": link, "frm": frm} for one in self.records[before:]]
        return self

    def after(self, seconds):
        self.t += seconds
        return self


def text(*rows, codec="ascii"):
    return "".join(f"{row}\r" for row in rows).encode(codec)


def one(old, new, codec="ascii", rows=PLAIN):
    """The plain message with one thing written otherwise."""
    assert sum(old in row for row in rows) >= 1
    return Wire().msg(*(row.replace(old, new) for row in rows), codec=codec)


def again(ident, *rows):
    return tuple(row.replace("|M1|", f"|{ident}|") for row in rows)


def acked(old, new):
    return Wire().msg(*PLAIN).ack(*(row.replace(old, new) for row in ACK))


SERVER = b"...\x17\r260101000000Z\x17\r260301000000Z..."
EXPIRED = b"\x16\x03\x03...\x17\r251201000000Z\x17\r251215000000Z..."
"""Validity of two certificates (RFC 5280 §4.1.2.5): no day is in both."""

GB = MSH + "GB 18030-2000"
M2 = again("M2", *PLAIN)
ACK2 = tuple(row.replace("|M1", "|M2").replace("|A1|", "|A2|") for row in ACK)
ADT = ("MSH|^~\\&|HIS|A|LIS|B|20260105080000||ADT^A40|M1|P|2.4", PID, "MRG|P1^^^^PatientNO")


def value(kind, written):
    return one("|NM|K||4.10|", f"|{kind}|K||{written}|")


def many_lines():
    wire = Wire()
    for number in range(11):
        wire.link("opened", conn=f"c{number}")
    return wire.msg(*PLAIN)


def numbered(number):
    return tuple(row.replace("|P|2.4|", f"|P|2.4|{number}") for row in PLAIN)


def kind(name):
    return tuple(row.replace("ORU^R01", name) for row in PLAIN)


def upgraded():
    wire = Wire()
    wire.records.append({"n": 1, "t": 0.0, "kind": "command", "name": "upgrade"})
    return wire


def back(wire):
    wire.records.append(
        {"n": len(wire.records) + 1, "t": wire.t, "kind": "fault", "event": "healed",
         "layer": "process", "detail": "HIS is back"}
    )  # fmt: skip
    return wire


CASES = {
    "hl7-05": Wire().msg(*PLAIN).ack().msg(*M2).ack(*ACK2).msg(*again("M3", *PLAIN)),
    "hl7-07": Wire().msg(*PLAIN).read(text(*ACK), frm="HIS"),
    "hl7-08": Wire().read(b"\x0b\x0b" + text(*PLAIN) + b"\x1c\r\x1c\r"),
    "hl7-09": Wire().msg(*PLAIN).read(b"\x0b" + text(*ACK) + b"\x1c\0", frm="HIS"),
    "hl7-10": Wire().msg(*PLAIN).ack().link("closed").msg(*M2, conn="c2"),
    "hl7-11": Wire().msg(*PLAIN).ack().after(5.0).msg(*M2),
    "hl7-13": many_lines(),
    "hl7-14": value("TX", "x" * 70_000),
    "hl7-15": Wire().msg(MSH, "", PID),
    "hl7-16": Wire().read(b"\x0bMSH|half").msg(*PLAIN, conn="c2"),
    "hl7-18": Wire().msg(*PLAIN).link("closed").link("closed", conn="c2"),
    "hl7-20": back(Wire().msg(*PLAIN)).link("opened", conn="c2").msg(*M2, conn="c2"),
    "hl7-21": Wire().read(b"\x16\x03\x03" + SERVER, frm="HIS").read(EXPIRED),
    "hl7-22": Wire().msg(*PLAIN).read(b"\x0b\x06\x1c\r", frm="HIS"),
    "hl7-23": acked("|AA|M1", "|AA|M9"),
    "hl7-24": acked("|AA|M1", "|AA|M9"),
    "hl7-25": Wire().msg(*PLAIN).ack().msg(*M2).ack(),
    "hl7-26": Wire().msg(*PLAIN).msg(*M2, conn="c2"),
    "hl7-27": Wire().msg(*PLAIN).read(b"\x0bNO HL7\r\x1c\r", frm="HIS"),
    "hl7-28": Wire().msg(*PLAIN).ack(ACK[0], "MSA|CA|M1").ack(),
    "hl7-30": one("|S1|", "||"),
    "hl7-31": Wire().msg(*PLAIN).read(b"ERROR 500\r\n", frm="HIS"),
    "hl7-32": acked("|HIS|B|LIS|A|", "|LIS|A|HIS|B|"),
    "hl7-33": acked("|2.4", "|2.3"),
    "hl7-34": Wire().msg(*PLAIN).says(text(*ACK)[:-1], frm="HIS"),
    "hl7-35": Wire().msg(*PLAIN).ack().msg(*M2).ack(*(row.replace("|A2|", "|A1|") for row in ACK2)),
    "hl7-36": Wire().read(b"\x0bBHS|^~\\&\r" + text(*PLAIN) + text(*M2) + b"BTS|2\r\x1c\r"),
    "hl7-38": Wire().msg(*PLAIN).after(0.4).ack(),
    "hl7-39": one("ORU^R01", "MDM^T02"),
    "hl7-40": acked("|AA|M1", "|AE|M1|控制码"),
    "hl7-41": one("|2.4|||||", "|2.4|||NE|NE|"),
    "hl7-42": Wire().msg(*PLAIN).after(0.4).ack(),
    "hl7-43": Wire().msg(*PLAIN).ack(ACK[0], "MSA|AE|M1").msg(*M2),
    "hl7-44": Wire()
    .link("opened")
    .msg(*PLAIN)
    .on("engine-sender", "HIS", lambda wire: wire.link("opened", conn="c9").ack(conn="c9")),
    "hl7-45": Wire().msg(*PLAIN).msg(*PLAIN, conn="c2").ack(conn="c2").msg(*M2, conn="c2"),
    "hl7-46": Wire().msg(*PLAIN).msg(*M2),
    "hl7-48": Wire().msg(*PLAIN).ack().msg(*(row.replace("4.10", "4.20") for row in PLAIN)),
    "hl7-49": Wire().msg(*PLAIN).msg(*PLAIN, conn="c2"),
    "hl7-50": Wire().msg(*PLAIN, "NTE|1||" + "x" * 5_000).msg(*M2),
    "hl7-51": Wire().msg(*numbered("1")).msg(*numbered("3")),
    "hl7-52": Wire().msg(*PLAIN).ack().msg(*(row.replace("|||F", "|||P") for row in M2)),
    "hl7-53": Wire()
    .msg(GB, PID.replace("Zhao", "赵"), codec="gb18030")
    .msg(MSH + "UNICODE UTF-8", PID.replace("Zhao", "赵"), codec="utf-8", conn="c2"),
    "hl7-54": Wire().msg(MSH + "UNICODE UTF-8", PID.replace("Zhao", "赵"), codec="utf-8"),
    "hl7-55": upgraded()
    .msg(GB, PID.replace("Zhao", "赵"), codec="gb18030")
    .msg(MSH + "UNICODE UTF-8", PID.replace("Zhao", "赵"), codec="utf-8"),
    "hl7-56": Wire()
    .msg(MSH, PID.replace("Zhao", "赵"), codec="gb18030")
    .msg(MSH, PID.replace("Zhao", "赵"), codec="utf-8"),
    "hl7-57": Wire().msg(MSH + "UNICODE UTF-8", PID.replace("Zhao", "赵"), codec="gb18030"),
    "hl7-58": Wire()
    .msg(GB, PID.replace("Zhao", "赵"), codec="gb18030")
    .msg(MSH + "UNICODE UTF-8", PID.replace("Zhao", "赵"), codec="utf-8"),
    "hl7-59": Wire().msg(MSH, PID.replace("Zhao", "赵"), codec="gb18030"),
    "hl7-60": Wire().says(b"\xef\xbb\xbf" + text(*PLAIN)),
    "hl7-61": Wire().msg(GB, PID.replace("Zhao", "葉"), codec="gb18030"),
    "hl7-62": Wire().msg(GB, PID.replace("Zhao", "䶮"), codec="gb18030"),
    "hl7-63": one("Zhao", "Zhao of the long name"),
    "hl7-64": Wire().msg(GB, *(row.replace("mmol/L", "℃") for row in PLAIN[1:]), codec="gb18030"),
    "hl7-65": Wire().msg(GB, OBX.replace("|NM|K||4.10|", "|TX|K||未见异常|"), codec="gb18030"),
    "hl7-66": value("ST", r"R\T\D"),
    "hl7-67": value("ST", r"R\E\T\E\D"),
    "hl7-68": value("FT", r"one\.br\two"),
    "hl7-69": value("ST", r"a\X2B\b"),
    "hl7-70": Wire().says(text(*PLAIN).replace(b"\r", b"\r\n")),
    "hl7-71": value("TX", "a&b"),
    "hl7-72": value("ST", "4\\5"),
    "hl7-73": one("^~\\&|", "^~\\&#|"),
    "hl7-74": Wire().says(text(*PLAIN).replace(b"|", b"$")),
    "hl7-75": Wire().msg(
        MSH.replace("080000|", "080000.120+0800|"), PID, OBX.replace("4.10", "1234567890123456")
    ),
    "hl7-76": one("PID|", "ZPI|" + "A~" * 1_000 + "\rPID|"),
    "hl7-77": Wire().msg(MSH, PID + '|||||""'),
    "hl7-78": Wire().msg(*PLAIN, OBX.replace("|K|", "|GLU|")),
    "hl7-79": one("^^^^PatientNO", "^^^^PatientNO~X^^^^IdentifyNO~Y^^^^IDCard"),
    "hl7-80": one("PID|", "ZPI|1\rPID|"),
    "hl7-81": Wire().msg(MSH, "PV1|1|I", PID),
    "hl7-82": one("|2.4|", "|2.8.1|"),
    "hl7-83": value("ZZ", "1"),
    "hl7-84": value("NM", "007"),
    "hl7-85": one("|N|||F", "|HH|||F"),
    "hl7-86": Wire().msg(
        MSH.replace("080000|", "080000.120+0800|"), PID.replace("19700101083000", "19700101")
    ),
    "hl7-87": Wire().msg(MSH, PID + "|||||1|2"),
    "hl7-88": Wire().msg(MSH, PID, "ORC|CA|O1"),
    "hl7-89": Wire().msg(*ADT),
    "hl7-90": one("^^^^PatientNO", "^^^^PatientNO~^^^^IdentifyNO"),
    "hl7-91": value("TX", "x" * 300_000),
    "hl7-92": upgraded().msg(*PLAIN).msg(*kind("ADT^A01")).msg(*kind("ADT^A08")),
    "hl7-93": value("ED", "^application^pdf^Base64^JVBERi0="),
}  # fmt: skip


def test_a_plain_exchange_shows_nothing():
    assert shown_classes(Wire().link("opened").msg(*PLAIN).ack().records) == []


def test_nothing_is_read_from_other_links():
    records = [one | {"link": "analyzer-lis-hl7"} for one in CASES["hl7-53"].records]

    assert shown_classes(records) == []


def test_every_row_has_a_case():
    assert {*CASES} == {*CLASSES}


@pytest.mark.parametrize("row", CLASSES)
def test_the_wire_shows_the_row(row):
    assert row in shown_classes(CASES[row].records)


@pytest.mark.parametrize(
    ("row", "wire"),
    [
        ("hl7-21", Wire().read(b"\x16\x03\x03" + SERVER, frm="HIS").read(b"\x16" + SERVER)),
        ("hl7-21", Wire().read(b"\x16\x03\x01..\x01...\x03\x03" + bytes(32))),
        ("hl7-27", Wire().read(b"\x16\x03\x03..", frm="HIS").read(b"\x0bXX\x1c\r")),
        ("hl7-10", Wire().msg(*PLAIN).ack().after(9.0).link("closed").msg(*M2, conn="c2")),
        ("hl7-13", Wire().link("opened").link("closed").msg(*PLAIN)),
        ("hl7-16", Wire().read(b"\x0bMSH|half").link("closed").msg(*PLAIN, conn="c2")),
        ("hl7-18", Wire().link("closed").msg(*PLAIN).ack().link("closed")),
        ("hl7-23", Wire().msg(*PLAIN).msg(*M2).ack().ack(*ACK2)),
        ("hl7-25", Wire().msg(*PLAIN).ack().msg(*M2).ack(*ACK2)),
        ("hl7-26", Wire().msg(*PLAIN).link("closed").msg(*M2, conn="c2")),
        ("hl7-48", Wire().msg(*PLAIN).msg(*PLAIN)),
        ("hl7-52", Wire().msg(*(row.replace("|||F", "|||P") for row in PLAIN)).ack().msg(*M2)),
        ("hl7-72", value("ST", r"a\F\b\.br\c")),
        ("hl7-89", Wire().msg(*(row.replace("MRG|P1", "MRG|P2") for row in ADT))),
        ("hl7-61", Wire().msg(GB, PID.replace("Zhao", "赵"), codec="gb18030")),
    ],
)
def test_what_is_near_a_row_is_not_the_row(row, wire):
    assert row not in shown_classes(wire.records)


def test_the_table_takes_them_together_with_those_of_analyzers():
    assert "hl7-53" in shown_with_lab(CASES["hl7-53"].records)


@pytest.mark.parametrize(
    "greeting",
    [
        b"\x16\x03\x01..\x01...\x03\x01" + bytes(32),
        b"\x16\x03\x03..\x17\r260101000000Z\x17\r260301000000Z" + b"\x0b\0\0\3\0\0\0",
    ],
)
def test_old_greetings_and_empty_certificates_are_seen(greeting):
    assert "hl7-21" in shown_classes(Wire().read(greeting).records)
