"""One association that we ask for, and the requests over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from pynetdicom import AE, build_role, evt
from pynetdicom.pdu_primitives import A_ASSOCIATE

from harness.errors import HarnessError, PeerError
from harness.link.address import Address
from harness.link.dicom import (
    PENDING,
    Answer,
    Eyes,
    Quiet,
    Request,
    Told,
    join_all,
    no_association,
    require_open,
)
from harness.link.dicom_messages import (
    answer_of,
    command_of_request,
    is_request,
    request_of,
    say_answer,
    say_request,
)
from harness.link.dicom_setup import proposed
from harness.link.tap import Connection, Guard, Watcher
from harness.wire.dicom_events import SendDimse, cut

CONTEXTS_MAX: Final = 128
"""Odd numbers from 1 to 255 (PS3.8 §9.3.2.2)."""

ANSWERS_MAX: Final = 100_000
"""Answers to one query that are taken; a peer that never ends must not fill the memory."""

UNSUPPORTED: Final = 0x0122
UNREADABLE: Final = 0x0110
"""Statuses of what nobody here takes, and of what cannot be read (PS3.7 annex C.5)."""

REJECTIONS: Final = {
    (1, 1, 1): "no reason given",
    (1, 1, 2): "application context not supported",
    (1, 1, 3): "calling AE title not recognized",
    (1, 1, 7): "called AE title not recognized",
    (1, 2, 2): "protocol version not supported",
    (2, 3, 1): "temporary congestion",
    (2, 3, 2): "local limit exceeded",
}
"""Result, source and reason of A-ASSOCIATE-RJ (PS3.8 table 9-21); others are shown as numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One presentation context that is proposed.

    Attributes:
        abstract: SOP class.
        syntaxes: transfer syntaxes, in order; a real modality proposes one a context.
        scp: propose that we are the SCP too (C-GET, reports of commitment).
    """

    abstract: str
    syntaxes: Sequence[str]
    scp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Whom we call and how.

    Attributes:
        address: of the listener.
        called: its AE title.
        calling: our AE title.
        max_pdu: longest PDU that we take; 0 for any.
        acse_s: for the answer to our request.
        dimse_s: for each answer to a message.
        idle_s: without any traffic.
    """

    address: Address
    called: str
    calling: str
    max_pdu: int = 16384
    acse_s: float = 10.0
    dimse_s: float = 10.0
    idle_s: float = 60.0


Takes = Callable[[Request], int]
"""Takes a request of the peer on an association of ours; returns the status of its answer."""


@dataclass(slots=True)
class Association:
    """An association that we opened; use it as a context manager.

    Args:
        peer: whom we call.
        offers: what we propose.
        connection: how the journal names it; needed where somebody watches or guards.
        watcher: is shown every PDU.
        guard: asked before the address is opened.
        told: is told each whole message.
        store: takes C-STORE requests that a C-GET brings; returns the status.
        report: takes N-EVENT-REPORT requests, whenever they come while the association stands
            (PS3.4 §J.3.3); returns the status.
    """

    peer: Peer
    offers: Sequence[Offer]
    connection: Connection | None = None
    watcher: Watcher | None = None
    guard: Guard | None = None
    told: Told | None = None
    store: Takes | None = None
    report: Takes | None = None
    error: str = ""
    _assoc: Any = None
    _quiet: Quiet | None = None
    _eyes: Eyes = field(init=False)
    _contexts: dict[tuple[str, str], int] = field(default_factory=dict)
    _syntax: dict[int, str] = field(default_factory=dict)
    _next_id: int = 1
    _finished: bool = False
    _ended: bool = False

    def __post_init__(self) -> None:
        if len(self.offers) > CONTEXTS_MAX:
            raise HarnessError(f"more than {CONTEXTS_MAX} presentation contexts")
        self._eyes = Eyes(self.connection, self.watcher)

    # ---- opening and closing

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Messages can be sent."""
        assoc = self._assoc
        # What was aborted counts as established until the thread that serves has looked.
        established = assoc is not None and bool(assoc.is_established) and not self._ended
        return established and assoc.dul.is_alive()

    def open(self) -> bool:
        """Ask for the association; False and ``error`` where there is none.

        Raises:
            HarnessError: it was asked for already; a second one would leave the first behind.
        """
        if self._assoc is not None:
            raise HarnessError("this association was asked for already")
        address = self.peer.address
        require_open(self.guard, self.connection, address.host, address.port)
        ae = AE(ae_title=self.peer.calling)
        ae.acse_timeout, ae.dimse_timeout = self.peer.acse_s, self.peer.dimse_s
        ae.network_timeout, ae.connection_timeout = self.peer.idle_s, self.peer.acse_s
        begun = time.monotonic()
        self._assoc = assoc = ae.associate(
            address.host,
            address.port,
            contexts=proposed(tuple((one.abstract, tuple(one.syntaxes)) for one in self.offers)),
            ae_title=self.peer.called,
            max_pdu=self.peer.max_pdu,
            ext_neg=[
                build_role(one, scu_role=True, scp_role=True)
                for one in dict.fromkeys(offer.abstract for offer in self.offers if offer.scp)
            ],
            tls_args=(address.tls, address.server_name) if address.tls is not None else None,
            evt_handlers=[*self._eyes.handlers(), (evt.EVT_CONN_OPEN, self._opened)],
        )
        self._quiet = Quiet(assoc)
        if not assoc.is_established:
            self.error = self._why(time.monotonic() - begun)
            self._finish()
            return False
        for one in assoc.accepted_contexts:
            syntax, ident = str(one.transfer_syntax[0]), int(one.context_id or 0)
            self._contexts.setdefault((str(one.abstract_syntax), syntax), ident)
            self._syntax[ident] = syntax
        return True

    def _opened(self, event: Any) -> None:
        """Take what the peer asks while nobody waits: the library has no service for it."""
        event.assoc._serve_request = self._serve  # noqa: SLF001 - the one way to get requests unread

    def _why(self, seconds: float) -> str:
        assoc = self._assoc
        # The library takes a rejection that came before it looked for a connection that failed.
        late = None if assoc.is_rejected else assoc.dul.peek_next_pdu()
        primitive = late or assoc.acceptor.primitive
        if isinstance(primitive, A_ASSOCIATE) and primitive.result:
            triple: Any = (primitive.result, primitive.result_source, primitive.diagnostic)
            return f"rejected {triple}: {REJECTIONS.get(triple, 'see PS3.8 table 9-21')}"
        if assoc.rejected_contexts:
            return "no usable presentation context"
        if seconds >= self.peer.acse_s:  # the library aborts then, and would say so
            return f"no answer within {self.peer.acse_s:g} s"
        return "aborted" if assoc.is_aborted else "not reached"

    def close(self) -> list[str]:
        """Release, or abort where that does not work; returns threads that would not end."""
        if self.is_open:
            self._assoc.release()
        if self.is_open:
            self._assoc.abort()
        return self._finish()

    def abort(self) -> None:
        """End it without a word of order."""
        if self._assoc is not None and self._assoc.is_alive():
            self._assoc.abort()
        self._finish()

    def _finish(self) -> list[str]:
        if self._assoc is None:
            return []
        self._finished = True
        self._assoc.kill()
        return join_all(self._threads())

    def _threads(self) -> list[threading.Thread]:
        both = (self._assoc, self._assoc.dul)
        return [one for one in both if one.is_alive()]

    # ---- what was agreed

    def syntaxes(self, abstract: str) -> list[str]:
        """Transfer syntaxes accepted for a class."""
        return [syntax for one, syntax in self._contexts if one == abstract]

    def results(self) -> Mapping[str, int]:
        """Result by SOP class of the contexts: 0 accepted, 1 to 4 refused (PS3.8 table 9-18)."""
        if self._assoc is None:
            return {}
        both = [*self._assoc.rejected_contexts, *self._assoc.accepted_contexts]
        return {str(one.abstract_syntax): int(one.result) for one in both}

    def _context(self, request: Request) -> int:
        exact = self._contexts.get((request.sop_class, request.syntax))
        if exact is None and not request.payload:
            found = [ident for (one, _), ident in self._contexts.items()
                     if one == request.sop_class]  # fmt: skip
            exact = found[0] if found else None
        if exact is None:
            raise no_association(f"{request.sop_class} was not accepted in {request.syntax}")
        return exact

    # ---- asking

    def next_id(self) -> int:
        """A fresh message id."""
        ident, self._next_id = self._next_id, self._next_id % 0xFFFF + 1
        return ident

    def ask(self, request: Request) -> Answer:
        """One request with one answer; status -1 and an error where none came."""
        return list(self.ask_all(request))[-1]

    def ask_all(self, request: Request) -> Iterator[Answer]:
        """One request, and each answer up to the final one.

        Raises:
            HarnessError: there is no association, or none of its contexts fits.
            PermitError: the data set is about somebody who is not ours.
        """
        if self._contexts and not self.is_open and not self._finished:
            yield Answer(status=-1, kind=request.kind, error="aborted")  # by the peer, just now
            return
        if not self.is_open or self._quiet is None:
            raise no_association(self.error or "it is over")
        context = self._context(request)
        begun = time.monotonic()
        with self._quiet.held():
            if self.guard is not None and self.connection is not None and request.payload:
                # The syntax stands with the protocol: without it nobody can read the data set.
                self.guard.payload(self.connection, f"dicom {request.syntax}", request.payload)
            if self.told is not None:
                self.told("sent", request)
            self._quiet.say(lambda: say_request(self._assoc, request, context))
            for _ in range(ANSWERS_MAX):
                answer = self._answer(begun)
                if answer is None:
                    continue
                yield answer
                if answer.status not in PENDING:
                    return
        yield Answer(status=-1, kind=request.kind, error=f"more than {ANSWERS_MAX} answers")

    def cancel(self, request: Request) -> None:
        """Ask for the end of a request whose answers are coming (PS3.7 §9.3.2.3).

        Its last answer says whether that was done: status FE00, or what it would have been.
        """
        if not self.is_open:
            raise no_association(self.error or "it is over")
        self._assoc.send_c_cancel(request.message_id, self._context(request))

    def _answer(self, begun: float) -> Answer | None:
        """The next answer; None where a request of the peer came between."""
        if self._quiet is None:
            return Answer(status=-1, error="no association")
        context, message = self._quiet.take()
        seconds = time.monotonic() - begun
        if message is None:
            late = self._quiet.timed_out and self.is_open
            if late:
                self.abort()
            self._ended = True
            return Answer(status=-1, error="timeout" if late else "aborted", seconds=seconds)
        if is_request(message):
            self._serve(message, context)
            return None
        answer = answer_of(message, self._syntax.get(context, ""), seconds)
        if self.told is not None:
            self.told("received", answer)
        return answer

    def _serve(self, message: Any, context: int) -> None:
        """What the peer asks on our association: stores of a C-GET, reports of commitment."""
        assoc = self._assoc
        if assoc is None or not is_request(message):
            return  # an answer that nobody waits for any more
        request = request_of(message, self._syntax_of(context))
        if self.told is not None:
            self.told("received", request)
        take = {"C-STORE": self.store, "N-EVENT-REPORT": self.report}.get(request.kind)
        try:
            status = UNSUPPORTED if take is None else int(take(request))
        except PeerError:  # of what it cannot read nobody may think that it was taken
            status = UNREADABLE
        say_answer(assoc, message, Answer(status=status), context)

    def _syntax_of(self, context: int) -> str:
        """What was agreed for a context, also before ``open`` has noted it."""
        agreed = (str(one.transfer_syntax[0]) for one in self._assoc.accepted_contexts
                  if one.context_id == context)  # fmt: skip
        return self._syntax.get(context) or next(agreed, "")

    def pieces(self, request: Request, pdu_bytes: int = 0) -> list[bytes]:
        """The PDUs of a request as they would leave.

        Args:
            request: the request.
            pdu_bytes: longest PDU; 0 for what the peer takes.
        """
        if not self.is_open:
            raise no_association(self.error or "it is over")
        message = SendDimse(context=self._context(request), command=command_of_request(request),
                            payload=request.payload)  # fmt: skip
        return cut(message, pdu_bytes or self._assoc.dimse.maximum_pdu_size or 0)

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are: the beginning of a message that is never to end.

        Raises:
            HarnessError: over TLS, where nobody else may write, or where the connection is gone.
        """
        wire = self._assoc.dul.socket if self._assoc is not None else None
        write = getattr(wire, "write_raw", None)
        if write is None or not write(data):
            raise no_association(self.error or "bytes cannot be written to it")

    def cut(self) -> None:
        """Take the connection away, as a cable does."""
        wire = self._assoc.dul.socket if self._assoc is not None else None
        if wire is not None:
            wire.cut()
        self._finish()

    def store_part(self, request: Request, share: float) -> None:
        """Send the first share of the PDUs of a request, and abort."""
        pieces = self.pieces(request)
        most = max(1, min(len(pieces) - 1, int(len(pieces) * share)))
        self.send_raw(b"".join(pieces[:most]))
        self.abort()
