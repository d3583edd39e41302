"""``medharness simulate bridge``: the local bridge in the foreground, until Ctrl-C."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.errors import InputError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.host import Host
from harness.link.reach import TlsFiles, client_context
from simulators import foreground
from simulators.bridge.bridge import RETRIES, Bridge
from simulators.bridge.call import PREFIX
from simulators.bridge.caller import Caller, House
from simulators.centre.provinces import load_province
from simulators.centre.simulate import PROVINCE
from simulators.shell import plain

NEAR: Final = "bridge"
FAR: Final = "centre"

PORTS: Final = {"http": 80, "https": 443}


def bridge(args: argparse.Namespace) -> int:
    """One bridge, until the user stops it.

    Takes ``--province`` (``--profile``), ``--centre`` URL, ``--port``, ``--retry``,
    ``--answer-timeout`` and ``--tls-ca``. The path of the URL is the province's own.

    Raises:
        InputError: no centre is named, an address that is not loopback, a port in use.
    """
    province = load_province(args.province or getattr(args, "profile", "") or PROVINCE)
    foreground.check_host(args.host, expose=args.expose)
    foreground.check_port(args.port)
    centre = _centre(args.centre, args.tls_ca)
    if args.retry not in RETRIES:
        raise InputError(
            tr("no way to try again: {name}", name=args.retry), remedy=" ".join(RETRIES)
        )
    with foreground.until_stopped() as stopped, foreground.running() as runtime:
        caller = Caller(province, House(), host=str(centre))
        actor = Bridge(
            caller, runtime.clock, near=NEAR, far=FAR, answer_s=args.answer_timeout,
            retry=args.retry,
        )  # fmt: skip
        member = runtime.add(actor.role, Host(actor, runtime.clock, plain))
        member.routes[FAR] = centre
        at = foreground.listen(member, NEAR, args.host, args.port)
        foreground.say(f"ready {NEAR} http://{at}{PREFIX}")
        foreground.wait(stopped)
        answered = actor.answered
    return foreground.finish(
        {"answered": answered, "province": province.name}, 0, as_json=args.json
    )


def _centre(url: str, ca: str) -> Address:
    """Where the centre is.

    Raises:
        InputError: the URL is none, or leads beyond this machine: a bridge carries whatever its
            HIS says, and no profile has allowed that.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
        host = parts.hostname or ""
    except ValueError:
        port, host = 0, ""
    if not host or not port or parts.scheme not in PORTS:
        raise InputError(
            tr("--centre needs the centre's URL"), remedy="--centre http://127.0.0.1:PORT"
        )
    foreground.check_host(host, expose=False)
    if parts.scheme == "http":
        return Address(host=host, port=port)
    try:
        context = client_context(TlsFiles(ca=Path(ca) if ca else None))
    except (OSError, ValueError) as error:
        raise InputError(tr("the certificate cannot be used: {reason}", reason=error)) from error
    return Address(host=host, port=port, tls=context, server_name=host)
