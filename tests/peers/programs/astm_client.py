"""The client of PyPI ``astm``: reads one JSON object a line, sends it, and says how it went.

``{"port": 1, "records": [...], "encoding": "gbk", "chunk": null, "bulk": false}``; the answer is
``{"accepted": [true, ...]}``, what the emitter was told of each record.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

SITE = Path(__file__).parents[1] / "python" / "build"
sys.path.insert(0, str(SITE))
for name in ("Iterable", "Mapping", "MutableMapping", "Sequence", "Callable"):
    setattr(collections, name, getattr(collections.abc, name))

from astm.client import Client  # noqa: E402


def send(order: dict[str, Any]) -> dict[str, Any]:
    """One session over a connection of its own."""
    accepted: list[bool] = []

    def emitter() -> Generator[Any, bool, None]:
        for record in order["records"]:
            answer = yield record
            accepted.append(answer)

    client = Client(
        emitter, "127.0.0.1", order["port"], encoding=order["encoding"], timeout=5,
        chunk_size=order["chunk"], bulk_mode=order["bulk"],
    )  # fmt: skip
    client.run(0.02)
    return {"accepted": accepted}


def main() -> None:
    """Until the input ends."""
    sys.stdout.write("ready 0\n")
    sys.stdout.flush()
    for line in sys.stdin:
        try:
            said = send(json.loads(line))
        except Exception as error:  # noqa: BLE001 - what the peer says is what is looked at
            said = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
