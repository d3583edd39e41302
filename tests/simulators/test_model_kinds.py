"""Every kind of instrument that is known has a model, and the model has what makes the kind.

A row: the kind, the model, and what its file or its messages must show. Kinds follow the field's
three tables: ASTM speakers, HL7 speakers, and framings of their own.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest

from harness import resources
from harness.clock import CHINA
from harness.wire.astm_config import BlockEnd, CutPolicy
from simulators.analyzer import families, generate
from simulators.analyzer.model import AnalyzerModel, known_models, load_model
from simulators.analyzer.upload import message

Shows = Callable[[AnalyzerModel], object]


def rows(model: AnalyzerModel, letter: str) -> list[str]:
    """Records of one generated upload, cut by hand."""
    sent = message(model, [generate.run(3, model)], control_id="1", time="20260105070000")
    text = sent.decode(model.encoding)
    return [row for row in text.replace("\n", "\r").split("\r") if row[:1] == letter]


def sent(model: AnalyzerModel) -> bytes:
    """First message of one generated upload of another family."""
    time = datetime(2026, 1, 5, 8, 0, tzinfo=CHINA)
    return families.payloads(model, [generate.run(3, model)], first_id=1, time=time)[0]


ASTM: list[tuple[str, str, Shows]] = [
    ("whole message in one frame", "sysmex-xn",
     lambda m: m.link.cut is CutPolicy.WHOLE_MESSAGE and m.link.frame_text_max > 60_000),
    ("one record a frame, whatever its length", "sysmex-xn-serial",
     lambda m: m.link.cut is CutPolicy.ONE_RECORD_A_FRAME and m.transport.kinds[0] == "serial"),
    ("values padded on the left", "sysmex-xp", lambda m: m.values.width == 5),
    ("one text cut every 240 bytes", "roche-cobas-e411",
     lambda m: (m.link.cut, m.link.frame_text_max) == (CutPolicy.WHOLE_MESSAGE, 240)),
    ("a comment behind every result", "roche-cobas-c311",
     lambda m: len(rows(m, "C")) >= len(rows(m, "R")) > 0),
    ("ETB on all frames but that of L", "roche-cobas-c111",
     lambda m: m.link.block_end is BlockEnd.MESSAGE and rows(m, "M")),
    ("middleware with the module behind the test", "roche-cobas-it",
     lambda m: all(row.split("|")[2].endswith("^c501") for row in rows(m, "R"))),
    ("final, interpretation and raw signal of a test", "abbott-architect",
     lambda m: {line.role for line in m.records.results} == {"main", "interpretation", "signal"}),
    ("exceptions as results of their own", "abbott-alinity",
     lambda m: any(line.when == "failed" for line in m.records.results)),
    ("bedside, a frame a message", "abbott-afinion",
     lambda m: m.link.cut is CutPolicy.WHOLE_MESSAGE),
    ("bedside, patient in another field", "siemens-dca", lambda m: rows(m, "P")[0].count("|") > 2),
    ("terminator F and condition codes", "beckman-access",
     lambda m: rows(m, "L")[0].split("|")[2] == "F"),
    ("delimiters of its own", "beckman-dxh", lambda m: m.records.delimiters == "|\\!~"),
    ("sender empty, receiver names the device", "siemens-atellica",
     lambda m: not rows(m, "H")[0].split("|")[4] and rows(m, "H")[0].split("|")[9]),
    ("a password in the header", "siemens-immulite", lambda m: rows(m, "H")[0].split("|")[3]),
    ("histograms as deflated floats", "horiba-yumizen",
     lambda m: len(rows(m, "M")) == 3 and "FLOATLE-stream/deflate" in rows(m, "M")[0]),
    ("LOINC beside the code", "horiba-yumizen", lambda m: "^804-5" in "".join(rows(m, "R"))),
    ("shifted fields and kinds in H.12", "mindray-cl-astm",
     lambda m: rows(m, "H")[0].split("|")[11] == "PR" and getattr(m.orders, "patients_max", 0) == 10),
    ("password, time of a result one field early", "snibe-maglumi",
     lambda m: "PSWD" in rows(m, "H")[0]),
    ("several results and a record behind each", "stago-sta",
     lambda m: len(rows(m, "M")) >= len({row.split("|")[2] for row in rows(m, "R")}) > 0),
    ("backtick repeats, several tubes in a query", "erba-xl",
     lambda m: m.records.delimiters[1] == "`" and getattr(m.query, "barcodes_max", 0) > 1),
    ("decimal comma", "euroimmun", lambda m: any("," in row for row in rows(m, "R"))),
    ("blood groups, reactions of every well", "bio-rad-ih500",
     lambda m: m.values.parts and any(line.parts for line in m.records.results)),
    ("probe by probe, delimiters of its own", "cepheid-genexpert",
     lambda m: m.records.delimiters == "|@^\\" and any(x.parts for x in m.records.results)),
    ("seven bits", "bio-rad-d10", lambda m: m.transport.serial.bits == 7),
    ("a curve as a long comment", "electra-pro",
     lambda m: max(map(len, rows(m, "C"))) > 1_000),
]  # fmt: skip
"""ASTM speakers."""

HL7: list[tuple[str, str, Shows]] = [
    ("2.3.1 dialect with QRY and DSR", "mindray-bs",
     lambda m: (m.hl7.dialect, m.hl7.query) == ("mindray", "qry")),
    ("noise first, LOINC, pictures, ORM query", "mindray-bc",
     lambda m: m.hl7.lead_noise and m.hl7.query == "orm" and sent(m).count(b"|ED|") == 2),
    ("a message a test, position as id", "mindray-bs200",
     lambda m: m.hl7.rack_as_id and m.hl7.grouping == "result"),
    ("OUL^R22 in bursts", "snibe-maglumi-hl7",
     lambda m: b"OUL^R22" in sent(m) and not m.hl7.wait),
    ("values packed into one field", "wondfo-finecare",
     lambda m: sent(m).count(b"\rOBX|") == 1 and m.hl7.pack_values),
    ("blocks without FS, odd times", "accre8",
     lambda m: m.hl7.cut_trailer and b"20260105 08:00.00" in sent(m)),
    ("quality control in OBR-15", "siemens-clinitek-status", lambda m: m.hl7.qc_mark == "obr-15"),
    ("OUL^R24, MSH-11 always T", "boditech-ichroma",
     lambda m: b"OUL^R24|" in sent(m) and b"|T|" in sent(m)),
    ("LAW, power of ten in the unit, UTC digits", "roche-cobas-law",
     lambda m: m.hl7.clock_utc and any(one.exponent for one in m.hl7.channels.values())),
    ("1 in MSH-16 is a control, arrows are flags", "edan-i15",
     lambda m: (m.hl7.qc_word, m.hl7.flags["H"]) == ("1", "↑")),
    ("no CR between segments, the LIS connects", "getein-magicl",
     lambda m: b"\r" not in sent(m) and m.hl7.side == "server"),
    ("raw signal before the value", "autobio-a1000",
     lambda m: all(b"^" in row.split(b"|")[5] for row in sent(m).split(b"\rOBX")[1:])),
    ("control as OUL^R21, asterisk for caret", "dirui-bf6900",
     lambda m: m.hl7.qc_type == "OUL^R21" and b"|10*9/L|" in sent(m)),
    ("ORU^R32", "cepheid-genexpert-hl7", lambda m: b"|ORU^R32|" in sent(m)),
]  # fmt: skip
"""HL7 speakers."""

FRAMED: list[tuple[str, str, Shows]] = [
    ("fixed columns, XOR, order queries", "beckman-au",
     lambda m: (m.framed.framing.check.value, m.framed.query) == ("xor", "olympus")),
    ("fixed columns, function letter", "hitachi-7170", lambda m: sent(m).startswith(b":")),
    ("fixed columns, implied decimals", "sysmex-kx21",
     lambda m: any(one.implied for frame in m.framed.frames for one in frame.each + frame.head)),
    ("code and form of result in one code", "sysmex-ca1500", lambda m: sent(m)[:2] == b"D1"),
    ("two's complement of the text", "ciba-corning-1620",
     lambda m: m.framed.framing.check.value == "twos-complement"),
    ("bracket records", "beckman-array", lambda m: m.framed.framing.start == "["),
    ("numbered lines with a sum", "vitros-750", lambda m: m.framed.framing.start == "!"),
    ("printed lines with a check", "coulter-jt", lambda m: b"\r\n" in sent(m)),
    ("numbered blocks with CRC-16", "coulter-maxm", lambda m: m.framed.framing.kind == "blocks"),
    ("printed strip with a sum", "clinitek-100", lambda m: m.framed.framing.check.value == "sum"),
    ("sum behind ETX", "miditron-junior",
     lambda m: m.framed.framing.check_place == "after-end" and not m.framed.framing.check_end),
    ("printed strip without a check", "urit-strip",
     lambda m: m.framed.framing.check.value == "none"),
    ("comma-separated lines", "fuji-dri-chem", lambda m: sent(m).count(b",") > 3),
    ("tagged fields, lower-case sum", "biomerieux-mini-vidas",
     lambda m: m.framed.framing.check_form == "hex-lower"),
    ("plain records without a link, pictures", "nihon-kohden-celltak",
     lambda m: m.framed.reader == "records" and m.framed.framing.check.value == "none"),
    ("two-digit channels, a digit first", "hitachi-7150", lambda m: sent(m)[:1].isdigit()),
    ("parts with ETB, repeated until acknowledged", "abbott-aeroset",
     lambda m: m.framed.framing.part_end == "<ETB>" and m.framed.framing.sends_max == 100),
    ("one record of 793 characters", "sebia-hydrasys", lambda m: len(sent(m)) == 793),
    ("fixed text, date DDMMYYYY", "hemacell-plus", lambda m: sent(m).startswith(b"050120260800")),
    ("lines, year first without its century", "arkray-spotchem", lambda m: b" 26/01/05 " in sent(m)),
    ("FS fields, polls", "siemens-dimension", lambda m: sent(m).startswith(b"P\x1c")),
    ("POCT1-A messages", "poct-glucose", lambda m: m.family == "poct1a"),
]  # fmt: skip
"""Framings of their own, and POCT1-A."""

ROWS = ASTM + HL7 + FRAMED


@pytest.mark.parametrize(("kind", "name", "shows"), ROWS, ids=[row[0] for row in ROWS])
def test_the_model_shows_what_makes_its_kind(kind: str, name: str, shows: Shows) -> None:
    assert shows(load_model(name)), kind


def test_sixteen_models_of_ten_vendors_and_more() -> None:
    used = [load_model(name) for name in {row[1] for row in ROWS}]
    vendors = {model.vendor for model in used} - {""}

    assert len(used) >= 16
    assert len(vendors) >= 10
    assert not {name for _, name, _ in ROWS} - set(known_models())


INSTRUMENTS = tomllib.loads(resources.fixture("instruments.toml").read_text("utf-8"))["rows"]

GENERIC = {"chemistry", "haematology"}
"""Of no maker."""


def test_every_instrument_that_is_known_has_a_model_or_a_reason() -> None:
    """The field's three tables have 27, 15 and 26 rows; POCT1-A is described without makers."""
    counts = Counter(row["table"] for row in INSTRUMENTS)
    shown = {name for _, name, _ in ROWS}

    assert counts == {"astm": 27, "hl7": 15, "framed": 26, "poct": 1}
    assert len({(row["table"], row["instrument"]) for row in INSTRUMENTS}) == len(INSTRUMENTS)
    for row in INSTRUMENTS:
        assert row["models"] or len(row["reason"]) > 20, row["instrument"]
        assert set(row["models"]) <= shown, row["instrument"]
    named = {name for row in INSTRUMENTS for name in row["models"]}
    assert set(known_models()) - named == GENERIC
    assert sum(not row["models"] for row in INSTRUMENTS) <= 4
