"""Fault classes read from the wire: hand-typed messages, with and without what the row is about."""

import json

import pytest

from harness.evidence.line import pack
from harness.selfcheck.wire_classes import CLASSES, shown_classes
from harness.selfcheck.wire_story import Story

HEAD = "H|\\^&|1||CHEM|||||||P|1|20260105080000"
PLAIN = [
    HEAD,
    "P|1|P001|||Zhao Yi||19700101|M",
    "O|1|MH0000000001||^^^K|R||||||||||||||||||||F",
    "R|1|^^^K|4.10|mmol/L||N||F||||20260105080000",
    "L|1|N",
]


WALL = "2026-01-05T08:00:00.000+08:00"


def astm(*records, sender="analyzer", n=10, conn="c1", receiver="LIS", wall=WALL):
    raw = "".join(f"{one}\r" for one in records).encode("gb18030")
    return {
        "n": n, "t": 0.0, "w": wall, "kind": "message", "conn": conn,
        "link": "analyzer-lis", "frm": sender, "to": receiver, "protocol": "astm",
        "type": "astm result", "encoding": "gb18030", "raw": pack(raw), "corr": {},
    }  # fmt: skip


def changed(number, old, new, **more):
    """The plain message with one record written otherwise."""
    records = list(PLAIN)
    assert old in records[number]
    records[number] = records[number].replace(old, new)
    return astm(*records, **more)


def hl7(text, *, sender="analyzer", receiver="LIS", n=10, kind="ORU^R01", conn="h1", **corr):
    return {
        "n": n, "t": 0.0, "w": "2026-01-05T08:00:00.000+08:00", "kind": "message", "conn": conn,
        "link": "analyzer-lis-hl7", "frm": sender, "to": receiver, "protocol": "hl7",
        "type": kind, "raw": pack(text.replace("\n", "\r").encode()), "corr": corr,
    }  # fmt: skip


def order(barcode="MH0000000001", control="NW", patient="P001", n=1):
    text = (
        f"MSH|^~\\&|HIS||LIS||20260105080000||OML^O21|{n}|P|2.5.1\n"
        f"PID|1||{patient}^^^^PatientNO\nORC|{control}|O1\nOBR|1|O1||K\n"
    )
    return hl7(text, sender="HIS", kind="OML^O21", n=n, barcode=barcode)


def result(control_id, value, n=10, time="20260105080000"):
    text = (
        f"MSH|^~\\&|BS||LIS||20260105080000||ORU^R01|{control_id}|P|2.5.1\n"
        f"OBR|1|MH0000000001\nOBX|1|NM|1||{value}|mmol/L||N|||F|||{time}\n"
    )
    return hl7(text, n=n)


def command(name, n=2, role="LIS", **args):
    return {"n": n, "t": 0.0, "kind": "command", "role": role, "name": name, "args": args}


def driver(items=(), sender="CHEM", **settings):
    return command("configure_analyzer", sender=sender, items=json.dumps(list(items)), **settings)


def row(channel="K", item="K", **more):
    return {"channel": channel, "item": item, "texts": {}, "unit": "", "factor": ""} | more


def rules():
    return command("critical_rules", rules=json.dumps([{"item": "K", "low": "2.8", "high": "6.2"}]))


def sent(data, link="analyzer-lis"):
    return {
        "n": 5, "t": 0.0, "kind": "bytes", "link": link, "frm": "analyzer", "conn": "c1",
        "raw": pack(data),
    }  # fmt: skip


def opened(n):
    return {"n": n, "kind": "link", "event": "opened", "link": "analyzer-lis", "conn": "c"}


def alert(n=20):
    text = "MSH|^~\\&|LIS||HIS||20260105080000||ORU^R40|9|P|2.5.1\nPID|1\n"
    return hl7(text, sender="LIS", receiver="HIS", kind="ORU^R40", n=n)


BASE = [order(), changed(3, "20260105080000", "20260115080000",
                         wall="2026-01-15T08:00:00.000+08:00")]  # fmt: skip
"""An ordinary upload for an ordinary order."""

TWO_TUBES = [*PLAIN[:-1], *(one.replace("0001|", "0002|") for one in PLAIN[1:])]
KILLED = {"n": 3, "kind": "fault", "event": "fired", "action": "kill"}
QUESTION = "Q|1|^MH0000000001||ALL||||||||O"


def columns(text, decimals="WBC:1 PLT:0"):
    """A port that was told its decimals, and one block of a KX-21, typed column by column."""
    return [
        command("configure_port", setup={"decimals": decimals}),
        {
            "n": 10, "t": 0.0, "kind": "bytes", "conn": "f1", "link": "analyzer-lis-framed",
            "frm": "analyzer", "to": "LIS", "raw": pack(b"\x02D1U260105" + text + b"\x03"),
        },
    ]  # fmt: skip


def for_some(ward, value, high="7.5", told="W03"):
    """A general rule and one of a ward, a patient of a ward, and a result."""
    admitted = hl7(
        "MSH|^~\\&|HIS||LIS||1||ADT^A01|9|P|2.5.1\n"
        f"PID|1||P001^^^^PatientNO\nPV1|1|I|{ward}^^12\n",
        sender="HIS", kind="ADT^A01", n=1,
    )  # fmt: skip
    found = [
        {"item": "K", "low": "2.8", "high": "6.2"},
        {"item": "K", "low": "2.8", "high": high, "ward": told},
    ]
    told_rules = command("critical_rules", n=3, rules=json.dumps(found))
    return [admitted, order(n=2), told_rules, changed(3, "4.10", value)]


SHOWN = {
    "lab-11": [sent(b"\x05"), sent(b"\x05") | {"n": 6, "frm": "LIS"}],
    "lab-19": [sent(b"\x021R|1|4.\x17AB\r\n")],
    "lab-20": [sent(b"\x021P|1\rO|1\r\x03AB\r\n")],
    "lab-21": [sent(b"\x021" + b"R" * 239 + b"\r\x03AB\r\n")],
    "lab-22": [sent(b"\x05\x04\x05")],
    "lab-28": [astm(*PLAIN), changed(0, "CHEM", "HEMA"), opened(1), opened(2)],
    "lab-30": [changed(0, "H|\\^&", "H|\\!~")],
    "lab-31": [changed(3, "4.10", "a&F&b")],
    "lab-32": [changed(4, "L|1|N", "L|1")],
    "lab-33": [astm(HEAD, PLAIN[1], PLAIN[3], PLAIN[2], "L|1|N")],
    "lab-34": [astm(*TWO_TUBES)],
    "lab-35": [sent(b"\x05\x021H|a\r\x03AB\r\n\x022L|1\r\x03AB\r\n\x023H|b\r\x03AB\r\n\x04")],
    "lab-36": [changed(2, "O|1", "O|2")],
    "lab-37": [changed(2, "O|1", "o|1")],
    "lab-38": [changed(1, "Zhao Yi", "")],
    "lab-39": [driver([row("GLU", "GLU")]), astm(*PLAIN)],
    "lab-40": [astm(*PLAIN), changed(0, "CHEM", "CHEM2"), opened(1)],
    "lab-41": [result("1", "4.1"), result("1", "4.2", n=12)],
    "lab-42": [KILLED, result("1", "4.1")],
    "lab-43": [result("1", "4.1"), result("2", "4.2", n=12)],
    "lab-44": [sent(b"\x02\x02\x0bMSH", "analyzer-lis-hl7")],
    "lab-46": [astm(*PLAIN[:4], "M|1|HISTOGRAM|" + "A" * 600, "L|1|N")],
    "lab-47": [
        result("1", "4.1"),
        hl7("MSH|^~\\&|BS||LIS||20260105080000||OUL^R22|2|P|2.5.1\nOBX|1|NM|1||4.2\n", n=12),
    ],
    "lab-48": [changed(2, "MH0000000001", "   MH0000000001")],
    "lab-49": [astm(*TWO_TUBES)],
    "lab-50": [astm(HEAD, "Q|1|1^7^MH0000000001", "L|1|N")],
    "lab-51": [changed(2, "MH0000000001", "赵一")],
    "lab-52": [changed(2, "MH0000000001", "@0042")],
    "lab-53": [order(), changed(2, "MH0000000001", "0001")],
    "lab-55": [driver([row("K", "K")]), driver([row("K", "CL")], sender="HEMA"), astm(*PLAIN)],
    "lab-56": [order(), changed(2, "MH0000000001", "MH0000000001-S1")],
    "lab-57": [order(), changed(1, "P001", "P002")],
    "lab-58": [
        order(), order("MH0000000002", n=2), command("rerun", barcode="MH0000000001", item="K"),
    ],
    "lab-59": [order(), order(control="CA", n=3), astm(*PLAIN)],
    "lab-60": [changed(3, "4.10", "<0.5")],
    "lab-61": [changed(3, "4.10", "4,10")],
    "lab-62": columns(b"MH0000000001   " + b"00910" + b"02120"),
    "lab-63": [changed(3, "mmol/L", "10*9/L")],
    "lab-64": [driver([row(unit="mg/dL")]), astm(*PLAIN)],
    "lab-66": [changed(3, "4.10", "-----")],
    "lab-67": [changed(3, "4.10", "-1^4.10")],
    "lab-68": [astm(*PLAIN[:4], PLAIN[3].replace("4.10", "560"), "L|1|N")],
    "lab-69": [astm(*PLAIN[:4], PLAIN[3].replace("mmol/L", "mg/dL"), "L|1|N")],
    "lab-70": [changed(3, "|N||F", "|HH||F")],
    "lab-71": [changed(3, "|N||F", "|N||P")],
    "lab-74": [astm(*PLAIN[:4], "C|1|I|hemolysis|I", "L|1|N")],
    "lab-76": [driver([row(texts={"4.10": "x"})]), astm(*PLAIN)],
    "lab-77": [changed(3, "4.10", "a text of some length")],
    "lab-78": [changed(2, "^^^K|R||||||", "^^^K|R||||||Q")],
    "lab-79": [changed(1, "Zhao Yi", "")],
    "lab-80": [driver(background_prefix="MH00"), astm(*PLAIN)],
    "lab-81": [driver(calibration_prefix="MH00"), astm(*PLAIN)],
    "lab-82": [
        astm(*(one.replace("R||||||", "R||||||Q").replace("MH0000000001", lot) for one in PLAIN))
        for lot in ("LOT1", "LOT2")
    ],
    "lab-83": [changed(0, "|P|1|", "|T|1|")],
    "lab-87": [astm(*PLAIN), changed(3, "4.10", "5.10", n=12)],
    "lab-88": [astm(*PLAIN), astm(*PLAIN, n=12)],
    "lab-89": [changed(3, "|N||F", "|N||C")],
    "lab-90": [astm(*PLAIN), order(n=12)],
    "lab-93": [changed(3, "20260105080000", "20260105071500")],
    "lab-94": [changed(3, "20260105080000", "20260203080000")],
    "lab-95": [order(), astm(HEAD, QUESTION, "L|1|N")],
    "lab-96": [astm(HEAD, QUESTION, "L|1|N")],
    "lab-97": [astm(HEAD, QUESTION.replace("0001|", "0001\\^MH0000000002|"), "L|1|N")],
    "lab-98": [astm(*PLAIN, "C|1|" + "x" * 250, sender="LIS", receiver="analyzer")],
    "lab-101": [changed(1, "Zhao Yi", "赵一")],
    "lab-102": [changed(1, "Zhao Yi", "赵瑋")],
    "lab-103": [changed(1, "Zhao Yi", "拢录")],
    "lab-104": [
        hl7("MSH|^~\\&|BS||LIS||1||ORU^R01|2|P|2.3.1||||||UNICODE\nOBX|1|ST|1||阳性\n"),
    ],
    "lab-105": [changed(1, "Zhao Yi", "赵一", sender="LIS", receiver="analyzer")],
    "lab-107": [rules(), changed(3, "4.10", ">9.00")],
    "lab-108": for_some("W03", "6.90"),
    "lab-109": [driver([row(factor="0.0555")]), rules(), astm(*PLAIN)],
    "lab-110": [rules(), astm(*PLAIN), astm(*PLAIN, n=12)],
    "lab-111": [alert(), alert(n=25)],
    "lab-112": [alert(), command("correct", n=30, barcode="MH0000000001")],
}  # fmt: skip
"""The least that shows each row."""


def test_every_row_has_its_case():
    assert {*SHOWN} == {*CLASSES}


@pytest.mark.parametrize("row_id", SHOWN)
def test_a_row_shows_itself(row_id):
    assert row_id in shown_classes(SHOWN[row_id])


@pytest.mark.parametrize("row_id", SHOWN)
def test_an_ordinary_upload_shows_nothing_of_it(row_id):
    assert row_id not in shown_classes(BASE)


def test_an_empty_trace_shows_nothing():
    assert shown_classes([]) == []


# -- what must not be taken for it -------------------------------------------------------------------


def test_a_repeat_over_another_connection_is_no_burst():
    again = result("2", "4.2", n=12) | {"conn": "h2"}

    assert "lab-43" not in shown_classes([result("1", "4.1"), again])


def test_a_question_about_everything_is_about_many_and_about_no_tube():
    asked = astm(HEAD, "Q|1|ALL||ALL||||||||O", "L|1|N")

    assert {"lab-95", "lab-97"} <= {*shown_classes([order(), asked])}
    assert "lab-96" not in shown_classes([order(), asked])


def test_calls_that_are_answered_are_no_contention():
    ours, theirs = sent(b"\x05"), sent(b"\x05") | {"n": 7, "frm": "LIS"}
    between = sent(b"\x06") | {"n": 6, "frm": "LIS"}

    assert "lab-11" not in shown_classes([ours, between, theirs])
    assert "lab-11" not in shown_classes([ours, theirs | {"conn": "c2"}])


def test_two_analyzers_of_one_name_are_one():
    found = shown_classes([astm(*PLAIN), astm(*PLAIN, n=12), opened(1), opened(2)])

    assert not {"lab-28", "lab-40"} & {*found}


def test_an_acknowledged_alert_is_no_lost_one():
    heard = command("acknowledge", role="HIS", n=22)

    assert "lab-111" not in shown_classes([alert(), heard, alert(n=25)])


def test_the_driver_that_was_taken_back_at_the_end_is_not_the_last_word():
    story = Story([driver([row()]), command("configure_analyzer", n=99, sender="CHEM")])

    assert list(story.drivers["CHEM"].items) == ["K"]


@pytest.mark.parametrize("records", [
    columns(b"MH0000000001   " + b"*0000" + b"02120"),  # not measured
    columns(b"MH0000000001   " + b"00910" + b"02120", decimals="WBC:0 PLT:0"),
    columns(b"MH0000000001   " + b"00910" + b"02120", decimals="WBC:1"),
    columns(b"MH0000000001   " + b"9.100" + b"02120"),
])  # fmt: skip
def test_columns_of_whole_numbers_imply_no_decimals(records):
    assert "lab-62" not in shown_classes(records)


@pytest.mark.parametrize(("ward", "value"), [("W04", "6.90"), ("W03", "4.10"), ("W03", "7.90")])
def test_a_rule_for_some_shows_where_it_judges_otherwise(ward, value):
    """Not in another ward, and not where both rules say the same."""
    assert "lab-108" not in shown_classes(for_some(ward, value))
