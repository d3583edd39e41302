"""A real LIS that speaks HLLP: the profile says so, and our sender counts its blocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import cli, resources
from harness.evidence.line import unpack
from harness.evidence.trace import read
from harness.link.host import Host
from harness.link.tap import Connection
from harness.link.threads import Threads
from harness.profile import load_profile
from simulators.feed.feed import Feed

SITE = """
format = 1
name = "hllp"
environment = "test"
[systems.LIS]
mode = "real"
version = "1"
[systems.HIS]
mode = "observed"
[privacy]
plain = "王主任，信息科"
[endpoints.his-lis]
interface = "HIS-ORD"
also = ["HIS-ADT"]
from = "HIS"
to = "LIS"
protocol = "hllp"
host = "127.0.0.1"
port = {port}
{more}
"""


def site(folder: Path, port: int, more: str = "") -> str:
    path = folder / "site.toml"
    path.write_text(SITE.format(port=port, more=more), encoding="utf-8")
    return str(path)


@pytest.mark.slow
def test_a_registration_goes_out_in_blocks_with_count_and_checksum(tmp_path: Path) -> None:
    runtime = Threads()

    def named(link: str, conn: str, client: bool) -> Connection:
        return Connection(id=conn, link=link, interface="", local="LIS", peer="HIS", client=client)

    feed = Feed("LIS", runtime.clock, hybrid=True)
    member = runtime.add("LIS", Host(feed, runtime.clock, named))
    profile = site(tmp_path, member.listen("his-lis").port)
    feature = resources.scenarios_folder() / "feeds" / "probes_registration.feature"
    code = cli.main(["run", str(feature), "--profile", profile, "--tags", "@id-feed-answer-header", "--out",
                     str(tmp_path / "run")])  # fmt: skip
    assert runtime.stop() == []

    assert code == 0
    records = read(tmp_path / "run" / "traces" / "feed-answer-header.jsonl").records
    wire = [unpack(one["raw"]) for one in records if one["kind"] == "bytes"]
    (sent,) = [data for data in wire if b"ADT^A04" in data]
    block = re.fullmatch(rb"\x0b(D23\rMSH.*)(\d{5})(\d{3})\x1c\r", sent, re.DOTALL)
    assert block is not None
    counted = b"\x0b" + block[1]
    check = 0
    for byte in counted:  # HL7 2.3 implementation guide C.4.1
        check ^= byte
    assert (int(block[2]), int(block[3])) == (len(counted), check)


def test_a_relay_may_stand_in_a_line_with_blocks(tmp_path: Path) -> None:
    path = site(tmp_path, 6001, 'via = "relay"\nrelay_port = 6002')

    assert load_profile(path).endpoints["his-lis"].via == "relay"
