"""The desk: hands cards to persons, watches for what they bring about, and goes on when it is seen.

Cards of one workstation are a batch that is done in order; workstations work at the same time.
Cards that nothing has asked the effect of yet stay open together, so the sentences of a preparation
become one batch. The first cards of a scenario may be handed out before its turn, with those of
others (``batch.py``); when its turn comes, it finds them as if it handed them out then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness import limits
from harness.errors import Blocked
from harness.evidence.trace import Record, Trace
from harness.i18n import tr
from harness.model import Outcome
from harness.profile_model import DEVICE_ROLES, Operators
from harness.site.board import Board
from harness.site.cards import Card, Form, field_of, row_fits
from harness.site.earlier import Past, Remember, nothing
from harness.site.eyes import Eyes
from harness.site.route import Routes, form_of

Say = Callable[[str], None]


@dataclass(slots=True)
class Desk:
    """Cards of one scenario.

    Args:
        roles: systems that persons work at.
        forms: kinds of card by role and command.
        operators: how the profile says that persons work.
        board: the page that shows the cards.
        trace: of the scenario.
        eyes: of the bench.
        say: shows a card on the terminal.
        routes: which way calls were seen to take in this run.
        captured: told of each id that the system minted: argument, our value, its value.
        hear: takes in calls that processes of ours noted; whether there are such.
        past: cards that were done in an earlier attempt of this run.
    """

    roles: frozenset[str]
    forms: Mapping[tuple[str, str], Form]
    operators: Operators
    board: Board
    trace: Trace
    eyes: Eyes
    say: Say
    routes: Routes
    captured: Callable[[str, str, str], None] = lambda _name, _ours, _theirs: None
    hear: Callable[[], bool] = bool
    past: Remember = nothing
    aliases: dict[str, str] = field(default_factory=dict)
    _open: list[Card] = field(default_factory=list)
    _looked: int = 0
    _proofs: set[int] = field(default_factory=set)
    _taught: bool = False
    _begun: float = 0.0
    _ahead: list[tuple[Card, str, dict[str, str]]] = field(default_factory=list)
    _late: frozenset[int] = frozenset()

    def serves(self, role: str) -> bool:
        """Whether a person works at that system."""
        return role in self.roles

    def hand(self, role: str, command: str, args: Mapping[str, str]) -> None:
        """Hand a card out; what shows that it is done is watched from before that.

        Raises:
            Blocked: no card says how a person does it, or nothing of ours could see it done.
        """
        if not self._adopts(role, command, args):
            self._hand(role, command, args)

    def _hand(self, role: str, command: str, args: Mapping[str, str]) -> None:
        form = self.forms.get((role, command))
        if form is None:
            raise Blocked(
                tr("no card tells a person how to do “{command}” at {role}",
                   command=command, role=role),
                remedy=tr("write one into the file that [operator] cards names"),
            )  # fmt: skip
        # What a probe shows passes unseen: it must not go to another system than ours.
        about = form.interface or self._scenario("interface")
        # A device only sends what it did itself; a system passes on what is entered there.
        writes = [] if form.role in DEVICE_ROLES else [form.role]
        self.prove(about, "" if form.interface else form.role, writes)
        self._put(form, args)

    def _scenario(self, key: str) -> str:
        return str(self.trace.records[0].get("scenario", {}).get(key, ""))

    def lead(self, role: str, command: str, args: Mapping[str, str]) -> None:
        """Hand a card out before the scenario's turn.

        Raises:
            Blocked: as ``hand``.
        """
        self._hand(role, command, args)
        self._ahead.append((self._open[-1], f"{role} {command}", dict(args)))

    def too_late(self) -> None:
        """The time of the batch is over: for these cards nobody is waited for again."""
        self._late = frozenset(card.number for card in self._open)

    def _adopts(self, role: str, command: str, args: Mapping[str, str]) -> bool:
        """Whether this card was handed out before the scenario's turn."""
        if not self._ahead:
            return False
        _, name, given = self._ahead[0]
        if (name, given) == (f"{role} {command}", dict(args)):
            self._ahead.pop(0)
            return True
        others = [card for card, _, _ in self._ahead]
        self.trace.add("note", text=tr("{count} cards that were handed out before do not fit",
                                       count=len(others)))  # fmt: skip
        self._open = [card for card in self._open if card not in others]
        for card in others:
            self.board.drop(card)
            self._tell(card)
        self._ahead.clear()
        return False

    def prove(self, interface: str, caller: str = "", writes: Sequence[str] = ()) -> None:
        """Let a harmless call of each real caller arrive first; of one alone where it is named.

        What roles pass on that are written to besides (``writes``) is proven, too.

        Raises:
            Blocked: it did not, now or before in this run.
        """
        for link, name, canary in self.routes.open(interface, caller, writes):
            self.finish()
            self._put(form_of(name, canary), {})
            try:
                self.finish(canary.wait_s)
            except Blocked:
                raise self.routes.missed(link, name) from None
            self.routes.proven.add(link)

    def _put(self, form: Form, args: Mapping[str, str]) -> None:
        named = {f"{form.role}.{name}": name for name in args}
        minted = self._minted(self.operators.mints, named, args)
        scenario = self._scenario("id")
        past = self.past(scenario, form, args, minted)
        before, after = self._arm(form, args), self._awaited(args)
        held = past is not None and self._still(form, args, past)
        if form.gone and not held:
            self._must_be_there(form, args, before)
        card = Card(
            number=self.board.next_number(),
            form=form,
            args=dict(args),
            workstation=self.operators.workstations.get(form.workstation, form.workstation),
            minted=minted | after.keys(),
            typed=self._minted(self.operators.typed, named, args) - after.keys(),
            since=len(self.trace),
            scenario=scenario,
            opened=self.eyes.clock.wall().isoformat(timespec="seconds"),
            after=after,
            before=before,
        )
        if not self._open:
            self._begun, self._looked = self.eyes.clock.now(), len(self.trace.records)
        self._open.append(card)
        self.trace.add("note", text=tr("card {number} at {workstation}: {text}",
                                       number=card.number, workstation=card.workstation,
                                       text=form.text), card=card.number)  # fmt: skip
        if past is not None and held:  # nobody is asked again
            card.seen, card.captured = past.proof(form.probe), dict(past.captured)
            self._learn(card)
            return
        card.learn(self.aliases)
        card.earlier = past.told(form) if past is not None else ""
        self.board.put(card)
        self.say(self.board.text(card))

    def _still(self, form: Form, args: Mapping[str, str], past: Past) -> bool:
        """Whether a probe still shows what a person did before this run was broken off."""
        if not (past.cut and form.probe):
            return False
        if any(self.aliases.get(args[name]) != past.args.get(name) for name in self._awaited(args)):
            return False  # it was done for a number that this attempt does not have
        known = {name: self.aliases.get(value, value) for name, value in args.items()}
        known |= past.captured
        answer = self.eyes.probes[form.probe].ask(
            {name: text.format_map(known) for name, text in form.ask.items()}
        )
        there = any(row_fits(row, form.filled(known)) for row in answer.rows)
        return answer.outcome is Outcome.OK and there is not form.gone

    def _minted(
        self, ids: Sequence[str], named: Mapping[str, str], args: Mapping[str, str]
    ) -> frozenset[str]:
        """Arguments that the system gives; not those that it gave on an earlier card."""
        known = set(self.aliases.values())
        return frozenset(
            named[one] for one in ids if one in named and args[named[one]] not in known
        )

    def _awaited(self, args: Mapping[str, str]) -> dict[str, int]:
        """Which open card is still to bring an argument, whichever system gives it."""
        brought = {card.args[name]: card.number for card in reversed(self._open)
                   for name in card.minted}  # fmt: skip
        return {name: brought[value] for name, value in args.items() if value in brought}

    def _arm(self, form: Form, args: Mapping[str, str]) -> Sequence[Mapping[str, str | None]]:
        """Make sure that we would see it; the rows that a probe shows already."""
        if form.interface:
            if not any(form.interface in one for one in self.eyes.watched.values()):
                raise Blocked(
                    tr("nothing of ours stands on {interface}, so nobody could see it done",
                       interface=form.interface),
                    remedy=tr("put a relay into that link, or let the card name a probe"),
                )  # fmt: skip
            return ()
        probe = self.eyes.probes.get(form.probe)
        if probe is None:
            raise Blocked(tr("the profile has no probe {name}", name=form.probe),
                          remedy=tr("add it, or let the card name an interface"))  # fmt: skip
        answer = probe.ask(self._asked(form, args))
        if answer.outcome is not Outcome.OK:
            raise Blocked(tr("the probe {name} sees nothing: {why}", name=form.probe,
                             why=answer.error))  # fmt: skip
        return [dict(row) for row in answer.rows]

    def _asked(self, form: Form, args: Mapping[str, str]) -> dict[str, str]:
        known = {name: self.aliases.get(value, value) for name, value in args.items()}
        return {name: text.format_map(known) for name, text in form.ask.items()}

    def _must_be_there(
        self, form: Form, args: Mapping[str, str], rows: Sequence[Mapping[str, str | None]]
    ) -> None:
        """What is to go away is seen before, or nothing would show that it went.

        Raises:
            Blocked: it is not.
        """
        if not any(row_fits(row, form.filled(args)) for row in rows):
            raise Blocked(tr("the probe {name} does not show what is to be taken away",
                             name=form.probe))  # fmt: skip

    # -- waiting ------------------------------------------------------------------------------

    def finish(self, wait_s: float = 0.0) -> None:
        """Go on when every open card is seen to be done.

        Args:
            wait_s: at most so long; 0 for the time of the profile.

        Raises:
            Blocked: a card was not seen to be done within the time of the profile.
        """
        if not self._open:
            return
        limit_s = wait_s or self.operators.wait_s
        over = self._late and all(card.number in self._late for card in self._open)
        deadline = self.eyes.clock.now() + (0.0 if over else limit_s)
        while not self._all_done() and self.eyes.clock.now() < deadline:
            until = self.eyes.clock.now() + limits.POLL_S if self.polls() else deadline
            self.eyes.wait(self._all_done, min(until, deadline))
        cards, self._open = self._open, []
        waited = round(self.eyes.clock.now() - self._begun, 6)
        self.trace.add("note", text=tr("waited {seconds} s for persons", seconds=f"{waited:.1f}"),
                       person_s=waited)  # fmt: skip
        for card in cards:
            self.board.drop(card)
            self._tell(card)
        left = [card for card in cards if not card.done]
        if left:
            raise Blocked(
                tr("not seen to be done within {limit:g} s: {cards}", limit=limit_s,
                   cards="; ".join(card.named() for card in left)),
                remedy=tr("do it at the workstation, and run the scenario again"),
            )  # fmt: skip

    def withdraw(self) -> None:
        """Take open cards back: the scenario is over."""
        for card in self._open:
            self.board.drop(card)
            self._tell(card)
        self._open.clear()

    def look(self) -> int:
        """Look for what proves open cards; how many are done."""
        self._all_done()
        return sum(card.done for card in self._open)

    @property
    def idle(self) -> bool:
        """Whether every card is done."""
        return all(card.done for card in self._open)

    def polls(self) -> bool:
        """Whether a card is open that no message, but a probe shows."""
        return self.hear() or any(card.form.probe and not card.seen for card in self._open)

    def theirs(self) -> set[str]:
        """Numbers that systems under test gave on cards of this scenario."""
        return {*self.aliases.values(), *(two for card in self._open
                                          for two in card.captured.values())}  # fmt: skip

    def listed(self) -> list[Card]:
        """The open cards."""
        return list(self._open)

    def _all_done(self) -> bool:
        self.hear()
        with self.board.lock:
            self._read(self.trace.records)
            for card in self._open:
                if card.seen:
                    self._learn(card)
                elif card.form.probe:
                    self._ask(card)
            self._read(self.trace.records)
            return all(card.done for card in self._open)

    def _read(self, records: Sequence[Record]) -> None:
        """Look for proofs in what is new, and again in all once a number is known.

        A HIS may send the order for a person before the admission that tells the person's number.
        """
        while self._taught or self._looked < len(records):
            if self._taught:
                self._taught = False
                left = [card.since for card in self._open if not card.seen]
                self._looked = min([self._looked, *left])
                continue
            at, self._looked = self._looked, self._looked + 1
            if at not in self._proofs and self._notice(records[at]):
                self._proofs.add(at)

    def _notice(self, record: Record) -> bool:
        """The first open card of each workstation that a message proves; a message proves one."""
        for card in self._open:
            if card.seen or not self._is_next(card):
                continue
            wanted = card.wanted(self.aliases)
            if wanted and card.proves(record, wanted, self.eyes.watched):
                self._seen(card, tr("record {number}", number=record["n"]),
                           lambda path: field_of(record, path))  # fmt: skip
                return True
        return False

    def _is_next(self, card: Card) -> bool:
        """Cards of one workstation are done in order; of equal ones, the first is proved first."""
        ahead = self._open[: self._open.index(card)]
        return all(
            one.seen for one in ahead
            if one.workstation == card.workstation and one.form == card.form
        )  # fmt: skip

    def _ask(self, card: Card) -> None:
        wanted = card.wanted(self.aliases)
        if not wanted:  # what it must show is still to come from another card
            return
        answer = self.eyes.probes[card.form.probe].ask(self._asked(card.form, card.args))
        if card.form.gone:
            there = any(row_fits(row, wanted) for row in answer.rows)
            if answer.outcome is Outcome.OK and not there:
                self._seen(card, tr("probe {name}: gone", name=card.form.probe), lambda _: None)
            return
        for row in answer.rows:
            fresh = dict(row) not in [dict(old) for old in card.before]
            key = (card.form.probe, tuple(sorted((name, str(one)) for name, one in row.items())))
            if fresh and key not in self.board.used and row_fits(row, wanted):
                self.board.used.add(key)
                self._seen(card, tr("probe {name}", name=card.form.probe), row.get)
                return

    def _seen(self, card: Card, proof: str, read: Callable[[str], str | None]) -> None:
        card.seen = proof
        card.take_ids(read)
        self._learn(card)

    def _learn(self, card: Card) -> None:
        """Let the other open cards know what a card brought, or somebody typed into it."""
        fresh = {card.args[name]: theirs for name, theirs in card.captured.items()
                 if self.aliases.get(card.args[name], card.args[name]) != theirs}  # fmt: skip
        if not fresh:
            return
        self._taught = True
        self.aliases |= fresh
        for other in self._open:
            if other is not card:
                other.learn(self.aliases)

    def _tell(self, card: Card) -> None:
        """One record of what a person did, and the ids that came of it."""
        closed = self.eyes.clock.wall().isoformat(timespec="seconds")
        self.trace.add("command", **card.told(closed))
        if card.done:
            for name, theirs in card.captured.items():
                self.captured(name, card.args[name], theirs)
