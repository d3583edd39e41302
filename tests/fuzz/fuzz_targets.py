"""What the guided fuzzer feeds: one function a core, codec or file reader.

Each takes any bytes and either returns, or raises what its module promises for input that it
refuses; what it promises besides (nothing lost, events do not depend on the reads) is asserted.
Anything else that it raises is a fault. Input that once was one stands in
``tests/corpus/crashes/<target>/`` and is played with every test run.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Final

import fuzz_targets_codecs
import fuzz_targets_link
from file_readers import READERS, Reader, refusal
from fuzz_kit import CORPUS, CRASHES, Target, core, file

from harness import people
from harness.captures import sources as captures
from harness.captures.astm import read_astm
from harness.captures.hl7 import read_hl7
from harness.captures.http import read_http
from harness.captures.network import talks
from harness.cases import deidentify
from harness.cases.identity import load
from harness.cases.pseudonyms import Pseudonyms
from harness.dicomcheck import check, streams
from harness.errors import InputError, PeerError
from harness.evidence import trace
from harness.ledger import sniff
from harness.ledger import sources as ledger_sources
from harness.link import dicom_data, dicom_extended, dicom_lossless, dicom_pixels, dicom_rle
from harness.scenario.gherkin import read_feature
from harness.wire import (
    astm_decode,
    astm_link,
    dicom_command,
    dicom_items,
    dicom_pdu,
    envelope,
    hl7_ack,
    http1,
    http1_client,
    json_exact,
    poct1a,
    poct1a_core,
)
from harness.wire.astm_records import AstmMessage
from harness.wire.dicom_upper import UpperLayerCore
from harness.wire.framings import FramingCore
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import MllpCore
from harness.xmldoc import safe
from simulators.modality import drop
from simulators.modality.images import Exam
from simulators.modality.model import load_model

__all__ = ["CORPUS", "CRASHES", "EXAM", "FILE", "IDENTITY", "READERS", "TARGETS"]

IDENTITY: Final = load()
EXAM: Final = Exam(
    person=people.generate(1, 0), study="2.25.1", accession="A", procedure_id="P", step_id="S",
    description="x", moment=datetime(2026, 1, 5, 8, 0),  # noqa: DTZ001 - DICOM writes local times
)  # fmt: skip


def _hl7(data: bytes) -> None:
    message = Hl7Message.parse(data)
    assert message.raw == data
    for leaf in message.leaves():
        message.text_of(leaf)
    hl7_ack.check_ack(data, hl7_ack.acknowledge(message, "AA", control_id="1", time="20260101"))


def _astm_records(data: bytes) -> None:
    message = AstmMessage.parse(data)
    assert message.raw == data
    for record in message.records:
        for number in range(1, 4):
            record.get(str(number))


def _items(data: bytes) -> None:
    with contextlib.suppress(dicom_items.ItemError):
        dicom_items.decode(data)


def _pdu(data: bytes) -> None:
    with contextlib.suppress(dicom_pdu.PduError):
        dicom_pdu.decode_pdu(data[0] % 9 if data else 0, data[1:])


def _command(data: bytes) -> None:
    with contextlib.suppress(dicom_command.CommandError):
        dicom_command.decode(data)


def _jpeg_lossless(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        samples, rows, columns, components, bits = dicom_lossless.decode(data)
        assert len(samples) == rows * columns * components, "samples were lost"
        assert max(samples) < 1 << bits, "a sample has more bits than are said"


def _jpeg_extended(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        samples, rows, columns, bits = dicom_extended.decode(data)
        assert len(samples) == rows * columns, "samples were lost"
        assert 0 <= min(samples) <= max(samples) < 1 << bits, "a sample is out of its range"


def _jpeg_head(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        streams.head_of(data)


def _rle(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        assert len(dicom_rle.decode(data[1:], 64, 1 + data[0] % 3 if data else 1, 2)) >= 128


def _dicom_object(data: bytes) -> None:
    """Read in each encoding, judged by every rule, and its fragments taken apart."""
    for syntax in (dicom_data.EXPLICIT, dicom_data.IMPLICIT, dicom_data.DEFLATED):
        with contextlib.suppress(PeerError):
            made = dicom_data.read(data, syntax)
            check.check(made, syntax)
    with contextlib.suppress(PeerError):
        dicom_pixels.streams(data)


def _drop(path: Path) -> None:
    found, _ = drop.look(path.parent)
    for one in drop.objects(drop.sender(load_model("es-capture-card")), EXAM, found):
        assert one.number("Rows") == found[0].rows


def _json(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        json_exact.encode(json_exact.decode(data).value)


def _envelope(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        envelope.problems(envelope.read_request(data))


def _capture(data: bytes) -> None:
    with contextlib.suppress(InputError):
        for stream in captures.streams(data):
            for reading in (read_astm(stream), read_hl7(stream)):
                for one in reading.kept:
                    there = stream.data[one.offset : one.offset + len(one.data)]
                    assert one.data == there, "kept what was not there"


def _http_capture(data: bytes) -> None:
    for begin in (b"", b"HTTP/1.1 200 OK\r\n"):
        stream = captures.Stream(direction="", data=begin + data)
        for one in read_http(stream).kept:
            assert stream.data.endswith(one.data), "kept what was not there"


def _deidentify(data: bytes) -> None:
    pieces = [deidentify.Piece(one, data) for one in ("hl7", "astm", "http")]
    done = deidentify.deidentify(pieces, Pseudonyms(b"fuzz"), IDENTITY)
    assert [len(one) for one in done.payloads] == [len(data)] * 3, "a length changed"


def _ledger(path: Path) -> None:
    for feed in ledger_sources.feeds(str(path), query="", work=path.parent):
        sniff.look(feed.path, label=feed.label, renames={})


FILE: Final = "file-"
"""Before the names of readers of files that a person hands over."""


def _handed(reader: Reader) -> Target:
    good = reader.good()[0]
    return lambda data: refusal(reader, good, data)


TARGETS: Final[dict[str, Target]] = {
    "astm-link": core(lambda: astm_link.AstmLinkCore(astm_link.AstmLinkConfig(side="host"))),
    "astm-decode": astm_decode.decode_stream,
    "astm-records": _astm_records,
    "framing": core(FramingCore),
    "mllp": core(MllpCore),
    "hl7": _hl7,
    "http-server": core(http1.HttpServerCore),
    "http-client": core(http1_client.HttpClientCore),
    "poct1a": poct1a.read,
    "poct1a-link": core(poct1a_core.Poct1aCore),
    "dicom-link": core(lambda: UpperLayerCore(server=True)),
    "dicom-pdu": _pdu,
    "dicom-items": _items,
    "dicom-command": _command,
    "dicom-object": _dicom_object,
    "jpeg-lossless": _jpeg_lossless,
    "jpeg-extended": _jpeg_extended,
    "jpeg-head": _jpeg_head,
    "jpeg-drop": file(_drop, ".jpg"),
    "rle": _rle,
    "json": _json,
    "envelope": _envelope,
    "xml": safe.read,
    "capture": _capture,
    "deidentify": _deidentify,
    "http-capture": _http_capture,
    "network": file(talks, ".pcap"),
    "feature": file(read_feature, ".feature"),
    "trace": file(trace.read, ".jsonl"),
    "ledger-text": file(_ledger, ".csv"),
    "ledger-zip": file(_ledger, ".zip"),
    **fuzz_targets_link.TARGETS,
    **fuzz_targets_codecs.TARGETS,
    **{f"{FILE}{name}": _handed(reader) for name, reader in READERS.items()},
}
