"""A day on which an instrument with a line of its own uploads one tube, recorded by us."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from harness.captures.journal import PcapJournal
from harness.cases.recorded import Recorded, read
from harness.cli import main
from harness.clock import CHINA
from harness.evidence import trace
from harness.wire.hl7 import Hl7Message

FEATURE = """# language: zh-CN
@接口-{interface}
功能: 自有线路
  负责人: 检验接口组

  @{requirement} @id-maker-day
  场景: 一管上传
    假如 LIS已为检验设备“{model}”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“{model}”的项目
    当 检验设备“{model}”上传标本“管1”的结果
    那么 5秒内LIS中标本“管1”的结果应与检验设备“{model}”所测一致
"""

DEVICES = frozenset({"poct-glucose"})


def recorded(model: str, folder: Path, *defects: str, seed: int = 3) -> Path:
    """The trace of the day, with defects of the LIS switched on."""
    device = model in DEVICES
    folder.mkdir(parents=True)
    feature = folder / "day.feature"
    feature.write_text(
        FEATURE.format(
            model=model, interface="LIS-POCT" if device else "LIS-FRAMED",
            requirement="REQ-LAB-066" if device else "REQ-LAB-063",
        ),
        encoding="utf-8",
    )  # fmt: skip
    words = [word for one in defects for word in ("--defect", one)]
    main(["run", str(feature), "--profile", "memory", "--seed", str(seed),
          "--out", str(folder / "run"), *words])  # fmt: skip
    return folder / "run" / "traces" / "maker-day.jsonl"


def messages(path: Path) -> list[Recorded]:
    return [one for one in read([path]).messages if one.protocol == "hl7"]


def report(path: Path) -> Hl7Message:
    """What the LIS told the HIS."""
    return next(Hl7Message.parse(one.payload) for one in messages(path) if one.kind == "ORU^R01")


@lru_cache(maxsize=8)
def with_unit(path: Path) -> tuple[int, str]:
    """Number and unit of the first result of a sound day that has a unit."""
    sound = report(path)
    for number in range(1, sound.count("OBX") + 1):
        unit = sound.get(f"OBX[{number}]-6.1") or ""
        if unit:
            return number, sound.get(f"OBX[{number}]-6") or ""
    raise AssertionError(path)


def barcode(path: Path) -> str:
    return next(one.corr["barcode"] for one in messages(path) if one.corr.get("barcode"))


def people(path: Path) -> set[str]:
    """Names and numbers of everybody in the recording, as its own messages say."""
    found: set[str] = set()
    for one in messages(path):
        message = Hl7Message.parse(one.payload)
        found |= {message.get(place) or "" for place in ("PID-3.1", "PID-5.1", "PID-7")}
    return {one for one in found if len(one) > 1} | {barcode(path)}


def logged(path: Path, out: Path, link: str = "analyzer-lis-framed") -> Path:
    """The line of the instrument as a program on it wrote it down: ``RX`` is the instrument."""
    at = datetime.now(CHINA) + timedelta(seconds=20)
    lines = []
    for record in trace.read(path).records:
        if record["kind"] == "bytes" and record["link"] == link:
            at += timedelta(milliseconds=250)
            word = "RX" if record["frm"] == "analyzer" else "TX"
            pairs = trace.unpack(record["raw"]).hex(" ")
            lines.append(f"{at:%d.%m.%Y %H:%M:%S.%f} [{word}] - {pairs}\r\n")
    out.write_text("".join(lines), encoding="ascii", newline="")
    return out


def sniffed(path: Path, out: Path, without: str = "") -> Path:
    """The same day as a sniffer saw it, perhaps without one of its lines."""
    hosts = {"analyzer": "10.0.0.1", "LIS": "10.0.0.2", "HIS": "10.0.0.3"}
    journal = PcapJournal(out)
    journal.open()
    begun: dict[tuple[str, str], int] = {}
    for record in trace.read(path).records:
        if record["kind"] != "bytes" or record["conn"].endswith(">") or record["link"] == without:
            continue
        key = (record["link"], record["conn"])
        names = [one if one == "analyzer" else one.upper() for one in record["link"].split("-")]
        fresh = key not in begun
        port = begun.setdefault(key, 40000 + len(begun))
        ends = (hosts[names[0]], port), (hosts[names[1]], 5000 + len(record["link"]))
        if fresh:
            journal.opened(*ends)
        ours = hosts[record["frm"]] == ends[0][0]
        journal.passed(*(ends if ours else ends[::-1]), trace.unpack(record["raw"]))
    journal.close()
    return out
