"""``medharness relay``: between real systems until somebody ends it, then what became of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.inline.lines import until_asked
from harness.inline.stand import JOURNAL, Stand
from harness.profile import load_profile

POLL_S: Final = 0.2
"""How soon the wish to end is noticed."""

SHOWN_MAX: Final = 50
"""Lines on the screen; ``relay.json`` has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        profile: file or name of the site profile.
        links: only these; empty takes all that have a relay.
        faults: ``LINK=ACTION[:TEXT[:N]]``.
        seconds: how long; 0 until somebody ends it.
        out: folder of the journal; must be empty or missing.
        json: print one JSON object as the last line.
    """

    profile: str
    links: Sequence[str]
    faults: Sequence[str]
    seconds: float
    out: Path
    json: bool = False


def run(
    request: Request,
    environ: Mapping[str, str],
    ready: Callable[[Mapping[str, str]], None] = lambda _: None,
    over: threading.Event | None = None,
) -> int:
    """Stand in line, then say what passed.

    Args:
        request: of the command line.
        environ: holds passwords of keys.
        ready: is told where every link listens.
        over: ends it.

    Returns:
        0 if every message had a positive answer and every fault fired; 1 if a message had none, or
        the account has something to say of one; 3 if nothing passed, or a fault never fired.

    Raises:
        InputError: it cannot stand anywhere (exit code 2).
    """
    if request.out.exists() and any(request.out.iterdir()):
        raise InputError(tr("the folder of the result is not empty: {path}", path=request.out),
                         remedy="--out")  # fmt: skip
    stand = Stand(load_profile(request.profile), request.links, request.faults, environ,
                  request.out)  # fmt: skip
    stand.start()
    for name, address in stand.ready.items():
        print(f"ready {name} {address}", flush=True)
    ready(stand.ready)
    with until_asked() as asked:
        _wait(request.seconds, over or asked)
    found = stand.stop()
    code = exit_code(found)
    (request.out / "relay.json").write_text(
        json.dumps(found | {"format": 1, "exit_code": code}, ensure_ascii=False, indent=1),
        encoding="utf-8",
    )
    _print(found)
    print(tr("written: {path}", path=request.out / JOURNAL))
    if request.json:
        short = {name: found[name] for name in ("messages", "links", "faults")}
        print(json.dumps(short | {"troubled": len(found["troubled"]), "out": str(request.out),
                                  "exit_code": code}, ensure_ascii=False))  # fmt: skip
    return code


def _wait(seconds: float, over: threading.Event) -> None:
    until = time.monotonic() + seconds
    while not (seconds and time.monotonic() >= until) and not over.wait(POLL_S):
        pass


def exit_code(found: Mapping[str, Any]) -> int:
    """What ``run`` returns for what was found."""
    if found["troubled"]:
        return 1
    silent = any(not one["fired"] for one in found["faults"])
    return 3 if silent or not found["messages"] or not found["accounted"] else 0


def _print(found: Mapping[str, Any]) -> None:
    for name, counts in found["links"].items():
        rest = ", ".join(f"{word(what)} {count}" for what, count in counts.items())
        print(f"{name}: {rest}")
    if not found["messages"]:
        print(tr("nothing passed"))
    if not found["accounted"]:
        print(tr("{count} messages are too many for an account", count=found["messages"]))
    for one in found["faults"]:
        told = tr("fired {count} times", count=one["fired"]) if one["fired"] else tr("never fired")
        print(f"{one['id']} {one['link']} {one['action']}: {told}")
    for one in found["troubled"][:SHOWN_MAX]:
        what = ", ".join(word(each) for each in one["what"])
        print(f"✘ {one['link']} {one['type']} {one['id']}: {what}")
    if len(found["troubled"]) > SHOWN_MAX:
        print(tr("... and {more} more", more=len(found["troubled"]) - SHOWN_MAX))


def word(what: str) -> str:
    """A word of the account, in the language of the user."""
    words = {
        "messages": tr("messages"),
        "deliveries": tr("deliveries"),
        "refused": tr("refused"),
        "unanswered": tr("unanswered"),
        "lost": tr("lost"),
        "duplicated": tr("duplicated"),
        "answered without effect": tr("answered without effect"),
        "effect without answer": tr("effect without answer"),
        "out of order": tr("out of order"),
    }
    return words.get(what, what)
