"""Fields of HTTP messages by JSON pointer (RFC 6901), and how a body was written."""

from __future__ import annotations

import json

import pytest

from harness.evidence.decode import field
from harness.evidence.trace import pack

BODY = {"input": {"data": {"sum": "12.50", "cnt": 3, "none": None}, "rows": [{"a/b": "甲"}]}}


def record(body: bytes) -> dict[str, object]:
    return {"kind": "message", "protocol": "http", "type": "2207", "raw": pack(body)}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/input/data/sum", '"12.50"'),
        ("/input/data/cnt", "3"),
        ("/input/data/none", "null"),
        ("/input/data", "object"),
        ("/input/rows", "array"),
        ("/input/rows/0/a~1b", '"甲"'),
        ("/input/rows/1", None),
        ("/input/rows/x", None),
        ("/input/data/gone", None),
        ("type", "2207"),
    ],
)
def test_a_pointer_shows_a_value_as_json_has_it(path: str, value: str | None) -> None:
    assert field(record(json.dumps(BODY).encode()), path) == value


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (json.dumps(BODY).encode(), "ascii"),
        (json.dumps(BODY, ensure_ascii=False).encode(), "utf-8"),
        (json.dumps(BODY, ensure_ascii=False).encode("gbk"), "gb18030"),
        (b"{", None),
        (b"\xff\xff", None),
    ],
)
def test_how_a_body_is_written(body: bytes, encoding: str | None) -> None:
    assert field(record(body), "@encoding") == encoding


def test_a_text_inside_a_text_is_read() -> None:
    wrapped = json.dumps(json.dumps(BODY)).encode()

    assert field(record(wrapped), "/input/data/cnt") == "3"
    assert field(record(b"{"), "/input") is None
