"""The kinds of value that a site profile holds, each with the rule that refuses a wrong one.

No message repeats the value of a field that may hold a secret: a password that was typed into the
wrong key must not end up in a log.
"""

from __future__ import annotations

import codecs
import ipaddress
import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from harness import input_files
from harness.errors import InputError
from harness.i18n import tr

NAME_CHARS_MAX = 64
"""A role, an endpoint or a probe: it becomes part of file names and of columns of a report."""

TEXT_CHARS_MAX = 500
"""A product, a vendor, a reason: one line of a report."""

QUERY_CHARS_MAX = 8_000
"""One SELECT; Oracle's longest literal in SQL*Plus scripts is smaller, so views fit as well."""

SERIAL_SCHEMES = frozenset({"socket", "rfc2217", "loop", "pty"})
"""URL forms of pyserial that may stand in a profile; ``spy`` would write what passes to a file.
``pty://`` is ours: the run makes a pair of pseudo-terminals."""

SECRET_WORDS = re.compile(
    r"password|passwd|pwd|secret|token|credential|private_?key|api_?key|口令|密码|密钥",
    re.IGNORECASE,
)
"""Names of things that belong into the environment."""

_ENV_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"\d+|0[xX][0-9A-Fa-f]*")
_LIMIT_NAME = re.compile(r"[a-z][a-z0-9_]*_(s|ms|bytes|chars|rows|count|percent)(_max|_min)?")


class WrongValueError(ValueError):
    """A value that a profile must not hold; ``remedy`` is one next action."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Environment(StrEnum):
    """What a profile describes."""

    TEST = "test"
    PRODUCTION = "production"


class Transport(StrEnum):
    """How the links of a whole run move bytes."""

    TCP = "tcp"
    MEMORY = "memory"


class Mode(StrEnum):
    """How a role is played."""

    SIMULATED = "simulated"
    """We run it."""
    REAL = "real"
    """It is there; we talk to it."""
    OBSERVED = "observed"
    """It is there; we only watch what it does."""


class Worker(StrEnum):
    """Who does at a real system what a scenario asks for."""

    PROGRAM = "program"
    PERSON = "person"
    """A person at its screen: the step is complete when its effect is seen, not when a call
    returns."""


class LinkProtocol(StrEnum):
    """What is spoken over an endpoint."""

    ASTM = "astm"
    MLLP = "mllp"
    HLLP = "hllp"
    """MLLP with a count and a checksum in each block."""
    DICOM = "dicom"
    HTTP = "http"
    SOAP = "soap"
    RAW = "raw"
    FRAMED = "framed"
    POCT1A = "poct1a"


class LinkTransport(StrEnum):
    """What carries one endpoint."""

    MEMORY = "memory"
    TCP = "tcp"
    TLS = "tls"
    SERIAL = "serial"


class Via(StrEnum):
    """Whether we stand in line."""

    DIRECT = "direct"
    RELAY = "relay"


class Reach(StrEnum):
    """How far into a system a probe sees."""

    STORED = "stored"
    SENT = "sent"
    DISPLAYED = "displayed"


class ProbeKind(StrEnum):
    """How a probe looks."""

    SQL = "sql"
    CARRIED = "carried"
    """A person runs the SQL and brings the result."""
    FILES = "files"
    """Exports in a folder: CSV, XLSX, text."""
    HTTP = "http"
    """One GET with a JSON or XML answer."""
    HL7 = "hl7"
    """One query message over MLLP."""
    PERSON = "person"
    """Somebody looks at a screen and types what stands there."""
    DICOM = "dicom"
    """Queries and retrieval over the endpoints of an archive or worklist, as sentences ask them."""


def _codec(name: str) -> str:
    try:
        info = codecs.lookup(name)
    except LookupError:
        info = None
    if info is None or not info._is_text_encoding:  # noqa: SLF001 - bytes.decode asks the same
        raise WrongValueError(
            tr("unknown encoding “{name}”", name=name),
            tr("use one of: {known}", known="gb18030, gbk, utf-8, ascii, latin-1"),
        )
    return info.name


def _env_name(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        raise WrongValueError(
            tr("this must be the name of an environment variable, in capitals"),
            tr("put the secret into the environment and its variable's name here"),
        )
    return name


def _host(host: str) -> str:
    """An IP address, or a host name that no resolver reads as a number (``10.1``, ``0x7f``)."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.removesuffix(".").split(".")
    wrong = len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels)
    if wrong or _NUMERIC_LABEL.fullmatch(labels[-1]):
        raise WrongValueError(
            tr("“{host}” is neither a host name nor a whole IP address", host=host[:80]),
            tr("write it as 10.20.30.40 or lis.hospital.local; the port has a key of its own"),
        )
    return host.removesuffix(".").lower()


def _url(url: str) -> str:
    """A URL without credentials; they come from the environment."""
    try:
        parts = urlsplit(url)
        secret = parts.password is not None or "@" in parts.netloc
        named = [name for name, _ in parse_qsl(parts.query) if SECRET_WORDS.search(name)]
    except ValueError:
        raise WrongValueError(tr("this is not a URL")) from None
    if secret or named:
        raise WrongValueError(
            tr("a URL in the profile must not hold a user or a password"),
            tr("put the whole URL into an environment variable and name it in url_env"),
        )
    return url


def _serial_url(url: str) -> str:
    """A serial port, or a URL form of pyserial that reaches a device server."""
    scheme, mark, _ = url.partition("://")
    if mark and scheme not in SERIAL_SCHEMES:
        raise WrongValueError(
            tr("a serial port cannot be reached by {scheme}://", scheme=scheme[:20]),
            tr("use one of: {known}", known="COM3, /dev/ttyUSB0, socket://HOST:PORT, rfc2217://"),
        )
    return _url(url)


def _pattern(text: str) -> str:
    """A JSON pointer, an XML path, a segment, or a regular expression with a named group."""
    if "(?P<" in text:
        try:
            input_files.pattern_in(text, "")
        except InputError as error:
            raise WrongValueError(error.message) from None
    return text


def _limit_name(name: str) -> str:
    if not _LIMIT_NAME.fullmatch(name):
        raise WrongValueError(
            tr("the limit “{name}” has no unit in its name", name=name[:60]),
            tr("end the name in _s, _ms, _bytes, _chars, _rows, _count or _percent"),
        )
    return name


def _quirk_name(name: str) -> str:
    if SECRET_WORDS.search(name) and not name.endswith("_env"):
        raise WrongValueError(
            tr("“{name}” looks like a secret", name=name[:60]),
            tr("put the secret into the environment and its variable's name into {key}_env",
               key=name[:60]),
        )  # fmt: skip
    return name


Text = Annotated[str, StringConstraints(max_length=TEXT_CHARS_MAX, strip_whitespace=True)]
Filled = Annotated[
    str, StringConstraints(min_length=1, max_length=TEXT_CHARS_MAX, strip_whitespace=True)
]
Role = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=NAME_CHARS_MAX)
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=NAME_CHARS_MAX)]
Codec = Annotated[str, AfterValidator(_codec)]
EnvName = Annotated[str, AfterValidator(_env_name)]
Host = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_host)]
AeTitle = Annotated[str, StringConstraints(pattern=r"^[ -\[\]-~]{0,16}$")]
"""DICOM application entity: at most 16 characters of ASCII without a backslash (PS3.5 §6.2)."""
WebPath = Annotated[str, StringConstraints(max_length=200, pattern=r"^(/[A-Za-z0-9._~-]+)*$")]
"""Where services begin on a web server; empty for where they usually do."""
Port = Annotated[int, Field(strict=True, ge=0, le=65535)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2_000), AfterValidator(_url)]
SerialUrl = Annotated[str, StringConstraints(max_length=300), AfterValidator(_serial_url)]
Query = Annotated[str, StringConstraints(max_length=QUERY_CHARS_MAX, strip_whitespace=True)]
Flag = Annotated[bool, Field(strict=True)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]
Seconds = Annotated[float, Field(strict=True, gt=0, le=3600, allow_inf_nan=False)]
Scalar = (
    Flag
    | Annotated[int, Field(strict=True)]
    | Annotated[float, Field(strict=True, allow_inf_nan=False)]
    | Text
)
Rate = Annotated[float, Field(strict=True, gt=0, le=1000, allow_inf_nan=False)]
"""Looks a second."""
Pattern = Annotated[str, StringConstraints(max_length=QUERY_CHARS_MAX), AfterValidator(_pattern)]
LimitName = Annotated[str, AfterValidator(_limit_name)]
LimitValue = (
    Annotated[int, Field(strict=True, gt=0)]
    | Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
)
QuirkName = Annotated[str, AfterValidator(_quirk_name)]
