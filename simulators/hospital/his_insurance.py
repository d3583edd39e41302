"""What the cashier does around a settlement: trace codes, settlement lists, credentials, orders.

Each part is a set of flows over the same messages as the settlement itself. ``Around`` knows which
order begins which flow, and what must follow a refund or a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.errors import InputError
from simulators.hospital import cashier_books as books
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import Bill, Flow, Line, Save, Statement
from simulators.hospital.his_credential import Credentials
from simulators.hospital.his_list import Lists
from simulators.hospital.his_mobile import Mobile
from simulators.hospital.his_trace import Tracing
from simulators.store import upsert

TABLES: Final = ("yb_trace", "yb_list", "yb_ownpay", "yb_credential", "yb_face", "yb_order")
"""Of this room; the cashier's reset empties them too."""


@dataclass(slots=True)
class Around:
    """The flows around a settlement.

    Args:
        flows: of the cashier.
    """

    flows: Flows
    tracing: Tracing = field(init=False)
    lists: Lists = field(init=False)
    credentials: Credentials = field(init=False)
    mobile: Mobile = field(init=False)

    def __post_init__(self) -> None:
        self.tracing = Tracing(self.flows)
        self.lists = Lists(self.flows)
        self.credentials = Credentials(self.flows)
        self.mobile = Mobile(self.flows)

    def begun(self, name: str, args: Mapping[str, str]) -> tuple[str, Flow]:
        """The flow that an order begins, under the key that keeps a second one out.

        Raises:
            InputError: no such order, or no such bill.
            KeyError: an argument is missing.
        """
        if name == "list-check":
            return "lists", self.lists.check()
        if name == "map":
            return "map", self._mapped(args["item"], args["code"])
        bill = books.read_bill(self.flows.store, args["bill_no"])
        if bill is None:
            raise InputError(f"no bill {args['bill_no']}")
        match name:
            case "dispense":
                return f"goods {bill.bill_no}", self.tracing.dispense(bill, args["boxes"])
            case "return":
                return f"goods {bill.bill_no}", self.tracing.give_back(bill, [])
            case "list":
                blank = frozenset(args.get("blank", "").split(","))
                flow = self.lists.send(bill, args["bill_code"], blank)
                return f"list {bill.bill_no}", flow
            case "ownpay":
                return f"own {bill.bill_no}", self.lists.own(bill)
            case "mobile-pay":
                return bill.bill_no, self.mobile.pay(bill)
            case "mobile-refund":
                kept = {int(one) for one in args.get("keep", "").split(",") if one}
                keep = [line for line in bill.lines if line.line in kept]
                return bill.bill_no, self.mobile.refund(bill, keep)
            case "scan":
                return bill.bill_no, self.credentials.scan(bill, args["shown"])
            case "token-settle":
                return bill.bill_no, self.credentials.settle(bill, args["channel"])
            case "face-settle":
                flow = self.credentials.settle_by_face(bill, args["picture"], args["channel"])
                return bill.bill_no, flow
        raise InputError(f"the cashier knows no command {name}")

    def _mapped(self, item: str, code: str) -> Flow:
        """What the 对码 table says from now on; bills that exist keep their codes."""
        today = self.flows.now()[:10]
        statements: list[Statement] = [
            ("DELETE FROM yb_map WHERE item = ? AND until >= ?", (item, today)),
            upsert(
                "yb_map",
                ("item", "med_code"),
                {"item": item, "med_code": code, "begin": today, "until": "2099-12-31"},
            ),
        ]
        yield Save(statements=statements)

    def taken_back(self, bill: Bill, keep: list[Line]) -> Flow:
        """A refund, and what has to follow it: boxes that come back can be sold again."""
        batch, setl_id = bill.batch, bill.setl_id
        yield from self.flows.take_back(bill, keep)
        if bill.state == "refunded" or bill.batch != batch:
            yield from self.tracing.give_back(bill, keep)
            yield from self.lists.voided(bill, setl_id)

    def left(self) -> Iterator[tuple[str, Flow]]:
        """What was under way when the HIS died, by key."""
        for bill_no in self.tracing.left():
            bill = books.read_bill(self.flows.store, bill_no)
            if bill is not None:
                yield f"goods {bill_no}", self.tracing.go_on(bill)
        for bill_no in self.mobile.left():
            bill = books.read_bill(self.flows.store, bill_no)
            if bill is not None:
                yield bill_no, self.mobile.go_on(bill)


def emptied() -> list[Statement]:
    """Statements for new books; the 对码 table is that of the first day again."""
    gone: list[Statement] = [(f"DELETE FROM {table}", ()) for table in (*TABLES, "yb_map")]
    return [*gone, *books.mapping_rows()]
