"""What the wire shows of a message: how often it went over, and how an ASTM transfer ended."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from harness.evidence.line import unpack
from harness.evidence.trace import Record

FAR_SIDE = ">"
"""The connection of a relay to the receiver is named like the one to the sender, with this."""

CHUNKED = re.compile(rb"transfer-encoding:\s*chunked", re.IGNORECASE)
"""A body in pieces (RFC 9112 §7.1) does not stand on the wire as it is."""

ENQ, ACK, NAK, EOT = b"\x05", b"\x06", b"\x15", b"\x04"
"""LIS01-A2 §6.2 to §6.5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the transfer of one ASTM message ended.

    Attributes:
        record: number of the record that shows it.
        how: ``delivered``, ``refused`` or ``broken``.
        trusted: the sender knows what became of the message.
    """

    record: int
    how: str
    trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The records of a trace by connection.

    Attributes:
        by_conn: bytes, messages and ends of each connection, in order.
        relayed: links of which the far side of a relay was seen.
        swallows: faults that let nothing pass.
    """

    by_conn: Mapping[str, Sequence[Record]]
    relayed: frozenset[str]
    swallows: Sequence[Record]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Self:
        """Sort the records of a trace."""
        by_conn: defaultdict[str, list[Record]] = defaultdict(list)
        relayed = set()
        swallows = []
        for record in records:
            if record["kind"] in {"bytes", "message", "link"}:
                by_conn[record["conn"]].append(record)
                if record["conn"].endswith(FAR_SIDE):
                    relayed.add(record["link"])
            elif record.get("before") and not record.get("after"):
                swallows.append(record)
        return cls(by_conn=by_conn, relayed=frozenset(relayed), swallows=swallows)

    def arrivals(self, sent: Sequence[Record]) -> list[int]:
        """Numbers of the records with which a message was whole at its receiver, in order."""
        first = sent[0]
        if first["protocol"] == "astm":
            return sorted(end for one in sent if (end := self._whole(one)))
        payload = unpack(first["raw"])
        found = []
        for conn, records in self.by_conn.items():
            mine = [one for one in records if one["link"] == first["link"]]
            if first["link"] in self.relayed and not conn.endswith(FAR_SIDE):
                continue
            found += _occurrences(payload, [one for one in mine if _is_from(one, first["frm"])])
        return sorted(found)

    def swallowed(self, answer: Record) -> bool:
        """A fault let the answer vanish on its way."""
        payload = unpack(answer["raw"])
        return any(
            fault["link"] == answer["link"]
            and fault["frm"] == answer["frm"]
            and self._next_answer(answer) > fault["n"] > answer["n"]
            and payload in unpack(fault["before"])
            for fault in self.swallows
        )

    def left_whole(self, answer: Record) -> bool:
        """An answer over HTTP left with its whole body; half of one says nothing.

        Whoever sends writes an answer down before it leaves, and may be cut off, or trickle until
        nobody listens any more.
        """
        if answer["protocol"] != "http" or not answer["raw"]:
            return True
        records = self.by_conn.get(answer["conn"], ())
        stream = b"".join(unpack(one["raw"]) for one in records if _is_from(one, answer["frm"]))
        if not stream or CHUNKED.search(stream):
            return True  # no bytes were kept, or the core has put the pieces together
        return unpack(answer["raw"]) in stream

    def _next_answer(self, answer: Record) -> float:
        """Number of the same answer when it is given again: that one has a fate of its own."""
        again = (
            one["n"]
            for records in self.by_conn.values()
            for one in records
            if one["kind"] == "message" and one["n"] > answer["n"] and one["raw"] == answer["raw"]
        )
        return min(again, default=float("inf"))

    # -- ASTM ----------------------------------------------------------------------------------

    def transfer(self, message: Record) -> End | None:
        """How the transfer of one sending ended; None while nothing shows it."""
        whole, acknowledged = False, b""
        last = _last_record(unpack(message["raw"]))
        seen = b""
        for record in self._session(message):
            if record["kind"] == "link":
                if record["event"] in {"SendFailed", "closed", "failed"}:
                    return End(record=record["n"], how="broken", trusted=not whole)
            elif record["frm"] == message["frm"]:
                data = unpack(record["raw"])
                seen += data
                whole = whole or last in seen
                if seen.endswith(EOT):
                    good = whole and acknowledged == ACK
                    how = "delivered" if good else "refused"
                    return End(record=record["n"], how=how, trusted=good or acknowledged == NAK)
                acknowledged = b""
            else:
                acknowledged = unpack(record["raw"])[-1:]
        return None

    def _whole(self, message: Record) -> int:
        """Number of the record with which the last record of the message was over; 0 if never."""
        last = _last_record(unpack(message["raw"]))
        seen = b""
        for record in self._session(message):
            if record["kind"] == "bytes" and record["frm"] == message["frm"]:
                seen += unpack(record["raw"])
                if last in seen:
                    return int(record["n"])
        return 0

    def _session(self, message: Record) -> Iterator[Record]:
        """Bytes and ends of the session that carries a message.

        Who sends writes the message down before it calls, who receives when it is complete.
        """
        records = self.by_conn[message["conn"]]
        at = next(index for index, one in enumerate(records) if one["n"] == message["n"])
        messages = [index for index, one in enumerate(records) if _is_message(one, message)]
        after = min((index for index in messages if index > at), default=len(records))
        sending = [one for one in records[at:after] if one["kind"] != "message"]
        if not any(_calls(one, message["frm"]) for one in sending):
            before = max((index for index in messages if index < at), default=0)
            earlier = [one for one in records[before:at] if one["kind"] != "message"]
            begun = [i for i, one in enumerate(earlier) if _calls(one, message["frm"])]
            sending = earlier[begun[-1] if begun else 0 :] + sending
        yield from sending


def _is_message(record: Record, like: Record) -> bool:
    return bool(record["kind"] == "message" and record["frm"] == like["frm"])


def _is_from(record: Record, role: str) -> bool:
    return bool(record["kind"] == "bytes" and record["frm"] == role)


def _calls(record: Record, role: str) -> bool:
    return _is_from(record, role) and unpack(record["raw"])[:1] == ENQ


def _last_record(payload: bytes) -> bytes:
    """The last record of an ASTM message, which is whole on the wire where frames are records."""
    return payload.rstrip(b"\r").rsplit(b"\r", 1)[-1]


def _occurrences(payload: bytes, chunks: Sequence[Record]) -> list[int]:
    """Numbers of the records in which a copy of the payload ends."""
    if not payload:
        return []  # moved into a blob that is not there: nothing could be recognised
    stream = b""
    ends: list[tuple[int, int]] = []
    for record in chunks:
        stream += unpack(record["raw"])
        ends.append((len(stream), record["n"]))
    found = []
    at = stream.find(payload)
    while at >= 0:
        stop = at + len(payload)
        found.append(next(number for length, number in ends if length >= stop))
        at = stream.find(payload, stop)
    return found
