"""SM2, SM3, SM4 against published vectors and against another library."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from harness.errors import InputError
from simulators.centre import crypto_sm
from simulators.centre.provinces import load_province

KEYS = load_province("jilin").protection
NONCE = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21"


def test_sm3_of_abc() -> None:
    """GB/T 32905-2016, appendix A.1."""
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert crypto_sm.sm3(b"abc").hex() == expected


def test_sm4_of_the_standard() -> None:
    """GB/T 32907-2016, appendix A.1: the first block of key = text."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    assert crypto_sm.sm4_encrypt(key, key)[:16].hex() == "681edf34d206965e86b3e94f536e4246"


@pytest.mark.parametrize("text", [b"", b"a" * 15, b"a" * 16, "甲乙".encode()])
def test_sm3_and_sm4_agree_with_another_library(text: bytes) -> None:
    digest = hashes.Hash(hashes.SM3())
    digest.update(text)
    assert crypto_sm.sm3(text) == digest.finalize()

    key = b"medharness-client"[:16]
    cipher = Cipher(algorithms.SM4(key), modes.ECB()).decryptor()
    mine = crypto_sm.sm4_encrypt(b"medharness-client", text)
    plain = cipher.update(mine) + cipher.finalize()
    assert plain[: -plain[-1]] == text
    assert crypto_sm.sm4_decrypt(key, mine) == text


@pytest.mark.parametrize("cipher", [b"", b"a" * 15, b"a" * 16])
def test_no_cipher_text(cipher: bytes) -> None:
    with pytest.raises(ValueError):
        crypto_sm.sm4_decrypt(b"k" * 16, cipher)


@pytest.mark.slow
def test_a_signature_holds_for_its_text_key_and_user_id_alone() -> None:
    private, public = KEYS.hospital_private_key, KEYS.hospital_public_key
    assert crypto_sm.sm2_public(private) == public
    made = crypto_sm.sm2_sign(private, public, b"text", b"user", NONCE)

    assert crypto_sm.sm2_verify(public, b"text", made, b"user")
    assert not crypto_sm.sm2_verify(public, b"texT", made, b"user")
    assert not crypto_sm.sm2_verify(public, b"text", made, b"other")
    assert not crypto_sm.sm2_verify(KEYS.centre_public_key, b"text", made, b"user")
    assert not crypto_sm.sm2_verify(public, b"text", made[:-1], b"user")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gmssl", None)
    assert not crypto_sm.available()
    with pytest.raises(InputError) as caught:
        crypto_sm.sm3(b"")
    assert "medharness[sm]" in caught.value.remedy


# -- a second opinion ----------------------------------------------------------------------------

SPKI_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
"""SubjectPublicKeyInfo of an SM2 key up to x (RFC 5480, OID of sm2p256v1 from GM/T 0006)."""


def der_integer(value: bytes) -> bytes:
    data = value.lstrip(b"\0") or b"\0"
    data = b"\0" + data if data[0] & 0x80 else data
    return b"\x02" + bytes([len(data)]) + data


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command line is missing")
@pytest.mark.parametrize("tampered", [False, True])
def test_openssl_verifies_what_we_sign(tmp_path: Path, *, tampered: bool) -> None:
    private = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
    public = crypto_sm.sm2_public(private)
    text = "医保结算 2207".encode()
    signature = crypto_sm.sm2_sign(private, public, text, b"1234567812345678", NONCE)
    body = der_integer(signature[:32]) + der_integer(signature[32:])
    (tmp_path / "key.der").write_bytes(SPKI_HEAD + bytes.fromhex(public))
    (tmp_path / "signature").write_bytes(b"\x30" + bytes([len(body)]) + body)
    (tmp_path / "text").write_bytes(text + b"0" * tampered)

    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der",
         "-rawin", "-digest", "sm3", "-in", "text", "-sigfile", "signature",
         "-pkeyopt", "distid:1234567812345678"],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert ("Verified Successfully" in done.stdout) is not tampered, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command line is missing")
def test_we_verify_what_openssl_signs(tmp_path: Path) -> None:
    def openssl(*words: str, data: bytes = b"") -> bytes:
        done = subprocess.run(
            ["openssl", *words], cwd=tmp_path, input=data, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    openssl("ecparam", "-genkey", "-name", "SM2", "-noout", "-out", "key.pem")
    public = openssl("pkey", "-in", "key.pem", "-pubout", "-outform", "DER")[-64:].hex()
    text = "医保结算 2304".encode()
    (tmp_path / "text").write_bytes(text)
    der = openssl("pkeyutl", "-sign", "-inkey", "key.pem", "-rawin", "-digest", "sm3",
                  "-in", "text", "-pkeyopt", "distid:medharness-client")  # fmt: skip
    signature = integers(der)

    assert crypto_sm.sm2_verify(public, text, signature, b"medharness-client")
    assert not crypto_sm.sm2_verify(public, text + b" ", signature, b"medharness-client")
    assert not crypto_sm.sm2_verify(public, text, signature, b"1234567812345678")
    assert openssl("dgst", "-sm3", "-binary", data=text) == crypto_sm.sm3(text)
    key = b"medharness-clien"
    cipher = openssl("enc", "-sm4-ecb", "-K", key.hex(), data=text)
    assert crypto_sm.sm4_encrypt(key, text) == cipher
    assert crypto_sm.sm4_decrypt(key, cipher) == text


def integers(der: bytes) -> bytes:
    """r and s of a DER signature, 32 bytes each."""
    at, found = 2, b""
    for _ in range(2):
        length = der[at + 1]
        found += der[at + 2 : at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return found
