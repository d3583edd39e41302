"""``medharness simulate centre``: one centre in the foreground, until Ctrl-C."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness import input_files
from harness.clock import Clock
from harness.errors import InputError
from harness.i18n import tr
from harness.link import address, tls
from harness.link.host import Host
from harness.link.tap import Connection
from harness.link.tls import Context
from harness.model import Person
from harness.profile import load_profile
from harness.profile_load import SHIPPED
from harness.subjects import read_subjects
from harness.wire.core import Event
from simulators import foreground
from simulators.centre import arming, doorman, signing_in
from simulators.centre.centre import LINK, Centre
from simulators.centre.ledger import KEYED, REFERENCE, SCHEMA
from simulators.centre.provinces import Province, load_province
from simulators.centre.transactions import handlers
from simulators.centre.world import PERSONS_DEFAULT, seed_persons, seed_town, seed_world
from simulators.shell import plain
from simulators.store import Store, grouping, open_store

PROVINCE: Final = "hunan"
"""Where nobody says otherwise: the one whose specification is whole."""

_SCHEMA: Final = (*SCHEMA, *signing_in.SCHEMA)
_SEEDED: Final = "SELECT COUNT(*) AS held FROM hospitals"


def make(
    province: Province,
    ledger: str,
    clock: Clock,
    *,
    seed: int = 0,
    durable: bool = True,
    persons: int = PERSONS_DEFAULT,
) -> tuple[Centre, Store]:
    """A centre and its books; books that are new get the world of ``seed``.

    Args:
        province: its rules.
        ledger: path of an SQLite file, or ``postgresql://...``.
        clock: of the driver.
        seed: of persons, ids and keyed faults.
        durable: False where a crash is only simulated.
        persons: in new books.

    Raises:
        InputError: the ledger cannot be opened.
    """
    begun = not durable and _begin(Path(ledger))
    store = open_store(ledger, _SCHEMA, durable=durable, reference=REFERENCE, keyed=KEYED)
    if begun:
        store.commit(seed_persons(seed, range(persons)))
    elif not store.rows(_SEEDED)[0]["held"]:
        store.commit(seed_world(seed, persons=persons))
    books = handlers(province.books_policy(), seed=seed)
    return Centre(province=province, handlers=books, store=store, clock=clock, seed=seed), store


def _begin(ledger: Path) -> bool:
    """Put the books of an empty town in place where there are none yet; says whether it did.

    Every scenario has books of its own, and most of what it takes to open them would be this.
    """
    if ledger.exists() or not ledger.parent.is_dir():
        return False
    ledger.write_bytes(empty_town())
    return True


@lru_cache(maxsize=1)
def empty_town() -> bytes:
    """An SQLite file with the schema, catalogues and hospitals, and nobody insured."""
    with tempfile.TemporaryDirectory(prefix="medharness-") as folder:
        path = Path(folder) / "town.sqlite"
        store = open_store(str(path), _SCHEMA, durable=False)
        store.commit(seed_town())
        store.close()  # what stands in the log is in the file then
        return path.read_bytes()


@dataclass(slots=True)
class Centres:
    """The centre as a process of its own: what ``simulators.shell`` builds from a configuration."""

    def make(self, config: Mapping[str, Any], clock: Clock) -> tuple[Centre, Store]:
        """From ``province``, ``specification``, ``store``, ``seed`` and ``durable``."""
        return make(
            load_province(
                str(config.get("province", PROVINCE)), str(config.get("specification", ""))
            ),
            str(config["store"]),
            clock,
            seed=int(config.get("seed", 0)),
            durable=bool(config.get("durable", True)),
        )


class Aloud:
    """Says what became of an arming, and who is a stranger: a person must see it at once."""

    def note(self, role: str, text: str) -> None:
        """A line for each note that tells of armed persons or of strangers."""
        if text.startswith((arming.MARK, doorman.ALARM)):
            foreground.say(f"{role}: {text}")

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """Of no interest here."""

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Of no interest here."""

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """Of no interest here."""


def centre(args: argparse.Namespace) -> int:
    """One centre, until the user stops it.

    Takes ``--province``, ``--profile`` (a site profile: its signed test patients are let in; or a
    province), ``--spec``, ``--port``, ``--ledger`` (else the books are gone at the end),
    ``--seed``, ``--tls-cert`` with ``--tls-key``.

    Raises:
        InputError: no such province or version, a port in use, an address that is not loopback.
        InputErrors: the profile, or its list of test patients, cannot be used.
    """
    subjects, named = _site(_said(args, "profile"))
    province = load_province(_said(args, "province") or named or PROVINCE, _said(args, "spec"))
    foreground.check_host(args.host, expose=getattr(args, "expose", False))
    foreground.check_port(args.port)
    context = _tls(args)
    ledger = _said(args, "ledger")
    with tempfile.TemporaryDirectory(prefix="medharness-", ignore_cleanup_errors=True) as folder:
        door = doorman.Doorman(subjects)
        return _serve(args, province, ledger or str(Path(folder) / "centre.sqlite"), context, door)


def _site(named: str) -> tuple[tuple[Person, ...], str]:
    """The signed test patients of a site's profile, and the province that it or the option names.

    A province may stand in the place of the profile, as its file or by the name of one that ships.
    """
    if not named or not _is_site(named):
        return (), named
    profile = load_profile(named)
    signed = profile.test_subjects
    province = str(profile.quirks.get("centre", {}).get("province", ""))
    if province.endswith(".toml"):
        province = str(profile.file(province))
    subjects = read_subjects(profile.file(signed.list), signed.sha256) if signed else ()
    return subjects, province


def _is_site(named: str) -> bool:
    """Whether a profile is meant: a file that cannot be read is told of as one."""
    if not named.endswith(".toml"):
        return named in SHIPPED
    try:
        return "systems" in input_files.toml_of(Path(named))
    except InputError:
        return False


def _serve(
    args: argparse.Namespace,
    province: Province,
    ledger: str,
    context: Context | None,
    door: doorman.Doorman,
) -> int:
    store: Store | None = None
    answered = alarms = 0
    try:
        with foreground.until_stopped() as stopped, foreground.running() as runtime:
            seed = int(getattr(args, "seed", 0) or 0)
            actor, store = make(province, ledger, runtime.clock, seed=seed)
            actor.door = door
            host = Host(
                actor, runtime.clock, plain, store=store, grouping=grouping(store), watcher=Aloud()
            )
            member = runtime.add(actor.role, host)
            at = foreground.listen(member, LINK, args.host, args.port, context)
            foreground.say(f"ready {LINK} {url(at, province, secure=context is not None)}")
            foreground.wait(stopped)
            answered, alarms = actor.answered, actor.alarms
    finally:
        if store is not None:
            store.close()
    result = {
        "answered": answered,
        "alarms": alarms,
        "province": province.name,
        "specification": province.specification,
        "ledger": ledger,
    }
    if alarms and not args.json:
        foreground.say(tr("{count} calls about strangers were refused; the ledger lists them"
                          " (table alarms)", count=alarms))  # fmt: skip
    return foreground.finish(result, 0, as_json=args.json)


def _said(args: argparse.Namespace, name: str) -> str:
    return str(getattr(args, name, "") or "")


def _tls(args: argparse.Namespace) -> Context | None:
    certificate, key = _said(args, "tls_cert"), _said(args, "tls_key")
    if key and not certificate:
        raise InputError(tr("--tls-key needs --tls-cert"))
    if not certificate:
        return None
    return tls.server_context(Path(certificate), Path(key) if key else None)


def url(at: address.Address, province: Province, *, secure: bool = False) -> str:
    """Where a HIS has to call: the gateway's path with the number left open where it has one."""
    return f"{'https' if secure else 'http'}://{at}{province.gateway.path}"
