"""DICOM over TLS beside DCMTK, whose TLS is OpenSSL's and whose DICOM is its own."""

import pytest
from dicom_rig import call, program, serving

from harness.link import tls
from harness.link.address import Address
from harness.link.dicom import VERIFICATION, Answer, Request
from harness.link.dicom_data import IMPLICIT
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from simulators.modality.papers import Papers

pytestmark = [pytest.mark.peer, pytest.mark.slow]


class Echo:
    def serve(self, request, session):
        yield Answer(status=0)


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    return Papers(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def pacs(papers):
    listener = Listener(
        Echo(), "PACS", [(VERIFICATION, (IMPLICIT,))],
        tls=lambda: tls.mutual_context(papers.path("pacs"), papers.path("authority")),
    )  # fmt: skip
    yield listener.start("127.0.0.1", 0).port
    assert listener.stop() == []


@pytest.mark.parametrize(
    ("held", "sound"),
    [("device", True), ("device-expired", False), ("device-other-authority", False)],
)
def test_its_client_is_let_in_with_a_sound_certificate_alone(pacs, papers, held, sound):
    own = papers.path(held)

    code, said = call("echoscu", "-aec", "PACS", "--enable-tls", own, own, "--null-passwd",
                      "--add-cert-file", papers.path("authority"), "127.0.0.1", pacs)  # fmt: skip

    assert (code == 0) is sound, said


def test_its_client_without_tls_is_not_let_in(pacs):
    assert call("echoscu", "-to", 3, "-ta", 3, "-aec", "PACS", "127.0.0.1", pacs)[0] != 0


@pytest.mark.parametrize(
    ("shown", "held", "sound"),
    [
        ("pacs", "device", True),
        ("pacs-expired", "device", False),
        ("pacs-other-authority", "device", False),
        ("pacs", "device-other-authority", False),
    ],
)
def test_our_device_and_its_server_trust_sound_certificates_alone(
    papers, tmp_path, shown, held, sound
):
    own, ca = papers.path(shown), papers.path("authority")

    def command(port):
        return [program("storescp"), "--enable-tls", str(own), str(own), "--null-passwd",
                "--add-cert-file", str(ca), str(port)]  # fmt: skip

    with serving(command, tmp_path) as server:
        address = Address(host="127.0.0.1", port=server.port, server_name="127.0.0.1",
                          tls=tls.client(ca, papers.path(held)))  # fmt: skip
        peer = Peer(address=address, called="ANY", calling="CT", acse_s=5, dimse_s=5)
        with Association(peer, [Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT])]) as link:
            assert link.is_open is sound, link.error
            if sound:
                assert link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION)).ok
