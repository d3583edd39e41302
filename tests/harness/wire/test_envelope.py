"""The envelope and its exact JSON: representations that real senders use, and what is refused."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import envelope, json_exact
from harness.wire.envelope import EnvelopeError
from harness.wire.json_exact import JsonError


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":1,"a":2}', "json.duplicate-key"),
        ('{"a":{"b":1,"b":1}}', "json.duplicate-key"),
        ("NaN", "json.nan"),
        ("[-Infinity]", "json.nan"),
        ("[" * 40 + "]" * 40, "json.too-deep"),
        ("[" * 90_000 + "]" * 90_000, "json.too-deep"),
        ("[" * 300_000, "json.too-many-values"),
        ("1" * 65, "json.number"),
        ("5E11188888888888888888888", "json.number"),
        ('{"a":', "json.syntax"),
        ("", "json.syntax"),
        ("'a'", "json.syntax"),
    ],
)
def test_what_cannot_be_trusted_is_refused(text: str, code: str) -> None:
    with pytest.raises(JsonError) as caught:
        json_exact.loads(text)
    assert caught.value.code == code


def test_size_and_encoding() -> None:
    with pytest.raises(JsonError, match="longer"):
        json_exact.decode(b"1" * 11, bytes_max=10)
    with pytest.raises(JsonError) as caught:
        json_exact.decode(b'"\xff\xff"')
    assert caught.value.code == "json.encoding"
    assert json_exact.decode("\ufeff[1]".encode()).bom
    assert json_exact.decode('"甲"'.encode("gbk")) == json_exact.Decoded(
        value="甲", encoding="gb18030"
    )


def test_money_keeps_its_digits() -> None:
    value = json_exact.loads("[100.00, 1E+2, 0.1, 7]")
    assert [str(one) for one in value] == ["100.00", "1E+2", "0.1", "7"]
    assert json_exact.dumps(value) == "[100.00,100,0.1,7]"
    with pytest.raises(TypeError):
        json_exact.dumps(0.1)
    with pytest.raises(TypeError):
        json_exact.dumps(Decimal("NaN"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_we_write_another_reader_reads(value: Any) -> None:
    assert json.loads(json_exact.dumps(value)) == value


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_gbk_holds_every_text(text: str) -> None:
    assert json.loads(json_exact.encode(text, "gbk").decode("gbk")) == text


def test_a_request() -> None:
    body = b'{"INFNO":2207,"msgid":null,"input":{"data":{"x":1.50}},"zusatz":"y"}'
    request = envelope.read_request(body, {"INFNO": "infno"})
    assert request.text("infno") == "2207"
    assert request.text("msgid") == ""
    assert request.input["data"]["x"] == Decimal("1.50")
    assert ("msgid", "missing") in envelope.problems(request)
    assert ("infno", "missing") not in envelope.problems(request)
    long = envelope.read_request(b'{"infno":"12345678901","opter":[1],"input":"text"}')
    assert {("infno", "long"), ("opter", "kind")} <= set(envelope.problems(long))
    assert ("input", "missing") not in envelope.problems(long)


@pytest.mark.parametrize("body", [b"[]", b"3", b'{"input":[1]}', b'{"input":true}'])
def test_no_envelope(body: bytes) -> None:
    with pytest.raises(EnvelopeError):
        envelope.read_request(body)


@pytest.mark.parametrize(
    ("code", "ok"),
    [("0", True), ('"0"', True), ('"00"', True), ("-1", False), ('"x"', False), ("null", None)],
)
def test_success_is_what_compares_equal_to_zero(code: str, ok: bool | None) -> None:
    read = envelope.read_response(f'{{"infcode":{code},"output":"{{}}"}}'.encode())
    assert read.ok is ok
    assert read.output == {}


def test_a_response_and_ids() -> None:
    at = datetime(2026, 1, 5, 8, 0, 0, 123000)  # noqa: DTZ001 - civil time
    made = envelope.response(infcode=0, refmsgid="R", received=at, responded=at)
    assert list(made) == [
        "infcode",
        "inf_refmsgid",
        "refmsg_time",
        "respond_time",
        "err_msg",
        "output",
    ]
    assert made["refmsg_time"] == "20260105080000123"
    assert envelope.msgid("H43010019001", at, 10_007) == "H43010019001202601050800000007"


def test_the_local_bridge_wraps_and_unwraps() -> None:
    inner = '{"infcode":0,"n":"甲"}'.encode()
    wrapped = envelope.bridge_wrap(inner)
    assert json.loads(json.loads(wrapped)) == {"infcode": 0, "n": "甲"}
    assert envelope.bridge_unwrap(envelope.bridge_wrap(wrapped)) == {"infcode": 0, "n": "甲"}
    with pytest.raises(JsonError):
        envelope.bridge_unwrap(wrapped, levels=0)


@pytest.mark.parametrize("value", ["x", True, "NaN", "1,000.00", "Infinity"])
def test_no_number(value: object) -> None:
    with pytest.raises(ValueError):
        envelope.as_number(value)


def test_numbers_as_text_and_nothing() -> None:
    assert envelope.as_number("18") == envelope.as_number(18) == envelope.as_number(Decimal("18.0"))
    assert envelope.as_number("") is None
    assert envelope.as_number("null") is None
