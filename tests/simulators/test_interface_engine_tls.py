"""TLS of the interface engine and of a simulated feed, in one pump over memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.errors import InputError
from harness.link import actor as act
from harness.link import tls
from harness.link.host import Host
from harness.link.pump import Pump
from harness.link.tap import Connection
from harness.link.tls_core import TlsCore, TlsFailed
from harness.wire.core import Message
from harness.wire.mllp import MllpCore
from simulators.feed import knock
from simulators.feed.feed import Feed
from simulators.hospital import schema
from simulators.hospital.interface_engine import Engine
from simulators.hospital.interface_engine_tls import FROM_HIS_TLS, Secured
from simulators.hospital.outbox import Timing
from simulators.modality.papers import Papers
from simulators.store import open_store
from tests.simulators.test_interface_engine import adt

LIMIT_S = 60.0


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


def files(papers: Papers) -> dict[str, str]:
    names = {"ca": "authority", "certificate": "pacs", "expired": "pacs-expired"}
    return {name: str(papers.path(file)) for name, file in names.items()}


def named(link: str, conn: str, client: bool) -> Connection:
    return Connection(id=conn, link=link, interface="", local="", peer="", client=client)


class Site:
    """An engine behind its TLS entrance, and whoever knocks."""

    def __init__(self, folder: Path, papers: Papers, *defects: str) -> None:
        self.papers = papers
        self.pump = Pump()
        self.store = open_store(str(folder / "engine.sqlite"), schema.ENGINE, durable=False)
        engine = Engine(self.store, self.pump.clock, set(defects), Timing())
        self.engine = self.pump.add("ENGINE", Host(engine, self.pump.clock, named,
                                                   store=self.store))  # fmt: skip
        self.where = self.engine.listen(FROM_HIS_TLS)

    def secure(self, **more: str) -> Any:
        args = {"link": FROM_HIS_TLS, **files(self.papers), **more}
        return self.pump.command("ENGINE", "secure", args, LIMIT_S)

    def send(self, held: str, ident: str) -> Mapping[str, Any]:
        certificate = self.papers.path(held) if held else None
        context = tls.client(self.papers.path("authority"), certificate)
        name = f"HIS {ident}"
        feed = Feed("HIS", self.pump.clock, tls=context)
        member = self.pump.add(name, Host(feed, self.pump.clock, named))
        member.routes[FROM_HIS_TLS] = self.where
        args = {"link": FROM_HIS_TLS, "payload": adt(ident).hex()}
        value: Mapping[str, Any] = self.pump.command(name, "send", args, LIMIT_S)
        return value

    def received(self) -> list[str]:
        return [row["control_id"] for row in self.store.rows("SELECT control_id FROM received")]


@pytest.mark.slow
def test_a_sender_with_a_sound_certificate_is_answered_and_others_are_not(
    tmp_path: Path, papers: Papers
) -> None:
    site = Site(tmp_path, papers)
    site.secure()
    outcomes = {held: site.send(held, f"M{n}")["outcome"]
                for n, held in enumerate(("device", "", "device-expired"))}  # fmt: skip

    assert outcomes == {"device": "ok", "": "failed", "device-expired": "failed"}
    assert site.received() == ["M0"]


def test_the_defect_takes_anybody(tmp_path: Path, papers: Papers) -> None:
    site = Site(tmp_path, papers, "engine-tls-takes-anybody")
    site.secure()

    assert site.send("", "M1")["outcome"] == "ok"


def test_an_entrance_without_certificates_lets_nobody_in(tmp_path: Path, papers: Papers) -> None:
    site = Site(tmp_path, papers)
    assert site.send("device", "M1")["outcome"] != "ok"
    site.secure()
    assert site.send("device", "M2")["outcome"] == "ok"
    site.secure(off="yes")
    assert site.send("device", "M3")["outcome"] != "ok"
    assert site.received() == ["M2"]


def test_files_are_found_again_after_a_restart(tmp_path: Path, papers: Papers) -> None:
    site = Site(tmp_path, papers)
    site.secure()
    again = Engine(site.store, VirtualClock(), set(), Timing())

    assert isinstance(again.open_core(FROM_HIS_TLS, client=False), TlsCore)
    assert isinstance(again.open_core("his-engine", client=False), MllpCore)


def test_what_cannot_secure_a_link_is_said(tmp_path: Path, papers: Papers) -> None:
    secured = Secured(set())
    with pytest.raises(InputError, match="without certificate, expired"):
        secured.secure("engine-ris", {"ca": "x"})
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate", encoding="ascii")
    with pytest.raises(InputError, match=r"bad\.pem"):
        secured.secure(FROM_HIS_TLS, files(papers) | {"certificate": str(bad)})
    assert secured.links == {}


def test_a_message_stays_in_the_queue_where_the_receiver_is_not_trusted(
    tmp_path: Path, papers: Papers
) -> None:
    store = open_store(str(tmp_path / "engine.sqlite"), schema.ENGINE, durable=False)
    engine = Engine(store, VirtualClock(), set(), Timing())
    forwarder = engine.forwarders["engine-lis"]
    forwarder.conn, forwarder.waiting = "c1", {"id": 1, "control_id": "M1"}
    failed = act.Received(conn="c1", link="engine-lis", event=TlsFailed(reason="expired"))
    commands = engine.on_event(failed, 1.0)

    assert act.Close(conn="c1") in commands
    assert not any(isinstance(one, act.Commit) for one in commands)
    assert any(isinstance(one, act.SetTimer) and one.name == "retry engine-lis" and one.at
               for one in commands)  # fmt: skip


# -- knocking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x16\x03\x01\x00\x31\x02rest", "hello"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "alert"),
        (b"\x0bMSH|\x1c\r", "frame"),
        (b"", "nothing"),
    ],
)
def test_what_comes_back_is_told_from_its_first_record(data: bytes, what: str) -> None:
    assert knock.told(data) == what


@pytest.mark.parametrize("minor", [1, 2])
def test_an_old_greeting_is_refused_with_an_alert(papers: Papers, minor: int) -> None:
    context = tls.mutual_context(papers.path("pacs"), papers.path("authority"))
    server = TlsCore(MllpCore(), context)
    server.receive(knock.greeting(minor), 0.0)

    (failed,) = server.events()
    assert isinstance(failed, TlsFailed)
    assert "protocol" in failed.reason or "version" in failed.reason
    assert knock.told(server.data_to_send()) == knock.ALERT


def test_a_knock_waits_for_what_comes_back_and_no_longer(papers: Papers) -> None:
    one = knock.Knock("HIS")
    begun = one.on_event(act.Commanded(name="knock", args={"link": "l", "payload": "00"}, ident=5),
                         0.0)  # fmt: skip
    (conn,) = (each.conn for each in begun if isinstance(each, act.Open))
    one.on_event(act.Opened(conn=conn, link="l"), 0.0)
    one.on_event(act.Received(conn=conn, link="l", event=Message(payload=b"\x15\x03")), 0.1)
    ended = one.on_event(act.TimerFired(name="patience"), 2.0)

    assert act.Reply(ident=5, value={"outcome": "ok", "answer": "alert"}) in ended
    assert act.Close(conn=conn) in ended
    (refused,) = one.on_event(act.Commanded(name="x", args={}, ident=6), 3.0)
    assert isinstance(refused, act.Reply)
    assert refused.error
