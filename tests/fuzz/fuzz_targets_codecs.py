"""What the guided fuzzer feeds, further codecs and readers: HL7 beside the message, captures, DICOM."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace
from functools import cache
from typing import Any, Final

from fuzz_kit import Target, framed_sections, picked

from harness.captures import conversations, dicom, poct, serial_log
from harness.captures.framed import read_framed
from harness.captures.reading import Reading
from harness.captures.sources import Stream
from harness.cases import dicom_about
from harness.errors import InputError, PeerError
from harness.link import dicom_data, dicom_file, dicom_json
from harness.wire import (
    dicom_box,
    dicom_tree,
    framings_read,
    hl7_batch,
    hl7_encoding,
    hl7_escape,
    hl7_tables,
    http1,
    http1_plain,
    json_exact,
    multipart,
)
from harness.wire.framings_readers import READERS
from harness.wire.hl7 import Hl7Message
from simulators.analyzer import hl7_orders
from simulators.analyzer.model import AnalyzerModel, known_models, load_model
from simulators.analyzer.model_hl7 import Hl7Section
from simulators.analyzer.orders import OrderBook, read_orders

SECTIONS: Final = list(framed_sections().values())
SYNTAXES: Final = (dicom_data.EXPLICIT, dicom_data.IMPLICIT, dicom_data.DEFLATED)


_ROW: Final = re.compile(rb"[^\r\n]+(?:\r\n|\r|\n)?")

# ---- HL7


def _batch(data: bytes) -> None:
    """Each row is of a message, begins or ends a batch, or is reported; all is answered."""
    batch = hl7_batch.read_batch(data)
    rows = _ROW.findall(data)
    said = _ROW.findall(b"".join(batch.messages))
    ends = [one for one in rows if one[:3] in {b"FHS", b"BHS", b"BTS", b"FTS"}]
    strays = [one for one in batch.findings if one.code == "hl7.batch-stray"]
    assert len(rows) == len(said) + len(ends) + len(strays), "a row was lost"
    left = iter(rows)
    assert all(one in left for one in said), "a row was changed"
    for one in batch.findings:
        assert 0 <= one.offset <= len(data), "an offset that is not in the payload"
    hl7_batch.is_batch(data)
    codes = [(one, "AA") for one in batch.messages]
    answer = hl7_batch.answer_batch(batch, codes, control_id="1", time="20260101080000+0800")
    again = hl7_batch.read_batch(answer)
    assert len(again.messages) == len(codes), "not every message is answered"
    assert not again.findings


def _validate(data: bytes) -> None:
    """Any message can be held against any dictionary."""
    for version in (None, "2.5.1"):
        for one in hl7_tables.validate(data, version):
            assert one.code


def _encoding(data: bytes) -> None:
    """Nothing is replaced, offsets lie inside, and a mask keeps its length."""
    declared, _, rest = data.partition(b"\n")
    for name in (declared.decode("latin-1"), "GBK", "BIG5", "UNICODE UTF-8", ""):
        found = hl7_encoding.detect(rest, name)
        assert -1 <= found.offset < max(len(rest), 1)
        text = hl7_encoding.decode_part(rest, found.codec)
        if found.codec == "utf-8":
            assert text.encode("utf-8") == rest, "bytes were lost"
        for codec in hl7_encoding.HAZARDOUS:
            assert len(hl7_encoding.mask(rest, b"|^~\\&", codec)) == len(rest)


def _escapes(data: bytes) -> None:
    """Escaped once and unescaped once, a text is what it was; offsets lie inside."""
    head, _, rest = data.partition(b"\r")
    signs, problem = hl7_escape.Delimiters.of_header(head)
    for offset in (one[1] for one in hl7_escape.escape_problems(data, 0, signs, "gb18030")):
        assert 0 <= offset < len(data)
    text = rest.decode("latin-1")
    hl7_escape.unescape(text, signs, "gb18030")
    with contextlib.suppress(InputError):  # it needs an escape character, and there is none
        written = hl7_escape.escape(text, signs)
        if not problem:
            assert signs.field not in written, "a delimiter is left"
            assert hl7_escape.unescape(written, signs, "ascii") == text, "a text changed"


# ---- HTTP and JSON


def _multipart(data: bytes) -> None:
    """Parts stand in the body, and written again they are read as the same."""
    line, _, body = data.partition(b"\n")
    text = line.decode("latin-1")
    with contextlib.suppress(PeerError):
        multipart.media(text)
    with contextlib.suppress(PeerError):
        multipart.accepted(text)
    with contextlib.suppress(PeerError):
        parts = multipart.parse(body, text)
        assert all(one.body in body for one in parts), "a part is not of the body"
        assert multipart.parse(multipart.build(parts, text), text) == parts, "a part changed"
        for one in parts:
            with contextlib.suppress(PeerError):
                assert one.media.kind


def _http_plain(data: bytes) -> None:
    """What is read without ceremony is what the general reader makes of the same bytes."""
    limits = http1.HttpLimits()
    plain = http1_plain.plain_request(
        data, body_bytes_max=limits.body_bytes_max, header_bytes_max=limits.header_bytes_max
    )
    if plain is not None:
        core = http1.HttpServerCore()
        core.receive(data[:1], 0.0)  # not whole: the general reader takes it
        core.receive(data[1:], 0.0)
        assert core.events() == [plain], "two readers disagree"


def _json_loads(data: bytes) -> None:
    """A text is refused, or what was read is read again from what is written of it."""
    text = data.decode("utf-8", "surrogatepass") if _utf8(data) else data.decode("latin-1")
    with contextlib.suppress(json_exact.JsonError):
        value = json_exact.loads(text)
        assert json_exact.loads(json_exact.dumps(value)) == value, "a value changed"


def _utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


# ---- captures


def _inside(reading: Reading, data: bytes) -> None:
    """Offsets lie inside, and what was kept stands there."""
    for one in (*reading.findings, *reading.messages):
        assert -1 <= one.offset <= len(data), "an offset that is not in the stream"
    for kept in reading.kept:
        there = data[kept.offset : kept.offset + len(kept.data)]
        assert there == kept.data, "kept what was not there"


def _framed(data: bytes) -> None:
    """Any stream can be read with any model; the first byte says which."""
    section, line = picked(data, SECTIONS)
    _inside(read_framed(Stream(direction="", data=line), section), line)


def _framed_text(data: bytes) -> None:
    """Readers never raise; messages are what stands between FF."""
    section, said = picked(data, SECTIONS)
    reader = READERS.get(str(section.get("reader", "")))
    if reader is not None:
        setup, encoding = section.get("lis_setup", {}), str(section.get("encoding", "ascii"))
        found = framings_read.read(reader, said.split(b"\xff"), setup, encoding)
        assert len(found.problems) <= framings_read.PROBLEMS_MAX
        assert len(found.specimens) <= framings_read.SPECIMENS_MAX


def _poct(data: bytes) -> None:
    """No byte is left out, and each message stands where it is said to stand."""
    poct.is_poct(data)
    parts = list(poct.messages(data))
    said = b"".join(one.data for one in parts)
    assert data.startswith(said), "bytes were changed"
    assert not data[len(said) :].strip(b" \t\r\n\x00"), "bytes were lost"
    reading = poct.read_poct(Stream(direction="", data=data))
    _inside(reading, data)
    for one in reading.messages:
        assert data[one.offset :].startswith(one.payload), "a message is not where it is said"
    offsets = [one.offset for one in reading.messages]
    assert offsets == sorted(set(offsets)), "two messages at one place"


def _dicom(data: bytes) -> None:
    """Both sides of a connection: chunks of up to 64 bytes, each behind its size and its side."""
    talk = conversations.Conversation(
        client=conversations.Side(("10.0.0.1", 1), ("10.0.0.2", 104)),
        server=conversations.Side(("10.0.0.2", 104), ("10.0.0.1", 1)),
        began_s=0.0,
    )  # fmt: skip
    at, moment = 0, 0.0
    while at < len(data):
        side = talk.server if data[at] & 0x80 else talk.client
        piece = data[at + 1 : at + 2 + (data[at] & 0x7F) * 2]
        if piece:
            side.chunks.append(conversations.Chunk(moment, side.size, piece))
            side.size += len(piece)
        at, moment = at + 1 + max(len(piece), 1), moment + 0.1
    for reading, side in zip(dicom.read_dicom(talk), (talk.client, talk.server), strict=True):
        for one in (*reading.findings, *reading.messages):
            assert -1 <= one.offset <= side.size, "an offset that is not in the stream"
        for message in reading.messages:
            if message.payload:
                dicom_box.decode(message.payload)


def _serial_log(data: bytes) -> None:
    """Lines in their order; the bytes of each come from its line."""
    serial_log.is_log(data)
    count = data.count(b"\n") + 1
    for day_s in (0.0, 1767196800.0):
        numbers = [one.number for one in serial_log.lines_of(data, day_s)]
        assert numbers == sorted(set(numbers)), "a line was told twice"
        assert all(1 <= one <= count for one in numbers)
    for line in data.splitlines():
        serial_log.hex_text(line)


# ---- DICOM


def _dicom_file(data: bytes) -> None:
    """A file is refused, or its body is the end of it."""
    for made in (data, dicom_file.PREAMBLE + data):
        with contextlib.suppress(PeerError):
            found = dicom_file.read_file(made)
            assert made.endswith(found.body), "a body that is not of the file"
            found.data()


def _dicom_tree(data: bytes) -> None:
    """What was read is written as it came, to the last byte."""
    for explicit in (True, False):
        tree = dicom_tree.parse(data, dicom_data.vr_of, explicit=explicit)
        assert tree.encode() == data, "bytes were lost"
        assert all(one.rest in data for one in tree.rests()), "a rest that is not of the data"


def _dicom_about(data: bytes) -> None:
    """A message can be opened whatever its data set is, and is written as it came."""
    with contextlib.suppress(ValueError):
        dicom_about.opened(data).encode()
    box = dicom_box.Boxed(association="fuzz", context=1, command={0x0100: 1})
    for syntax in SYNTAXES:
        payload = replace(box, body=data, syntax=syntax).encode()
        found = dicom_about.opened(payload)
        if not found.deflated:
            assert found.encode() == payload, "a message changed"
        dicom_about.summary(payload)
        dicom_about.digests(payload)
        for place in (dicom_about.STATUS, "PatientName", "(0040,0100).Modality"):
            dicom_about.values(payload, place)
        for node, tree, _ in found.tree.walk():
            dicom_about.text_of(node, found.sets(tree))


def _dicom_json(data: bytes) -> None:
    """A data set as JSON, and what a server says in JSON as texts."""
    for syntax in SYNTAXES[:2]:
        with contextlib.suppress(PeerError):
            read = dicom_data.read(data, syntax)
            made = dicom_json.to_json(read)
            for tag in read.elements:
                read.number(tag)
            _texts(json.loads(json.dumps(made, allow_nan=False)))
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(data)
        if isinstance(told, dict):
            _texts(told)


def _texts(told: dict[str, Any]) -> None:
    dicom_json.flat(told)
    for key in ("PatientName", "NumberOfFrames", 0x00081199):
        dicom_json.text_of(told, key)


# ---- orders


@cache
def _ordered() -> list[AnalyzerModel]:
    models = [load_model(name) for name in known_models()]
    return [one for one in models if one.orders is not None]


@cache
def _hl7_section() -> Hl7Section:
    section = load_model("mindray-bs").hl7
    assert section is not None
    return section


def _orders(data: bytes) -> None:
    """An instrument understands something of any message, and its book takes it."""
    models = _ordered()
    model, said = picked(data, models)
    answer = read_orders(model, said)
    book = OrderBook()
    for one in answer.orders:
        assert book.take(one)
        assert len(one.codes) == len(one.tests)
        book.tests(one.barcode)


def _hl7_orders(data: bytes) -> None:
    """An instrument takes something out of any answer of a host."""
    section = _hl7_section()
    message = Hl7Message.parse(data)
    for found in (hl7_orders.display(message, section), hl7_orders.reply(message, section)):
        assert len(found["codes"]) <= hl7_orders.TESTS_MAX
        assert len(found["codes"]) == len(found["tests"]) + len(found["unknown"])


TARGETS: Final[dict[str, Target]] = {
    "hl7-batch": _batch,
    "hl7-validate": _validate,
    "hl7-encoding": _encoding,
    "hl7-escape": _escapes,
    "multipart": _multipart,
    "http-plain": _http_plain,
    "json-loads": _json_loads,
    "framed-capture": _framed,
    "framed-text": _framed_text,
    "poct1a-capture": _poct,
    "dicom-capture": _dicom,
    "serial-log": _serial_log,
    "dicom-file": _dicom_file,
    "dicom-tree": _dicom_tree,
    "dicom-about": _dicom_about,
    "dicom-json": _dicom_json,
    "orders": _orders,
    "hl7-orders": _hl7_orders,
}
