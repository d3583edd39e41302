"""TLS as a core: between two of them no byte moves but those that the test carries."""

import contextlib
import re
import ssl

import pytest

from harness.link import tls
from harness.link.tls_core import TlsCore, TlsFailed, TlsUnclosed
from harness.wire.core import Message
from harness.wire.mllp import MllpCore
from simulators.certificates import Authority

HOSTS = ("127.0.0.1",)
HL7 = b"MSH|^~\\&|HIS\rEVN|A04\r"


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    ours, other = Authority("ours"), Authority("other")
    texts = {
        "ca": ours.pem,
        "good": ours.issue("good", HOSTS),
        "expired": ours.issue("expired", HOSTS, days=(-20, -10)),
        "not-yet": ours.issue("not yet", HOSTS, days=(10, 20)),
        "name": ours.issue("name", ("pacs.example.invalid",)),
        "other": other.issue("other", HOSTS),
    }
    for name, text in texts.items():
        (folder / f"{name}.pem").write_text(text, encoding="ascii")
    return folder


def pair(papers, *, shown="good", held="good", oldest=False):
    ca = papers / "ca.pem"
    server = TlsCore(MllpCore(), tls.mutual_context(papers / f"{shown}.pem", ca))
    certificate = papers / f"{held}.pem" if held else None
    context = tls.client(ca, certificate, oldest=oldest)
    return TlsCore(MllpCore(), context, server_name="127.0.0.1"), server


def carried(client, server, *, piece=1 << 20):
    """Carry bytes to and fro until none move; returns the events of both and what went over."""
    events = {"client": [], "server": []}
    wire = b""
    while True:
        moved = False
        for name, one, two in (("server", client, server), ("client", server, client)):
            data = one.data_to_send()
            wire += data
            moved = moved or bool(data)
            for at in range(0, len(data), piece):
                two.receive(data[at : at + piece], 0.0)
            events[name] += two.events()
        if not moved:
            return events, wire


@pytest.mark.parametrize("oldest", [False, True])
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_a_message_waits_for_the_handshake_and_then_arrives(papers, oldest, piece):
    client, server = pair(papers, oldest=oldest)
    client.send(Message(payload=HL7), 0.0)
    events, wire = carried(client, server, piece=piece)

    assert events["server"] == [Message(payload=HL7)]
    assert events["client"] == []
    assert HL7 not in wire
    assert wire[:1] == b"\x16"  # RFC 8446 §5.1: a handshake record

    server.send(Message(payload=b"MSA|AA\r"), 0.0)
    events, _ = carried(client, server, piece=piece)
    assert events["client"] == [Message(payload=b"MSA|AA\r")]


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ("expired", "has expired"),
        ("not-yet", "not yet valid"),
        ("name", "mismatch"),
        ("other", "issuer certificate"),
    ],
)
def test_a_client_that_does_not_trust_says_why_and_sends_nothing(papers, shown, says):
    client, server = pair(papers, shown=shown)
    client.send(Message(payload=HL7), 0.0)
    events, _ = carried(client, server)

    (failed,) = events["client"]
    assert isinstance(failed, TlsFailed)
    assert says in failed.reason
    assert [type(one) for one in events["server"]] == [TlsFailed]  # the alert reached it


@pytest.mark.parametrize("oldest", [False, True])
@pytest.mark.parametrize("held", ["", "expired", "other"])
def test_a_server_that_does_not_trust_takes_no_message(papers, held, oldest):
    client, server = pair(papers, held=held, oldest=oldest)
    client.send(Message(payload=HL7), 0.0)
    events, _ = carried(client, server)

    assert [type(one) for one in events["server"]] == [TlsFailed]
    assert any(isinstance(one, TlsFailed) for one in events["client"])


def test_what_is_no_tls_is_told_and_answered_with_an_alert(papers):
    _, server = pair(papers)
    server.receive(b"\x0b" + HL7 + b"\x1c\r", 0.0)
    (failed,) = server.events()

    assert isinstance(failed, TlsFailed)
    assert re.fullmatch(rb"(\x15\x03.{5})?", server.data_to_send(), re.DOTALL)
    server.receive(b"more", 0.0)
    assert server.events() == []


def test_an_end_inside_the_handshake_is_a_failure_and_one_after_it_is_not(papers):
    client, server = pair(papers)
    client.receive_eof(0.0)
    assert [type(one) for one in client.events()] == [TlsFailed]

    client, server = pair(papers)
    carried(client, server)
    server.receive_eof(0.0)
    assert server.events() == [TlsUnclosed()]


def test_faults_act_on_what_is_carried(papers):
    client, server = pair(papers)
    client.mutator = lambda unit: [unit.data, unit.data]
    client.send(Message(payload=HL7), 0.0)
    events, _ = carried(client, server)

    assert events["server"] == [Message(payload=HL7)] * 2
    assert client.protocol == "mllp"


def test_tls_below_1_2_is_never_spoken(papers):
    _, server = pair(papers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(papers / "ca.pem")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    client = TlsCore(MllpCore(), context, server_name="127.0.0.1")
    events, _ = carried(client, server)

    assert [type(one) for one in events["server"]] == [TlsFailed]


def raw_client(papers):
    """A client of the library alone, between two buffers: it can say farewell, or not."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = tls.client(papers / "ca.pem", papers / "good.pem")
    return context.wrap_bio(into, out, server_hostname="127.0.0.1"), into, out


def shaken(papers):
    client, into, out = raw_client(papers)
    server = TlsCore(MllpCore(), tls.mutual_context(papers / "good.pem", papers / "ca.pem"))
    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        server.receive(out.read(), 0.0)
        into.write(server.data_to_send())
    assert server.events() == []
    return client, out, server


@pytest.mark.parametrize("cut", [0, 9])
def test_an_end_without_close_notify_is_told_and_half_a_message_is_none(papers, cut):
    client, out, server = shaken(papers)
    frame = b"\x0b" + HL7 + b"\x1c\r"
    client.write(frame[:-cut] if cut else frame)
    server.receive(out.read(), 0.0)
    messages = server.events()
    server.receive_eof(0.0)
    after = server.events()

    assert messages == ([] if cut else [Message(payload=HL7)])
    assert TlsUnclosed() in after
    assert not any(isinstance(one, Message) for one in after)
    assert [getattr(one, "code", "") for one in after if not isinstance(one, TlsUnclosed)] == (
        ["mllp.eof-inside-frame"] if cut else []
    )


def test_an_end_with_close_notify_is_no_trouble(papers):
    client, out, server = shaken(papers)
    client.write(b"\x0b" + HL7 + b"\x1c\r")
    with pytest.raises(ssl.SSLWantReadError):
        client.unwrap()  # RFC 8446 §6.1: sent at once, the peer's own need not be awaited
    server.receive(out.read(), 0.0)
    server.receive_eof(0.0)

    assert server.events() == [Message(payload=HL7)]


def test_a_new_certificate_counts_for_new_connections_and_old_ones_go_on(papers):
    client, server = pair(papers)
    carried(client, server)
    later, swapped = pair(papers, shown="expired")
    later.send(Message(payload=HL7), 0.0)
    events, _ = carried(later, swapped)
    assert any("has expired" in getattr(one, "reason", "") for one in events["client"])

    for number in range(50):
        client.send(Message(payload=HL7 + b"%d\r" % number), 0.0)
    events, _ = carried(client, server)
    assert [one.payload for one in events["server"]] == [HL7 + b"%d\r" % n for n in range(50)]
