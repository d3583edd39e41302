"""Gateway signatures: how a hospital proves itself, on both sides of the wire.

``csb`` Base64 of HMAC-SHA1 over the gateway's own headers; ``tif`` SHA-256 over time, secret and
nonce; ``oauth2`` a bearer token. None of them covers the body: changing it goes unnoticed, as it
would at a real gateway, unless the payload has a protection of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.wire.http1_events import HttpRequest
from simulators.centre.provinces import Gateway

PROOFS_MAX: Final = 200_000
"""Proofs remembered against replay; at least the newest half of them is remembered."""

TOKENS_MAX: Final = 10_000
"""Tokens in force; the oldest is forgotten first."""

CSB_HEADERS: Final = ("_api_access_key", "_api_name", "_api_timestamp", "_api_version")
"""What is signed, in natural order of the names."""


class GatewayRefusal(Exception):  # noqa: N818 - a decision, and no error of ours
    """The gateway turns a request away.

    Args:
        cause: ``headers``, ``expired``, ``user``, ``signature``, ``replay`` or ``token``.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def sign_csb(gateway: Gateway, infno: str, at: datetime) -> dict[str, str]:
    """Headers of a request of family ``csb``."""
    values = {
        "_api_access_key": gateway.access_key,
        "_api_name": infno,
        "_api_timestamp": str(int(at.timestamp() * 1000)),
        "_api_version": gateway.api_version,
    }
    return values | {"_api_signature": csb_signature(gateway.secret_key, values)}


def csb_signature(secret_key: str, values: Mapping[str, str]) -> str:
    """The signature over the four headers."""
    key, name, stamp, version = [values[one] for one in CSB_HEADERS]
    text = f"_api_access_key={key}&_api_name={name}&_api_timestamp={stamp}&_api_version={version}"
    digest = hmac.digest(secret_key.encode(), text.encode(), "sha1")
    return base64.b64encode(digest).decode("ascii")


def sign_tif(gateway: Gateway, nonce: str, at: datetime) -> dict[str, str]:
    """Headers of a request of family ``tif``."""
    stamp = str(int(at.timestamp()))
    return {
        "x-tif-paasid": gateway.access_key,
        "x-tif-timestamp": stamp,
        "x-tif-nonce": nonce,
        "x-tif-signature": tif_signature(gateway.secret_key, stamp, nonce),
    }


def tif_signature(secret_key: str, stamp: str, nonce: str) -> str:
    """Lower-case hexadecimal SHA-256 of time, secret, nonce and time again."""
    return hashlib.sha256(f"{stamp}{secret_key}{nonce}{stamp}".encode()).hexdigest()


def sign_headers(gateway: Gateway, infno: str, at: datetime, token_or_nonce: str) -> dict[str, str]:
    """Headers of a request of any family: what the client side sends."""
    match gateway.family:
        case "csb":
            return sign_csb(gateway, infno, at)
        case "tif":
            return sign_tif(gateway, token_or_nonce, at)
        case "oauth2":
            return {"Authorization": f"Bearer {token_or_nonce}"}
    return {}


@dataclass(slots=True)
class Proofs:
    """Proofs that were brought, to tell when one is brought again.

    A centre under load sees a million in an hour. What is kept of each is a number, and two
    generations take turns, so that nothing has to be looked for that is too old.
    """

    _young: set[int] = field(default_factory=set)
    _old: set[int] = field(default_factory=set)
    _since: float = 0.0

    def again(self, proof: str, now: float, keep_s: float) -> bool:
        """Whether it was brought in the last ``keep_s`` seconds, or not long before them.

        Remembers it. Where more than ``PROOFS_MAX`` are brought in that time, the oldest are
        forgotten.
        """
        if now - self._since >= keep_s or len(self._young) >= PROOFS_MAX // 2:
            gone = now - self._since >= 2 * keep_s
            self._old = set() if gone else self._young
            self._young, self._since = set(), now
        mark = hash(proof)
        found = mark in self._young or mark in self._old
        self._young.add(mark)
        return found


@dataclass(slots=True)
class Doorkeeper:
    """Verifies requests; remembers proofs and tokens, within bounds."""

    gateway: Gateway
    _proofs: Proofs = field(default_factory=Proofs)
    _tokens: dict[str, float] = field(default_factory=dict)
    _count: int = 0

    def verify(self, request: HttpRequest, at: datetime) -> None:
        """Let a request in.

        Raises:
            GatewayRefusal: it stays outside.
        """
        match self.gateway.family:
            case "csb":
                self._csb(request, at)
            case "tif":
                self._tif(request, at)
            case "oauth2":
                self._bearer(request, at)

    def _csb(self, request: HttpRequest, at: datetime) -> None:
        named = request.named()
        values = {name: named.get(name, "") for name in CSB_HEADERS}
        given = named.get("_api_signature", "")
        if not all(values.values()) or not given:
            raise GatewayRefusal("headers")
        now = at.timestamp()
        self._in_time(values["_api_timestamp"], 1000, now)
        if values["_api_access_key"] != self.gateway.access_key:
            raise GatewayRefusal("user")
        self._same(given, csb_signature(self.gateway.secret_key, values))
        self._once(given, now)

    def _tif(self, request: HttpRequest, at: datetime) -> None:
        named = request.named()
        stamp, nonce = named.get("x-tif-timestamp", ""), named.get("x-tif-nonce", "")
        given, user = named.get("x-tif-signature", ""), named.get("x-tif-paasid", "")
        if not (stamp and nonce and given and user):
            raise GatewayRefusal("headers")
        now = at.timestamp()
        self._in_time(stamp, 1, now)
        if user != self.gateway.access_key:
            raise GatewayRefusal("user")
        self._same(given, tif_signature(self.gateway.secret_key, stamp, nonce))
        self._once(nonce, now)

    def _in_time(self, stamp: str, per_second: int, now: float) -> None:
        if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 16:
            raise GatewayRefusal("headers")
        if abs(int(stamp) / per_second - now) > self.gateway.window_s:
            raise GatewayRefusal("expired")

    @staticmethod
    def _same(given: str, expected: str) -> None:
        if not hmac.compare_digest(given.encode(), expected.encode()):
            raise GatewayRefusal("signature")

    def _once(self, proof: str, now: float) -> None:
        """The same proof twice within the window is a replay."""
        if self.gateway.replay != "refuse":
            return
        if self._proofs.again(proof, now, 2 * self.gateway.window_s):
            raise GatewayRefusal("replay")

    # -- tokens --------------------------------------------------------------------------------

    def _bearer(self, request: HttpRequest, at: datetime) -> None:
        kind, _, token = request.header("Authorization").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise GatewayRefusal("headers")
        expiry = self._tokens.get(token)
        if expiry is None or expiry <= at.timestamp():
            self._tokens.pop(token, None)
            raise GatewayRefusal("token")

    def forget_tokens(self) -> None:
        """All tokens are void, as after a restart of the gateway."""
        self._tokens.clear()

    def token(self, request: HttpRequest, at: datetime) -> dict[str, object]:
        """Answer a request for a token (RFC 6749 §4.3).

        Raises:
            GatewayRefusal: wrong client, user or password.
        """
        client = f"{self.gateway.access_key}:{self.gateway.secret_key}".encode()
        expected = f"Basic {base64.b64encode(client).decode('ascii')}"
        form = dict(urllib.parse.parse_qsl(request.payload[:4096].decode("latin-1")))
        good = hmac.compare_digest(request.header("Authorization").encode(), expected.encode())
        if not good:
            raise GatewayRefusal("user")
        wanted = (self.gateway.username, self.gateway.password)
        if (form.get("username"), form.get("password")) != wanted:
            raise GatewayRefusal("user")
        self._count += 1
        text = f"{self.gateway.secret_key}|{at.timestamp()}|{self._count}"
        token = hashlib.sha256(text.encode()).hexdigest()
        self._tokens[token] = at.timestamp() + self.gateway.token_life_s
        if len(self._tokens) > TOKENS_MAX:
            del self._tokens[next(iter(self._tokens))]
        life_s = int(self.gateway.token_life_s)
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": life_s,
            "scope": form.get("scope", self.gateway.scope),
        }
