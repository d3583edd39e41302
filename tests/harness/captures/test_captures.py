"""Captures as people have them: transcripts typed by hand, read back with nothing thrown away."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.captures.astm import read_astm
from harness.captures.command import run
from harness.captures.framed import read_framed
from harness.captures.hl7 import read_hl7
from harness.captures.reading import Reading
from harness.captures.sources import Stream, form_of, read_file, streams
from harness.cli import main
from harness.errors import InputError
from harness.wire.astm_config import AstmLinkConfig, CutPolicy, Trailer
from harness.wire.astm_decode import decode_stream

CORPUS = Path(__file__).parents[2] / "corpus"
CAPTURES = CORPUS / "captures"
SHARED = "several-records-a-frame"
RAW = (CAPTURES / f"{SHARED}.bin").read_bytes()


def stream(name: str, direction: str = "") -> Stream:
    found = streams(read_file(CAPTURES / name))
    return next(one for one in found if one.direction == direction)


def codes(reading: Reading, against: str = "standard") -> list[str]:
    return [one.code for one in reading.all_findings if one.against == against]


@pytest.mark.parametrize("ending", ["bin", "hexdump", "xxd", "pairs"])
def test_the_bytes_are_the_same_however_they_were_written_down(ending: str) -> None:
    assert streams(read_file(CAPTURES / f"{SHARED}.{ending}")) == [Stream(direction="", data=RAW)]


def test_a_log_keeps_the_directions_apart() -> None:
    found = {one.direction: one.data for one in streams(read_file(CAPTURES / "cr-only.log"))}

    assert found["RX"] == b"\x06\x06\x15\x06\x06"
    assert found["TX"].startswith(b"\x05\x021H|") and found["TX"].endswith(b"\x0306\r\x04")
    arrows = streams(b">> 05\n<< [ACK]\n>> <h02>1L|1<CR><ETX>\n")
    assert arrows == [
        Stream(direction=">>", data=b"\x05\x021L|1\r\x03"), Stream(direction="<<", data=b"\x06")
    ]  # fmt: skip


def test_a_refused_frame_is_kept_byte_for_byte_and_read_once() -> None:
    reading = read_astm(stream("cr-only.log", "TX"))

    (message,) = reading.messages
    assert message.records[1:] == ["P|1", "L|1|N"]
    assert message.findings == []
    refused = [one for one in reading.kept if one.why == "astm.checksum"]
    assert [one.data for one in refused] == [b"\x022P|7\r\x033F\r"]
    assert codes(reading) == ["astm.trailer", "astm.checksum", "astm.trailer", "astm.trailer"]
    assert {one.clause for one in reading.findings} == {"LIS01-A2 §8.3.1", "LIS01-A2 §8.3.3"}


def test_what_breaks_the_standard_is_apart_from_what_differs_from_the_profile() -> None:
    agreed = AstmLinkConfig(side="instrument", trailer=Trailer.CR)

    as_agreed = read_astm(stream("cr-only.log", "TX"), agreed=agreed)
    assert (codes(as_agreed).count("astm.trailer"), codes(as_agreed, "profile")) == (3, [])

    standard = stream("cr-only.log", "TX").data.replace(b"\r\x02", b"\r\n\x02")
    other = read_astm(Stream(direction="", data=standard), agreed=agreed)
    assert codes(other).count("astm.trailer") == 1
    (first, second) = [one for one in other.findings if one.against == "profile"]
    assert (first.clause, first.expected, first.actual) == ("link.trailer", "cr", "cr-lf")
    assert second.code == "link.trailer"


def test_several_records_in_a_frame_noise_and_a_cut_inside_a_field() -> None:
    whole = AstmLinkConfig(side="instrument", cut=CutPolicy.WHOLE_MESSAGE)

    reading = read_astm(Stream(direction="", data=RAW), agreed=whole)

    assert reading.messages[0].records[2:4] == ["O|1|T1||^^^GLU", "R|1|^^^GLU|5.2"]
    assert codes(reading, "profile") == []
    assert [one.data for one in reading.kept if one.why == "astm.noise"] == [b"\xff\xfe\x00"]
    record_by_record = read_astm(
        Stream(direction="", data=RAW), agreed=AstmLinkConfig(side="instrument")
    )
    assert set(codes(record_by_record, "profile")) == {"link.cut"}


def test_records_without_frames_are_read_and_named() -> None:
    reading = read_astm(stream("bare-records.log", "RECV"))

    assert codes(reading) == ["astm.no-frames"]
    assert reading.messages[0].records[3] == "R|1|^^^GLU|5.2|mmol/L||N||F"


def test_hl7_with_stray_bytes_and_a_block_without_its_end() -> None:
    reading = read_hl7(stream("stray-stx.hl7.bin"))

    assert [one.records[0][-7:] for one in reading.messages] == ["UNICODE", "P|2.3.1"]
    assert [one.data for one in reading.kept] == [b"\x02\x02", b"??"]
    assert codes(reading)[:3] == ["mllp.noise", "mllp.noise", "mllp.no-end"]


OLYMPUS = {"framing": {"check": "xor", "check_form": "raw"}, "reader": ""}


def test_a_framing_of_its_own_is_read_as_its_model_has_it(tmp_path: Path) -> None:
    good, bad = b"\x02DB01\x03\x04", b"\x02DE01\x03\x05"
    reading = read_framed(Stream(direction="", data=good + bad + good), OLYMPUS)

    assert [one.records for one in reading.messages] == [["DB01"], ["DB01"]]
    assert codes(reading, "profile") == ["framing.check"]
    (kept,) = reading.kept
    assert bad in kept.data

    path = tmp_path / "au.bin"
    path.write_bytes(good)
    assert run([str(path)], model="beckman-au", protocol="framed") == 0
    with pytest.raises(InputError):
        run([str(path)], protocol="framed")


def transcripts() -> list[Path]:
    return sorted((CORPUS / "astm").glob("receive-*.txt"))


@pytest.mark.parametrize("path", transcripts(), ids=lambda path: path.stem)
def test_of_every_transcript_each_byte_is_in_a_message_or_kept(path: Path) -> None:
    """What the instrument says in the transcripts of the link, read without the link."""
    lines = re.findall(rb"^>> (.*)$", path.read_bytes(), re.MULTILINE)
    data = b"".join(one.data for one in streams(b"\n".join(b">> " + line for line in lines)))
    reading = read_astm(Stream(direction="", data=data))

    kept = {one.data for one in reading.kept}
    said = "\r".join(record for one in reading.messages for record in one.records)
    for unit in decode_stream(data):
        text = unit.text.strip(b"\r\n\x00 ")
        if unit.kind in {"FRAME", "NOISE"}:
            assert unit.data in kept or text in said.encode("gb18030"), unit


@settings(deadline=None)  # bounded by the test, not by the clock of a busy machine
@given(st.lists(st.sampled_from(
    [b"\x05", b"\x04", b"\x06", b"\x15", b"\x02", b"\x03", b"\x17", b"\r\n", b"1H|\\^&\r", b"2L|1\r",
     b"60", b"\x00", b"\xff", b"\x0b", b"MSH|^~\\&|", b"\x1c\r", b"41"]
), max_size=20))  # fmt: skip
def test_any_bytes_are_read(parts: list[bytes]) -> None:
    """Nothing raises, and what is kept stands in the capture where it says."""
    one = Stream(direction="", data=b"".join(parts))
    for reading in (
        read_astm(one, agreed=AstmLinkConfig(side="instrument")),
        read_hl7(one),
        read_framed(one, OLYMPUS),
    ):
        for kept in reading.kept:
            assert one.data[kept.offset : kept.offset + len(kept.data)] == kept.data
    form_of(one.data)
    streams(one.data, "log")


def test_the_command_says_what_it_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(CAPTURES / "cr-only.log")

    assert main(["decode", path, "--json", "--lang", "en"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert any("breaks the standard" in line and "§8.3.1" in line for line in lines)
    told = json.loads(lines[-1])
    assert told["streams"][0]["messages"][0]["records"][1] == "P|1"
    assert told["streams"][0]["kept"][1]["hex"] == "02 32 50 7c 37 0d 03 33 46 0d"
    noise = tmp_path / "noise.bin"
    noise.write_bytes(b"nothing that is a record")
    assert main(["decode", str(noise), "--lang", "en"]) == 3
    assert main(["decode", str(tmp_path / "none.bin"), "--lang", "en"]) == 2
    (tmp_path / "empty.bin").write_bytes(b"")
    assert main(["decode", str(tmp_path / "empty.bin"), "--lang", "en"]) == 2


def test_a_line_that_is_no_dump_is_named() -> None:
    with pytest.raises(InputError, match="2"):
        streams(b"05 06\nnot hex\n", "hex")


@pytest.mark.parametrize("model", ["no-such-model", "sysmex-xn"])
def test_models(model: str) -> None:
    path = str(CAPTURES / f"{SHARED}.bin")
    if model == "sysmex-xn":
        assert run([path], model=model) == 1
        return
    with pytest.raises(InputError):
        run([path], model=model)
