"""The MLLP server of PyPI ``hl7apy``, with handlers as its documentation shows them.

``python hl7apy_server.py ENCODING`` (``-`` takes its default) prints ``ready PORT``, then one JSON
object for each message that it handled, and ends when its standard input ends.
"""

from __future__ import annotations

import json
import sys
import threading

from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPRequestHandler, MLLPServer
from hl7apy.parser import parse_message


class Report(AbstractHandler):  # type: ignore[misc] # hl7apy is not typed
    """Says what came and accepts it."""

    def reply(self) -> str:
        """The acknowledgement, framed."""
        message = parse_message(self.incoming_message, find_groups=False)
        seen = {
            "id": message.msh.msh_10.value,
            "patient": message.pid.pid_3.pid_3_1.value,
            "name": message.pid.pid_5.pid_5_1.value,
            "results": len(message.obx),
        }
        print(json.dumps(seen), flush=True)
        answer = Message("ACK", version=message.version)
        answer.msh.msh_3, answer.msh.msh_4 = message.msh.msh_5.value, message.msh.msh_6.value
        answer.msh.msh_5, answer.msh.msh_6 = message.msh.msh_3.value, message.msh.msh_4.value
        answer.msh.msh_9 = f"ACK^{message.msh.msh_9.msh_9_2.value}^ACK"
        answer.msh.msh_10 = f"A{seen['id']}"
        answer.msh.msh_11 = message.msh.msh_11.value
        answer.msa.msa_1 = "AA"
        answer.msa.msa_2 = seen["id"]
        framed: str = answer.to_mllp()
        return framed


def main(encoding: str) -> None:
    """Accept until standard input ends."""

    class Handler(MLLPRequestHandler):  # type: ignore[misc] # hl7apy is not typed
        pass

    if encoding != "-":
        Handler.encoding = encoding
    handlers = {"ORU^R01^ORU_R01": (Report,)}
    server = MLLPServer("127.0.0.1", 0, handlers, request_handler_class=Handler)
    server.daemon_threads = True
    print("ready", server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main(sys.argv[1])
