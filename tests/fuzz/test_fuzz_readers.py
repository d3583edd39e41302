"""Whatever a file holds, reading it ends in a value or in an error that says where and what."""

from __future__ import annotations

import json
from pathlib import Path

from depth import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.evidence import trace
from harness.link.relay import RelayCore
from harness.profile import load_profile
from harness.scenario import tags
from harness.scenario.gherkin import read_feature

SAME_FOLDER = [HealthCheck.function_scoped_fixture]

FEATURE_WORDS = st.sampled_from(
    ["功能: 甲\n", "  负责人: 乙\n", "场景: 丙\n", "假如 ", "那么 ", "| a |\n", '"""\n', "@REQ-LAB-001 ",
     "例子:\n", "<甲>", "：", "“", "\ufeff", "\t", "# language: en\n", "\r\n"]
)  # fmt: skip
TOML_WORDS = st.sampled_from(
    ["format = 1\n", 'name = "甲"\n', "[systems.LIS]\n", 'mode = "real"\n', "[endpoints.a]\n",
     'from = "HIS"\n', "port = 99999\n", "[[policy]]\n", '"', "=", "\x00", "transport = 1\n"]
)  # fmt: skip


@given(
    st.one_of(st.binary(max_size=400), st.lists(FEATURE_WORDS).map(lambda w: "".join(w).encode()))
)
@settings(max_examples=examples(150), deadline=None, suppress_health_check=SAME_FOLDER)
def test_any_feature_file_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.feature"
    path.write_bytes(data)

    try:
        read_feature(path)
    except InputError as error:
        assert "any.feature" in str(error)


@given(st.one_of(st.binary(max_size=400), st.lists(TOML_WORDS).map(lambda w: "".join(w).encode())))
@settings(max_examples=examples(100), deadline=None, suppress_health_check=SAME_FOLDER)
def test_any_profile_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.toml"
    path.write_bytes(data)

    try:
        load_profile(path)
    except InputError as error:
        assert "any.toml" in str(error)


RECORDS = st.dictionaries(
    st.sampled_from(["n", "kind", "format", "t", "sha256", "verdict", "blob", "raw"]),
    st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["open", "seal", "../../x", "note"])),
)


@given(st.one_of(st.binary(max_size=300), st.lists(RECORDS, max_size=4).map(
    lambda rows: b"".join(json.dumps(row).encode() + b"\n" for row in rows))))  # fmt: skip
@settings(max_examples=examples(150), deadline=None, suppress_health_check=SAME_FOLDER)
def test_any_trace_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(data)

    try:
        found = trace.read(path)
    except InputError as error:
        assert "any.jsonl" in str(error)
    else:
        assert found.sealed or found.damage


@given(st.text(max_size=60))
@settings(max_examples=examples(150), deadline=None)
def test_any_tag_expression_is_read_or_refused(text: str) -> None:
    try:
        expression = tags.parse(text)
    except InputError:
        return
    assert expression(["@冒烟"]) in {True, False}


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r"]))
    )
)
@settings(max_examples=examples(150), deadline=None)
def test_a_relay_loses_no_byte(pieces: list[bytes]) -> None:
    """What comes in goes out, whole and in order, whatever it is."""
    relay = RelayCore()
    out = b""
    for piece in pieces:
        relay.receive(piece, 0.0)
    relay.receive_eof(0.0)
    for event in relay.events():
        relay.send(event, 0.0)
        out += relay.data_to_send()

    assert out == b"".join(pieces)
