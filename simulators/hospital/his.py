"""The built-in HIS: admissions and orders out, results in, critical values to a doctor.

What its users would do at the screen is told to it by command: register, admit, order, cancel,
transfer, acknowledge an alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.clock import Clock
from harness.errors import HarnessError, InputError
from harness.link import actor as act
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import MllpCore
from simulators.hospital import adt, critical_his, his_values, inbox_flaws_more, messages
from simulators.hospital.inbox import Inbox, Refusal, Statement
from simulators.hospital.outbox import Outbox, Timing
from simulators.store import Store, insert, upsert

OUT, IN = "his-lis", "lis-his"
"""Links: we connect to the LIS, the LIS connects to us."""

CRITICAL = frozenset({"HH", "LL"})
"""Abnormal flags that a doctor must be told of at once (HL7 table 0078)."""

_VALUE_TYPES = frozenset({"NM", "ST", "TX", "FT", "CE"})
_FOLDED = str.maketrans({"µ": "u", "μ": "u", "℃": "C", "×": "x", "⁹": "9", "²": "2"})
"""What two defects know: types of values, and letters in the place of signs."""

LARGE_BYTES, SLOW_S = 128 * 1024, 60.0
"""What one defect knows: the size above which a message takes so long."""

Args = Mapping[str, str]
Row = dict[str, Any]


@dataclass(slots=True)
class His:
    """The actor of the HIS."""

    store: Store
    clock: Clock
    defects: set[str] = field(default_factory=set)
    timing: Timing = field(default_factory=Timing)
    role: str = "HIS"
    outbox: Outbox = field(init=False)
    inbox: Inbox = field(init=False)
    _slow: list[tuple[str, Message]] = field(default_factory=list)
    _orders: dict[str, Callable[[Args], list[Statement]]] = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(OUT, self.store, self.timing, self.defects, "his")
        self.inbox = Inbox("HIS", self.store, self.defects, "his")
        self._orders = {
            "register": lambda args: self._person("ADT^A04", args),
            "admit": lambda args: self._person("ADT^A01", args),
            "update": lambda args: self._person("ADT^A08", args),
            "transfer": lambda args: self._person("ADT^A02", args),
            "discharge": lambda args: self._person("ADT^A03", args),
            "merge": self._merge,
            "order": lambda args: self._order("NW", args),
            "cancel": lambda args: self._order("CA", args),
            "acknowledge": lambda args: critical_his.received(
                self.store, self.outbox, args, self._stamp()
            ),
            "handle": lambda args: critical_his.handled(
                self.store, self.outbox, args, self._stamp()
            ),
            "abandon": lambda _: [self.outbox.abandon()],
        }

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP both ways."""
        return inbox_flaws_more.results_core(self.defects) if link == IN else MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The whole behaviour."""
        match event:
            case act.Started():
                return [self.outbox.soon(now)]
            case act.Received(link=link, event=Message() as message) if link == IN:
                return self._received(event.conn, message, now)
            case act.TimerFired(name="slow"):
                return self.inbox.take(*self._slow.pop(0), self._apply, self._stamp())
            case act.Commanded():
                return self._commanded(event, now)
        return self.outbox.on_event(event, now)

    def _received(self, conn: str, message: Message, now: float) -> list[act.Command]:
        if "his-slow-on-large" in self.defects and len(message.payload) > LARGE_BYTES:
            self._slow.append((conn, message))
            return [act.SetTimer(name="slow", at=now + SLOW_S)]
        return self.inbox.take(conn, message, self._apply, self._stamp())

    # -- what its users do ---------------------------------------------------------------------

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        if event.name == "pending":
            return [act.Reply(ident=event.ident, value=self.outbox.pending())]
        order = self._orders.get(event.name)
        if order is None:
            return [act.Reply(ident=event.ident, error=f"the HIS knows no command {event.name}")]
        args = {name: str(value) for name, value in event.args.items()}
        try:
            statements = order(args)
        except KeyError as error:
            return [act.Reply(ident=event.ident, error=f"{event.name}: missing {error}")]
        except HarnessError as error:
            return [act.Reply(ident=event.ident, error=f"{event.name}: {error.message}")]
        return [
            act.Commit(statements=statements),
            act.Reply(ident=event.ident),
            self.outbox.soon(now),
        ]

    def _stamp(self) -> str:
        return messages.stamp(self.clock.wall())

    def _control_id(self, *parts: str) -> str:
        """Unique by what it is about and how often: a restart must not use one again."""
        subject = "".join(parts)
        rows = self.store.rows("SELECT COUNT(*) AS n FROM outbox WHERE subject = ?", (subject,))
        return messages.control_id("H", subject, rows[0]["n"] + 1)

    def _person(self, kind: str, args: Args) -> list[Statement]:
        """Change a patient and tell the LIS; an argument ``""`` deletes what was stored."""
        known = self._patient(args["patient_id"])
        unknown = sorted(set(args) - set(known))
        if unknown:
            raise InputError(f"a patient has no {', '.join(unknown)}")
        row = known | dict(args)
        event = kind.split("^")[1]
        subject = f"{args['patient_id']}{event}"
        sent = self._as_sent(row)
        payload = messages.admission(
            kind, sent, control_id=self._control_id(subject), time=self._stamp()
        )
        stored = row | {"state": adt.STATES.get(event, row.get("state", ""))}
        stored = {name: "" if value == '""' else value for name, value in stored.items()}
        return [
            upsert("patients", ["patient_id"], stored),
            self.outbox.put(self._control_id(subject), kind, subject, payload),
        ]

    def _as_sent(self, row: dict[str, Any]) -> dict[str, Any]:
        """The patient as the messages carry it, defects included."""
        sent = dict(row)
        if "his-loses-id-card" in self.defects:
            sent["id_card"] = ""
        if "his-cuts-name" in self.defects:
            sent["name"] = str(row["name"]).encode("gb18030")[:4].decode("gb18030", "ignore")
        if "his-shifts-birth" in self.defects and row["birth"][6:8].isdecimal():
            sent["birth"] = f"{row['birth'][:6]}{(int(row['birth'][6:8]) % 28) + 1:02d}"
        if "his-no-null" in self.defects:
            sent = {name: "" if value == '""' else value for name, value in sent.items()}
        if "his-wrong-sex" in self.defects:
            sent["sex"] = {"M": "1", "F": "2"}.get(row["sex"], row["sex"])
        return sent

    def _patient(self, patient_id: str) -> dict[str, Any]:
        rows = self.store.rows("SELECT * FROM patients WHERE patient_id = ?", (patient_id,))
        names = ("name", "sex", "birth", "id_card", "ward", "bed", "phone", "state")
        return rows[0] if rows else {"patient_id": patient_id} | dict.fromkeys(names, "")

    def _merge(self, args: Args) -> list[Statement]:
        survivor = self._patient(args["patient_id"])
        subject = f"{args['patient_id']}A40"
        control_id = self._control_id(subject)
        payload = messages.merge(
            self._as_sent(survivor), args["retired"], control_id=control_id, time=self._stamp()
        )
        retired = args["retired"]
        moved: list[Statement] = [
            (
                f"UPDATE {table} SET patient_id = ? WHERE patient_id = ?",
                (args["patient_id"], retired),
            )
            for table in ("orders", "results", "alarms")
        ]
        return [
            *moved,
            ("UPDATE patients SET state = 'merged' WHERE patient_id = ?", (retired,)),
            self.outbox.put(control_id, "ADT^A40", subject, payload),
        ]

    def _order(self, control: str, args: Args) -> list[Statement]:
        """Order or cancel the items of one specimen."""
        row = self._as_sent(self._patient(args["patient_id"]))
        items = args["items"].split(",")
        subject = f"{args['placer']}{control}"
        control_id = self._control_id(subject)
        state = "cancelled" if control == "CA" else "ordered"
        order = {
            "placer": args["placer"],
            "barcode": args["barcode"],
            "priority": args.get("priority", "R"),
        }
        statements = [
            upsert(
                "orders",
                ["placer", "item"],
                order | {"patient_id": args["patient_id"], "item": item, "state": state},
            )
            for item in items
        ]
        if "his-sends-first-item-only" in self.defects:
            items = items[:1]
        if "his-cancel-as-new" in self.defects:
            control = "NW"
        if "his-routine-for-all" in self.defects:
            order["priority"] = "R"
        payload = messages.lab_order(
            control, row, order, items, control_id=control_id, time=self._stamp()
        )
        return [*statements, self.outbox.put(control_id, "OML^O21", subject, payload)]

    # -- results -------------------------------------------------------------------------------

    def _apply(self, message: Hl7Message) -> list[Statement]:
        kind = f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}"
        if kind == "ORU^R40":
            return critical_his.alerted(message, self.store)
        if kind != "ORU^R01":
            if "his-accepts-unknown-types" in self.defects:
                return []
            raise Refusal("AR", "200", f"unsupported message {kind}")
        patient_id = adt.identifier(message, "PatientNO")
        barcode = message.get("OBR-3") or ""
        if not patient_id or not barcode or not message.count("OBX"):
            raise Refusal("AE", "101", "a result needs PID-3, OBR-3 and OBX")
        types = set(message.values("OBX-2"))
        if "his-refuses-value-type" in self.defects and types - _VALUE_TYPES:
            raise Refusal("AE", "102", "OBX-2 is not known")
        count = 1 if "his-reads-first-obx-only" in self.defects else message.count("OBX")
        statements: list[Statement] = []
        latest: dict[str, Row] = {}
        for number in range(1, count + 1):
            row = self._row(message, number, barcode, patient_id)
            statements += self._result(row, latest)
        return statements

    def _row(self, message: Hl7Message, number: int, barcode: str, patient_id: str) -> Row:
        path = f"OBX[{number}]-"
        row = {
            "barcode": barcode,
            "patient_id": patient_id,
            "item": message.get(f"{path}3.1") or "",
            "value": message.get(f"{path}5") or "",
            "unit": "" if "his-drops-unit" in self.defects else message.get(f"{path}6") or "",
            "flag": message.get(f"{path}8") or "",
            "status": message.get(f"{path}11") or "",
            "tested_at": message.get(f"{path}14") or "",
        }
        if "his-folds-units" in self.defects:
            row["unit"] = row["unit"].translate(_FOLDED)
        if "his-rounds-values" in self.defects and messages.is_number(row["value"]):
            row["value"] = _rounded(row["value"])
        return row | {"value": his_values.misread(message, path, row["value"], self.defects)}

    def _result(self, row: Row, latest: dict[str, Row]) -> list[Statement]:
        """Store one result as the next version of its item, and tell a doctor if it is critical.

        ``latest`` holds what the same message brought before: it counts as stored already.
        """
        last = latest.get(row["item"]) or self._last(row["barcode"], row["item"])
        late = last is not None and last["status"] in {"F", "C"} and row["status"] == "P"
        if late and "his-downgrades-final" not in self.defects:
            return []
        if row["status"] == "C" and "his-ignores-corrections" in self.defects:
            return []
        version = last["version"] + 1 if last else 1
        latest[row["item"]] = row | {"version": version}
        return [insert("results", row | {"version": version}), *self._alarm(row)]

    def _last(self, barcode: str, item: str) -> Row | None:
        rows = self.store.rows(
            "SELECT status, version FROM results WHERE barcode = ? AND item = ?"
            " ORDER BY version DESC LIMIT 1",
            (barcode, item),
        )
        return rows[0] if rows else None

    def _alarm(self, row: Row) -> list[Statement]:
        """The start of the 危急值 loop: one alarm a result, to the ward where the patient is."""
        if row["flag"] not in CRITICAL:
            return []
        if row["flag"] == "LL" and "his-misses-low-critical" in self.defects:
            return []
        ward = self._patient(row["patient_id"])["ward"]
        alarm = {name: row[name] for name in ("barcode", "patient_id", "item", "value")}
        alarm |= {
            "level": row["flag"],
            "state": "notified",
            "ward": ward,
            "acknowledged_by": "",
        }
        if "his-alarm-closes-itself" in self.defects:
            alarm["state"] = "acknowledged"
        return [insert("alarms", alarm)]


def _rounded(number: str) -> str:
    """The defect: a number as a spreadsheet shows it, without the zeros that it ends in."""
    return number.rstrip("0").rstrip(".") if "." in number else number
