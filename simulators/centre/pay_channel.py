"""A payment channel with books of its own, and the bill that it sends the next day.

The channel knows orders, amounts and refunds; of insurance it knows nothing. Bills are written as
WeChat writes them (a backtick before each field, yuan, a block of sums at the end) or as Alipay
does (GBK in a ZIP, marks at the line's head, a second file with sums by shop). Columns that
reconciliation does not need are left out.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from harness.errors import InputError

KINDS: Final = {"微信": "wechat", "支付宝": "alipay"}

_WECHAT: Final = (
    "交易时间", "公众账号ID", "商户号", "微信订单号", "商户订单号", "交易状态", "付款银行",
    "应结订单金额", "微信退款单号", "退款金额", "退款状态", "手续费",
)  # fmt: skip
_WECHAT_SUMS: Final = ("总交易单数", "应结订单总金额", "退款总金额", "手续费总金额")
_ALIPAY: Final = (
    "支付宝交易号", "商户订单号", "业务类型", "创建时间", "完成时间", "商家实收（元）",
    "退款批次号/请求号", "服务费（元）",
)  # fmt: skip
_EPOCH: Final = (2021, 12, 30, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One movement: a payment, or with ``refund`` money that went back."""

    order: str
    fen: int
    at: str
    refund: bool = False


@dataclass(slots=True)
class PayChannel:
    """The books of one channel.

    Args:
        kind: ``wechat`` or ``alipay``.
    """

    kind: str
    moves: list[Move] = field(default_factory=list)

    def paid(self, order: str, fen: int, at: str) -> None:
        """A payment was taken."""
        self._moved(Move(order=order, fen=fen, at=at))

    def refunded(self, order: str, fen: int, at: str) -> None:
        """Money of an order went back."""
        self._moved(Move(order=order, fen=fen, at=at, refund=True))

    def _moved(self, move: Move) -> None:
        if move.fen <= 0:
            raise InputError(f"a channel moves money: {move.order} {move.fen}")
        self.moves.append(move)

    def write(self, path: Path) -> Path:
        """The bill of everything so far.

        Raises:
            InputError: nothing moved, so the channel writes no bill.
        """
        if not self.moves:
            raise InputError("the channel has no order")
        if self.kind == "wechat":
            path = path.with_suffix(".csv")
            path.write_text(self._wechat(), encoding="utf-8-sig", newline="")
        else:
            path = path.with_suffix(".zip")
            path.write_bytes(self._alipay())
        return path

    def _sums(self) -> tuple[int, int, int, int]:
        paid = [move.fen for move in self.moves if not move.refund]
        back = [move.fen for move in self.moves if move.refund]
        return len(paid), sum(paid), len(back), sum(back)

    def _wechat(self) -> str:
        rows: list[Sequence[str]] = [_WECHAT]
        for nth, move in enumerate(self.moves, 1):
            number = f"42000{nth:023d}"
            amount = "0.00" if move.refund else _yuan(move.fen)
            back = (f"50000{nth:023d}", _yuan(move.fen), "SUCCESS") if move.refund else ("0",) * 3
            state = "REFUND" if move.refund else "SUCCESS"
            cells = (move.at, "wx0000000000000000", "1900000000", number, move.order, state,
                     "OTHERS", amount, *back, "0.00000")  # fmt: skip
            rows.append([f"`{cell}" for cell in cells])
        count, paid, backs, back_fen = self._sums()
        sums = (str(count + backs), _yuan(paid), _yuan(back_fen), "0.00000")
        rows += [_WECHAT_SUMS, [f"`{cell}" for cell in sums]]
        return "".join(",".join(row) + "\r\n" for row in rows)

    def _alipay(self) -> bytes:
        count, paid, backs, back_fen = self._sums()
        rows: list[Sequence[str]] = [_ALIPAY]
        for nth, move in enumerate(self.moves, 1):
            amount = _yuan(-move.fen if move.refund else move.fen)
            number = f"2026{nth:024d}\t"
            batch = f"R{nth:06d}" if move.refund else ""
            kind = "退款" if move.refund else "交易"
            rows.append([number, f"{move.order}\t", kind, move.at, move.at, amount, batch, "0.00"])
        lines = ["#支付宝业务明细查询", "#账号：[20880000000000000156]"]
        lines += [",".join(row) for row in rows]
        lines += [
            f"#交易合计：{count}笔，商家实收共{_yuan(paid)}元",
            f"#退款合计：{backs}笔，商家实收退款共{_yuan(-back_fen)}元",
        ]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            info = zipfile.ZipInfo("detail.csv", date_time=_EPOCH)
            text = "".join(f"{line}\r\n" for line in lines)
            archive.writestr(info, text.encode("gb18030"))
        return packed.getvalue()


def _yuan(fen: int) -> str:
    return str(Decimal(fen).scaleb(-2))
