"""Certificates of ours, read and checked by libraries that made none of them."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from simulators import certificates
from simulators.certificates import Authority

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def read(text):
    return x509.load_pem_x509_certificate(text.encode("ascii"))


@pytest.fixture(scope="module")
def authority():
    return Authority("an authority", NOW)


def test_an_issued_certificate_is_signed_by_its_authority(authority):
    ours = read(authority.pem)
    issued = read(authority.issue("pacs", ["localhost", "127.0.0.1"]))

    issued.verify_directly_issued_by(ours)
    ours.verify_directly_issued_by(ours)
    other = read(Authority("an authority", NOW).pem)
    with pytest.raises(Exception):  # noqa: B017 - InvalidSignature has no message
        issued.verify_directly_issued_by(other)


def test_names_dates_and_key_are_what_was_asked_for(authority):
    text = authority.issue("pacs", ["localhost", "127.0.0.1"], days=(-20, -10))
    issued = read(text)
    hosts = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert [str(one.value) for one in hosts] == ["localhost", "127.0.0.1"]
    assert issued.not_valid_before_utc == NOW - timedelta(days=20)
    assert issued.not_valid_after_utc == NOW - timedelta(days=10)
    key = load_pem_private_key(text[text.index("-----BEGIN EC") :].encode(), None)
    assert key.public_key() == issued.public_key()


def test_only_the_authority_may_sign_others(authority):
    constraints = x509.BasicConstraints

    for text, may in ((authority.pem, True), (authority.issue("pacs"), False)):
        assert read(text).extensions.get_extension_for_class(constraints).value.ca is may


def test_no_two_keys_or_serial_numbers_are_equal(authority):
    made = [read(authority.issue("one")) for _ in range(3)]

    assert len({one.serial_number for one in made}) == 3
    assert len({one.public_key().public_numbers() for one in made}) == 3


def test_the_system_library_takes_them(authority, tmp_path):
    path = tmp_path / "pacs.pem"
    path.write_text(authority.issue("pacs", ["localhost"]), encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    context.load_cert_chain(path)
    context.load_verify_locations(cadata=authority.pem)

    assert context.cert_store_stats()["x509_ca"] == 1


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def by_library(number):
    found = ec.derive_private_key(number, ec.SECP256R1()).public_key().public_numbers()
    return found.x, found.y


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7, 8, 2**255, 2**255 - 1, ORDER - 2, ORDER - 1])
def test_a_multiple_of_the_generator_is_that_of_the_library(number):
    assert certificates._times(number) == by_library(number)


@given(st.integers(1, ORDER - 1))
def test_any_multiple_of_the_generator_is_that_of_the_library(number):
    assert certificates._times(number) == by_library(number)


@pytest.mark.parametrize("number", [0, ORDER, 2 * ORDER, 2**256])
def test_what_is_no_key_is_refused(number):
    with pytest.raises(ValueError, match="order"):
        certificates._times(number)
