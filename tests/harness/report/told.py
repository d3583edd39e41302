"""Runs of a real HIS whose traces tell who somebody is, in every way that the interfaces have."""

import json

from harness.clock import VirtualClock
from harness.evidence.trace import Trace, pack
from harness.link.dicom import payload_of
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.report import run
from harness.wire.dicom_items import Context, Items
from harness.wire.dicom_pdu import Associate, Data, Pdv

NAME, CARD, PHONE = "测试欧阳", "99990119900307451X", "13900000017"
ADDRESS = "某某市无名街88号"
SYSTEMS = [{"role": "HIS", "mode": "real"}, {"role": "centre", "mode": "simulated"}]
SENTENCE = {
    "keyword": "那么",
    "kind": "then",
    "text": "结算成立",
    "line": 3,
    "table": [],
    "doc": "",
}
SCENARIO = {"id": "one", "name": "结算", "interface": "HIS-YB"}


def made(tmp_path, says, *records, profile=None, words=()):
    """A run of a real HIS with these records, and a note that says something of its own."""
    folder = tmp_path / "run"
    plan = {"format": 1, "started": "2026-03-02T09:30:00+08:00", "seed": 1, "systems": SYSTEMS,
            "scenarios": [SCENARIO], "profile": profile or {}, "command": list(words)}  # fmt: skip
    (folder / "traces").mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    trace = Trace(VirtualClock(), folder / "traces" / "one.jsonl")
    trace.add("open", format=1, scenario=SCENARIO, seed=1, systems=SYSTEMS, sentences=[SENTENCE])
    trace.add("step", index=0, keyword="那么", text=SENTENCE["text"], line=3)
    for kind, fields in (http(b"{}"), *records):  # without a message nothing is drawn
        trace.add(kind, **fields)
    trace.add("note", text=f"卡 1 {says}")
    trace.seal("error")
    run.write(folder, masked=True)
    return folder


def http(body, protocol="http"):
    return ("message", {"frm": "HIS", "to": "centre", "link": "a", "interface": "HIS-YB",
                        "type": "1101", "protocol": protocol, "raw": pack(body), "corr": {}})  # fmt: skip


def insured(**members):
    data = {"psn_name": NAME, "certno": CARD, "tel": PHONE, "addr": ADDRESS, "brdy": "1990-03-07"}
    return {"infno": "1101", "input": {"data": data | members}}


def written(value, *, ascii_only=False, codec="utf-8"):
    return json.dumps(value, ensure_ascii=ascii_only).encode(codec)


def stored(data, syntax):
    """A C-STORE as its association says it, cut where no element ends."""
    body = payload_of(data, syntax)
    context = Context(id=1, transfer_syntaxes=[syntax], result=0)
    half = len(body) // 2 + 1
    pieces = [Pdv(context=1, command=False, last=last, data=one)
              for one, last in ((body[:half], False), (body[half:], True))]  # fmt: skip
    said = [("HIS", Associate().encode()),
            ("centre", Associate(accepted=True, items=Items(contexts=[context])).encode()),
            *(("HIS", Data(values=[one]).encode()) for one in pieces)]  # fmt: skip
    return [("bytes", {"link": "store", "conn": "store#1", "interface": "PACS-DIMSE", "frm": frm,
                       "to": "PACS", "raw": pack(data)}) for frm, data in said]  # fmt: skip


def image(**more):
    return DataSet.of({"SpecificCharacterSet": "ISO_IR 192", "PatientID": "P77",
                       "PatientName": f"Ce^Shi={NAME[:2]}^{NAME[2:]}", **more})  # fmt: skip


CARD_OF = ("command", {
    "role": "HIS", "name": "yb-bill", "args": {"name": NAME, "phone": PHONE, "patient_id": "P77"},
    "outcome": "ok", "value": None, "card": 1, "workstation": "窗口", "operator": "x",
    "captured": {}, "attachments": [],
})  # fmt: skip

TOLD = {
    "a name in a 1101": [http(written(insured()))],
    "in GB 18030": [http(written(insured(), codec="gb18030"))],
    "as escapes of JSON": [http(written(insured(), ascii_only=True))],
    "JSON in a string": [http(written({"body": json.dumps(insured(), ensure_ascii=False)}))],
    "XML": [http(f"<psn_name>{NAME}</psn_name>".encode(), "soap")],
    "an element of HL7 v3": [http(f"<patient><id/><name>{NAME}</name></patient>".encode(), "soap")],
    "DICOM JSON": [http(written({"00100010": {"vr": "PN", "Value": [{"Ideographic": NAME}]}}))],
    "of a protocol without a reader": [http(written(insured()), "odd")],
    "implicit DICOM": stored(image(), IMPLICIT),
    "explicit DICOM": stored(image(), EXPLICIT),
    "the arguments of a card": [CARD_OF],
}
