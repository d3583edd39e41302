"""A case at a real system: its ways are proven before the first message, what it left is listed.

A replay writes as a run does. So a harmless call of the system must arrive at us first over every
link by which it calls, in this session; otherwise nothing is sent. What was sent stands in
``cleanup.csv`` of the case, with how it is taken back, until somebody fills in who did that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from harness.cases.dicom_match import PROTOCOL as IMAGES
from harness.cases.kept import Case, Line
from harness.cases.player import JSON, PROTOCOLS, Player
from harness.cases.score import Score
from harness.cases.slots import Slots
from harness.clock import Clock
from harness.errors import InputError
from harness.evidence import correlate_http
from harness.evidence.recorder import Recorder
from harness.evidence.trace import FORMAT, Trace, pack
from harness.i18n import tr
from harness.link import actor as act
from harness.link.address import LOOPBACK
from harness.link.dicom import VERIFICATION, Answer, Request
from harness.link.dicom_scp import Listener, Session
from harness.link.spec import LinkSpec
from harness.profile import Mode, Profile
from harness.scenario.bench import Bench
from harness.scenario.persons import desk_of, open_page, persons_of
from harness.site import cleanup
from harness.site.board import LINK
from harness.site.cleanup import Leftover
from harness.site.route import Routes
from harness.wire.http1_events import HttpRequest, HttpResponse

ROOM: Final = "route proof"
"""Who listens until the ways are proven."""

TAKEN: Final = b'{"infcode":0}'
"""Our answer to a harmless call over HTTP."""

NOT_NOW: Final = 0x0122
"""Status of DICOM (PS3.7 annex C): the class is not supported. Only an echo is answered."""

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
"""Transfer syntaxes that every caller has one of."""


def _aloud(text: str) -> None:
    print(text, flush=True)


@dataclass(slots=True)
class AtSite:
    """One session at a real system.

    Args:
        profile: of the site.
        system: role under test.
        folder: of the case; gets ``cleanup.csv``.
        say: tells the person at the harness.
        trace: of the scenario that plays it, whose run then has the list; None for the case.
    """

    profile: Profile
    system: str
    folder: Path
    say: Callable[[str], None] = _aloud
    trace: Trace | None = None
    routes: Routes = field(init=False)
    _rows: dict[tuple[str, str, str, str], Leftover] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.routes = Routes(self.profile)

    @contextmanager
    def session(self, bench: Bench, score: Score, slots: Slots) -> Iterator[Callable[[Line], None]]:
        """Prove the ways, then list what is sent; gives what takes in each line of it.

        Raises:
            Blocked: a harmless call did not arrive, or the profile names none.
            InputError: the table of what is left cannot be written.
        """
        self.save()  # refused now: nothing is sent that could not be listed
        trace = self._journal(bench.clock, score)
        self._prove(bench, trace, score)
        head, sent = trace.records[0], Trace(bench.clock) if self.trace is None else self.trace

        def told(line: Line) -> None:
            corr = {key: slots.text(value) for key, value in line.corr.items()}
            if line.protocol == "http" and "question" in line.corr and "code" not in corr:
                corr["code"] = correlate_http.code_of(line.payload)
            sent.add("message", protocol=line.protocol, type=line.kind, raw=pack(b""), corr=corr,
                     id=slots.text(line.ident), frm=line.frm, to=self.system)  # fmt: skip

        try:
            yield told
        finally:
            if self.trace is None:
                for row in cleanup.left([head, *sent.records], frozenset({self.system}), {}):
                    self._rows.setdefault(row.key, row)
                self.save()

    def save(self) -> None:
        """Write the table; also after the folder of the case was renewed.

        Raises:
            InputError: it cannot be written.
        """
        if self.trace is not None:
            return
        try:
            filled_in = {one.key: one for one in cleanup.read(self.folder)}
            self._rows = {**filled_in, **self._rows, **filled_in}
            cleanup.save(self.folder, list(self._rows.values()))
        except OSError as error:  # open in a spreadsheet, or the case lies where nobody may write
            raise InputError(
                tr("{file} cannot be written: {why}", file=cleanup.NAME, why=error),
                where=str(self.folder), remedy=tr("copy the case into a folder of your own"),
            ) from None  # fmt: skip

    def told(self) -> str:
        """How many rows are still open, in words; empty where none is."""
        count = sum(one.open for one in self._rows.values())
        return "" if not count else tr(
            "{count} entries in {system} are still to be taken back: {path}", count=count,
            system=self.system, path=self.folder / cleanup.NAME,
        )  # fmt: skip

    def _journal(self, clock: Clock, score: Score) -> Trace:
        """Kept in memory alone: what is said of real persons never reaches the disk."""
        about = next((self.profile.endpoints[one.link].interface for one in score.lines
                      if one.link in self.profile.endpoints), "")  # fmt: skip
        trace = Trace(clock)
        trace.add("open", format=FORMAT, scenario={"id": self.folder.name, "interface": about},
                  systems=[{"role": self.system, "mode": "real"}])  # fmt: skip
        return trace

    def _prove(self, bench: Bench, trace: Trace, score: Score) -> None:
        """Let a harmless call arrive over every link by which this system calls.

        Raises:
            Blocked: one did not, or the profile names none.
        """
        calls = [one for one in bench.specs.values() if one.frm == self.system]
        used = {one.link for one in score.lines}
        wanted = sorted({one.interface for one in calls if one.name in used}) or [""]
        known = self.routes
        if not any(known.open(one, self.system, [self.system]) for one in wanted):
            return
        persons = persons_of(self.profile, self.folder, self.say)
        assert persons is not None  # this system is real
        persons.routes = known
        bench.switch.watcher = Recorder(trace)
        bench.carried = {
            name: (one.interface, *one.also)
            for name, one in self.profile.endpoints.items()
            if name in bench.specs
        }
        with ExitStack() as stack:
            stack.callback(self._quiet, bench)
            self._listen(bench, trace, calls, stack)
            open_page(persons, bench)
            self.say(tr("cards: http://{address}/", address=persons.address))
            desk = desk_of(persons, bench, trace, lambda _name, _ours, _theirs: None)
            stack.callback(desk.withdraw)
            for one in wanted:
                desk.prove(one, self.system, [self.system])
        self.say(tr("{system} calls us: the replay begins", system=self.system))

    def _quiet(self, bench: Bench) -> None:
        """Nobody listens for it any more."""
        bench.switch.watcher = None
        bench.ears.clear()
        for name in (ROOM, LINK):
            if name in bench.driver.members:
                bench.driver.remove(name)

    def _listen(
        self, bench: Bench, trace: Trace, calls: Sequence[LinkSpec], stack: ExitStack
    ) -> None:
        """Stand where the system should be calling, and answer what is harmless."""
        types = frozenset(one.type for one in self.profile.canaries.values())
        protocols = {one.name: one.protocol for one in bench.specs.values()}
        room = _Room(self.system, protocols, [], {}, Slots.of([], set(), ROOM, {}),
                     bench.clock.wall(), types)  # fmt: skip
        bench.join(ROOM, room, ())
        for spec in calls:
            if spec.protocol == IMAGES:
                self._echoes(bench, trace, spec, stack)
            elif spec.protocol in PROTOCOLS:
                bench.serve(spec.name, ROOM)

    def _echoes(self, bench: Bench, trace: Trace, spec: LinkSpec, stack: ExitStack) -> None:
        service = _Echoes(trace, spec)
        listener = Listener(service, spec.ae_title or "MHCASE",
                            [(VERIFICATION, [IMPLICIT, EXPLICIT])])  # fmt: skip
        at = bench.listening.get(spec.name) or LOOPBACK
        listener.start(at.host, at.port)
        stack.callback(listener.stop)
        bench.stands(spec.name)
        bench.ears.append(service.tell)  # it is no member of the driver: somebody has to ask


def at_site(case: Case, profile: Profile, system: str) -> AtSite | None:
    """What a replay needs at a real system; None where we run it ourselves.

    Raises:
        InputError: the site only watches it.
    """
    mode = profile.mode(system)
    if mode is Mode.OBSERVED:
        raise InputError(
            tr("{role} is only observed at this site: nothing is sent to it", role=system),
            where=str(profile.path), remedy=tr('say mode = "real" where it may be written to'),
        )  # fmt: skip
    return AtSite(profile, system, case.folder) if mode is Mode.REAL else None


class _Room(Player):
    """Takes every call, answers the harmless ones, and sends nothing."""

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """As a player without a recording; a centre that is called says yes."""
        match event:
            case act.Received(event=HttpRequest()):
                answer = HttpResponse(status=200, headers=JSON, payload=TAKEN)
                return [act.Send(conn=event.conn, event=answer)]
        return Player.on_event(self, event, now)


@dataclass(slots=True)
class _Echoes:
    """Answers an echo and nothing else, and tells that it came."""

    trace: Trace
    spec: LinkSpec
    _came: SimpleQueue[str] = field(default_factory=SimpleQueue)

    def serve(self, request: Request, _session: Session) -> Iterator[Answer]:
        """One request."""
        if request.kind != "C-ECHO":
            yield Answer(status=NOT_NOW)
            return
        self._came.put("C-ECHO-RQ")
        yield Answer(status=0)

    def tell(self) -> None:
        """Into the journal, in the thread that reads it."""
        spec = self.spec
        while not self._came.empty():
            self.trace.add("message", protocol=IMAGES, type=self._came.get(), raw=pack(b""),
                           corr={}, id="", link=spec.name, interface=spec.interface, frm=spec.frm,
                           to=spec.to)  # fmt: skip
