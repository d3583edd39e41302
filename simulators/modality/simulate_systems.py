"""``medharness simulate imaging``: the built-in PACS and RIS in the foreground, until Ctrl-C."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from simulators import foreground
from simulators.hospital import pacs_shell
from simulators.hospital.pacs_beside import Beside
from simulators.modality.systems import BESIDE, LINKS


def imaging(args: argparse.Namespace) -> int:
    """PACS and RIS with the defects of ``--defect``; what they store is gone at the end.

    ``--port N`` gives the PACS the port N and the RIS N+1, the web side of the PACS N+2, and the
    orders over HL7 N+3.

    Raises:
        InputError: a port in use, or an address that is not loopback.
    """
    foreground.check_host(args.host, expose=getattr(args, "expose", False))
    foreground.check_port(args.port, 2 * len(pacs_shell.ROLES))
    with ExitStack() as stack:
        stopped = stack.enter_context(foreground.until_stopped())
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="medharness-", ignore_cleanup_errors=True)
        )
        for index, role in enumerate(pacs_shell.ROLES):
            store_at = str(Path(folder) / f"{role.lower()}.sqlite")
            config = {"role": role, "store": store_at, "defects": args.defect}
            service, listener, store = pacs_shell.make(config)
            stack.callback(store.close)
            stack.callback(service.stop)
            address = listener.start(args.host, args.port + index if args.port else 0)
            stack.callback(listener.stop)
            foreground.say(f"ready {LINKS[role]} {address.host}:{address.port}")
            beside = Beside(service, store)
            stack.callback(beside.stop)
            more = len(pacs_shell.ROLES) + index
            address = beside.start(args.host, args.port + more if args.port else 0)
            foreground.say(f"ready {BESIDE[role]} {address.host}:{address.port}")
        foreground.wait(stopped)
    return foreground.finish({}, 0, as_json=args.json)
