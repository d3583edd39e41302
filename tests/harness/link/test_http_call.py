"""One request over a connection of its own: whole answers, cut requests, forbidden addresses."""

import socket
import threading

import pytest

from harness.errors import PermitError
from harness.link.address import Address
from harness.link.http_call import Caller, UnansweredError
from harness.link.tap import Connection
from harness.wire.http1_events import HttpRequest

CONN = Connection(
    id="web#1", link="web", interface="PACS-WEB", local="modality", peer="PACS", client=True
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"


class Seen:
    def __init__(self):
        self.links, self.sent, self.received = [], b"", b""

    def link(self, connection, event, reason):
        self.links.append(event)

    def data(self, connection, data, *, sent):
        if sent:
            self.sent += data
        else:
            self.received += data


class Never:
    def opens(self, connection, host, port):
        raise PermitError("forbidden")


@pytest.fixture
def server():
    """Takes one connection, keeps what comes, and says what it is told to."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)
    told = {"answer": ANSWER, "came": b""}

    def serve():
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(5)
            while b"\r\n\r\n" not in told["came"] and (data := sock.recv(65536)):
                told["came"] += data
            sock.sendall(told["answer"])

    thread = threading.Thread(target=serve)
    thread.start()
    yield Address(host="127.0.0.1", port=listener.getsockname()[1]), told
    thread.join(60)
    listener.close()
    assert not thread.is_alive()


def test_a_whole_answer_comes_back_and_every_byte_is_seen(server):
    address, told = server
    seen = Seen()

    answer = Caller(address=address, watcher=seen).call(
        CONN, HttpRequest(method="GET", target="/a")
    )

    assert (answer.status, answer.payload) == (200, b"body")
    assert seen.links == ["opened", "closed"]
    assert (seen.sent, seen.received) == (told["came"], ANSWER)
    assert f"Host: {address}".encode() in seen.sent


@pytest.mark.parametrize("answer", [b"", ANSWER[:10], ANSWER[:-1], b"no http at all\r\n\r\n"])
def test_an_answer_that_is_not_whole_is_unknown(server, answer):
    address, told = server
    told["answer"] = answer

    with pytest.raises(UnansweredError):
        Caller(address=address).call(CONN, HttpRequest(method="GET", target="/a"))


def test_a_cut_request_leaves_so_far_and_no_further(server):
    address, told = server
    seen = Seen()
    request = HttpRequest(target="/a", payload=b"x" * 1000)
    told["answer"] = b""

    with pytest.raises(UnansweredError):
        Caller(address=address, watcher=seen).call(CONN, request, share=0.5)

    assert 500 < len(seen.sent) < 700
    assert seen.sent.count(b"x") < 600


def test_nobody_there_is_unknown_and_a_forbidden_address_is_never_opened():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        place = Address(host="127.0.0.1", port=gone.getsockname()[1])
    request = HttpRequest(method="GET", target="/a")

    with pytest.raises(UnansweredError):
        Caller(address=place).call(CONN, request)
    with pytest.raises(PermitError):
        Caller(address=place, guard=Never()).call(CONN, request)
