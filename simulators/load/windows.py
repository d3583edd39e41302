"""Windows that settle with the centre: 2204, 2206, 2207 of visits that are registered before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from harness.errors import HarnessError
from harness.link.address import Address
from harness.link.dial import dial
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import HttpBroken, HttpRequest, HttpResponse
from harness.wire.json_exact import decode
from simulators.bridge.caller import Caller, House
from simulators.bridge.exchange import PIECE_BYTES
from simulators.bridge.probe_plan import PERSON, WRITING, Known, Step
from simulators.centre import world
from simulators.centre.provinces import load_province
from simulators.centre.simulate import PROVINCE
from simulators.load.users import PATIENCE_S, Confirmed

KIND: Final = "employee"
PERSONS: Final = 10
"""Who settles: so many of the centre's insured employees, in turn."""

BEFORE: Final = ("2201", "2203")
SETTLING: Final = ("2204", "2206", "2207")

AMOUNTS: Final = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
"""Of a settlement: whole fee, funds, account, cash."""

_STEPS: Final = {step.infno: step for step in WRITING if step.infno in {*BEFORE, *SETTLING}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A registered visit: all that its settlement needs, and another process can be told.

    Attributes:
        nth: of the insured person in the centre's world.
        psn_no, insutype, psn_type, insuplc: as the centre knows the person.
        mdtrt_id: of the visit.
    """

    nth: int
    psn_no: str
    insutype: str
    psn_type: str
    insuplc: str
    mdtrt_id: str = ""

    def known(self, seed: int, house: House, now: datetime) -> Known:
        """For the steps of a settlement."""
        who = world.person(seed, KIND, self.nth)
        return Known(
            who=who, house=house, now=now, psn_no=self.psn_no, insutype=self.insutype,
            psn_type=self.psn_type, insuplc=self.insuplc, mdtrt_id=self.mdtrt_id,
        )  # fmt: skip


class RefusedError(HarnessError):
    """The centre answered, and said no."""


@dataclass(slots=True)
class Line:
    """One connection that is kept, and opened anew after it broke."""

    address: Address
    now: Callable[[], float]
    _core: HttpClientCore = field(default_factory=HttpClientCore)
    _sock: Any = None

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """One request and its answer.

        Raises:
            HarnessError: no whole answer came; the outcome is unknown.
        """
        try:
            return self._exchange(request)
        except OSError as error:
            self.close()
            raise HarnessError(f"no whole answer: {error}") from error

    def _exchange(self, request: HttpRequest) -> HttpResponse:
        if self._sock is None:
            self._core = HttpClientCore()
            self._sock = dial(self.address)
            self._sock.settimeout(PATIENCE_S)
        self._core.send(request, self.now())
        self._sock.sendall(self._core.data_to_send())
        while True:
            data = self._sock.recv(PIECE_BYTES)
            if data:
                self._core.receive(data, self.now())
            else:
                self._core.receive_eof(self.now())
            for event in self._core.events():
                if isinstance(event, HttpResponse):
                    return event
                if isinstance(event, HttpBroken):
                    raise OSError(event.message)
            if not data:
                raise OSError("the other side ended the connection")

    def close(self) -> None:
        """Let go of it."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


@dataclass(slots=True)
class WindowUser:
    """One window of the hospital.

    Args:
        index: of the window, from 1: its message numbers are its own.
        address: of the centre.
        seed: of the centre's world.
        wall, now: civil and monotonic time.
        confirmed: settlements that the centre has made, by their id, with visit and amounts.
        visits: that are registered, by the number of the action; all windows share them.
    """

    index: int
    address: Address
    seed: int
    wall: Callable[[], datetime]
    now: Callable[[], float]
    confirmed: Confirmed
    visits: dict[int, Visit]
    _caller: Caller = field(init=False)
    _line: Line = field(init=False)
    _insured: Visit | None = None

    def __post_init__(self) -> None:
        house = House(opter=f"{self.index:04d}")
        self._caller = Caller(load_province(PROVINCE), house)
        self._caller.sequence = self.index * 10_000_000
        self._line = Line(self.address, self.now)

    def prepare(self, number: int) -> None:
        """Register the visit of an action.

        Raises:
            HarnessError: it is refused, or not answered.
        """
        house = self._caller.house
        if self._insured is None:
            nth = self.index % PERSONS
            who = Known(who=world.person(self.seed, KIND, nth), house=house, now=self.wall())
            self._ask(who, PERSON)
            self._insured = Visit(
                nth=nth, psn_no=who.psn_no, insutype=who.insutype, psn_type=who.psn_type,
                insuplc=who.insuplc,
            )  # fmt: skip
        known = self._insured.known(self.seed, house, self.wall())
        for infno in BEFORE:
            self._ask(known, _STEPS[infno])
        self.visits[number] = replace(self._insured, mdtrt_id=known.mdtrt_id)

    def act(self, number: int) -> str:
        """One settlement: details, trial, settlement."""
        visit = self.visits[number].known(self.seed, self._caller.house, self.wall())
        told: Any = None
        try:
            for infno in SETTLING:
                told = self._ask(visit, _STEPS[infno])
        except RefusedError as error:
            return error.message
        except HarnessError as error:
            self.confirmed.doubt(visit.mdtrt_id)
            return error.message
        amounts = [str(Decimal(str(told["setlinfo"][name]))) for name in AMOUNTS]
        self.confirmed.add(visit.setl_id, [visit.mdtrt_id, *amounts])
        return ""

    def _ask(self, known: Known, step: Step) -> Any:
        at = self.wall()
        msgid = self._caller.msgid(at)
        members = self._caller.members(step.infno, msgid, at, known.insuplc)
        response = self._line.exchange(self._caller.request(members, step.nodes(known), at))
        answer: Any = decode(response.payload).value
        if response.status != 200 or not isinstance(answer, dict):
            raise RefusedError(f"{step.infno}: HTTP {response.status}")
        if str(answer.get("infcode")) != "0":
            raise RefusedError(f"{step.infno}: {answer.get('err_msg')}")
        step.learn(known, answer.get("output"))
        return answer.get("output")

    def leave(self) -> None:
        """Close the line."""
        self._line.close()
