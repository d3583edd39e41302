"""One simulator in the foreground: what ``medharness simulate`` runs.

Each function is an entry point ``simulate-KIND`` of the group ``medharness.simulators`` and gets
the parsed command line. It prints ``ready NAME ADDRESS`` for each endpoint once it accepts.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import limits
from harness.clock import Clock
from harness.errors import InputError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.host import Host
from harness.link.serial_address import EXAMPLE, SerialAddress, is_serial, serial_address
from harness.link.tap import Connection
from harness.link.threads import Threads
from harness.model import Outcome
from harness.wire.core import Event, Message, Violation
from harness.wire.hl7 import Hl7Header, Hl7Message, header
from simulators import analyzer_shell, foreground
from simulators.analyzer import families, generate, lis_side
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.framed_analyzer import UNACKNOWLEDGED
from simulators.analyzer.model import AnalyzerModel, known_models, load_model
from simulators.analyzer.upload import Tested, message
from simulators.feed.feed import Feed
from simulators.feed.policy import Policy, Rule
from simulators.hospital.built_in import BuiltInHospital
from simulators.shell import plain
from simulators.store import Store

FEED: Final = "feed"
"""The link and the role of a receiver in the foreground."""

ANSWERS: Final = ("AA", "AE", "AR", "CA", "CE", "CR")
"""HL7 table 0008."""

UPLOAD_TIMEOUT_S: Final = 1800.0
"""Beyond the patience of any instrument: four attempts at a message of thirty frames, each frame
sent six times with 15 s for its reply (LIS01-A2 §6.5.1.2)."""

OPEN_ENDS: Final = frozenset({UNACKNOWLEDGED, "the instrument asks for no answer"})
"""Details of an upload of which only the LIS can tell whether it arrived."""

SHOWN_CHARS_MAX: Final = 80
"""A field of a peer on our screen; MSH-10 has 20 characters in 2.4 and 199 in 2.7."""

_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")


# -- hospital --------------------------------------------------------------------------------------


def hospital(args: argparse.Namespace) -> int:
    """The built-in LIS and HIS, wired to each other, until the user stops them.

    ``--port N`` gives the endpoints the ports N, N+1 and so on. ``--driver MODEL`` sets the LIS up
    for an analyzer: its item map, and for a framing of its own the port. What they store is gone
    at the end.

    Raises:
        InputError: an unknown defect or model, a port in use, an address that is not loopback.
    """
    drivers = [load_model(name) for name in getattr(args, "driver", ())]
    systems = BuiltInHospital()
    systems.check_defects(args.defect)
    endpoints = [(role, link) for role in systems.roles for link in systems.listens[role]]
    foreground.check_host(args.host, expose=getattr(args, "expose", False))
    foreground.check_port(args.port, len(endpoints))
    stores: list[Store] = []
    # On Windows a virus scanner may still hold a file of a store that is closed.
    with tempfile.TemporaryDirectory(prefix="medharness-", ignore_cleanup_errors=True) as folder:
        try:
            with foreground.until_stopped() as stopped, foreground.running() as runtime:
                stores += _open_systems(systems, runtime, Path(folder), args.defect)
                for model in drivers:
                    _set_up(runtime, model)
                addresses = _listen_all(runtime, endpoints, args.host, args.port)
                for member in runtime.members.values():
                    member.routes |= {
                        link: foreground.from_here(one) for link, one in addresses.items()
                    }
                for link, address in addresses.items():
                    foreground.say(f"ready {link} {address}")
                foreground.wait(stopped)
        finally:
            for store in stores:
                store.close()
    return foreground.finish({}, 0, as_json=args.json)


def _open_systems(
    systems: BuiltInHospital, runtime: Threads, folder: Path, defects: Sequence[str]
) -> list[Store]:
    stores = []
    for role in systems.roles:
        config = {"role": role, "store": str(folder / f"{role}.sqlite"), "defects": defects}
        actor, store = systems.make(config, runtime.clock)
        stores.append(store)
        runtime.add(role, Host(actor, runtime.clock, plain, store=store))
    return stores


def _set_up(runtime: Threads, model: AnalyzerModel) -> None:
    """What the staff of a laboratory configures when an analyzer comes."""
    timeout_s = limits.CONTROL_TIMEOUT_S
    if model.family == "framed":
        runtime.command("LIS", "configure_port", lis_side.port(model), timeout_s)
    catalogue = generate.catalogue()
    order = lis_side.settings(model, lis_side.tests_of(model, list(catalogue)), catalogue)
    if order["sender"]:
        runtime.command("LIS", "configure_analyzer", order, timeout_s)


def _listen_all(
    runtime: Threads, endpoints: Sequence[tuple[str, str]], host: str, port: int
) -> dict[str, Address]:
    return {
        link: foreground.listen(runtime.members[role], link, host, port + index if port else 0)
        for index, (role, link) in enumerate(endpoints)
    }


# -- feed ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Log:
    """Prints a line a message: when, which type, which control id, which answer. No patient."""

    clock: Clock
    count: int = 0
    _got: dict[str, Hl7Header] = field(default_factory=dict)

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """A message came, or was answered."""
        match event:
            case Message(payload=payload) if sent:
                self._answered(connection.id, payload)
            case Message(payload=payload):
                self._got[connection.id] = header(payload)
            case Violation() if not sent:
                sys.stderr.write(f"{self._time()} {event.code}: {event.message}\n")
                sys.stderr.flush()

    def _answered(self, conn: str, payload: bytes) -> None:
        got = self._got.pop(conn, Hl7Header())
        self.count += 1
        code = Hl7Message.parse(payload).get("MSA-1") or ""
        shown = " ".join(_shown(text) for text in (got.type, got.control_id, code))
        foreground.say(f"{self._time()} {shown}")

    def _time(self) -> str:
        return self.clock.wall().strftime("%Y-%m-%d %H:%M:%S")

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """Connections come and go unsaid."""
        if event == "closed":
            self._got.pop(connection.id, None)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes hold patients, so they are not shown."""

    def note(self, role: str, text: str) -> None:
        """A receiver has no notes."""


def _shown(text: str) -> str:
    """A field of a peer as a terminal may get it; a hyphen where it is empty."""
    return _UNPRINTABLE.sub("?", text[:SHOWN_CHARS_MAX]) or "-"


def feed(args: argparse.Namespace) -> int:
    """An HL7 receiver that acknowledges everything with ``--answer``, until the user stops it.

    Raises:
        InputError: no such answer, a port in use, an address that is not loopback.
    """
    if args.answer not in ANSWERS:
        raise InputError(
            tr("no acknowledgement code {code}", code=args.answer),
            remedy=tr("use one of: {known}", known=" ".join(ANSWERS)),
        )
    foreground.check_host(args.host, expose=getattr(args, "expose", False))
    foreground.check_port(args.port)
    with foreground.until_stopped() as stopped, foreground.running() as runtime:
        actor = Feed(FEED, runtime.clock, Policy(rules=[Rule(code=args.answer)]))
        log = Log(runtime.clock)
        member = runtime.add(FEED, Host(actor, runtime.clock, plain, watcher=log))
        address = foreground.listen(member, FEED, args.host, args.port)
        foreground.say(f"ready {FEED} {address}")
        foreground.wait(stopped)
    return foreground.finish({"messages": log.count}, 0, as_json=args.json)


# -- analyzer --------------------------------------------------------------------------------------


def analyzer(args: argparse.Namespace) -> int:
    """Connect as an instrument, upload one generated set of results, and tell the outcome.

    ``--model list`` connects nowhere and lists the models. ``--count``, ``--query`` and
    ``--listen`` do more; see ``analyzer_shell``.

    Returns:
        0 where the LIS took all of it; 3 where the instrument's link has no acknowledgement, so
        that only the LIS can tell; else 1.

    Raises:
        InputError: not such a link, an unknown model, an address that is not loopback.
    """
    if args.model == "list":
        return _list_models(as_json=args.json)
    listens = getattr(args, "listen", False)
    if listens and args.link:
        raise InputError(tr("an analyzer connects or listens"), remedy="--link / --listen")
    address = None if listens else _address(args.link)
    host = args.host if address is None else address.host
    foreground.check_host(host, expose=getattr(args, "expose", False))
    model = load_model(args.model)
    if address is None or analyzer_shell.wanted(args):
        return analyzer_shell.run(args, model, address)
    tested = generate.run(args.seed, model)
    answer = _upload(model, tested, address, args.seed)
    outcome, detail = str(answer["outcome"]), str(answer["detail"])
    foreground.say(
        tr(
            "upload {outcome}: specimen {barcode}, {count} results{detail}",
            outcome=outcome,
            barcode=tested.barcode,
            count=len(tested.results),
            detail=f" ({detail})" if detail else "",
        )
    )
    result = {"outcome": outcome, "detail": detail, "barcode": tested.barcode}
    return foreground.finish(result, _exit_code(outcome, detail), as_json=args.json)


def _upload(
    model: AnalyzerModel, tested: Tested, address: Address | SerialAddress, seed: int
) -> dict[str, Any]:
    """Play the instrument of whichever family, and let it upload one specimen."""
    with foreground.running() as runtime:
        now = runtime.clock.wall()
        actor: Analyzer | families.ACTORS
        if model.family == "astm":
            time = now.strftime("%Y%m%d%H%M%S")
            payloads = [message(model, [tested], control_id=f"S{seed}", time=time)]
            actor, link = Analyzer(link_config=model.link_config(), repeats=model.repeats), LINK
        else:
            payloads = families.payloads(model, [tested], first_id=1 + abs(seed), time=now)
            actor, link = families.actor(model, runtime.clock), families.LINKS[model.family]
        member = runtime.add(actor.role, Host(actor, runtime.clock, plain))
        member.routes[link] = address
        order: dict[str, Any] = {"payloads": [one.hex() for one in payloads]}
        if model.family == "astm":
            order = {"payload": payloads[0].hex()}
        answer: dict[str, Any] = runtime.command(actor.role, "upload", order, UPLOAD_TIMEOUT_S)
    return answer


def _exit_code(outcome: str, detail: str) -> int:
    """Where the link has no acknowledgement, nothing failed and nothing is known either."""
    if outcome == Outcome.UNKNOWN and detail in OPEN_ENDS:
        return 3
    return 0 if outcome == Outcome.OK else 1


def _list_models(*, as_json: bool) -> int:
    """Print every model that ships: name, family, vendor, instrument."""
    models = [load_model(name) for name in known_models()]
    for one in models:
        foreground.say(f"{one.name:24} {one.family:8} {one.vendor} {one.instrument}".rstrip())
    return foreground.finish({"models": [one.name for one in models]}, 0, as_json=as_json)


def _address(link: str) -> Address | SerialAddress:
    """Where ``tcp://HOST:PORT`` or a link to a serial line leads."""
    if is_serial(link):
        return serial_address(link)
    try:
        url = urllib.parse.urlsplit(link)
        port = url.port
    except ValueError:
        url, port = urllib.parse.SplitResult("", "", "", "", ""), None
    rest = url.path.strip("/") or url.query or url.fragment or url.username
    if url.scheme != "tcp" or not url.hostname or not port or rest:
        raise InputError(
            tr("not a link: “{link}”", link=link),
            remedy=tr("write --link tcp://HOST:PORT, or {example}", example=EXAMPLE),
        )
    return Address(host=url.hostname, port=port)
