"""The difference of two versions of the interface as a report: what an upgrade asks of a HIS."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Final

from harness.i18n import tr
from simulators.centre import schema
from simulators.centre.spec_diff import SpecChange, difference

SHOWN: Final = 200
"""Changes that the terminal lists; JSON has all of them."""


def _kinds() -> dict[str, str]:
    return {
        "transaction-added": tr("transaction added"),
        "transaction-removed": tr("transaction removed"),
        "node-added": tr("node added"),
        "node-removed": tr("node removed"),
        "field-added": tr("field added"),
        "field-removed": tr("field removed"),
        "field-renamed": tr("field renamed"),
        "made-required": tr("made required"),
        "made-optional": tr("made optional"),
        "lengthened": tr("lengthened"),
        "shortened": tr("shortened"),
        "kind-changed": tr("type changed"),
        "code-added": tr("code added"),
        "code-removed": tr("code removed"),
        "code-renamed": tr("code means something else"),
    }


def compare(args: argparse.Namespace) -> int:
    """Print the difference of two versions.

    Takes ``before``, ``after`` (versions that ship, or JSON files), ``transaction`` (only these),
    ``breaking`` (only what may have a sender refused) and ``json``.

    Returns:
        1 where a change may have a sender refused, else 0.

    Raises:
        InputError: no such version or file.
    """
    before, after = schema.load_any(args.before), schema.load_any(args.after)
    found = [
        one
        for one in difference(before, after)
        if (not args.transaction or one.infno in {*args.transaction, ""})
        and (not args.breaking or one.breaks_senders)
    ]
    breaking = sum(one.breaks_senders for one in found)
    print(tr("from {before} to {after}", before=before.version, after=after.version))
    for one in found[:SHOWN]:
        print(f"  {_line(one)}")
    if len(found) > SHOWN:
        print(tr("  ... and {count} more; --json has all", count=len(found) - SHOWN))
    print(
        tr(
            "{count} changes, {breaking} of them may have a sender refused",
            count=len(found),
            breaking=breaking,
        )
    )
    if args.json:
        rows = [asdict(one) | {"breaks_senders": one.breaks_senders} for one in found]
        whole = {"before": before.version, "after": after.version, "breaking": breaking}
        print(json.dumps({**whole, "changes": rows}, ensure_ascii=False))
    return int(breaking > 0)


def _line(one: SpecChange) -> str:
    mark = "!" if one.breaks_senders else " "
    where = ".".join(part for part in (one.infno, one.side, one.node, one.field) if part)
    change = " -> ".join(part for part in (one.before, one.after) if part)
    return f"{mark} {_kinds()[one.kind]}  {where}  {change}".rstrip()
