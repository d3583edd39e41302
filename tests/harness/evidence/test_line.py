"""How a record stands in its line: always what a plain JSON reader gets back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evidence.line import NOTHING, Packed, Shared, pack, render, stamp, unpack

TIMES = stamp(12.5, "2026-01-05T08:00:00.000+08:00")


def test_a_line_by_hand() -> None:
    shared = Shared({"link": "oru", "frm": "LIS"})

    line = render(7, TIMES, "bytes", shared, {"raw": pack(b"\x0bMSH")})

    assert line == (
        b'{"n":7,"t":12.5,"w":"2026-01-05T08:00:00.000+08:00","kind":"bytes",'
        b'"link":"oru","frm":"LIS","raw":"C01TSA=="}\n'
    )


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"text": 'quotes " and \\ and 中文\n'},
        {"raw": 'text that is no base64: "'},
        {"raw": ""},
        {"raw": pack(b""), "corr": {"patient": "P1"}},
        {"raw": pack(b"x"), "id": "half a pair \ud800"},
        {"value": None, "list": [1, 2.5, True]},
    ],
)
def test_json_reads_back_what_was_written(own: dict[str, object]) -> None:
    line = render(1, TIMES, "note", NOTHING, own)

    read = json.loads(line)

    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert read == {
        "n": 1,
        "t": 12.5,
        "w": "2026-01-05T08:00:00.000+08:00",
        "kind": "note",
        **own,
    }


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=60),
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9)),
    st.dictionaries(st.text(max_size=5), st.text(max_size=9)),
)
def test_shared_and_own_fields_make_one_object(
    data: bytes, own: dict[str, object], common: dict[str, str]
) -> None:
    taken = {"n", "t", "w", "kind", "raw"}
    common = {name: value for name, value in common.items() if name not in taken}
    own = {name: value for name, value in own.items() if name not in taken | set(common)}

    line = render(3, TIMES, "message", Shared(common), own | {"raw": pack(data)})

    read = json.loads(line)
    assert {name: read[name] for name in (*common, *own)} == common | own
    assert unpack(read["raw"]) == data


def test_packed_is_base64_and_text() -> None:
    assert pack(b"\x00\xff") == "AP8="
    assert type(pack(b"")) is Packed
    assert unpack("AP8=") == b"\x00\xff"
