"""Batches: typed from HL7 2.5.1 §2.10.3, §2.15.2 and §2.15.3, not printed by our encoder."""

from __future__ import annotations

from harness.wire.hl7_batch import answer_batch, build_batch, is_batch, read_batch

ONE = b"MSH|^~\\&|HIS|A|LIS|B|20260105||ADT^A04|1|P|2.4\rPID|1||77\r"
TWO = b"MSH|^~\\&|HIS|A|LIS|B|20260105||ADT^A08|2|P|2.4\rPID|1||78\rZPI|x\r"
FILE = (
    b"FHS|^~\\&|HIS|A|LIS|B|20260105||night||F1\r"
    b"BHS|^~\\&|HIS|A|LIS|B|20260105||||B1\r" + ONE + TWO + b"BTS|2\rFTS|1\r"
)


def test_messages_come_out_byte_for_byte() -> None:
    batch = read_batch(FILE)
    assert batch.messages == (ONE, TWO)
    assert batch.control_id == "F1"
    assert batch.batches == 1
    assert batch.findings == ()


def test_counts_that_do_not_fit_are_told_with_their_place() -> None:
    wrong = FILE.replace(b"BTS|2", b"BTS|3").replace(b"FTS|1", b"FTS|7")
    found = {one.code: (one.expected, one.found) for one in read_batch(wrong).findings}
    assert found == {"hl7.batch-count": ("3", "2"), "hl7.file-count": ("7", "1")}
    first = read_batch(wrong).findings[0]
    assert wrong[first.offset :].startswith(b"BTS|3")


def test_missing_ends_and_strays_are_told() -> None:
    cut = FILE[: FILE.index(b"BTS")]
    assert {one.code for one in read_batch(cut).findings} == {"hl7.batch-no-end", "hl7.file-no-end"}
    stray = FILE.replace(b"BTS|2\r", b"BTS|2\rPID|1\r")
    assert [one.code for one in read_batch(stray).findings] == ["hl7.batch-stray"]


def test_two_headers_without_an_envelope_are_a_batch() -> None:
    assert is_batch(ONE + TWO)
    assert read_batch(ONE + TWO).messages == (ONE, TWO)
    assert not is_batch(ONE)
    assert is_batch(FILE)


def test_the_answer_is_one_payload_and_refers_to_the_batch() -> None:
    batch = read_batch(FILE)
    pairs = [(ONE, "AA"), (TWO, "AE")]
    answer = answer_batch(batch, pairs, control_id="R", time="20260105")
    assert answer.split(b"\r")[0] == b"BHS|^~\\&|LIS||HIS||20260105||||R|F1"
    assert answer.count(b"MSA|") == 2
    assert b"MSA|AE|2\r" in answer
    assert answer.endswith(b"BTS|2\r")
    errors = answer_batch(batch, pairs, control_id="R", time="20260105", only_errors=True)
    assert b"MSA|AA" not in errors
    assert errors.endswith(b"BTS|1\r")


def test_what_is_built_reads_back() -> None:
    built = build_batch([ONE, TWO], sender="HIS", receiver="LIS", control_id="B9", time="2026")
    again = read_batch(built)
    assert (again.messages, again.control_id, again.findings) == ((ONE, TWO), "B9", ())
    plain = build_batch([ONE], sender="HIS", receiver="LIS", control_id="B9", time="2026",
                        file=False)  # fmt: skip
    assert plain.startswith(b"BHS|")


def test_nonsense_raises_nothing() -> None:
    for data in (b"", b"FHS", b"BHS|", b"\r\r", b"BTS|1\r", b"FHS|^~\\&\rBHS|^~\\&\r", b"\x00" * 9):
        read_batch(data)
