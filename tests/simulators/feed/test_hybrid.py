"""HLLP from end to end: the built-in HIS and LIS speak it where the profile says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import cli, resources
from harness.evidence.line import unpack
from harness.evidence.trace import read
from harness.link.relay import RelayCore, RelayUnit
from harness.wire.hllp import block

FEATURES = ("results", "results_faults", "orders")
"""A system of ours on either side, and a receiver that we play in a relayed line."""

_BLOCK = re.compile(rb"\x0b(D23\r(MSH.*))(\d{5})(\d{3})\x1c\r", re.DOTALL)


LINES = ("his-lis", "lis-his")
ENGINE = ("his-engine", "engine-lis", "lis-engine", "engine-his")
PASSED_ON = "@id-feed-engine-both-ways or @id-feed-engine-restart-backlog or @id-feed-engine-repeat"


def hybrid(folder: Path, lines: tuple[str, ...] = LINES) -> str:
    """The profile over memory, with these lines in HLLP: those between HIS and LIS."""
    text = resources.fixture("profiles/memory.toml").read_text(encoding="utf-8")
    parts = re.split(r"(?m)^(?=\[)", text)
    for number, part in enumerate(parts):
        if part.startswith(tuple(f"[endpoints.{line}]" for line in lines)):
            assert 'protocol = "mllp"' in part
            parts[number] = part.replace('protocol = "mllp"', 'protocol = "hllp"')
    path = folder / "hybrid.toml"
    path.write_text("".join(parts), encoding="utf-8")
    return str(path)


def whole(data: bytes) -> bool:
    """Count and checksum by hand (HL7 2.3 implementation guide, appendix C §C.4.1)."""
    found = _BLOCK.fullmatch(data)
    if found is None:
        return False
    counted = b"\x0b" + found[1]
    check = 0
    for byte in counted:
        check ^= byte
    return (int(found[3]), int(found[4])) == (len(counted), check)


@pytest.mark.slow
def test_orders_and_results_go_in_blocks_and_take_effect(tmp_path: Path) -> None:
    feeds, out = resources.scenarios_folder() / "feeds", tmp_path / "run"
    tags = "@id-feed-result-message or @id-feed-refused-not-resent or @id-feed-order-items"

    code = cli.main(["run", *(str(feeds / f"{name}.feature") for name in FEATURES), "--profile",
                     hybrid(tmp_path), "--tags", tags, "--out", str(out)])  # fmt: skip

    assert code == 0
    wire: dict[str, list[bytes]] = {}
    for path in (out / "traces").glob("*.jsonl"):
        for one in read(path).records:
            if one["kind"] == "bytes" and one["link"] in {"his-lis", "lis-his"}:
                wire.setdefault(one["frm"], []).append(unpack(one["raw"]))
    assert set(wire) >= {"HIS", "LIS"}
    assert all(whole(data) for side in wire.values() for data in side)


@pytest.mark.slow
def test_the_interface_engine_takes_and_forwards_blocks(tmp_path: Path) -> None:
    feature, out = resources.scenarios_folder() / "feeds" / "engine.feature", tmp_path / "run"
    words = ["run", str(feature), "--tags", PASSED_ON, "--out", str(out)]

    code = cli.main([*words, "--profile", hybrid(tmp_path, LINES + ENGINE)])

    assert code == 0
    wire: dict[str, list[bytes]] = {}
    for path in (out / "traces").glob("*.jsonl"):
        for one in read(path).records:
            if one["kind"] == "bytes" and one["link"] in {*LINES, *ENGINE}:
                wire.setdefault(one["frm"], []).append(unpack(one["raw"]))
    assert set(wire) >= {"HIS", "LIS", "ENGINE"}
    assert all(whole(data) for side in wire.values() for data in side)


@pytest.mark.slow
def test_an_engine_between_two_protocols_is_told_and_nothing_is_judged(tmp_path: Path) -> None:
    feature, out = resources.scenarios_folder() / "feeds" / "engine.feature", tmp_path / "run"
    words = ["run", str(feature), "--tags", PASSED_ON, "--out", str(out)]

    code = cli.main([*words, "--profile", hybrid(tmp_path, (*LINES, *ENGINE[1:]))])

    assert code == 3
    said = (out / "run.json").read_text(encoding="utf-8")
    assert "his-lis" in said
    assert "his-engine" in said


def test_a_relay_finds_the_message_in_a_block_and_passes_the_block_as_it_is() -> None:
    message = b"MSH|^~\\&|HIS\rEVN|A04\r"
    frame = b"\x0b" + block(message) + b"\x1c\r"
    plain, core = RelayCore(), RelayCore(hybrid=True)
    for one in (plain, core):
        one.receive(frame[:9], 0.0)
        one.receive(frame[9:], 0.0)

    assert core.events() == [RelayUnit(data=frame, payload=message)]
    (seen,) = plain.events()
    assert isinstance(seen, RelayUnit)
    assert seen.payload != message

    core.receive(b"\x0b" + block(b"C", b"N") + b"\x1c\r", 0.0)
    (refusal,) = core.events()
    assert isinstance(refusal, RelayUnit)
    assert refusal.payload == b"", "a refusal is no message"
