"""The journal: whole lines whatever happens, and a seal that holds."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from harness import i18n, limits
from harness.clock import VirtualClock
from harness.errors import HarnessError, InputError
from harness.evidence.hashed import Hashed, state
from harness.evidence.line import parsed
from harness.evidence.trace import FORMAT, Record, Trace, head, pack, read, unpack


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


def opened(path: Path | None, **fields: Any) -> Trace:
    trace = Trace(VirtualClock(), path, **fields)
    trace.add("open", format=FORMAT, id="S")
    return trace


def test_records_are_numbered_and_timed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.jsonl"
    trace = opened(path)
    trace.clock.advance_to(1.25)  # type: ignore[attr-defined]
    record = trace.add("note", text="谷丙转氨酶")
    trace.seal("pass")

    assert record["n"] == 2
    assert record["t"] == 1.25
    assert record["w"] == "2026-01-05T08:00:01.250+08:00"
    assert path.read_text("utf-8").splitlines()[1] == (
        '{"n":2,"t":1.25,"w":"2026-01-05T08:00:01.250+08:00","kind":"note","text":"谷丙转氨酶"}'
    )


def test_a_sealed_trace_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace = opened(path)
    trace.add("message", raw=pack(b"MSH|\r"), corr={"barcode": "1"})
    before = path.read_bytes()
    digest = trace.seal("pass")

    back = read(path)

    assert back.records == trace.records
    assert (back.sealed, back.damage, back.verdict) == (True, "", "pass")
    assert back.head["id"] == "S"
    # The hash covers every byte of the file before the hash itself.
    whole = path.read_bytes()
    assert whole.startswith(before)
    assert hashlib.sha256(whole[: whole.index(b',"sha256"')]).hexdigest() == digest
    assert len(trace) == 3


def test_nothing_follows_the_seal(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace = opened(path)
    told: list[Record] = []
    trace.listen(told.append)
    trace.seal("fail")
    whole = path.read_bytes()

    assert trace.add("note", text="late") == {}
    assert path.read_bytes() == whole
    assert told == []
    with pytest.raises(HarnessError, match="sealed once"):
        trace.seal("pass")


def test_unknown_kinds_and_too_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = opened(None)
    with pytest.raises(HarnessError, match="unknown kind of trace record: gossip"):
        trace.add("gossip")
    monkeypatch.setattr(limits, "TRACE_RECORDS_MAX", 2)
    trace.add("note")
    with pytest.raises(HarnessError, match="more than 2 records"):
        trace.add("note")
    assert len(trace) == 2


def test_a_record_that_cannot_be_written_leaves_no_hole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace = opened(path)
    with pytest.raises(TypeError):
        trace.add("note", text=object())
    trace.add("note", text="next")
    trace.seal("pass")

    assert read(path).sealed


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    trace = opened(tmp_path / "a.jsonl")

    class Full:
        def write(self, line: bytes) -> int:
            return len(line) - 1

    file, trace._file = trace._file, Full()  # type: ignore[assignment]
    with pytest.raises(HarnessError, match="could not be written whole"):
        trace.add("note")
    trace._file = file
    trace.seal("error")
    assert read(tmp_path / "a.jsonl").sealed


def test_text_that_is_no_unicode_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace = opened(path)
    trace.add("note", text="half \udc80 pair")
    trace.seal("pass")

    back = read(path)
    assert back.sealed
    assert back.records[1]["text"] == "half \udc80 pair"
    path.read_text("utf-8")  # the file itself is UTF-8


def test_a_trace_that_only_writes_keeps_nothing(tmp_path: Path) -> None:
    trace = opened(tmp_path / "a.jsonl", keep=False)
    trace.add("note")

    assert trace.records == []
    trace.seal("pass")
    assert len(read(tmp_path / "a.jsonl").records) == 3


# -- blobs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [65536, 65537])
def test_payloads_over_64_kib_go_to_a_blob(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.jsonl"
    payload = (b"0123456789abcdef" * 4097)[:size]
    trace = opened(path)
    trace.add("message", raw=pack(payload))
    trace.add("message", raw=pack(payload))
    trace.seal("pass")

    blob = tmp_path / "blobs" / hashlib.sha256(payload).hexdigest()
    assert blob.exists() is (size == 65537)
    line = json.loads(path.read_text().splitlines()[1])
    assert line["raw"] == ("" if blob.exists() else base64.b64encode(payload).decode())
    # Judges find the payload in the same place, live and read back.
    back = read(path)
    assert unpack(trace.records[1]["raw"]) == payload
    assert back.records == trace.records
    assert back.sealed
    assert [one.name for one in tmp_path.glob("blobs/*.*")] == []


def test_in_memory_nothing_leaves_the_record() -> None:
    trace = opened(None)
    record = trace.add("message", raw=pack(b"x" * 100_000))

    assert len(unpack(record["raw"])) == 100_000
    assert "blob" not in record


def test_a_missing_or_edited_blob_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace = opened(path)
    trace.add("note", raw=pack(b"y" * 70_000))
    trace.seal("pass")
    (blob,) = (tmp_path / "blobs").iterdir()

    blob.write_bytes(b"z" * 70_000)
    edited = read(path)
    blob.unlink()
    missing = read(path)

    assert not edited.sealed
    assert edited.damage == f"the payload of record 2 was edited: {blob.name}"
    assert missing.damage == f"the payload of record 2 is missing: {blob.name}"
    assert missing.verdict == ""


# -- damage ------------------------------------------------------------------------------------


def sealed_file(folder: Path) -> Path:
    path = folder / "a.jsonl"
    trace = opened(path)
    for number in range(3):
        trace.add("note", text=f"note {number}")
    trace.seal("fail")
    return path


def test_a_torn_last_line_is_damage_and_no_exception(tmp_path: Path) -> None:
    path = sealed_file(tmp_path)
    whole = path.read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:cut])
        back = read(path)
        assert not back.sealed
        assert back.damage == "not sealed: the run was cut off"
        assert len(back.records) == whole[:cut].count(b"\n")


def test_every_edit_of_a_byte_is_found(tmp_path: Path) -> None:
    path = sealed_file(tmp_path)
    whole = path.read_bytes()
    start = whole.index(b"\n") + 1
    for at in range(start, len(whole)):
        edited = bytearray(whole)
        edited[at] ^= 1
        path.write_bytes(edited)
        assert not read(path).sealed, bytes(edited[at - 5 : at + 5])


def test_the_verdict_cannot_be_edited(tmp_path: Path) -> None:
    path = sealed_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"verdict":"fail"', b'"verdict":"pass"'))

    back = read(path)

    assert back.verdict == ""
    assert back.damage == "the hash in the seal does not hold: the file was edited"


def test_a_line_more_or_less_is_found(tmp_path: Path) -> None:
    path = sealed_file(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)

    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    assert read(path).damage == "line 3 is not record 3"
    path.write_bytes(b"".join([*lines, lines[3].replace(b'"n":4', b'"n":6')]))
    assert read(path).damage == "records stand behind the seal: the file was edited"
    path.write_bytes(b"".join([*lines[:2], b"not json\n"]))
    assert read(path).damage == "line 3 is not record 3"
    path.write_bytes(b"".join([*lines[:2], b"[3]\n"]))
    assert len(read(path).records) == 2
    path.write_bytes(b"".join([*lines[:2], b'{"n":3}\n']))
    assert len(read(path).records) == 2
    path.write_bytes(b"".join([*lines[:2], b'{"n":3,"kind":"\xff"}\n']))
    assert len(read(path).records) == 2


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (None, "the trace cannot be read: No such file or directory", ""),
        (b"", "not a trace: the first record is missing", ":1"),
        (b'{"n":1,"kind":"note"}\n', "not a trace: the first record is missing", ":1"),
        (b"PK\x03\x04 a zip\n", "not a trace: the first record is missing", ":1"),
        (b'{"n":1,"kind":"open","format":2}\n', "trace format 2 cannot be read", ":1"),
        (b'{"n":1,"kind":"open"}\n', "trace format None cannot be read", ":1"),
    ],
)
def test_what_is_no_trace_is_the_users_input(
    tmp_path: Path, content: bytes | None, message: str, line: str
) -> None:
    path = tmp_path / "a.jsonl"
    if content is not None:
        path.write_bytes(content)

    for way in (read, head):  # who looks at the beginning alone is told the same
        with pytest.raises(InputError, match=message) as caught:
            way(path)
        assert caught.value.where == f"{path}{line}"


def test_the_beginning_alone_can_be_read(tmp_path: Path) -> None:
    path = sealed_file(tmp_path)
    path.write_bytes(path.read_bytes() + b"no record")

    assert head(path) == read(path).head
    path.write_bytes(path.read_bytes().splitlines()[0])  # without its end
    with pytest.raises(InputError, match="the first record is missing"):
        head(path)


@pytest.mark.parametrize(
    "line",
    [
        *(b"-0", b"-0.0", b"1e400", b"5e-324", b"9007199254740993.0", b"38546.294198"),
        *(b"01", b"1.", b"+1", b"-", b"1_0", b"0x1", b"NaN", b"-Infinity", b"nan", b"Null"),
        *(b"9" * 30, b"9" * 5000, b"0." + b"1" * 400, b"18446744073709551616"),
        *(b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\ud83dx"', b'"\\u0000"', b'"\\x"', b'"\\/"'),
        *(
            b'"\x01"',
            b'"\x7f"',
            b'"\xff"',
            b'"\xed\xa0\x80"',
            b'"a\tb"',
            b"\xef\xbb\xbf1",
            b"\x0c1",
        ),
        *(b"", b" 1 \r", b"1 2", b"1\x00", b'{"a":1,"b":2,"a":3}', b'{"a":1,}', b"{1:2}", b"'a'"),
        *(b"[" * 100 + b"]" * 100, b"[" * 300 + b"]" * 300),
    ],
)
def test_both_parsers_read_the_same(line: bytes) -> None:
    record = b'{"is":' + line + b"}"

    try:
        wanted = repr(json.loads(record.decode()))
    except ValueError:
        wanted = "None"
    assert repr(parsed(record)) == wanted


def test_the_hashes_of_what_was_read_are_kept(tmp_path: Path) -> None:
    def kept(path: Path) -> str:
        with path.open("rb") as file:
            return hashed.of(path, state(file))

    path, hashed = tmp_path / "a.jsonl", Hashed()
    trace = opened(path)
    trace.add("note", raw=pack(b"y" * 70_000))
    trace.seal("pass")
    (blob,) = (tmp_path / "blobs").iterdir()
    for one in (path, blob):
        os.utime(one, (0, 0))  # what is written below is later, however coarse the clock of files

    assert read(path, hashed).sealed
    assert kept(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert kept(blob) == blob.name

    path.write_bytes(path.read_bytes().replace(b"pass", b"fail"))  # as long as before
    assert not read(path, hashed).sealed
    assert kept(path) == ""
    blob.unlink()
    blob.write_bytes(b"y" * 70_000)  # another file, the same bytes
    assert kept(blob) == ""


WRITER = """
import sys
from pathlib import Path
from harness.clock import RealClock
from harness.evidence.trace import Trace, pack
trace = Trace(RealClock(), Path(sys.argv[1]), keep=False)
trace.add("open", format=1)
print("ready", flush=True)
while True:
    trace.add("bytes", link="a", interface="A", conn="a#1", frm="x", to="y", raw=pack(b"x" * 3000))
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while path.stat().st_size < 1_000_000:
            assert process.poll() is None
        if os.name == "posix":
            process.send_signal(signal.SIGKILL)
        else:
            process.kill()
    back = read(path)

    assert [record["n"] for record in back.records] == list(range(1, len(back.records) + 1))
    assert len(back.records) > 200
    assert not back.sealed
    assert back.damage == "not sealed: the run was cut off"
    tail = path.read_bytes().rpartition(b"\n")[2]
    assert len(tail) < 5000


# -- threads -----------------------------------------------------------------------------------


def test_concurrent_writers_keep_lines_whole_and_numbers_consecutive(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace = opened(path)
    heard: list[int] = []
    trace.listen(lambda record: heard.append(record["n"]))

    def write(name: int) -> None:
        for number in range(100):
            trace.add("note", text=f"{name}:{number}" * 20)

    workers = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    trace.seal("pass")

    back = read(path)
    assert back.sealed
    assert [record["n"] for record in back.records] == list(range(1, 803))
    assert sorted(heard) == list(range(2, 802))
    for name in range(8):
        mine = [one["text"] for one in back.records if one.get("text", "").startswith(f"{name}:")]
        assert mine == [f"{name}:{number}" * 20 for number in range(100)]


def test_waiting_for_a_record() -> None:
    trace = opened(None)
    assert not trace.wait(lambda: len(trace) > 1, 0.001)
    waiter_saw: list[bool] = []
    waiter = threading.Thread(
        target=lambda: waiter_saw.append(trace.wait(lambda: len(trace) > 1, 5))
    )
    waiter.start()
    trace.add("note")
    waiter.join(60)

    assert waiter_saw == [True]
