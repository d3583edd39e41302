"""What the built-in PACS accepts, asked by associating; and who takes no association."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from harness.contract import dicom
from harness.errors import InputError
from harness.link.address import Address
from harness.link.tap import Connection
from simulators.hospital import pacs_shell

CONNECTION = Connection(
    id="pacs#contract", link="pacs", interface="PACS-DIMSE", local="contract", peer="PACS",
    client=True,
)  # fmt: skip


@pytest.mark.slow
def test_classes_and_syntaxes_are_asked_one_by_one(tmp_path: Path) -> None:
    def asked(*defects: str) -> dict[str, str]:
        config = {"role": "PACS", "store": str(tmp_path / f"{len(defects)}.sqlite"),
                  "durable": False, "defects": defects}  # fmt: skip
        service, listener, store = pacs_shell.make(config)
        try:
            return dicom.items(listener.start("127.0.0.1", 0), "MHPACS", CONNECTION)
        finally:
            listener.stop()
            service.stop()
            store.close()

    before, after = asked(), asked("pacs-no-lossless")

    assert before["context Verification implicit"] == "accepted"
    assert before["context CT JPEG lossless"] == "accepted"
    assert before["context Modality worklist implicit"] == "class not supported"
    assert "maximum PDU" in before
    assert {key for key in before if before[key] != after[key]} >= {"context CT JPEG lossless"}
    assert after["context CT explicit"] == "accepted"


def test_who_is_not_there_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(InputError):
            dicom.items(Address(host="127.0.0.1", port=port), "ANY-SCP", CONNECTION)
