"""Which tests an analyzer is still to run, and how it is told: on its question, or pushed.

Follows ``LIS02-A2``: the answer to Q holds a P and O records with the specimen, the tests, priority
and action (N new, A added, C cancel), and L with F; L with I where nothing is ordered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.digits import whole_number
from harness.wire.astm_build import AstmBuilder, Components, Raw, Repeats
from harness.wire.astm_records import AstmMessage, Record
from simulators.hospital import lis_flaws
from simulators.hospital.lis_driver import Driver
from simulators.hospital.lis_people import patient_of
from simulators.hospital.outbox import Statement
from simulators.store import Store, insert

SPECIMENS_MAX: Final = 100
"""Specimens in one answer or push; an analyzer that wants more asks again."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """One test to run."""

    barcode: str
    item: str
    channel: str
    placer: str
    patient_id: str
    priority: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One specimen of a question, with where it stands."""

    barcode: str
    rack: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A message to an analyzer, and the statements that remember it."""

    payload: bytes
    statements: list[Statement] = field(default_factory=list)


def todo(store: Store, driver: Driver, barcode: str, defects: set[str]) -> list[Todo]:
    """What is ordered, mapped, not cancelled and not done; a wanted re-run counts as not done."""
    states = "'ordered', 'rerun'"
    if "lis-orders-cancelled" in defects:
        states += ", 'cancelled'"
    where = "barcode = ?"
    if "lis-answers-other-tube" in defects:
        where = "patient_id = (SELECT patient_id FROM orders WHERE barcode = ? LIMIT 1)"
    orders = store.rows(
        f"SELECT * FROM orders WHERE {where} AND state IN ({states}) ORDER BY placer, item",
        (barcode,),
    )
    done = _done(store, barcode) if "lis-orders-done-again" not in defects else set()
    before = store.rows(
        "SELECT item FROM worklist WHERE barcode = ? AND instrument = ? AND state <> 'cancelled'",
        (barcode, driver.sender),
    )
    told = {row["item"] for row in before}
    found: dict[str, Todo] = {}
    for order in orders:
        item = order["item"]
        channel = driver.channel_of(item)
        if not channel and "lis-orders-unmapped" in defects:
            channel = item
        if not channel or (item in done and order["state"] != "rerun"):
            continue
        if told and item not in told and "lis-ignores-add-on" in defects:
            continue
        found.setdefault(item, Todo(
            barcode=barcode, item=item, channel=channel, placer=order["placer"],
            patient_id=order["patient_id"],
            priority="R" if "lis-orders-routine" in defects else order["priority"] or "R",
            action="A" if told and item not in told else "N",
        ))  # fmt: skip
    tests = list(found.values())
    if "lis-cuts-long-orders" in defects:
        tests = tests[: lis_flaws.TESTS_NARROW]
    return tests[:1] if "lis-orders-first-test-only" in defects else tests


def _done(store: Store, barcode: str) -> set[str]:
    """Items with a final result, of whichever analyzer."""
    rows = store.rows(
        "SELECT DISTINCT item FROM results WHERE barcode = ? AND status <> 'P'", (barcode,)
    )
    return {row["item"] for row in rows}


# -- questions -------------------------------------------------------------------------------------


def asked(
    message: AstmMessage, store: Store, driver: Driver, defects: set[str]
) -> list[Asked] | None:
    """The specimens that a message asks for; None if it asks nothing or takes a question back."""
    queries = message.of("Q")
    if not queries or all(record.get("13") == "A" for record in queries):
        return None
    found: dict[str, Asked] = {}
    for record in queries[:SPECIMENS_MAX]:
        for one in _of_query(record, driver):
            if one.barcode.upper() == "ALL" and "lis-takes-all-for-a-tube" not in defects:
                for barcode in open_barcodes(store):
                    found.setdefault(barcode, Asked(barcode=barcode))
            else:
                found.setdefault(one.barcode, one)
    most = whole_number(driver.orders_max)
    return list(found.values())[: min(SPECIMENS_MAX if most is None else most, SPECIMENS_MAX)]


def _of_query(record: Record, driver: Driver) -> Iterable[Asked]:
    _, _, component = driver.query_place.partition(".")
    at = whole_number(component) or 1
    first, _, last = driver.query_rack.partition("-")
    for number in range(1, min(len(record.repeats(3)), SPECIMENS_MAX) + 1):
        parts = record.components(3, number)
        rest = [one for one in parts if one.strip()]
        barcode = parts[at - 1] if at <= len(parts) else ""
        if len(parts) == 1 or (rest and rest[0].strip().upper() == "ALL"):
            barcode = rest[0].strip() if rest else ""
        rack = ""
        begin, end = whole_number(first), whole_number(last)
        if driver.echo and begin is not None and end is not None:
            rack = "^".join(parts[begin - 1 : end])
        yield Asked(barcode=driver.stripped(barcode), rack=rack)


def open_barcodes(store: Store) -> list[str]:
    """Specimens with an order that is not cancelled, bounded: the newest ones, in order."""
    rows = store.rows(
        "SELECT barcode FROM orders WHERE state IN ('ordered', 'rerun')"
        " AND barcode <> '' GROUP BY barcode ORDER BY MAX(rowid) DESC LIMIT ?",
        (SPECIMENS_MAX,),
    )
    return sorted(row["barcode"] for row in rows)


def answer(
    specimens: Sequence[Asked], store: Store, driver: Driver, defects: set[str], time: str
) -> Download | None:
    """The answer to a question; None only under a defect."""
    if "lis-answers-first-tube-only" in defects:
        specimens = specimens[:1]
    work = [(one, todo(store, driver, one.barcode, defects)) for one in specimens]
    work = [(one, tests) for one, tests in work if tests]
    if work:
        return _download(work, store, driver, defects, time, way="query")
    if "lis-silent-without-order" in defects:
        return None
    builder = _begun(driver, time)
    if "lis-empty-order" in defects:
        builder.add("P").add("O", {3: specimens[0].barcode if specimens else ""})
        return Download(payload=builder.add("L", {3: "F"}).build())
    return Download(payload=builder.add("L", {3: "I"}).build())


# -- push ------------------------------------------------------------------------------------------


def push(store: Store, driver: Driver, defects: set[str], time: str) -> Download | None:
    """What is new for an analyzer since it was last told: orders, additions and cancellations."""
    if "lis-no-push" in defects:
        return None
    known = {
        (row["barcode"], row["item"])
        for row in store.rows(
            "SELECT barcode, item FROM worklist"
            " WHERE instrument = ? AND state IN ('sent', 'taken')",
            (driver.sender,),
        )
    }
    work: list[tuple[Asked, list[Todo]]] = []
    for barcode in open_barcodes(store):
        tests = todo(store, driver, barcode, defects)
        fresh = [one for one in tests if (barcode, one.item) not in known]
        if fresh:
            work.append((Asked(barcode=barcode), fresh))
    work += _cancelled(store, driver, defects)
    if not work:
        return None
    return _download(work, store, driver, defects, time, way="push")


def _cancelled(store: Store, driver: Driver, defects: set[str]) -> list[tuple[Asked, list[Todo]]]:
    """Tests that the analyzer was told of and that were cancelled since."""
    if "lis-cancel-stays-here" in defects:
        return []
    rows = store.rows(
        "SELECT w.barcode, w.item, w.channel, o.placer, o.patient_id, o.priority"
        " FROM worklist AS w JOIN orders AS o ON o.barcode = w.barcode AND o.item = w.item"
        " AND o.placer = w.placer WHERE w.instrument = ? AND w.state IN ('sent', 'taken')"
        " AND o.state = 'cancelled' ORDER BY w.barcode, w.item LIMIT ?",
        (driver.sender, SPECIMENS_MAX),
    )
    found: dict[str, list[Todo]] = {}
    for row in rows:
        found.setdefault(row["barcode"], []).append(Todo(**row, action="C"))
    return [(Asked(barcode=barcode), tests) for barcode, tests in found.items()]


def results_query(driver: Driver, barcode: str, time: str) -> bytes:
    """A question for the results of one tube, or of all where ``barcode`` is empty (§11)."""
    start = Components.of("", barcode) if barcode else "ALL"
    builder = _begun(driver, time).add("Q", {3: start, 5: "ALL", 13: "F"})
    return builder.add("L", {3: "N"}).build()


# -- messages --------------------------------------------------------------------------------------


def _begun(driver: Driver, time: str) -> AstmBuilder:
    head: dict[int, Any] = {5: "LIS", 10: driver.sender, 12: "P", 13: "LIS02-A2", 14: time}
    if driver.echo:
        head[11] = Components.of("TSDWN", "REPLY")
    return AstmBuilder(driver.encoding).add("H", head)


def _download(
    work: Sequence[tuple[Asked, list[Todo]]],
    store: Store,
    driver: Driver,
    defects: set[str],
    time: str,
    *,
    way: str,
) -> Download:
    builder = _begun(driver, time)
    statements: list[Statement] = []
    for one, tests in work:
        builder.add("P", _person(patient_of(store, tests[0].patient_id), driver, defects))
        for action in ("N", "A", "C"):
            some = [test for test in tests if test.action == action]
            if some:
                builder.add("O", _order(one, some, driver, defects))
        statements += [_remembered(test, driver, way, time) for test in tests]
    return Download(payload=builder.add("L", {3: "F"}).build(), statements=statements)


def _person(patient: Row, driver: Driver, defects: set[str]) -> dict[int, Any]:
    name: Any = patient["name"] or ""
    try:
        data = str(name).encode(driver.encoding)
    except UnicodeEncodeError:
        name, data = "", b""  # an analyzer that cannot show it does without
    if "lis-cuts-name-in-download" in defects:
        name = Raw(data[:3].decode(driver.encoding, "replace").replace("\ufffd", "?"))
    if "lis-escapes-bytes" in defects:
        spoiled = data.replace(b"^", b"&S&").replace(b"|", b"&F&").replace(b"\\", b"&R&")
        name = Raw(spoiled.decode(driver.encoding, "replace").replace("\ufffd", "?"))
    places = {8: "birth", 9: "sex", 26: "ward"}
    texts: dict[int, Any] = {at: patient[column] or "" for at, column in places.items()}
    return texts | {3: patient["patient_id"], 6: name}


def _order(one: Asked, tests: Sequence[Todo], driver: Driver, defects: set[str]) -> dict[int, Any]:
    channels = Repeats(tuple(Components.of("", "", "", test.channel) for test in tests))
    order: dict[int, Any] = {
        3: one.barcode,
        5: channels,
        6: "S" if any(test.priority == "S" for test in tests) else tests[0].priority,
        12: tests[0].action,
        26: "O" if tests[0].action == "C" else "Q",
    }
    if driver.echo == "O.4" and one.rack and "lis-forgets-rack" not in defects:
        order[4] = Raw(one.rack)
    return order


def _remembered(test: Todo, driver: Driver, way: str, time: str) -> Statement:
    if test.action == "C":
        sql = (
            "UPDATE worklist SET state = 'cancelled' WHERE barcode = ? AND item = ?"
            " AND instrument = ?"
        )
        return sql, (test.barcode, test.item, driver.sender)
    row = {name: getattr(test, name) for name in ("barcode", "item", "channel", "placer", "action")}
    row |= {"instrument": driver.sender, "way": way, "state": "sent", "sent_at": time}
    return insert("worklist", row)
