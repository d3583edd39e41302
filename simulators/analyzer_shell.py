"""An analyzer in the foreground that does more than one upload: many specimens, a query, a server.

``medharness simulate analyzer`` comes here for ``--count``, ``--query`` and ``--listen``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import HarnessError, InputError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.host import Host
from harness.link.serial_address import SerialAddress
from harness.link.threads import Threads
from harness.model import Outcome
from simulators import foreground
from simulators.analyzer import families, generate
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.framed_analyzer import UNACKNOWLEDGED
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.upload import Tested, message
from simulators.shell import plain

COUNT_MAX: Final = 100_000
"""Specimens of one call: a hundred days of a busy laboratory."""

TIMEOUT_S: Final = 1800.0
"""For one answer of the actor: beyond the patience of any instrument, as for a single upload."""

_WORSE: Final = {Outcome.OK.value: 0, Outcome.UNKNOWN.value: 1, Outcome.FAILED.value: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the command line asks for.

    Attributes:
        model: the instrument.
        address: where the LIS listens; None where the LIS connects.
        listen: host and port of our own, where the LIS connects.
        count: specimens to upload.
        query: barcode to ask orders for; what is ordered is run. Empty for none.
        seed: of the first specimen; the next ones count on.
    """

    model: AnalyzerModel
    address: Address | SerialAddress | None
    listen: tuple[str, int] = ("127.0.0.1", 0)
    count: int = 1
    query: str = ""
    seed: int = 0


def wanted(args: argparse.Namespace) -> bool:
    """Whether the command line asks for more than one upload to a LIS that listens."""
    return bool(
        getattr(args, "listen", False)
        or getattr(args, "query", "")
        or getattr(args, "count", 1) != 1
    )


def run(
    args: argparse.Namespace, model: AnalyzerModel, address: Address | SerialAddress | None
) -> int:
    """Carry the command line out, and tell how it went.

    Returns:
        0 where the LIS took all of it, 3 where the link has no acknowledgement, else 1.

    Raises:
        InputError: a count that is none, a model that cannot be asked so, a port in use.
    """
    count = int(args.count)
    if not 1 <= count <= COUNT_MAX:
        raise InputError(tr("no count {count}", count=count), remedy=f"1-{COUNT_MAX}")
    if args.query and (model.family != "astm" or model.query is None):
        raise InputError(
            tr("{name} never asks for orders", name=model.name),
            remedy=tr("choose an ASTM model that has a section [query]"),
        )
    if address is None:
        foreground.check_port(args.port)
    plan = Plan(
        model=model, address=address, listen=(args.host, args.port), count=count,
        query=args.query, seed=args.seed,
    )  # fmt: skip
    result = play(plan)
    return foreground.finish(result, _exit_code(result), as_json=args.json)


def play(plan: Plan) -> dict[str, Any]:
    """Connect or listen, then query or upload; the result for ``--json``."""
    model = plan.model
    with foreground.running() as runtime:
        actor, link = _actor(plan, runtime)
        member = runtime.add(actor.role, Host(actor, runtime.clock, plain))
        if plan.address is not None:
            member.routes[link] = plan.address
        else:
            foreground.say(f"ready {link} {foreground.listen(member, link, *plan.listen)}")
        if plan.query:
            return _query(runtime, actor.role, plan)
        uploads = [_upload(runtime, actor.role, model, seed) for seed in _seeds(plan)]
    worst = max(uploads, key=lambda one: _WORSE[one["outcome"]])
    count = sum(one["outcome"] == Outcome.OK for one in uploads)
    return {
        "outcome": worst["outcome"],
        "detail": worst["detail"],
        "delivered": count,
        "barcodes": [one["barcode"] for one in uploads],
    }


def _seeds(plan: Plan) -> range:
    return range(plan.seed, plan.seed + plan.count)


def _actor(plan: Plan, runtime: Threads) -> tuple[Analyzer | families.ACTORS, str]:
    model = plan.model
    if model.family != "astm":
        if plan.address is None:
            section = getattr(model, model.family).model_copy(update={"side": "server"})
            model = model.model_copy(update={model.family: section})
        return families.actor(model, runtime.clock), families.LINKS[model.family]
    actor = Analyzer(
        link_config=model.link_config(),
        repeats=model.repeats,
        model=model,
        side="client" if plan.address is not None else "server",
        clock=runtime.clock,
        bench=generate.bench(plan.seed),
    )
    return actor, LINK


def _upload(runtime: Threads, role: str, model: AnalyzerModel, seed: int) -> dict[str, Any]:
    tested = generate.run(seed, model)
    answer = runtime.command(role, "upload", _order(runtime, model, tested, seed), TIMEOUT_S)
    told = {"outcome": str(answer["outcome"]), "detail": str(answer["detail"])}
    detail = f" ({told['detail']})" if told["detail"] else ""
    foreground.say(
        tr(
            "upload {outcome}: specimen {barcode}, {count} results{detail}",
            outcome=told["outcome"],
            barcode=tested.barcode,
            count=len(tested.results),
            detail=detail,
        )
    )
    return told | {"barcode": tested.barcode}


def _order(runtime: Threads, model: AnalyzerModel, tested: Tested, seed: int) -> dict[str, Any]:
    now = runtime.clock.wall()
    if model.family == "astm":
        time = now.strftime("%Y%m%d%H%M%S")
        return {"payload": message(model, [tested], control_id=f"S{seed}", time=time).hex()}
    payloads = families.payloads(model, [tested], first_id=1 + abs(seed), time=now)
    return {"payloads": [one.hex() for one in payloads]}


def _query(runtime: Threads, role: str, plan: Plan) -> dict[str, Any]:
    """Ask for the orders of one tube, then run and upload what is ordered."""
    time = runtime.clock.wall().strftime("%Y%m%d%H%M%S")
    asked = {"barcodes": [plan.query], "control_id": f"Q{plan.seed}", "time": time}
    answer = runtime.command(role, "query", asked, TIMEOUT_S)
    tests = [test for one in answer["orders"] for test in one["tests"]]
    result = {
        "outcome": str(answer["outcome"]), "detail": str(answer["detail"]), "barcode": plan.query,
        "ordered": tests, "ran": [],
    }  # fmt: skip
    told = ", ".join(tests) or "-"
    foreground.say(tr("orders of {barcode}: {tests}", barcode=plan.query, tests=told))
    if result["outcome"] != Outcome.OK or answer["nothing"]:
        return result
    try:
        run_ = runtime.command(role, "measure", {"barcode": plan.query}, TIMEOUT_S)
    except HarnessError as error:  # the orders were for another tube, or took all tests away
        return result | {"outcome": Outcome.FAILED.value, "detail": str(error)}
    foreground.say(
        tr(
            "results {outcome}: {ran} of {ordered} tests",
            outcome=run_["outcome"], ran=len(run_["ran"]), ordered=len(tests),
        )
    )  # fmt: skip
    keys = ("outcome", "detail", "ran", "unable")
    return result | {key: run_[key] for key in keys}


def _exit_code(result: Mapping[str, Any]) -> int:
    """Where a link has no acknowledgement, nothing failed and nothing is known either."""
    if result["outcome"] == Outcome.UNKNOWN and result["detail"] == UNACKNOWLEDGED:
        return 3
    return 0 if result["outcome"] == Outcome.OK else 1
