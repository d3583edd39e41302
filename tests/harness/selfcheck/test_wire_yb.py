"""Fault classes of settlement read from the wire: typed HTTP, with and without the fault."""

import io
import json
import zipfile

import pytest

from harness.evidence.line import pack
from harness.selfcheck.wire_classes import shown_classes as shown_with_all
from harness.selfcheck.wire_yb import shown_classes
from harness.selfcheck.wire_yb_causes import CLASSES
from harness.selfcheck.wire_yb_faults import ON_CONNECT, SHOWN

SETL = {
    "setl_id": "S1", "mdtrt_id": "V1", "psn_no": "P1", "medins_setl_id": "M1",
    "setl_time": "2026-01-05 08:00:00", "clr_type": "11", "medfee_sumamt": 186.50,
    "fulamt_ownpay_amt": 26.50, "overlmt_selfpay": 0, "preselfpay_amt": 6.00,
    "inscp_scp_amt": 154.00, "hifp_pay": 93.80, "fund_pay_sumamt": 93.80, "hosp_part_amt": 0,
    "psn_part_amt": 92.70, "acct_pay": 50.00, "psn_cash_pay": 42.70,
}  # fmt: skip
"""The worked visit of the interface's rules."""

DETAIL = [{"fund_pay_type": "310100", "fund_payamt": 93.80}]
PAID = {"setlinfo": SETL, "setldetail": DETAIL}
ROW = {"psn_no": "P1", "medins_setl_id": "M1", "refd_setl_flag": "0", "mdtrt_id": "V1"}


class Wire:
    """Records of calls from a HIS to the centre; every call over a connection of its own."""

    def __init__(self):
        self.records = []
        self.t = 0.0
        self.conns = 0

    def add(self, kind, **more):
        head = {"n": len(self.records) + 1, "t": self.t, "kind": kind}
        self.records.append(head | more)
        return self

    def link(self, kind, **more):
        ends = {"interface": "HIS-YB", "conn": f"c{self.conns}", "frm": "HIS", "to": "centre"}
        return self.add(kind, **(ends | more))

    def asks(self, infno="2207", msgid="M1", insuplc="430100", **row):
        self.conns += 1
        data = {"psn_no": "P1", "mdtrt_id": "V1", "insutype": "310"} | row
        body = json.dumps(
            {
                "infno": infno, "msgid": msgid, "inf_time": "2026-01-05 08:00:00",
                "mdtrtarea_admvs": "430100", "insuplc_admdvs": insuplc, "input": {"data": data},
            }
        ).encode()  # fmt: skip
        self.link("link", event="opened", reason="")
        return self.link("bytes", raw=pack(head(b"POST /x HTTP/1.1", body) + body))

    def gets(self, data):
        return self.link("bytes", frm="centre", to="HIS", raw=pack(data))

    def says(self, output=None, code=0, said="", **more):
        body = json.dumps(
            {"infcode": code, "err_msg": said, "respond_time": "20260105080000000",
             "output": {} if output is None else output} | more, ensure_ascii=False,
        ).encode()  # fmt: skip
        return self.body(body)

    def body(self, body, status=b"200 OK"):
        return self.gets(head(b"HTTP/1.1 " + status, body) + body).ends("by the peer")

    def ends(self, reason="by us, reset"):
        return self.link("link", event="closed", reason=reason)

    def after(self, seconds):
        self.t += seconds
        return self

    def fault(self, action, detail="2207 M1"):
        return self.add(
            "fault", event="fired", id="C1", fault_class=f"yb-{action}", layer="message",
            action=action, detail=detail,
        )  # fmt: skip

    def book(self, *rows):
        return self.add("probe", probe="centre-ledger", args={"psn_no": "P1"}, rows=list(rows))

    @property
    def shown(self):
        return {*shown_classes(self.records)}


def head(first, body):
    return first + b"\r\nContent-Length: %d\r\n\r\n" % len(body)


def zipped(*texts):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for nth, text in enumerate(texts):
            archive.writestr(f"{nth}.txt", text)
    return packed.getvalue()


def settled(**changed):
    return {"setlinfo": SETL | changed, "setldetail": DETAIL}


def plain():
    return Wire().asks().says(PAID)


HALF = head(b"HTTP/1.1 200 OK", b"x" * 80) + b"x" * 40
UNDO = {"infno": "2601", "msgid": "M2", "omsgid": "M1"}

FAULTS = {
    "F0": lambda: Wire().asks("1101").says().asks().ends().fault("F0", "connect"),
    "F1": lambda: Wire().asks().after(5).ends("by the peer, reset").fault("F1"),
    "F2": lambda: Wire().asks().ends().book().fault("F2"),
    "F3": lambda: Wire().asks().ends().book(ROW).fault("F3"),
    "F4": lambda: Wire().asks().gets(HALF).ends().fault("F4"),
    "F5": lambda: Wire().asks().after(1).says(PAID).fault("F5"),
    "F6": lambda: Wire().asks().body(b"<html/>", b"502 Bad Gateway").fault("F6"),
    "F7": lambda: Wire().asks().says({"setlinfo": [SETL], "setldetail": DETAIL}).fault("F7"),
    "F8": lambda: Wire().asks().says(code=-1, said="x").book(ROW).fault("F8"),
    "F9": lambda: Wire().asks().says(PAID).book().fault("F9"),
    "F10": lambda: Wire().asks().says(code=-1, said="x").book(ROW).fault("F10"),
    "F11": lambda: Wire().asks().says(settled(medins_setl_id="M0")).fault("F11"),
    "F12": lambda: dripped().fault("F12"),
    "F13": lambda: Wire().asks().says(settled(setl_time="2026-01-06 08:00:00")).fault("F13"),
    "F14": lambda: Wire().asks().body(b'{"code":401,"message":"x"}').fault("F14"),
    "F15": lambda: Wire().asks(**UNDO).says(code=-1, said="x").fault("F15", "2601 M2"),
    "F16": lambda: (
        Wire().asks("2208", setl_id="S1").says(code=-1, said="此前已撤销").book().fault("F16")
    ),
    "F17": lambda: Wire().asks("9102").body(zipped()).fault("F17"),
    "F18": lambda: (
        Wire()
        .asks("3201").says({"stmtinfo": {"stmt_rslt": "1"}})
        .asks("3201", "M2").says({"stmtinfo": {"stmt_rslt": "0"}}).fault("F18")
    ),
    "F19": lambda: Wire().asks().says(settled(psn_cash_pay=42.71)).fault("F19"),
    "F20": lambda: Wire().asks("6202").says({"data": {}}).fault("F20"),
    "F21": lambda: Wire().asks().says(code=-1, said="系统维护中").fault("F21"),
    "F22": lambda: Wire().asks().body(b'{"code":429}', b"429 Too Many").fault("F22"),
    "F23": lambda: Wire().asks().ends("by us").fault("F23", "connect"),
}  # fmt: skip
"""The bytes of each fault."""

INNOCENT = {
    "F2": lambda: Wire().asks().ends().book(ROW).fault("F2"),
    "F3": lambda: Wire().asks().ends().book().fault("F3"),
    "F8": lambda: Wire().asks().says(code=-1, said="x").book().fault("F8"),
    "F9": lambda: Wire().asks().says(PAID).book(ROW).fault("F9"),
    "F17": lambda: Wire().asks("9102").body(zipped("a\tb\n")).fault("F17"),
    "F18": lambda: Wire().asks("3201").says({"stmtinfo": {"stmt_rslt": "1"}}).fault("F18"),
    "F20": lambda: Wire().asks("6202").says({"data": {}}).asks("6302", "M9").says({}).fault("F20"),
}
"""Where the same fault says that it fired, and what became of the call denies it."""


def dripped():
    wire = Wire().asks()
    body = json.dumps({"infcode": 0, "err_msg": "", "output": PAID}).encode()
    data = head(b"HTTP/1.1 200 OK", body) + body
    for at in range(0, len(data), 200):
        wire.after(0.05).gets(data[at : at + 200])
    return wire.ends("by the peer")


def test_every_fault_has_bytes_here():
    assert {*FAULTS} == {*SHOWN} | {*ON_CONNECT}


@pytest.mark.parametrize("action", FAULTS)
def test_a_fault_is_seen_in_the_bytes(action):
    assert f"yb-{action}" in FAULTS[action]().shown


@pytest.mark.parametrize("action", FAULTS)
def test_a_fault_that_did_not_fire_is_not_seen(action):
    wire = FAULTS[action]()
    wire.records = [one for one in wire.records if one["kind"] != "fault"]
    assert not {one for one in wire.shown if one.startswith("yb-F")}


@pytest.mark.parametrize("action", [*SHOWN])
def test_a_fault_that_says_it_fired_and_left_the_answer_whole_is_not_seen(action):
    wire = INNOCENT.get(action, lambda: plain().fault(action))()
    assert f"yb-{action}" not in wire.shown


def test_rows_are_part_of_what_a_trace_shows():
    records = [one | {"w": "", "raw": one.get("raw", "")} for one in FAULTS["F13"]().records]
    assert {"yb-F13", "yb-9"} <= {*shown_with_all(records)}


# -- causes ----------------------------------------------------------------------------------------


def refund(**more):
    return Wire().asks().says(PAID).asks("2208", "M2", setl_id="S1", **more)


CAUSES = {
    "yb-1": lambda: Wire().asks().ends().asks(**UNDO).says(),
    "yb-2": lambda: (
        plain()
        .add("fault", event="fired", layer="process", action="kill", id="F1", fault_class="hl7-29")
        .asks(**UNDO).says()
    ),
    "yb-4": lambda: plain().add("command", name="yb-settle", args={"bill_no": "B"}).add(
        "command", name="yb-settle", args={"bill_no": "B"}
    ),
    "yb-5": lambda: refund().ends().book(ROW | {"medins_setl_id": "M2", "refd_setl_flag": "1"}),
    "yb-6": lambda: refund().says(code=-1, said="此前已撤销"),
    "yb-7": lambda: plain().book(ROW | {"medins_setl_id": "X", "refd_setl_flag": "1"}),
    "yb-8": lambda: plain().asks(**UNDO).ends(),
    "yb-9": lambda: Wire().asks().says(settled(setl_time="2026-01-06 00:00:01")),
    "yb-10": lambda: refund().says(settled(setl_time="2026-02-01 08:00:00")),
    "yb-11": lambda: Wire().asks(insuplc="110000").says(PAID),
    "yb-12": lambda: Wire().asks(insutype="390").says(PAID),
    "yb-13": lambda: refund().says(PAID).asks(msgid="M3").says(settled(medfee_sumamt=100)),
    "yb-14": lambda: Wire().asks("2204").says({"result": [{"fulamt_ownpay_amt": 3}]}),
    "yb-15": lambda: Wire().asks("2204").ends().asks("2205", "M2").says(),
    "yb-16": lambda: (
        Wire().asks("2206", "M0").says(PAID)
        .asks().says(settled(acct_pay=40.00, psn_cash_pay=52.70))
    ),
    "yb-20": lambda: Wire().asks().says({"setlinfo": [SETL], "setldetail": DETAIL}),
    "yb-22": FAULTS["F20"],
    "yb-23": lambda: (
        Wire().asks("6203").ends().asks("6301", "M2").says()
        .book(ROW | {"refd_setl_flag": "1"})
    ),
    "yb-24": lambda: Wire().asks().says(code=-1, said="操作员[1]未签到"),
    "yb-25": lambda: Wire().asks().says(code=-1, said="[data]mdtrt_mode(就诊方式)：必填"),
    "yb-26": lambda: Wire().asks("2402").ends(),
    "yb-28": FAULTS["F10"],
}  # fmt: skip


def test_every_cause_has_bytes_here():
    assert {*CAUSES} == {*CLASSES}


@pytest.mark.parametrize("row", CAUSES)
def test_a_cause_is_seen(row):
    assert row in CAUSES[row]().shown


def test_a_plain_settlement_shows_nothing():
    assert plain().book(ROW).shown == set()
    assert refund().says(settled(medins_setl_id="M2")).shown == set()


def test_a_changed_cent_is_no_change_of_insurance():
    wire = Wire().asks("2206", "M0").says(PAID).asks().says(settled(psn_cash_pay=42.71))
    assert wire.shown == set()


def test_bytes_that_are_no_request_show_nothing():
    wire = Wire()
    wire.conns = 1
    wire.link("bytes", raw=pack(b"\x00\xff GET")).fault("F3")
    assert wire.shown == set()
