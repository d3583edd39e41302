"""Seeded defects of the built-in hospital, and how a person would report each.

``= ?`` stands for what the same day shows without the defect: a person knows what should stand
there. Tests play some of these, the figures all of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness import resources
from harness.cases import faults
from harness.cases.recorded import Recorded, read
from harness.clock import VirtualClock
from harness.evidence import trace
from harness.evidence.trace import Trace
from harness.scenario.binding import load
from harness.scenario.gherkin import feature_files
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries
from simulators.modality.images import latin_name
from tests.harness.cases import imaging_day


@dataclass(frozen=True)
class Seeded:
    pillar: str
    scenario: str
    defect: str
    fault: str
    about: str = "patient"
    profile: str = "memory"


IMAGING = "imaging-day"
EXAM = imaging_day.exam_of(1, 1)


def imaging(defect: str, fault: str) -> Seeded:
    """DICOM has its own day: it runs on real sockets."""
    return Seeded("imaging", IMAGING, defect, fault, "accession", "builtin")


SEEDED = (
    Seeded("lab", "lab-upload-plain", "lis-drops-unit", "LIS ORU^R01 OBX[3=PLT]-6 = ?"),
    Seeded("lab", "lab-upload-plain", "lis-loses-last-result", "lis-results count = ?"),
    Seeded("lab", "lab-upload-plain", "lis-own-time", "lis-results[item=PLT] tested_at = ?"),
    Seeded("lab", "lab-upload-comparator", "lis-drops-comparator", "LIS ORU^R01 OBX[3=CRP]-5 = ?"),
    Seeded("lab", "lab-upload-comparator", "lis-narrow-value-column", "LIS ORU^R01 OBX[3=HBsAg]-5 = ?"),
    Seeded("lab", "lab-upload-comparator", "lis-flattens-flags", "LIS ORU^R01 OBX[3=GLU]-8 = ?"),
    Seeded("lab", "lab-upload-chinese", "lis-reads-latin-1", "LIS ORU^R01 OBX[1=1]-5 = ?"),
    Seeded("lab", "lab-same-message-again", "lis-stores-repeats-of-results", "lis-results count = ?"),
    Seeded("lab", "lab-preliminary", "lis-preliminary-as-final", "LIS ORU^R01 OBX[1=1]-11 = ?"),
    Seeded("lab", "lab-barcode-zeros", "lis-barcode-as-number", "LIS ORU^R01 count = ?"),
    Seeded("feeds", "feed-result-message", "lis-sends-no-unit", "LIS ORU^R01 OBX[1=1]-6 = ?"),
    Seeded("feeds", "feed-result-message", "lis-sends-no-flag", "LIS ORU^R01 OBX[1=1]-8 = ?"),
    Seeded("feeds", "feed-result-message", "lis-shifts-birth", "LIS ORU^R01 PID-7 = ?"),
    Seeded("feeds", "feed-result-message", "lis-sends-first-result-only", "LIS ORU^R01 OBX[1=2]-3 = ?"),
    Seeded("feeds", "feed-admission-message", "his-cuts-name", "HIS ADT^A01 PID-5 = ?"),
    Seeded("feeds", "feed-admission-message", "his-wrong-sex", "HIS ADT^A01 PID-8 = ?"),
    Seeded("feeds", "feed-admission-message", "his-shifts-birth", "HIS ADT^A01 PID-7 = ?"),
    Seeded("feeds", "feed-order-message", "his-routine-for-all", "HIS OML^O21 OBR-5 = ?"),
    Seeded("feeds", "feed-his-results", "his-drops-unit", "his-results[item=WBC] unit = ?"),
    Seeded("feeds", "feed-his-results", "his-rounds-values", "his-results[item=WBC] value = ?"),
    Seeded("insurance", "yb-cents", "his-yb-float-money", "his-yb-ledger medfee_fen = ?"),
    Seeded("insurance", "yb-funds", "his-yb-drops-other-funds", "his-yb-ledger fund_fen = ?"),
    Seeded("insurance", "yb-funds", "his-yb-account-as-cash", "his-yb-ledger acct_fen = ?"),
    Seeded("insurance", "yb-cents", "his-yb-books-rounded-cash", "his-yb-ledger cash_fen = ?"),
    Seeded("insurance", "yb-window", "his-yb-cuts-setl-id", "his-yb-ledger setl_id = ?"),
    Seeded("insurance", "yb-window", "his-yb-visit-as-setl-id", "his-yb-ledger setl_id = ?"),
    Seeded("insurance", "yb-chronic", "his-yb-own-clr-type", "his-yb-ledger clr_type = ?"),
    Seeded("insurance", "yb-resident", "his-yb-employee-for-all", "his-yb-bills insutype = ?"),
    imaging("ris-empties-step-id", f"RIS C-FIND-RSP^FF00 ScheduledProcedureStepID = {EXAM.step_id}"),
    imaging("ris-cuts-accession", f"RIS C-FIND-RSP^FF00 AccessionNumber = {EXAM.accession}"),
    imaging("ris-omits-status", "RIS C-FIND-RSP^FF00 ScheduledProcedureStepStatus = SCHEDULED"),
    imaging("ris-new-study-uid", f"RIS C-FIND-RSP^FF00 StudyInstanceUID = {EXAM.study}"),
    imaging("ris-answers-in-latin1",
            f"RIS C-FIND-RSP^FF00 PatientName = {latin_name(EXAM.person)}={EXAM.person.name}"),
    imaging("ris-drops-charset", "RIS C-FIND-RSP^FF00 SpecificCharacterSet = GBK"),
    imaging("ris-changes-final-step", "RIS N-SET-RSP^0110 count = 1"),
    imaging("pacs-coerces-accession", f"PACS C-FIND-RSP^FF00 AccessionNumber = {EXAM.accession}"),
    imaging("pacs-counts-wrong", "PACS C-FIND-RSP^FF00 NumberOfStudyRelatedInstances = 2"),
    imaging("pacs-dates-in-utc", f"PACS C-FIND-RSP^FF00 StudyTime = {EXAM.moment:%H%M%S}"),
    imaging("pacs-duplicate-fails", "PACS C-STORE-RSP status = 0000"),
    imaging("pacs-takes-transaction-twice", "PACS N-ACTION-RSP^0110 count = 1"),
)  # fmt: skip


PAUSE_S = 90.0
"""Between the matters of two people of the background."""


@lru_cache(maxsize=1)
def bound() -> dict[str, Any]:
    folder = resources.scenarios_folder()
    files, _ = feature_files([folder / name for name in ("lab", "feeds", "insurance")])
    return {one.scenario.id: one for one in load(files, load_libraries())}


def recorded(scenario: str, folder: Path, defects: Sequence[str] = (), seed: int = 1) -> Path:
    """The trace of one scenario with defects switched on: what a site recorded."""
    if scenario == IMAGING:
        return imaging_day.recorded(folder, defects, seed, screen=True)
    options = SessionOptions(profile="memory", seed=seed, folder=folder, defects=tuple(defects))
    RunSession(options).run(bound()[scenario])
    return folder / "traces" / f"{scenario}.jsonl"


def told(seeded: Seeded) -> str:
    """The fault with what should stand there."""
    if not seeded.fault.endswith("= ?"):
        return seeded.fault
    with tempfile.TemporaryDirectory() as name:
        path = recorded(seeded.scenario, Path(name))
        messages, probes = read([path]).messages, trace.read(path).records
    fault = faults.parse(seeded.fault.replace("= ?", "= 0"))
    rows = [one["rows"] for one in probes if one["kind"] == "probe" and one["probe"] == fault.kind]
    seen = faults.look(fault, messages, lambda _: rows[-1] if rows else None)
    if not seen.judged or len(set(seen.values)) != 1:
        raise ValueError(f"{seeded}: {seen.values}")
    return seeded.fault.replace("= ?", f"= {seen.values[0]}")


def about(seeded: Seeded, path: Path) -> str:
    """The number by which the matter is looked for."""
    return next(
        one.corr[seeded.about] for one in read([path]).messages if one.corr.get(seeded.about)
    )


def background(path: Path, count: int, scenarios: Sequence[str], seed: int = 3) -> int:
    """A recording of so many messages of other people, over four protocols; returns how many.

    What some scenarios put on the lines, again and again with other numbers, and between that what
    devices and a RIS say over DICOM.
    """
    found: list[Recorded] = []
    with tempfile.TemporaryDirectory() as name:
        images = imaging_day.recorded(Path(name) / "images", seed=70 + seed, screen=True)
        talked = Talked.of(images, 70 + seed)
        for number, scenario in enumerate(scenarios):
            one = recorded(scenario, Path(name) / str(number), seed=70 + seed)
            found += [each for each in read([one]).messages if each.protocol != "command"]
    clock = VirtualClock()
    book = Trace(clock, path)
    book.add("open", format=trace.FORMAT, systems=[])
    written = 0
    while written < count:
        turn = f"{written + seed:07d}"
        clock.advance_to(clock.now() + PAUSE_S)
        for each in found:
            if written >= count:
                break
            ids = {value for key, value in each.corr.items() if key != "code" and len(value) > 7}
            ids |= {each.ident} if len(each.ident) > 7 else set()
            payload = each.payload
            for value in ids:
                payload = payload.replace(value.encode(), _other(value, turn).encode())
            corr = {
                key: _other(value, turn) if value in ids else value
                for key, value in each.corr.items()
            }
            book.add(
                "message", link=each.link, frm=each.frm, to=each.to, protocol=each.protocol,
                type=each.kind, id=_other(each.ident, turn) if each.ident in ids else each.ident,
                corr=corr, raw=trace.pack(payload),
            )  # fmt: skip
            written += 1
        written += talked.again(book, turn)
    book.seal("pass")
    return written


@dataclass
class Talked:
    """The small associations of a day of imaging: bytes, and how many messages are in them."""

    records: list[dict[str, Any]]
    messages: int
    ids: list[str]

    @classmethod
    def of(cls, path: Path, seed: int) -> Talked:
        sizes: dict[str, int] = {}
        records = [one for one in trace.read(path).records if one["kind"] == "bytes"]
        for one in records:
            sizes[one["conn"]] = sizes.get(one["conn"], 0) + len(one["raw"])
        small = {conn for conn, size in sizes.items() if size < 8000 and "ris" in conn}
        exams = [imaging_day.exam_of(seed, number) for number in (1, 2)]
        ids = [
            each
            for one in exams
            for each in (
                one.accession,
                one.study,
                one.step_id,
                one.procedure_id,
                one.person.patient_id,
            )
        ]
        heard = [one for one in read([path]).messages if one.protocol == "dicom"]
        count = sum(one.link == "modality-ris" for one in heard)
        return cls([one for one in records if one["conn"] in small], count, ids)

    def again(self, book: Trace, turn: str) -> int:
        for one in self.records:
            data = trace.unpack(one["raw"])
            for value in self.ids:
                data = data.replace(value.encode(), _other(value, turn).encode())
            book.add("bytes", link=one["link"], frm=one["frm"], to=one["to"], interface="",
                     conn=f"{one['conn']}@{turn}", raw=trace.pack(data))  # fmt: skip
        return self.messages


def _other(value: str, turn: str) -> str:
    return value[: -len(turn)] + turn if len(value) > len(turn) else value
