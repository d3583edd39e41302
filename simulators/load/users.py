"""The users: analyzers, modalities, feeds and windows, each with a connection of its own.

``act`` does one thing from its beginning to its confirmation and says why it was not confirmed.
What was confirmed is remembered, so that ``books.py`` can look for it afterwards. A user whose
connection was lost opens the next one by itself, as devices do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from harness import people
from harness.errors import HarnessError
from harness.link.address import Address
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.host import Host
from harness.link.threads import Threads
from harness.model import Person
from simulators.analyzer.analyzer import LINK as ANALYZER
from simulators.analyzer.analyzer import Analyzer
from simulators.analyzer.model import load_model
from simulators.analyzer.upload import Result, Tested, message
from simulators.feed.feed import Feed
from simulators.hospital import messages
from simulators.hospital.lis import ORDERS
from simulators.modality.images import Exam, instance, uid
from simulators.modality.modality import Modality
from simulators.modality.model import load_model as load_modality
from simulators.modality.systems import AE_TITLES
from simulators.shell import plain

PATIENCE_S: Final = 60.0
"""Without an answer for so long an action has failed; its outcome is unknown."""

ITEMS: Final = ("WBC", "HGB")
"""What is ordered, and measured, for each specimen."""

MODEL: Final = "haematology"
MODALITY: Final = "ct-helical"


class User(Protocol):
    """Somebody who works at the hospital."""

    def act(self, number: int) -> str:
        """Do the thing of this number; why it was not confirmed, or nothing."""
        ...

    def leave(self) -> None:
        """Let go of the connection."""
        ...


@dataclass(slots=True)
class Confirmed:
    """What one kind of users was told has been taken.

    Attributes:
        keys: of what was confirmed, with the values that must be found there.
        unknown: keys of which nobody knows: the other side may have them or not.
    """

    keys: dict[str, Any] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, key: str, value: Any = None) -> None:
        """It was taken."""
        with self._lock:
            self.keys[key] = value

    def doubt(self, key: str) -> None:
        """It was sent, and no answer came."""
        with self._lock:
            self.unknown.add(key)

    def data(self) -> dict[str, Any]:
        """For another process."""
        return {"keys": self.keys, "unknown": sorted(self.unknown)}

    def merge(self, data: Mapping[str, Any]) -> None:
        """Add what users in another process were told."""
        with self._lock:
            self.keys.update(data["keys"])
            self.unknown.update(data["unknown"])


def specimen(seed: int, kind: str, number: int) -> tuple[str, Person]:
    """The tube of an action, and whose it is."""
    index = number * 4 + ("feed", "analyzer").index(kind)
    return people.barcode(seed, index), people.generate(seed, index)


def order_message(seed: int, kind: str, number: int, wall: datetime) -> tuple[str, bytes]:
    """Placer number and OML^O21 of a specimen."""
    barcode, who = specimen(seed, kind, number)
    patient = {
        "patient_id": who.patient_id, "name": who.name, "sex": who.sex, "birth": who.birth,
        "id_card": who.id_card, "ward": f"W{number % 20:02d}", "bed": f"{number % 60:02d}",
    }  # fmt: skip
    order = {"placer": f"O{barcode}", "barcode": barcode, "priority": "R"}
    control_id = messages.control_id("L", seed, kind, number)
    time = messages.stamp(wall)
    return order["placer"], messages.lab_order(
        "NW", patient, order, ITEMS, control_id=control_id, time=time
    )


@dataclass(slots=True)
class FeedUser:
    """Sends orders to the LIS.

    Args:
        runtime: drives it.
        name: of the connection.
        seed: of the people.
        kind: whose specimens it orders for: its own, or those of the analyzers.
        confirmed: what the LIS has taken, by placer number.
    """

    runtime: Threads
    name: str
    address: Address
    seed: int
    confirmed: Confirmed
    kind: str = "feed"

    def __post_init__(self) -> None:
        feed = Feed(role=self.name, clock=self.runtime.clock, answer_s=PATIENCE_S)
        member = self.runtime.add(self.name, Host(feed, self.runtime.clock, plain))
        member.routes[ORDERS] = self.address

    def act(self, number: int) -> str:
        """One order, until it is acknowledged."""
        wall = self.runtime.clock.wall()
        placer, payload = order_message(self.seed, self.kind, number, wall)
        args = {"link": ORDERS, "payload": payload.hex()}
        try:
            answer = self.runtime.command(self.name, "send", args, 2 * PATIENCE_S)
        except HarnessError as error:
            self.confirmed.doubt(placer)
            return error.message
        if answer["outcome"] == "ok":
            self.confirmed.add(placer, len(ITEMS))
            return ""
        if answer["outcome"] == "unknown":
            self.confirmed.doubt(placer)
        return f"{answer['code']} {answer['detail']}".strip() or str(answer["outcome"])

    def leave(self) -> None:
        """The runtime ends it."""


@dataclass(slots=True)
class AnalyzerUser:
    """Uploads results of specimens that were ordered before."""

    runtime: Threads
    name: str
    address: Address
    seed: int
    confirmed: Confirmed

    def __post_init__(self) -> None:
        model = load_model(MODEL)
        clock = self.runtime.clock
        analyzer = Analyzer(
            link_config=model.link_config(), repeats=model.repeats, model=model, clock=clock
        )
        member = self.runtime.add(self.name, Host(analyzer, clock, plain))
        member.routes[ANALYZER] = self.address

    def act(self, number: int) -> str:
        """One message of results, until its last frame is acknowledged."""
        barcode, _ = specimen(self.seed, "analyzer", number)
        values = {"WBC": f"{4 + number % 60 / 10:.1f}", "HGB": str(100 + number % 80)}
        tested = Tested(
            barcode=barcode,
            results=[Result(item=item, value=value) for item, value in values.items()],
        )
        time = messages.stamp(self.runtime.clock.wall())
        payload = message(load_model(MODEL), [tested], control_id=str(number), time=time)
        args = {"payload": payload.hex()}
        try:
            answer = self.runtime.command(self.name, "upload", args, 2 * PATIENCE_S)
        except HarnessError as error:
            self.confirmed.doubt(barcode)
            return error.message
        if answer["outcome"] == "ok":
            self.confirmed.add(barcode, values)
            return ""
        if answer["outcome"] == "unknown":
            self.confirmed.doubt(barcode)
        return str(answer.get("detail") or answer["outcome"])

    def leave(self) -> None:
        """The runtime ends it."""


@dataclass(slots=True)
class ModalityUser:
    """Stores one image of an examination over an association of its own."""

    address: Address
    seed: int
    wall: Callable[[], datetime]
    confirmed: Confirmed
    _modality: Modality = field(init=False)

    def __post_init__(self) -> None:
        self._modality = Modality(load_modality(MODALITY), self._to_pacs)

    def _to_pacs(self, role: str, offers: Any) -> Association:
        peer = Peer(
            address=self.address, called=AE_TITLES[role], calling=self._modality.model.ae_title,
            acse_s=PATIENCE_S, dimse_s=PATIENCE_S,
        )  # fmt: skip
        wanted: list[Offer] = list(offers)
        return Association(peer, wanted)

    def act(self, number: int) -> str:
        """One association, one image, one answer."""
        who = people.generate(self.seed, number * 4 + 2)
        exam = Exam(
            person=who, study=uid("load", self.seed, number), accession=f"A{number}",
            procedure_id=f"R{number}", step_id="", description="负载", moment=self.wall(),
        )  # fmt: skip
        image = instance(self._modality.model, exam, 1)
        ((sop, answer),) = self._modality.store([image]).items()
        if answer.status == 0:
            self.confirmed.add(sop)
            return ""
        if answer.status < 0:
            self.confirmed.doubt(sop)
        return answer.error or f"{answer.status:04X}"

    def leave(self) -> None:
        """Each association was released."""
