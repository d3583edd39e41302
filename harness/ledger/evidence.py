"""What became of each call to the centre, from traces of a run or logs of an interface.

A log is JSON, one object a line. Whatever the writer calls the rest, a line counts if it has a
``msgid`` and an ``infno``; with ``infcode`` it is an answer, otherwise a request. ``output`` or
``error`` that cannot be parsed, or a time-out, leaves the call without an answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr

LINES_MAX: Final = 5_000_000
"""Lines of all logs together."""

REVERSALS: Final = frozenset({"2103", "2202", "2208", "2305", "2404", "2405", "2601", "6203"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call: ``state`` is no_answer, refused, success or unreadable."""

    msgid: str
    infno: str
    state: str

    @property
    def reversal(self) -> bool:
        """Whether the call undoes another one."""
        return self.infno in REVERSALS


def read(paths: list[Path]) -> list[Exchange]:
    """Every call that the logs know, by msgid and transaction.

    Raises:
        InputError: a path that is not there, or a log without one usable line.
    """
    states: dict[tuple[str, str], str] = {}
    for path in paths:
        before = len(states)
        for line in _lines(path):
            for found in _calls(line):
                key = (found.msgid, found.infno)
                if found.state != "no_answer" or key not in states:
                    states[key] = found.state
        if len(states) == before:
            raise InputError(tr("no line with a msgid and an infno"), where=str(path))
    return [Exchange(msgid=m, infno=i, state=s) for (m, i), s in sorted(states.items())]


def _lines(path: Path) -> Iterator[Any]:
    if path.is_dir():
        files = sorted(path.rglob("*.jsonl"))
    elif path.is_file():
        files = [path]
    else:
        raise InputError(tr("no such file or folder: {path}", path=path), where=str(path))
    count = 0
    for file in files:
        with file.open(encoding="utf-8", errors="replace") as stream:
            for text in stream:
                count += 1
                if count > LINES_MAX:
                    raise InputError(
                        tr("more than {limit} lines", limit=LINES_MAX), where=str(file)
                    )
                try:
                    yield json.loads(text)
                except ValueError:
                    continue


def _calls(value: Any, depth: int = 0) -> Iterator[Exchange]:
    """Calls anywhere inside one record; payloads may be nested, or JSON inside a string."""
    if depth > 6:
        return
    if isinstance(value, str) and value[:1] == "{" and "msgid" in value:
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, list):
        for one in value:
            yield from _calls(one, depth + 1)
    if not isinstance(value, dict):
        return
    msgid = value.get("msgid") or value.get("inf_refmsgid") or value.get("request_msgid")
    if msgid and value.get("infno"):
        yield Exchange(msgid=str(msgid), infno=str(value["infno"]), state=_state(value))
        return
    for one in value.values():
        yield from _calls(one, depth + 1)


def _state(value: dict[str, Any]) -> str:
    given = str(value.get("state", "")).lower()
    if given in {"no_answer", "refused", "success", "unreadable"}:
        return given
    code = value.get("infcode")
    if code is None:
        return "no_answer"
    if str(code) not in {"0", "0.0"}:
        return "refused"
    return "unreadable" if value.get("unreadable") else "success"
