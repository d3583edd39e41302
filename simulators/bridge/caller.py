"""Whoever calls a centre for a hospital: envelope, signature and protection from province data.

Holds no socket and no clock. What is peculiar to a hospital stands in ``House``; everything that
differs by province comes from its file, so the same caller speaks to each of them.
"""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from harness.wire import envelope
from harness.wire.http1_events import HttpRequest
from harness.wire.json_exact import dumps, encode
from simulators.centre import protection, signatures
from simulators.centre.provinces import Province

JSON_TYPE: Final = "application/json;charset={encoding}"

CHARSETS: Final[Mapping[str, str]] = {"utf-8": "utf-8", "gb18030": "GB18030", "gbk": "GBK"}
"""Encodings of a body, and what they are called in its header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the envelope says of a hospital and of the terminal that calls.

    Attributes:
        code, name: of the hospital in the centre's register.
        region: place of treatment (``mdtrtarea_admvs``).
        receiver: ``recer_sys_code``.
        version: ``infver``.
        opter_type, opter, opter_name: who sits at the terminal.
        mac, ip: of the terminal, for 9001.
    """

    code: str = "H43010019001"
    name: str = "示例市第一医院"
    region: str = "430100"
    receiver: str = "MBS_LOCAL"
    version: str = "V1.0"
    opter_type: str = "1"
    opter: str = "0001"
    opter_name: str = "收费窗口"
    mac: str = "00-00-00-00-00-00"
    ip: str = "127.0.0.1"


@dataclass(slots=True)
class Caller:
    """Writes requests for one province.

    Args:
        province: its rules.
        house: who calls.
        host: of the ``Host`` header.
        sequence: of the latest message.
        sign_no: of the latest 9001; empty before.
        token: of the gateway, where it hands tokens out.
    """

    province: Province
    house: House = field(default_factory=House)
    host: str = "centre"
    sequence: int = 0
    sign_no: str = ""
    token: str = ""

    def msgid(self, at: datetime) -> str:
        """A new id."""
        self.sequence += 1
        return envelope.msgid(self.house.code, at, self.sequence)

    def members(self, infno: str, msgid: str, at: datetime, insuplc: str = "") -> dict[str, Any]:
        """The envelope without its ``input``."""
        house = self.house
        return {
            "infno": infno,
            "msgid": msgid,
            "mdtrtarea_admvs": house.region,
            "insuplc_admdvs": insuplc,
            "recer_sys_code": house.receiver,
            "dev_no": "",
            "dev_safe_info": "",
            "cainfo": "",
            "signtype": "",
            "infver": house.version,
            "opter_type": house.opter_type,
            "opter": house.opter,
            "opter_name": house.opter_name,
            "inf_time": f"{at:%Y-%m-%d %H:%M:%S}",
            "fixmedins_code": house.code,
            "fixmedins_name": house.name,
            "sign_no": self.sign_no,
        }

    def request(self, members: Mapping[str, Any], nodes: Any, at: datetime) -> HttpRequest:
        """The signed request of one message.

        Args:
            members: of ``members``.
            nodes: of the transaction.
            at: time of the signature; it has a zone.
        """
        rules, infno = self.province, str(members["infno"])
        whole = protection.seal(rules.protection, members, nodes)
        if rules.envelope.input_as == "text" and isinstance(whole["input"], Mapping):
            whole["input"] = dumps(whole["input"])
        theirs = {ours: name for name, ours in rules.envelope.renames.items()}
        body = encode({theirs.get(name, name): value for name, value in whole.items()})
        proof = self.token or str(members["msgid"])
        signed = signatures.sign_headers(rules.gateway, infno, at, proof)
        target = rules.gateway.path.replace("{infno}", infno)
        return self._post(target, JSON_TYPE.format(encoding="utf-8"), body, signed)

    def token_request(self) -> HttpRequest:
        """Asks the gateway for a token (RFC 6749 §4.3)."""
        gateway = self.province.gateway
        client = f"{gateway.access_key}:{gateway.secret_key}".encode()
        form = {
            "grant_type": "password",
            "username": gateway.username,
            "password": gateway.password,
            "scope": gateway.scope,
        }
        basic = f"Basic {base64.b64encode(client).decode('ascii')}"
        return self._post(
            gateway.token_path,
            "application/x-www-form-urlencoded",
            urllib.parse.urlencode(form).encode("ascii"),
            {"Authorization": basic},
        )

    def _post(self, target: str, kind: str, body: bytes, more: Mapping[str, str]) -> HttpRequest:
        headers = (("Host", self.host), ("Content-Type", kind), *more.items())
        return HttpRequest(method="POST", target=target, headers=headers, payload=body)
