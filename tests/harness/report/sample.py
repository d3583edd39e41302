"""A synthetic run folder, written with the real journal: every verdict, faults, a killed run.

The messages are typed by hand after LIS02-A2 §5-§15 and HL7 2.5.1 chapters 2, 3 and 7; every person
is invented.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harness.clock import CHINA, VirtualClock
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.evidence.trace import Trace, pack
from harness.model import Place

STARTED = datetime(2026, 3, 2, 9, 30, tzinfo=CHINA)
NAME = "测试甲陈"
ID_CARD = "99990119900307451X"
PHONE = "13900000017"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x07"

ASTM = (
    "H|\\^&|||SYN-800^01.02|||||||P|1|20260302093001\r"
    f"P|1|M260001|||{NAME}||19900307|F\r"
    "O|1|2603020017||^^^GLU|R\r"
    "R|1|^^^GLU|5.62|mmol/L|3.90^6.10|N||F||||20260302092955\r"
    "R|2|^^^K|4.10|mmol/L|3.50^5.30|N||F||||20260302092957\r"
    "L|1|N\r"
).encode("gb18030")


def oru(control: str, value: str = "5.62", unit: str = "mmol/L", flag: str = "N") -> bytes:
    """ORU^R01 of a glucose result, GB18030 as MSH-18 says."""
    return (
        f"MSH|^~\\&|LIS|HOSPITAL|HIS|HOSPITAL|20260302093003||ORU^R01^ORU_R01|{control}|P|2.4"
        "|||||CHN|GB 18030-2000\r"
        f"PID|1||M260001^^^^PatientNO~{ID_CARD}^^^^IdentifyNO||{NAME}||19900307|F|||||{PHONE}\r"
        "PV1|1|I|W03^^12\r"
        "ORC|RE|260302A0017\r"
        "OBR|1|260302A0017|2603020017|LAB\r"
        f"OBX|1|NM|GLU||{value}|{unit}|3.90-6.10|{flag}|||F|||20260302092955\r"
        "OBX|2|NM|K||4.10|mmol/L|3.50-5.30|N|||F|||20260302092957\r"
    ).encode("gb18030")


def ack(control: str, code: str = "AA") -> bytes:
    """ACK of ``control``."""
    return (
        f"MSH|^~\\&|HIS|HOSPITAL|LIS|HOSPITAL|20260302093004||ACK^R01|A{control}|P|2.4\r"
        f"MSA|{code}|{control}\r"
    ).encode("ascii")


@dataclass
class Writer:
    """One scenario while it is written."""

    folder: Path
    plan: dict
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(STARTED))
    trace: Trace = None
    sentences: list = field(default_factory=list)

    def open(self, *sentences: tuple[str, str, str]) -> None:
        path = self.folder / "traces" / f"{self.plan['id']}.jsonl"
        self.trace = Trace(clock=self.clock, path=path)
        self.sentences = [
            {
                "keyword": keyword,
                "kind": kind,
                "text": text,
                "line": self.plan["line"] + 1 + at,
                "table": [],
                "doc": "",
            }
            for at, (keyword, kind, text) in enumerate(sentences)
        ]
        self.trace.add(
            "open",
            format=1,
            scenario=self.plan,
            seed=7_000_000 + self.plan["line"],
            harness_version="0.1.0",
            profile={"name": "built-in", "hash": "3f" * 32},
            transport="tcp",
            sentences=self.sentences,
        )

    def later(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now() + seconds)

    def step(self, index: int) -> None:
        one = self.sentences[index]
        self.trace.add(
            "step", index=index, keyword=one["keyword"], text=one["text"], line=one["line"]
        )

    def link(self, event: str, link: str, interface: str, frm: str, to: str, reason="") -> None:
        self.trace.add(
            "link",
            event=event,
            link=link,
            interface=interface,
            conn=f"{link}#1",
            frm=frm,
            to=to,
            reason=reason,
        )
        self.later(0.004)

    def message(self, link, interface, frm, to, protocol, kind, ident, raw, **corr) -> dict:
        extra = {"encoding": "gb18030"} if protocol == "astm" else {}
        record = self.trace.add(
            "message",
            link=link,
            interface=interface,
            conn=f"{link}#1",
            frm=frm,
            to=to,
            protocol=protocol,
            type=kind,
            id=ident,
            raw=pack(raw),
            corr=corr,
            **extra,
        )
        self.later(0.03)
        return record

    def result(self) -> dict:
        """The analyzer sends; the LIS sends on; the HIS acknowledges."""
        self.link("opened", "lis-astm", "LIS-ASTM", "analyzer", "LIS")
        return self.message(
            "lis-astm",
            "LIS-ASTM",
            "analyzer",
            "LIS",
            "astm",
            "astm result",
            "",
            ASTM,
            patient="M260001",
            barcode="2603020017",
        )

    def report(self, control: str, **values: str) -> dict:
        return self.message(
            "his-oru",
            "LIS-ORU",
            "LIS",
            "HIS",
            "hl7",
            "ORU^R01",
            control,
            oru(control, **values),
            patient="M260001",
            barcode="2603020017",
        )

    def answer(self, control: str, code: str = "AA") -> dict:
        return self.message(
            "his-oru",
            "LIS-ORU",
            "HIS",
            "LIS",
            "hl7",
            "ACK^R01",
            f"A{control}",
            ack(control, code),
            acknowledges=control,
            code=code,
        )

    def fault(self, event: str, ident: str, fault_class: str, action: str, **more) -> None:
        self.trace.add(
            "fault",
            event=event,
            id=ident,
            fault_class=fault_class,
            layer="message",
            action=action,
            link="his-oru",
            **more,
        )

    def fired(self, ident, fault_class, action, frm, to, before: bytes, after: bytes) -> None:
        ends = {"conn": "his-oru#1", "interface": "LIS-ORU", "identity": "ORU^R01|2603020017"}
        more = {"frm": frm, "to": to, "before": pack(before), "after": pack(after), **ends}
        self.fault("fired", ident, fault_class, action, **more)
        self.fault("healed", ident, fault_class, action, conn="his-oru#1")

    def expect(self, ident: str, sentence: int, expectation: Expectation) -> None:
        self.trace.add(
            "expectation",
            id=ident,
            sentence=sentence,
            text=self.sentences[sentence]["text"],
            spec=expectation.data(),
            limit_s=expectation.limit_s,
        )

    def probe(self, ident: str, rows: list[dict], *, last=False, outcome="ok", error="") -> dict:
        record = self.trace.add(
            "probe",
            probe="results",
            role="HIS",
            place="LIS-ORU sql result.value",
            args={"barcode": "2603020017"},
            outcome=outcome,
            rows=rows,
            error=error,
            ask=ident,
            **({"last": True} if last else {}),
        )
        self.later(0.05)
        return record


def row(item: str = "GLU", value: str = "5.62") -> dict:
    return {
        "patient_id": "M260001",
        "name": NAME,
        "barcode": "2603020017",
        "item": item,
        "value": value,
        "unit": "mmol/L",
    }


def wants_row(*, exact: bool = False, value: str = "5.62") -> Expectation:
    """The HIS has the glucose result; by probe."""
    check = Check(
        path="row.value",
        value=Value(op="decimal", expected=value),
        place=Place(interface="LIS-ORU", protocol="sql", path="result.value"),
        clause="HL7 2.5.1 §7.4.2.5",
        fault_class="lab-21",
    )
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe"),
        wanted=(Wanted(key={"row.item": "GLU"}, checks=(check,)),),
        place=Place(interface="LIS-ORU", protocol="sql", path="result"),
        limit_s=10.0,
        exact=exact,
        ask=Ask(probe="results", args={"barcode": "2603020017"}),
        classes={"missing": "lab-20", "repeated": "lab-11"},
    )


def wants_fields() -> Expectation:
    """The report carries value, unit and flag as the analyzer gave them; by message."""

    def check(number: int, value: Value, clause: str) -> Check:
        place = Place(interface="LIS-ORU", protocol="hl7", path=f"OBX[1]-{number}")
        return Check(
            path=f"OBX[1]-{number}", value=value, place=place, clause=clause, fault_class="lab-21"
        )

    checks = (
        check(5, Value(op="decimal", expected="5.62"), "HL7 2.5.1 §7.4.2.5"),
        check(6, Value(expected="mmol/L"), "HL7 2.5.1 §7.4.2.6"),
        check(8, Value(expected="N"), "HL7 2.5.1 §7.4.2.8"),
    )
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"type": "ORU^R01"}),
        wanted=(Wanted(key={"corr.barcode": "2603020017"}, checks=checks),),
        place=Place(interface="LIS-ORU", protocol="hl7"),
        limit_s=10.0,
        classes={"missing": "lab-20"},
    )


GIVEN = ("假如", "given", "患者“测试甲陈”有一份血糖申请，条码 2603020017")
WHEN = ("当", "when", "仪器按 ASTM 上传该标本的结果")
FAULT = ("假如", "given", "HIS 对 ORU^R01 的第 1 次应答丢失")
THEN = ("那么", "then", "10 秒内 HIS 收到血糖 5.62 mmol/L，且只有一次")
FIELDS = ("而且", "then", "10 秒内 ORU 的值、单位、标志与仪器一致")


def passed(one: Writer) -> None:
    one.open(GIVEN, WHEN, THEN)
    one.step(0)
    one.step(1)
    one.result()
    one.link("opened", "his-oru", "LIS-ORU", "LIS", "HIS")
    one.report("M1")
    one.answer("M1")
    one.step(2)
    one.expect("e1", 2, wants_row())
    one.probe("e1", [row(), row("K", "4.10")], last=True)
    one.trace.seal("pass")


def survived(one: Writer) -> None:
    one.open(GIVEN, FAULT, WHEN, THEN)
    one.step(0)
    one.step(1)
    one.fault("planned", "drop-ack", "hl7-37", "drop")
    one.step(2)
    one.result()
    one.link("opened", "his-oru", "LIS-ORU", "LIS", "HIS")
    one.report("M2")
    one.fired("drop-ack", "hl7-37", "drop", "HIS", "LIS", b"\x0b" + ack("M2") + b"\x1c\r", b"")
    one.later(10.0)
    one.report("M2")
    one.answer("M2")
    one.step(3)
    one.expect("e1", 3, wants_row())
    for _ in range(4):
        one.probe("e1", [])
    one.probe("e1", [row()], last=True)
    one.trace.seal("pass")


def failed(one: Writer) -> None:
    one.open(GIVEN, FAULT, WHEN, THEN, FIELDS)
    one.step(0)
    one.step(1)
    one.fault("planned", "replace-value", "lab-21", "replace")
    one.step(2)
    one.result()
    one.link("opened", "his-oru", "LIS-ORU", "LIS", "HIS")
    wrong = oru("M3", "56.2", "mg/dL", "H")
    one.fired("replace-value", "lab-21", "replace", "LIS", "HIS", oru("M3"), wrong)
    one.report("M3", value="56.2", unit="mg/dL", flag="H")
    one.answer("M3")
    one.trace.add(
        "violation",
        link="his-oru",
        interface="LIS-ORU",
        conn="his-oru#1",
        frm="HIS",
        to="LIS",
        code="mllp.junk-before-start",
        message="2 bytes before the start of a block",
        clause="MLLP R1 §2",
        raw=pack(b"\x00\n"),
    )
    one.step(3)
    one.expect("e1", 3, wants_row())
    one.later(9.9)
    one.probe("e1", [row(value="56.2"), row("K", "4.10")], last=True)
    one.step(4)
    one.expect("e2", 4, wants_fields())
    one.later(10.0)
    one.trace.add("note", window="e2", rests=[])
    one.trace.seal("fail")


def doubled(one: Writer) -> None:
    one.open(GIVEN, FAULT, WHEN, THEN)
    one.step(0)
    one.step(1)
    one.fault("planned", "drop-ack", "hl7-37", "drop")
    one.step(2)
    one.result()
    one.report("M4")
    one.fired("drop-ack", "hl7-37", "drop", "HIS", "LIS", b"\x0b" + ack("M4") + b"\x1c\r", b"")
    one.link("closed", "his-oru", "LIS-ORU", "LIS", "HIS", "no answer within 10 s")
    one.later(10.0)
    one.link("opened", "his-oru", "LIS-ORU", "LIS", "HIS")
    one.report("M4")
    one.answer("M4")
    one.step(3)
    one.expect("e1", 3, wants_row(exact=True))
    one.later(9.0)
    one.probe("e1", [row(), row()], last=True)
    one.trace.seal("fail")


def never_fired(one: Writer) -> None:
    one.open(GIVEN, FAULT, WHEN, THEN)
    one.step(0)
    one.step(1)
    one.fault("planned", "swap-two", "hl7-41", "swap")
    one.step(2)
    one.result()
    one.report("M5")
    one.answer("M5")
    one.step(3)
    one.expect("e1", 3, wants_row())
    one.probe("e1", [row()], last=True)
    one.trace.seal("inconclusive")


def stated(verdict: str, text: str):
    def write(one: Writer) -> None:
        one.open(GIVEN, WHEN, THEN)
        one.step(0)
        one.later(0.2)
        one.trace.add("note", verdict=verdict, text=text)
        one.trace.seal(verdict)

    return write


def cut_off(one: Writer) -> None:
    """Killed in the middle of a line."""
    one.open(GIVEN, WHEN, THEN)
    one.step(0)
    one.step(1)
    one.result()
    one.report("M8")
    path = one.trace.path
    one.trace.seal("pass")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][: len(lines[-2]) // 2])


SCENARIOS = {
    "result-arrives": ("结果按原值到达 HIS", "REQ-LAB-001", "LIS-ASTM", passed),
    "ack-lost-once": ("应答丢失后重发，只生效一次", "REQ-FEED-003", "LIS-ORU", survived),
    "value-changed": ("数值、单位、标志逐项一致", "REQ-LAB-002", "LIS-ORU", failed),
    "sent-twice": ("重发的报告不产生第二条结果", "REQ-FEED-003", "LIS-ORU", doubled),
    "swap": ("先后两份报告不串位", "REQ-FEED-004", "LIS-ORU", never_fired),
    "merge": (
        "患者合并后旧号的结果可见",
        "REQ-FEED-005",
        "HIS-ADT",
        stated("blocked", "HIS 的测试库未开放：连接 10.0.0.9:6661 被拒绝"),
    ),
    "qc": (
        "质控结果不进入患者结果",
        "REQ-LAB-005",
        "LIS-ASTM",
        stated("not-applicable", "本院该仪器不上传质控"),
    ),
    "tool": (
        "字符集声明不符时不产生乱码",
        "REQ-LAB-003",
        "LIS-ASTM",
        stated("error", "KeyError: 'corr'"),
    ),
    "killed": ("断电后结果不丢失", "REQ-LAB-006", "LIS-ASTM", cut_off),
    "never-begun": ("夜间批量上传", "REQ-LAB-007", "LIS-ASTM", None),
}
OWNERS = {"LIS-ASTM": "检验科", "LIS-ORU": "信息科", "HIS-ADT": "信息科"}
UNTESTED = {"REQ-LAB-004": "标本号逐字匹配", "REQ-LAB-008": "历史结果不被改写"}


def scenario_plan(ident: str, line: int) -> dict:
    name, requirement, interface, _ = SCENARIOS[ident]
    return {
        "id": ident,
        "name": name,
        "feature": "检验结果",
        "file": "scenarios/lab/results.feature",
        "line": line,
        "tags": ["@lab", f"@{requirement}"],
        "requirement": requirement,
        "interface": interface,
        "owner": OWNERS[interface],
    }


def plan(chosen: list[str], **changes) -> dict:
    requirements = {
        requirement: (name, interface) for name, requirement, interface, _ in SCENARIOS.values()
    }
    requirements |= {ident: (name, "LIS-ASTM") for ident, name in UNTESTED.items()}
    return {
        "format": 1,
        "harness_version": "0.1.0",
        "started": STARTED.isoformat(timespec="seconds"),
        "seed": 20260302,
        "label": "升级前回归",
        "lang": "zh-CN",
        "command": ["medharness", "run", "scenarios/lab", "--seed", "20260302"],
        "profile": {
            "name": "demo",
            "hash": "3f" * 32,
            "environment": "test",
            "transport": "tcp",
        },
        "systems": [
            {"role": "LIS", "mode": "simulated", "product": "built-in LIS", "version": "0.1.0"},
            {"role": "HIS", "mode": "simulated", "product": "built-in HIS", "version": "0.1.0"},
            {"role": "analyzer", "mode": "simulated", "product": "SYN-800", "version": "01.02"},
        ],
        "defects": [],
        "scenarios": [scenario_plan(ident, 10 + 20 * at) for at, ident in enumerate(chosen)],
        "requirements": [
            {"id": ident, "name": name, "pillar": "lab", "interface": interface}
            for ident, (name, interface) in sorted(requirements.items())
        ],
        "interfaces": [
            {
                "id": "LIS-ASTM",
                "name": "检验仪器到 LIS（结果上传）",
                "from": "analyzer",
                "to": "LIS",
                "protocol": "astm",
            },
            {
                "id": "LIS-ORU",
                "name": "LIS 到 HIS（检验结果）",
                "from": "LIS",
                "to": "HIS",
                "protocol": "hl7",
            },
            {
                "id": "HIS-ADT",
                "name": "HIS 到 LIS（患者登记、变更、合并）",
                "from": "HIS",
                "to": "LIS",
                "protocol": "hl7",
            },
            {
                "id": "PACS-DIC",
                "name": "影像设备到 PACS",
                "from": "modality",
                "to": "PACS",
                "protocol": "dicom",
            },
        ],
        **changes,
    }


def write_folder(folder: Path, chosen: list[str] | None = None, **changes) -> Path:
    """Write plan and traces of the chosen scenarios (default: one of every kind)."""
    chosen = list(SCENARIOS) if chosen is None else chosen
    made = plan(chosen, **changes)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(made, ensure_ascii=False)
    (folder / "plan.json").write_text(text, encoding="utf-8")
    for one in made["scenarios"]:
        write = SCENARIOS[one["id"]][3] if one["id"] in SCENARIOS else None
        if write is not None:
            write(Writer(folder=folder, plan=one))
    return folder
