"""The board: a loopback page with the open cards, for whoever works at the systems of a site.

It needs no network beyond this machine and runs on the project's own HTTP core. A button never
completes a card: the page only says who works at it, takes ids that are typed or scanned (a scanner
types and presses Enter), and keeps screenshots by their hash.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from harness import limits, output_files
from harness.i18n import tr
from harness.link import actor as act
from harness.site.cards import Attachment, Card
from harness.site.page import page
from harness.wire.core import Core
from harness.wire.http1 import HttpLimits, HttpServerCore
from harness.wire.http1_events import HttpExhausted, HttpRefusal, HttpRequest, HttpResponse

LINK: Final = "operator"
"""The link of the page."""

ATTACHMENT_BYTES_MAX: Final = 20 * limits.MIB
"""A screenshot of three 4K screens, uncompressed parts and all."""

TYPED_CHARS_MAX: Final = 64
"""Longer than any barcode that stands on a tube."""

FINISHED_KEPT: Final = 30
"""Done cards that the page still shows: an evening of one workstation."""

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
    indexed: Callable[[Card, Attachment], None] = lambda _card, _one: None
    cards: list[Card] = field(default_factory=list)
    finished: deque[Card] = field(default_factory=lambda: deque(maxlen=FINISHED_KEPT))
    """Cards that were seen to be done: a picture of the screen afterwards may still be added."""
    used: set[object] = field(default_factory=set)
    """Rows of probes that proved a card: a row proves one, whosever it is."""
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
            if not self.cards:
                self.used.clear()
            if card.seen and card not in self.finished:
                self.finished.append(card)

    def take_up(self, card: Card, operator: str) -> None:
        """Somebody works at a card; the time is that of the first."""
        card.operator, card.taken = operator, card.taken or self.stamp()

    def type_in(self, card: Card, name: str, value: str) -> bool:
        """Take what was typed or scanned; False where the card does not ask for that."""
        if name not in card.typed or not 0 < len(value) <= TYPED_CHARS_MAX:
            return False
        card.captured[name] = value
        return True

    def text(self, card: Card) -> str:
        """A card as the terminal shows it."""
        lines = [tr("▶ card {number} at {workstation}: {text}", number=card.number,
                    workstation=card.workstation, text=card.form.text)]  # fmt: skip
        lines += [f"    {label}: {value}" for label, value in card.shown()]
        if card.first():
            lines.append(f"    {self.first(card)}")
        if card.earlier:
            lines.append(f"    {card.earlier}")
        lines += [tr("    to be typed or scanned: {label}", label=label)
                  for _, label in card.wants_typed()]  # fmt: skip
        return "\n".join(lines)

    def first(self, card: Card) -> str:
        """What a card waits for, in words; empty where for nothing."""
        numbers = ", ".join(str(one) for one in card.first())
        return tr("only after card {numbers}", numbers=numbers) if numbers else ""

    def data(self) -> list[dict[str, Any]]:
        """For the page: cards by workstation, in the order in which they are to be done."""
        with self.lock:
            return [
                {
                    "number": card.number,
                    "workstation": card.workstation,
                    "text": card.form.text,
                    "fields": card.shown(),
                    "first": self.first(card),
                    "earlier": card.earlier,
                    "typed": card.wants_typed(),
                    "operator": card.operator,
                    "attachments": len(card.attachments),
                    "seen": bool(card.seen),
                }
                for card in self.cards
            ]

    def done(self) -> list[dict[str, Any]]:
        """Cards to which a picture may still be added, the latest first."""
        with self.lock:
            return [
                {
                    "number": card.number,
                    "workstation": card.workstation,
                    "text": card.form.text,
                    "attachments": len(card.attachments),
                }
                for card in reversed(self.finished)
            ]

    def find(self, number: str, *, done: bool = False) -> Card | None:
        """The open card of that number; with ``done`` also one that was seen to be done."""
        among = [*self.cards, *(self.finished if done else ())]
        return next((one for one in among if str(one.number) == number), None)

    def attach(self, card: Card, name: str, data: bytes) -> str:
        """Keep a picture or page for a card; returns its hash."""
        one = Attachment(name[:200], self.keep(data), len(data))
        card.attachments.append(one)
        self.indexed(card, one)
        return one.sha256


@dataclass(slots=True)
class Page:
    """The actor that serves the board, in the language of whoever made it."""

    board: Board
    role: str = LINK
    html: str = field(default_factory=page)

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
            card = self.board.find(words.get("card", ""), done=path == "/attach")
            if card is None:
                return _plain(404, tr("this card is not open"))
            return self._taken(path, card, words, request.payload)

    def _shown(self, path: str) -> HttpResponse:
        if path == "/cards.json":
            told = {"cards": self.board.data(), "done": self.board.done()}
            body = output_files.utf8(json.dumps(told, ensure_ascii=False))
            return _found(body, "application/json; charset=utf-8")
        if path == "/":
            return _found(output_files.utf8(self.html), "text/html; charset=utf-8")
        return _plain(404, "")

    def _taken(self, path: str, card: Card, words: dict[str, str], payload: bytes) -> HttpResponse:
        operator = words.get("operator", "").strip()[:TYPED_CHARS_MAX]
        if operator:
            self.board.take_up(card, operator)
        match path:
            case "/take":
                return _plain(200, "") if operator else _plain(400, tr("say who you are"))
            case "/typed":
                name, value = words.get("name", ""), words.get("value", "").strip()
                if not self.board.type_in(card, name, value):
                    return _plain(400, tr("this card does not ask for that"))
                return _plain(200, "")
            case "/attach" if payload:
                return _plain(200, self.board.attach(card, words.get("name", ""), payload))
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
    return HttpResponse(status=status, headers=(kind,), payload=output_files.utf8(text))
