"""The LIS as POCT1-A2 station: greets devices, asks for what they hold, stores before it says AA.

The conversation is the station's: after the status it sets the time, and then starts the
continuous mode where the device knows it, else asks for its observations (REQ.R01). A device is
known by its model (DEV.model_id); so its item map is set up under that name. Elements are found by
name, since makers misspell and misplace them; the readings come from ``lxml`` directly and share
nothing with the writer of the simulated device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lxml import etree

from harness.clock import CHINA
from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.poct1a import DmlMessage, Node, acknowledgement, read, write
from simulators import trouble
from simulators.hospital import lis_driver, lis_results
from simulators.hospital.lis_driver import Driver
from simulators.hospital.lis_reading import Reading, Readings
from simulators.hospital.outbox import Outbox, Statement
from simulators.store import Store

LINK: Final = "analyzer-lis-poct"
"""Devices connect to us."""

CONTINUOUS: Final = "START_CONTINUOUS"

ROLES: Final = {"LQC": "control", "PQC": "control", "CVR": "calibration"}
"""SVC.role_cd that is no patient's; where a message has none, its kind decides."""

VALUES: Final = ("OBS.value", "OBS.qualitative_value")
"""Where a result stands; numbers in the one, words in the other."""


@dataclass(slots=True)
class _Talk:
    """One conversation.

    Attributes:
        device: DEV.model_id.
        continuous: the device knows that mode.
        said: messages that we began.
    """

    device: str = ""
    continuous: bool = False
    said: int = 0


@dataclass(slots=True)
class PoctAnalyzers:
    """The part of the LIS that POCT1-A2 devices talk to."""

    store: Store
    outbox: Outbox
    defects: set[str]
    stamp: Callable[[], str]
    role: str = "LIS"
    _talks: dict[str, _Talk] = field(default_factory=dict)

    def forget(self, conn: str) -> None:
        """A connection is gone."""
        self._talks.pop(conn, None)

    def on_event(self, event: act.Received, now: float) -> list[act.Command]:
        """Answer one message; what cannot be taken in is answered with AE, and comes again."""
        if not isinstance(event.event, Message):
            return []
        payload = event.event.payload
        message = read(payload)
        talk = self._talks.setdefault(event.conn, _Talk())
        if message.kind == "ACK.R01":
            return []
        if message.problem or not message.kind:
            return [self._answer(event.conn, message, talk, "AE", "unreadable")]
        try:
            return self._message(event.conn, message, payload, talk, now)
        except Exception as error:  # noqa: BLE001 - one message must not end the whole system
            trouble.tell(self.role, error)
            return [self._answer(event.conn, message, talk, "AE", "application error")]

    def _message(
        self, conn: str, message: DmlMessage, payload: bytes, talk: _Talk, now: float
    ) -> list[act.Command]:
        taken = self._answer(conn, message, talk)
        match message.kind:
            case "HEL.R01":
                talk.device = message.get("DEV.model_id").strip()
                known = message.every("DSC.directives_supported_cd")
                talk.continuous = any(one.get("V") == CONTINUOUS for one in known)
            case "DST.R01":
                return [taken, *self._direct(conn, talk)]
            case "OBS.R01" | "OBS.R02":
                stored = self._results(payload, message.kind, talk, now)
                if "lis-acknowledges-analyzer-first" in self.defects:
                    return [taken, *stored]
                return [*stored, taken]
            case "END.R01":
                return [taken, act.Close(conn=conn)]
        return [taken]

    # -- speaking ------------------------------------------------------------------------------

    def _direct(self, conn: str, talk: _Talk) -> list[act.Command]:
        """The station's turn: the time, then how results are to come."""
        clock = Node("DTV", children=[
            Node("DTV.command_cd", "SET_TIME"), Node("DTV.timestamp", self._time()),
        ])  # fmt: skip
        wish = Node("REQ", children=[Node("REQ.request_cd", "ROBS")])
        kind = "REQ.R01"
        if talk.continuous:
            wish, kind = Node("DTV", children=[Node("DTV.command_cd", CONTINUOUS)]), "DTV.R01"
        return [self._say(conn, talk, "DTV.R02", clock), self._say(conn, talk, kind, wish)]

    def _say(self, conn: str, talk: _Talk, kind: str, node: Node) -> act.Send:
        data = write(kind, [node], control_id=self._next_id(talk), time=self._time())
        return act.Send(conn=conn, event=Message(payload=data))

    def _answer(
        self, conn: str, message: DmlMessage, talk: _Talk, code: str = "AA", text: str = ""
    ) -> act.Send:
        data = acknowledgement(
            message.control_id, control_id=self._next_id(talk), time=self._time(), code=code,
            text=text,
        )  # fmt: skip
        return act.Send(conn=conn, event=Message(payload=data))

    def _next_id(self, talk: _Talk) -> str:
        talk.said += 1
        return str(talk.said)

    def _time(self) -> str:
        moment = datetime.strptime(self.stamp(), "%Y%m%d%H%M%S").replace(tzinfo=CHINA)
        return moment.isoformat(timespec="seconds")

    # -- results -------------------------------------------------------------------------------

    def _results(self, payload: bytes, kind: str, talk: _Talk, now: float) -> list[act.Command]:
        driver = lis_driver.load(self.store, talk.device)
        found = list(readings(payload, kind, driver))
        statements: list[Statement] = lis_results.take(
            Readings(results=found), driver, self.store, self.outbox, self.defects, self.stamp()
        )
        if not statements:
            return []
        return [act.Commit(statements=statements), self.outbox.soon(now)]


def readings(payload: bytes, kind: str, driver: Driver) -> Iterator[Reading]:
    """The results of OBS.R01 (patients) and OBS.R02 (everything else), service by service."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(payload.strip(), parser)
    for service in _named(root, "SVC"):
        role = _value(service, "SVC.role_cd")
        usual = "patient" if kind == "OBS.R01" else "control"
        barcode = driver.stripped(
            _value(service, "SPC.specimen_id") or _value(service, "CTC.lot_number")
            or _value(service, "PT.patient_id")
        )  # fmt: skip
        for one in _named(service, "OBS"):
            place = next((name for name in VALUES if _value(one, name)), VALUES[0])
            yield Reading(
                barcode=barcode,
                kind=ROLES.get(role, usual),
                instrument=driver.sender,
                patient_name=_value(service, "PT.name"),
                channel=_value(one, "OBS.observation_id"),
                value=_value(one, place),
                unit=_value(one, place, "U"),
                flag=_value(one, "OBS.interpretation_cd"),
                status="F",
                tested_at=civil_time(_value(service, "SVC.observation_dttm")),
            )


def civil_time(text: str) -> str:
    """ISO 8601 as digits of civil time of China; what is none is left as it came."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is not None:
        moment = moment.astimezone(CHINA)
    return moment.strftime("%Y%m%d%H%M%S")


def _named(root: etree._Element, name: str) -> Iterator[etree._Element]:
    for element in root.iter():
        if isinstance(element.tag, str) and etree.QName(element).localname == name:
            yield element


def _value(root: etree._Element, name: str, attribute: str = "V") -> str:
    found = next(_named(root, name), None)
    return "" if found is None else str(found.get(attribute) or "")
