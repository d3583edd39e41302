"""Every ASTM model and random people, values and units: what went in is what a stranger reads.

The reader here knows the standard and the TOML file, and nothing of the product: it splits frames,
records and fields by itself, unescapes by itself, and finds places by the holes in the file.
Names hold delimiters of any instrument, control characters and rare characters of GBK, whose
second byte looks like a delimiter.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from harness import resources
from harness.model import Person
from harness.wire.astm_link import AstmLinkCore
from harness.wire.core import Message
from simulators.analyzer.model import load_model
from simulators.analyzer.upload import Result, message
from simulators.analyzer.upload import Tested as Specimen

TIME = "20260105070000"
STANDARD = {
    "patient": {"3": "{patient_id}", "6": "{name}", "8": "{birth}", "9": "{sex}"},
    "order": {"3": "{barcode}", "5": "{tests}"},
    "results": [
        {"fields": {"3": "^^^{code}", "4": "{value}", "5": "{unit}", "7": "{flag}", "9": "{status}"}}
    ],
}  # fmt: skip


def raw(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.fixture("analyzers", f"{name}.toml").read_text("utf-8"))


NAMES = sorted(
    path.stem
    for path in resources.fixture("analyzers").glob("*.toml")
    if raw(path.stem).get("family", "astm") == "astm"
)

SIGNS = "|\\^&!~@`"
RARE = "珅瑋玘璣玕琝·𠮷谭石張"
INNER = st.text(alphabet=SIGNS + RARE + "Aa9 \r\n\x02\x03\x05", max_size=12)
NAME = st.builds(lambda first, rest: f"{first}{rest}Z", st.sampled_from(RARE + "A|^&\\"), INNER)
IDENT = st.text(alphabet="0A9-|^\\&!~@`", min_size=1, max_size=14)
NUMBER = st.decimals("0", "9999", places=2).map(str)
UNIT = st.sampled_from(["mmol/L", "10^9/L", "a|b", "U\\L", "%", "x~y@z", "&", "µkat/L"])
FLAG = st.sampled_from(["N", "H", "L", "A", "HH"])


@dataclass
class Stranger:
    """Reads a message by the delimiters that its header names."""

    name: str
    text: str

    def __post_init__(self) -> None:
        self.data = raw(self.name)
        self.field, self.repeat, self.part, self.escape = list(self.text[1:5])
        self.rows = [row.split(self.field) for row in self.text.split("\r") if row]

    def of(self, letter: str) -> list[list[str]]:
        return [row for row in self.rows if row[0] == letter]

    def plain(self, text: str) -> str:
        letters = {"F": self.field, "R": self.repeat, "S": self.part, "E": self.escape}

        def one(match: re.Match[str]) -> str:
            return letters[match[1]] if match[1] else chr(int(match[2], 16))

        sign = re.escape(self.escape)
        return re.sub(f"{sign}(?:([FRSE])|X([0-9A-F]{{2}})){sign}", one, text)

    def at(self, row: list[str], fields: dict[str, str], hole: str) -> str | None:
        """The text where the file has a hole; None where it has no such hole."""
        for number, template in fields.items():
            for at, part in enumerate(template.split("^")):
                found = re.fullmatch(r"(.*?)\{" + hole + r"(?::(?:.?)([<>])\d+)?\}(.*)", part)
                if found is None:
                    continue
                cell = row[int(number) - 1] if int(number) <= len(row) else ""
                cells = cell.split(self.part)
                text = self.plain(cells[at]) if at < len(cells) else ""
                return text.lstrip(" ") if found[2] == ">" else text
        return None

    def table(self, name: str) -> Any:
        return self.data.get("records", {}).get(name, STANDARD.get(name))


def over_the_wire(name: str, payload: bytes) -> bytes:
    """The frames that the instrument sends, put together by hand."""
    core = AstmLinkCore(load_model(name).link_config())
    core.send(Message(payload=payload), now=0.0)
    sent = core.data_to_send()
    assert sent == b"\x05"
    text = b""
    for at in range(1, 3000):
        core.receive(b"\x06", now=float(at) / 100)
        frame = core.data_to_send()
        if frame == b"\x04":
            return text
        assert frame[:1] == b"\x02"
        end = max(frame.rfind(b"\x03"), frame.rfind(b"\x17"))
        assert frame[end + 1 : end + 3] == b"%02X" % (sum(frame[1 : end + 1]) % 256)
        text += frame[2:end]
    raise AssertionError("never done")


def expected(name: str, text: str) -> str:
    """A text as the character set of the instrument can have it."""
    data = raw(name)
    loses = data.get("records", {}).get("unencodable") == "question-mark"
    return text.encode(data["encoding"], "replace" if loses else "strict").decode(data["encoding"])


def can_write(name: str, *texts: str) -> bool:
    try:
        return all(expected(name, text) is not None for text in texts)
    except UnicodeEncodeError:
        return False


@st.composite
def specimens(draw: st.DrawFn, name: str) -> Specimen:
    items = draw(
        st.lists(st.sampled_from(["K", "GLU", "C|T", "A^B", "WBC"]), min_size=1, unique=True)
    )
    person = Person(patient_id=draw(IDENT), name=draw(NAME), sex=draw(st.sampled_from("MF")),
                    birth="19800229")  # fmt: skip
    if not can_write(name, person.name):
        person = Person(patient_id=person.patient_id, name="A|B^C", sex="M", birth="19800229")
    units = [unit if can_write(name, unit) else "%" for unit in (draw(UNIT) for _ in items)]
    results = [
        Result(item=item, value=draw(NUMBER), unit=unit, flag=draw(FLAG))
        for item, unit in zip(items, units, strict=True)
    ]
    return Specimen(barcode=draw(IDENT), results=results, person=person)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_what_went_in_is_what_a_stranger_reads(name: str, data: st.DataObject) -> None:
    """Not shrunk: a fault of the builder shows in every model, each of which would take minutes."""
    one = data.draw(specimens(name))
    assert one.person is not None
    payload = message(load_model(name), [one], control_id="M1", time=TIME)
    received = over_the_wire(name, payload)
    assert received == payload
    got = Stranger(name, received.decode(raw(name)["encoding"]))

    (patient,), (order,) = got.of("P"), got.of("O")
    tube = got.at(order, got.table("order"), "barcode")
    if tube is None:
        tube = got.at(patient, got.table("patient"), "barcode")
    assert tube == one.barcode
    written = got.at(patient, got.table("patient"), "name")
    assert written in {None, expected(name, one.person.name)}
    ident = got.at(patient, got.table("patient"), "patient_id")
    assert ident in {None, one.person.patient_id}
    _results(got, one)


def _results(got: Stranger, one: Specimen) -> None:
    values = got.data.get("values", {})
    lines = got.table("results")
    main = next(line for line in lines if line.get("role", "main") == "main")["fields"]
    kinds = [line for line in lines if line.get("when") != "failed"]
    sizes = [len(line["parts"]) * ("*" in values["parts"]) if "parts" in line else 1
             for line in kinds]  # fmt: skip
    rows = got.of("R")
    assert len(rows) == len(one.results) * sum(sizes)
    first = sum(sizes[: [line["fields"] for line in kinds].index(main)])
    for row, sent in zip(rows[first :: sum(sizes)], one.results, strict=True):
        hole = "value" if "{value}" in str(main) else "value_1"
        value = got.at(row, main, hole)
        assert (value or "").replace(values.get("decimal_mark", "."), ".").strip() == sent.value
        assert got.at(row, main, "unit") == values.get("units", {}).get(
            sent.unit, expected(got.name, sent.unit)
        )
        assert got.at(row, main, "flag") == values.get("flags", {}).get(sent.flag, sent.flag)
        code = got.at(row, {"3": main["3"].replace("/{dilution}", "").replace("/not", "")}, "code")
        assert (code or "").split("/")[0] == values.get("channels", {}).get(sent.item, sent.item)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_delimiters_moves_no_field(name: str) -> None:
    """The same message with a plain name has as many fields in every record."""

    def shape(patient: str) -> list[int]:
        who = Person(patient_id="MH1", name=patient, sex="F", birth="19800229")
        one = Specimen(barcode="T1", results=[Result(item="K", value="4")], person=who)
        text = message(load_model(name), [one], control_id="M", time=TIME)
        rows = text.decode(raw(name)["encoding"]).split("\r")
        sign = rows[0][1]
        return [len(row.split(sign)) for row in rows]

    assert shape("A|B\\C^D&E!F~G@H`I\r") == shape("AB")
