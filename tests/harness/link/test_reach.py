"""Looking at places over loopback: what answers, what does not, and what a certificate says."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

import pytest

from harness.link import reach

TLS = Path(__file__).resolve().parents[2] / "corpus" / "tls"


@contextlib.contextmanager
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server, server.getsockname()[1]


@contextlib.contextmanager
def tls_server(name: str, *, ca: str = ""):
    """Shakes hands once and reports whether any byte came over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / f"{name}.pem", TLS / f"{name}.key")
    if ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(TLS / ca)
    said: list[bytes] = []

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock, _ = server.accept()
            with sock, context.wrap_socket(sock, server_side=True) as tls:
                tls.settimeout(5)
                said.append(tls.recv(1))

    with listener() as (server, port):
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield port, said, thread
        thread.join(60)


def test_a_listener_is_reached_without_a_byte():
    with listener() as (server, port):
        seen = reach.tcp_reach("127.0.0.1", port)
        sock, _ = server.accept()
        sock.settimeout(5)
        with sock:
            assert sock.recv(1) == b""

    assert seen.ok
    assert seen.seconds >= 0


def test_a_closed_port_is_told_with_its_reason():
    with listener() as (_, port):
        pass
    seen = reach.tcp_reach("127.0.0.1", port)

    assert not seen.ok
    assert seen.reason


@pytest.mark.parametrize("host", ["", "a" * 70 + ".invalid", "\ud800"])
def test_a_name_that_cannot_be_is_no_exception(host):
    assert not reach.tcp_reach(host or "a..b", 1, 0.1).ok
    assert not reach.tls_certificate(host or "a..b", 1, reach.TlsFiles(), 0.1).ok


def test_a_free_port_can_be_listened_on_and_a_taken_one_not():
    with listener() as (_, port):
        assert not reach.can_listen("127.0.0.1", port).ok
    assert reach.can_listen("127.0.0.1", 0).ok


def test_an_ipv6_address_is_bound_as_one():
    # TEST-NET and documentation addresses are nobody's, so binding fails, in words.
    assert not reach.can_listen("192.0.2.1", 0).ok
    assert not reach.can_listen("2001:db8::1", 0).ok


def test_addresses_are_their_own_resolution():
    assert reach.resolve("127.0.0.1") == ("127.0.0.1",)


def test_a_name_that_no_one_knows_has_no_address():
    assert reach.resolve("\ud800") == ()
    assert reach.resolve("a" * 300) == ()


def test_a_resolver_that_hangs_is_given_up(monkeypatch):
    release = threading.Event()

    def hang(*_, **__):
        release.wait(5)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    found = reach.resolve("slow.example", 0.01)
    release.set()

    assert found == ()


def test_a_certificate_is_read_and_nothing_sent():
    with tls_server("server") as (port, said, thread):
        seen = reach.tls_certificate("127.0.0.1", port, reach.TlsFiles(ca=TLS / "ca.pem"))
        thread.join(60)

    assert seen.ok, seen.reason
    assert seen.not_before == dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert seen.not_after == dt.datetime(2099, 12, 31, tzinfo=dt.UTC)
    assert said in ([b""], [])


@pytest.mark.parametrize(
    ("name", "files", "reason"),
    [
        ("expired", reach.TlsFiles(ca=TLS / "ca.pem"), "expired"),
        ("server", reach.TlsFiles(), "issuer certificate"),
        ("server", reach.TlsFiles(ca=TLS / "ca.pem", server_name="lis.example"), "mismatch"),
    ],
)
def test_a_certificate_that_cannot_be_trusted_says_why(name, files, reason):
    with tls_server(name) as (port, _, _thread):
        seen = reach.tls_certificate("127.0.0.1", port, files)

    assert not seen.ok
    assert reason in seen.reason


def test_our_own_certificate_is_shown_to_a_server_that_asks():
    ours = reach.TlsFiles(
        ca=TLS / "ca.pem", certificate=TLS / "server.pem", key=TLS / "server.key", password="x"
    )
    with tls_server("server", ca="ca.pem") as (port, _, _thread):
        assert reach.tls_certificate("127.0.0.1", port, ours).ok


def test_files_that_are_no_certificates_are_a_reason():
    bad = reach.TlsFiles(ca=TLS / "README.md")
    wrong_key = reach.TlsFiles(certificate=TLS / "server.pem", key=TLS / "expired.key")

    assert not reach.tls_certificate("127.0.0.1", 9, bad).ok
    assert "mismatch" in reach.tls_certificate("127.0.0.1", 9, wrong_key).reason.lower()


def test_a_timeout_has_words():
    assert reach._why(TimeoutError()) == "timed out"
    assert reach._why(ValueError()) == "ValueError"
    assert reach._date(None) is None


def test_serial_ports_are_listed_by_name(monkeypatch):
    from types import SimpleNamespace

    from serial.tools import list_ports

    monkeypatch.setattr(list_ports, "comports", lambda: [SimpleNamespace(device="COM3")])

    assert reach.serial_ports() == ("COM3",)
