"""SM2, SM3 and SM4 through ``gmssl`` (extra ``sm``).

The library fixes the SM2 user id to its default; gateways want their own, so the digest with the
user id is made here (GB/T 32918.2 §5.5) and the library signs it.
"""

from __future__ import annotations

import hmac
from types import ModuleType
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr

DEFAULT_USER_ID: Final = b"1234567812345678"
"""Where nobody agreed on another (GB/T 35276)."""

SM4_KEY_BYTES: Final = 16

_KEEP_PADDING: Final = 2
"""Neither of the modes that the library knows: we check what it would only cut off."""

_CURVE_HEAD: Final = (
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
"""a, b, Gx and Gy of sm2p256v1 (GB/T 32918.5)."""


def _gmssl() -> tuple[ModuleType, ModuleType, ModuleType]:
    try:
        from gmssl import sm2, sm3, sm4  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            tr("SM2, SM3 and SM4 need an extra"), remedy="pip install medharness[sm]"
        ) from error
    return sm2, sm3, sm4


def available() -> bool:
    """Whether the library is installed."""
    try:
        _gmssl()
    except InputError:
        return False
    return True


def sm3(data: bytes) -> bytes:
    """The SM3 digest, 32 bytes."""
    _, library, _ = _gmssl()
    return bytes.fromhex(library.sm3_hash(list(data)))


def _digest(public_key: str, data: bytes, user_id: bytes) -> bytes:
    bits = (len(user_id) * 8).to_bytes(2, "big")
    z = sm3(bits + user_id + bytes.fromhex(_CURVE_HEAD + public_key))
    return sm3(z + data)


def sm2_public(private_key: str) -> str:
    """The public key (128 hex digits, x and y) of a private one."""
    library, _, _ = _gmssl()
    curve: Any = library.CryptSM2(private_key=private_key, public_key="")
    return str(curve._kg(int(private_key, 16), library.default_ecc_table["g"])).lower()  # noqa: SLF001 - the library offers no other way


def sm2_sign(private_key: str, public_key: str, data: bytes, user_id: bytes, nonce: str) -> bytes:
    """An SM3withSM2 signature, r and s of 32 bytes each.

    Args:
        private_key: 64 hex digits.
        public_key: 128 hex digits.
        data: what is signed.
        user_id: agreed between both sides.
        nonce: 64 hex digits, never twice.
    """
    library, _, _ = _gmssl()
    signer = library.CryptSM2(private_key=private_key, public_key=public_key)
    return bytes.fromhex(signer.sign(_digest(public_key, data, user_id), nonce))


def sm2_verify(public_key: str, data: bytes, signature: bytes, user_id: bytes) -> bool:
    """Whether a signature of r and s (64 bytes) is that of the key's owner."""
    if len(signature) != 64:
        return False
    library, _, _ = _gmssl()
    verifier = library.CryptSM2(private_key="", public_key=public_key)
    return bool(verifier.verify(signature.hex(), _digest(public_key, data, user_id)))


def sm4_encrypt(key: bytes, data: bytes) -> bytes:
    """SM4 in ECB mode with PKCS #7 padding; of a longer key the first 16 bytes count."""
    _, _, library = _gmssl()
    cipher = library.CryptSM4()
    cipher.set_key(_key(key), library.SM4_ENCRYPT)
    return bytes(cipher.crypt_ecb(data))


def sm4_decrypt(key: bytes, data: bytes) -> bytes:
    """The reverse of ``sm4_encrypt``.

    Raises:
        ValueError: no whole blocks, or a padding that the key cannot have made.
    """
    _, _, library = _gmssl()
    if not data or len(data) % SM4_KEY_BYTES:
        raise ValueError("no whole SM4 blocks")
    cipher = library.CryptSM4(padding_mode=_KEEP_PADDING)
    cipher.set_key(_key(key), library.SM4_DECRYPT)
    plain = bytes(cipher.crypt_ecb(data))
    count = plain[-1]
    if not 1 <= count <= SM4_KEY_BYTES or not hmac.compare_digest(
        plain[-count:], bytes([count]) * count
    ):
        raise ValueError("wrong SM4 padding")
    return plain[:-count]


def _key(key: bytes) -> bytes:
    return key[:SM4_KEY_BYTES].ljust(SM4_KEY_BYTES, b"\x00")
