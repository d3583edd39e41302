"""Replays of recorded requests: a caller that writes them anew, and a centre that is asked.

What the harness knows of provinces it knows from here, through the entry point ``replay-centre``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from harness.clock import Clock
from harness.errors import InputError, PeerError
from harness.i18n import tr
from harness.wire import envelope
from harness.wire.envelope import as_number, as_text
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import decode, encode
from simulators.bridge.caller import Caller, House
from simulators.centre import protection
from simulators.centre.centre import Centre
from simulators.centre.provinces import load_province
from simulators.centre.signatures import GatewayRefusal
from simulators.centre.simulate import PROVINCE, make
from simulators.store import Store, insert

SEQUENCES: Final = 9000
"""A replay begins its numbers below; a message's sequence has four digits."""

_FEN: Final = 100
_OK: Final = 200


@dataclass(slots=True)
class ProvinceSigner:
    """Writes requests for one province; what the recorded envelope says of a hospital stays.

    Args:
        caller: of the province.
        asked: whether the gateway was asked for a token.
    """

    caller: Caller
    asked: bool = False

    def token(self) -> HttpRequest | None:
        """Of the gateway, where it hands tokens out."""
        if self.caller.province.gateway.family != "oauth2" or self.caller.token:
            return None
        return self.caller.token_request()

    def granted(self, answer: HttpResponse) -> bool:
        """Keep the token."""
        try:
            told = decode(answer.payload).value if answer.status == _OK else {}
        except PeerError:
            told = {}
        token = told.get("access_token") if isinstance(told, Mapping) else None
        self.caller.token = as_text(token)
        return bool(self.caller.token)

    def ident(self, at: datetime) -> str:
        """Of institution, time and sequence."""
        return self.caller.msgid(at)

    def request(self, payload: bytes, at: datetime) -> HttpRequest:
        """A recorded body, signed now.

        Raises:
            InputError: it is no envelope, or its input is a text that cannot be read.
        """
        rules = self.caller.province
        try:
            read = envelope.read_request(payload, rules.envelope.renames)
            nodes = envelope.read_input(read.input_text) if read.input_text else read.input
        except PeerError as error:
            raise InputError(
                tr("a recorded request cannot be signed anew: {why}", why=error.message),
                remedy=tr("an enciphered input is opaque without its key; post it as it is with"
                          " --path"),
            ) from error  # fmt: skip
        members = {**read.members, "inf_time": f"{at:%Y-%m-%d %H:%M:%S}"}
        return self.caller.request(members, nodes, at)

    def clear(self, answer: HttpResponse) -> bytes:
        """The body of an answer; where the province enciphers them, with its output in the clear.

        What does not open stays as it is: no fault is seen in it.
        """
        rules = self.caller.province.protection
        if not rules.answers:
            return answer.payload
        try:
            whole = decode(answer.payload).value
            members = whole if isinstance(whole, dict) else {}
            opened = protection.open_answer(rules, members)
        except (PeerError, GatewayRefusal):
            return answer.payload
        return encode({**members, "output": opened}) if members else answer.payload


@dataclass(slots=True)
class ReplayCentre:
    """A centre of ours, with the persons of a case.

    Args:
        actor: the centre.
        store: its books.
    """

    actor: Centre
    store: Store
    known: set[str] = field(default_factory=set)

    def stock(self, answers: Sequence[bytes]) -> None:
        """Take in everybody whom an answer to 1101 tells of, with insurance and balance."""
        for payload in answers:
            for base, insured in _told(payload):
                number = as_text(base.get("psn_no"))
                rows = self.store.rows("SELECT 1 FROM persons WHERE psn_no = ?", (number,))
                if number and number not in self.known and not rows:
                    self.known.add(number)
                    self.store.commit([insert(*one) for one in _rows(base, insured)])


@dataclass(slots=True)
class Replaying:
    """What the entry point makes."""

    def signer(self, province: str, salt: str) -> ProvinceSigner:
        """Of a province by name or file; two replays in one second number their messages apart.

        Raises:
            InputError: there is no such province.
        """
        first = int.from_bytes(hashlib.sha256(salt.encode()).digest()[:4], "big") % SEQUENCES
        return ProvinceSigner(Caller(load_province(province), House(), sequence=first))

    def centre(self, province: str, folder: Path, clock: Clock) -> ReplayCentre:
        """A fresh centre with its books in a folder."""
        rules = load_province(province or PROVINCE)
        actor, store = make(rules, str(folder / "centre.sqlite"), clock, durable=False)
        return ReplayCentre(actor, store)


def _told(payload: bytes) -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    try:
        output = envelope.read_response(payload).output
    except PeerError:
        return []
    base = output.get("baseinfo") if isinstance(output, Mapping) else None
    if not isinstance(base, Mapping):
        return []
    listed = output.get("insuinfo")
    rows = listed if isinstance(listed, list) else [listed]
    return [(base, [one for one in rows if isinstance(one, Mapping)])]


def _rows(
    base: Mapping[str, Any], insured: Sequence[Mapping[str, Any]]
) -> list[tuple[str, dict[str, str | int]]]:
    number = as_text(base.get("psn_no"))
    person: dict[str, str | int] = {
        name: as_text(base.get(name))
        for name in ("psn_no", "psn_cert_type", "certno", "psn_name", "gend", "naty", "brdy")
    }
    person |= {"card_no": "", "card_sn": "", "family_psn_no": ""}
    found: list[tuple[str, dict[str, str | int]]] = [("persons", person)]
    for one in insured:
        row: dict[str, str | int] = {
            name: as_text(one.get(name))
            for name in ("insutype", "psn_type", "psn_insu_stas", "psn_insu_date",
                         "paus_insu_date", "cvlserv_flag", "insuplc_admdvs", "emp_name")
        }  # fmt: skip
        found.append(
            ("insurances", row | {"psn_no": number, "company_flag": "0", "maf_psn_flag": "0"})
        )
    balance = max((as_number(one.get("balc")) or Decimal() for one in insured), default=Decimal())
    found.append(("accounts", {"psn_no": number, "balc": int(balance * _FEN)}))
    return found
