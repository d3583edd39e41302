"""A listener for associations: a service gets each request and gives its answers.

The library accepts, negotiates and cuts messages; which answers a request gets is the service's
alone. Requests of one association are served one after the other in its own thread.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from harness.errors import HarnessError, InputError, PeerError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.dicom import Answer, Eyes, Request, join_all
from harness.link.dicom_guard import (
    APPLICATION_REFUSED,
    LIMIT_REFUSED,
    REQUEST_S,
    SILENT_MAX,
    Places,
    Silent,
)
from harness.link.dicom_messages import is_request, kind_of, request_of, say_answer
from harness.link.dicom_session import Call, Session
from harness.link.dicom_setup import taken
from harness.link.tap import Connection, Watcher
from harness.wire.dicom_items import APPLICATION_CONTEXT

__all__ = ["Call", "Gate", "Listener", "Service", "Session", "free_port"]

HANDSHAKE_S: Final = 5.0
"""For the handshake of TLS."""

COLLECT: Final = 64
"""Associations after which those that are over are let go."""

POLL_S: Final = 0.05
"""How often a listener looks whether it is to end."""

ASSOCIATIONS_MAX: Final = 25
"""At a time; the library's own default of ten is met by a morning's modalities."""


Gate = Callable[[Call], None]
"""Looks at each request for an association before it is negotiated."""


class Service(Protocol):
    """What answers."""

    def serve(self, request: Request, session: Session) -> Iterable[Answer]:
        """Answers to one request, the last one final; none is no answer at all."""
        ...


class _Server(ThreadedAssociationServer):
    """The library's server, which shakes hands in the thread of each connection.

    The library does it where it accepts, so that one silent client keeps all others out.
    """

    handshake: Callable[[], ssl.SSLContext] | None = None
    refused: Callable[[str], None] | None = None
    silent: Silent

    begun: int = 0

    def service_actions(self) -> None:
        """Nothing at every look: the library collects all garbage each third second."""

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin an association; in a thread of its own only where a handshake may take long."""
        self.begun += 1
        if not self.begun % COLLECT:
            gc.collect(1)  # associations that are over refer to themselves
        self.silent.came(request)
        if self.handshake is None:
            self.process_request_thread(request, client_address)
        else:
            super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Wrap the connection first, where the listener speaks TLS."""
        if self.handshake is not None:
            before = request.gettimeout()
            request.settimeout(HANDSHAKE_S)
            try:
                request = self.handshake().wrap_socket(
                    request, server_side=True, do_handshake_on_connect=False
                )
                self.silent.came(request)
                request.do_handshake()
            except OSError as error:
                request.close()
                if self.refused is not None:
                    self.refused(str(error))
                return
            request.settimeout(before)
        super().finish_request(request, client_address)


@dataclass(slots=True)
class Listener:
    """Accepts associations until it is stopped.

    Args:
        service: gives the answers.
        ae_title: ours.
        contexts: SOP classes and the transfer syntaxes that are accepted for each.
        callers: AE titles that may call; empty for all.
        check_called: refuse other called AE titles than ours.
        max_pdu: longest PDU that we take.
        associations_max: at a time, requested or established.
        silent_max: connections at a time that have not asked for an association.
        request_s: seconds within which a connection has said its whole request (PS3.8 §9.1.4).
        roles: classes where a requestor may be the SCP (C-GET, reports).
        connection: how the journal names what comes in; None where nobody watches.
        watcher: is shown every PDU.
        gate: is shown each request for an association, and may refuse it.
        tls: gives the context of each handshake; None for plain TCP.

    Attributes:
        turned: why handshakes failed, the newest last.
    """

    service: Service
    ae_title: str
    contexts: Sequence[tuple[str, Sequence[str]]]
    callers: Sequence[str] = ()
    check_called: bool = False
    max_pdu: int = 131072
    associations_max: int = ASSOCIATIONS_MAX
    silent_max: int = SILENT_MAX
    request_s: float = REQUEST_S
    roles: Sequence[str] = ()
    connection: Connection | None = None
    watcher: Watcher | None = None
    gate: Gate | None = None
    tls: Callable[[], ssl.SSLContext] | None = None
    troubles: list[str] = field(default_factory=list)
    turned: list[str] = field(default_factory=list)
    _server: Any = None
    _ae: Any = None
    _places: Places = field(init=False)
    _silent: Silent = field(init=False)
    _thread: threading.Thread | None = None

    def start(self, host: str, port: int) -> Address:
        """Listen; returns the address with the port that was given.

        Raises:
            InputError: nobody can listen there.
        """
        self._ae = ae = AE(ae_title=self.ae_title)
        ae.maximum_pdu_size = self.max_pdu
        ae.maximum_associations = sys.maxsize  # it would count the silent ones: see ``_places``
        ae.acse_timeout = self.request_s
        self._places, self._silent = Places(self.associations_max), Silent(self.silent_max)
        ae.require_calling_aet = list(self.callers)
        ae.require_called_aet = self.check_called
        offers = tuple((abstract, tuple(syntaxes)) for abstract, syntaxes in self.contexts)
        contexts = taken(offers, tuple(self.roles))
        eyes = Eyes(self.connection, self.watcher)
        handlers = [*eyes.handlers(), (evt.EVT_ACCEPTED, self._accepted),
                    (evt.EVT_REQUESTED, self._requested)]  # fmt: skip
        try:
            self._server = ae.make_server((host, port), evt_handlers=handlers, server_class=_Server,
                                          contexts=contexts)  # fmt: skip
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(
                tr("cannot listen on {place}: {reason}", place=f"{host}:{port}", reason=reason)
            ) from error
        self._server.handshake, self._server.refused = self.tls, self._turned
        self._server.silent = self._silent
        ae._servers.append(self._server)  # noqa: SLF001 - its shutdown takes it out again
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="dicom listener", daemon=True
        )
        self._thread.start()
        found = self._server.socket.getsockname()
        return Address(host=host, port=int(found[1]))

    def _turned(self, reason: str) -> None:
        """A handshake failed; its client is told by TLS."""
        self.turned.append(reason)
        del self.turned[:-ASSOCIATIONS_MAX]

    def _requested(self, event: Any) -> None:
        """Refuse what has no place or is no DICOM; show the gate the rest."""
        assoc = event.assoc
        asked = assoc.requestor.primitive
        self._silent.asked(assoc.dul.socket.socket)
        active, free = self._places.take(assoc)
        window = any(type(one).__name__ == "AsynchronousOperationsWindowNegotiation"
                     for one in asked.user_information)  # fmt: skip
        call = Call(calling=str(asked.calling_ae_title).strip(), window=window, active=active,
                    called=str(asked.called_ae_title).strip(), silent=len(self._silent),
                    _assoc=assoc)  # fmt: skip
        if asked.application_context_name != APPLICATION_CONTEXT:
            call.refuse(*APPLICATION_REFUSED)
            return
        if self.gate is not None:
            self.gate(call)
        if not free and not assoc._kill:  # noqa: SLF001 - the gate has not ended it
            call.refuse(*LIMIT_REFUSED)

    def _accepted(self, event: Any) -> None:
        """Take the requests of a new association, before its thread looks for the first."""
        assoc = event.assoc
        peer = assoc.requestor
        session = Session(calling=str(peer.ae_title).strip(), host=str(peer.address or ""),
                          called=str(assoc.requestor.primitive.called_ae_title).strip(),
                          _assoc=assoc)  # fmt: skip
        syntaxes = {one.context_id: str(one.transfer_syntax[0]) for one in assoc.accepted_contexts}

        def serve(message: Any, context: int) -> None:
            self._serve(assoc, session, message, context, syntaxes.get(context, ""))

        assoc._serve_request = serve  # noqa: SLF001 - the one way to get requests unread

    def _serve(self, assoc: Any, session: Session, message: Any, context: int, syntax: str) -> None:
        if not is_request(message) or not syntax:
            assoc.abort()
            return
        request = request_of(message, syntax)
        kind = kind_of(message)
        try:
            for answer in self.service.serve(request, session):
                say_answer(assoc, message, answer, context)
        except PeerError as error:
            answer = Answer(status=0xC000, comment=error.message)
            say_answer(assoc, message, answer, context)
        except (HarnessError, OSError, ValueError, LookupError) as error:
            self.troubles.append(f"{kind}: {type(error).__name__}: {error}")
            del self.troubles[:-ASSOCIATIONS_MAX]
            answer = Answer(status=0x0110, comment="processing failure")
            say_answer(assoc, message, answer, context)
        finally:
            assoc.dimse.cancel_req = {}

    def settle(self, limit_s: float) -> None:
        """Until every association is over, at most so long: their requestors release them."""
        until = time.monotonic() + limit_s
        for assoc in list(self._ae.active_associations) if self._ae is not None else ():
            assoc.join(max(0.0, until - time.monotonic()))

    def stop(self) -> list[str]:
        """Abort what is open and stop listening; returns threads that would not end."""
        if self._server is None:
            return []
        open_ones = list(self._ae.active_associations)
        threads: list[threading.Thread] = []
        for assoc in open_ones:
            threads += [assoc, assoc.dul]
            if assoc.is_established:
                assoc.abort()
            else:
                _hang_up(assoc)
        self._server.shutdown()
        self._server = None
        return join_all([one for one in [*threads, self._thread] if one and one.is_alive()])


def _hang_up(assoc: Any) -> None:
    """End a connection that never asked for an association; its thread waits for that."""
    wire = assoc.dul.socket.socket if assoc.dul.socket is not None else None
    if wire is not None:
        with contextlib.suppress(OSError):  # the other side may be gone already
            wire.shutdown(socket.SHUT_RDWR)
    assoc.dul.to_user_queue.put(None)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listened on a moment ago: where a dead destination is to be."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
