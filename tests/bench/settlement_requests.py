"""Requests of a hospital as bytes, signed and ready before a clock starts.

Signed as a CSB gateway asks for: HMAC-SHA1 over four headers. Nothing here imports what it asks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

CHINA: Final = timezone(timedelta(hours=8))
HOSPITAL: Final = "H43010019001"
KEYS: Final = (b"medharness-ak", b"medharness-sk")
PARTS: Final = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")
AREA: Final = "430100"


def headers(infno: str, stamp_ms: int) -> bytes:
    """The five headers of the gateway."""
    signed = {
        "_api_access_key": KEYS[0].decode(),
        "_api_name": infno,
        "_api_timestamp": str(stamp_ms),
        "_api_version": "1.0.0",
    }
    text = "&".join(f"{key}={signed[key]}" for key in sorted(signed))
    signed["_api_signature"] = base64.b64encode(
        hmac.digest(KEYS[1], text.encode(), hashlib.sha1)
    ).decode()
    return "".join(f"{key}: {value}\r\n" for key, value in signed.items()).encode()


@dataclass(slots=True)
class Writer:
    """Makes requests; each has a msgid and a time stamp of its own.

    Args:
        path: of the gateway.
        begin: time of the first request; one in a millisecond, so that no two proofs are the same.
    """

    path: str
    begin: datetime = field(default_factory=lambda: datetime.now(CHINA))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def request(self, infno: str, nodes: Mapping[str, Any]) -> bytes:
        """One request, whole."""
        number = next(self._numbers)
        at = self.begin + timedelta(milliseconds=number % 600_000)
        body = json.dumps(
            {
                "infno": infno,
                "msgid": f"{HOSPITAL}{at:%Y%m%d}{number:010d}",
                "mdtrtarea_admvs": AREA, "insuplc_admdvs": AREA,
                "recer_sys_code": "MBS_LOCAL", "dev_no": "", "dev_safe_info": "", "cainfo": "",
                "signtype": "", "infver": "V1.0", "opter_type": "1", "opter": "0001",
                "opter_name": "收费员甲", "inf_time": f"{at:%Y-%m-%d %H:%M:%S}",
                "fixmedins_code": HOSPITAL, "fixmedins_name": "示例市第一医院",
                "sign_no": "", "input": nodes,
            },
            ensure_ascii=False,
        ).encode()  # fmt: skip
        return (
            b"POST %b HTTP/1.1\r\nHost: centre\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n%b\r\n%b"
            % (
                self.path.encode(),
                len(body),
                headers(infno, int(at.timestamp() * 1000)),
                body,
            )
        )

    def now(self) -> str:
        """The time as fields have it."""
        return f"{self.begin:%Y-%m-%d %H:%M:%S}"

    # -- before the clock starts ---------------------------------------------------------------

    def person(self, who: Mapping[str, str]) -> bytes:
        """1101."""
        return self.request(
            "1101", {"data": _card(who) | _ident(who) | {"psn_name": who["psn_name"]}}
        )

    def registration(self, who: Mapping[str, str], number: int) -> bytes:
        """2201."""
        dept = {"dept_code": "A01", "dept_name": "内科", "caty": "A03.01", "psn_type": "11"}
        first = {"insutype": "310", "begntime": self.now(), "ipt_otp_no": f"OP{number}",
                 "psn_name": who["psn_name"], "psn_no": who["psn_no"]}  # fmt: skip
        return self.request("2201", {"data": _card(who) | _ident(who) | dept | first})

    def diagnosis(self, who: Mapping[str, str], mdtrt_id: str) -> bytes:
        """2203."""
        one = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J06.900", "vali_flag": "1",
               "diag_name": "急性上呼吸道感染", "diag_dept": "A01", "dise_dor_no": "D1",
               "dise_dor_name": "医生甲", "diag_time": self.now()}  # fmt: skip
        info = {"mdtrt_id": mdtrt_id, "psn_no": who["psn_no"], "med_type": "11",
                "begntime": self.now(), "dise_codg": "J06.900",
                "dise_name": "急性上呼吸道感染"}  # fmt: skip
        return self.request("2203", {"mdtrtinfo": info, "diseinfo": [one]})

    # -- what is measured ----------------------------------------------------------------------

    def fees(self, who: Mapping[str, str], mdtrt_id: str) -> bytes:
        """2204: one row of ten yuan."""
        row = {
            "mdtrt_id": mdtrt_id, "psn_no": who["psn_no"],
            "feedetl_sn": "1", "chrg_bchno": "B1", "rx_circ_flag": "0",
            "fee_ocur_time": self.now(), "med_list_codg": "MHD0000000001",
            "medins_list_codg": "Y1", "hosp_appr_flag": "0", "det_item_fee_sumamt": "10.00",
            "cnt": 20, "pric": "0.5", "bilg_dept_codg": "A01", "bilg_dept_name": "内科",
            "bilg_dr_codg": "D1", "bilg_dr_name": "医生甲",
        }  # fmt: skip
        return self.request("2204", {"feedetail": [row]})

    def settlement(
        self, infno: str, who: Mapping[str, str], mdtrt_id: str, parts: Mapping[str, Any]
    ) -> bytes:
        """2206 or 2207."""
        data = _card(who) | _ident(who) | {
            "mdtrt_id": mdtrt_id, "psn_no": who["psn_no"], "psn_type": "11",
            "psn_name": who["psn_name"], "med_type": "11", "medfee_sumamt": "10.00",
            "psn_setlway": "01", "chrg_bchno": "B1", "insutype": "310", "acct_used_flag": "1",
        }  # fmt: skip
        return self.request(infno, {"data": data | {name: parts[name] for name in PARTS}})


def _card(who: Mapping[str, str]) -> dict[str, str]:
    return {"mdtrt_cert_type": "02", "mdtrt_cert_no": who["certno"]}


def _ident(who: Mapping[str, str]) -> dict[str, str]:
    return {"psn_cert_type": "01", "certno": who["certno"]}
