"""A relay between two systems over sockets: what passes, what is broken on purpose, what is said."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import cli
from harness.errors import InputError, PermitError
from harness.evidence.trace import read
from harness.inline.command import Request, run
from harness.inline.stand import read_fault
from harness.link.address import Address
from harness.link.host import Host
from harness.link.relay import RelayCore
from harness.link.spec import LinkSpec
from harness.link.tap import Connection
from harness.link.threads import Threads
from simulators.feed.feed import Feed

PROFILE = """
format = 1
name = "relay"
environment = "{environment}"

[systems.LIS]
mode = "real"
[systems.HIS]
mode = "simulated"

[privacy]
plain = "王主任，信息科"

[endpoints.his-lis]
interface = "HIS-ADT"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = {port}
via = "relay"
"""

SPECS = {"his-lis": LinkSpec(name="his-lis", interface="HIS-ADT", frm="HIS", to="LIS",
                             protocol="mllp", relayed=True)}  # fmt: skip

TIMEOUT_S = 60.0


def described(link: str, conn: str, client: bool) -> Connection:
    return SPECS["his-lis"].connection(conn, client=client)


def adt(number: int) -> str:
    """Typed from HL7 2.4 §3.3.4."""
    return (
        (
            f"MSH|^~\\&|HIS|H|LIS|L|2026010508000{number}||ADT^A04|W{number:04d}|P|2.4\r"
            f"EVN|A04|2026010508000{number}\rPID|1||MH{number:08d}^^^^PatientNO||TEST\rPV1|1|I\r"
        )
        .encode("ascii")
        .hex()
    )


@contextlib.contextmanager
def lis() -> Iterator[int]:
    """A system that answers."""
    runtime = Threads()
    member = runtime.add("LIS", Host(Feed("LIS", runtime.clock), runtime.clock, described))
    try:
        yield member.listen("his-lis").port
    finally:
        assert runtime.stop() == []


class His:
    """A system that sends, and sends again what was not answered."""

    def __init__(self, answer_s: float) -> None:
        self.runtime = Threads()
        feed = Feed("HIS", self.runtime.clock, answer_s=answer_s)
        self.member = self.runtime.add("HIS", Host(feed, self.runtime.clock, described))

    def send(self, address: str, payload: str, attempts: int = 3) -> str:
        host, _, port = address.rpartition(":")
        self.member.routes["his-lis"] = Address(host=host, port=int(port))
        for _ in range(attempts):
            args = {"link": "his-lis", "payload": payload}
            value = self.runtime.command("HIS", "send", args, TIMEOUT_S)
            if value["outcome"] == "ok":
                return "ok"
            self.runtime.command("HIS", "hang-up", {}, TIMEOUT_S)
        return str(value["outcome"])


def site(folder: Path, port: int, environment: str = "test") -> str:
    path = folder / "site.toml"
    path.write_text(PROFILE.format(port=port, environment=environment), encoding="utf-8")
    return str(path)


def stood(
    folder: Path, messages: int, *faults: str, attempts: int = 3, answer_s: float = TIMEOUT_S
) -> tuple[int, dict]:
    """Messages through a relay with faults; the exit code and what was found."""
    his, over, ready, codes = His(answer_s), threading.Event(), threading.Event(), []
    where: dict[str, str] = {}
    out = folder / "out"

    def tell(addresses):
        where.update(addresses)
        ready.set()

    with lis() as port:
        request = Request(profile=site(folder, port), links=(), faults=faults, seconds=0.0, out=out)
        thread = threading.Thread(target=lambda: codes.append(run(request, {}, tell, over)))
        thread.start()
        assert ready.wait(TIMEOUT_S)
        for number in range(1, messages + 1):
            his.send(where["his-lis"], adt(number), attempts)
        assert his.runtime.stop() == []
        over.set()
        thread.join(TIMEOUT_S)
    found = json.loads((out / "relay.json").read_text(encoding="utf-8"))
    return codes[0], found


def test_what_passes_is_recorded_and_accounted(tmp_path, capsys):
    code, found = stood(tmp_path, 3)

    assert code == 0
    assert found["links"] == {"his-lis HIS -> LIS": {"messages": 3, "deliveries": 3}}
    assert found["troubled"] == []
    kinds = [one["type"] for one in read(tmp_path / "out" / "relay.jsonl").records
             if one["kind"] == "message"]  # fmt: skip
    assert kinds.count("ADT^A04") == 3
    assert "ready his-lis 127.0.0.1:" in capsys.readouterr().out


def test_a_lost_answer_is_sent_again_and_both_are_in_the_account(tmp_path):
    code, found = stood(tmp_path, 2, "his-lis=answer-drop:MH00000001", answer_s=0.2, attempts=200)

    assert code == 0
    assert found["faults"] == [{"id": "F1", "link": "his-lis", "action": "drop", "fired": 1}]
    assert found["links"]["his-lis HIS -> LIS"]["deliveries"] >= 3


@pytest.mark.slow
def test_a_message_that_never_gets_an_answer_is_named(tmp_path, capsys):
    code, found = stood(tmp_path, 2, "his-lis=drop:MH00000002:all", attempts=1, answer_s=1.0)

    assert code == 1
    said = {one["id"]: one["what"] for one in found["troubled"]}
    assert said["W0002"] == ["unanswered", "lost"]
    assert "W0002" in capsys.readouterr().out


def test_a_fault_that_never_fired_and_an_idle_line_are_not_green(tmp_path):
    code, found = stood(tmp_path, 1, "his-lis=repeat:ORU^R01")
    assert (code, found["faults"][0]["fired"]) == (3, 0)

    (tmp_path / "idle").mkdir()
    code, found = stood(tmp_path / "idle", 0)
    assert (code, found["messages"]) == (3, 0)


def test_where_the_relay_itself_fails_it_is_said_and_not_green(tmp_path, capsys, monkeypatch):
    sound, faults = RelayCore.receive, [ZeroDivisionError("a fault of ours")]

    def fails_once(core, data, now):
        if faults:
            raise faults.pop()
        return sound(core, data, now)

    monkeypatch.setattr(RelayCore, "receive", fails_once)
    code, found = stood(tmp_path, 2, answer_s=0.2, attempts=200)

    assert found["failed"] == ["a fault of ours"]
    assert code != 0
    assert "a fault of ours" in capsys.readouterr().out


def test_production_takes_no_faults(tmp_path):
    request = Request(profile=site(tmp_path, 6001, "production"), links=(),
                      faults=("his-lis=drop",), seconds=0.1, out=tmp_path / "out")  # fmt: skip
    with pytest.raises(PermitError):
        run(request, {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("his-lis", "his-lis"),
        ("lis-his=drop", "lis-his"),
        ("his-lis=explode", "explode"),
        ("his-lis=answer-swap", "answer-swap"),
        ("his-lis=drop:A04:x", "x"),
        ("his-lis=drop:A04:0", "0"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(text, says):
    with pytest.raises(InputError, match=says):
        read_fault(1, text, SPECS)


def test_faults_are_read():
    one = read_fault(2, "his-lis=repeat:ADT^A04:2", SPECS)
    assert (one.id, one.action, one.sender, one.trigger.kind) == ("F2", "repeat", "HIS", "message")
    assert (one.trigger.holds, one.trigger.occurrences) == (("ADT^A04",), (2,))

    one = read_fault(1, "his-lis=answer-delay", SPECS)
    assert (one.sender, one.trigger.kind, one.trigger.occurrences) == ("LIS", "reply", (1,))
    assert read_fault(1, "his-lis=refuse::all", SPECS).trigger.kind == "accept"


@pytest.mark.slow
def test_the_command_says_what_it_cannot_do(tmp_path, capsys):
    path = site(tmp_path, 6001).encode("utf-8").decode("utf-8")
    out = str(tmp_path / "out")
    for words in (["--link", "nowhere"], ["--minutes", "-1"]):
        assert cli.main(["relay", "--profile", path, "--out", out, *words, "--lang", "en"]) == 2
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "x").write_text("x", encoding="utf-8")
    assert cli.main(["relay", "--profile", path, "--out", out, "--lang", "en"]) == 2
    assert "not empty" in capsys.readouterr().err
