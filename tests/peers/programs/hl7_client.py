"""The senders of PyPI ``hl7``: its asyncio client and its blocking one.

The first line of standard input is ``{"port", "mode", "encoding", "payloads": [text, ...]}``. Mode
``one-by-one`` waits for each answer, ``pipelined`` writes all frames at once, ``bytewise`` writes
each byte by itself, ``blocking`` uses ``MLLPClient``. Prints one JSON object for each answer that
the library handed over, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import hl7  # type: ignore[import-untyped] # not typed
from hl7.client import MLLPClient  # type: ignore[import-untyped] # not typed
from hl7.mllp import open_hl7_connection  # type: ignore[import-untyped] # not typed


def tell(answer: hl7.Message) -> None:
    """One line for one answer."""
    msa = answer.segment("MSA")
    print(json.dumps({"code": str(msa(1)), "acknowledges": str(msa(2))}), flush=True)


async def streamed(job: dict[str, Any]) -> None:
    """By the asyncio client."""
    encoding = job["encoding"]
    reader, writer = await open_hl7_connection("127.0.0.1", job["port"], encoding=encoding)
    unread = 0
    for text in job["payloads"]:
        message = hl7.parse(text)
        if job["mode"] == "bytewise":
            for byte in b"\x0b" + str(message).encode(encoding) + b"\x1c\r":
                writer.write(bytes([byte]))
                await writer.drain()
        else:
            writer.writemessage(message)
        unread += 1
        if job["mode"] != "pipelined":
            tell(await reader.readmessage())
            unread -= 1
    for _ in range(unread):
        tell(await reader.readmessage())
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    writer.close()


def blocking(job: dict[str, Any]) -> None:
    """By the blocking client."""
    with MLLPClient("127.0.0.1", job["port"], encoding=job["encoding"]) as client:
        for text in job["payloads"]:
            answer = client.send_message(text)
            tell(hl7.parse(answer.strip(b"\x0b\x1c\r").decode(job["encoding"])))
        sys.stdin.read()


if __name__ == "__main__":
    order = json.loads(sys.stdin.readline())
    if order["mode"] == "blocking":
        blocking(order)
    else:
        asyncio.run(streamed(order))
