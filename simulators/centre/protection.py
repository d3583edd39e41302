"""Payload protection: what is signed and hidden inside the envelope, on both sides.

``sm4-input``: ``input`` is Base64 of SM4 under the client id, ``cainfo`` the SM2 signature over the
clear text. ``sm2-members``: ``cainfo`` is the SM2 signature over the other members in ASCII order;
``input`` is clear text. Both rest on one source each.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from harness.wire.envelope import Request, as_text, read_input
from harness.wire.json_exact import dumps, loads
from simulators.centre import crypto_sm
from simulators.centre.provinces import Protection
from simulators.centre.signatures import GatewayRefusal


def open_request(protection: Protection, request: Request) -> Mapping[str, Any]:
    """The nodes of a request, verified and in the clear.

    Raises:
        GatewayRefusal: signature or cipher do not fit.
        JsonError, EnvelopeError: what was inside is no input.
    """
    client = protection.client_id.encode()
    if protection.family == "sm4-input":
        try:
            cipher = base64.b64decode(request.input_text, validate=True)
            plain = crypto_sm.sm4_decrypt(client, cipher)
            text = plain.decode("utf-8")
        except ValueError as error:
            raise GatewayRefusal("cipher") from error
        _verify(protection.hospital_public_key, request.text("cainfo"), plain, client)
        return read_input(text)
    if protection.family == "sm2-members":
        signed = member_text(request.members)
        cainfo = request.text("cainfo")
        _verify(protection.hospital_public_key, cainfo, signed, crypto_sm.DEFAULT_USER_ID)
    return read_input(request.input_text) if request.input_text else request.input


def _verify(public_key: str, cainfo: str, data: bytes, user_id: bytes) -> None:
    try:
        signature = base64.b64decode(cainfo, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if not crypto_sm.sm2_verify(public_key, data, signature, user_id):
        raise GatewayRefusal("cainfo")


def member_text(members: Mapping[str, Any]) -> bytes:
    """The members but ``cainfo`` and ``input`` that have a value, as ``k=v`` in ASCII order."""
    parts = [
        f"{name}={as_text(value)}"
        for name, value in sorted(members.items())
        if name not in {"cainfo", "input"} and as_text(value)
    ]
    return "&".join(parts).encode("utf-8")


def seal(
    protection: Protection, members: Mapping[str, Any], nodes: Any, *, by: str = "hospital"
) -> dict[str, Any]:
    """The members with ``input`` (``output`` where the centre seals) as the province wants it.

    Args:
        protection: of the province.
        members: everything else of the envelope.
        nodes: of the transaction.
        by: ``hospital`` or ``centre``: whose key signs.
    """
    name = "input" if by == "hospital" else "output"
    if protection.family == "none":
        return {**members, name: nodes}
    private = getattr(protection, f"{by}_private_key")
    public = getattr(protection, f"{by}_public_key")
    plain = dumps(nodes).encode("utf-8")
    client = protection.client_id.encode()
    if protection.family == "sm4-input":
        signature = _signed(private, public, plain, client)
        cipher = base64.b64encode(crypto_sm.sm4_encrypt(client, plain)).decode("ascii")
        extra = {"enc_type": "SM4", "signtype": "SM2", "cainfo": signature}
        return {**members, **extra, name: cipher}
    whole = {**members, "signtype": "SM2"}
    signature = _signed(private, public, member_text(whole), crypto_sm.DEFAULT_USER_ID)
    return {**whole, "cainfo": signature, name: plain.decode("utf-8")}


def _signed(private: str, public: str, data: bytes, user_id: bytes) -> str:
    """The nonce comes from key and data, so it repeats only with the signature itself."""
    nonce = hashlib.sha256(bytes.fromhex(private) + data).hexdigest()
    return base64.b64encode(crypto_sm.sm2_sign(private, public, data, user_id, nonce)).decode(
        "ascii"
    )


def open_answer(protection: Protection, members: Mapping[str, Any]) -> Any:
    """``output`` of an answer, verified and in the clear, where the province protects answers.

    Raises:
        GatewayRefusal: signature or cipher do not fit.
        JsonError: what was inside is no JSON.
    """
    output = members.get("output")
    if not protection.answers or not isinstance(output, str) or not output:
        return output
    client = protection.client_id.encode()
    key, cainfo = protection.centre_public_key, as_text(members.get("cainfo"))
    if protection.family == "sm4-input":
        try:
            plain = crypto_sm.sm4_decrypt(client, base64.b64decode(output, validate=True))
            text = plain.decode("utf-8")
        except ValueError as error:
            raise GatewayRefusal("cipher") from error
        _verify(key, cainfo, plain, client)
        return loads(text)
    if protection.family == "sm2-members":
        signed = member_text({name: one for name, one in members.items() if name != "output"})
        _verify(key, cainfo, signed, crypto_sm.DEFAULT_USER_ID)
    return loads(output)
