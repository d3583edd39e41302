"""Looking by an HL7 v2 query over MLLP: one question, and the segments of its answer as rows.

Only query messages go out (HL7 2.5.1 chapter 5: QRY, QBP, QSB, QVR), so a look changes nothing. The
answer must name the question (MSA-2), and say that it was accepted (MSA-1).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness import limits
from harness.clock import CHINA
from harness.errors import HarnessError, InputError, PeerError, PermitError
from harness.i18n import tr
from harness.probes.asking import Row, answered, filled, refused, silent
from harness.probes.pace import Pace
from harness.probes.probe import Answer
from harness.wire.hl7 import Hl7Message, Segment, parse_path

QUERIES: Final = frozenset({"QRY", "QBP", "QSB", "QVR"})
"""Messages that only ask (HL7 2.5.1 §5.2 and its appendix A, table 0076)."""

ACCEPTED: Final = frozenset({"AA", "CA"})
"""HL7 table 0008."""

CONTROL_ID: Final = "mh_control_id"
TIME: Final = "mh_time"
"""Holes that the probe fills itself: MSH-10 and MSH-7."""

_SPECIAL: Final = {"|": "F", "^": "S", "~": "R", "&": "T", "\\": "E"}

Send = Callable[[bytes], Sequence[bytes]]
"""Sends one message and gives what comes back until an answer is there or the time is over."""


def check_query(text: str) -> None:
    """Refuse what is not one query message.

    Raises:
        PermitError: it is something else, or cannot be told from it.
    """
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    heads = [line.strip() for line in lines if line.strip().startswith(("MSH", "BHS", "FHS"))]
    fields = heads[0].split("|") if heads else []
    wrong = len(heads) != 1 or not lines[0].strip().startswith("MSH|^~\\&|") or len(fields) < 10
    if wrong or fields[8].split("^")[0] not in QUERIES:
        raise PermitError(tr("a probe over HL7 may only send a query"), where=text[:80])


@dataclass(slots=True)
class Hl7Probe:
    """A probe over MLLP.

    Args:
        name: in the profile.
        role: whose data it shows.
        send: carries the message.
        query: the message, a segment a line, with holes; ``:mh_control_id`` and ``:mh_time`` are
            filled by the probe.
        segment: each of these in the answer is a row.
        columns: our name of a column and its field: of the row's segment, or of the last segment of
            that name before it (``PID-3.1``).
        encoding: of the question; the answer is read as it declares itself.
        rows_max: more rows are an error.
        reach: how far it sees.
        pace: between two looks.
    """

    name: str
    role: str
    send: Send
    query: str
    segment: str
    columns: Mapping[str, str]
    encoding: str = "utf-8"
    rows_max: int = limits.PROBE_ROWS_MAX
    reach: str = "sent"
    pace: Pace = field(default_factory=Pace)
    now: Callable[[], datetime] = lambda: datetime.now(CHINA)

    def __post_init__(self) -> None:
        check_query(self.query)

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Look once."""
        self.pace.wait()
        control = f"MHQ{secrets.token_hex(6)}".upper()
        own = {CONTROL_ID: control, TIME: self.now().strftime("%Y%m%d%H%M%S")}
        try:
            text = filled(self.query, {**args, **own}, _escaped)
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            came = self.send(("\r".join(lines) + "\r").encode(self.encoding))
            if not came:
                return silent(tr("no answer came to {query}", query=lines[0].split("|")[8]))
            return self._read(Hl7Message.parse(came[-1]), control)
        except UnicodeEncodeError as error:
            return refused(str(error))
        except OSError as error:
            return silent(tr("no connection: {reason}", reason=error))
        except PermitError:
            raise
        except (HarnessError, PeerError) as error:
            return refused(str(error))

    def close(self) -> None:
        """Nothing is held."""

    def _read(self, answer: Hl7Message, control: str) -> Answer:
        code, about = answer.get("MSA-1") or "", answer.get("MSA-2") or ""
        if about != control:
            return refused(tr("it answers another question: MSA-2 is {found}", found=about or "-"))
        if code not in ACCEPTED:
            why = answer.get("MSA-3") or answer.get("ERR-8") or ""
            return refused(f"MSA-1 {code} {why}".strip())
        return answered(list(self._rows(answer)), self.rows_max)

    def _rows(self, answer: Hl7Message) -> Sequence[Row]:
        latest: dict[str, Segment] = {}
        rows: list[Row] = []
        for segment in answer.segments():
            latest[segment.name] = segment
            if segment.name == self.segment:
                rows.append({name: _at(latest, path) for name, path in self.columns.items()})
        return rows


def _at(latest: Mapping[str, Segment], path: str) -> str | None:
    """A field of the last segment of its name; None where it is absent."""
    name, _, rest = path.partition("-")
    segment = latest.get(name)
    return None if segment is None else segment.get(rest)


def check_paths(paths: Sequence[str]) -> None:
    """Refuse what names no field.

    Raises:
        InputError: it is no HL7 path.
    """
    for path in paths:
        if "-" not in path:
            raise InputError(tr("{path} names no field", path=path))
        parse_path(path)


def _escaped(value: str) -> str:
    """A value whose delimiters stand for themselves (HL7 2.5.1 §2.7.1)."""
    return "".join(f"\\{_SPECIAL[sign]}\\" if sign in _SPECIAL else sign for sign in value)
