"""What the centre can be told over its control pipe; no tested interface carries any of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.link import actor as act
from simulators.centre import arming, counter, schema, settlement_list
from simulators.centre.centre_faults import planned
from simulators.centre.transactions import handlers

if TYPE_CHECKING:
    from simulators.centre.centre import Centre


def obey(centre: Centre, command: act.Commanded) -> act.Command:
    """Carry out one command and answer it.

    ``fault`` plans one, ``heal`` ends one; ``clock`` takes ``set`` or ``advance_s``;
    ``cleared`` closes a ``month`` for
    good; ``maintenance`` takes ``on``, or ``begin`` and ``end``; ``specification`` takes
    ``version`` or ``changes`` to the present one; ``list`` is the bureau's judgement of a
    person's settlement lists; ``refund`` is made at the centre's own counter; ``spend``
    empties an account after the next ``infno``; ``arm`` lets the next unknown card of a
    ``terminal`` be a person; ``status`` tells what happened.
    """
    try:
        return act.Reply(ident=command.ident, value=_carried_out(centre, command))
    except HarnessError as error:
        return act.Reply(ident=command.ident, error=error.message)
    except (KeyError, TypeError, ValueError) as error:
        return act.Reply(ident=command.ident, error=f"{command.name}: {error!r}")


def _carried_out(centre: Centre, command: act.Commanded) -> Any:
    args = command.args
    match command.name:
        case "fault":
            fault = planned(args)
            centre.book.add(fault)
            return fault.id
        case "heal":
            centre.book.heal(str(args["id"]))
            return None
        case "clock":
            if "set" in args:
                centre.time.set(str(args["set"]))
            centre.time.advance(float(args.get("advance_s", 0.0)))
            return f"{centre.time.wall():%Y-%m-%d %H:%M:%S}"
        case "maintenance":
            if "begin" in args:
                centre.time.nightly(str(args["begin"]), str(args["end"]))
            if "on" in args:
                centre.time.closed = bool(args["on"])
            return centre.time.in_maintenance()
        case "cleared":
            policy = replace(
                centre.province.books_policy(),
                cleared_month=str(args["month"]),
                reverse_cleared=False,
            )
            centre.handlers = handlers(policy, seed=centre.seed)
            return None
        case "specification":
            centre.gateway.spec = _specification(centre, args)
            return centre.gateway.spec.version
        case "list":
            found = settlement_list.judged(centre.store, str(args["psn_no"]), str(args["state"]))
            centre.store.commit(found)
            return len(found)
        case "refund":
            return counter.refund(centre, str(args["psn_no"]))
        case "spend":
            counter.arm(centre, str(args["psn_no"]), str(args["infno"]))
            return None
        case "arm":
            row, statements = arming.arm(
                centre.store,
                centre.seed,
                str(args["psn_no"]),
                str(args["terminal"]),
                centre.time.wall(),
                minutes=int(args.get("minutes", arming.MINUTES_DEFAULT)),
            )
            centre.store.commit(statements)
            return row["until"]
        case "status":
            return {"answered": centre.answered, "fired": list(centre.book.fired)}
    raise HarnessError(f"the centre knows no command {command.name}")


def _specification(centre: Centre, args: Mapping[str, Any]) -> schema.Specification:
    """The interface from now on: a version that ships, or the present one with changes."""
    if "version" in args:
        codes = centre.province.codes
        return schema.load(str(args["version"])).with_codes(codes.added, codes.removed)
    present = centre.gateway.spec
    return schema.changed(
        present,
        args.get("changes", ()),
        version=f"{present.version}+",
        added=args.get("added"),
        removed=args.get("removed"),
    )
