"""``medharness relay``: between real systems until somebody ends it, then what became of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.clock import RealClock
from harness.errors import InputError
from harness.i18n import tr
from harness.inline.lines import until_asked
from harness.inline.stand import Stand
from harness.profile import load_profile
from harness.site import at_rest, vault

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
        the account has something to say of one; 3 if nothing passed, a fault never fired, or the
        relay itself failed.

    Raises:
        InputError: it cannot stand anywhere, or its journal would lie plain unasked (exit code 2).
    """
    if request.out.exists() and any(request.out.iterdir()):
        raise InputError(tr("the folder of the result is not empty: {path}", path=request.out),
                         remedy="--out")  # fmt: skip
    site = load_profile(request.profile)
    words = at_rest.words_of(site)  # refused now, not after the night
    stand = Stand(site, request.links, request.faults, environ, request.out)
    stand.start()
    began = _now()
    for name, address in stand.ready.items():
        print(f"ready {name} {address}", flush=True)
    ready(stand.ready)
    with until_asked() as asked:
        _wait(request.seconds, over or asked)
        found = stand.stop()
        times = {"format": 1, "started": began, "ended": _now()}
        (request.out / vault.TIMES).write_text(json.dumps(times), encoding="utf-8")
        return _end(request, found, words)  # a second Ctrl-C leaves nothing plain


def _end(request: Request, found: Mapping[str, Any], words: str) -> int:
    """Write what came of it, encrypt it where there is a passphrase, and say so."""
    code = exit_code(found)
    (request.out / "relay.json").write_text(
        json.dumps({**found, "format": 1, "exit_code": code}, ensure_ascii=False, indent=1),
        encoding="utf-8",
    )
    _print(found)
    trouble = at_rest.close(request.out, words) if words else ""
    if trouble:
        code = code or 3
        print(tr("it could not be encrypted and is plain: {why}; medharness seal {folder}",
                 why=trouble, folder=request.out))  # fmt: skip
    sealed = bool(words) and not trouble
    journal = f"{vault.JOURNAL}{vault.SUFFIX if sealed else ''}"
    print(tr("written: {path}", path=request.out / journal))
    if request.json:
        short = {name: found[name] for name in ("messages", "links", "faults")}
        told = short | {"troubled": len(found["troubled"]), "out": str(request.out)}
        print(json.dumps(told | {"sealed": sealed, "exit_code": code}, ensure_ascii=False))
    return code


def _now() -> str:
    return RealClock().wall().isoformat(timespec="seconds")


def _wait(seconds: float, over: threading.Event) -> None:
    until = time.monotonic() + seconds
    while not (seconds and time.monotonic() >= until) and not over.wait(POLL_S):
        pass


def exit_code(found: Mapping[str, Any]) -> int:
    """What ``run`` returns for what was found."""
    if found["troubled"]:
        return 1
    silent = any(not one["fired"] for one in found["faults"]) or bool(found["failed"])
    return 3 if silent or not found["messages"] or not found["accounted"] else 0


def _print(found: Mapping[str, Any]) -> None:
    for name, counts in found["links"].items():
        rest = ", ".join(f"{word(what)} {count}" for what, count in counts.items())
        print(f"{name}: {rest}")
    for why in found["failed"]:
        print(tr("the relay itself failed: {why}", why=why))
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
