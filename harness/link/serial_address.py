"""Where a serial line is, and how it is set: a port of this machine, or one of a device server.

Three ways lead to a port (pyserial, "URL Handlers"): a name such as ``COM3`` or ``/dev/ttyUSB0``;
``socket://HOST:PORT``, a device server that passes bytes on and whose line settings are set at the
server; ``rfc2217://HOST:PORT``, one that takes line settings, modem lines and breaks as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from harness.digits import whole_number
from harness.errors import InputError
from harness.i18n import tr
from harness.link.serial_line import FLOWS, PARITIES, LineSettings

SCHEMES: Final = frozenset({"serial", "socket", "rfc2217"})
"""Schemes of a link that leads to a serial line."""

Ready = Literal["none", "cts", "dsr"]
"""A modem line that the other end must raise before we talk."""

READY: Final[tuple[Ready, ...]] = ("none", "cts", "dsr")

_LETTERS: Final = {one[0]: one for one in PARITIES}
"""Parities as device drivers write them: ``n``, ``e``, ``o``, ``m``, ``s``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialAddress:
    """One end of a serial line.

    Attributes:
        url: what pyserial opens: ``COM3``, ``/dev/ttyUSB0``, ``socket://HOST:PORT`` ...
        line: how it is set.
        ready: a modem line that must be up before we talk; a fall of it is a pulled cable.
    """

    url: str
    line: LineSettings = field(default_factory=LineSettings)
    ready: Ready = "none"

    def __str__(self) -> str:
        return self.url if "://" in self.url else f"serial:{self.url}"

    @property
    def place(self) -> tuple[str, int] | None:
        """Host and port of the device server; None for a port of this machine."""
        scheme, mark, rest = self.url.partition("://")
        if not mark or scheme in NO_HOST:
            return None
        host, _, port = rest.partition("/")[0].partition("?")[0].rpartition(":")
        return host.strip("[]"), whole_number(port) or 0

    @property
    def host(self) -> str:
        """Of the device server; for a port of this machine, this machine."""
        return self.place[0] if self.place else "127.0.0.1"

    def data(self) -> dict[str, Any]:
        """As a process of ours is told it."""
        one = self.line
        return {
            "url": self.url,
            "baud": one.baud,
            "data_bits": one.data_bits,
            "parity": one.parity,
            "stop_bits": one.stop_bits,
            "flow": one.flow,
            "ready": self.ready,
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``data`` gave."""
        line = {key: data[key] for key in ("baud", "data_bits", "parity", "stop_bits", "flow")}
        return cls(url=data["url"], line=LineSettings(**line), ready=data["ready"])


def is_serial(link: str) -> bool:
    """Whether a link of the command line leads to a serial line."""
    return link.partition("://")[0].lower() in SCHEMES


def serial_address(link: str) -> SerialAddress:
    """Read a link such as ``serial://COM3?baud=9600``, ``socket://HOST:PORT``, ``rfc2217://...``.

    Behind ``?`` may stand ``baud``, ``data_bits``, ``parity``, ``stop_bits``, ``flow`` and
    ``ready``.

    Raises:
        InputError: it is no such link.
    """
    try:
        return _read(link)
    except (ValueError, KeyError) as error:
        raise InputError(
            tr("not a serial link: “{link}” ({why})", link=link[:200], why=error),
            remedy=tr("write --link {example}", example=EXAMPLE),
        ) from None


NO_HOST: Final = frozenset({"loop", "pty"})
"""URL forms that lead to no other machine."""

EXAMPLE: Final = "serial://COM3?baud=9600&data_bits=8&parity=none&stop_bits=1"


def _read(link: str) -> SerialAddress:
    parts = urlsplit(link)
    options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    if parts.scheme == "serial":
        # ``urlsplit(...).hostname`` would be in lower case.
        url = (
            parts.netloc + parts.path if not parts.netloc else parts.netloc + parts.path.rstrip("/")
        )
        if not url or "@" in url:
            raise ValueError("it names no port")
    elif parts.scheme in SCHEMES:
        if not parts.hostname or not parts.port or parts.path.strip("/") or "@" in parts.netloc:
            raise ValueError("it needs a host and a port")
        url = f"{parts.scheme}://{parts.netloc}"
    else:
        raise ValueError(f"no scheme of a serial line: {parts.scheme}")
    if parts.fragment:
        raise ValueError(f"#{parts.fragment}")
    return _with_options(url, options)


def _with_options(url: str, options: dict[str, str]) -> SerialAddress:
    plain = LineSettings()
    parity = options.pop("parity", plain.parity).lower()
    line: dict[str, Any] = {
        "baud": int(options.pop("baud", plain.baud)),
        "data_bits": int(options.pop("data_bits", plain.data_bits)),
        "stop_bits": int(options.pop("stop_bits", plain.stop_bits)),
        "flow": options.pop("flow", plain.flow),
        "parity": _LETTERS.get(parity, parity),
    }
    if line["flow"] not in FLOWS:
        raise ValueError(f"flow: {', '.join(FLOWS)}")
    wanted = options.pop("ready", READY[0])
    ready = next((one for one in READY if one == wanted), None)
    if ready is None:
        raise ValueError(f"ready: {', '.join(READY)}")
    if options:
        raise ValueError(f"unknown: {', '.join(options)}")
    return SerialAddress(url=url, line=LineSettings(**line), ready=ready)
