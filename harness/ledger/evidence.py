"""What became of each call to the centre, from traces of a run or logs of an interface.

A log is JSON, one object a line, whatever its writer calls the rest: an object with ``msgid`` and
``infno`` is a call, one with ``infcode`` an answer; both may be nested, or be JSON inside a string.
A run folder has them as the payloads of its HTTP messages; there an answer belongs to the call
before it on the same connection. A log that is text is read by a pattern (``evidence_text.py``).
What has no answer stays unknown: it did not fail. What could not be read is counted and shown.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import canonical, evidence_text, evidence_trace, money
from harness.ledger.evidence_text import Unread
from harness.ledger.evidence_trace import Turn

LINES_MAX: Final = 5_000_000
"""Lines of all logs together."""

DEPTH_MAX: Final = 6
"""How deep an envelope may be nested in a log record."""

REVERSALS: Final = frozenset({"2103", "2202", "2208", "2305", "2404", "2405", "2601", "6203"})
STATES: Final = ("no_answer", "unreadable", "refused", "success")
"""From what is known least to what is known best; a later, better answer wins."""

_ASKS: Final = ("input", "request", "req", "in", "inputdata")
_TELLS: Final = ("output", "response", "resp", "out", "outputdata", "answer")
_TIMES: Final = ("inf_time", "w", "time", "timestamp", "at", "refmsg_time")


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One call and what became of it.

    Args:
        msgid: the sender's id of the call.
        infno: transaction.
        state: one of ``STATES``.
        at: when it was sent, as the log writes it.
        setl_id: settlement that it is about, asked or answered.
        mdtrt_id: visit.
        omsgid: call that it reverses (2601).
        error: what the centre said against it.
        opter: operator.
        sign_no: sign-in number.
        tries: how often the same call went out.
        reused: the msgid stands on calls about different matters.
        fault: what the trace saw of the network while the call had no answer.
        amounts: fen of the answer, by the interface's names.
        clr_type: clearing type of the answer.
        order: state of a mobile payment order in the answer.
    """

    msgid: str
    infno: str
    state: str
    at: str = ""
    setl_id: str = ""
    mdtrt_id: str = ""
    omsgid: str = ""
    error: str = ""
    opter: str = ""
    sign_no: str = ""
    tries: int = 1
    reused: bool = False
    fault: str = ""
    amounts: dict[str, int] = field(default_factory=dict)
    clr_type: str = ""
    order: str = ""

    @property
    def reversal(self) -> bool:
        """Whether the call undoes another one."""
        return self.infno in REVERSALS


class Calls(list[Exchange]):
    """Every call that the logs know, and what of them could not be read.

    Attributes:
        unread: a file each; none of those that were read whole.
    """

    def __init__(self, calls: Iterable[Exchange] = (), unread: Iterable[Unread] = ()) -> None:
        super().__init__(calls)
        self.unread = [one for one in unread if one.lines or one.nameless or one.unclear]

    def result(self) -> dict[str, Any]:
        """What ``totals.json`` says of it; nothing where everything was read."""
        told = [
            {"file": one.file, "lines": one.lines, "no_msgid": one.nameless, "unclear": one.unclear}
            for one in self.unread
        ]
        return {"log_unread": told} if told else {}


def asked(paths: Iterable[str], pattern: str) -> Calls:
    """What the options of the command name; says on the terminal what could not be read.

    Raises:
        InputError: as ``read``, or the pattern cannot be used.
    """
    found = evidence_text.pattern_of(pattern) if pattern else None
    calls = read([Path(one) for one in paths], found)
    for one in calls.unread:
        for line in one.told():
            print(line, file=sys.stderr)
    return calls


def read(paths: list[Path], pattern: re.Pattern[str] | None = None) -> Calls:
    """Every call that the logs know, by msgid and transaction.

    Args:
        paths: run folders, and logs as files or folders.
        pattern: the heads of logs that are text.

    Raises:
        InputError: a path that is not there, or a log without one usable line.
    """
    known: dict[tuple[str, str], Exchange] = {}
    budget = _Budget()
    unread: list[Unread] = []
    for path in paths:
        before, seen = len(known), 0
        for one in _exchanges(path, budget, pattern, unread):
            seen += 1
            _merge(known, one)
        if len(known) == before and not seen:
            raise _useless(path, pattern, unread)
    _mark_reused(known)
    _mark_cut(known, unread)
    return Calls((known[key] for key in sorted(known)), unread)


def _mark_cut(known: dict[tuple[str, str], Exchange], unread: list[Unread]) -> None:
    """A log that begins a new file: the answer to the last call of one may stand in another."""
    for file in unread:
        if any(other.orphans for other in unread if other is not file):
            for msgid, infno in file.ends:
                one = known.get((_id(msgid), infno.strip()))
                if one is not None and one.state == "no_answer":
                    one.state = "unreadable"


def _useless(path: Path, pattern: re.Pattern[str] | None, unread: list[Unread]) -> InputError:
    """Nothing of it is evidence; shows the first lines that could not be read."""
    remedy = tr("say by --log-pattern what its lines look like, where it is text")
    if pattern is not None:
        shown = [line for one in unread for line in one.told()]
        remedy = "\n".join([tr("look whether the pattern fits its lines"), *shown])
    return InputError(tr("no line with a msgid and an infno"), where=str(path), remedy=remedy)


class _Budget:
    """Lines that may still be read, of all logs together."""

    def __init__(self) -> None:
        self.left = LINES_MAX

    def take(self, file: Path) -> None:
        """One line more."""
        self.left -= 1
        if self.left < 0:
            raise InputError(tr("more than {limit} lines", limit=LINES_MAX), where=str(file))


def _exchanges(
    path: Path, budget: _Budget, pattern: re.Pattern[str] | None, unread: list[Unread]
) -> Iterator[Exchange]:
    if path.is_dir():
        files = sorted(path.rglob("*.jsonl"))
        if pattern is not None and not files:
            files = sorted(one for one in path.rglob("*") if one.is_file())
    elif path.is_file():
        files = [path]
    else:
        raise InputError(tr("no such file or folder: {path}", path=path), where=str(path))
    for file in files:
        unread.append(Unread(file.name))
        yield from _of_file(file, _counted(file, budget), pattern, unread[-1])


def _counted(file: Path, budget: _Budget) -> Iterator[tuple[int, str]]:
    for number, text in evidence_text.lines(file):
        budget.take(file)
        yield number, text


def _of_file(
    file: Path,
    lines: Iterator[tuple[int, str]],
    pattern: re.Pattern[str] | None,
    unread: Unread,
) -> Iterator[Exchange]:
    first = next(lines, (1, ""))
    again = chain([first], lines)
    record = _json(first[1])
    if isinstance(record, dict) and record.get("kind") == "open" and "format" in record:
        yield from _of_turns(evidence_trace.turns(file, (_json(text) for _, text in lines)))
    elif pattern is not None and not isinstance(record, dict):
        yield from _of_turns(evidence_text.turns(again, pattern, unread))
    else:
        yield from _of_lines(again, unread)


def _json(text: str) -> Any:
    """A line as what it says; None where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _of_lines(lines: Iterator[tuple[int, str]], unread: Unread) -> Iterator[Exchange]:
    """Calls of a log of JSON lines."""
    for number, text in lines:
        record = _json(text)
        if record is None and text.strip():
            unread.line(number, text)
        yield from _calls(record, "")


def _of_turns(turns: Iterator[Turn]) -> Iterator[Exchange]:
    """Calls of one log: asked and answered, with what the network did."""
    for turn in turns:
        for call in _calls(turn.asked, turn.at):
            call.tries, call.fault = turn.tries, turn.fault
            if turn.answered is not None:
                _answer(call, turn.answered)
            elif turn.garbled:
                call.state = "unreadable"
            yield call


def _calls(value: Any, at: str, depth: int = 0) -> Iterator[Exchange]:
    """Calls anywhere inside one record; payloads may be nested, or JSON inside a string."""
    if depth > DEPTH_MAX:
        return
    value = _opened(value)
    if isinstance(value, list):
        for one in value:
            yield from _calls(one, at, depth + 1)
    if not isinstance(value, dict):
        return
    moment = next((str(value[name]) for name in _TIMES if value.get(name)), at)
    msgid = value.get("msgid") or value.get("inf_refmsgid") or value.get("request_msgid")
    if msgid and value.get("infno"):
        yield _exchange(value, str(msgid), moment)
        return
    inner = [one for name in value for one in _calls(value[name], moment, depth + 1)]
    if len(inner) == 1:
        _answer_beside(inner[0], value)
    yield from inner


def _opened(value: Any) -> Any:
    """JSON inside a string as what it says."""
    if isinstance(value, str) and value[:1] == "{":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _answer_beside(call: Exchange, record: Mapping[str, Any]) -> None:
    """A record with the request in one member and the answer, or what is left of it, in another."""
    for name in _TELLS:
        told = _opened(record.get(name))
        if isinstance(told, dict) and "infcode" in told:
            _answer(call, told)
            return
        if isinstance(told, str) and told.strip():
            call.state = "unreadable"


def _exchange(value: Mapping[str, Any], msgid: str, at: str) -> Exchange:
    call = Exchange(
        msgid=_id(msgid),
        infno=str(value["infno"]).strip(),
        state="no_answer",
        at=at,
        opter=str(value.get("opter") or ""),
        sign_no=str(value.get("sign_no") or ""),
    )
    asked = {**value, **_flat([value.get(name) for name in _ASKS])}
    call.setl_id, call.mdtrt_id = _id(asked.get("setl_id")), _id(asked.get("mdtrt_id"))
    call.omsgid = _id(asked.get("omsgid"))
    given = str(value.get("state", "")).lower()
    if given in STATES:
        call.state = given
        call.error = str(value.get("err_msg") or "")
    elif "infcode" in value:
        _answer(call, value)
    else:
        _answer_beside(call, value)
    return call


def _answer(call: Exchange, told: Mapping[str, Any]) -> None:
    """Take the answer into the call: success is an ``infcode`` that equals 0 as text."""
    code = told.get("infcode")
    if code is None:
        call.state = "unreadable"  # a gateway's own words: nothing is known of the centre
        call.error = str(told.get("message") or "")
        return
    call.error = str(told.get("err_msg") or "")
    if str(code).strip() not in {"0", "0.0"}:
        call.state = "refused"
        return
    call.state = "unreadable" if told.get("unreadable") else "success"
    found = _flat([told.get(name) for name in _TELLS])
    call.setl_id = _id(found.get("setl_id")) or call.setl_id
    call.mdtrt_id = _id(found.get("mdtrt_id")) or call.mdtrt_id
    call.clr_type = str(found.get("clr_type") or "")
    refund = str(found.get("refStatus") or "")
    call.order = refund if refund == "EXP" else str(found.get("ordStas") or refund)
    for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay"):
        amount = money.fen(str(found.get(name, "")))
        if amount is not None:
            call.amounts[name] = amount


def _flat(values: list[Any], depth: int = 0) -> dict[str, Any]:
    """Plain members of nested nodes (``input.data``, ``output.setlinfo``); the first of a name."""
    found: dict[str, Any] = {}
    for value in values:
        node = _opened(value)
        if isinstance(node, dict):
            for name, one in node.items():
                if isinstance(one, str | int | float) and one != "":
                    found.setdefault(name, one)
            if depth < DEPTH_MAX:
                nested = [one for one in node.values() if isinstance(one, dict | str)]
                found = {**_flat(nested, depth + 1), **found}
    return found


def _id(value: Any) -> str:
    """An id as the ledgers have it after tidying."""
    return canonical.word(str(value)) or "" if value is not None else ""


def _merge(known: dict[tuple[str, str], Exchange], one: Exchange) -> None:
    before = known.get((one.msgid, one.infno))
    if before is None:
        known[one.msgid, one.infno] = one
        return
    both_asked = one.state == before.state == "no_answer"
    before.tries = max(before.tries, one.tries) + (
        both_asked and bool(one.at) and one.at != before.at
    )
    matter = (one.mdtrt_id, before.mdtrt_id)
    before.reused |= all(matter) and matter[0] != matter[1]
    if STATES.index(one.state) > STATES.index(before.state):
        before.state, before.error = one.state, one.error or before.error
    for name in ("at", "setl_id", "mdtrt_id", "omsgid", "opter", "sign_no", "fault", "clr_type"):
        setattr(before, name, getattr(before, name) or getattr(one, name))
    before.order = one.order or before.order
    before.amounts = one.amounts or before.amounts


def _mark_reused(known: dict[tuple[str, str], Exchange]) -> None:
    """One msgid on several transactions is as bad as on two patients (2601 hits the wrong one)."""
    seen: dict[str, Exchange] = {}
    for one in known.values():
        other = seen.setdefault(one.msgid, one)
        if other is not one:
            other.reused = one.reused = True
