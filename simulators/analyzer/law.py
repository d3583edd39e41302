"""IHE LAW, the analyzer's side (IHE PaLM TF-2b, LAB-27, LAB-28, LAB-29; HL7 2.5.1).

LAB-27 asks by QBP^Q11 what is to be done with a tube; the manager answers RSP^K11 and then sends
LAB-28, OML^O33, whose order steps are each accepted or refused in ORL^O34. LAB-29 sends results
by OUL^R22; what was not ordered goes out with the null step id ``""``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.wire.hl7 import Hl7Message, Segment
from harness.wire.hl7_build import FieldSpec, Raw, Rep
from simulators.analyzer.hl7_values import SEXES, Row, channel_of, encoded, head, measured, row
from simulators.analyzer.model_hl7 import Hl7Section
from simulators.analyzer.upload import Result, Tested

STEPS_MAX: Final = 100_000
"""Order steps that the instrument remembers, done ones among them."""

NULL: Final = Raw('""')
ROLES: Final = {"patient": "P", "quality-control": "Q", "calibration": "C", "background": "U"}
"""SPM-11; U where LAW has no letter."""


@dataclass(slots=True, kw_only=True)
class Step:
    """One order step as the manager sent it.

    Attributes:
        step: OBR-2, unique at the manager.
        barcode: SPM-2, or the container where there is none.
        code: OBR-4.1.
        state: ``open``, ``done``, ``cancelled``.
    """

    step: str
    barcode: str
    code: str
    priority: str = ""
    state: str = "open"

    def shown(self) -> dict[str, str]:
        """The step as a command's answer holds it."""
        return {
            "step": self.step, "barcode": self.barcode, "code": self.code,
            "priority": self.priority, "state": self.state,
        }  # fmt: skip


@dataclass(slots=True)
class WorkList:
    """Order steps by id; what is accepted, refused or cancelled."""

    steps: dict[str, Step] = field(default_factory=dict)

    def take(self, control: str, step: Step) -> str:
        """Carry out one ORC-1; returns ORC-1 of the answer.

        NW is accepted once (LAB28-006: an id that was used before is refused with UA); CA cancels
        what is not done yet (LAW-004: else UC); DC says that there is no work.
        """
        known = self.steps.get(step.step)
        if control == "NW":
            if known is not None or not step.step or len(self.steps) >= STEPS_MAX:
                return "UA"
            self.steps[step.step] = step
            return "OK"
        if control == "CA":
            if known is None or known.state != "open":
                return "UC"
            known.state = "cancelled"
            return "CR"
        return "OK" if control == "DC" else "UA"

    def for_tube(self, barcode: str) -> list[Step]:
        """Open steps of one tube."""
        return [
            step for step in self.steps.values() if step.barcode == barcode and step.state == "open"
        ]

    def done(self, step: str) -> None:
        """The result of a step is out."""
        if step in self.steps:
            self.steps[step].state = "done"


def question(section: Hl7Section, barcode: str, *, control_id: str, time: datetime) -> bytes:
    """LAB-27 for one container (LAB27-005, WOS_ALL: only QPD-1 to 3)."""
    msh = head(section, "QBP^Q11", control_id, time, structure="QBP_Q11", profile="LAB-27^IHE")
    qpd = row("QPD", {1: ["WOS", "Work Order Step", "IHELAW"], 2: control_id, 3: barcode})
    return encoded(section, [msh, qpd, ["RCP", "I", "", "R"]])


def orders(message: Hl7Message) -> list[tuple[str, Step]]:
    """ORC-1 and the step of every order in an OML^O33.

    Specimen and container count for the orders that follow them. A DC without OBR is a step
    without id: the manager has no work for the tube.
    """
    found: list[tuple[str, Step]] = []
    barcode = ""
    for segment in message.segments():
        if segment.name == "SPM":
            barcode = _first(segment, 2) or ""
        elif segment.name == "SAC" and not barcode:
            barcode = _first(segment, 3) or ""
        elif segment.name == "ORC":
            step = Step(step=_first(segment, 2), barcode=barcode, code="")
            found.append((segment.get("1") or "", step))
        elif segment.name == "TQ1" and found:
            found[-1][1].priority = _first(segment, 9)
        elif segment.name == "OBR" and found:
            found[-1][1].step = _first(segment, 2) or found[-1][1].step
            found[-1][1].code = _first(segment, 4)
    return found


def _first(segment: Segment, number: int) -> str:
    """The first component of a field."""
    parts = segment.components(number)
    return parts[0] if parts else ""


def order_answer(
    section: Hl7Section,
    request: Hl7Message,
    answers: Sequence[tuple[Step, str]],
    *,
    control_id: str,
    time: datetime,
) -> bytes:
    """ORL^O34: each step accepted or refused by its own ORC (LAB28-003 to 005)."""
    msh = head(section, "ORL^O34", control_id, time, structure="ORL_O42", profile="LAB-28^IHE")
    rows = [msh, row("MSA", {1: "AA", 2: request.get("MSH-10") or ""})]
    last = None
    for step, code in answers:
        if step.barcode != last:
            last = step.barcode
            rows.append(row("SPM", {1: "1", 2: last, 4: request.get("SPM-4") or "SER", 11: "P"}))
            rows.append(row("SAC", {3: last}))
        rows.append(row("ORC", {1: code, 2: step.step}))
    return encoded(section, rows)


def results(
    section: Hl7Section,
    tested: Sequence[Tested],
    *,
    first_id: int,
    time: datetime,
    steps: Mapping[tuple[str, str], str] | None = None,
) -> list[bytes]:
    """LAB-29: one OUL^R22 a specimen, or one a result.

    Args:
        section: the instrument.
        tested: specimens in the order of the run.
        first_id: MSH-10 of the first; it counts up.
        time: of the messages and of every test.
        steps: (barcode, code) to the order step; all else goes out unsolicited (LAW-005).
    """
    messages: list[bytes] = []
    for one in tested:
        size = 1 if section.grouping == "result" else section.results_max
        for at in range(0, max(len(one.results), 1), size):
            msh = head(
                section,
                "OUL^R22",
                str(first_id + len(messages)),
                time,
                structure="OUL_R22",
                profile="LAB-29^IHE",
            )
            rows = [msh, *_specimen(one)]
            for result in one.results[at : at + size]:
                rows += _result(section, one, result, steps or {}, time)
            messages.append(encoded(section, rows))
    return messages


def _specimen(one: Tested) -> list[Row]:
    rows: list[Row] = []
    person = one.person
    if person is not None and one.what == "patient":
        pid: dict[int, FieldSpec] = {
            3: person.patient_id, 5: [person.name], 7: person.birth,
            8: SEXES.get(person.sex, "U"),
        }  # fmt: skip
        rows.append(row("PID", pid))
    rows.append(row("SPM", {1: "1", 2: one.barcode, 4: "SER", 11: ROLES[one.what]}))
    rows.append(row("SAC", {3: one.barcode, 10: one.rack, 11: one.position}))
    return rows


def _result(
    section: Hl7Section,
    one: Tested,
    result: Result,
    steps: Mapping[tuple[str, str], str],
    time: datetime,
) -> list[Row]:
    channel = channel_of(section, result.item)
    code = [channel.code, channel.name or channel.code, channel.system or "99SIM"]
    value = measured(section, channel, result)
    step = steps.get((one.barcode, channel.code))
    when = time.strftime("%Y%m%d%H%M%S")
    maker = Rep([[section.instrument, section.maker], ["0001", section.maker]])
    number = value.replace(".", "", 1).lstrip("-").isdecimal()
    obx: dict[int, FieldSpec] = {
        1: "1",
        2: "" if not value else "NM" if number else "ST",
        3: code,
        4: "1",
        5: value,
        6: channel.unit or result.unit,
        8: result.flag,
        11: "X" if not value else "C" if one.mark == "corrected" else result.status,
        18: maker,
        19: when,
        21: "1",
        29: "RSLT",
    }
    return [
        row("OBR", {1: "1", 2: step or NULL, 4: code}),
        row("ORC", {1: "SC", 5: "CM"}),
        row("OBX", obx),
        row("TCD", {1: code}),
    ]
