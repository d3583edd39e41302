"""Associations over TLS: who is let in, who is not trusted, and that nobody blocks the listener."""

import socket
import ssl
import threading

import pytest

from harness.link import tls
from harness.link.address import Address
from harness.link.dicom import VERIFICATION, Answer, Request
from harness.link.dicom_data import IMPLICIT
from harness.link.dicom_raw import RawPeer
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from simulators.modality.papers import Papers

ECHO = Request(kind="C-ECHO", sop_class=VERIFICATION)
OFFERS = [Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT])]


class Echo:
    def serve(self, request, session):
        yield Answer(status=0)


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    made = Papers(tmp_path_factory.mktemp("tls"))
    made.path("authority")  # all are made at the first question
    return made


class Turned(list):
    """Reasons of failed handshakes; they come from threads of their own."""

    def __init__(self):
        super().__init__()
        self.came = threading.Event()

    def append(self, reason):
        super().append(reason)
        self.came.set()


class Pacs:
    """A listener whose certificate can be exchanged while it runs."""

    def __init__(self, papers):
        self.papers, self.shown = papers, "pacs"
        self.listener = Listener(
            Echo(), "PACS", [(VERIFICATION, (IMPLICIT,))],
            tls=lambda: tls.mutual_context(papers.path(self.shown), papers.path("authority")),
        )  # fmt: skip
        self.listener.turned = Turned()
        self.address = self.listener.start("127.0.0.1", 0)

    def reached(self, held, *, oldest=False, name="127.0.0.1"):
        certificate = self.papers.path(held) if held else None
        context = tls.client(self.papers.path("authority"), certificate, oldest=oldest)
        return Address(host="127.0.0.1", port=self.address.port, tls=context, server_name=name)

    def call(self, held, **more):
        address = self.reached(held, **more)
        peer = Peer(address=address, called="PACS", calling="CT", acse_s=3, dimse_s=3)
        with Association(peer, OFFERS) as link:
            return link.ask(ECHO).status if link.is_open else link.error

    def look(self, held="device", **more):
        """Why a device does not trust what is shown; empty where it does."""
        with RawPeer(self.reached(held, **more)) as peer:
            return peer.untrusted


@pytest.fixture
def pacs(papers):
    made = Pacs(papers)
    yield made
    assert made.listener.stop() == []
    assert made.listener.troubles == []


@pytest.mark.parametrize("oldest", [True, False])
def test_sound_certificates_are_let_in(pacs, oldest):
    assert pacs.call("device", oldest=oldest) == 0
    assert pacs.listener.turned == []


@pytest.mark.parametrize("held", ["", "device-expired", "device-other-authority"])
def test_a_device_without_a_sound_certificate_is_not_let_in(pacs, held):
    assert pacs.call(held) != 0
    assert pacs.listener.turned.came.wait(5)
    assert pacs.call("device") == 0


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ("pacs-expired", "expired"),
        ("pacs-other-host", "mismatch"),
        ("pacs-other-authority", "issuer"),
    ],
)
def test_a_device_does_not_trust_an_unsound_pacs(pacs, shown, why):
    pacs.shown = shown

    assert why in pacs.look()
    assert pacs.call("device") != 0
    pacs.shown = "pacs"
    assert pacs.look() == ""


def test_a_certificate_under_another_name_is_not_that_of_the_pacs(pacs):
    assert "mismatch" in pacs.look(name="pacs.example.invalid")


def test_a_silent_client_keeps_nobody_out(pacs):
    """The library shakes hands where it accepts: there, this call would wait for the silent one."""
    with socket.create_connection(("127.0.0.1", pacs.address.port)) as silent:
        silent.sendall(b"\x16")
        assert pacs.call("device") == 0


def test_plain_text_is_turned_away_and_others_are_served(pacs):
    peer = Peer(address=pacs.address, called="PACS", calling="CT", acse_s=2)
    with Association(peer, OFFERS) as link:
        assert not link.is_open
    assert pacs.call("device") == 0


def test_a_certificate_without_its_key_is_a_clear_error(papers, tmp_path):
    alone = tmp_path / "alone.pem"
    alone.write_text(papers.path("authority").read_text("ascii"), encoding="ascii")

    with pytest.raises(Exception, match=r"certificate|证书"):
        tls.mutual_context(alone, None)


def test_the_newest_version_alone_leaves_the_older_ones_out(pacs, papers):
    context = tls.newest_only(tls.mutual_context(papers.path("pacs"), None))

    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
