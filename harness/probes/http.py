"""Looking through a web service: one question, and the rows of its JSON or XML answer.

Only a GET is sent (RFC 9110 §9.2.1: safe), or a POST to a path that is known to search and no
more (``searches.py``), over a connection of its own. Where the rows stand is a JSON pointer (RFC
6901) or an XML path; what a row holds is found by such a path within it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from harness import limits
from harness.digits import whole_number
from harness.errors import HarnessError, InputError, PeerError, PermitError
from harness.i18n import tr
from harness.link.http_call import UnansweredError
from harness.probes.asking import Row, answered, refused, silent
from harness.probes.carried import text_of
from harness.probes.pace import Pace
from harness.probes.probe import Answer
from harness.probes.searches import question_of
from harness.wire.http1_events import HttpRequest, HttpResponse

BODY_BYTES_MAX: Final = 32 * limits.MIB
"""Ten thousand rows of three kilobytes."""

DOCTYPE_BYTES: Final = 4096
"""A document type stands before the root element (XML 1.0 §2.8); no service needs one."""

NOT_FOUND: Final = 404
NO_CONTENT: Final = 204
"""An answer without rows by the standard (RFC 9110 §15.3.5); 404 also says that a path is wrong."""

Send = Callable[[HttpRequest], HttpResponse]
"""Carries one request out; raises ``UnansweredError`` where no whole answer comes."""


@dataclass(slots=True)
class HttpProbe:
    """A probe over HTTP.

    Args:
        name: in the profile.
        role: whose data it shows.
        send: carries the request out.
        target: path and query, with holes such as ``/results?barcode=:barcode``; or a search by
            POST: ``POST /tools/find`` and its keys as JSON in the lines below.
        path: where the rows stand: a JSON pointer such as ``/data/items``, or an XML path such as
            ``.//item``; empty for the whole answer. A list gives a row an entry, anything else one.
        columns: our name of a column and where it stands in a row: ``/value``, ``value`` or an XML
            path; ``@name`` is an attribute.
        empty_status: by which the service says that it has no such rows; 204 always does.
        header: one line such as ``Authorization: Bearer ...``; never shown.
        rows_max: more rows are an error.
        reach: how far it sees.
        pace: between two looks.
    """

    name: str
    role: str
    send: Send
    target: str
    path: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    header: str = ""
    empty_status: frozenset[int] = frozenset()
    rows_max: int = limits.PROBE_ROWS_MAX
    reach: str = "stored"
    pace: Pace = field(default_factory=Pace)

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Look once; 204 (no content) and ``empty_status`` are an answer without rows."""
        self.pace.wait()
        try:
            answer = self.send(question_of(self.target).request(args, self._headers()))
            if answer.status in {NO_CONTENT, *self.empty_status}:
                return answered([], self.rows_max)
            if answer.status == NOT_FOUND:
                return refused(_not_found())
            if not 200 <= answer.status < 300:
                return refused(tr("the service says {status}", status=answer.status))
            return answered(self._rows(answer), self.rows_max)
        except UnansweredError as error:
            return silent(error.message)
        except PermitError:
            raise
        except (HarnessError, PeerError) as error:
            return refused(str(error))

    def close(self) -> None:
        """Nothing is held."""

    def _headers(self) -> tuple[tuple[str, str], ...]:
        accept = ("Accept", "application/json, application/xml;q=0.9, text/xml;q=0.8")
        name, mark, value = self.header.partition(":")
        own = ((name.strip(), value.strip()),) if mark else ()
        return (accept, *own)

    def _rows(self, answer: HttpResponse) -> Sequence[Row]:
        """The rows of an answer.

        Raises:
            InputError: it cannot be read, or what is looked for does not stand in it.
        """
        if len(answer.payload) > BODY_BYTES_MAX:
            raise InputError(tr("the answer is too large"))
        if answer.payload.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
            return self._xml(answer.payload)
        try:
            whole = json.loads(text_of(answer.payload), parse_float=str, parse_int=str)
            return self._entries(whole)
        except (ValueError, RecursionError) as error:
            raise InputError(tr("the answer is neither JSON nor XML: {why}", why=error)) from None

    def _entries(self, whole: Any) -> Sequence[Row]:
        found = pointed(whole, self.path)
        if found is _MISSING:
            raise InputError(tr("the answer has nothing at {path}", path=self.path or "/"))
        entries = found if isinstance(found, list) else [found]
        return [self._row(one) for one in entries if one is not None]

    def _row(self, entry: Any) -> Row:
        if not self.columns:
            if not isinstance(entry, dict):
                raise InputError(tr("a row of the answer has no names"))
            return {str(name): _cell(value) for name, value in entry.items()}
        found = {name: pointed(entry, path) for name, path in self.columns.items()}
        return {name: _cell(value) for name, value in found.items() if value is not _MISSING}

    def _xml(self, data: bytes) -> Sequence[Row]:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            root = etree.fromstring(data, parser)
            if b"<!DOCTYPE" in data[:DOCTYPE_BYTES].upper():
                raise InputError(tr("the answer carries a document type"))
            entries = root.findall(self.path) if self.path else [root]
            return [self._element(one) for one in entries]
        except (etree.XMLSyntaxError, SyntaxError) as error:  # SyntaxError: of the path
            raise InputError(tr("the answer or its path is no XML: {why}", why=error)) from None

    def _element(self, entry: etree._Element) -> Row:
        if not self.columns:
            return {etree.QName(one).localname: _text(one) for one in entry.iterchildren("*")}
        row: Row = {}
        for name, path in self.columns.items():
            if path.startswith("@"):
                value = entry.get(path[1:])
                if value is not None:
                    row[name] = value
                continue
            one = entry.find(path)
            if one is not None:
                row[name] = _text(one)
        return row


def _not_found() -> str:
    return tr(
        "the service says 404: the path may be wrong; if it says so of rows that are not there,"
        " write empty_status = [404]"
    )


_MISSING: Final = object()


def pointed(told: Any, pointer: str) -> Any:
    """What stands at a JSON pointer (RFC 6901 §4); a first slash may be left out."""
    found = told
    for part in pointer.removeprefix("/").split("/") if pointer.strip("/") else ():
        name = part.replace("~1", "/").replace("~0", "~")
        at = whole_number(name)
        if isinstance(found, list) and at is not None and at < len(found):
            found = found[at]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            return _MISSING
    return found


def _cell(value: Any) -> str | None:
    """A value as it was written: numbers are read as text, so 4.10 stays 4.10."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _text(element: etree._Element) -> str:
    return "".join(str(part) for part in element.itertext()).strip()
