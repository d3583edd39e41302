"""``medharness simulate analyzer`` with ``--count``, ``--query`` and ``--listen``, over sockets."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from harness import cli, i18n
from harness.link import actor as act
from harness.link.address import Address
from harness.link.threads import Threads
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, MessageReceived
from harness.wire.core import Message
from simulators import foreground
from simulators.analyzer import generate
from simulators.analyzer.model import load_model
from tests.harness.link.parties import Party, host

LINK = "analyzer-lis"


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(foreground, "say", said.append)
    return said


class Lis:
    """A host on a socket that orders two tests for whatever tube is asked for."""

    def __init__(self, runtime: Threads, ordered: str) -> None:
        self.ordered = ordered
        self.got: list[str] = []
        party = Party(
            "LIS", core=lambda: AstmLinkCore(AstmLinkConfig(side="host")), react=self.react
        )
        member = runtime.add("LIS", host(party, runtime.clock))
        self.address = member.listen(LINK, Address(host="127.0.0.1", port=0))

    def react(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=MessageReceived(payload=payload)):
                self.got.append(payload.decode("gb18030"))
                if b"\rQ|" in payload:
                    answer = Message(payload=self.ordered.encode("ascii"))
                    return [act.Send(conn=event.conn, event=answer)]
        return []


@pytest.fixture
def runtime() -> Iterator[Threads]:
    threads = Threads()
    yield threads
    assert threads.stop() == []


def call(*words: str, link: str = "") -> int:
    where = ["--link", link] if link else []
    return cli.main(["simulate", "analyzer", *where, *words, "--lang", "en"])


@pytest.mark.slow
def test_several_specimens_over_one_call(runtime: Threads, lines: list[str]) -> None:
    lis = Lis(runtime, "")
    link = f"tcp://{lis.address.host}:{lis.address.port}"
    assert call("--count", "3", "--seed", "5", "--json", link=link) == 0

    tubes = [generate.run(seed).barcode for seed in (5, 6, 7)]
    assert [tube in one for tube, one in zip(tubes, lis.got, strict=True)] == [True] * 3
    result = json.loads(lines[-1])
    assert (result["delivered"], result["barcodes"], result["outcome"]) == (3, tubes, "ok")


@pytest.mark.slow
def test_what_is_ordered_is_run_and_uploaded(runtime: Threads, lines: list[str]) -> None:
    lis = Lis(runtime, "H|\\^&\rP|1|MH1\rO|1|T7||^^^K\\^^^NOSUCH|R\rL|1|F\r")
    link = f"tcp://{lis.address.host}:{lis.address.port}"
    words = ("--model", "snibe-maglumi", "--query", "T7", "--json")
    assert call(*words, link=link) == 0

    query, results = lis.got
    assert "Q|1|^T7|" in query
    rows = [row.split("|") for row in results.split("\r")]
    assert [row[2] for row in rows if row[0] == "R"] == ["^^^K"]
    result = json.loads(lines[-1])
    assert (result["ordered"], result["ran"], result["unable"]) == (
        ["K", "NOSUCH"], ["K"], ["NOSUCH"],
    )  # fmt: skip


@pytest.mark.slow
def test_a_tube_without_orders_is_no_failure(runtime: Threads, lines: list[str]) -> None:
    lis = Lis(runtime, "H|\\^&\rL|1|I\r")
    link = f"tcp://{lis.address.host}:{lis.address.port}"
    assert call("--model", "snibe-maglumi", "--query", "T7", link=link) == 0
    assert lines == ["orders of T7: -"]
    assert len(lis.got) == 1


def acknowledge(address: tuple[str, int]) -> bytes:
    """A LIS that connects and acknowledges whatever comes until EOT."""
    got = b""
    with socket.create_connection(address, timeout=60) as line:
        while not got.endswith(b"\x04"):
            data = line.recv(4096)
            assert data, got
            got += data
            if data[-1:] in {b"\x05", b"\n"}:
                line.sendall(b"\x06")
    return got


@pytest.mark.slow
@pytest.mark.parametrize("model", ["snibe-maglumi", "sysmex-kx21"])
def test_the_lis_connects(model: str, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    visitors: list[threading.Thread] = []

    def visit(line: str) -> None:
        _, _, where = line.split(" ")
        address, _, port = where.rpartition(":")
        if model == "snibe-maglumi":
            heard.append(acknowledge((address, int(port))))
            return
        with socket.create_connection((address, int(port)), timeout=60) as peer:
            heard.append(b"")
            while not heard[0].endswith(b"\x03"):
                heard[0] += peer.recv(4096)

    def say(line: str) -> None:
        lines.append(line)
        if line.startswith("ready"):
            visitors.append(threading.Thread(target=visit, args=(line,)))
            visitors[0].start()

    monkeypatch.setattr(foreground, "say", say)
    code = call("--listen", "--model", model, "--seed", "7")
    visitors[0].join(10)

    tube = generate.run(7, load_model(model)).barcode.encode()
    assert tube in heard[0]
    assert code == (0 if model == "snibe-maglumi" else 3)
    assert re.fullmatch(r"ready analyzer-lis\S* 127\.0\.0\.1:\d+", lines[0])


@pytest.mark.parametrize(
    "words",
    [
        ["--count", "0", "--link", "tcp://127.0.0.1:9"],
        ["--query", "T1", "--model", "horiba-yumizen", "--link", "tcp://127.0.0.1:9"],
        ["--query", "T1", "--model", "mindray-bs", "--link", "tcp://127.0.0.1:9"],
        ["--listen", "--link", "tcp://127.0.0.1:9"],
        ["--listen", "--host", "0.0.0.0"],
        ["--listen", "--port", "70000"],
    ],
)
def test_what_cannot_be_played_is_refused(words: list[str], capsys: Any) -> None:
    assert call(*words) == 2
    assert capsys.readouterr().err
