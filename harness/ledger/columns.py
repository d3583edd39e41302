"""The names of a ledger: its columns, its aliases, its classes, and the bounds of a run.

Column names are those of the national interface (2207, 3202, 5203); the aliases are what hospital
exports call the same things. Amounts are integer fen everywhere in this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SIDES: Final = ("his", "centre", "channel")
"""The ledgers of a run, in the order in which ``verdicts.csv`` lists them."""

AMOUNTS: Final = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
"""Money: the whole bill, the fund's part, the personal account's part, cash."""

SHORT: Final[Mapping[str, str]] = {
    "medfee_sumamt": "fee",
    "fund_pay_sumamt": "fund",
    "acct_pay": "acct",
    "psn_cash_pay": "cash",
}
"""Column of the stages for each amount."""

KEYS: Final[Mapping[str, str]] = {
    "setl_id": "k",
    "msgid": "g",
    "mdtrt_id": "m",
    "psn_no": "p",
    "medins_setl_id": "bill",
    "init_setl_id": "ok",
    "insutype": "ins",
    "clr_type": "clr",
    "clr_optins": "opt",
    "setl_optins": "sopt",
}
"""Column of the stages for each identifier or code."""

TIME: Final = "setl_time"
FLAG: Final = "refd_setl_flag"

KNOWN: Final = (*KEYS, *AMOUNTS, TIME, FLAG)
"""Every column that the reconciler understands; all others are carried through."""

ALSO_CARRIED: Final = ("init_setl_id",)
"""Understood, and carried through as it was written all the same: finance looks it up."""

REQUIRED: Final = ("setl_id", "medfee_sumamt")
"""Without these a ledger cannot be reconciled at all."""

ALIASES: Final[Mapping[str, str]] = {
    "结算id": "setl_id",
    "结算编号": "setl_id",
    "结算流水号": "setl_id",
    "医保结算id": "setl_id",
    "setl_sn": "setl_id",
    "就诊id": "mdtrt_id",
    "就诊编号": "mdtrt_id",
    "人员编号": "psn_no",
    "个人编号": "psn_no",
    "医疗费总额": "medfee_sumamt",
    "总金额": "medfee_sumamt",
    "总费用": "medfee_sumamt",
    "hicent_medfee_sumamt": "medfee_sumamt",
    "基金支付总额": "fund_pay_sumamt",
    "统筹支付": "fund_pay_sumamt",
    "hif_pay_sumamt": "fund_pay_sumamt",
    "个人账户支出": "acct_pay",
    "个人账户支付": "acct_pay",
    "账户支付": "acct_pay",
    "hicent_acct_pay": "acct_pay",
    "个人现金支出": "psn_cash_pay",
    "现金支付": "psn_cash_pay",
    "cash_payamt": "psn_cash_pay",
    "结算时间": "setl_time",
    "退费结算标志": "refd_setl_flag",
    "退费标志": "refd_setl_flag",
    "清算类别": "clr_type",
    "险种类型": "insutype",
    "险种": "insutype",
    "清算经办机构": "clr_optins",
    "结算经办机构": "setl_optins",
    "医药机构结算id": "medins_setl_id",
    "发送方报文id": "msgid",
    "报文id": "msgid",
    "msg_id": "msgid",
    "原结算id": "init_setl_id",
    "orig_setl_id": "init_setl_id",
    "商户订单号": "medins_setl_id",
    "out_trade_no": "medins_setl_id",
    "应结订单金额": "psn_cash_pay",
    "交易时间": "setl_time",
}
"""Other names of the same columns, in lower case (§3.8 of the interface notes, public exports)."""

UPLOAD: Final = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
    "refd_setl_flag",
)
"""3202 upload: 7 columns without a header."""

RESULT: Final = (
    "psn_no",
    "mdtrt_id",
    "setl_id",
    "msgid",
    "stmt_rslt",
    "refd_setl_flag",
    "memo",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
)
"""9102 result file: 10 columns without a header; an eleventh is ``exp_content``."""

RESULT_INSUTYPE: Final = (*RESULT, "exp_content", "insutype")
"""A result file whose memo ended in the insurance type, as ``layouts`` writes it again."""

LAYOUTS: Final[Mapping[int, tuple[str, ...]]] = {
    7: UPLOAD,
    8: (*UPLOAD, "exp_content"),
    10: RESULT,
    11: (*RESULT, "exp_content"),
    12: RESULT_INSUTYPE,
}
"""Columns of a file without a header, by how many there are."""

HARMLESS: Final = (
    "matched",
    "refund_pair",
    "partial_refund",
    "cross_day",
    "time_skew",
    "same_person_twice",
    "outside_cut",
)
"""Classes that are no difference."""

OUTSIDE: Final = "outside_cut"
"""Rows outside the cut of the hospital's list, and the centre's rows that belong to them."""

CLASSES: Final = (
    *HARMLESS,
    "his_only",
    "centre_only",
    "refund_unmatched",
    "refund_pair_one_side",
    "same_person_twice_his_only",
    "amount_mismatch",
    "swapped_parts",
    "partial_refund_differs",
    "duplicate_his",
    "duplicate_centre",
    "id_suspect",
    "state_differs",
    "other_person",
    "wrong_category",
    "detail_differs",
    "channel_only",
    "channel_missing",
    "group",
    "ambiguous",
    "carried",
    "rejected",
)
"""Every class a row can end in. ``group``: several rows of one visit add up to one; a proposal."""

BIT_FIELDS: Final = (
    (1, "medfee_sumamt"),
    (2, "fund_pay_sumamt"),
    (4, "acct_pay"),
    (8, "psn_cash_pay"),
    (16, "psn_no"),
    (32, "refd_setl_flag"),
    (64, "insutype"),
    (128, "clr_type"),
    (256, "clr_optins"),
    (512, "setl_optins"),
)
"""Bits of a pair's difference and the column that each names."""

BIT_DAY: Final = 1024
BIT_SKEW: Final = 2048
BIT_SWAPPED: Final = 4096

SKEW_S: Final = 60
"""Clocks of hospital and centre that differ by no more are one time."""

NEAR_S: Final = 1800
"""Two bills of one person and amount within half an hour look like one pressed twice."""

TOLERANCE_DAYS: Final = 3
"""How far apart the days of a proposed pair may lie."""

GRACE_DAYS: Final = 3
"""Days that an open row is carried before it becomes a difference (with ``--state``)."""

CROWD_ROWS: Final = 1000
"""A key on more rows than this is no key (a constant that a program wrote everywhere)."""

COLUMNS_MAX: Final = 1000
"""Columns of a line; more means that this is no ledger."""

LINE_CHARS_MAX: Final = 1 << 20
"""Characters of one line of a ledger."""

MEMORY_LIMIT: Final = "4GB"
"""Memory of DuckDB; beyond it works on disk in the output folder."""

FEW_ROWS = 500
"""Rows of a side up to which planning a statement costs more than running it: nothing is planned
then, what is asked again and again is a table instead of a view, and SQLite runs the stages."""

SETTLED_ROWS_MAX: Final = 2_000
"""Rows shown of a class that is no difference: a spreadsheet takes minutes to open a million."""
