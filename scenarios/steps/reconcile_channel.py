"""Sentences about the third ledger: a payment channel that took the cash part of bills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import Blocked
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.insurance_town import known
from simulators.centre.pay_channel import KINDS, PayChannel

steps = Library("reconcile")


@dataclass(frozen=True, slots=True)
class _Bills:
    """What the option “渠道” writes: the channel's bill of everything so far."""

    channel: PayChannel

    def write(self, path: Path, wanted: object) -> Path | None:
        """The bill, where it is wanted."""
        return self.channel.write(path) if wanted else None


def _channel(world: World, name: str) -> PayChannel:
    kind = known(KINDS, name)
    found = world.state.get("channel")
    if isinstance(found, _Bills) and found.channel.kind == kind:
        return found.channel
    channel = PayChannel(kind)
    world.state["channel"] = _Bills(channel)
    return channel


def _booked(world: World, label: str) -> list[Mapping[str, Any]]:
    """The hospital's rows of a person, in the order of booking."""
    args = {"psn_no": world.known_person(label).patient_id}
    rows = list(world.bench.probes["his-yb-ledger"].ask(args).rows)
    if not rows:
        raise Blocked(tr("the HIS has booked nothing of {label}", label=label))
    return rows


def _order(world: World, label: str, number: str) -> str:
    world.state.setdefault("channel orders", {})[number] = label
    return number


@steps.when(
    "患者{string}用{string}付清现金部分",
    id="reconcile.channel-pays",
    purpose="支付渠道按医院的单号收下现金部分，退费则按原单号退回",
    effect="渠道由我们扮演；微信或支付宝，各写各的账单格式",
    example="当 患者“甲”用“微信”付清现金部分",
    gloss="The cash part of a patient's bill is paid through a channel",
)
def pays(world: World, label: str, name: str) -> None:
    """What the hospital booked, and what it took back."""
    channel = _channel(world, name)
    for row in _booked(world, label):
        fen, number = int(row["cash_fen"]), str(row["medins_setl_id"])
        if fen > 0:
            channel.paid(_order(world, label, number), fen, str(row["setl_time"]))
        elif fen < 0:
            channel.refunded(_order(world, label, number), -fen,
                             str(row["setl_time"]))  # fmt: skip


@steps.when(
    "患者{string}用{string}付款{string}",
    id="reconcile.channel-breaks",
    purpose="造成支付渠道与医院的账不一致",
    effect="付款情形：多付一次（医院没有收到回调）、少付一分、多退一次（医院没有退费）",
    example="当 患者“甲”用“微信”付款“多付一次”",
    gloss="A patient's payment through a channel goes wrong",
)
def goes_wrong(world: World, label: str, name: str, how: str) -> None:
    """One movement that the hospital does not have, or has otherwise."""
    world.permit.require_fault()
    channel = _channel(world, name)
    row = _booked(world, label)[0]
    fen, number, at = int(row["cash_fen"]), str(row["medins_setl_id"]), str(row["setl_time"])
    match known({"多付一次": "twice", "少付一分": "less", "多退一次": "back"}, how):
        case "twice":
            channel.paid(_order(world, label, f"{number}R2"), fen, at)
        case "less":
            channel.paid(_order(world, label, number), fen - 1, at)
        case "back":
            channel.refunded(_order(world, label, f"{number}R9"), fen, at)
