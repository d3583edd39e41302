"""Certificates for simulated systems, made while they run: no key is ever stored with the project.

An authority on the curve P-256 (FIPS 186-5) issues X.509 certificates (RFC 5280) for loopback, good
ones and ones that are wrong in one way. They protect nothing but a test.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_A: Final = _P - 3
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G: Final = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
"""The curve and its generator (FIPS 186-5, SP 800-186 §3.2.1.3)."""

_SIGNED: Final = "1.2.840.10045.4.3.2"  # ECDSA with SHA-256
_KEY, _CURVE = "1.2.840.10045.2.1", "1.2.840.10045.3.1.7"
_NAME: Final = "2.5.4.3"
_CONSTRAINTS, _USAGE, _HOSTS, _EXTENDED = "2.5.29.19", "2.5.29.15", "2.5.29.17", "2.5.29.37"
_SUBJECT_ID, _ISSUER_ID = "2.5.29.14", "2.5.29.35"
_SERVER, _CLIENT = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"

DAY: Final = timedelta(days=1)


@lru_cache(maxsize=1)
def _doubled() -> tuple[tuple[int, int], ...]:
    """The generator once, twice, four times ...: the same for every key and signature."""
    found = [_G]
    while len(found) < _N.bit_length():
        x, y = found[-1]
        slope = (3 * x * x + _A) * pow(2 * y, -1, _P) % _P
        third = (slope * slope - 2 * x) % _P
        found.append((third, (slope * (x - third) - y) % _P))
    return tuple(found)


def _times(number: int) -> tuple[int, int]:
    """So many times the generator; in Jacobian coordinates, for to divide takes longest.

    Hankerson, Menezes, Vanstone: Guide to Elliptic Curve Cryptography, algorithm 3.22.
    """
    x = y = z = 0
    for px, py in _doubled():
        if number & 1 and not z:
            x, y, z = px, py, 1
        elif number & 1:
            squared = z * z % _P
            h, r = (px * squared - x) % _P, (py * squared * z - y) % _P
            if not h:
                break  # the sum is nothing: no smaller number comes here
            cubed, part = h * h * h % _P, x * h * h % _P
            x = (r * r - cubed - 2 * part) % _P
            y, z = (r * (part - x) - y * cubed) % _P, z * h % _P
        number >>= 1
    if number or not z:
        raise ValueError("a multiple of the order")
    one = pow(z, -1, _P)
    return x * one * one % _P, y * one * one * one % _P


# ---- DER (X.690)


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, *parts)


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(text: str) -> bytes:
    first, second, *rest = (int(one) for one in text.split("."))
    body = bytearray([40 * first + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        body += bytes(reversed(digits))
    return _der(0x06, bytes(body))


def _bits(data: bytes, unused: int = 0) -> bytes:
    return _der(0x03, bytes([unused]) + data)


def _name(text: str) -> bytes:
    return _sequence(_der(0x31, _sequence(_oid(_NAME), _der(0x0C, text.encode("utf-8")))))


def _time(moment: datetime) -> bytes:
    return _der(0x17, f"{moment.astimezone(UTC):%y%m%d%H%M%SZ}".encode("ascii"))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = _der(0x01, b"\xff") if critical else b""
    return _sequence(_oid(oid), flag, _der(0x04, value))


def _pem(kind: str, data: bytes) -> str:
    text = base64.b64encode(data).decode("ascii")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])


@dataclass(frozen=True, slots=True)
class _Key:
    number: int = field(default_factory=lambda: secrets.randbelow(_N - 1) + 1)

    def public(self) -> bytes:
        x, y = _times(self.number)
        return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    def sign(self, data: bytes) -> bytes:
        """ECDSA (FIPS 186-5 §6.4.1)."""
        digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
        while True:
            drawn = secrets.randbelow(_N - 1) + 1
            r = _times(drawn)[0] % _N
            s = pow(drawn, -1, _N) * (digest + r * self.number) % _N
            if r and s:
                return _sequence(_integer(r), _integer(s))

    def pem(self, public: bytes) -> str:
        """SEC 1 §C.4."""
        body = _sequence(
            _integer(1), _der(0x04, self.number.to_bytes(32, "big")), _der(0xA0, _oid(_CURVE)),
            _der(0xA1, _bits(public)),
        )  # fmt: skip
        return _pem("EC PRIVATE KEY", body)


@dataclass(slots=True)
class Authority:
    """Issues certificates under one name.

    Args:
        name: common name.
        now: certificates hold around this moment.
    """

    name: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    pem: str = field(init=False)
    _key: _Key = field(default_factory=_Key)
    _public: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._public = self._key.public()
        extensions = [
            _extension(_CONSTRAINTS, _sequence(_der(0x01, b"\xff")), critical=True),
            _extension(_USAGE, _bits(b"\x06", 1), critical=True),  # signs certificates and lists
            _extension(_SUBJECT_ID, _der(0x04, _id(self._public))),
        ]
        self.pem = self._certificate(self.name, self._public, extensions, self.now - DAY,
                                     self.now + 30 * DAY)  # fmt: skip

    def issue(
        self, name: str, hosts: Sequence[str] = (), *, days: tuple[int, int] = (-1, 30)
    ) -> str:
        """Certificate and key as PEM, one behind the other.

        Args:
            name: common name.
            hosts: DNS names; an address of version 4 counts as one.
            days: from when to when it holds, counted from now.
        """
        key = _Key()
        public = key.public()
        names = [_der(0x87, bytes(int(part) for part in one.split(".")))
                 if one.replace(".", "").isdecimal() else _der(0x82, one.encode("ascii"))
                 for one in hosts]  # fmt: skip
        extensions = [
            _extension(_CONSTRAINTS, _sequence()),
            _extension(_USAGE, _bits(b"\x80", 7), critical=True),  # signs handshakes
            _extension(_EXTENDED, _sequence(_oid(_SERVER), _oid(_CLIENT))),
            _extension(_SUBJECT_ID, _der(0x04, _id(public))),
            _extension(_ISSUER_ID, _sequence(_der(0x80, _id(self._public)))),
        ]
        if names:
            extensions.append(_extension(_HOSTS, _sequence(*names)))
        first, last = (self.now + one * DAY for one in days)
        return self._certificate(name, public, extensions, first, last) + key.pem(public)

    def _certificate(
        self, name: str, public: bytes, extensions: Sequence[bytes], first: datetime, last: datetime
    ) -> str:
        """RFC 5280 §4.1."""
        algorithm = _sequence(_oid(_SIGNED))
        body = _sequence(
            _der(0xA0, _integer(2)),
            _integer(secrets.randbits(120) + 1),
            algorithm,
            _name(self.name),
            _sequence(_time(first), _time(last)),
            _name(name),
            _sequence(_sequence(_oid(_KEY), _oid(_CURVE)), _bits(public)),
            _der(0xA3, _sequence(*extensions)),
        )
        whole = _sequence(body, algorithm, _bits(self._key.sign(body)))
        return _pem("CERTIFICATE", whole)


def _id(public: bytes) -> bytes:
    """RFC 7093 §2: the first bytes of a hash of the key."""
    return hashlib.sha256(public).digest()[:20]
