"""Causes of differences as a table: on which classes, by which evidence, how sure, proven by what.

The numbers are those of the list of 28 causes that national practice knows (interface notes, 4.2);
``0`` marks what the reconciliation notes (3.2) add. ``when`` is SQL over one difference ``z`` (see
``explain``) and what the logs know of it:

``l`` the call with the row's own msgid; ``u`` a 2601 against it; ``v`` a reversal (2208, 2305,
2103) of its settlement; ``t`` the trial (2206, 2303) of its visit; ``y`` a broken chain (2402,
2405), ``o`` a mobile order, ``f`` fee lines sent again, of its visit; ``s`` the row that it
doubles; ``q`` the fee lines of its bill; ``i`` the identity that it breaks.

The first rule that holds names the cause. Without evidence no rule holds: the cause is unknown.
"""

from __future__ import annotations

from typing import Final

from harness.ledger.cause import Cause, Texts
from harness.ledger.columns import NEAR_S

_C: Final = ("centre_only",)
_C_TWICE: Final = ("centre_only", "refund_pair_one_side")
_H: Final = ("his_only",)
_ONE: Final = ("his_only", "centre_only")
_BACK: Final = ("refund_unmatched", "refund_pair_one_side", "state_differs")
_DUP_C: Final = ("duplicate_centre",)
_DUP_H: Final = ("duplicate_his", "same_person_twice_his_only")
_AMT: Final = ("amount_mismatch", "swapped_parts")
_DET: Final = ("amount_mismatch", "swapped_parts", "partial_refund_differs", "detail_differs")

_UNDONE: Final = "regexp_matches({0}.error, '已撤销|已冲正|重复撤销|already')"
_SIGN: Final = "regexp_matches(l.error, '签到|签退|sign_no|sign.?in')"
_SHAPE: Final = "regexp_matches(l.error, '不能为空|必填|必录|缺少|长度|字段|节点|版本|required')"
_NEAR: Final = f"ABS(epoch(z.moment) - epoch(s.moment)) <= {NEAR_S}"

_UNDO: Final = (
    Cause(
        code="msgid_reused", number=21, classes=(*_ONE, *_BACK, *_DUP_C), when="l.reused = 1",
        confidence="high", log=True,
        name=("报文流水号重复使用", "one msgid on several calls"),
        proof=("日志里同一 msgid 对应不同业务", "the log shows one msgid on different matters"),
    ),
    Cause(
        code="reversal_2601_unknown", number=8, classes=_C,
        when="u.state IN ('no_answer', 'unreadable')", confidence="high", log=True,
        name=("冲正（2601）无应答", "the 2601 itself got no answer"),
        proof=("用 5203 查结算是否仍有效", "query by 5203 whether the settlement still stands"),
    ),
    Cause(
        code="reversal_2601_refused", number=8, classes=_C, when="u.state = 'refused'",
        confidence="high", log=True,
        name=("冲正（2601）被拒绝", "the 2601 was refused"),
        proof=("日志里中心的拒绝原因", "the centre's reason in the log"),
    ),
    Cause(
        code="reversal_2601_no_effect", number=8, classes=_C, when="u.state = 'success'",
        confidence="high", log=True,
        name=("冲正成功但结算仍在", "2601 succeeded, the settlement still stands"),
        proof=("5203 查询结果与冲正应答对照", "5203 beside the answer to the 2601"),
    ),
    Cause(
        code="already_reversed", number=6, classes=_BACK, side="centre",
        when="v.state = 'refused' AND " + _UNDONE.format("v"), confidence="high", log=True,
        name=("重复撤销被当作失败", "a repeated reversal was taken for a failure"),
        proof=("日志里“已撤销”的应答", "the answer 'already undone' in the log"),
    ),
    Cause(
        code="reversal_answer_lost", number=5, classes=_BACK, side="centre",
        when="v.state IN ('no_answer', 'unreadable') OR (v.g IS NULL AND l.reversal = 1"
        " AND l.state = 'no_answer')",
        confidence="high", log=True,
        name=("撤销应答丢失", "the answer to the reversal was lost"),
        proof=("日志里只有撤销请求，没有应答", "the log has the reversal without an answer"),
    ),
    Cause(
        code="reversal_answer_lost", number=5, classes=("id_suspect",),
        when="l.reversal = 1 AND l.state IN ('no_answer', 'unreadable')",
        confidence="high", log=True,
        name=("撤销应答丢失", "the answer to the reversal was lost"),
        proof=("日志里只有撤销请求，没有应答", "the log has the reversal without an answer"),
    ),
    Cause(
        code="reversal_not_booked", number=5, classes=_BACK, side="centre",
        when="v.state = 'success' OR (l.reversal = 1 AND l.state = 'success')",
        confidence="high", log=True,
        name=("撤销成功，医院未入账", "reversed at the centre, not booked in HIS"),
        proof=("日志里撤销成功的应答", "the successful answer in the log"),
    ),
    Cause(
        code="reversal_failed", number=5, classes=("refund_unmatched", "state_differs"), side="his",
        when="v.state IN ('no_answer', 'refused', 'unreadable') OR (v.g IS NULL AND"
        " l.state IN ('no_answer', 'refused'))",
        confidence="high", log=True,
        name=("撤销失败，医院已记退费", "the reversal failed, HIS booked the refund"),
        proof=("用 5203 查原结算是否仍有效", "query by 5203 whether the original still stands"),
    ),
    Cause(
        code="refund_without_call", number=0, classes=("state_differs",), log=True,
        when="v.g IS NULL AND l.reversal = 0 AND z.covered"
        " AND z.rf = CASE z.side WHEN 'his' THEN 1 ELSE 0 END",
        confidence="medium",
        name=("医院记了退费而没有撤销调用", "HIS booked a refund without a call"),
        proof=("日志里没有这笔结算的撤销", "no reversal of the settlement in the log"),
    ),
    Cause(
        code="refund_outside_his", number=7, classes=_BACK, side="centre",
        when="v.g IS NULL AND l.g IS NULL AND z.covered", confidence="medium", log=True,
        name=("退费不是由医院系统发起", "refunded outside of HIS"),
        proof=("中心的操作日志或经办人", "the centre's own journal, or the operator"),
    ),
    Cause(
        code="reversal_of_earlier_period", number=10, classes=("refund_unmatched",),
        when="z.ok IS NOT NULL AND z.original = 0", confidence="medium",
        name=("撤销的是以前期间的结算", "it reverses a settlement of an earlier period"),
        proof=("加上原结算所在期间的清单", "the list of the period with the original"),
    ),
)  # fmt: skip

_CALL: Final = (
    Cause(
        code="mobile_callback_lost", number=22, classes=_C, when="o.g IS NOT NULL",
        confidence="medium", log=True,
        name=("移动支付回调未到医院", "the callback of a mobile payment did not arrive"),
        proof=("6301 查订单状态", "the state of the order by 6301"),
    ),
    Cause(
        code="chain_broken", number=26, classes=_C, when="y.g IS NOT NULL",
        confidence="high", log=True,
        name=("出院结算后的步骤中断", "the steps after the discharge settlement broke off"),
        proof=("5303 查在院状态", "the open visits by 5303"),
    ),
    Cause(
        code="answer_unreadable", number=20, classes=_C, when="l.state = 'unreadable'",
        confidence="high", log=True,
        name=("中心应答无法解析", "the centre's answer could not be read"),
        proof=("日志里的原始应答", "the raw answer in the log"),
    ),
    Cause(
        code="answer_lost", number=1, classes=_C_TWICE, when="z.rf = 0 AND l.state = 'no_answer'",
        confidence="high", side="centre", log=True,
        name=("中心已结算，应答丢失", "the centre settled, its answer was lost"),
        proof=("日志有请求、无应答", "the log has the request and no answer"),
    ),
    Cause(
        code="his_rollback", number=2, classes=_C_TWICE, when="z.rf = 0 AND l.state = 'success'",
        confidence="high", side="centre", log=True,
        name=("中心已成功，医院回滚", "the centre succeeded, HIS rolled back"),
        proof=("日志有成功应答，医院库无此结算", "a successful answer, and no row in HIS"),
    ),
    Cause(
        code="answered_refused_but_settled", number=0, classes=_C_TWICE,
        when="z.rf = 0 AND l.state = 'refused'",
        confidence="medium", side="centre", log=True,
        name=("中心答复失败，实际已结算", "the centre said no and settled all the same"),
        proof=("中心日志与应答对照", "the centre's journal beside its answer"),
    ),
    Cause(
        code="not_signed_in", number=24, classes=_H, when="l.state = 'refused' AND " + _SIGN,
        confidence="high", log=True,
        name=("未签到或签到号不符", "not signed in, or with another's sign-in"),
        proof=("9001 日志与请求的 sign_no 对照", "the 9001 log beside sign_no of the request"),
    ),
    Cause(
        code="interface_changed", number=25, classes=_H, when="l.state = 'refused' AND " + _SHAPE,
        confidence="medium", log=True,
        name=("升级后字段不符被拒", "refused for its fields, as after an upgrade"),
        proof=("按接口版本统计同类错误", "the same error counted by interface version"),
    ),
    Cause(
        code="booked_after_refusal", number=0, classes=_H, when="l.state = 'refused'",
        confidence="high", log=True,
        name=("中心拒绝后医院仍记账", "HIS booked it although it was refused"),
        proof=("日志里的拒绝应答", "the refusal in the log"),
    ),
    Cause(
        code="request_lost", number=0, classes=_H, when="l.state = 'no_answer'",
        confidence="high", log=True,
        name=("请求没有到达中心", "the request did not reach the centre"),
        proof=("用 msgid 查中心有无这笔", "query the centre for this msgid"),
    ),
    Cause(
        code="booked_unread", number=20, classes=_H, when="l.state = 'unreadable'",
        confidence="medium", log=True,
        name=("应答无法解析，医院仍记账", "HIS booked on an answer that it could not read"),
        proof=("日志里的原始应答", "the raw answer in the log"),
    ),
    Cause(
        code="settled_by_log_only", number=0, classes=_H, when="l.state = 'success'",
        confidence="medium", log=True,
        name=("当时成功，中心清单没有", "it succeeded then, the centre's list lacks it"),
        proof=("5203 查询；核对中心清单的取数范围", "5203, and the scope of the centre's list"),
    ),
)  # fmt: skip

_ROWS: Final = (
    Cause(
        code="mobile_callback_lost", number=22, classes=("centre_only", "channel_only"),
        when="z.partner LIKE 'channel:%' OR z.partner LIKE 'centre:%'", confidence="high",
        name=("移动支付回调未到医院", "the callback of a mobile payment did not arrive"),
        proof=("6301 查订单状态", "the state of the order by 6301"),
    ),
    Cause(
        code="wrong_scope", number=11, classes=_ONE, when="z.scope IS NOT NULL",
        confidence="medium",
        name=("取数范围不同（整个类别缺失）", "other scope: a whole category is missing"),
        proof=("两边取数条件对照", "the filters of both exports side by side"),
    ),
    Cause(
        code="not_in_his_log", number=3, classes=_C, when="l.g IS NULL AND z.covered",
        confidence="low", log=True,
        name=("医院日志里没有这次调用", "HIS has no such call in its log"),
        proof=("文本日志或前置机日志", "the text log, or that of the front-end"),
    ),
    Cause(
        code="settled_offline", number=19, classes=_H,
        when="z.g IS NULL AND z.has_msgid", confidence="medium",
        name=("医院脱机结算", "settled in HIS without a call"),
        proof=("该窗口当时的联机状态", "whether that counter was online"),
    ),
    Cause(
        code="settled_offline", number=19, classes=_H,
        when="l.g IS NULL AND z.covered", confidence="low",
        log=True,
        name=("医院脱机结算", "settled in HIS without a call"),
        proof=("该窗口当时的联机状态", "whether that counter was online"),
    ),
    Cause(
        code="post_repeated", number=28, classes=_DUP_C, when="s.g = z.g AND s.k <> z.k",
        confidence="high",
        name=("代理或网络自动重发", "the network sent the call again by itself"),
        proof=("前置机或代理的访问日志", "the access log of the proxy"),
    ),
    Cause(
        code="retry_after_no_answer", number=4, classes=_DUP_C,
        when="l.state = 'no_answer' OR sl.state = 'no_answer'", confidence="high", log=True,
        name=("无应答后重发，结算两次", "sent again after no answer"),
        proof=("日志里两个 msgid，前一个无应答", "two msgids, the first without an answer"),
    ),
    Cause(
        code="pressed_twice", number=4, classes=_DUP_C,
        when=f"z.g <> s.g AND z.m = s.m AND z.fee = s.fee AND {_NEAR}", confidence="medium",
        name=("操作员重复点击", "pressed twice"),
        proof=("两次请求的操作员、终端和时间", "operator, terminal and time of both calls"),
    ),
    Cause(
        code="pressed_twice", number=4, classes=_DUP_H,
        when=f"z.fee = s.fee AND {_NEAR} AND (z.opter IS NULL OR s.opter IS NULL"
        " OR z.opter = s.opter)",
        confidence="medium", side="his",
        name=("操作员重复点击", "pressed twice"),
        proof=("两次记账的操作员、终端和时间", "operator, terminal and time of both rows"),
    ),
)  # fmt: skip

_MONEY: Final = (
    Cause(
        code="never_uploaded", number=18, classes=_DET, when="q.kind = 'never_uploaded'",
        confidence="high",
        name=("有费用明细从未上传", "fee lines that were never uploaded"),
        proof=("detail.json 里的明细行", "the lines in detail.json"),
    ),
    Cause(
        code="mapping_error", number=14, classes=_DET, when="q.kind = 'item'",
        confidence="high",
        name=("对码不一致", "mapped to another item"),
        proof=("1317 与医院对照表（mapping lint）", "1317 beside the HIS table (mapping lint)"),
    ),
    Cause(
        code="leftover_lines", number=15, classes=_DET,
        when="q.kind = 'missing_in_his' OR f.g IS NOT NULL", confidence="medium",
        name=("中心留有以前上传的明细", "lines of an earlier try remain at the centre"),
        proof=("5204 查中心明细", "the centre's lines by 5204"),
    ),
    Cause(
        code="lines_differ", number=18, classes=_DET, when="q.kind IS NOT NULL",
        confidence="high",
        name=("费用明细的数量、单价或金额不同", "fee lines differ in quantity, price or amount"),
        proof=("detail.json 里的明细行", "the lines in detail.json"),
    ),
    Cause(
        code="trial_amounts_booked", number=16, classes=_AMT, log=True,
        when="t.g IS NOT NULL AND l.fund IS NOT NULL AND (t.fund <> l.fund OR t.acct <> l.acct)"
        " AND t.fund = z.his_fund AND t.acct = z.his_acct",
        confidence="high",
        name=("医院记的是预结算金额", "HIS booked the amounts of the trial"),
        proof=("2206/2303 与 2207/2304 的应答对照", "the answers of trial and settlement"),
    ),
    Cause(
        code="not_as_answered", number=17, classes=_AMT, log=True,
        when="l.fund IS NOT NULL AND (l.fund <> z.his_fund OR l.fee <> z.his_fee)"
        " AND l.fund = z.centre_fund AND l.fee = z.centre_fee",
        confidence="high",
        name=("医院未按应答存金额", "HIS did not store what the centre answered"),
        proof=("日志里结算应答的金额", "the amounts of the answer in the log"),
    ),
    Cause(
        code="derived_amount", number=17, classes=_AMT, when="i.part IS NOT NULL",
        confidence="medium",
        name=("分项是推算的，不平", "a part was derived: the row does not add up"),
        proof=("identities.csv 里的恒等式", "the identity in identities.csv"),
    ),
    Cause(
        code="rounding", number=17, classes=_AMT, when="ABS(z.delta_fen) BETWEEN 1 AND 2",
        confidence="low",
        name=("分位舍入不同", "rounded at another place"),
        proof=("明细舍入与总额舍入对照", "rounding of the lines beside that of the total"),
    ),
    Cause(
        code="refund_chain_broken", number=13, classes=("partial_refund_differs", "group"),
        when="z.refunds > 0", confidence="medium",
        name=("部分退费未按“撤销再结算”记账", "a partial refund not booked as undo and settle"),
        proof=("原结算、撤销、新结算三笔", "original, reversal and new settlement"),
    ),
    Cause(
        code="category_as_answered", number=12, classes=("wrong_category",), log=True,
        when="z.d & 128 <> 0 AND l.clr_type <> '' AND l.clr_type = z.centre_clr", confidence="high",
        name=("医院未用应答返回的清算类别", "HIS did not use the clearing type of the answer"),
        proof=("日志里应答的 clr_type", "clr_type of the answer in the log"),
    ),
    Cause(
        code="other_place", number=11, classes=("wrong_category",), when="z.d & 768 <> 0",
        confidence="medium",
        name=("异地结算混入本地", "a settlement of another place among the local ones"),
        proof=("参保地区划 insuplc_admdvs", "the place of insurance, insuplc_admdvs"),
    ),
    Cause(
        code="category_mapping", number=12, classes=("wrong_category",), when="z.d & 192 <> 0",
        confidence="medium",
        name=("险种或清算类别对照错误", "insurance or clearing type mapped wrongly"),
        proof=("结算应答返回的类别", "the category that the settlement returned"),
    ),
    Cause(
        code="id_damaged", number=0, classes=("id_suspect",), log=True,
        when="(z.side = 'his' AND l.setl <> z.k) OR (z.side = 'centre' AND l.setl = z.k)",
        confidence="high",
        name=("编号被截断或改写", "the id was cut or altered"),
        proof=("应答里的 setl_id", "setl_id of the answer"),
    ),
    Cause(
        code="id_damaged", number=0, classes=("id_suspect",), when="z.stage = 'damaged'",
        confidence="medium",
        name=("编号被截断或改写", "the id was cut or altered"),
        proof=("应答里的 setl_id", "setl_id of the answer"),
    ),
    Cause(
        code="unreadable", number=0, classes=("rejected",), when="TRUE", confidence="high",
        name=("数据行无法读取", "the row could not be read"),
        proof=("原文件的这一行", "the line of the file"),
    ),
)  # fmt: skip

_CHANNEL: Final = (
    Cause(
        code="mobile_refund_partial", number=23, log=True,
        classes=("channel_only", "channel_missing", "amount_mismatch"),
        when="o.stage IN ('11', '16', 'EXP') AND (z.side = 'channel'"
        " OR z.class = 'channel_missing')",
        confidence="high",
        name=("移动支付退费只完成一半", "a mobile refund was done by half"),
        proof=("6301 的 ordStas、refStatus", "ordStas and refStatus of 6301"),
    ),
    Cause(
        code="unit_of_amount", number=0, side="channel", classes=("amount_mismatch",),
        when="z.fee = 100 * (z.fee + z.delta_fen) OR 100 * z.fee = z.fee + z.delta_fen",
        confidence="medium",
        name=("金额单位不同（元与分）", "other unit: yuan against fen"),
        proof=("账单的金额单位", "the unit of the bill"),
    ),
)  # fmt: skip

_DAYS: Final = (
    Cause(
        code="reversal_next_month", number=10, classes=("cross_day",),
        when="z.rf = 1 AND z.months <> 0", confidence="high",
        name=("跨月撤销", "reversed in another month"),
        proof=("两边的结算时间", "the times of both rows"),
    ),
    Cause(
        code="day_cut", number=9, classes=("cross_day",), when="TRUE", confidence="high",
        name=("跨越日切", "across the day's cut"),
        proof=("两边的结算时间", "the times of both rows"),
    ),
    Cause(
        code="clock_offset", number=9, classes=("time_skew",), when="TRUE", confidence="high",
        name=("两边时钟不一致", "the clocks differ"),
        proof=("两边时间差的中位数", "the median of the offsets"),
    ),
)  # fmt: skip

CAUSES: Final = (*_UNDO, *_CALL, *_ROWS, *_MONEY, *_CHANNEL, *_DAYS)
"""Every rule, the most telling first."""

NOT_FROM_LEDGERS: Final[dict[int, Texts]] = {
    27: (
        "挂号只在医院撤销：结算清单里没有登记，要用 5201 查",
        "a registration undone only in HIS: lists of settlements hold none; ask 5201",
    ),
}
"""Causes that no list of settlements can show."""
