"""The relay of a site: between real systems, with a journal of everything and planned faults.

What passes is recorded as in a scenario, so that dialects, fingerprints and cases can be taken from
it. A fault is planned for a kind of message and carried out on the way; the journal shows each one
as it fired, and the account says what became of every message, across reconnects and restarts of
the systems at both ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.clock import RealClock
from harness.digits import whole_number
from harness.errors import InputError
from harness.evidence.account import MessageState, account
from harness.evidence.recorder import Recorder
from harness.evidence.trace import FORMAT, Record, Trace
from harness.evidence.trace import read as read_trace
from harness.faults.inject import Injector
from harness.faults.plan import Fault, Plan, Trigger
from harness.i18n import tr
from harness.inline.lines import Places, why_not
from harness.link.relay import Relay
from harness.link.spec import LinkSpec
from harness.link.threads import Threads
from harness.model import Outcome
from harness.permit import Permit
from harness.profile import Profile
from harness.scenario.wiring import link_specs
from harness.site.vault import JOURNAL

SEALED: Final = "not-applicable"
"""Nothing is judged while it stands: the journal is evidence, not a verdict."""

ACCOUNT_MAX: Final = 5_000
"""Messages of one account: it takes time with the square of them. A longer journal has none."""

ANSWER: Final = "answer-"
"""What an action on answers begins with."""

FORTH: Final = {
    "drop": "message", "repeat": "message", "truncate": "message", "junk-before": "message",
    "swap": "message", "coalesce": "transport", "slices": "transport", "delay": "transport",
    "reset-in-the-middle": "transport", "close-in-the-middle": "transport",
    "reset-after": "transport", "half-open": "message", "black-hole": "message",
}  # fmt: skip
"""Actions on messages, and the layer of each; ``harness.faults.catalogue`` has what they do."""

BACK: Final = frozenset({"drop", "delay", "repeat", "slices"})
"""Actions that answers have as well."""

REFUSE: Final = "refuse"
"""Nobody is let in."""

EVERY: Final = "all"


def read_fault(number: int, text: str, specs: Mapping[str, LinkSpec]) -> Fault:
    """A fault from ``LINK=ACTION[:TEXT[:N]]``.

    Args:
        number: of the option, from 1.
        text: the option; ``TEXT`` must stand in the identity of the message, such as ``ORU^R01``;
            ``N`` is which delivery of one matter is hit, 1 where nothing is said, or ``all``.
        specs: the links.

    Raises:
        InputError: it names no link in which we stand, no action, or no number.
    """
    link, sign, rest = text.partition("=")
    action, _, more = rest.partition(":")
    holds, _, which = more.partition(":")
    if not sign or link not in specs:
        links = ", ".join(sorted(specs)) or "-"
        raise InputError(tr("not watched: {names}", names=link), where=text,
                         remedy=tr("watched: {names}", names=links))  # fmt: skip
    back = action.startswith(ANSWER)
    name = action.removeprefix(ANSWER)
    if name not in (BACK if back else {*FORTH, REFUSE}):
        known = [*FORTH, REFUSE, *(f"{ANSWER}{one}" for one in sorted(BACK))]
        raise InputError(tr("no fault {name}; known: {known}", name=action,
                            known=", ".join(known)), where=text)  # fmt: skip
    number_of_delivery = 1 if which in {"", EVERY} else whole_number(which)
    if not number_of_delivery:
        raise InputError(tr("{text} is no number of a delivery", text=which), where=text,
                         remedy=f"{link}={action}:{holds}:1")  # fmt: skip
    kind = "reply" if back else "accept" if name == REFUSE else "message"
    spec = specs[link]
    occurrences = () if which == EVERY else (number_of_delivery,)
    return Fault(
        id=f"F{number}", fault_class="", layer=FORTH.get(name, "transport"), action=name, link=link,
        sender=spec.to if back else spec.frm,
        trigger=Trigger(kind=kind, holds=(holds,) if holds else (), occurrences=occurrences),
    )  # fmt: skip


FAILED_SHOWN: Final = 20
"""Kinds of trouble of the relay itself that are told."""


@dataclass(slots=True)
class Stand:
    """The relay while it stands.

    Args:
        profile: of the site; which links have a relay, and where the systems are.
        links: only these; empty takes all.
        faults: options as ``read_fault`` takes them.
        environ: holds passwords of keys.
        out: folder of the journal.
    """

    profile: Profile
    links: Sequence[str]
    faults: Sequence[str]
    environ: Mapping[str, str]
    out: Path
    clock: RealClock = field(default_factory=RealClock)
    ready: dict[str, str] = field(default_factory=dict)
    trace: Trace = field(init=False)
    _specs: dict[str, LinkSpec] = field(default_factory=dict)
    _runtime: Threads = field(default_factory=Threads)

    def start(self) -> None:
        """Listen on every link.

        Raises:
            InputError: there is no link to stand in, or an option names what is not there.
            PermitError: a listener is open to others unasked, or faults are not allowed here.
        """
        permit = Permit(self.profile, self.clock.wall)
        found = {name: spec for name, spec in link_specs(self.profile).items()
                 if not why_not(self.profile, name)}  # fmt: skip
        unknown = sorted({*self.links} - {*found})
        if unknown or not found:
            raise InputError(
                tr("not watched: {names}", names=", ".join(unknown) or "-"),
                where=str(self.profile.path),
                remedy=tr('write via = "relay" and relay_port on a link to a real system'),
            )
        self._specs = {name: found[name] for name in self.links or found}
        planned = [read_fault(n, text, self._specs) for n, text in enumerate(self.faults, 1)]
        if planned:
            permit.require_fault()
        places = Places.of(self.profile, permit, self.environ)
        self.trace = Trace(self.clock, self.out / JOURNAL, keep=False)
        self.trace.add("open", format=FORMAT, harness_version=__version__, scenario="relay")
        injector = Injector(Plan(0, "relay"), self.trace)
        for fault in planned:
            injector.add(fault)
        hybrid = frozenset(n for n, one in self._specs.items() if one.protocol == "hllp")
        self.ready.update(places.stand(self._runtime, Relay(hybrid=hybrid), self._specs, self.clock,
                                       Recorder(self.trace), injector))  # fmt: skip

    def stop(self) -> dict[str, Any]:
        """Let go of every line; what passed, what fired, and what became of each message."""
        left = self._runtime.stop()
        self.trace.seal(SEALED)
        failed = list(dict.fromkeys(map(str, self._runtime.errors)))[:FAILED_SHOWN]
        return told(read_trace(self.out / JOURNAL).records) | {"left": left, "failed": failed}


def told(records: Sequence[Record]) -> dict[str, Any]:
    """What a journal says: faults that fired, and troubles by link."""
    fired = Counter(one["id"] for one in records
                    if one["kind"] == "fault" and one["event"] == "fired")  # fmt: skip
    planned = [one for one in records if one["kind"] == "fault" and one["event"] == "planned"]
    messages = sum(one["kind"] == "message" for one in records)
    states = account(records) if messages <= ACCOUNT_MAX else []
    links: dict[str, Counter[str]] = {}
    for state in states:
        counts = links.setdefault(f"{state.link} {state.sender} -> {state.receiver}", Counter())
        counts["messages"] += 1
        counts["deliveries"] += state.deliveries
        counts.update(troubles(state))
    return {
        "messages": messages,
        "accounted": messages <= ACCOUNT_MAX,
        "links": {name: dict(counts) for name, counts in links.items()},
        "faults": [{"id": one["id"], "link": one["link"], "action": one["action"],
                    "fired": fired[one["id"]]} for one in planned],
        "troubled": [
            {"link": one.link, "type": one.type, "id": one.id, "what": list(troubles(one)),
             "deliveries": one.deliveries}
            for one in states if troubles(one)
        ],
    }  # fmt: skip


def troubles(state: MessageState) -> tuple[str, ...]:
    """What is wrong with a message; nothing where its sender got a positive answer."""
    outcome = {Outcome.OK: (), Outcome.FAILED: ("refused",), Outcome.UNKNOWN: ("unanswered",)}
    return (*outcome[state.outcome], *state.words)
