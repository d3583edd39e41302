"""A hospital's side in tests: sends calls to the handlers over a real store, commits what they say."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from simulators.centre import world
from simulators.centre.ledger import SCHEMA
from simulators.centre.rules import Policy
from simulators.centre.transaction import Answer, Call, Handled
from simulators.centre.transactions import handlers
from simulators.store import SqliteStore

SEED = 11
START = datetime(2026, 3, 2, 9, 0, 0)  # noqa: DTZ001 - the centre's own clock

PEOPLE_TABLES = [
    "persons",
    "insurances",
    "accounts",
    "identities",
    "chronic",
    "cumulations",
    "hospitals",
    "catalogue",
    "diseases",
    "mappings",
    "visits",
    "diagnoses",
    "fees",
    "settlements",
    "funds",
    "calls",
    "clearings",
    "files",
    "setl_lists",
    "ownpay_visits",
    "ownpay_fees",
    "goods",
    "traces",
    "tokens",
    "pay_orders",
    "recognitions",
]


class Counter:
    """Sends calls in turn, one a second.

    Args:
        folder: where the ledger is.
        policy: of the province.
        broken: identity to break.
    """

    def __init__(
        self, folder: Path, policy: Policy | None = None, *, broken: str = "", **more: Any
    ):
        self.store = SqliteStore(folder / "centre.db", SCHEMA, durable=False)
        if not self.store.rows("SELECT 1 FROM persons"):
            self.store.commit(world.seed_world(SEED, persons=24))
        self.handlers = handlers(policy or Policy(), seed=SEED, broken=broken, **more)
        self.now = START
        self.count = 0
        self.hospital = world.HOSPITAL
        self.last: Call | None = None

    def close(self) -> None:
        self.store.close()

    def handle(self, infno: str, msgid: str = "", **input_: Any) -> Handled:
        """Handle without committing."""
        self.count += 1
        self.now += timedelta(seconds=1)
        self.last = Call(
            infno=infno,
            msgid=msgid or f"{self.hospital}{self.now:%Y%m%d%H%M%S}{self.count:04d}",
            fixmedins_code=self.hospital,
            opter="op1",
            input=input_,
            at=self.now,
        )
        return self.handlers[infno](self.last, self.store)

    def call(self, infno: str, msgid: str = "", **input_: Any) -> Answer:
        handled = self.handle(infno, msgid, **input_)
        if handled.answer.infcode != 0:
            assert not handled.statements
        self.store.commit(handled.statements)
        return handled.answer

    def ok(self, infno: str, msgid: str = "", **input_: Any) -> Any:
        answer = self.call(infno, msgid, **input_)
        assert answer.infcode == 0, answer.err_msg
        assert answer.modelled
        return answer.output

    def no(self, infno: str, msgid: str = "", **input_: Any) -> str:
        """A refusal: its words; the books are as they were."""
        before = self.books()
        answer = self.call(infno, msgid, **input_)
        assert answer.infcode == -1
        assert answer.err_msg
        assert self.books() == before
        return answer.err_msg

    def books(self, *tables: str) -> dict[str, list[dict[str, Any]]]:
        return {
            table: sorted(self.store.rows(f"SELECT * FROM {table}"), key=repr)
            for table in tables or PEOPLE_TABLES
        }

    # -- flows ---------------------------------------------------------------------------------

    def register(self, kind: str = "employee", nth: int = 0, med_type: str = "11") -> Visit:
        who = world.person(SEED, kind, nth)
        insutype = world.KINDS[kind].insutype
        output = self.ok(
            "2201",
            data={
                "psn_no": who.patient_id,
                "insutype": insutype,
                "begntime": f"{self.now:%Y-%m-%d %H:%M:%S}",
                "mdtrt_cert_type": "02",
                "mdtrt_cert_no": who.id_card,
                "ipt_otp_no": f"O{self.count}",
            },
        )
        visit = Visit(self, who.patient_id, output["data"]["mdtrt_id"], insutype, med_type)
        self.ok(
            "2203",
            mdtrtinfo=visit.keys() | {"med_type": med_type, "dise_codg": "", "dise_name": ""},
            diseinfo=[
                {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J06.900", "vali_flag": "1"}
            ],
        )
        return visit

    def admit(self, kind: str = "employee", nth: int = 0, med_type: str = "21") -> Visit:
        who = world.person(SEED, kind, nth)
        insutype = world.KINDS[kind].insutype
        output = self.ok("2401", **admission(who.patient_id, insutype, f"I{self.count}", med_type))
        return Visit(
            self, who.patient_id, output["result"]["mdtrt_id"], insutype, med_type, inpatient=True
        )


def admission(psn_no: str, insutype: str, number: str, med_type: str = "21") -> dict[str, Any]:
    return {
        "mdtrtinfo": {
            "psn_no": psn_no,
            "insutype": insutype,
            "begntime": "2026-03-01 08:00:00",
            "mdtrt_cert_type": "02",
            "med_type": med_type,
            "ipt_no": number,
            "adm_dept_codg": "A03",
            "adm_dept_name": "内科",
            "adm_bed": "12",
        },
        "diseinfo": [
            {"diag_type": "1", "maindiag_flag": "1", "diag_srt_no": 1, "diag_code": "J18.900"}
        ],
    }


class Visit:
    """One visit and its rows."""

    def __init__(
        self,
        counter: Counter,
        psn_no: str,
        mdtrt_id: str,
        insutype: str,
        med_type: str,
        *,
        inpatient: bool = False,
    ) -> None:
        self.counter, self.psn_no, self.mdtrt_id = counter, psn_no, mdtrt_id
        self.insutype, self.med_type, self.inpatient = insutype, med_type, inpatient
        self.serial = 0
        self.total = Decimal("0.00")

    def keys(self) -> dict[str, Any]:
        return {"psn_no": self.psn_no, "mdtrt_id": self.mdtrt_id}

    def row(
        self, code: str, price: str, count: str = "1", *, batch: str = "B1", **more: Any
    ) -> dict[str, Any]:
        self.serial += 1
        amount = (Decimal(price) * Decimal(count)).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        return {
            "feedetl_sn": str(self.serial),
            **self.keys(),
            "chrg_bchno": batch,
            "fee_ocur_time": "2026-03-02 09:00:00",
            "med_list_codg": code,
            "medins_list_codg": f"L{code}",
            "det_item_fee_sumamt": amount,
            "cnt": Decimal(count),
            "pric": Decimal(price),
            "hosp_appr_flag": "0",
        } | more

    def upload(self, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        output = self.counter.ok("2301" if self.inpatient else "2204", feedetail=list(rows))
        self.total += sum(Decimal(str(row["det_item_fee_sumamt"])) for row in rows)
        return output["result"]

    def charge(self, *lines: tuple[str, str, str], batch: str = "B1") -> list[dict[str, Any]]:
        return self.upload(
            *(self.row(code, price, count, batch=batch) for code, price, count in lines)
        )

    def asked(self, **more: Any) -> dict[str, Any]:
        data = self.keys() | {
            "insutype": self.insutype,
            "med_type": self.med_type,
            "medfee_sumamt": self.total,
            "acct_used_flag": "1",
            "mid_setl_flag": "0",
        }
        if not self.inpatient:
            data["chrg_bchno"] = "B1"
        return data | more

    def settle(self, msgid: str = "", **more: Any) -> dict[str, Any]:
        return self.counter.ok("2304" if self.inpatient else "2207", msgid, data=self.asked(**more))

    def discharge(self) -> None:
        self.counter.ok(
            "2402",
            dscginfo=self.keys()
            | {"insutype": self.insutype, "endtime": "2026-03-05 10:00:00", "dscg_way": "1"},
            diseinfo=[
                {"diag_type": "1", "maindiag_flag": "1", "diag_srt_no": 1, "diag_code": "J18.900"}
            ],
        )

    def undo(self, setl_id: str, msgid: str = "") -> dict[str, Any]:
        return self.counter.ok(
            "2305" if self.inpatient else "2208", msgid, data=self.keys() | {"setl_id": setl_id}
        )
