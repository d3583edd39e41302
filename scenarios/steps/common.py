"""What the sentences of all pillars share: labels, generated values, probes of the hospital."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from harness import resources
from harness.errors import Blocked, ScenarioError
from harness.evidence.decode import CHARSET
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.model import Person, Place
from harness.scenario.world import World

ORDERS, RESULTS = "his-lis", "lis-his"
"""Links: HIS to LIS, LIS to HIS."""

SETTLE_S = 0.4
"""How long an exact answer must stay: twice the time in which the built-in systems send again."""

RANDOM = "随机"
"""A cell that the seed fills."""

AS_SENT = "同上传"
"""A cell that must be what was sent."""


@lru_cache(maxsize=1)
def items() -> dict[str, dict[str, Any]]:
    """The catalogue of lab items."""
    path = resources.fixture("catalogues", "lab_items.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def drawn_value(world: World, item: str, *about: object) -> str:
    """A value of an item, drawn by the seed around its reference range."""
    known = items().get(item)
    if known is None or not known["low"]:
        raise ScenarioError(tr("no range to draw a value of {item} from", item=item))
    low, high = Decimal(known["low"]), Decimal(known["high"])
    steps = int((high - low) * 10 ** known["decimals"])
    step = int(world.draw("value", item, *about) * (steps + 1))
    return f"{low + Decimal(step).scaleb(-known['decimals']):.{known['decimals']}f}"


def place(interface: str, protocol: str, path: str) -> Place:
    """Short for a place."""
    return Place(interface=interface, protocol=protocol, path=path)


def rows_expected(
    *,
    probe: str,
    args: Mapping[str, str],
    interface: str,
    table: str,
    key: Sequence[str],
    rows: Sequence[Mapping[str, Value | str]],
    limit_s: float,
    classes: Mapping[str, str] | None = None,
    clause: str = "",
    claim: str = "",
) -> Expectation:
    """Within the limit the probe shows exactly these rows.

    Args:
        probe: name in the profile.
        args: of the probe.
        interface: which interface is judged by it.
        table: of the database, for the place.
        key: columns that find a row.
        rows: by column; plain text must be equal.
        limit_s: the named limit.
        classes: fault class by kind of finding.
        clause: the rule behind it.
        claim: how far the sentence says that it came, beyond a table: ``sent``, ``displayed``.
    """
    wanted = []
    for row in rows:
        # What was asked for must be what was shown: a probe that answers about another is no look.
        asked = {name: value for name, value in args.items() if name not in row}
        values = {name: _value(cell) for name, cell in {**asked, **row}.items()}
        wanted.append(
            Wanted(
                key={f"row.{name}": values[name].expected for name in key},
                checks=[
                    Check(
                        path=f"row.{name}",
                        value=value,
                        place=place(interface, "sql", f"{table}.{name}"),
                        clause=clause,
                        fault_class=_differs(name) if classes else "",
                    )
                    for name, value in values.items()
                    if name not in key
                ],
            )
        )
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": probe}),
        wanted=wanted,
        place=place(interface, "sql", table),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        ask=Ask(probe=probe, args=args, claim=claim),
        classes=classes or {},
        clause=clause,
    )


OWNERS = frozenset({"patient_id", "barcode"})
"""Columns that say whose a row is: another value there is no altered result but another's."""


def _differs(column: str) -> str:
    """The fault class of a row that is there and says something else."""
    return "misattributed" if column in OWNERS else "altered"


def _value(cell: Value | str) -> Value:
    return cell if isinstance(cell, Value) else Value(expected=cell)


def whose(person: Person, select: Mapping[str, str], interface: str, limit_s: float) -> Expectation:
    """The messages carry this person in PID, in the character set that they declare.

    Args:
        person: the only one whom they may name.
        select: the messages, by fields of their records.
        interface: which interface is judged.
        limit_s: the named limit.
    """
    fields = {
        "PID-3[1].1": (person.patient_id, "PID-3"),
        "PID-5": (person.name, "PID-5"),
        "PID-7": (person.birth, "PID-7"),
        "PID-8": (person.sex, "PID-8"),
    }
    checks = [
        Check(path=path, value=Value(expected=value), place=place(interface, "hl7", where))
        for path, (value, where) in fields.items()
    ]
    checks.append(
        Check(
            path=CHARSET,
            value=Value(expected="as declared"),
            place=place(interface, "hl7", "MSH-18"),
            clause="HL7 2.4 §2.16.9.18",
        )
    )
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where=select),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=checks)],
        place=place(interface, "hl7", ""),
        limit_s=limit_s,
        classes={"missing": "lost"},
    )


def nothing_expected(
    *,
    probe: str,
    args: Mapping[str, str],
    control_args: Mapping[str, str],
    interface: str,
    table: str,
    limit_s: float,
    clause: str = "",
) -> Expectation:
    """Until the limit the probe shows no row, while it shows one for the control."""
    return Expectation(
        mode="never",
        select=Selector(kind="probe", where={"probe": probe}),
        place=place(interface, "sql", table),
        limit_s=limit_s,
        ask=Ask(probe=probe, args=args),
        control=Selector(kind="probe", where={"probe": probe}),
        control_ask=Ask(probe=probe, args=control_args),
        clause=clause,
    )


def prepared(
    world: World,
    probe: str,
    args: Mapping[str, str],
    timeout_s: float = 10.0,
    *,
    rows: Sequence[Mapping[str, str]] = (),
) -> None:
    """Wait until a preparation has reached the system; otherwise nothing can be judged.

    Args:
        world: of the scenario.
        probe: that shows it.
        args: of the probe.
        timeout_s: how long.
        rows: what the probe must show, where it shows something of an earlier preparation too.
    """
    looker = world.bench.probes[probe]

    def there() -> bool:
        shown = looker.ask(args).rows
        return bool(shown) and all(
            any({**row, **one} == dict(row) for row in shown) for one in rows
        )

    if not world.poll(there, timeout_s):
        raise Blocked(
            tr("the preparation did not reach the system: {probe} {args}", probe=probe, args=args)
        )
