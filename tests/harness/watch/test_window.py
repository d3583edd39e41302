"""A window over real sockets: the built-in hospital restarted, and with defects of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness import cli, input_files
from harness.errors import InputError, PermitError
from harness.link.address import Address
from harness.link.host import Host
from harness.link.threads import Threads
from harness.profile import load_profile
from harness.signoff import results
from harness.watch import report
from harness.watch.facts import Fact
from harness.watch.window import Options, Window
from simulators.hospital.built_in import BuiltInHospital
from simulators.shell import plain
from simulators.store import Store

LIMIT_S = 60.0
"""Of every wait; only a machine that stands still gets there."""


def until(condition: Callable[[], bool]) -> None:
    over_at = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < over_at, "waited in vain"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def adt(number: int, event: str = "A08", patient: str = "") -> bytes:
    """Typed from HL7 2.4 §3.3.8."""
    stamp = f"202601050800{number:02d}"
    return (
        f"MSH|^~\\&|HIS|H|LIS|L|{stamp}||ADT^{event}|W{number:04d}|P|2.4\r"
        f"EVN|{event}|{stamp}\rPID|1||{patient or f'MH{number:08d}'}^^^HIS^PatientNO||WATCH^{number}||19800101|M\r"
        f"PV1|1|I|W{number:02d}^^1\r"
    ).encode("ascii")


def talk(address: str, payload: bytes) -> bytes:
    """Send one message and read one answer; empty where there is none."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), LIMIT_S) as sock:
            sock.settimeout(LIMIT_S)
            sock.sendall(b"\x0b" + payload + b"\x1c\r")
            data = b""
            while not data.endswith(b"\x1c\r"):
                more = sock.recv(65536)
                if not more:
                    return b""
                data += more
            return data[1:-2]
    except OSError:
        return b""


def accepted(address: str, payload: bytes) -> None:
    """Send until it is accepted, as every sender does."""
    until(lambda: b"MSA|AA" in talk(address, payload))


@dataclass
class Hospital:
    """Systems of the built-in hospital, each at a port that stays over restarts."""

    folder: Path
    runtime: Threads = field(default_factory=Threads)
    ports: dict[str, int] = field(default_factory=dict)
    stores: dict[str, Store] = field(default_factory=dict)
    routes: dict[str, Address] = field(default_factory=dict)

    def start(self, role: str, link: str, *defects: str) -> int:
        config = {"role": role, "store": str(self.folder / f"{role}.sqlite"), "defects": defects,
                  "answer_s": 30.0, "retry_s": 0.05, "durable": False}  # fmt: skip
        actor, store = BuiltInHospital().make(config, self.runtime.clock)
        self.stores[role] = store
        host = Host(actor, self.runtime.clock, plain, store=store)
        member = self.runtime.add(role, host)
        member.routes |= self.routes
        where = Address(host="127.0.0.1", port=self.ports.get(link, 0))
        self.ports[link] = member.listen(link, where).port
        return self.ports[link]

    def end(self, role: str) -> None:
        self.runtime.remove(role)
        self.stores.pop(role).close()

    def stop(self) -> None:
        self.runtime.stop()
        for store in self.stores.values():
            store.close()


PROFILE = """
format = 1
name = "窗口"
environment = "{environment}"
[systems.LIS]
mode = "real"
version = "2"
[systems.HIS]
mode = "simulated"
{engine}
[endpoints.his-lis]
interface = "HIS-ADT"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = {lis}
via = "relay"
{probes}
[limits.LIS]
answer_s = 30.0
"""

ENGINE = """
[systems.ENGINE]
mode = "real"
[endpoints.his-engine]
interface = "HIS-ENG"
from = "HIS"
to = "ENGINE"
protocol = "mllp"
host = "127.0.0.1"
port = {port}
via = "relay"
[endpoints.engine-lis]
interface = "ENG-LIS"
from = "ENGINE"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = {lis}
via = "relay"
relay_port = {relay}
"""


def profile(
    folder: Path, lis: int, *, engine: str = "", probes: str = "", environment: str = "test"
) -> Path:
    path = folder / "site.toml"
    text = PROFILE.format(lis=lis, engine=engine, probes=probes, environment=environment)
    path.write_text(text, encoding="utf-8")
    return path


@contextlib.contextmanager
def hospital(folder: Path) -> Iterator[Hospital]:
    one = Hospital(folder)
    try:
        yield one
    finally:
        one.stop()


def window_of(path: Path, **options: object) -> Window:
    window = Window(load_profile(str(path)), Options(weeks=0, **options), {})  # type: ignore[arg-type]  # of the test
    window.start()
    return window


@pytest.mark.slow
def test_a_restart_is_an_outage_and_loses_nothing(tmp_path: Path) -> None:
    with hospital(tmp_path) as site:
        window = window_of(profile(tmp_path, site.start("LIS", "his-lis")))
        way = window.ready["his-lis"]
        for number in range(1, 4):
            accepted(way, adt(number))
        site.end("LIS")
        assert talk(way, adt(4)) == b""
        until(lambda: window.lines.accounts["his-lis"].down)
        site.start("LIS", "his-lis")
        accepted(way, adt(4))
        window.stop()
        data = report.write(window, tmp_path / "out")

    line = data["lines"][0]
    assert (line["messages"], line["lost"], line["duplicated"], line["reordered"]) == (4, 0, 0, 0)
    assert line["outage_s"] > 0
    assert [one["reason"] for one in line["outages"]] == ["refused"]
    assert data["verdict"] == "pass"
    page = (tmp_path / "out" / "watch.html").read_text(encoding="utf-8")
    assert "HIS-ADT" in page
    assert "@page { size: A4" in page


class Failing:
    """A reader with a fault of its own."""

    def data(self, data: bytes, now: float, *, forth: bool) -> Iterator[tuple[bool, Fact]]:
        raise RecursionError("brackets")

    def ended(self) -> Iterator[tuple[bool, Fact]]:
        raise RecursionError("brackets")


@pytest.mark.slow
def test_a_reader_that_fails_stops_no_byte_and_is_never_green(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("harness.watch.line.reader_of", lambda protocol: Failing())
    with hospital(tmp_path) as site:
        window = window_of(profile(tmp_path, site.start("LIS", "his-lis")))
        assert b"MSA|AA" in talk(window.ready["his-lis"], adt(1))
        assert b"MSA|AA" in talk(window.ready["his-lis"], adt(2))
        window.stop()

    data = report.as_json(window)
    assert data["lines"][0]["unread"] == 2
    assert data["verdict"] == "inconclusive"
    assert any("his-lis" in one and "brackets" in one for one in data["open"])


@pytest.mark.slow
def test_a_relay_that_takes_nobody_any_more_is_never_green(tmp_path: Path) -> None:
    with hospital(tmp_path) as site:
        window = window_of(profile(tmp_path, site.start("LIS", "his-lis")))
        accepted(window.ready["his-lis"], adt(1))
        window._passages[0]._listener.shutdown(socket.SHUT_RDWR)
        until(lambda: window.failed)
        window.stop()

    data = report.as_json(window)
    assert data["verdict"] == "inconclusive"
    assert any("his-lis" in one for one in data["relay_failed"])


@pytest.mark.slow
def test_who_says_its_last_gets_its_answer(tmp_path: Path) -> None:
    """Some senders close their half of the line behind the question."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        window = window_of(profile(tmp_path, server.getsockname()[1]))
        host, _, port = window.ready["his-lis"].rpartition(":")
        with socket.create_connection((host, int(port)), LIMIT_S) as sender:
            sender.settimeout(LIMIT_S)
            sender.sendall(b"\x0b" + adt(1) + b"\x1c\r")
            sender.shutdown(socket.SHUT_WR)
            there, _ = server.accept()
            with there:
                there.settimeout(LIMIT_S)
                while there.recv(65536):
                    pass
                there.sendall(b"\x0bMSH|^~\\&|LIS|L|HIS|H|||ACK|1|P|2.4\rMSA|AA|W0001\r\x1c\r")
            assert b"MSA|AA" in sender.recv(65536)
        until(lambda: not window.lines.accounts["his-lis"].waiting)
        window.stop()

    data = report.as_json(window)
    assert (data["lines"][0]["messages"], data["lines"][0]["lost"], data["verdict"]) == (
        1,
        0,
        "pass",
    )
    assert data["lines"][0]["outages"] == []


@pytest.mark.slow
def test_a_port_that_is_taken_is_refused_and_nothing_stays_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = profile(tmp_path, 1)
        text = path.read_text(encoding="utf-8")
        port = taken.getsockname()[1]
        path.write_text(
            text.replace('via = "relay"', f'via = "relay"\nrelay_port = {port}'), "utf-8"
        )
        with pytest.raises(InputError, match="his-lis"):
            window_of(path)


@pytest.mark.slow
def test_connections_without_a_message_are_never_green(tmp_path: Path) -> None:
    with hospital(tmp_path) as site:
        window = window_of(profile(tmp_path, site.start("LIS", "his-lis")))
        host, _, port = window.ready["his-lis"].rpartition(":")
        with socket.create_connection((host, int(port)), LIMIT_S):
            until(lambda: window.lines.accounts["his-lis"].connections)
        until(lambda: window.lines.accounts["his-lis"].connections)
        window.stop()

    data = report.as_json(window)
    assert (data["lines"][0]["messages"], data["verdict"]) == (0, "inconclusive")


@pytest.mark.slow
def test_a_long_outage_fails_where_a_limit_is_set(tmp_path: Path) -> None:
    with hospital(tmp_path) as site:
        window = window_of(profile(tmp_path, site.start("LIS", "his-lis")))
        site.end("LIS")
        assert talk(window.ready["his-lis"], adt(1)) == b""
        until(lambda: window.lines.accounts["his-lis"].down)
        site.start("LIS", "his-lis")
        accepted(window.ready["his-lis"], adt(1))
        window.stop()

    assert report.as_json(window)["verdict"] == "pass"
    assert report.as_json(window, outage_max_s=0.0)["verdict"] == "fail"


@pytest.mark.slow
def test_a_system_that_does_not_come_back_is_never_green(tmp_path: Path) -> None:
    with hospital(tmp_path) as site:
        window = window_of(profile(tmp_path, site.start("LIS", "his-lis")))
        accepted(window.ready["his-lis"], adt(1))
        site.end("LIS")
        assert talk(window.ready["his-lis"], adt(2)) == b""
        until(lambda: window.lines.accounts["his-lis"].down)
        window.stop()

    data = report.as_json(window)
    assert data["lines"][0]["down_at_end"]
    assert data["verdict"] == "inconclusive"


@pytest.mark.slow
def test_what_a_sender_repeats_after_it_was_accepted_is_told(tmp_path: Path) -> None:
    with hospital(tmp_path) as site:
        window = window_of(profile(tmp_path, site.start("LIS", "his-lis")))
        way = window.ready["his-lis"]
        accepted(way, adt(1))
        accepted(way, adt(3, patient="MH00000009"))
        accepted(way, adt(1))  # the same again
        accepted(way, adt(2, patient="MH00000009"))  # dated before the one that was there
        window.stop()

    data = report.as_json(window)
    assert (data["lines"][0]["duplicated"], data["lines"][0]["reordered"]) == (1, 1)
    assert data["verdict"] == "fail"


def through_engine(
    folder: Path, defect: str, play: Callable[[Hospital, str], None], **options: float
) -> dict[str, Any]:
    """What the window says from line to line, with an engine that has one defect or none."""
    with hospital(folder) as site:
        lis = site.start("LIS", "his-lis")
        engine = site.start("ENGINE", "his-engine", *([defect] if defect else []))
        relay = free_port()
        site.routes["engine-lis"] = Address(host="127.0.0.1", port=relay)
        site.runtime.members["ENGINE"].routes |= site.routes
        text = ENGINE.format(port=engine, lis=lis, relay=relay)
        window = window_of(profile(folder, lis, engine=text),
                           follows=[("his-engine", "engine-lis", ("ADT",))], **options)  # fmt: skip
        play(site, window.ready["his-engine"])
        out = window.lines.follows[0]
        until(lambda: out.left + out.duplicated >= 3)
        window.stop()
    data: dict[str, Any] = report.as_json(window)["follows"][0]
    return data


def waiting_over_a_restart(defect: str) -> Callable[[Hospital, str], None]:
    """Three changes of one patient wait in the engine while LIS is down; then both start again."""

    def play(site: Hospital, way: str) -> None:
        site.end("LIS")
        for number in range(1, 4):
            accepted(way, adt(number, patient="MH00000001"))
        site.end("ENGINE")
        site.start("LIS", "his-lis")
        site.start("ENGINE", "his-engine", *([defect] if defect else []))

    return play


@pytest.mark.slow
@pytest.mark.parametrize(
    ("defect", "trouble"),
    [("", ""), ("engine-reorders-after-restart", "reordered")],
)
def test_an_engine_that_reorders_is_found_and_a_good_one_is_not(
    tmp_path: Path, defect: str, trouble: str
) -> None:
    found = through_engine(tmp_path, defect, waiting_over_a_restart(defect))

    told = {what for what in report.TROUBLES if found[what]}
    assert told == ({trouble} if trouble else set())


def answers_before_it_stores(site: Hospital, way: str) -> None:
    """The power goes between the answer and the store."""
    for number in range(1, 3):
        accepted(way, adt(number))
    until(lambda: not site.runtime.command("ENGINE", "pending", {}, LIMIT_S))
    site.runtime.crash_at("ENGINE", 1, after=False)
    accepted(way, adt(3))
    site.end("ENGINE")
    site.start("ENGINE", "his-engine")
    accepted(way, adt(4))


@pytest.mark.slow
def test_an_engine_that_answers_before_it_stores_loses_a_message(tmp_path: Path) -> None:
    found = through_engine(
        tmp_path, "engine-acknowledges-before-storing", answers_before_it_stores, late_s=0.0001
    )

    assert (found["entered"], found["left"], found["lost"]) == (4, 3, 1)
    assert [one["key"] for one in found["troubles"] if one["what"] == "lost"] == ["W0003"]


@pytest.mark.slow
def test_an_engine_that_forwards_repeats_is_found(tmp_path: Path) -> None:
    found = through_engine(tmp_path, "engine-repeats-after-restart", restarted)

    assert found["duplicated"] == 1


def restarted(site: Hospital, way: str) -> None:
    for number in range(1, 3):
        accepted(way, adt(number))
    queue = site.stores["ENGINE"]
    done = "SELECT COUNT(*) AS n FROM queue WHERE link = 'engine-lis' AND state = 'accepted'"
    until(lambda: queue.rows(done)[0]["n"] == 2)
    site.end("ENGINE")
    site.start("ENGINE", "his-engine", "engine-repeats-after-restart")


PROBE = """
[probes.lis-patients]
owner = "Li, 8001"
reach = "stored"
role = "LIS"
url = "sqlite:LIS.sqlite"
query = "SELECT patient_id FROM patients WHERE patient_id = :patient_id"
"""


@pytest.mark.slow
def test_marked_probes_see_a_quiet_line_and_their_effect(tmp_path: Path) -> None:
    with hospital(tmp_path) as site:
        path = profile(tmp_path, site.start("LIS", "his-lis"), probes=PROBE)
        window = window_of(path, active=True, every_s=0.05)
        prober = window.probers["his-lis"]
        until(lambda: len(prober._accepted) >= 3)
        site.end("LIS")
        until(lambda: window.lines.accounts["his-lis"].down)
        site.start("LIS", "his-lis")
        until(lambda: not window.lines.accounts["his-lis"].down)
        window.stop()

    data = report.as_json(window)
    assert data["probes"][0]["effects_checked"] >= 3
    assert data["probes"][0]["effects_missing"] == []
    assert data["lines"][0]["outage_s"] > 0


@pytest.mark.slow
def test_probes_that_are_accepted_and_not_stored_are_told(tmp_path: Path) -> None:
    with hospital(tmp_path) as site:
        path = profile(tmp_path, site.start("LIS", "his-lis"), probes=PROBE)
        window = window_of(path, active=True, every_s=0.05)
        until(lambda: len(window.probers["his-lis"]._accepted) >= 2)
        site.stores["LIS"].commit([("DELETE FROM patients", ())])
        window.stop()

    data = report.as_json(window)
    assert data["verdict"] == "fail"
    assert data["probes"][0]["effects_missing"]


def test_probes_in_production_need_the_permit(tmp_path: Path) -> None:
    path = profile(tmp_path, 6001, environment="production")
    with pytest.raises(PermitError):
        window_of(path, active=True)


def test_probes_in_production_keep_apart(tmp_path: Path) -> None:
    path = profile(tmp_path, 6001, environment="production")
    with pytest.raises(InputError, match="5"):
        window_of(path, active=True, every_s=1.0)


def test_a_line_that_saw_nothing_is_not_green(tmp_path: Path) -> None:
    window = window_of(profile(tmp_path, free_port()))
    window.stop()

    data = report.as_json(window)
    assert data["verdict"] == "inconclusive"
    assert "his-lis" in data["open"][0]


def test_what_cannot_be_watched_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = profile(tmp_path, 6001)
    text = path.read_text(encoding="utf-8").replace('via = "relay"', "")
    path.write_text(text, encoding="utf-8")

    assert cli.main(["watch", "--profile", str(path), "--lang", "en"]) == 2
    assert "nothing to watch" in capsys.readouterr().err
    assert cli.main(["watch", "--profile", str(path), "--follow", "x", "--lang", "en"]) == 2
    assert "--follow" in capsys.readouterr().err
    assert cli.main(["watch", "--profile", str(path), "--every", "0", "--lang", "en"]) == 2


@pytest.mark.slow
def test_the_command_watches_for_its_time_and_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with hospital(tmp_path) as site:
        path = profile(tmp_path, site.start("LIS", "his-lis"), probes=PROBE)
        out = tmp_path / "out"
        words = ["watch", "--profile", str(path), "--minutes", "0.005", "--active", "--every", "0.1",
                 "--weeks", "0", "--out", str(out), "--json", "--lang", "zh-CN"]  # fmt: skip
        codes: list[int] = []
        thread = threading.Thread(target=lambda: codes.append(cli.main(words)))
        thread.start()
        thread.join(LIMIT_S)

    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert codes == [last["exit_code"]]
    said = input_files.json_of(out / "watch.json")
    assert said["complete"] is True
    assert input_files.shaped(results.Watched, said, "-").lines, "as sign reads it"
