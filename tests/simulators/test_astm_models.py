"""Every ASTM model that ships: what goes out, read back by a reader that knows no template.

The oracle reads the TOML by itself and splits fields with plain ``str.split``.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from harness import people, resources
from harness.wire.astm_decode import decode_stream
from harness.wire.astm_link import AstmLinkCore
from harness.wire.core import Message
from simulators.analyzer import upload
from simulators.analyzer.model import load_model
from simulators.analyzer.upload import Result, message

TIME = "20260105070000"
STANDARD_O = {"3": "{barcode}", "5": "{tests}"}
STANDARD_R = {"3": "^^^{code}", "4": "{value}", "5": "{unit}", "7": "{flag}", "9": "{status}"}


def raw(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.fixture("analyzers", f"{name}.toml").read_text("utf-8"))


NAMES = [
    path.stem
    for path in sorted(resources.fixture("analyzers").glob("*.toml"))
    if raw(path.stem).get("family", "astm") == "astm"
]


def on_the_wire(name: str, payload: bytes) -> bytes:
    """Everything that the instrument sends to a host that acknowledges."""
    core = AstmLinkCore(load_model(name).link_config())
    core.send(Message(payload=payload), now=0.0)
    sent = core.data_to_send()
    for at in range(1, 2000):
        core.receive(b"\x06", now=float(at) / 100)
        more = core.data_to_send()
        sent += more
        if more == b"\x04":
            return sent
    raise AssertionError("never done")


def place(fields: dict[str, str], hole: str) -> tuple[int, int]:
    """Field and component of a hole."""
    for number, text in fields.items():
        for component, part in enumerate(text.split("^")):
            if re.search(r"\{" + hole + r"[:}]", part):
                return int(number), component
    raise KeyError(hole)


def parts(row: list[str], at: tuple[int, int], sign: str) -> str:
    found = row[at[0] - 1].split(sign) if at[0] <= len(row) else []
    return found[at[1]].strip() if at[1] < len(found) else ""


def test_there_are_enough_of_them() -> None:
    vendors = {load_model(name).vendor for name in NAMES} - {""}
    assert len(NAMES) >= 22
    assert len(vendors) >= 10
    assert all(load_model(name).name == name for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_goes_out_comes_back_through_the_places_of_the_file(name: str, seed: int) -> None:
    data = raw(name)
    rows = [
        Result(item="K", value="4.15", unit="mmol/L", flag="N"),
        Result(item="GLU", value="7.4", unit="mmol/L", flag="H"),
    ]
    tube = people.barcode(seed, 3)
    tested = upload.Tested(barcode=tube, results=rows, person=people.generate(seed, 0))
    payload = message(load_model(name), [tested], control_id="M1", time=TIME)

    wire = on_the_wire(name, payload)
    units = decode_stream(wire)
    assert all(unit.sound for unit in units)
    frames = [unit for unit in units if unit.kind == "FRAME"]
    assert b"".join(unit.text for unit in frames) == payload
    records = data.get("records", {})
    delimiters = records.get("delimiters", "|\\^&")
    table = [
        line.split(delimiters[0]) for line in payload.decode(data["encoding"]).split("\r") if line
    ]
    assert "".join(table[0])[1:4] == delimiters[1:]

    # Instruments that know the tube by what the operator typed have it in P.
    letter = next(
        one for one in ("order", "patient") if "{barcode" in str(records.get(one, STANDARD_O))
    )
    row = next(row for row in table if row[0] == letter[0].upper())
    assert parts(row, place(records.get(letter, STANDARD_O), "barcode"), delimiters[2]) == tube
    lines = records.get("results", [{"fields": STANDARD_R}])
    known = data.get("values", {}).get("parts", {})
    lines = [
        one
        for one in lines
        if one.get("when") != "failed"
        for _ in (one.get("parts", ["-"]) if not one.get("parts") or "*" in known else [])
    ]
    main = next(at for at, one in enumerate(lines) if one.get("role", "main") == "main")
    fields = lines[main]["fields"]
    results = [row for row in table if row[0] == "R"]
    assert len(results) == 2 * len(lines)
    channels = data.get("values", {}).get("channels", {})
    comma = data.get("values", {}).get("decimal_mark", ".")
    for row, sent in zip(results[main :: len(lines)], rows, strict=True):
        code = parts(row, place(fields, "code"), delimiters[2])
        assert code.split("/")[0] == channels.get(sent.item, sent.item)
        hole = "value" if "{value}" in fields["4"] else "value_1"
        value = parts(row, place(fields, hole), delimiters[2])
        assert value.replace(comma, ".") == sent.value
        assert parts(row, place(fields, "unit"), delimiters[2]) == sent.unit
        assert parts(row, place(fields, "flag"), delimiters[2]) == sent.flag


@pytest.mark.parametrize(
    ("name", "frames", "etx"),
    [
        ("sysmex-xn", 1, 1),  # the whole message
        ("sysmex-xn-serial", 6, 6),  # H P C O R L, each in one frame
        ("roche-cobas-c111", 6, 1),  # H P O R M L; all but the last end with ETB
    ],
)
def test_frames_are_cut_as_the_instrument_cuts(name: str, frames: int, etx: int) -> None:
    tested = upload.Tested(barcode="T1", results=[Result(item="K", value="4")])
    payload = message(load_model(name), [tested], control_id="M", time=TIME)
    found = [one for one in decode_stream(on_the_wire(name, payload)) if one.kind == "FRAME"]

    assert (len(found), sum(one.end == "ETX" for one in found)) == (frames, etx)


def test_a_long_text_is_cut_at_240_inside_fields() -> None:
    rows = [Result(item=f"T{at}", value="1") for at in range(20)]
    payload = message(
        load_model("roche-cobas-e411"), [upload.Tested(barcode="T1", results=rows)],
        control_id="M", time=TIME,
    )  # fmt: skip
    wire = decode_stream(on_the_wire("roche-cobas-e411", payload))
    sizes = [len(one.text) for one in wire if one.kind == "FRAME"]

    assert set(sizes[:-1]) == {240}
    assert len(sizes) > 2


def typed(name: str, tested: upload.Tested) -> list[str]:
    model = load_model(name)
    text = message(model, [tested], control_id="M", time=TIME).decode(model.encoding)
    return text.split("\r")[:-1]


def test_three_results_a_test_of_which_one_counts() -> None:
    low = Result(item="K", value="<4.00", unit="u", flag="L")
    assert [row.split("|")[2:5] for row in typed("abbott-architect", upload.Tested(barcode="1", results=[low])) if row[0] == "R"] == [
        ["^^^K^K^UNDILUTED^F", "< 4.00", "u"],
        ["^^^K^K^UNDILUTED^I", "Low", ""],
        ["^^^K^K^UNDILUTED^P", "< 550", "RLU"],
    ]  # fmt: skip


def test_quality_control_and_what_is_sent_again() -> None:
    one = Result(item="K", value="4")
    control = typed("sysmex-xn", upload.Tested(barcode="55", results=[one], quality_control=True))
    order = next(row for row in control if row[0] == "O").split("|")
    assert (order[3], order[11]) == ("000001^1^                 QC-55^B", "Q")
    again = typed("roche-cobas-c111", upload.Tested(barcode="5", results=[one], mark="resent"))
    assert next(row for row in again if row[0] == "R").split("|")[8] == "R"
    batch = typed("roche-cobas-e411", upload.Tested(barcode="5", results=[one], mark="resent"))
    assert batch[0].split("|")[10] == "RSUPL^BATCH"


def test_a_curve_can_be_unpacked() -> None:
    import base64
    import struct
    import zlib

    rows = typed("horiba-yumizen", upload.Tested(barcode="1", results=[Result(item="K", value="")]))
    curves = [row.split("|") for row in rows if row[0] == "M"]
    assert [row[3] for row in curves] == ["WBC", "RBC", "PLT"]
    data = zlib.decompress(base64.b64decode(curves[0][5]))
    assert len(struct.unpack("<128f", data)) == 128
    assert next(row for row in rows if row[0] == "R").split("|")[3] == "-----"


def test_alarms_stand_after_their_result() -> None:
    rows = typed("beckman-access", upload.Tested(barcode="1", results=[
        Result(item="K", value=">9.0", alarm="CEX"), Result(item="GLU", value="5"),
    ]))  # fmt: skip
    assert [row[0] for row in rows] == ["H", "P", "O", "R", "C", "R", "L"]
    assert rows[3].split("|")[3:7] == ["9.0", "", "", ">"]
    assert rows[4] == "C|1|I|CEX|I"
