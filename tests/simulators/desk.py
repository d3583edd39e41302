r"""One system of the built-in hospital on the desk: no driver, every command in the open.

Commits are carried out, everything else is only kept. Not a test module.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import limits
from harness.clock import VirtualClock
from harness.link import actor as act
from harness.link.host import Host
from harness.link.pump import Pump
from harness.wire.astm_link import Accept, FrameReceived, MessageReceived, Refuse
from harness.wire.core import Core, Message, RawCore
from simulators.hospital.built_in import BuiltInHospital
from simulators.store import Store
from tests.harness.link.parties import plain

NOW = "20260105080000"
"""The virtual clock begins here, in civil time of China."""

IN = {"LIS": "his-lis", "HIS": "lis-his"}
"""The link over which a system is sent HL7."""


class Desk:
    """A LIS or a HIS."""

    def __init__(self, role: str, folder: Path, *defects: str) -> None:
        self.role = role
        self.clock = VirtualClock()
        config = {
            "role": role,
            "store": str(folder / f"{role}.sqlite"),
            "durable": False,
            "defects": defects,
        }
        actor, self.store = BuiltInHospital().make(config, self.clock)
        self.actor: Any = actor

    def give(self, event: act.ActorEvent) -> list[act.Command]:
        """Tell the actor; returns its commands in order."""
        commands = self.actor.on_event(event, self.clock.now())
        for command in commands:
            if isinstance(command, act.Commit):
                self.store.commit(command.statements)
        return list(commands)

    def hl7(self, payload: bytes, conn: str = "in#1") -> list[act.Command]:
        """A message comes in from the other system."""
        event = Message(payload=payload)
        return self.give(act.Received(conn=conn, link=IN[self.role], event=event))

    def answer(self, payload: bytes) -> bytes:
        """The one answer to a message."""
        (sent,) = sends(self.hl7(payload))
        return sent

    def astm(self, payload: bytes, conn: str = "an#1") -> list[str]:
        """A whole message of an instrument, in one frame; the kinds of commands in order."""
        events = (
            MessageReceived(payload=payload),
            FrameReceived(number=1, text=payload, last=True, hold=1),
        )
        commands: list[act.Command] = []
        for event in events:
            commands += self.give(act.Received(conn=conn, link="analyzer-lis", event=event))
        return kinds(commands)

    def order(self, command_name: str, /, **args: str) -> act.Reply:
        """What its user does at the screen."""
        replies = [
            command
            for command in self.give(act.Commanded(name=command_name, args=args, ident=7))
            if isinstance(command, act.Reply)
        ]
        (reply,) = replies
        assert reply.ident == 7
        return reply

    def timer(self, name: str) -> list[act.Command]:
        """A timer of the actor runs out."""
        return self.give(act.TimerFired(name=name))

    def rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """What it holds."""
        return [tuple(row.values()) for row in self.store.rows(sql, values)]

    def outgoing(self) -> list[bytes]:
        """Every message that it has put aside for sending."""
        return [
            bytes.fromhex(row[0]) for row in self.rows("SELECT payload FROM outbox ORDER BY id")
        ]


def sends(commands: list[act.Command]) -> list[bytes]:
    """Payloads that are sent."""
    return [
        command.event.payload
        for command in commands
        if isinstance(command, act.Send) and isinstance(command.event, Message)
    ]


def kinds(commands: list[act.Command]) -> list[str]:
    """Commands by name; a send says what it sends where it is a reply to a frame."""
    names = []
    for command in commands:
        name = type(command).__name__
        if isinstance(command, act.Send) and isinstance(command.event, Accept | Refuse):
            name = type(command.event).__name__
        names.append(name)
    return names


# -- messages, typed from HL7 2.4 §3.3, §4.4 and §7.2 ----------------------------------------------


def gb(text: str) -> bytes:
    """A message as a Chinese hospital writes it; lines become segments."""
    return "".join(f"{line}\r" for line in text.strip().splitlines()).encode("gb18030")


def adt(event: str, control: str, *segments: str) -> bytes:
    """An ADT of the HIS."""
    head = (
        f"MSH|^~\\&|HIS|HOSPITAL|LIS|HOSPITAL|20260105075900||ADT^{event}^ADT_A01|{control}|P|2.4"
        "|||||CHN|GB 18030-2000"
    )
    return gb("\n".join([head, f"EVN|{event}|20260105075900", *segments]))


def oml(control: str, *segments: str) -> bytes:
    """An OML^O21 of the HIS."""
    head = (
        f"MSH|^~\\&|HIS|HOSPITAL|LIS|HOSPITAL|20260105075900||OML^O21^OML_O21|{control}|P|2.4"
        "|||||CHN|GB 18030-2000"
    )
    return gb("\n".join([head, "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F", *segments]))


def oru(control: str, *segments: str, specimen: str = "T1", patient: str = "P1") -> bytes:
    """An ORU^R01 of the LIS."""
    head = (
        f"MSH|^~\\&|LIS|HOSPITAL|HIS|HOSPITAL|20260105075900||ORU^R01^ORU_R01|{control}|P|2.4"
        "|||||CHN|GB 18030-2000"
    )
    about = [
        f"PID|1|{patient}|{patient}^^^^PatientNO||测试甲||19800229|F",
        f"OBR|1|O1|{specimen}|LAB",
    ]
    return gb("\n".join([head, *about, *segments]))


def ack(code: str, control: str) -> bytes:
    """An acknowledgement, typed from HL7 2.4 §2.9.2."""
    return gb(f"MSH|^~\\&|X|H|Y|H|20260105080000||ACK|A1|P|2.4\nMSA|{code}|{control}")


def run(*records: str) -> bytes:
    """A message of an instrument, typed from LIS02-A2 §6 to §9."""
    head = "H|\\^&|M1||SIM^1.0|||||||P|LIS02-A2|20260105070000"
    return "".join(f"{record}\r" for record in (head, *records, "L|1|N")).encode("gb18030")


def specimen(barcode: str, *results: str, patient: str = "1") -> tuple[str, ...]:
    """P, O and R of one tube; a result is ``item|value|unit|flag|status``."""
    rows = [
        "R|{}|^^^{}|{}|{}||{}||{}||||20260105070000".format(number, *one.split("|"))
        for number, one in enumerate(results, 1)
    ]
    return (f"P|{patient}", f"O|1|{barcode}||^^^X|R|||||||||||||||||||||F", *rows)


# -- over a link -----------------------------------------------------------------------------------


@dataclass
class Stranger:
    """Somebody who connects and says bytes as they are, and keeps what he hears."""

    role: str = "stranger"
    heard: bytes = b""
    ended: str | None = None
    _count: int = 0

    def open_core(self, link: str, *, client: bool) -> Core:
        return RawCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Commanded(name="connect"):
                self._count += 1
                self.heard, self.ended = b"", None
                return [
                    act.Open(link=str(event.args["link"]), conn=self.conn),
                    act.Reply(ident=event.ident),
                ]
            case act.Commanded(name="say"):
                message = Message(payload=bytes.fromhex(str(event.args["bytes"])))
                return [act.Send(conn=self.conn, event=message), act.Reply(ident=event.ident)]
            case act.Commanded(name="leave"):
                return [
                    act.Close(conn=self.conn, reset=bool(event.args["reset"])),
                    act.Reply(ident=event.ident),
                ]
            case act.Received(conn=self.conn, event=Message(payload=payload)):
                self.heard += payload
            case act.Closed(conn=self.conn):
                self.ended = event.reason
        return []

    @property
    def conn(self) -> str:
        return f"stranger#{self._count}"


class Ward:
    """The built-in LIS and HIS in a pump, wired to each other, and a stranger."""

    def __init__(self, folder: Path, *defects: str) -> None:
        self.pump = Pump()
        self.hospital = BuiltInHospital()
        self.stores: dict[str, Store] = {}
        self.actors: dict[str, Any] = {}
        self.stranger = Stranger()
        routes: dict[str, str] = {}
        for role in self.hospital.roles:
            config = {
                "role": role,
                "store": str(folder / f"{role}.sqlite"),
                "durable": False,
                "defects": defects,
            }
            self.actors[role], self.stores[role] = self.hospital.make(config, self.pump.clock)
            hosted = Host(self.actors[role], self.pump.clock, plain, store=self.stores[role])
            member = self.pump.add(role, hosted)
            routes |= {link: member.listen(link) for link in self.hospital.listens[role]}
        self.pump.add("stranger", Host(self.stranger, self.pump.clock, plain))
        for member in self.pump.members.values():
            member.routes = routes

    def connect(self, link: str) -> None:
        """The stranger opens a new connection."""
        self.pump.command("stranger", "connect", {"link": link}, 5)
        self.rest()

    def say(self, data: bytes, seconds: float = 1.0) -> bytes:
        """He says something; returns what he has heard since after some seconds."""
        before = len(self.stranger.heard)
        size = limits.RECEIVE_CHUNK_BYTES  # a socket gives no more at a time either
        for begin in range(0, len(data), size):
            piece = data[begin : begin + size]
            self.pump.command("stranger", "say", {"bytes": piece.hex()}, 5)
        self.rest(seconds)
        return self.stranger.heard[before:]

    def leave(self, *, reset: bool = False) -> None:
        """He goes."""
        self.pump.command("stranger", "leave", {"reset": reset}, 5)
        self.rest()

    def rest(self, seconds: float = 1.0) -> None:
        """Time passes."""
        self.pump.wait(lambda: False, self.pump.clock.now() + seconds)

    def rows(self, role: str, sql: str) -> list[tuple[Any, ...]]:
        """What a system holds."""
        return [tuple(row.values()) for row in self.stores[role].rows(sql)]

    def held(self, role: str) -> int:
        """How many rows a system holds."""
        tables = TABLES[role]
        counts = " + ".join(f"(SELECT COUNT(*) FROM {table})" for table in tables)
        return int(self.rows(role, f"SELECT {counts}")[0][0])

    def close(self) -> None:
        """Everything ends."""
        self.pump.stop()
        for store in self.stores.values():
            store.close()


TABLES = {
    "LIS": ("patients", "orders", "results", "quality_control", "unmatched", "received", "outbox"),
    "HIS": ("patients", "orders", "results", "alarms", "received", "outbox"),
}


def mllp(payload: bytes) -> bytes:
    """HL7 2.5.1 appendix C: VT, the message, FS, CR."""
    return b"\x0b" + payload + b"\x1c\r"


def frame(number: int, text: bytes, end: bytes = b"\x03") -> bytes:
    """LIS01-A2 §8.3.1: STX FN text ETX C1 C2 CR LF, the sum of FN to ETX modulo 256."""
    body = b"%d" % number + text + end
    total = 0
    for byte in body:
        total = (total + byte) & 0xFF
    return b"\x02" + body + b"%02X" % total + b"\r\n"
