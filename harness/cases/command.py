"""``medharness case take``: one matter out of a recording, without the persons in it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.captures.command import layout_of
from harness.captures.journal import read_ends
from harness.cases.bundle import Told, key_of, write
from harness.cases.faults import parse
from harness.cases.identity import load
from harness.cases.recorded import read
from harness.cases.take import take
from harness.cases.window import LISTED_MAX, told, window
from harness.errors import InputError
from harness.i18n import tr


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    paths: Sequence[str]
    about: str
    out: str
    port: int = 0
    identity: str = ""
    key_env: str = ""
    symptom: str = ""
    approver: str = ""
    systems: Sequence[str] = ()
    ends: Sequence[str] = ()
    faults: Sequence[str] = ()
    begin: str = ""
    until: str = ""
    framing: bool = False
    model: str = ""
    as_json: bool = False


def run(options: Options) -> int:
    """Write a case.

    Raises:
        InputError: nothing to take, something that cannot be read, or a leak (exit code 2).
    """
    within = window(options.begin, options.until)
    if not options.about.strip() and within.open:
        raise InputError(tr("what is the case about?"), remedy="--about, --from, --to")
    paths = [Path(one) for one in options.paths]
    layout = layout_of(options.model) if options.model else None
    identity = load(Path(options.identity) if options.identity else None)
    identity = dataclasses.replace(identity, layout=layout)
    key = key_of(options.key_env)
    said = Told(
        symptom=options.symptom, approver=options.approver, systems=_systems(options.systems),
        faults=[parse(one).text for one in options.faults],
        ends={**_beside(paths), **_ends(options.ends)},
    )  # fmt: skip
    recording = read(paths, options.port, framing=options.framing, layout=layout)
    taken = take(recording, options.about.strip(), within)
    if not within.open:
        recording.miss("without a time, so in no window", recording.untimed)
    manifest = write(
        Path(options.out), taken, recording, paths, about=options.about, key=key,
        identity=identity, told=said,
    )  # fmt: skip
    counts = {"count": len(taken.messages), "all": len(recording), "near": len(taken.near)}
    print(tr("{count} messages of {all} taken, {near} near them not matched", **counts))
    lines = list(told(taken.near))
    for line in lines[:LISTED_MAX]:
        print(tr("  not matched: {line}", line=line))
    if len(lines) > LISTED_MAX:
        print(tr("  and {count} more", count=len(lines) - LISTED_MAX))
    for why, count in recording.left_out.items():
        print(tr("left out: {why}, {count}", why=tr(why), count=count))
    print(tr("{count} texts that tell who somebody is were replaced; {short} of them are too"
             " short to search for", count=sum(manifest["identity"].values()),
             short=manifest["identity"]["too_short_to_search"]))  # fmt: skip
    print(tr("case: {path}", path=options.out))
    if options.as_json:
        print(json.dumps({"case": options.out, "manifest": manifest, "not_matched": lines},
                         ensure_ascii=False))  # fmt: skip
    return 0


def _beside(paths: Sequence[Path]) -> dict[str, str]:
    """What stands beside our own recordings."""
    return {end: role for path in paths for end, role in read_ends(path).items()}


def _ends(given: Sequence[str]) -> dict[str, str]:
    pairs = [one.rpartition("=") for one in given]
    wrong = [one for one, (address, sign, role) in zip(given, pairs, strict=True)
             if not (address and sign and role)]  # fmt: skip
    if wrong:
        raise InputError(tr("an end needs its role: {text}", text=wrong[0]), remedy="10.1.1.2=LIS")
    return {address: role for address, _, role in pairs}


def _systems(given: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    wrong = [name for name, sign, version in pairs if not (name and sign and version)]
    if wrong:
        raise InputError(tr("a system needs its version: {name}=VERSION", name=wrong[0]))
    return {name: version for name, _, version in pairs}
