"""DIMSE messages out of recordings: both sides of each association, read together.

A network capture has them as conversations. A trace of ours has the bytes of each connection, one
record a PDU; they are put together in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from harness.captures.conversations import Chunk, Conversation, Side
from harness.captures.dicom import read_dicom
from harness.captures.reading import Reading
from harness.evidence import trace

PROTOCOL: Final = "dicom"

STEP_S: Final = 1e-6
"""Between two pieces of one millisecond."""

_BEGINS: Final = re.compile(rb"\A\x01\x00[\x00-\xff]{4}\x00\x01\x00\x00")
"""An A-ASSOCIATE-RQ of protocol version 1 (PS3.8 §9.3.2): how a connection of DICOM begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message.

    Attributes:
        at_s: when it was whole, seconds since 1970.
        frm: who sent it.
        to: to whom.
        link: name of the endpoint.
        payload: the message as a file (``wire.dicom_box``).
    """

    at_s: float
    frm: str
    to: str
    link: str
    payload: bytes


@dataclass(slots=True)
class Talked:
    """One connection of a trace."""

    link: str
    client: str
    server: str
    talk: Conversation
    last_s: float = 0.0

    def take(self, record: dict[str, Any], data: bytes) -> None:
        """Some bytes of one of both sides."""
        side = self.talk.client if record["frm"] == self.client else self.talk.server
        # Civil time has milliseconds; what came later in the trace came later.
        at_s = max(moment(record["w"]), self.last_s + STEP_S)
        self.last_s = at_s
        side.chunks.append(Chunk(at_s, side.size, data))
        side.size += len(data)

    def read(self) -> tuple[list[Heard], int]:
        """Its messages, and how many bytes belong to none."""
        found: list[Heard] = []
        readings = read_dicom(self.talk)
        sides = ((self.client, self.server, self.talk.client),
                 (self.server, self.client, self.talk.server))  # fmt: skip
        for (frm, to, side), reading in zip(sides, readings, strict=True):
            times = {chunk.offset: chunk.at_s for chunk in side.chunks}
            found += [
                Heard(at_s=times.get(one.offset, self.talk.began_s), frm=frm, to=to,
                      link=self.link, payload=one.payload)
                for one in reading.messages if one.payload
            ]  # fmt: skip
        return found, sum(lost(one) for one in readings)


@lru_cache(maxsize=16)
def moment(text: str) -> float:
    """Civil time of a record in seconds since 1970; neighbours often have the same."""
    return datetime.fromisoformat(text).timestamp()


def lost(reading: Reading) -> int:
    """Bytes of a reading that belong to no message."""
    return sum(len(one.data) for one in reading.kept)


class OfTrace:
    """The associations of one trace; fed record by record."""

    def __init__(self) -> None:
        self._talks: dict[tuple[str, str], Talked] = {}
        self._others: set[tuple[str, str]] = set()

    def take(self, record: dict[str, Any]) -> None:
        """A record of the kind ``bytes``; of other protocols it is left alone."""
        key = (str(record.get("link", "")), str(record.get("conn", "")))
        if key in self._others:
            return
        data = trace.unpack(record["raw"])
        found = self._talks.get(key)
        if found is None:
            if not _BEGINS.match(data):
                self._others.add(key)
                return
            found = self._talks[key] = self._begun(record, len(self._talks))
        found.take(record, data)

    @staticmethod
    def _begun(record: dict[str, Any], number: int) -> Talked:
        at_s = moment(record["w"])
        client, server = (str(record["frm"]), number), (str(record["to"]), 0)
        return Talked(
            link=str(record.get("link", "")), client=client[0], server=server[0],
            talk=Conversation(client=Side(client, server), server=Side(server, client),
                              began_s=at_s),
        )  # fmt: skip

    def talks(self) -> Iterator[Talked]:
        """Each association."""
        yield from self._talks.values()
