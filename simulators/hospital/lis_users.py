"""What laboratory staff do at the LIS: configure, review, ask for a re-run, choose a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import InputError
from simulators.hospital import (
    critical,
    critical_rules,
    lis_driver,
    lis_framed,
    lis_framed_drivers,
    lis_results,
)
from simulators.hospital.outbox import Outbox, Statement
from simulators.store import Store, insert

Args = Mapping[str, Any]


@dataclass(slots=True)
class Users:
    """The staff, by command name."""

    store: Store
    outbox: Outbox
    defects: set[str]
    stamp: Callable[[], str]

    def order(self, name: str, args: Args) -> list[Statement] | None:
        """The statements of a command; None if there is no such command.

        Raises:
            InputError: it cannot be done.
            KeyError: an argument is missing.
        """
        commands: dict[str, Callable[[Args], list[Statement]]] = {
            "configure_analyzer": lis_driver.configure,
            "configure_port": lambda given: lis_framed_drivers.configure(lis_framed.LINK, given),
            "critical_rules": critical_rules.configure,
            "review": self._review,
            "rerun": self._rerun,
            "choose": self._choose,
            "correct": self._correct,
        }
        command = commands.get(name)
        return None if command is None else command(args)

    def _review(self, args: Args) -> list[Statement]:
        """Audit (审核): the newest version of an item, or of every item, is signed."""
        sql = (
            "UPDATE results SET reviewed_by = ? WHERE barcode = ? AND version = (SELECT"
            " MAX(r.version) FROM results AS r WHERE r.barcode = results.barcode"
            " AND r.item = results.item)"
        )
        values = [args["by"], args["barcode"]]
        if args.get("item"):
            sql, values = f"{sql} AND item = ?", [*values, args["item"]]
        return [(sql, values)]

    def _rerun(self, args: Args) -> list[Statement]:
        """Order a re-run (复查): the item is to do again, for queries and for pushes."""
        key = (args["barcode"], args["item"])
        where = "barcode = ? AND item = ? AND state <> 'cancelled'"
        if not self.store.rows(f"SELECT 1 AS n FROM orders WHERE {where}", key):
            raise InputError(f"no order {key[0]} {key[1]}")
        return [
            (f"UPDATE orders SET state = 'rerun' WHERE {where}", key),
            (f"UPDATE worklist SET state = 'again' WHERE {where}", key),
        ]

    def _choose(self, args: Args) -> list[Statement]:
        """The newest result that was kept aside becomes the one that stands."""
        rows = self.store.rows(
            "SELECT * FROM reruns WHERE barcode = ? AND item = ? AND reason NOT LIKE 'aspect%'"
            " ORDER BY id DESC LIMIT 1",
            (args["barcode"], args["item"]),
        )
        if not rows:
            raise InputError(f"nothing to choose for {args['barcode']} {args['item']}")
        chosen = {name: value for name, value in rows[0].items() if name not in {"id", "reason"}}
        sql = "UPDATE reruns SET reason = 'chosen' WHERE id = ?"
        return [(sql, (rows[0]["id"],)), *self._next_version(chosen, args)]

    def _correct(self, args: Args) -> list[Statement]:
        """A person corrects a value (更正): a new version with status C, and the HIS is told."""
        rows = self._newest(args)
        if not rows:
            raise InputError(f"no result {args['barcode']} {args['item']}")
        row = {name: value for name, value in rows[0].items() if name not in {"id", "version"}}
        return self._next_version(row | {"value": str(args["value"]), "status": "C"}, args)

    def _newest(self, args: Args) -> list[dict[str, Any]]:
        return self.store.rows(
            "SELECT * FROM results WHERE barcode = ? AND item = ? ORDER BY version DESC LIMIT 1",
            (args["barcode"], args["item"]),
        )

    def _next_version(self, row: dict[str, Any], args: Args) -> list[Statement]:
        last = self._newest(args)
        orders = self.store.rows(
            "SELECT placer, barcode, patient_id FROM orders"
            " WHERE barcode = ? AND state <> 'cancelled' LIMIT 1",
            (args["barcode"],),
        )
        if not orders:
            raise InputError(f"no order {args['barcode']}")
        version = last[0]["version"] + 1 if last else 1
        if last and last[0]["reviewed_by"]:
            row |= {"status": "C"}
        row |= {"version": version, "reviewed_by": str(args["by"])}
        time = self.stamp()
        passed = lis_results.pass_on(self.store, self.outbox, orders[0], [row], self.defects, time)
        return [
            insert("results", row),
            passed,
            *critical.judged(self.store, row, self.defects, time),
        ]
