"""The asyncio MLLP server of PyPI ``hl7``, as its documentation shows it, and closing what it ends.

``python hl7_server.py ENCODING`` (``-`` takes its default) prints ``ready PORT``, then one JSON
object for each message that it understood, and ends when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys

import hl7  # type: ignore[import-untyped] # not typed
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server  # type: ignore[import-untyped] # not typed


def text(message: hl7.Message, segment: str, *place: int) -> str:
    """A field as the library gives it, unescaped."""
    value: str = message.extract_field(segment, 1, *place)
    return value


async def serve(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
    """Read, say what came, acknowledge, go on: the loop of the library's documentation."""
    try:
        while not writer.is_closing():
            message: hl7.Message = await reader.readmessage()
            seen = {
                "id": text(message, "MSH", 10),
                "patient": text(message, "PID", 3, 1, 1),
                "name": text(message, "PID", 5, 1, 1),
                "results": len(message.segments("OBX")),
            }
            print(json.dumps(seen), flush=True)
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass  # the sender hung up
    finally:
        writer.close()


async def main(encoding: str | None) -> None:
    """Accept until standard input ends."""
    server = await start_hl7_server(serve, "127.0.0.1", 0, encoding=encoding)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(None if sys.argv[1] == "-" else sys.argv[1]))
