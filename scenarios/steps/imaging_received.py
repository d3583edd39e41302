"""A look at what was moved to the devices that we play."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.link.dicom_data import DataSet
from harness.model import Outcome
from harness.probes import probe
from harness.probes.dicom import fingerprint, shown
from simulators.modality.modality import Receiver


@dataclass(slots=True)
class ReceivedProbe:
    """One row an instance.

    Args:
        receivers: by the name of the device.
        sent: gives an instance as it was sent.
        columns: elements that are shown beside the hashes.
    """

    receivers: Mapping[str, Receiver]
    sent: Callable[[str], DataSet | None]
    columns: Sequence[str]
    name: str = "modality-received"
    role: str = "modality"

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look at the receiver of one device."""
        rows: list[dict[str, str | None]] = []
        for request in list(self.receivers[args["device"]].stored.values()):
            data = request.data()
            if data.text("StudyInstanceUID") == args["StudyInstanceUID"]:
                row = fingerprint(data, self.sent(data.text("SOPInstanceUID")))
                row |= {name: shown(data, name, data.character_sets) for name in self.columns}
                rows.append(row)
        return probe.Answer(outcome=Outcome.OK, rows=rows)

    def close(self) -> None:
        """The site ends what listens."""
