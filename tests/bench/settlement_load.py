"""A hospital that settles as fast as it is answered: the sender of the settlement figures.

``python settlement_load.py KIND PORT PATH CLIENTS SECONDS`` with KIND ``flow`` (2204, 2206, 2207 of
visits that were registered before the clock starts) or ``echo`` (one request again and again), and
prints one JSON object.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from core import keep_to

from simulators.centre import world

CHINA: Final = timezone(timedelta(hours=8))
HOST: Final = "127.0.0.1"
SEED: Final = 5
VISITS_MAX: Final = 20_000


def headers(infno: str, at: datetime) -> bytes:
    """Signed as a CSB gateway asks for: HMAC-SHA1 over four headers."""
    signed = {
        "_api_access_key": "medharness-ak",
        "_api_name": infno,
        "_api_timestamp": str(int(at.timestamp() * 1000)),
        "_api_version": "1.0.0",
    }
    text = "&".join(f"{key}={signed[key]}" for key in sorted(signed))
    made = hmac.new(b"medharness-sk", text.encode(), hashlib.sha1).digest()
    signed["_api_signature"] = base64.b64encode(made).decode()
    return "".join(f"{key}: {value}\r\n" for key, value in signed.items()).encode()


class Window:
    """One window of the hospital: one connection, one request at a time."""

    def __init__(self, number: int, path: str) -> None:
        self.number = number
        self.path = path
        self.sent = 0

    async def open(self, port: int) -> None:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection(HOST, port)

    async def post(self, infno: str, nodes: Any) -> Any:
        """One signed request, one answer."""
        self.sent += 1
        at = datetime.now(CHINA)
        body = json.dumps(
            {
                "infno": infno,
                "msgid": f"{world.HOSPITAL}{at:%Y%m%d%H%M%S}{self.number:02d}{self.sent % 100:02d}",
                "mdtrtarea_admvs": "430100", "insuplc_admdvs": "430100",
                "recer_sys_code": "MBS_LOCAL", "dev_no": "", "dev_safe_info": "", "cainfo": "",
                "signtype": "", "infver": "V1.0", "opter_type": "1", "opter": "0001",
                "opter_name": "收费员甲", "inf_time": f"{at:%Y-%m-%d %H:%M:%S}",
                "fixmedins_code": world.HOSPITAL, "fixmedins_name": "示例市第一医院",
                "sign_no": "", "input": nodes,
            },
            ensure_ascii=False,
        ).encode()  # fmt: skip
        self.writer.write(
            b"POST %b HTTP/1.1\r\nHost: centre\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n%b\r\n%b"
            % (self.path.encode(), len(body), headers(infno, at), body)
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        answer = json.loads(await self.reader.readexactly(size))
        if not head.startswith(b"HTTP/1.1 200") or answer.get("infcode") not in {0, "0"}:
            raise SystemExit(f"{infno} was refused: {head!r} {answer}")
        return answer["output"]


async def register(window: Window) -> AsyncIterator[dict[str, Any]]:
    """Visits with their diagnosis, as the window's own requests."""
    number = 0
    while True:
        number += 1
        who = world.person(SEED, "employee", number % 8)
        now = f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"
        card = {"mdtrt_cert_type": "02", "mdtrt_cert_no": who.id_card}
        ident = {"psn_cert_type": "01", "certno": who.id_card}
        found = await window.post("1101", {"data": card | ident | {"psn_name": who.name}})
        psn_no = found["baseinfo"]["psn_no"]
        card["psn_no"] = psn_no
        dept = {"dept_code": "A01", "dept_name": "内科", "caty": "A03.01", "psn_type": "11"}
        first = {"insutype": "310", "begntime": now, "ipt_otp_no": f"OP{window.number}-{number}",
                 "psn_name": who.name}  # fmt: skip
        made = await window.post("2201", {"data": card | ident | dept | first})
        keys = {"mdtrt_id": made["data"]["mdtrt_id"], "psn_no": psn_no}
        diagnosis = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J06.900", "vali_flag": "1",
                     "diag_name": "急性上呼吸道感染", "diag_dept": "A01", "dise_dor_no": "D1",
                     "dise_dor_name": "医生甲", "diag_time": now}  # fmt: skip
        info = keys | {"med_type": "11", "begntime": now, "dise_codg": "J06.900",
                       "dise_name": "急性上呼吸道感染"}  # fmt: skip
        await window.post("2203", {"mdtrtinfo": info, "diseinfo": [diagnosis]})
        yield card | ident | keys | {"psn_type": "11", "psn_name": who.name}


async def settle(window: Window, visit: dict[str, Any]) -> None:
    """Fee lines, trial, settlement."""
    now = f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"
    keys = {name: visit[name] for name in ("mdtrt_id", "psn_no")}
    row = keys | {
        "feedetl_sn": "1", "chrg_bchno": "B1", "rx_circ_flag": "0", "fee_ocur_time": now,
        "med_list_codg": "MHD0000000001", "medins_list_codg": "Y1", "hosp_appr_flag": "0",
        "det_item_fee_sumamt": "10.00", "cnt": 20, "pric": "0.5", "bilg_dept_codg": "A01",
        "bilg_dept_name": "内科", "bilg_dr_codg": "D1", "bilg_dr_name": "医生甲",
    }  # fmt: skip
    parts = (await window.post("2204", {"feedetail": [row]}))["result"][0]
    data = visit | {"med_type": "11", "medfee_sumamt": "10.00", "psn_setlway": "01",
                    "chrg_bchno": "B1", "insutype": "310", "acct_used_flag": "1"}  # fmt: skip
    for name in ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt"):
        data[name] = parts.get(name, 0)
    await window.post("2206", {"data": data})
    await window.post("2207", {"data": data})


async def flow(port: int, path: str, clients: int, seconds: float) -> dict[str, float]:
    """Registered visits are settled by all windows until the time is over or none is left."""
    windows = [Window(number, path) for number in range(clients)]
    await asyncio.gather(*(one.open(port) for one in windows))
    wanted = min(VISITS_MAX, int(1_200 * seconds)) // clients

    async def prepare(window: Window) -> list[dict[str, Any]]:
        visits = register(window)
        return [await anext(visits) for _ in range(wanted)]

    ready = await asyncio.gather(*(prepare(one) for one in windows))
    done = 0
    begin = time.monotonic()

    async def work(window: Window, visits: list[dict[str, Any]]) -> None:
        nonlocal done
        for visit in visits:
            await settle(window, visit)
            done += 3
            if time.monotonic() - begin >= seconds:
                return

    await asyncio.gather(*(work(*pair) for pair in zip(windows, ready, strict=True)))
    return {"rate": done / (time.monotonic() - begin)}


async def echo(port: int, path: str, clients: int, seconds: float) -> dict[str, float]:
    """The same requests to a server that does nothing with them."""
    windows = [Window(number, path) for number in range(clients)]
    await asyncio.gather(*(one.open(port) for one in windows))
    visit = {"mdtrt_id": "1", "psn_no": "1"}
    begin = time.monotonic()
    done = 0

    async def work(window: Window) -> None:
        nonlocal done
        while time.monotonic() - begin < seconds:
            await settle(window, visit)
            done += 3

    await asyncio.gather(*(work(one) for one in windows))
    return {"rate": done / (time.monotonic() - begin)}


if __name__ == "__main__":
    keep_to(1)
    kind, where, target, count, length = sys.argv[1:6]
    run = flow if kind == "flow" else echo
    print(json.dumps(asyncio.run(run(int(where), target, int(count), float(length)))))
