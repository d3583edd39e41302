"""Sentences about imaging: compressed transfer syntaxes, and pixels that codecs get wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.dicomcheck.pixels import wrong_pixels
from harness.errors import Blocked, HarnessError, InputError, PeerError, ScenarioError
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.link.dicom import STUDY_GET, Request, payload_of
from harness.link.dicom_data import DEFLATED, EXPLICIT, DataSet, Encapsulated
from harness.link.dicom_pixels import (
    BASELINE,
    EXTENDED,
    EXTRA,
    HTJ2K,
    HTJ2K_LOSSY,
    HTJ2K_RPCL,
    JPEG_2000,
    JPEG_2000_LOSSY,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_ANY,
    JPEG_LS,
    JPEG_LS_NEAR,
    LOSSY,
    RLE,
    available,
    decode,
    encode,
    streams,
)
from harness.link.dicom_scu import Offer
from harness.model import Outcome, Place
from harness.probes import probe
from harness.probes.dicom import accounted
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging import device_of
from scenarios.steps.imaging_judge import PACS, ending_checks
from scenarios.steps.imaging_planned import Planned
from scenarios.steps.imaging_play import objects_of, remember
from scenarios.steps.imaging_site import Site, device_model, site
from simulators.modality import drop
from simulators.modality.compress import compress, fill, shape_of
from simulators.modality.images import instance, uid
from simulators.modality.modality import Modality

steps = Library("imaging")

SYNTAXES: Final = {
    "显式小端": EXPLICIT,
    "Deflated": DEFLATED,
    "RLE": RLE,
    "JPEG基线": BASELINE,
    "JPEG扩展": EXTENDED,
    "JPEG无损任选预测": JPEG_LOSSLESS_ANY,
    "JPEG无损": JPEG_LOSSLESS,
    "JPEG-LS无损": JPEG_LS,
    "JPEG-LS近无损": JPEG_LS_NEAR,
    "JPEG2000无损": JPEG_2000,
    "JPEG2000有损": JPEG_2000_LOSSY,
    "HTJ2K无损": HTJ2K,
    "HTJ2K无损RPCL": HTJ2K_RPCL,
    "HTJ2K": HTJ2K_LOSSY,
}
"""Transfer syntaxes as sentences name them."""

PATTERNS: Final = {"两端极值": "extremes", "斜坡": "ramp", "单一值": "flat", "噪声": "noise",
                   "明暗": "outer"}  # fmt: skip

PROBE: Final = "pacs-compressed"
PATHS: Final = {"syntax": "transfer syntax", "pixels": "(7FE0,0010)", "stream": "(7FE0,0010)",
                "lossy": "(0028,2110)", "colour": "(0028,0004)",
                "rules": "(7FE0,0010)"}  # fmt: skip
CLAUSES: Final = {"syntax": "PS3.5 §10", "pixels": "PS3.5 §8.2", "stream": "PS3.5 §A.4",
                  "lossy": "PS3.3 §C.7.6.1.1.5", "colour": "PS3.3 §C.7.6.3.1.2",
                  "rules": "PS3.5 §8.2"}  # fmt: skip


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]


def _looked_at(data: DataSet, syntax: str) -> dict[str, str | None]:
    """Of one object: its codestreams, its pixels, and what its header says of them."""
    shape = shape_of(data)
    value = data.raw("PixelData")
    native = not isinstance(value, Encapsulated)
    stream = value if native else b"".join(streams(value))
    pixels = decode(value, shape, EXPLICIT if native else syntax)
    return {
        "SOPInstanceUID": data.text("SOPInstanceUID"),
        "syntax": syntax,
        "stream": _hash(stream),
        "pixels": _hash(pixels[: shape.frame_bytes * shape.frames]),
        "lossy": data.text("LossyImageCompression") or "-",
        "colour": data.text("PhotometricInterpretation"),
        "rules": "; ".join(one.message for one in wrong_pixels(data, syntax)) or "-",
    }


@dataclass(slots=True)
class CompressedProbe:
    """C-GET of a study in the one syntax it was stored in: a row an instance, decoded."""

    here: Site
    name: str = PROBE
    role: str = "PACS"
    came: list[Request] = field(default_factory=list)

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once: ``StudyInstanceUID``, ``sop_class`` and ``syntax``."""
        self.came.clear()
        asked = DataSet.of({"QueryRetrieveLevel": "STUDY",
                            "StudyInstanceUID": args["StudyInstanceUID"]})  # fmt: skip
        request = Request(kind="C-GET", sop_class=STUDY_GET, syntax=EXPLICIT,
                          payload=payload_of(asked, EXPLICIT))  # fmt: skip
        offers = [Offer(abstract=STUDY_GET, syntaxes=[EXPLICIT]),
                  Offer(abstract=args["sop_class"], syntaxes=[args["syntax"]],
                        scp=True)]  # fmt: skip
        try:
            with self.here.opens("PACS", "MHPROBE")(offers) as link:
                link.store = self._keep
                final = list(link.ask_all(request))[-1]
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        if final.status < 0:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=final.shown)
        ending = accounted(final, [0] * len(self.came))
        rows = [{**row, **ending} for row in map(self._row, self.came)]
        return probe.Answer(outcome=Outcome.OK, rows=rows)

    def _keep(self, request: Request) -> int:
        self.came.append(request)
        return 0

    def _row(self, request: Request) -> dict[str, str | None]:
        try:
            data = request.data()
        except PeerError as error:
            return {"SOPInstanceUID": request.sop_instance, "syntax": f"unreadable: {error}"}
        try:
            return _looked_at(data, request.syntax)
        except (PeerError, InputError) as error:
            return {"SOPInstanceUID": request.sop_instance, "syntax": request.syntax,
                    "stream": "unreadable", "pixels": f"unreadable: {error}"}  # fmt: skip

    def close(self) -> None:
        """Nothing is held."""


def _syntax(name: str) -> str:
    if name not in SYNTAXES:
        raise ScenarioError(tr("no transfer syntax {name}; known: {known}", name=name,
                               known="、".join(SYNTAXES)))  # fmt: skip
    found = SYNTAXES[name]
    if not available(found):
        raise Blocked(tr("no codec for the transfer syntax {syntax}", syntax=name),
                      remedy=f"pip install medharness[{EXTRA}]")  # fmt: skip
    return found


@steps.when(
    "设备把检查{string}的图像以{string}存入PACS，像素为{string}",
    id="imaging.store-compressed",
    purpose="检查各传输语法的存储：压缩流不变，解码后逐像素一致",
    effect="每幅图像换成该像素图案，按语法编码，改好文件头后逐幅 C-STORE，只提议这一语法",
    example="当 设备把检查“检1”的图像以“RLE”存入PACS，像素为“两端极值”",
    gloss="The device stores the images in a transfer syntax with pixels of a pattern",
)
def store_compressed(world: World, exam: str, name: str, pattern: str) -> None:
    """One syntax a context, as devices do."""
    _, planned, modality = device_of(world, exam)
    syntax = _syntax(name)
    if pattern not in PATTERNS:
        raise ScenarioError(tr("no pixel pattern {name}; known: {known}", name=pattern,
                               known="、".join(PATTERNS)))  # fmt: skip
    model = replace(modality.model, syntaxes=(syntax,), contexts="separate")
    sender = Modality(model, modality.open_to)
    objects = objects_of(modality, planned)
    native: dict[str, str] = {}
    for data in objects:
        fill(data, PATTERNS[pattern])
        shape = shape_of(data)
        raw = data.raw("PixelData")[: shape.frame_bytes * shape.frames]
        native[data.text("SOPInstanceUID")] = _hash(raw)
        compress(data, syntax)
    remember(sender, planned, objects)
    world.state[f"compressed {exam}"] = (syntax, native)
    sender.store(objects)


@steps.when(
    "采集卡在投递目录放入{int}张JPEG，设备把目录中的图像存入检查{string}",
    id="imaging.store-dropped",
    purpose="检查采集工作站的投递目录：不懂 DICOM 的采集卡给出的 JPEG 原样入档",
    effect="写入由种子决定的 JPEG 文件，工作站补上患者信息，按 JPEG 基线逐幅 C-STORE，码流不改",
    example="当 采集卡在投递目录放入3张JPEG，设备把目录中的图像存入检查“检1”",
    gloss="A capture card drops JPEG files and the device stores them byte for byte",
)
def store_dropped(world: World, count: int, exam: str) -> None:
    """Each file under the patient of the examination."""
    here, planned, modality = device_of(world, exam)
    syntax = _syntax("JPEG基线")
    folder = here.systems().folder / f"drop-{uid(planned.exam.study)}"
    folder.mkdir(parents=True, exist_ok=True)
    model = drop.sender(modality.model)
    for number in range(1, count + 1):
        data = instance(replace(model, frames=1), planned.exam, number)
        shape = shape_of(data)
        stream = streams(encode(data.raw("PixelData")[: shape.frame_bytes], shape, syntax))[0]
        (folder / f"{number:04d}.jpg").write_bytes(stream)
    found, _ = drop.look(folder)
    if len(found) != count:
        raise HarnessError(tr("{found} of {count} files were read", found=len(found), count=count))
    objects = drop.objects(model, planned.exam, found)
    sender = Modality(model, modality.open_to)
    remember(sender, planned, objects)
    world.state[f"compressed {exam}"] = (syntax, {})
    answers = sender.store(objects)
    for one, data in zip(found, objects, strict=True):
        if answers[data.text("SOPInstanceUID")].ok:
            drop.taken(one)


def _rows(planned: Planned, syntax: str, native: Mapping[str, str]) -> list[dict[str, str]]:
    """What must come back; of lossless objects the pixels before they were encoded."""
    rows = []
    for sop, data in planned.sent.items():
        row = {key: str(value) for key, value in _looked_at(data, syntax).items()}
        if syntax not in LOSSY:
            row["pixels"] = native[sop]
        row["rules"] = "-"
        rows.append(row)
    return rows


@steps.then(
    "{duration}内以原语法从PACS取回的检查{string}，压缩流与解码后的像素应不变",
    id="imaging.retrieved-compressed",
    purpose="核对压缩对象：语法、压缩流及其头、解码像素、有损标志与颜色空间",
    effect="独立连接只提议存入时的语法，C-GET 整个检查并逐幅解码；无损逐像素、有损逐字节相同；"
    "最终状态应为 0000，计数与我方应答一致",
    example="那么 5秒内以原语法从PACS取回的检查“检1”，压缩流与解码后的像素应不变",
    gloss="Every image comes back with its codestream and its decoded pixels unchanged",
)
def retrieved_compressed(world: World, limit_s: float, exam: str) -> Expectation:
    """Stream, pixels and header."""
    here = site(world)
    planned = here.known(exam)
    known: Any = world.state.get(f"compressed {exam}")
    if known is None:
        raise ScenarioError(tr("no image was stored before"))
    syntax, native = known
    probes: Any = world.bench.probes
    probes[PROBE] = CompressedProbe(here)
    world.at_end.append(lambda: probes.pop(PROBE, None))
    wanted = [
        Wanted(
            key={"row.SOPInstanceUID": row["SOPInstanceUID"]},
            checks=[Check(path=f"row.{name}", value=Value(expected=row[name]), clause=CLAUSES[name],
                          place=Place(interface=PACS, protocol="dicom", path=path))
                    for name, path in PATHS.items()],
        )
        for row in _rows(planned, syntax, native)
    ]  # fmt: skip
    wanted[0] = replace(wanted[0], checks=[*wanted[0].checks, *ending_checks()])
    args = {"StudyInstanceUID": planned.exam.study, "syntax": syntax,
            "sop_class": device_model(planned.device).sop_class}  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": PROBE}),
        wanted=wanted,
        place=Place(interface=PACS, protocol="dicom", path="instance"),
        limit_s=limit_s,
        exact=True,
        ask=Ask(probe=PROBE, args=args),
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
        clause="PS3.5 §8.2, §A.4",
    )
