"""What left a system, as it arrived at an endpoint of ours: the look that reaches ``sent``.

A row of a table, an outbox included, says what a system means to send. Only a message that came in
at a relay or listener of ours shows that it was sent; its content is what the receiver got.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.evidence.trace import Record, unpack
from harness.i18n import tr
from harness.probes.asking import Row, answered, refused
from harness.probes.probe import Answer
from harness.wire.hl7 import Hl7Message

ROWS_MAX: Final = 10_000
"""Values of one specimen, each several times."""


@dataclass(slots=True)
class SentResults:
    """Results of a specimen in the messages that one system sent to us.

    Args:
        name: of the probe.
        role: whose messages.
        interface: on which they pass.
        records: of the running scenario.
        watched: interfaces of each link on which something of ours stands.
        reach: how far it sees.
    """

    name: str
    role: str
    interface: str
    records: Callable[[], Sequence[Record]]
    watched: Callable[[], Mapping[str, Sequence[str]]]
    reach: str = "sent"

    def ask(self, args: Mapping[str, str]) -> Answer:
        """The value of each item as it was sent last; nothing where no endpoint of ours stands."""
        links = {link for link, names in self.watched().items() if self.interface in names}
        if not links:
            return refused(
                tr("nothing of ours stands on {interface}: what is sent cannot be seen",
                   interface=self.interface)
            )  # fmt: skip
        found: dict[str, Row] = {}
        for record in self.records():
            if record["kind"] != "message" or record.get("protocol") != "hl7":
                continue
            if record["link"] in links and record["frm"] == self.role:
                for row in _results(Hl7Message.parse(unpack(record["raw"])), args["barcode"]):
                    found[row["item"] or ""] = row
        return answered(list(found.values()), ROWS_MAX)

    def close(self) -> None:
        """Nothing is held."""


def _results(message: Hl7Message, barcode: str) -> list[Row]:
    """Values of a specimen; OBR-3 holds for the OBX behind it (HL7 2.4, 7.4.1 and 7.4.2)."""
    if message.get("MSH-9.1") != "ORU":
        return []
    patient, rows, ours = message.get("PID-3[1].1"), [], False
    for segment in message.segments():
        if segment.name == "OBR":
            ours = barcode in {segment.get("3.1"), segment.get("2.1")}
        elif segment.name == "OBX" and ours:
            rows.append({"barcode": barcode, "patient_id": patient, "item": segment.get("3.1"),
                         "value": segment.get("5"), "status": segment.get("11")})  # fmt: skip
    return rows
