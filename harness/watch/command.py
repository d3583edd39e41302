"""``medharness watch``: an upgrade window, from the first minute to its report."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.evidence.verdict import EXIT_CODES, Verdict
from harness.i18n import tr
from harness.inline.lines import until_asked
from harness.profile import load_profile
from harness.report.words import verdict_name
from harness.watch import report
from harness.watch.window import Options, Window

TICK_S: Final = 0.2
"""How soon a missing answer or the wish to end is noticed."""

SAY_S: Final = 10.0
"""Seconds between two lines of progress; the result so far is saved as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        profile: file or name of the site profile.
        options: of the window.
        seconds: how long; 0 until somebody ends it.
        outage_max_s: more seconds of outage on a line fail; None for no limit.
        out: folder of the result.
        json: print one JSON object as the last line.
    """

    profile: str
    options: Options
    seconds: float
    outage_max_s: float | None
    out: Path
    json: bool = False


def follows(words: list[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    """``IN=OUT`` or ``IN=OUT:TYPE,TYPE`` options.

    Raises:
        InputError: one is none.
    """
    found = []
    for word in words:
        before, mark, rest = word.partition("=")
        after, _, kinds = rest.partition(":")
        if not (before and mark and after):
            raise InputError(tr("--follow takes IN=OUT, or IN=OUT:TYPE,TYPE"), where=word)
        found.append((before, after, tuple(one for one in kinds.split(",") if one)))
    return found


def watch(request: Request, environ: Mapping[str, str]) -> int:
    """Watch until the time is over or somebody ends it; returns the exit code.

    0: all that passed was accepted once, in time and in order; 1: not so, or an hour has other
    counts than its weekday; 3: a line saw nothing, or something could not be judged.

    Raises:
        InputError: nothing can be watched (exit code 2).
    """
    window = Window(load_profile(request.profile), request.options, environ)
    with until_asked() as over:
        window.start()
        for name, address in window.ready.items():
            print(f"ready {name} {address}", flush=True)
        for name, why in window.unwatched.items():
            print(f"- {name}: {why}", flush=True)
        _wait(window, request, over)
    print(tr("judging what passed"), file=sys.stderr, flush=True)
    window.stop()
    data = report.write(window, request.out, request.outage_max_s)
    _print(data, request.out)
    code = EXIT_CODES[Verdict(data["verdict"])]
    if request.json:
        short = {key: data[key] for key in ("verdict", "failed", "open", "seconds")}
        print(json.dumps(short | {"out": str(request.out), "exit_code": code}, ensure_ascii=False))
    return code


def _wait(window: Window, request: Request, over: threading.Event) -> None:
    said = 0.0
    while not over.wait(TICK_S):
        window.lines.tick()
        now = window.lines.now()
        if request.seconds and now >= request.seconds:
            return
        if now - said >= SAY_S:
            said = now
            data = report.as_json(window, request.outage_max_s)
            report.save(data, request.out)
            for line in data["lines"]:
                print(progress(line, window.lines.accounts[line["link"]].down), flush=True)


def progress(line: Mapping[str, Any], down: bool) -> str:  # noqa: FBT001 - one of two words
    """One line of the terminal."""
    state = tr("out of service") if down else tr("in service")
    counts = " ".join(f"{report.trouble_name(what)} {line[what]}" for what in report.TROUBLES)
    outage = f"{tr('outage (s)')} {line['outage_s']:.1f}"
    read = f"{tr('messages')} {line['messages']}"
    return "  ".join((line["link"], state, read, counts, outage))


def _print(data: Mapping[str, Any], out: Path) -> None:
    for line in data["lines"]:
        print(progress(line, down=False))
    for text in data["failed"]:
        print(f"✘ {text}")
    for text in data["open"]:
        print(f"? {text}")
    print(tr("Verdict: {verdict}", verdict=verdict_name(data["verdict"])))
    print(tr("written: {path}", path=out / "watch.html"))
