"""Words of the classes of uploads: registrations, trace codes and settlement lists.

They follow the interface notes: REG, TRC and LST of 4.1, cause 27 of 4.2, and the status rules of
8.5 and 8.6. ``class_words`` makes its entries from these.
"""

from __future__ import annotations

from typing import Final, NamedTuple

Texts = tuple[str, str]


class Words(NamedTuple):
    """One class: code, Chinese and English name, four texts, and whether it is a difference."""

    code: str
    zh: str
    en: str
    meaning: Texts
    first: Texts = ("无需处理", "nothing to do")
    second: Texts = ("", "")
    never: Texts = ("", "")
    difference: bool = True


_AGAIN: Final = ("处理后重新对账确认", "reconcile again to confirm")

UPLOAD_WORDS: Final = (
    Words(
        "withdrawn", "已撤销或已退回", "withdrawn",
        ("已撤销、退回或作废，另一方无需有效记录", "taken back; the other side needs no valid row"),
        difference=False,
    ),
    Words(
        "not_insured", "未走医保", "not insured",
        ("没有就诊编号、中心也没有的自费就诊", "a visit without the centre's id that it lacks too"),
        difference=False,
    ),
    Words(
        "registration_only", "登记单边", "registration on one side",
        ("挂号或入院登记只在中心有效，医院没有或已取消",
         "a registration or admission stands at the centre only"),
        ("用 5201（住院 5303）查中心登记，确认没有费用和结算",
         "query 5201 (a stay: 5303) and make sure that nothing was charged on it"),
        ("2202（门诊）或 2404（住院）撤销登记，再对账",
         "undo it by 2202 (outpatient) or 2404 (stay), then reconcile again"),
        ("不得撤销已有结算的登记，不得为它补造院内就诊",
         "undo a registration that has a settlement, or make up a visit for it"),
    ),
    Words(
        "registration_missing", "登记缺失", "registration missing at the centre",
        ("医院有效的登记，中心没有或已撤销",
         "HIS holds a registration that the centre has not, or has undone"),
        ("用 5201（住院 5303）查中心登记状态", "query the registration by 5201 (a stay: 5303)"),
        ("仍需就诊：重新登记 2201/2401；否则在医院取消",
         "still needed: register again by 2201/2401; else cancel it in HIS"),
        ("不得在失效的登记上上传费用或结算", "upload fees or settle on the dead registration"),
    ),
    Words(
        "trace_code_missing", "追溯码缺失", "trace code missing",
        ("结算成功、药已发，中心没有这一盒的有效销售",
         "settled and dispensed, the centre holds no valid sale of the box"),
        ("用 3513 查中心有没有这一码", "query the code by 3513"),
        ("确实没有：核对实物后用 3505 补传", "surely none: check the box, then upload it by 3505"),
        ("不得编造追溯码，不得整批重传已售的码",
         "make up a code, or send codes again that are sold"),
    ),
    Words(
        "trace_code_only", "追溯码单边", "trace code only at the centre",
        ("中心有这一盒的有效销售，医院没有发药记录",
         "the centre holds a valid sale of a box that HIS did not dispense"),
        ("查发药记录和 3505 日志，确认有没有发药", "look for the dispensing and the call 3505"),
        ("没发：3506 退货或 3507 删除；已发：在医院补记",
         "not dispensed: 3506 or 3507; dispensed: book it in HIS"),
        ("不得删除已发药的码", "delete the code of a box that a patient has"),
    ),
    Words(
        "trace_code_twice", "追溯码重复销售", "box sold twice",
        ("同一码不是拆零却卖了两次", "one code sold twice, and no split pack"),
        ("核对两名患者手里的实物，找出扫错的一盒", "compare the boxes: one was scanned wrong"),
        ("退掉错的一笔（3506），按实物的码重传 3505",
         "return the wrong sale by 3506 and upload the right code by 3505"),
        ("不得改标拆零来绕过重复", "mark it as a split pack to get around the refusal"),
    ),
    Words(
        "trace_not_returned", "追溯码未退", "trace code not returned",
        ("医院已退药，中心仍是已售", "HIS took the box back, at the centre it is still sold"),
        ("用 3513 查中心状态，再用 3506 退货", "query by 3513, then return it by 3506"),
        _AGAIN,
        ("退货前不得再卖这一盒", "sell the box again before it is returned"),
    ),
    Words(
        "trace_state_differs", "追溯码状态不一致", "trace code states differ",
        ("中心已售，医院记为未传，或拆零标志不同",
         "sold at the centre and not sent by HIS, or the mark of a split pack differs"),
        ("用 3513 查中心记录", "query the code by 3513"),
        ("按中心结果更正医院状态", "set the state in HIS to what the centre holds"),
        ("不得再传一次", "upload it once more"),
    ),
    Words(
        "list_missing", "结算清单缺失", "settlement list missing",
        ("结算成功，中心没有有效清单", "settled, and the centre holds no valid list"),
        ("用 4103 查中心状态", "query the list by 4103"),
        ("确实没有：4101 上传，4102 提交", "surely none: upload by 4101, submit by 4102"),
        ("不得为已撤销的结算上传清单", "upload a list for a settlement that was taken back"),
    ),
    Words(
        "list_refused", "结算清单被拒", "settlement list refused",
        ("清单被中心拒收或审核退回", "the centre refused the list, or the review sent it back"),
        ("按拒收原文更正清单内容", "correct the list by the words of the refusal"),
        ("4101 重传，4102 提交，4103 核对", "upload by 4101, submit by 4102, check by 4103"),
        ("不得把拒收当成功，不得改结算金额来凑清单",
         "take the refusal for success, or change the settlement to fit the list"),
    ),
    Words(
        "list_stale", "结算清单过期", "settlement list stale",
        ("结算已撤销，中心仍留有它的清单",
         "the settlement was taken back and its list still stands at the centre"),
        ("用 4103 查状态；未审核的请经办机构退回", "query by 4103 and have the bureau reject it"),
        ("按新结算重传 4101 并提交 4102", "upload and submit a list of the new settlement"),
        ("不得用旧清单顶替新结算的清单", "let the old list stand for the new settlement"),
    ),
    Words(
        "list_not_submitted", "结算清单未提交", "settlement list not submitted",
        ("清单已上传，状态仍是可编辑", "the list is uploaded and still open for changes"),
        ("核对内容后用 4102 提交", "check it and submit it by 4102"),
        _AGAIN,
        ("不得重复上传来代替提交", "upload it again instead of submitting it"),
    ),
    Words(
        "list_only", "结算清单单边", "settlement list only at the centre",
        ("中心有清单，医院没有上传记录", "the centre holds a list that HIS knows nothing of"),
        ("查接口日志里的 4101", "look for the call 4101 in the interface log"),
        ("按中心编号在医院补记", "book it in HIS by the centre's number"),
        ("不得再传一次", "upload it once more"),
    ),
    Words(
        "list_differs", "结算清单不一致", "settlement list differs",
        ("清单的金额或状态与结算、医院记录不同",
         "amounts or state of the list are not those of the settlement or of HIS"),
        ("以结算（5203）为准逐项核对清单金额", "compare the list with the settlement (5203)"),
        ("可编辑：更正重传；已提交：先由经办机构退回",
         "open: correct and upload; submitted: have the bureau reject it first"),
        ("不得改结算来迁就清单", "change the settlement to fit the list"),
    ),
)  # fmt: skip
