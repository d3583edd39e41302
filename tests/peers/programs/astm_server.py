"""The server of PyPI ``astm`` as its documentation starts it: ``astm_server.py ENCODING``.

Says ``ready PORT``, then one JSON object a message with the records as it understood them.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
import threading
from pathlib import Path
from typing import Any

SITE = Path(__file__).parents[1] / "python" / "build"
sys.path.insert(0, str(SITE))
for name in ("Iterable", "Mapping", "MutableMapping", "Sequence", "Callable"):
    setattr(collections, name, getattr(collections.abc, name))

from astm.server import BaseRecordsDispatcher, Server  # noqa: E402


class Dispatcher(BaseRecordsDispatcher):
    """Keeps the records of a message and tells them at its end."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__(encoding)
        self.records: list[Any] = []
        for letter in "HPORCL":
            self.dispatch[letter] = self.keep

    def keep(self, record: Any) -> None:
        """One record; L ends the message."""
        self.records.append(record)
        if record[0] == "L":
            sys.stdout.write(json.dumps({"records": self.records}) + "\n")
            sys.stdout.flush()
            self.records = []

    def on_unknown(self, record: Any) -> None:
        """Manufacturer records."""
        self.records.append(record)


def main() -> None:
    """Serve until the input ends."""
    encoding = None if sys.argv[1] == "-" else sys.argv[1]
    server = Server("127.0.0.1", 0, dispatcher=Dispatcher, encoding=encoding)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    sys.stdout.write(f"ready {server.socket.getsockname()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
