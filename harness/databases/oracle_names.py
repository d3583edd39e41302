"""Where an Oracle connect string leads: whole descriptors and Easy Connect, every address of them.

Read from Oracle Database Net Services Reference 11g Release 2 (chapter 6, "Local Naming
Parameters") and Net Services Administrator's Guide 11g Release 2 ("Easy Connect Naming Method").
A word that is not known here is refused: it may lead elsewhere, as ``HTTPS_PROXY`` or a
``FAILOVER_MODE`` with a ``BACKUP`` does. A name of ``tnsnames.ora`` is refused, because the file
decides where it leads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.digits import whole_number
from harness.errors import PermitError
from harness.i18n import tr

PORT: Final = 1521
"""Default port of a listener (Net Services Administrator's Guide, "Easy Connect")."""

CHARS_MAX: Final = 8_000
DEPTH_MAX: Final = 8
"""DESCRIPTION_LIST, DESCRIPTION, ADDRESS_LIST, ADDRESS, HOST, and a list in a list."""

_WORDS: Final = frozenset({
    "DESCRIPTION_LIST", "DESCRIPTION", "ADDRESS_LIST", "ADDRESS", "PROTOCOL", "HOST", "PORT",
    "LOAD_BALANCE", "FAILOVER", "SOURCE_ROUTE", "CONNECT_DATA", "SERVICE_NAME", "SID", "SERVER",
    "INSTANCE_NAME", "UR", "FAILOVER_MODE", "TYPE", "METHOD", "RETRIES", "DELAY", "SDU", "TDU",
    "RECV_BUF_SIZE", "SEND_BUF_SIZE", "ENABLE", "CONNECT_TIMEOUT", "TRANSPORT_CONNECT_TIMEOUT",
    "RETRY_COUNT", "RETRY_DELAY", "EXPIRE_TIME", "SECURITY", "SSL_SERVER_CERT_DN",
    "SSL_SERVER_DN_MATCH", "SSL_VERSION",
})  # fmt: skip
"""Words that name no place, and those of an address."""

_IN_ADDRESS: Final = frozenset({"PROTOCOL", "HOST", "PORT"})

_TOKEN: Final = re.compile(r'\s*(?:([()=])|"([^"()\\]*)"|([^\s()="\'#\\]+(?: +[^\s()="\'#\\]+)*))')
"""A bracket, a quoted value, a word or a value; comments, escapes and single quotes are refused."""

_NAME: Final = re.compile(r"[\w.$#-]{1,256}", re.ASCII)
_HOST: Final = re.compile(r"[0-9A-Za-z._:%-]{1,255}")

_EASY: Final = re.compile(
    r"(?:(?P<protocol>tcps?):)?(?://)?(?P<hosts>[^/?()\s]+)"
    r"/(?P<service>[\w.$#-]+)(?::(?P<server>dedicated|shared|pooled))?"
    r"(?:/(?P<instance>[\w.$#-]+))?",
    re.IGNORECASE | re.ASCII,
)

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Node:
    """``(WORD=value)`` or ``(WORD=(...)(...))``."""

    word: str
    value: str = ""
    parts: tuple[Node, ...] = ()


def descriptor(
    places: Sequence[Place],
    *,
    service: str = "",
    sid: str = "",
    server: str = "",
    instance: str = "",
    protocol: str = "TCP",
    timeout_s: int = 0,
) -> str:
    """A whole descriptor, so that no file and no variable decides where it leads.

    Raises:
        PermitError: a name in it cannot be one.
    """
    names = {"SERVICE_NAME": service, "SID": sid, "SERVER": server, "INSTANCE_NAME": instance}
    for text in filter(None, names.values()):
        if not _NAME.fullmatch(text):
            raise _unclear(tr("“{text}” is no name of a service", text=text[:40]))
    ways = "".join(f"(ADDRESS=(PROTOCOL={protocol})(HOST={_host(host)})(PORT={port}))"
                   for host, port in places)  # fmt: skip
    words = ("CONNECT_TIMEOUT", "TRANSPORT_CONNECT_TIMEOUT") if timeout_s else ()
    limits = "".join(f"({word}={timeout_s})" for word in words)
    data = "".join(f"({word}={text})" for word, text in names.items() if text)
    return f"(DESCRIPTION={limits}(ADDRESS_LIST={ways})(CONNECT_DATA={data}))"


def read(text: str) -> tuple[str, list[Place]]:
    """The descriptor that a connect string stands for, and every place that it leads to.

    Args:
        text: a descriptor, or Easy Connect ``[tcp://]host[:port][,host...]/service[:server]``.

    Raises:
        PermitError: it cannot be told where it leads.
    """
    text = text.strip()
    if len(text) > CHARS_MAX:
        raise _unclear(tr("it is too long"))
    return (text, _described(text)) if text.startswith("(") else _easy(text)


def _unclear(why: str) -> PermitError:
    return PermitError(
        tr("it cannot be told where this Oracle connect string leads: {why}", why=why),
        remedy=tr("write host, port and service name, or a descriptor with TCP addresses alone"),
    )


# -- Easy Connect


def _easy(text: str) -> tuple[str, list[Place]]:
    found = _EASY.fullmatch(text)
    if found is None:
        raise _unclear(tr("a name of tnsnames.ora, or options behind “?”"))
    places = [place for group in found["hosts"].split(";") for place in _group(group)]
    made = descriptor(
        places,
        service=found["service"],
        server=(found["server"] or "").upper(),
        instance=found["instance"] or "",
        protocol=(found["protocol"] or "tcp").upper(),
    )
    return made, places


def _group(text: str) -> Iterator[Place]:
    """``a,b:1522``: a host without a port has that of the next one that names it."""
    port = PORT
    found: list[Place] = []
    for one in reversed(text.split(",")):
        host, own = _split(one)
        port = own or port
        found.append((_host(host), port))
    yield from reversed(found)


def _split(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _unclear(tr("“{text}” is no address", text=text[:40]))
        return host, _port(rest[1:]) if rest else 0
    host, colon, port = text.partition(":")
    return host, _port(port) if colon else 0


def _port(text: str) -> int:
    port = whole_number(text) or 0
    if not 0 < port <= 65535:
        raise _unclear(tr("“{text}” is no port", text=text[:40]))
    return port


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise _unclear(tr("“{text}” is no address", text=text[:40]))
    return text


# -- descriptors


def _described(text: str) -> list[Place]:
    root, end = _node(text, 0, 1)
    if text[end:].strip() or root.word not in {"DESCRIPTION", "DESCRIPTION_LIST"}:
        raise _unclear(tr("one DESCRIPTION is awaited"))
    places = list(_places(root))
    if not places:
        raise _unclear(tr("no ADDRESS is in it"))
    return places


def _next(text: str, at: int) -> tuple[str, str, int]:
    """Bracket or equals sign, or a value; and where the next begins."""
    found = _TOKEN.match(text, at)
    if found is None:
        raise _unclear(tr("it cannot be read at character {at}", at=at + 1))
    sign, quoted, bare = found.groups()
    return sign or "", quoted if quoted is not None else (bare or ""), found.end()


def _expect(text: str, at: int, wanted: str) -> int:
    sign, _, end = _next(text, at)
    if sign != wanted:
        raise _unclear(tr("it cannot be read at character {at}", at=at + 1))
    return end


def _node(text: str, at: int, depth: int) -> tuple[Node, int]:
    if depth > DEPTH_MAX:
        raise _unclear(tr("too many brackets"))
    at = _expect(text, at, "(")
    sign, word, at = _next(text, at)
    word = word.upper()
    if sign or word not in _WORDS:
        raise _unclear(tr("“{word}” may lead elsewhere", word=(word or sign)[:40]))
    at = _expect(text, at, "=")
    sign, value, end = _next(text, at)
    if not sign:
        return Node(word, value), _expect(text, end, ")")
    parts: list[Node] = []
    while sign == "(":
        part, at = _node(text, at, depth + 1)
        parts.append(part)
        sign, _, end = _next(text, at)
    return Node(word, parts=tuple(parts)), _expect(text, at, ")")


def _places(node: Node) -> Iterator[Place]:
    if node.word == "ADDRESS":
        yield _address(node)
        return
    for part in node.parts:
        if part.word in _IN_ADDRESS:
            raise _unclear(tr("{word} stands outside of an ADDRESS", word=part.word))
        yield from _places(part)


def _address(node: Node) -> Place:
    """PROTOCOL, HOST and PORT, each once; every other kind of address runs or opens what is here.

    ``BEQ`` starts a program of this machine, ``IPC`` and ``NMP`` open what has no address.
    """
    known = {part.word: part.value for part in node.parts if part.word in _IN_ADDRESS}
    words = [part.word for part in node.parts]
    if known.keys() != _IN_ADDRESS or any(words.count(word) != 1 for word in known):
        raise _unclear(tr("an ADDRESS has PROTOCOL, HOST and PORT, each once"))
    if any(part.parts for part in node.parts):
        raise _unclear(tr("an ADDRESS has PROTOCOL, HOST and PORT, each once"))
    if known["PROTOCOL"].upper() not in {"TCP", "TCPS"}:
        raise _unclear(tr("PROTOCOL is neither TCP nor TCPS"))
    return _host(known["HOST"]), _port(known["PORT"])
