"""One message of each kind that a HIS sends: registration, orders, schedules, charges, master data.

What each kind must have is of HL7 2.4 chapters 3, 4, 6, 8 and 10; every field holds something of
its own, so that one that is lost or moved on its way shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.model import Person
from harness.wire.hl7_build import Rep, build, header_row
from simulators.feed.payloads import CHARSET, CODEC, VERSION

Rows = list[list[Any]]
_Body = Callable[[Person, str, str], Rows]


def _patient(person: Person) -> list[Any]:
    identifiers = Rep(
        [
            [person.patient_id, "", "", "", "PatientNO"],
            [person.id_card, "", "", "", "IdentifyNO"],
        ]
    )
    return ["PID", "1", person.patient_id, identifiers, None, person.name, None, person.birth,
            person.sex]  # fmt: skip


WARD: Final = "W03"
BED: Final = "12"
"""Where the patient of each message lies."""


def _visit(before: str = "") -> list[Any]:
    return ["PV1", "1", "I", [WARD, "", BED], None, None, [before, "", "7"] if before else None]


def _admission(event: str) -> _Body:
    """ADT of chapter 3; a transfer and its cancellation name the place before."""

    def body(person: Person, ident: str, time: str) -> Rows:
        before = "W01" if event in {"A02", "A12"} else ""
        rows = [["EVN", event, time], _patient(person)]
        if event == "A40":
            return [*rows, ["MRG", [f"{person.patient_id}", "", "", "", "PatientNO"]]]
        return [*rows, _visit(before=before), ["ZPI", "1", "费别", ident]]

    return body


def _order(control: str, *more: list[Any]) -> _Body:
    """ORC and OBR of chapter 4, with what the kind has behind them."""

    def body(person: Person, ident: str, time: str) -> Rows:
        return [
            _patient(person), _visit(),
            ["ORC", control, f"O{ident}", None, f"G{ident}", None, None, None, None, time],
            ["OBR", "1", f"O{ident}", None, ["XR01", "胸部正位", "L"], "R", None, time],
            *[[*row] for row in more],
        ]  # fmt: skip

    return body


def _medication(person: Person, ident: str, time: str) -> Rows:
    return [_patient(person), _visit(), ["ORC", "NW", f"O{ident}"],
            ["RXO", ["M01", "阿莫西林", "L"], "0.5", None, ["g"]],
            ["RXE", ["", "", "", time], ["M01", "阿莫西林", "L"], "0.5", None, ["g"]],
            ["RXR", ["PO", "口服"]], ["NTE", "1", "P", f"饭后 {ident}"]]  # fmt: skip


def _schedule(person: Person, ident: str, time: str) -> Rows:
    return [["SCH", f"P{ident}", f"F{ident}", None, None, None, ["ROUTINE", "常规"], None, None,
             "20", ["min"], ["", "", "20", time]],
            _patient(person), _visit(), ["RGS", "1", "A"],
            ["AIS", "1", "A", ["CT01", "头部平扫", "L"], time]]  # fmt: skip


def _charge(person: Person, ident: str, time: str) -> Rows:
    return [["EVN", "P03", time], _patient(person), _visit(),
            ["FT1", "1", f"C{ident}", None, time, time, "CG", ["F01", "血常规", "L"], None, None,
             "1", "25.00"]]  # fmt: skip


def _master(person: Person, ident: str, time: str) -> Rows:
    return [["MFI", ["PRA", "人员", "L"], None, "UPD", None, None, "NE"],
            ["MFE", "MUP", f"E{ident}", time, f"D{ident}", "CE"],
            ["STF", f"D{ident}", None, person.name, ["Z"], person.sex]]  # fmt: skip


KINDS: Final[Mapping[str, tuple[str, _Body]]] = {
    "ADT^A01": ("ADT_A01", _admission("A01")),
    "ADT^A02": ("ADT_A02", _admission("A02")),
    "ADT^A03": ("ADT_A03", _admission("A03")),
    "ADT^A08": ("ADT_A01", _admission("A08")),
    "ADT^A11": ("ADT_A09", _admission("A11")),
    "ADT^A12": ("ADT_A12", _admission("A12")),
    "ADT^A13": ("ADT_A01", _admission("A13")),
    "OML^O21": ("OML_O21", _order("NW")),
    "ORM^O01": ("ORM_O01", _order("NW")),
    "OMG^O19": ("OMG_O19", _order("CA")),
    "OMI^O23": ("OMI_O23", _order("XO", ["IPC", "A001", "RP1", "1.2.3", "SPS1", ["DX"]])),
    "OMP^O09": ("OMP_O09", _medication),
    "SIU^S12": ("SIU_S12", _schedule),
    "SIU^S15": ("SIU_S12", _schedule),
    "DFT^P03": ("DFT_P03", _charge),
    "MFN^M02": ("MFN_M02", _master),
}
"""Structure (MSH-9.3) and what stands behind the header, by type and event."""


def message(kind: str, person: Person, *, control_id: str, time: str) -> bytes:
    """One message of a kind about a person.

    Raises:
        InputError: there is no such kind.
    """
    if kind not in KINDS:
        known = "、".join(KINDS)
        raise InputError(tr("no kind of message {kind}; known: {known}", kind=kind, known=known))
    structure, body = KINDS[kind]
    head = list(
        header_row(type=kind, structure=structure, control_id=control_id, time=time,
                   sending_app="HIS", sending_facility="TEST", receiving_app="ENGINE",
                   receiving_facility="HOSPITAL", version=VERSION, country="CHN",
                   charset=CHARSET)
    )  # fmt: skip
    return build([head, *body(person, control_id, time)], encoding=CODEC)
