"""The receiver of PyPI ``labmcp-astm-lis`` on a port: ``labmcp_server.py ENCODING``.

Says ``ready PORT``, then one JSON object a message: how it ended, and specimen, test, value and
unit of each result as the receiver understood them. Patients are not masked.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PYTHON = Path(__file__).parents[1] / "python"
sys.path[:0] = [str(PYTHON / "build"), str(PYTHON / "shim")]

from labmcp_astm_lis.driver import (  # noqa: E402
    ASTMReceiver,
    ListenTransport,
    ReceivedMessage,
    ResultStore,
)


class Told(ResultStore):
    """Says each message when it is stored."""

    def add(self, records: list[str], **more: Any) -> ReceivedMessage:
        """As the store does, and tell it."""
        message = super().add(records, **more)
        said = {"complete": message.complete, "warnings": message.warnings,
                "records": message.records}  # fmt: skip
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        return message


def main() -> None:
    """Serve until the input ends."""
    link = ListenTransport("127.0.0.1", 0)
    encoding = "latin-1" if sys.argv[1] == "-" else sys.argv[1]
    store = Told(redacted=False)
    receiver = ASTMReceiver(
        lambda: link, mode="listen", where="loopback", store=store, redact=False,
        encoding=encoding, poll_s=0.02,
    )  # fmt: skip
    sys.stdout.write(f"ready {link.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    receiver.close()


if __name__ == "__main__":
    main()
