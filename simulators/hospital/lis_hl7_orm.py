"""ORR^O02: how the LIS answers a haematology analyzer that asks with ORM^O01 (Mindray BC).

The question has ORC-1 ``RF`` and the tube in ORC-3 (older firmware: ORC-2). The answer brings
patient, ward and tube with AF, and an OBX for each test; where nothing is ordered, AR alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_build import FieldSpec
from simulators.hospital import messages
from simulators.hospital.lis_worklist import Todo

Segments = list[Sequence[FieldSpec]]


def asked_tube(message: Hl7Message) -> str:
    """The specimen id that is asked for; empty where there is none."""
    return message.get("ORC-3.1") or message.get("ORC-2.1") or ""


def reply(
    message: Hl7Message, barcode: str, tests: Sequence[Todo], person: Mapping[str, Any]
) -> Segments:
    """Everything behind MSH."""
    control_id = message.get("MSH-10") or ""
    if not tests:
        return [["MSA", "AR", control_id]]
    place = ["PV1", "1", "I", [person["ward"], "", person["bed"]]]
    rows: Segments = [
        ["MSA", "AA", control_id],
        messages.patient(dict(person)),
        place,
        ["ORC", "AF", barcode],
        ["OBR", "1", barcode, None, ["00001", "Automated Count", "99MRC"]],
    ]
    return rows + [
        ["OBX", str(number), "IS", [test.channel], None, None, None, None, None, None, None, "F"]
        for number, test in enumerate(tests, 1)
    ]
