"""A recorded day of ASTM, DICOM and HTTP in place of a run: what differs, and that chance does not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.errors import InputError
from harness.evidence.line import pack
from harness.rehearsal import day, traffic
from harness.rehearsal.shapes import holder
from harness.wire.dicom_items import Context, Items
from harness.wire.dicom_pdu import Abort, Associate, Data, Pdv, Reject

Record = dict[str, Any]

STORAGE = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT, LOSSLESS = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70",
)  # fmt: skip


def message(protocol: str, frm: str, kind: str, payload: bytes, **more: Any) -> Record:
    return {"kind": "message", "link": "l", "interface": "I", "conn": "l#1", "frm": frm, "to": "it",
            "protocol": protocol, "type": kind, "id": "", "raw": pack(payload), **more}  # fmt: skip


def astm(
    rng: random.Random, *, unit: str = "mmol/L", flag: str = "", comment: bool = True
) -> bytes:
    """Typed from LIS2-A2 §7 to §10."""
    lines = ["H|\\^&|||AN^1|||||||P|LIS2-A2|20260105080000", f"P|1||P{rng.randrange(10**8)}",
             f"O|1|B{rng.randrange(10**9)}||^^^K|R"]  # fmt: skip
    for number in (1, 2):
        value = f"{rng.uniform(3, 6):.2f}"
        lines.append(f"R|{number}|^^^K|{value}|{unit}||{flag or rng.choice('NHL')}||F")
    if comment:
        lines.append("C|1|I|seen|G")
    return "".join(f"{line}\r" for line in [*lines, "L|1|N"]).encode()


def bill(rng: random.Random, *, kind: str = "", extra: str = "", fee: str = "number") -> bytes:
    amount = f"{rng.uniform(1, 900):.2f}"
    output: dict[str, Any] = {
        "setl_id": f"S{rng.randrange(10**9)}", "med_type": kind or rng.choice(["11", "21"]),
        "amount": amount if fee == "number" else f"{amount}元",
        "items": [{"no": str(n), "unit": "盒"} for n in range(rng.randrange(1, 4))],
    }  # fmt: skip
    if extra:
        output[extra] = "1"
    return json.dumps({"infcode": "0", "output": output}, ensure_ascii=False).encode()


def associated(conn: str, *answers: str | None, refused: bool = False) -> list[Record]:
    """One connection: asked for two syntaxes, answered, one C-STORE, over."""
    asked = Associate(
        called=b"PACS", calling=b"CT1",
        items=Items(contexts=tuple(
            Context(id=2 * n + 1, abstract_syntax=STORAGE, transfer_syntaxes=(uid,))
            for n, uid in enumerate((EXPLICIT, LOSSLESS)))),
    )  # fmt: skip
    taken = Associate(
        accepted=True, called=b"PACS", calling=b"CT1",
        items=Items(contexts=tuple(
            Context(id=2 * n + 1, result=0 if uid else 4, transfer_syntaxes=(uid or IMPLICIT,))
            for n, uid in enumerate(answers or (EXPLICIT, LOSSLESS)))),
    )  # fmt: skip
    answer = Reject(result=1, source=1, reason=7) if refused else taken
    about = {"link": "ct-pacs", "interface": "PACS-DIMSE", "conn": conn}
    return [
        {"kind": "link", "event": "opened", "to": "PACS", "frm": "CT", "reason": "", **about},
        {"kind": "bytes", "frm": "CT", "to": "PACS", "raw": pack(asked.encode()), **about},
        {"kind": "bytes", "frm": "PACS", "to": "CT", "raw": pack(answer.encode()), **about},
        {"kind": "link", "event": "closed", "to": "PACS", "frm": "CT", "reason": "", **about},
    ]


def written(path: Path, records: list[Record]) -> Path:
    path.mkdir()
    head = {"kind": "open", "format": 1}
    wall = "2026-01-05T08:00:00.000+08:00"
    lines = [json.dumps({"n": n, "t": float(n), "w": wall, **one}, separators=(",", ":"))
             for n, one in enumerate([head, *records], 1)]  # fmt: skip
    (path / "day.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


Made = Callable[[random.Random], list[Record]]


def recorded(path: Path, seed: int, count: int = 80, made: Made | None = None) -> Path:
    """A day: results of an analyzer, answers of a centre, associations with a PACS."""
    rng = random.Random(seed)
    records: list[Record] = []
    for number in range(count):
        if made is not None:
            records += made(rng)
            continue
        records.append(message("astm", "AN", "astm result", astm(rng)))
        records.append(message("http", "centre", "2207", bill(rng)))
        records += associated(f"ct-pacs#{number}")
    return written(path, records)


def found(before: Path, after: Path) -> dict[tuple[str, str, str], tuple[str, str]]:
    result = day.compare(day.read(before), day.read(after), [], date(2026, 1, 1))
    firsts = [one.first for one in result.signatures.values()]
    return {(one.cls, one.name, one.path): (one.old, one.new) for one in firsts}


@pytest.mark.parametrize("seed", range(2, 8))
def test_equal_days_of_other_data_differ_in_nothing(tmp_path: Path, seed: int) -> None:
    assert found(recorded(tmp_path / "a", 1), recorded(tmp_path / "b", seed)) == {}


def test_a_smaller_day_differs_in_its_counts_alone(tmp_path: Path) -> None:
    differing = found(recorded(tmp_path / "a", 1), recorded(tmp_path / "b", 2, 25))

    assert {cls for cls, _, _ in differing} == {"count"}


ASTM: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"unit": ""}, ("missing", "R.5 @field")),
    ({"unit": "mg/dL"}, ("value", "R.5 @codes")),
    ({"flag": "N"}, ("value", "R.7 @codes")),
    ({"comment": False}, ("missing", "C @record")),
]


@pytest.mark.parametrize(("words", "wanted"), ASTM)
def test_what_a_day_of_astm_tells(
    tmp_path: Path, words: dict[str, Any], wanted: tuple[str, str]
) -> None:
    def made(rng: random.Random) -> list[Record]:
        return [message("astm", "AN", "astm result", astm(rng, **words))]

    before = recorded(tmp_path / "a", 1, made=lambda rng: [
        message("astm", "AN", "astm result", astm(rng))])  # fmt: skip
    differing = found(before, recorded(tmp_path / "b", 2, made=made))

    assert (wanted[0], "AN astm result", wanted[1]) in differing
    assert len(differing) == 1


HTTP: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"kind": "31"}, ("value", "/output/med_type @codes")),
    ({"extra": "flag"}, ("added", "/output/flag @field")),
    ({"fee": "text"}, ("type", "/output/amount @kind")),
]


@pytest.mark.parametrize(("words", "wanted"), HTTP)
def test_what_a_day_of_the_centre_tells(
    tmp_path: Path, words: dict[str, Any], wanted: tuple[str, str]
) -> None:
    def day_of(name: str, seed: int, **more: Any) -> Path:
        return recorded(tmp_path / name, seed, made=lambda rng: [
            message("http", "centre", "2207", bill(rng, **more))])  # fmt: skip

    differing = found(day_of("a", 1), day_of("b", 2, **words))

    assert list(differing) == [(wanted[0], "centre 2207", wanted[1])]


def test_what_a_day_of_dicom_tells(tmp_path: Path) -> None:
    def day_of(name: str, *answers: str | None, refused: bool = False) -> Path:
        count = iter(range(1000))
        return recorded(tmp_path / name, 1, made=lambda _: associated(
            f"ct#{next(count)}", *answers, refused=refused))  # fmt: skip

    before, place = day_of("a"), "PACS A-ASSOCIATE-AC/RJ"

    fewer = found(before, day_of("b", EXPLICIT, None))
    context = ("value", place, f"@context/{STORAGE}/{LOSSLESS} @codes")
    assert list(fewer) == [context]
    assert fewer[context] == (LOSSLESS, "syntaxes not supported")
    refused = found(before, day_of("c", refused=True))
    assert ("value", place, "@answer @codes") in refused
    assert found(before, day_of("d")) == {}


def test_a_rare_code_of_one_day_is_no_difference(tmp_path: Path) -> None:
    rare = iter([*["31"] * 3, *["11", "21"] * 200])
    before = recorded(tmp_path / "a", 1, made=lambda rng: [
        message("http", "centre", "2207", bill(rng))])  # fmt: skip
    after = recorded(tmp_path / "b", 2, made=lambda rng: [
        message("http", "centre", "2207", bill(rng, kind=next(rare)))])  # fmt: skip

    assert found(before, after) == {}


def test_no_value_of_a_person_is_kept(tmp_path: Path) -> None:
    def day_of(name: str, person: str) -> Path:
        payload = json.dumps({"output": {"psn_name": person, "sex": "1"}}).encode()
        return recorded(tmp_path / name, 1, made=lambda _: [
            message("http", "centre", "1101", payload)])  # fmt: skip

    assert found(day_of("a", "张一"), day_of("b", "李二")) == {}


def test_a_run_after_a_day_is_not_held_to_what_the_day_sent_now_and_then(tmp_path: Path) -> None:
    before = recorded(tmp_path / "a", 1, made=lambda rng: [
        message("http", "centre", "2207", bill(rng))])  # fmt: skip
    after = recorded(tmp_path / "b", 2, made=lambda rng: [
        message("http", "centre", "2207", bill(rng, kind="11"))])  # fmt: skip
    old, new = day.read(before), day.read(after)
    path = "/output/med_type @codes"

    def told(*, days: bool) -> list[str]:
        return [one.path for one in day.shapes.compare(old.shapes, new.shapes, days=days)]

    assert told(days=True) == [path]
    assert told(days=False) == []


def test_the_conclusion_names_what_was_learned_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = recorded(tmp_path / "a", 1, 12), recorded(tmp_path / "b", 2, 12)
    words = ["compare", "--day", str(before), str(after), "--out", str(tmp_path / "o")]

    assert cli.main([*words, "--lang", "en"]) == 3  # no contract was looked at
    assert "Learned from: ASTM, DICOM, HTTP." in capsys.readouterr().out


def test_a_trace_without_messages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        day.read(written(tmp_path / "a", []))


def test_an_association_that_is_too_long_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "CONNECTION_CHARS_MAX", 600)
    data = Data(values=(Pdv(context=1, command=False, last=True, data=bytes(2000)),))
    long = [*associated("ct#1")[:3], {**associated("ct#1")[1], "raw": pack(data.encode())}]
    path = written(tmp_path / "a", [message("astm", "AN", "astm result", b"H|\\^&\rL|1\r"), *long])

    read = day.read(path)

    assert read.heard.left_out == 1
    result = day.compare(read, read, [], date(2026, 1, 1))
    assert any("too long" in text or "过长" in text for text in result.coverage)


def test_an_abort_is_seen_with_its_reason(tmp_path: Path) -> None:
    def ended(reason: int) -> Callable[[random.Random], list[Record]]:
        count = iter(range(1000))

        def made(_: random.Random) -> list[Record]:
            records = associated(f"ct#{next(count)}")
            said = {**records[2], "raw": pack(Abort(source=2, reason=reason).encode())}
            return [*records[:3], said, records[3]]

        return made

    differing = found(recorded(tmp_path / "a", 1, made=ended(0)),
                      recorded(tmp_path / "b", 1, made=ended(6)))  # fmt: skip

    assert list(differing) == [("value", "PACS A-ABORT", "@reason @codes")]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("R[3].4", "R[3]"), ("/input/list[2]/cnt", "/input/list[2]"), ("@status", ""),
        ("@context/1.2.840", ""), ("(0010,0010)", ""), ("payload", ""),
        ("(0040,0100)[1].(0040,0009)", "(0040,0100)[1]"),
    ],
)  # fmt: skip
def test_what_holds_a_field(path: str, wanted: str) -> None:
    assert holder(path) == wanted
