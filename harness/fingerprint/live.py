"""Outlets that are read while they are open: views of a database, and pages or answers over HTTP.

Only read: a database sees one SELECT in a read-only session, a web server one GET. Each outlet has
a name of its own, so that maps of before and after can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from harness.errors import HarnessError, InputError, PermitError
from harness.fingerprint.outlets import leaves
from harness.fingerprint.search import Shown
from harness.i18n import tr
from harness.link.address import Address
from harness.link.http_call import Caller
from harness.link.reach import TlsFiles, client_context
from harness.link.tap import Connection
from harness.model import Outcome
from harness.probes.sql import SqlProbe
from harness.wire.http1_events import HttpRequest

ROWS_MAX: Final = 100_000
"""Of one view: more is an error and not a cut, because a token might stand behind it."""

FROM_ENVIRONMENT: Final = "env:"
"""``--sql NAME=env:VARIABLE`` takes the URL, which may hold a password, from the environment."""

OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One SELECT over one database.

    Attributes:
        name: of the outlet.
        url: a path or ``sqlite:PATH``, ``postgresql://...``, or ``env:VARIABLE``.
        query: without holes.
    """

    name: str
    url: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One address over HTTP; ``url`` as for a ``View``."""

    name: str
    url: str


Live = View | Page


def live_outlets(
    databases: Sequence[tuple[str, str]],
    queries: Sequence[tuple[str, str]],
    pages: Sequence[tuple[str, str]],
) -> list[Live]:
    """What the options name: each query finds its database by the name that both have.

    Raises:
        InputError: a name stands for two things, or has only one of database and query.
    """
    urls, texts = dict(databases), dict(queries)
    names = [name for name, _ in (*databases, *pages)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(tr("the outlet {name} stands twice", name=twice[0]))
    alone = sorted({*urls} ^ {*texts})
    if alone:
        raise InputError(
            tr("the outlet {name} needs both a database and a query", name=alone[0]),
            remedy=f"--sql {alone[0]}=URL --query {alone[0]}='SELECT ...'",
        )
    views = [View(name=name, url=url, query=texts[name]) for name, url in databases]
    return [*views, *(Page(name=name, url=url) for name, url in pages)]


def shown(live: Live, environ: Mapping[str, str]) -> Iterator[Shown]:
    """Everything that an outlet shows now.

    Raises:
        InputError: it cannot be read, or gives another answer than rows or 200; with its name.
    """
    url = live.url
    if url.startswith(FROM_ENVIRONMENT):
        variable = url.removeprefix(FROM_ENVIRONMENT)
        if not environ.get(variable):
            raise InputError(tr("the environment has no {name}", name=variable), where=live.name)
        url = environ[variable]
    return _rows(live, url) if isinstance(live, View) else _body(live, url)


def _rows(view: View, url: str) -> Iterator[Shown]:
    try:
        probe = SqlProbe(name=view.name, role="", url=url, query=view.query, rows_max=ROWS_MAX)
    except PermitError as error:
        raise InputError(error.message, where=view.name) from error
    try:
        answer = probe.ask({})
    finally:
        probe.close()
    if answer.outcome is not Outcome.OK:
        raise InputError(tr("cannot be read: {why}", why=answer.error), where=view.name)
    for row in answer.rows:
        for column, value in row.items():
            yield Shown(view.name, column, "" if value is None else value)


def _body(page: Page, url: str) -> Iterator[Shown]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError(tr("no address of HTTP: {url}", url=url), where=page.name,
                         remedy="http://HOST:PORT/PATH")  # fmt: skip
    secure = parts.scheme == "https"
    address = Address(
        host=parts.hostname, port=parts.port or (443 if secure else 80),
        tls=client_context(TlsFiles()) if secure else None, server_name=parts.hostname,
    )  # fmt: skip
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    about = Connection(id=f"{page.name}#1", link=page.name, interface="", local="medharness",
                       peer=page.name, client=True)  # fmt: skip
    asked = HttpRequest(method="GET", target=target, headers=(("Accept", "*/*"),))
    try:
        answer = Caller(address=address).call(about, asked)
    except HarnessError as error:
        raise InputError(tr("cannot be read: {why}", why=error.message), where=page.name) from error
    if answer.status != OK:
        why = tr("status {status}", status=answer.status)
        raise InputError(tr("cannot be read: {why}", why=why), where=page.name)
    text = _text(answer.payload)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        yield from (Shown(page.name, parts.path or "/", line) for line in text.splitlines())
    else:
        yield from leaves(page.name, value)


def _text(data: bytes) -> str:
    """UTF-8, or GB 18030; what is neither is shown byte by byte, so that a cut still shows."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
