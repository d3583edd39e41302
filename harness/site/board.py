"""The board: a loopback page with the open cards, for whoever works at the systems of a site.

It needs no network beyond this machine and runs on the project's own HTTP core. A button never
completes a card: the page only says who works at it, takes ids that are typed or scanned (a scanner
types and presses Enter), and keeps screenshots by their hash.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from harness import limits
from harness.i18n import tr
from harness.link import actor as act
from harness.site.cards import Attachment, Card
from harness.site.page import PAGE
from harness.wire.core import Core
from harness.wire.http1 import HttpLimits, HttpServerCore
from harness.wire.http1_events import HttpExhausted, HttpRefusal, HttpRequest, HttpResponse

LINK: Final = "operator"
"""The link of the page."""

ATTACHMENT_BYTES_MAX: Final = 20 * limits.MIB
"""A screenshot of three 4K screens, uncompressed parts and all."""

TYPED_CHARS_MAX: Final = 64
"""Longer than any barcode that stands on a tube."""

_LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")
"""Names that the page answers to: a page of the web cannot reach it by another."""

OWN_HEADER: Final = "X-Medharness"
"""Only our own page sends it: a form of another page cannot."""


@dataclass(slots=True)
class Board:
    """The open cards of a run, shared between the desk and the page."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    keep: Callable[[bytes], str] = lambda _: ""
    stamp: Callable[[], str] = lambda: ""
    cards: list[Card] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def next_number(self) -> int:
        """A number for the next card."""
        return next(self._numbers)

    def put(self, card: Card) -> None:
        """Show a card."""
        with self.lock:
            self.cards.append(card)

    def drop(self, card: Card) -> None:
        """Take a card off."""
        with self.lock:
            self.cards = [one for one in self.cards if one is not card]

    def text(self, card: Card) -> str:
        """A card as the terminal shows it."""
        lines = [tr("▶ card {number} at {workstation}: {text}", number=card.number,
                    workstation=card.workstation, text=card.form.text)]  # fmt: skip
        lines += [f"    {label}: {value}" for label, value in card.shown()]
        lines += [tr("    to be typed or scanned: {label}", label=label)
                  for _, label in card.wants_typed()]  # fmt: skip
        return "\n".join(lines)

    def data(self) -> list[dict[str, Any]]:
        """For the page: cards by workstation, in the order in which they are to be done."""
        with self.lock:
            return [
                {
                    "number": card.number,
                    "workstation": card.workstation,
                    "text": card.form.text,
                    "fields": card.shown(),
                    "typed": card.wants_typed(),
                    "operator": card.operator,
                    "attachments": len(card.attachments),
                    "seen": bool(card.seen),
                }
                for card in self.cards
            ]

    def find(self, number: str) -> Card | None:
        """The open card of that number."""
        return next((one for one in self.cards if str(one.number) == number), None)


@dataclass(slots=True)
class Page:
    """The actor that serves the board."""

    board: Board
    role: str = LINK

    def open_core(self, link: str, *, client: bool) -> Core:
        """HTTP, as the server."""
        return HttpServerCore(limits=HttpLimits(body_bytes_max=ATTACHMENT_BYTES_MAX))

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """One request, one answer."""
        match event:
            case act.Received(conn=conn, event=HttpRequest() as request):
                return [act.Send(conn=conn, event=self._answer(request))]
            case act.Received(conn=conn, event=HttpRefusal(status=status)):
                return [act.Send(conn=conn, event=_plain(status, ""))]
            case act.Received(conn=conn, event=HttpExhausted()):
                return [act.Close(conn=conn)]
        return []

    def _answer(self, request: HttpRequest) -> HttpResponse:
        host = request.header("Host").rpartition(":")[0] or request.header("Host")
        if host not in _LOCAL:
            return _plain(400, tr("this page is for this machine alone"))
        path = urlsplit(request.target).path
        if request.method == "GET":
            return self._shown(path)
        if request.method != "POST" or not request.header(OWN_HEADER):
            return _plain(405, "")
        words = dict(parse_qsl(urlsplit(request.target).query))
        with self.board.lock:
            card = self.board.find(words.get("card", ""))
            if card is None:
                return _plain(404, tr("this card is not open"))
            return self._taken(path, card, words, request.payload)

    def _shown(self, path: str) -> HttpResponse:
        if path == "/cards.json":
            body = json.dumps({"cards": self.board.data()}, ensure_ascii=False).encode()
            return _found(body, "application/json; charset=utf-8")
        if path == "/":
            return _found(PAGE.encode(), "text/html; charset=utf-8")
        return _plain(404, "")

    def _taken(self, path: str, card: Card, words: dict[str, str], payload: bytes) -> HttpResponse:
        operator = words.get("operator", "").strip()[:TYPED_CHARS_MAX]
        if operator:
            card.operator, card.taken = operator, card.taken or self.board.stamp()
        match path:
            case "/take":
                return _plain(200, "") if operator else _plain(400, tr("say who you are"))
            case "/typed":
                name, value = words.get("name", ""), words.get("value", "").strip()
                if name not in card.typed or not 0 < len(value) <= TYPED_CHARS_MAX:
                    return _plain(400, tr("this card does not ask for that"))
                card.captured[name] = value
                return _plain(200, "")
            case "/attach" if payload:
                digest = self.board.keep(payload)
                card.attachments.append(
                    Attachment(words.get("name", "")[:200], digest, len(payload))
                )
                return _plain(200, digest)
        return _plain(404, "")


def _found(body: bytes, kind: str) -> HttpResponse:
    headers = (
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'"),
        ("X-Content-Type-Options", "nosniff"),
    )
    return HttpResponse(status=200, headers=headers, payload=body)


def _plain(status: int, text: str) -> HttpResponse:
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return HttpResponse(status=status, headers=(kind,), payload=text.encode())
