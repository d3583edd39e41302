"""One TCP or TLS connection: one thread reads and closes it, any thread queues what it sends.

Sending never blocks its caller: what the peer does not take at once leaves in a thread of its own,
so that a peer that does not read holds up neither its actor nor any other connection.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from harness import limits

OUT_BYTES_MAX: Final = 2 * limits.MESSAGE_BYTES_MAX
"""Bytes waiting for a peer that does not read; beyond it the connection is given up."""

SEND_CHUNK_BYTES: Final = 256 * 1024
"""One write: above the default send buffer of Linux, small enough to share a TLS session."""

RECORD_BYTES: Final = 16 * 1024
"""What one record of TLS carries at most (RFC 8446 §5.1): room that is seldom too much."""

LINGER_S: Final = 2.0
"""After our FIN the peer gets so long to close its side; several round trips of any LAN."""

KEEP_ALIVE_S: Final = 60
"""A connection on which nothing goes is looked after so often: below the 5 to 30 minutes after
which firewalls forget one."""

DOES_NOT_READ: Final = "the peer does not read"
RESET: Final = "reset"
CLOSE: Final = "close"

Spawn = Callable[[Callable[[], None]], None]
"""Runs something in a thread that the owner of the connection will wait for."""

_NOTHING: Final = memoryview(b"")
_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# struct linger has two ints on POSIX and two shorts on Windows.
_LINGER_ZERO = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
# poll() knows no largest file descriptor; Windows has only select(), which there has none either.
_Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


@dataclass(slots=True, eq=False)
class Wire:
    """A connected socket with an outgoing queue.

    Args:
        sock: connected; after its handshake where it is TLS.
        spawn: starts the thread that sends what the peer does not take at once.

    Attributes:
        broken: why it is given up; empty while it works.
        lingers_until: when its reader lets go of it although the peer does not end; None before
            we ended it.
        receive: reads what is there; ``BlockingIOError`` where nothing is.
    """

    sock: socket.socket
    spawn: Spawn
    broken: str = ""
    lingers_until: float | None = None
    _pieces: list[bytes] = field(default_factory=list)
    _sending: memoryview = _NOTHING
    _waiting: int = 0
    _busy: bool = False
    _ending: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # OpenSSL forbids reading and writing one session at the same time.
    _session: threading.Lock = field(default_factory=threading.Lock)

    receive: Callable[[int], bytes] = field(init=False)
    _plain: bool = field(init=False)
    _secure: bool = field(init=False)

    def __post_init__(self) -> None:
        self._plain = type(self.sock) is socket.socket
        self._secure = isinstance(self.sock, ssl.SSLSocket)
        self.receive = self.sock.recv if self._plain else self._decrypted
        self.sock.settimeout(0.0)
        try:  # noqa: SIM105 - one for each connection, and three times as fast
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:  # no TCP, or over already, which the first read tells
            pass

    # -- sending -------------------------------------------------------------------------------

    def put(self, data: bytes) -> None:
        """Queue bytes; ``flush`` sends them."""
        with self._lock:
            if self.broken:
                return
            self._waiting += len(data)
            full = self._waiting > OUT_BYTES_MAX
            if not full:
                self._pieces.append(data)
        if full:
            self.give_up(DOES_NOT_READ)

    def send_at_once(self, data: bytes) -> bool:
        """Send where nothing waits, for the one thread that may ``put`` now.

        Returns:
            False where something is left, or waits before it: ``flush`` sends it.
        """
        if self._pieces or self._busy or self._ending or self.broken or not self._plain:
            self.put(data)
            return False
        try:
            sent = self.sock.send(data)
        except OSError:
            sent = 0  # the next attempt tells why
        if sent == len(data):
            return True
        self.put(data[sent:])
        return False

    def end(self, how: str) -> None:
        """After what is queued: ``close`` in order (FIN), or ``reset`` (RST)."""
        with self._lock:
            self._ending = how

    def flush(self) -> None:
        """Give the operating system what it takes now; the rest follows by itself."""
        with self._lock:
            if self._busy or self._sent_whole():
                return
            self._busy = True
        if not self._push():
            self.spawn(self._push_rest)

    def _sent_whole(self) -> bool:
        """Send the one piece that waits, under the lock: the socket never makes its caller wait.

        Returns:
            False where anything is left to do.
        """
        pieces = self._pieces
        waits = not (self._plain or self._secure)  # a serial line may take its time
        if len(pieces) != 1 or waits or self._sending or self.broken:
            return False
        piece = pieces[0]
        if len(piece) > SEND_CHUNK_BYTES:
            return False
        try:
            if self._plain:
                sent = self.sock.send(piece)
            else:
                with self._session:
                    sent = self.sock.send(piece)
        except OSError:
            return False  # the next attempt tells why
        pieces.clear()
        self._waiting -= sent
        if sent < len(piece):
            self._sending = memoryview(piece)[sent:]
            return False
        return not self._ending

    def _push_rest(self) -> None:
        while True:
            if not self._ready(selectors.EVENT_WRITE, limits.SEND_TIMEOUT_S):
                self.give_up(DOES_NOT_READ)
            if self._push():
                return

    def _push(self) -> bool:
        """Send until the queue is empty (True) or the peer takes no more (False)."""
        while True:
            with self._lock:
                if self.broken:
                    self._drop()
                if not self._sending:
                    pieces, self._pieces = self._pieces, []
                    self._sending = memoryview(b"".join(pieces))
                if not self._sending:
                    self._busy = False
                    how, self._ending = self._ending, ""
                    if how:
                        self._finish(how)
                    return True
            sent = self._send(self._sending[:SEND_CHUNK_BYTES])
            if not sent and not self.broken:
                return False
            with self._lock:
                self._sending = self._sending[sent:]
                self._waiting -= sent

    def _send(self, data: memoryview) -> int:
        try:
            with self._session:
                return self.sock.send(data)
        except _AGAIN:
            return 0
        except OSError as error:
            self.give_up(reason_of(error))
            return 0

    def _drop(self) -> None:
        self._pieces.clear()
        self._sending = _NOTHING
        self._waiting = 0

    # -- ending --------------------------------------------------------------------------------

    def _finish(self, how: str) -> None:
        self.lingers_until = monotonic() + LINGER_S
        with contextlib.suppress(OSError):
            if how == RESET:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
                self.lingers_until = 0.0
                # Wakes our reader without a FIN; its close then sends the RST.
                self._shutdown(socket.SHUT_RD)
                return
            if isinstance(self.sock, ssl.SSLSocket):
                with self._session, contextlib.suppress(OSError, ValueError):
                    self.sock.unwrap()  # close_notify; its answer is not waited for
            self._shutdown(socket.SHUT_WR)

    def _shutdown(self, how: int) -> None:
        """Of the TCP connection: that of ``SSLSocket`` would hand ciphertext to our reader."""
        socket.socket.shutdown(self.sock, how)

    def give_up(self, reason: str) -> None:
        """Mark as broken and wake the reader, which tells the actor."""
        with self._lock:
            self.broken = self.broken or reason
        with contextlib.suppress(OSError):
            self._shutdown(socket.SHUT_RDWR)

    # -- receiving -----------------------------------------------------------------------------

    def receive_ready(self) -> tuple[bytes, str | None]:
        """What has come over a socket that is readable, and why it ended.

        The reason is None while it goes on, and empty for an orderly end. What comes after we
        ended or gave up is dropped.
        """
        try:
            data = self.receive(limits.RECEIVE_CHUNK_BYTES)
        except BlockingIOError:
            return b"", None
        except OSError as error:
            return b"", self.broken or reason_of(error)
        if not data:
            return b"", self.broken
        return (data, None) if self.lingers_until is None and not self.broken else (b"", None)

    @property
    def shared(self) -> bool:
        """One thread can read it beside others; a serial line waits by itself."""
        return self._plain or isinstance(self.sock, ssl.SSLSocket)

    def _decrypted(self, size: int) -> bytes:
        """What a TLS session has, all of it: what it holds back no selector would tell of."""
        sock = self.sock
        assert isinstance(sock, ssl.SSLSocket)
        if self.lingers_until is not None and monotonic() >= self.lingers_until:
            return b""  # a last look would let the session answer, where we want to say nothing
        with self._session:
            try:
                data = sock.recv(min(size, RECORD_BYTES))
                while data and sock.pending():
                    data += sock.recv(size)
            except _AGAIN as error:
                raise BlockingIOError from error
        return data

    def read_all(self, taken: Callable[[bytes], None]) -> str:
        """Read until the end; returns why it ended, empty for an orderly end."""
        reader = self.sock
        try:
            reader = self._reader()
            while True:
                data = self._receive(reader)
                if not data:
                    return self.broken
                if self.lingers_until is None and not self.broken:
                    taken(data)
        except OSError as error:
            return self.broken or reason_of(error)
        finally:
            if reader is not self.sock:
                reader.detach()
            self.sock.close()

    def _reader(self) -> socket.socket:
        """A second handle of a plain socket, which waits by itself where the first one does not.

        The pair costs two system calls a read and no selector; a TLS session has no second handle.
        """
        if type(self.sock) is not socket.socket:  # TLS, or a serial line that waits by itself
            return self.sock
        sock = self.sock
        reader = socket.socket(sock.family, sock.type, sock.proto, fileno=sock.fileno())
        reader.settimeout(LINGER_S)
        return reader

    def _receive(self, sock: socket.socket) -> bytes:
        """The next bytes; empty at the end, also where we ended and the peer does not."""
        while True:
            over_at = self.lingers_until
            if over_at is not None and monotonic() >= over_at:
                return b""
            try:
                if not isinstance(sock, ssl.SSLSocket):
                    return sock.recv(limits.RECEIVE_CHUNK_BYTES)
                with self._session:
                    return sock.recv(limits.RECEIVE_CHUNK_BYTES)
            except TimeoutError:
                continue
            except _AGAIN:
                self._ready(selectors.EVENT_READ, LINGER_S)

    def _ready(self, event: int, timeout_s: float) -> bool:
        with _Selector() as selector:
            try:
                selector.register(self.sock, event)
            except (ValueError, KeyError, OSError):
                return True  # closed meanwhile: let the call itself say so
            return bool(selector.select(timeout_s))


def reason_of(error: OSError) -> str:
    """Why a connection broke, in the same words on every system where we can."""
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return RESET
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return str(error) or type(error).__name__


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return _kept_alive(socket.create_server((host, port), family=family, backlog=128))


def connect(host: str, port: int) -> socket.socket:
    """A connected socket, or ``OSError``."""
    return _kept_alive(socket.create_connection((host, port), limits.CONNECT_TIMEOUT_S))


def _kept_alive(sock: socket.socket) -> socket.socket:
    """Let the system look after a silent peer; what a listener accepts inherits it.

    A firewall that forgets an idle connection tells nobody: without this both sides wait for ever.
    """
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_S)
    return sock
