"""Imaging orders and their states as HL7 writes them: OMI^O23 to the RIS, OMG^O19 back to the HIS.

OMI carries in IPC what the worklist needs (HL7 2.5.1 §4.5.6): accession number, requested
procedure, study UID, scheduled step, modality and station. TQ1-7 is when it is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.wire.hl7 import NULL, Hl7Message
from harness.wire.hl7_build import Rep, build, header_row
from simulators.hospital.inbox import Refusal

ORDER, STATUS, UPDATE = "OMI^O23", "OMG^O19", "ADT^A08"
NEW, CHANGE, CANCEL = "NW", "XO", "CA"

CODECS: Final[Mapping[str, str]] = {"GB 18030-2000": "gb18030", "UNICODE UTF-8": "utf-8"}
"""Character sets that the HIS writes, by MSH-18, and Python's names of them."""

STATES: Final[Mapping[str, str]] = {
    "SCHEDULED": "SC", "STARTED": "IP", "COMPLETED": "CM", "DISCONTINUED": "DC", "CANCELLED": "CA",
}  # fmt: skip
"""Order status of a scheduled step (HL7 table 0038)."""

Row = Mapping[str, Any]


def head(sender: str, receiver: str, kind: str, control_id: str, time: str, charset: str) -> Any:
    """MSH."""
    name, _, event = kind.partition("^")
    return list(
        header_row(
            type=kind, structure=f"{name}_{event}", control_id=control_id, time=time,
            sending_app=sender, sending_facility="HOSPITAL", receiving_app=receiver,
            receiving_facility="HOSPITAL", country="CHN", charset=charset,
        )
    )  # fmt: skip


def patient(row: Row) -> list[Any]:
    """PID with the Chinese name; the Latin one stands in an OBX (``pinyin``)."""
    return [
        "PID", "1", None, Rep([[row["patient_id"], "", "", "", "PatientNO"]]), None, row["name"],
        None, row["birth"], row["sex"],
    ]  # fmt: skip


def pinyin(row: Row) -> list[Any]:
    """OBX with the name in Latin letters, which many consoles show alone."""
    code = ["PINYIN", "患者拼音名", "L"]
    return ["OBX", "1", "PN", code, None, str(row["latin"]).split("^"), *[None] * 5, "F"]


def order(control: str, row: Row, *, control_id: str, time: str, charset: str) -> bytes:
    """OMI^O23 with one step.

    Args:
        control: ``NW``, ``XO`` or ``CA``.
        row: columns of the worklist, and ``placer``.
        control_id: MSH-10.
        time: MSH-7.
        charset: MSH-18.
    """
    due = f"{row['date']}{row['time']}"
    return build(
        [
            head("HIS", "RIS", ORDER, control_id, time, charset),
            patient(row),
            ["PV1", "1", "O"],
            ["ORC", control, row["placer"]],
            ["TQ1", "1", None, None, None, None, None, due],
            ["OBR", "1", row["placer"], None, [row["procedure_id"], row["description"]]],
            ["IPC", [row["accession"]], [row["procedure_id"]], [row["study"]], [row["sps_id"]],
             row["modality"], None, None, None, row["station"]],
            pinyin(row),
        ],
        encoding=CODECS[charset],
    )  # fmt: skip


def update(row: Row, *, control_id: str, time: str, charset: str) -> bytes:
    """ADT^A08: what is known of a patient changed."""
    return build(
        [head("HIS", "RIS", UPDATE, control_id, time, charset), ["EVN", "A08", time], patient(row),
         ["PV1", "1", "O"], pinyin(row)],
        encoding=CODECS[charset],
    )  # fmt: skip


def status(placer: str, accession: str, state: str, *, control_id: str, time: str) -> bytes:
    """OMG^O19 with ORC-1 ``SC``: the state of an order changed (HL7 table 0038 in ORC-5)."""
    return build(
        [
            head("RIS", "HIS", STATUS, control_id, time, "GB 18030-2000"),
            ["ORC", "SC", placer, accession, None, STATES[state]],
            ["OBR", "1", placer, accession],
        ],
        encoding="gb18030",
    )


READ: Final[Mapping[str, str]] = {
    "patient_id": "PID-3.1", "name": "PID-5.1", "birth": "PID-7", "sex": "PID-8",
    "accession": "IPC-1.1", "procedure_id": "IPC-2.1", "description": "OBR-4.2",
    "study": "IPC-3.1", "sps_id": "IPC-4.1", "modality": "IPC-5", "station": "IPC-9",
    "placer": "ORC-2.1",
}  # fmt: skip
"""Columns of the worklist, and where an order has them."""


def read_order(message: Hl7Message) -> dict[str, str]:
    """What an order says.

    Raises:
        Refusal: a segment or a value without which there can be no step (101).
    """
    found = {column: _plain(message.get(path)) for column, path in READ.items()}
    found["latin"] = latin(message)
    due = _plain(message.get("TQ1-7.1"))
    found["date"], found["time"] = due[:8], due[8:14]
    for column in ("patient_id", "sps_id", "study", "placer", "date"):
        if not found[column]:
            raise Refusal("AE", "101", f"{READ.get(column, 'TQ1-7')} is empty")
    return found


def latin(message: Hl7Message) -> str:
    """The name in Latin letters, its components joined as DICOM joins them."""
    parts = [_plain(message.get(f"OBX-5.{number}")) for number in range(1, 6)]
    return "^".join(parts).rstrip("^")


def _plain(value: str | None) -> str:
    return "" if value is None or value == NULL else value
