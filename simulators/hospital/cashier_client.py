"""The cashier's side of the settlement interface: envelope, signature, and reading answers.

What is no whole answer in the centre's own words is *unknown*: a time-out, a reset, a status that
is not 200, a body that cannot be read, a missing ``infcode``, an answer about something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from harness.errors import PeerError
from harness.wire import envelope
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import dumps
from simulators.centre import protection, signatures
from simulators.centre.provinces import Province
from simulators.hospital import cashier_books as books
from simulators.hospital import releases
from simulators.hospital.cashier_manner import Manner, check_readable, refuses
from simulators.hospital.cashier_model import (
    FAIL,
    OPERATORS,
    SUCCESS,
    UNKNOWN,
    Ask,
    Outcome,
)

HOSPITAL: Final = "H43010019001"
"""Our code at the centre: 12 characters, in no register."""

HOSPITAL_NAME: Final = "示例市第一医院"
REGION: Final = "430100"

SETTLING: Final = frozenset({"2207", "2304"})
REVERSING: Final = frozenset({"2208", "2305"})
"""Answers that must be about this very message."""


@dataclass(slots=True)
class Client:
    """Writes requests and reads answers for one province.

    Args:
        province: its rules.
        defects: switched-on defects of the HIS.
        sequence: of the latest message; a restart goes on where the log ends.
    """

    province: Province
    defects: set[str]
    sequence: int = 0
    manner: Manner = field(default_factory=Manner)

    def msgid(self, at: datetime) -> str:
        """A new id; its last four digits count, so two calls in one second differ."""
        self.sequence += 1
        number = 0 if "his-yb-msgid-without-sequence" in self.defects else self.sequence
        return envelope.msgid(HOSPITAL, at, number)

    def request(self, ask: Ask, msgid: str, at: datetime) -> HttpRequest:
        """The signed request of a message."""
        members = self._members(ask, msgid, at)
        rules, nodes = self.province, self.manner.nodes(ask.nodes)
        if self.manner.bridge:
            return self.manner.call(ask.infno, members, nodes, self.defects)
        whole = protection.seal(rules.protection, members, nodes)
        if rules.envelope.input_as == "text" and isinstance(whole["input"], Mapping):
            whole["input"] = dumps(whole["input"])
        theirs = {ours: name for name, ours in rules.envelope.renames.items()}
        named = {theirs.get(name, name): value for name, value in whole.items()}
        body, kind = self.manner.body(named)
        signed = signatures.sign_headers(rules.gateway, ask.infno, at, msgid)
        headers = (
            ("Host", "centre"),
            ("Content-Type", kind),
            *signed.items(),
        )
        target = rules.gateway.path.replace("{infno}", ask.infno)
        return HttpRequest(method="POST", target=target, headers=headers, payload=body)

    def _members(self, ask: Ask, msgid: str, at: datetime) -> dict[str, Any]:
        kind, opter, name = OPERATORS[ask.channel]
        return {
            "infno": ask.infno,
            "msgid": msgid,
            "mdtrtarea_admvs": REGION,
            "insuplc_admdvs": ask.bill.insuplc if ask.bill else "",
            "recer_sys_code": releases.receiver(self.defects),
            "dev_no": "",
            "dev_safe_info": "",
            "cainfo": "",
            "signtype": "",
            "infver": "V1.0",
            "opter_type": kind,
            "opter": opter,
            "opter_name": name,
            "inf_time": books.stamp(at),
            "fixmedins_code": HOSPITAL,
            "fixmedins_name": HOSPITAL_NAME,
            "sign_no": "",
        }

    def outcome(self, ask: Ask, msgid: str, response: HttpResponse) -> Outcome:
        """What an answer says about a message."""
        if response.status != 200:
            state = FAIL if "his-yb-status-is-failure" in self.defects else UNKNOWN
            return self._untold(ask, msgid, state, f"HTTP {response.status}", response.status)
        if "octet-stream" in response.header("Content-Type"):
            return Outcome(state=SUCCESS, msgid=msgid, file=response.payload, status=200)
        if self.manner.failed(response, self.defects):
            return Outcome(state=FAIL, msgid=msgid, err_msg="bridge", status=200)
        try:
            read = envelope.read_response(self.manner.payload(response, self.defects))
            check_readable(read.members, read.output, self.defects)
        except PeerError as error:
            return Outcome(state=UNKNOWN, msgid=msgid, err_msg=error.message, status=200)
        if read.ok is None:
            return self._untold(ask, msgid, UNKNOWN, "no infcode", 200)
        state = SUCCESS if read.ok and not refuses(read.members, self.defects) else FAIL
        found = Outcome(
            state=state, msgid=msgid, output=read.output, err_msg=read.err_msg, status=200
        )
        moving = ask.infno in SETTLING | REVERSING
        if found.ok and moving and not self._about_us(ask, found):
            return Outcome(state=UNKNOWN, msgid=msgid, err_msg="not our answer", status=200)
        return found

    def _untold(self, ask: Ask, msgid: str, state: str, why: str, status: int) -> Outcome:
        """No answer of the centre: nobody can tell."""
        if "his-yb-no-infcode-is-success" in self.defects and ask.infno in SETTLING:
            state = SUCCESS
        return Outcome(state=state, msgid=msgid, err_msg=why, status=status)

    def _about_us(self, ask: Ask, found: Outcome) -> bool:
        """A settlement names our message, our visit and an id, and its amounts add up."""
        info = found.node("setlinfo")
        if "his-yb-takes-any-answer" in self.defects:
            return True
        text = envelope.as_text
        ours = text(info.get("medins_setl_id")) == found.msgid
        visit = ask.bill is None or text(info.get("mdtrt_id")) == ask.bill.mdtrt_id
        adds_up = (
            ask.infno in REVERSING or "his-yb-trusts-amounts" in self.defects or books.whole(info)
        )
        return ours and visit and bool(text(info.get("setl_id"))) and adds_up
