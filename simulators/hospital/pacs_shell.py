"""PACS and RIS as processes: what ``simulators.shell`` is for actors, for services over DICOM.

DIMSE runs on the threads and the time of its library, so these two have no actor and no core. The
lines over the pipe are the same: a configuration, ``ready LINK ADDRESS``, then commands.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from harness.errors import HarnessError, InputError
from harness.link import accepting
from harness.link.address import Address
from harness.link.dicom_scp import Listener, Service
from simulators import shell
from simulators.hospital import pacs, pacs_beside, pacs_store, ris, ris_feed
from simulators.hospital.heard import Heard
from simulators.hospital.pacs_beside import Beside
from simulators.hospital.pacs_gate import Gate
from simulators.store import Store, open_store

ROLES: Final = ("PACS", "RIS")


class _Imaging(Service, Protocol):
    defects: set[str]

    def command(self, name: str, args: Mapping[str, Any]) -> Any: ...

    def stop(self) -> None: ...


def make(config: Mapping[str, Any]) -> tuple[_Imaging, Listener, Store]:
    """The service of a role, its listener, and its store.

    Args:
        config: ``role``, ``store`` (a path), ``durable``, ``defects``.

    Raises:
        InputError: no such role.
    """
    role = config["role"]
    if role not in ROLES:
        raise InputError(f"the built-in hospital has no {role}")
    durable = bool(config.get("durable", True))
    defects = set(config.get("defects", ()))
    path = str(config["store"])
    if role == "RIS":
        store = open_store(path, (*ris.TABLES, *ris_feed.TABLES), durable=durable)
        desk = ris.Ris(store, defects)
        gate = Gate(ris.AE_TITLE, defects)
        return desk, Listener(Heard(desk), ris.AE_TITLE, ris.CONTEXTS, gate=gate), store
    store = open_store(path, pacs_store.TABLES, durable=durable)
    archive = pacs_store.Archive(store, Path(path).with_suffix(".files"), durable)
    service = pacs.Pacs(archive, defects)
    contexts = pacs.CONTEXTS
    gate = Gate(pacs.AE_TITLE, defects)
    listener = Listener(Heard(service), pacs.AE_TITLE, contexts, roles=(*pacs.STORAGE,), gate=gate)
    return service, listener, store


def run(config: Mapping[str, Any]) -> int:
    """Serve until standard input ends; the configuration has been read."""
    service, listener, store = make(config)
    beside = Beside(service, store)
    for link, where in config["listen"].items():
        side: Listener | Beside = listener
        if link == pacs_beside.LINKS[config["role"]]:
            side = beside
        host, port = where["host"], int(where["port"])
        address = accepting.again(partial(side.start, host, port), port)
        shell.say(f"ready {link} {address.host}:{address.port}")
    for line in sys.stdin:
        order = json.loads(line)
        if order["command"] == "_heard" and isinstance(listener.service, Heard):
            shell.say(json.dumps({"ident": order["ident"], "value": listener.service.take()}))
            continue
        shell.say(json.dumps(_obey(service, beside, order), ensure_ascii=False))
    left = [*beside.stop(), *listener.stop()]
    service.stop()
    store.close()
    for trouble in (*listener.troubles, *left):
        sys.stderr.write(f"{trouble}\n")
    return 0


def _obey(service: _Imaging, beside: Beside, order: Mapping[str, Any]) -> dict[str, Any]:
    name, args = order["command"], order["args"]
    answer: dict[str, Any] = {"ident": order["ident"]}
    try:
        if name == "_defects":
            service.defects.clear()
            service.defects.update(args["ids"])
        elif name == "_route":
            for link, where in args.items():
                beside.route(link, Address(host=where["host"], port=int(where["port"])))
        elif name == "_secure":
            answer["value"] = beside.secure(args)
        elif name == "_crash_at":
            answer["error"] = "a power cut at a commit is for systems without DICOM"
        elif not name.startswith("_"):
            answer["value"] = service.command(name, args)
    except HarnessError as error:
        answer["error"] = error.message
    except Exception as error:  # noqa: BLE001 - a command must not end the process
        answer["error"] = f"{type(error).__name__}: {error}"
    return answer


if __name__ == "__main__":
    sys.exit(run(json.loads(sys.stdin.readline())))
