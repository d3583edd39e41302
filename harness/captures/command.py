"""``medharness decode FILE``: what a capture of an instrument says, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness import input_files, resources
from harness.captures.astm import read_astm
from harness.captures.framed import read_framed
from harness.captures.hl7 import read_hl7
from harness.captures.http import read_http
from harness.captures.layout import Layout
from harness.captures.network import Talk, is_network, talks
from harness.captures.poct import POCT, is_poct, read_poct
from harness.captures.reading import Reading
from harness.captures.sources import FORMS, Form, Stream, read_file, streams
from harness.errors import InputError, LocalProtocolError
from harness.i18n import tr
from harness.wire.astm_config import (
    AstmLinkConfig,
    BlockEnd,
    ChecksumKind,
    CutPolicy,
    NumberPolicy,
    Trailer,
)

PROTOCOLS: Final = ("auto", "astm", "hl7", "framed", "poct1a")

SHOWN_CHARS_MAX: Final = 200
"""Of a record on the screen; ``--json`` has it whole."""

_CHOICES: Final[Mapping[str, type[Any]]] = {
    "cut": CutPolicy,
    "block_end": BlockEnd,
    "numbers": NumberPolicy,
    "checksum": ChecksumKind,
    "trailer": Trailer,
}
_NUMBERS: Final = frozenset({"frame_text_max", "record_end_in_frame"})
_RECORD_ENDS: Final = {"cr": b"\r", "cr-lf": b"\r\n", "lf": b"\n", "cr-cr": b"\r\r"}

_HELD: Final = {
    "standard": "breaks the standard",
    "profile": "differs from the profile",
    "capture": "the capture",
}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def run(
    paths: Sequence[str],
    *,
    protocol: str = "auto",
    form: str = "",
    model: str = "",
    encoding: str = "",
    port: int = 0,
    as_json: bool = False,
) -> int:
    """Read captures and print what they say.

    Returns:
        0 if nothing is wrong, 1 if something is, 3 if no message was in them.

    Raises:
        InputError: a file, the model or the character set cannot be used (exit code 2).
    """
    known = model_of(model) if model else {}
    wanted: Form | None = next((one for one in FORMS if one == form), None)
    readings: list[tuple[str, Reading]] = []
    for path in paths:
        if wanted is None and is_network(Path(path)):
            found, skipped = talks(Path(path), port)
            readings += [(path, _heard(one, protocol, known, encoding)) for one in found]
            for why, count in skipped.items():
                print(tr("{path}: left out: {why}, {count} packets", path=path, why=tr(why),
                         count=count))  # fmt: skip
        else:
            given = streams(read_file(Path(path)), wanted)
            readings += [(path, _read(one, protocol, known, encoding)) for one in given]
    for path, reading in readings:
        _show(path, reading)
    messages = sum(len(one.messages) for _, one in readings)
    findings = sum(len(one.all_findings) for _, one in readings)
    code = 3 if not messages else 1 if findings else 0
    print(tr("{messages} messages, {findings} findings, {kept} pieces kept apart",
             messages=messages, findings=findings,
             kept=sum(len(one.kept) for _, one in readings)))  # fmt: skip
    if as_json:
        streams_ = [{"file": path, **one.data()} for path, one in readings]
        print(json.dumps({"streams": streams_, "exit_code": code}, ensure_ascii=False))
    return code


def _heard(talk: Talk, protocol: str, model: Mapping[str, Any], encoding: str) -> Reading:
    """One side of a connection: what cannot be read is named, and none of it is thrown away."""
    chosen = talk.protocol if protocol == "auto" and not model else protocol
    if talk.reading is not None and chosen == "dicom":
        reading = talk.reading
    elif chosen == "http":
        reading = read_http(talk.stream)
    elif chosen in PROTOCOLS:
        reading = _read(talk.stream, chosen, model, encoding)
    else:
        reading = Reading()
        reading.keep(0, "net.unknown", talk.stream.data)
    reading.direction = talk.stream.direction
    reading.findings[:0] = talk.findings
    return reading


def _read(stream: Stream, protocol: str, model: Mapping[str, Any], encoding: str) -> Reading:
    family = model.get("family", "astm") if model else ""
    if protocol == "auto":
        hl7 = (
            stream.data.lstrip(b"\x00\x02\x0b\r\n ").startswith(b"MSH") or b"\x0bMSH" in stream.data
        )
        protocol = family or ("hl7" if hl7 else POCT if is_poct(stream.data) else "astm")
    if protocol == "hl7":
        return read_hl7(stream)
    if protocol == POCT:
        return read_poct(stream)
    if protocol == "framed":
        if not isinstance(model.get("framed"), Mapping):
            raise InputError(
                tr("such a framing can only be read with a model of its family"),
                remedy="--model",
            )
        try:
            return read_framed(stream, model["framed"])
        except (ValueError, TypeError) as error:
            raise InputError(tr("not an analyzer model: {reason}", reason=error)) from error
    try:
        return read_astm(
            stream,
            encoding=encoding or str(model.get("encoding", "gb18030")),
            agreed=_agreed(model) if family == "astm" else None,
        )
    except LocalProtocolError as error:
        raise InputError(str(error)) from error


def model_of(name: str) -> dict[str, Any]:
    """The tables of a model file; only what says how bytes stand on the line is read here.

    Raises:
        InputError: there is no such file, or it is none.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = resources.fixture("analyzers", f"{name}.toml")
    return input_files.toml_of(path)


def layout_of(name: str) -> Layout:
    """The layout of an instrument with a framing of its own, by the name or file of its model.

    Raises:
        InputError: there is no such model, or it has a standard's framing.
    """
    section = model_of(name).get("framed")
    if not isinstance(section, Mapping):
        raise InputError(
            tr("this model has no framing of its own: {name}", name=name),
            remedy=tr("ASTM, HL7 and POCT1-A are read without a model"),
        )
    try:
        return Layout(Path(name).stem, section)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(tr("not an analyzer model: {reason}", reason=error), where=name) from error


def _agreed(model: Mapping[str, Any]) -> AstmLinkConfig:
    link, records = model.get("link", {}), model.get("records", {})
    given: dict[str, Any] = {name: link[name] for name in _NUMBERS if name in link}
    try:
        given |= {name: kind(link[name]) for name, kind in _CHOICES.items() if name in link}
        end = _RECORD_ENDS[records.get("record_end", "cr")]
        return AstmLinkConfig(side="instrument", record_end=end, **given)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(tr("not an analyzer model: {reason}", reason=error)) from error


# -- the screen ------------------------------------------------------------------------------------


def _show(path: str, reading: Reading) -> None:
    print(f"{path} {reading.direction}".rstrip())
    for number, message in enumerate(reading.messages, 1):
        print(tr("message {number}", number=number))
        for at, record in enumerate(message.records, 1):
            print(f"  {at:3} {_plain(record)}")
    counts = Counter(
        (one.against, one.code, one.clause, one.message, one.expected, one.actual)
        for one in reading.all_findings
    )
    for (against, code, clause, text, expected, actual), times in counts.items():
        held = tr(_HELD[against])
        wanted = f" [{expected} / {actual}]" if expected or actual else ""
        print(_plain(f"! {held}: {tr(text)} ({code}, {clause}) x{times}{wanted}"))
    for one in reading.kept:
        print(f"= {one.why} @{one.offset}: {_plain(one.data.hex(' '))}")


def _plain(text: str) -> str:
    """As a terminal may get it."""
    return _CONTROL.sub(lambda match: f"<{ord(match[0]):02X}>", text)[:SHOWN_CHARS_MAX]
