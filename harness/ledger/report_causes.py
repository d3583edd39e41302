"""What the causes and confidences of ``verdicts.csv`` are called in the reports."""

from __future__ import annotations

from typing import Final

from harness import i18n

CAUSES: Final[dict[str, tuple[str, str]]] = {
    "unknown": (
        "原因不明（缺证据，可用 --log 或 --trace 提供接口日志）",
        "unknown (no evidence; give the interface log by --log or --trace)",
    ),
    "answer_lost": ("中心已结算，应答丢失", "the centre settled, its answer was lost"),
    "answer_unreadable": ("中心应答无法解析", "the centre's answer could not be read"),
    "his_rollback": ("中心已成功，医院回滚", "the centre succeeded, HIS rolled back"),
    "not_in_his_log": ("医院日志里没有这次调用", "HIS has no such call in its log"),
    "request_lost": ("请求没有到达中心", "the request did not reach the centre"),
    "booked_after_refusal": ("中心拒绝后医院仍记账", "HIS booked it although it was refused"),
    "settled_offline": ("医院脱机结算", "settled in HIS without a call"),
    "retry_after_no_answer": ("无应答后重发，结算两次", "sent again after no answer"),
    "reversal_answer_lost": ("撤销应答丢失", "the answer to the reversal was lost"),
    "refund_outside_his": ("退费不是由医院系统发起", "refunded outside of HIS"),
    "reversal_failed": ("撤销失败", "the reversal failed"),
    "unreadable": ("数据行无法读取", "the row could not be read"),
    "rounding": ("分位舍入不同", "rounded at another place"),
    "id_damaged": ("编号被截断或改写", "the id was cut or altered"),
    "day_cut": ("跨越日切", "across the day's cut"),
    "clock_offset": ("两边时钟不一致", "the clocks differ"),
}
"""Causes of ``verdicts.csv`` in words, Chinese and English."""

CONFIDENCES: Final = {"high": ("高", "high"), "medium": ("中", "medium"), "low": ("低", "low")}


def cause_name(cause: str) -> str:
    """A cause in the language in use; one that has no words is shown as it is."""
    zh, en = CAUSES.get(cause or "unknown", (cause, cause))
    return zh if i18n.current() == "zh-CN" else en


def confidence_name(confidence: str) -> str:
    """A confidence in the language in use."""
    zh, en = CONFIDENCES.get(confidence, (confidence, confidence))
    return zh if i18n.current() == "zh-CN" else en
