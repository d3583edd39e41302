"""What each class of a reconciled row is called, what it means, and what to do about it.

The codes are those of ``verdicts.csv``. No report shows a code without its name: finance reads the
Chinese one. First step, second step and *never* follow the decision table of national practice
(2601, 2208 and 2305 are the centre's only ways back; after the clearing application nothing moves
without the bureau).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness import i18n
from harness.ledger.class_words_uploads import UPLOAD_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassWord:
    """One class in words.

    Attributes:
        code: as in ``verdicts.csv``.
        zh: Chinese name.
        en: English name.
        difference: a person has something to do; False where the row is explained as it stands.
        meaning: what it says about the money, Chinese and English.
        first: first step.
        second: second step.
        never: what must not be done.
    """

    code: str
    zh: str
    en: str
    difference: bool
    meaning: tuple[str, str]
    first: tuple[str, str] = ("", "")
    second: tuple[str, str] = ("", "")
    never: tuple[str, str] = ("", "")

    @property
    def name(self) -> str:
        """The name in the language in use."""
        return self.zh if i18n.current() == "zh-CN" else self.en

    def say(self, texts: tuple[str, str]) -> str:
        """One of the two-language texts in the language in use."""
        return texts[0] if i18n.current() == "zh-CN" else texts[1]


_QUERY: Final = (
    "用 5203 或清单查询中心当前状态，并查接口日志里的 msgid",
    "query the centre (5203 or its list) and look up the msgid in the interface log",
)
_RERUN: Final = ("处理后重新对账确认", "reconcile again to confirm")
_NO_BLIND: Final = (
    "状态不明时不得重复冲正，也不得猜流水号冲正",
    "never reverse twice while the state is unknown, nor with a guessed id",
)
_NO_DELETE: Final = ("不得直接删除任何一方的记录", "never delete a record on either side")
_BOTH_DONE: Final = ("无需处理", "nothing to do")


def _fine(code: str, zh: str, en: str, meaning: tuple[str, str]) -> ClassWord:
    return ClassWord(code=code, zh=zh, en=en, difference=False, meaning=meaning, first=_BOTH_DONE)


def _open(
    code: str,
    zh: str,
    en: str,
    meaning: tuple[str, str],
    first: tuple[str, str] = _QUERY,
    second: tuple[str, str] = _RERUN,
    never: tuple[str, str] = _NO_DELETE,
) -> ClassWord:
    return ClassWord(
        code=code,
        zh=zh,
        en=en,
        difference=True,
        meaning=meaning,
        first=first,
        second=second,
        never=never,
    )


_WORDS: Final = (
    _fine("matched", "一致", "matched", ("两边相同", "equal on both sides")),
    _fine(
        "refund_pair",
        "退费对冲",
        "refund pair",
        ("收费与退费两边都有，净额为零", "charge and refund stand on both sides, net zero"),
    ),
    _fine(
        "partial_refund",
        "部分退费一致",
        "partial refund agrees",
        ("部分退费，两边净额相同", "partly refunded, both sides net the same"),
    ),
    _fine(
        "cross_day",
        "跨日",
        "cross-day",
        ("同一笔，记账日期不同", "the same bill, booked on different days"),
    ),
    _fine(
        "time_skew",
        "时钟偏差",
        "clock offset",
        ("同一笔，两边时间有偏差", "the same bill, the clocks differ"),
    ),
    _fine(
        "same_person_twice",
        "同人同额两笔（均有对应）",
        "same person and amount twice",
        ("同一人短时间内两笔同额，两边都有", "two equal bills within minutes, on both sides"),
    ),
    _fine(
        "outside_cut",
        "切口外（其他日结批次、票据段或时段）",
        "outside the cut",
        ("属于医院其他批次、票据段或时段，本次不判", "another batch, receipt range or time"),
    ),
    _open(
        "his_only",
        "医院单边（医院有、中心无）",
        "only in HIS",
        ("医院已记账，中心没有这笔结算", "HIS booked it, the centre has no such settlement"),
        first=_QUERY,
        second=(
            "确认中心没有后，用新 msgid 重新结算，或经患者同意转自费",
            "once the centre surely has none, settle again with a new msgid or turn to self-pay",
        ),
    ),
    _open(
        "centre_only",
        "医保单边（中心有、医院无）",
        "only at the centre",
        ("中心已结算，医院没有入账", "the centre settled it, HIS has not booked it"),
        first=(
            "先查患者是否已取药或已付款，再查日志里的 msgid",
            "find out whether the patient paid or took the medicine; look up the msgid",
        ),
        second=(
            "已付款：按中心应答补记；未付款：2601 冲正，或用 2208/2305 撤销",
            "paid: book from the centre's answer; not paid: 2601, else 2208/2305",
        ),
        never=(
            "不得编造金额补记，不得猜 msgid 冲正",
            "never book invented amounts, never reverse with a guessed msgid",
        ),
    ),
    _open(
        "refund_unmatched",
        "退费单边",
        "refund on one side",
        ("退费只在一边出现", "the refund stands on one side only"),
        first=(
            "中心已退：医院补记退费；医院已退：重发 2208/2305（“已撤销”视为成功）",
            "centre refunded: book it in HIS; HIS refunded: send 2208/2305 again",
        ),
        second=("退还现金部分后重新对账", "pay back the cash part, then reconcile again"),
        never=(
            "退费入账前不得再次结算",
            "never settle again before the refund is booked",
        ),
    ),
    _open(
        "refund_pair_one_side",
        "收退对冲只在一边",
        "charge and refund on one side only",
        (
            "一边有收费和退费两笔，净额为零，另一边都没有",
            "one side has charge and refund, net zero, the other has neither",
        ),
        second=("3202 须正负两行都上传", "3202 wants both the positive and the negative row"),
    ),
    _open(
        "same_person_twice_his_only",
        "同人同额两笔（医院多一笔）",
        "same person and amount twice, one only in HIS",
        ("短时间内重复收费，中心只有一笔", "charged twice within minutes, the centre has one"),
        second=("作废医院多记的一笔并退款", "void the surplus HIS bill and pay back"),
    ),
    _open(
        "amount_mismatch",
        "金额不一致",
        "amounts differ",
        ("同一笔，金额不同", "the same bill with different amounts"),
        first=(
            "逐项核对恒等式，再看费用明细，找出第一处不同",
            "check the identities, then the fee lines: find the first part that differs",
        ),
        second=(
            "医保部分以中心为准，现金以医院实收为准",
            "trust the centre for insurance parts, HIS for the cash taken",
        ),
        never=("不得两边同时改数", "never overwrite both sides"),
    ),
    _open(
        "swapped_parts",
        "金额分项互换",
        "parts swapped",
        ("总额相同，统筹与账户等分项互换", "equal total, two parts are exchanged"),
        second=("按中心应答更正医院分项", "correct the HIS parts from the centre's answer"),
    ),
    _open(
        "partial_refund_differs",
        "部分退费不一致",
        "partial refund differs",
        ("部分退费，两边净额不同", "partly refunded, the sides net differently"),
        second=(
            "保留“原结算、撤销、重新结算”整条链",
            "keep the whole chain: original, reversal, new settlement",
        ),
    ),
    _open(
        "duplicate_his",
        "医院重复记账",
        "booked twice in HIS",
        ("中心一笔，医院记了多笔", "one settlement at the centre, several in HIS"),
        second=("作废医院多记的一笔", "void the surplus record in HIS"),
    ),
    _open(
        "duplicate_centre",
        "中心重复结算",
        "settled twice at the centre",
        ("医院一笔，中心结算了多笔", "one bill in HIS, several settlements at the centre"),
        first=(
            "保留与医院单据相连的一笔，撤销另一笔",
            "keep the one that HIS holds, reverse the other",
        ),
        never=("不得两笔都冲正", "never reverse both"),
    ),
    _open(
        "id_suspect",
        "结算编号疑似损坏",
        "settlement id damaged",
        ("金额相同，编号像是被改动", "equal amounts, the id looks altered"),
        second=("核实后更正医院保存的编号", "verify, then correct the id that HIS keeps"),
    ),
    _open(
        "state_differs",
        "状态不一致",
        "states differ",
        ("一边有效，另一边已退费", "valid on one side, refunded on the other"),
        never=_NO_BLIND,
    ),
    _open(
        "other_person",
        "人员不一致",
        "other person",
        ("同一结算编号，人员不同", "the same settlement id, another person"),
        first=("停止处理，核对身份与凭证", "stop; verify identity and credential"),
    ),
    _open(
        "wrong_category",
        "结算类别不一致",
        "other category",
        (
            "险种、清算类别或经办机构不同",
            "insurance type, clearing type or agency differs",
        ),
        first=(
            "按结算应答返回的类别重新归类",
            "use the category that the settlement answer returned",
        ),
        never=("不得因此冲正", "never reverse for that"),
    ),
    _open(
        "detail_differs",
        "费用明细不一致",
        "fee lines differ",
        ("结算相同，费用明细不同", "equal settlement, other fee lines"),
        second=("撤销明细后重新上传", "undo the fee lines and upload again"),
    ),
    _open(
        "channel_only",
        "支付渠道单边",
        "only in the payment channel",
        ("渠道已收款，医院和中心都没有", "the channel has the money, the others do not"),
        first=("查 6301 订单状态", "query the order (6301)"),
        second=("补完结算，或 6203 退款", "finish the settlement, or refund by 6203"),
    ),
    _open(
        "channel_missing",
        "支付渠道缺失",
        "missing in the payment channel",
        ("应有渠道收款，渠道没有", "the channel should have it, and has not"),
        first=("查 6301 订单状态与其他付款方式", "query the order (6301) and other ways of pay"),
    ),
    _open(
        "ambiguous",
        "无法唯一对应",
        "ambiguous",
        (
            "有几个同样好的候选，不自动平账",
            "several equally good candidates: never closed by itself",
        ),
        first=("由人逐一核对候选", "a person compares the candidates"),
    ),
    _open(
        "carried",
        "挂账待次日",
        "carried to the next day",
        ("在宽限期内，等待次日数据", "open within its grace period"),
        first=("次日带上结转文件再对", "reconcile tomorrow with the carried file"),
    ),
    _open(
        "rejected",
        "无法读取",
        "could not be read",
        (
            "这一行读不出来，已按原文计数计额",
            "the row could not be read; counted and summed from its text",
        ),
        first=("请数据提供方更正后重新导出", "have the file corrected and exported again"),
    ),
)

_FURTHER: Final = (
    _open(
        "group",
        "多笔合一",
        "several rows, one bill",
        (
            "一边几笔之和等于另一边一笔，只是建议",
            "several rows add up to one on the other side: a proposal",
        ),
        first=("核实这几笔是否同一次结算", "check that these rows are one bill"),
        second=("确认后登记为一笔", "then note the group as one settlement"),
        never=("不得单独冲正其中一笔", "never reverse single rows of it"),
    ),
    _open(
        "wrong_period",
        "期间不符",
        "other period",
        ("结算时间不在所对期间", "the settlement time lies outside the period"),
        first=("按中心返回的结算时间重新取数", "extract again by the centre's settlement time"),
    ),
)

_OF_UPLOADS: Final = tuple(ClassWord(**one._asdict()) for one in UPLOAD_WORDS)

CLASS_WORDS: Final[dict[str, ClassWord]] = {
    word.code: word for word in _WORDS + _FURTHER + _OF_UPLOADS
}
"""Every class that is known, in the order in which reports list them."""

SIDES: Final = {
    "his": ("医院", "HIS"),
    "centre": ("中心", "centre"),
    "channel": ("渠道", "channel"),
    "his_visits": ("医院登记", "HIS registrations"),
    "centre_visits": ("中心登记", "centre registrations"),
    "his_boxes": ("医院追溯码", "HIS trace codes"),
    "centre_boxes": ("中心追溯码", "centre trace codes"),
    "his_lists": ("医院清单", "HIS lists"),
    "centre_lists": ("中心清单", "centre lists"),
}


def word(code: str) -> ClassWord:
    """The words of a class; one that is not known counts as a difference, and says so."""
    known = CLASS_WORDS.get(code)
    if known is not None:
        return known
    return _open(
        code,
        f"其他差异（{code}）",
        f"other difference ({code})",
        ("未列名的差异类别", "a class that has no words yet"),
    )


def side_name(side: str) -> str:
    """A side of the books in the language in use."""
    zh, en = SIDES.get(side, (side, side))
    return zh if i18n.current() == "zh-CN" else en
