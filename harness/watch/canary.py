"""Probes of nobody over DICOM and HTTP: C-ECHO, and a call of the site's own writing.

C-ECHO is answered by the application behind the association (PS3.7 §9.1.5): a system whose
associations still come about while nothing behind them answers is out of service, and shows it
here. HTTP has no call that means nothing everywhere; a site names one that does not at its centre,
such as a sign-in (9001) of an operator of its own, as a file: request line, headers, body.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.dicom_echo import Came, echo
from harness.link.tap import Connection, Guard
from harness.wire.http1_events import HttpRequest

CALLING: Final = "MEDHARNESS"

_REQUEST: Final = re.compile(r"(GET|HEAD|POST|PUT) (/\S*)(?: HTTP/1\.1)?")
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "host"})
"""Headers that we write ourselves."""


class RefusedError(Exception):
    """No association came about; the text says what came in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """One C-ECHO.

    Attributes:
        address: of the listener.
        ae_title: that is called.
        connection: how the gate and the accounts name it.
        guard: asked before the address is opened.
        wait_s: how long each answer is waited for.
    """

    address: Address
    ae_title: str
    connection: Connection
    guard: Guard
    wait_s: float

    def ask(self, asked: Callable[[], None]) -> int | None:
        """The status of the answer; None where none came.

        Args:
            asked: called once the association stands, before the question.

        Raises:
            RefusedError: no association, or not for verification.
            OSError: no connection came about.
        """
        came = echo(
            self.address, called=self.ae_title, calling=CALLING, connection=self.connection,
            guard=self.guard, wait_s=self.wait_s, asked=asked,
        )  # fmt: skip
        if not came.associated:
            word = "C-ECHO" if came.came is Came.NO_CONTEXT else came.word
            raise RefusedError(tr("it takes no association: {word}", word=word))
        return came.status


def call(text: str, host: str) -> HttpRequest:
    """The request that a file writes: request line, headers, an empty line, the body.

    Raises:
        InputError: it has no request line, or a header without a colon.
    """
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *rest = head.strip().split("\n")
    line = _REQUEST.fullmatch(first.strip())
    if line is None:
        raise InputError(
            tr("the file of a call begins with its request line: {line}", line=first[:80]),
            remedy="POST /path HTTP/1.1",
        )
    headers = [("Host", host)]
    for row in rest:
        name, colon, value = row.partition(":")
        if not colon:
            raise InputError(tr("this is no header: {line}", line=row[:80]))
        if name.strip().lower() not in _FRAMING:
            headers.append((name.strip(), value.strip()))
    return HttpRequest(
        method=line[1], target=line[2], headers=tuple(headers),
        payload=body.strip().encode("utf-8"),
    )  # fmt: skip
