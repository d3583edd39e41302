"""A centre that is killed while many windows settle: no answer was given that is not in the books.

The process is the command that a person starts, the ledger is durable, the kill is the system's.
PostgreSQL is asked over the same wire.
"""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.clock import RealClock
from simulators.centre import simulate
from simulators.centre.ledger import SCHEMA
from simulators.centre.provinces import load_province
from simulators.store import SqliteStore, Store, open_store
from tests.simulators.centre.hospital import CHINA, SEED, csb, members, patient
from tests.simulators.centre.test_ledger import check_books
from tests.simulators.postgres_cluster import cluster

pytestmark = pytest.mark.slow

WINDOWS = 6


@contextmanager
def centre(ledger: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and where it listens."""
    argv = [sys.executable, "-m", "harness.cli", "simulate", "centre", "--port", "0"]
    with subprocess.Popen(
        [*argv, "--ledger", ledger, "--seed", str(SEED)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            ready = process.stdout.readline().split()
            assert ready[:2] == ["ready", simulate.LINK]
            yield process, ready[2]
        finally:
            process.kill()


@dataclass
class Hospital:
    """Windows that settle visit after visit until the centre is gone.

    Args:
        url: of the centre.
        stop_at: kill it when so many answers of this transaction have come.
        kill: how.
    """

    url: str
    stop_at: tuple[str, int]
    kill: Any
    sent: set[str] = field(default_factory=set)
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _heard: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        threads = [threading.Thread(target=self._window, args=(nth,)) for nth in range(WINDOWS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(60)

    def _window(self, nth: int) -> None:
        where = urlsplit(self.url)
        line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
        try:
            for _ in range(200):
                self._visit(line, where.path, nth)
        except (OSError, http.client.HTTPException):
            return  # the centre is gone
        finally:
            line.close()
        self.problems.append("the centre was never killed")

    def _ask(self, line: http.client.HTTPConnection, path: str, infno: str, nodes: Any) -> Any:
        at = datetime.now(CHINA)
        with self._lock:
            number = next(self._numbers)
        envelope = members(infno, nodes, number, at)
        if infno == "2207":
            self.sent.add(envelope["msgid"])
        line.request("POST", path, json.dumps(envelope).encode(), csb(infno, at))
        body = json.loads(line.getresponse().read())
        if body["infcode"] != 0:
            self.problems.append(f"{infno}: {body['err_msg']}")
            raise http.client.HTTPException
        if infno == "2207":
            self.answered[envelope["msgid"]] = body["output"]["setlinfo"]
        with self._lock:
            self._heard += infno == self.stop_at[0]
            if self._heard >= self.stop_at[1]:
                self.kill()
        return body["output"]

    def _visit(self, line: http.client.HTTPConnection, path: str, nth: int) -> None:
        who, now = patient(), f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"
        card = {"mdtrt_cert_type": "02", "mdtrt_cert_no": who["certno"]}
        ident = {"psn_cert_type": "01", "certno": who["certno"], "psn_name": who["psn_name"]}
        found = self._ask(line, path, "1101", {"data": card | ident})
        keys = {"psn_no": found["baseinfo"]["psn_no"]}
        dept = {"dept_code": "A01", "dept_name": "内科", "caty": "A03.01", "psn_type": "11"}
        first = {"insutype": "310", "begntime": now, "ipt_otp_no": f"OP{nth}"}
        made = self._ask(line, path, "2201", {"data": card | ident | keys | dept | first})
        keys["mdtrt_id"] = made["data"]["mdtrt_id"]
        row = keys | {
            "feedetl_sn": "1", "chrg_bchno": "B1", "rx_circ_flag": "0", "fee_ocur_time": now,
            "med_list_codg": "MHD0000000001", "medins_list_codg": "Y1", "hosp_appr_flag": "0",
            "det_item_fee_sumamt": "100.00", "cnt": 20, "pric": 5, "bilg_dept_codg": "A01",
            "bilg_dept_name": "内科", "bilg_dr_codg": "D1", "bilg_dr_name": "医生甲",
        }  # fmt: skip
        parts = self._ask(line, path, "2204", {"feedetail": [row]})["result"][0]
        data = card | ident | keys | {
            "med_type": "11", "medfee_sumamt": "100.00", "psn_setlway": "01", "chrg_bchno": "B1",
            "insutype": "310", "acct_used_flag": "1", "overlmt_selfpay": 0, "psn_type": "11",
            **{name: parts[name] for name in ("fulamt_ownpay_amt", "preselfpay_amt", "inscp_scp_amt")},
        }  # fmt: skip
        self._ask(line, path, "2206", {"data": data})
        self._ask(line, path, "2207", {"data": data})


def accounts(ledger: str) -> dict[str, int]:
    """A new ledger, and what is on its accounts."""
    _, store = simulate.make(load_province("hunan"), ledger, RealClock(), seed=SEED)
    found = {row["psn_no"]: row["balc"] for row in store.rows("SELECT * FROM accounts")}
    store.close()
    return found


def judge(store: Store, opening: dict[str, int], hospital: Hospital) -> int:
    """The books agree with themselves and with every answer; how many were never answered."""
    check_books(store, opening)  # type: ignore[arg-type] # reads only
    rows = {row["medins_setl_id"]: row for row in store.rows("SELECT * FROM settlements")}
    assert set(hospital.answered) <= set(rows), "an answer left before its settlement was safe"
    assert set(rows) <= hospital.sent, "a settlement that nobody asked for"
    for msgid, said in hospital.answered.items():
        assert rows[msgid]["setl_id"] == said["setl_id"]
        for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"):
            assert rows[msgid][name] == round(float(said[name]) * 100)
    return len(set(rows) - set(hospital.answered))


@pytest.mark.parametrize(
    "at", [("1101", 3), ("2201", 2), ("2204", 5), ("2206", 9), ("2207", 1), ("2207", 30)]
)
def test_killed_at_a_step_it_loses_no_answered_settlement(
    tmp_path: Path, at: tuple[str, int]
) -> None:
    ledger = tmp_path / "centre.sqlite"
    opening = accounts(str(ledger))
    with centre(str(ledger)) as (process, url):
        hospital = Hospital(url, at, process.kill)
        hospital.run()
    assert hospital.problems == []
    assert len(hospital.answered) >= at[1] * (at[0] == "2207")
    again = SqliteStore(ledger, SCHEMA)
    judge(again, opening, hospital)
    again.close()

    with centre(str(ledger)) as (process, url):  # and it goes on with the same books
        after = Hospital(url, ("2207", 1), process.kill)
        after.run()
    assert after.problems == []
    assert len(after.answered) >= 1


@pytest.mark.peer
def test_a_ledger_in_postgresql_survives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with cluster() as url:
        opening = accounts(url)
        with centre(url) as (process, where):
            hospital = Hospital(where, ("2207", 12), process.kill)
            hospital.run()
        assert hospital.problems == []
        again = open_store(url, SCHEMA)
        judge(again, opening, hospital)
        again.close()
