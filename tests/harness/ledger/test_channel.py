"""Payment channels as the third ledger: their real forms, and who has the money."""

from __future__ import annotations

import zipfile
from decimal import Decimal

import pytest

from tests.harness.ledger.desk import Desk, row, rows

pytestmark = pytest.mark.slow

WECHAT_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
WECHAT_SUMS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def wechat(orders, *, count=None, paid=None, refunded=None, summary=True):
    """A bill as the channel writes it: (order, amount, back?), every field behind a backtick."""
    lines = [WECHAT_HEAD]
    for number, (order, amount, back) in enumerate(orders, 1):
        cells = [
            "2026-03-02 10:00:05", "wx0", "190", "0", "", f"42000{number}", order, "o1", "JSAPI",
            "REFUND" if back else "SUCCESS", "OTHERS", "CNY", "0.00" if back else amount, "0.00",
            f"503{number}" if back else "0", "R1" if back else "0", amount if back else "0.00",
            "0.00", "ORIGINAL" if back else "", "SUCCESS" if back else "", "门诊缴费,挂号", "", "0.06",
            "0.60%", amount, "0.00", "",
        ]  # fmt: skip
        lines.append(",".join(f"`{cell.replace(',', '，')}" for cell in cells))
    sums = {
        back: sum(Decimal(amount) for _, amount, was in orders if was == back)
        for back in (False, True)
    }
    if summary:
        told = [
            str(len(orders) if count is None else count),
            f"{sums[False] if paid is None else paid:.2f}",
            f"{sums[True] if refunded is None else refunded:.2f}",
            "0.00",
            "0.12",
            "0.00",
            "0.00",
        ]
        lines += [WECHAT_SUMS, ",".join(f"`{one}" for one in told)]
    return "\r\n".join(lines) + "\r\n"


THREE = [("B0", "30.00", False), ("B1", "31.00", False), ("B2", "32.00", False)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_wechat_bill_agrees_with_the_cash_parts(desk, encoding):
    bill = desk.file("bill.csv", wechat(THREE).encode(encoding))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2), "--channel", bill) == 0
    assert desk.classes("channel") == ["matched"] * 3
    assert desk.totals["inputs"]["channel"]["control"]["psn_cash_pay"] == "93.00"
    assert desk.verdicts("channel")[0]["channel_trade_no"] == "420001"


def test_a_fen_more_in_the_channel_is_a_difference(desk):
    bill = desk.file("bill.csv", wechat([*THREE[:2], ("B2", "32.01", False)]))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2), "--channel", bill) == 1
    found = desk.verdicts("channel")[2]
    assert (found["class"], found["field"], found["delta"]) == (
        "amount_mismatch", "psn_cash_pay", "-0.01",
    )  # fmt: skip


def test_who_has_the_money_and_who_has_not(desk):
    bill = desk.file("bill.csv", wechat([*THREE[:2], ("B77", "8.00", False)]))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2), "--channel", bill) == 1
    assert desk.classes("channel") == ["matched", "matched", "channel_only"]
    assert desk.classes("his") == ["matched", "matched", "channel_missing"]
    assert desk.verdicts("channel")[2]["delta"] == "-8.00"


@pytest.mark.parametrize(
    "wrong",
    [{"count": 4}, {"paid": Decimal("93.01")}, {"refunded": Decimal(1)}, {"summary": False}],
    ids=["count", "sum", "refunds", "cut off"],
)
def test_a_wechat_bill_that_does_not_add_up_is_incomplete(desk, wrong):
    bill = desk.file("bill.csv", wechat(THREE, **wrong))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2), "--channel", bill) == 3
    assert not (desk.out / "verdicts.csv").exists()
    assert "bill.csv" in desk.totals["problems"][0]


def back(n: int) -> dict[str, str]:
    """A refund of the whole bill ``n``."""
    one = row(n)
    minus = {name: f"-{one[name]}" for name in one if name.endswith(("amt", "_pay"))}
    return one | minus | {"refd_setl_flag": "1", "setl_time": "2026-03-02 11:00:00"}


def test_refund_rows_of_a_bill_stand_against_refunds(desk):
    ledger = [*rows(0, 1, 2), back(1)]
    bill = desk.file("bill.csv", wechat([*THREE, ("B1", "31.00", True)]))

    assert desk.run(ledger, ledger, "--channel", bill) == 0
    assert desk.verdicts("channel")[3]["delta"] == "0.00"
    assert desk.totals["inputs"]["channel"]["control"]["psn_cash_pay"] == "62.00"


def test_a_refund_that_the_channel_alone_knows(desk):
    bill = desk.file("bill.csv", wechat([*THREE, ("B1", "31.00", True)]))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2), "--channel", bill) == 1
    assert desk.classes("channel") == [*["matched"] * 3, "channel_only"]


def test_paid_and_given_back_in_the_channel_alone_nets_to_nothing(desk):
    bill = desk.file("bill.csv", wechat([*THREE, ("B9", "5.00", False), ("B9", "5.00", True)]))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2), "--channel", bill) == 1
    assert desk.classes("channel") == [*["matched"] * 3, *["refund_pair_one_side"] * 2]
    assert desk.verdicts("channel")[3]["partner"] == "channel:5"


def test_an_order_paid_in_parts_is_one_bill(desk):
    parts = [("B0", "30.00", False), ("B1", "20.00", False), ("B1", "11.00", False)]
    bill = desk.file("bill.csv", wechat(parts))

    assert desk.run(rows(0, 1), rows(0, 1), "--channel", bill) == 0
    assert [one["partner"] for one in desk.verdicts("channel")] == ["his:1", "his:2", "his:2"]

    short = desk.file("bill.csv", wechat([*parts[:2], ("B1", "10.99", False)]))
    assert desk.run(rows(0, 1), rows(0, 1), "--channel", short) == 1


def test_bills_paid_at_the_counter_are_not_missing_in_the_channel(desk):
    his = [row(0), row(1) | {"支付方式": "现金"}, row(2) | {"支付方式": "微信"}]
    bill = desk.file("bill.csv", wechat(THREE[:1]))

    assert desk.run(his, rows(0, 1, 2), "--channel", bill) == 1
    assert desk.classes("his") == ["matched", "matched", "channel_missing"]


ALIPAY_HEAD = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,"
    "券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,"
    "分润（元）,备注"
)


def alipay(orders, *, paid=None):
    """The two files of the archive: orders with comment lines around them, and the sums by shop."""
    lines = [
        "#支付宝业务明细查询",
        "#账号：[2088]",
        "#起始日期：[2026年03月02日]",
        "#----业务明细列表----",
    ]
    lines.append(ALIPAY_HEAD)
    for number, (order, amount) in enumerate(orders, 1):
        kind = "退款" if amount.startswith("-") else "交易"
        cells = [f"2026{number}\t", f"{order}\t", kind, "缴费", "2026-03-02 10:00:01",
                 "2026-03-02 10:00:09", "", "", "", "", "*", amount, amount,
                 *["0.00"] * 5, "", "0.00", "0.00", "", "-0.01", "0.00", ""]  # fmt: skip
        lines.append(",".join(cells))
    ins = [Decimal(a) for _, a in orders if not a.startswith("-")]
    outs = [Decimal(a) for _, a in orders if a.startswith("-")]
    lines += [
        "#----业务明细列表结束----",
        f"#交易合计：{len(ins)}笔，商家实收共{paid or sum(ins)}元，商家优惠共0.00元",
        f"#退款合计：{len(outs)}笔，商家实收退款共{sum(outs, Decimal(0))}元，商家优惠退款共0.00元",
    ]
    shops = ["#支付宝业务汇总查询", "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）",
             "合计,,3,0,93.00", "#结束"]  # fmt: skip
    return "\n".join(lines) + "\n", "\n".join(shops) + "\n"


def archive(desk, texts):
    path = desk.folder / "alipay.csv.zip"
    with zipfile.ZipFile(path, "w") as stream:
        names = ("20880_20260302_业务明细.csv", "20880_20260302_业务明细(汇总).csv")
        for name, text in zip(names, texts, strict=True):
            stream.writestr(name, text.encode("gb18030"))
    return path


def test_an_alipay_archive_in_gbk_with_comment_lines(desk):
    path = archive(desk, alipay([("B0", "30.00"), ("B1", "31.00"), ("B2", "32.00")]))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2), "--channel", path) == 0
    assert desk.classes("channel") == ["matched"] * 3

    torn = archive(desk, alipay([("B0", "30.00"), ("B1", "31.00")], paid="93.00"))
    assert desk.run(rows(0, 1, 2), rows(0, 1, 2), "--channel", torn) == 3


def test_an_alipay_refund_is_negative(desk):
    ledger = [*rows(0, 1), back(1)]
    path = archive(desk, alipay([("B0", "30.00"), ("B1", "31.00"), ("B1", "-31.00")]))

    assert desk.run(ledger, ledger, "--channel", path) == 0


def test_messages_name_the_line_of_the_bill(desk):
    path = archive(desk, alipay([("B0", "30.00"), ("B1", "3e1")]))

    code = desk.run(rows(0, 1), rows(0, 1), "--channel", path)
    assert code == 3  # the sums of the bill hold one order more than its rows
    plain = desk.file(
        "pay.csv",
        alipay([("B0", "30.00"), ("B1", "3e1")])[0].split("#----业务明细列表结束")[0] + "#结束\n",
    )
    assert desk.run(rows(0, 1), rows(0, 1), "--channel", plain) == 1
    assert desk.totals["rejected"][0]["place"] == "pay.csv:7"


def test_a_bank_list_with_its_own_heads(desk):
    text = "交易时间,参考号,订单号,交易类型,交易金额,手续费\n2026-03-02 10:00:02,77,B0,消费,30.00,0.1\n"
    assert desk.run(rows(0), rows(0), "--channel", desk.file("pos.csv", text)) == 0


def test_a_platform_that_counts_in_fen(desk):
    text = (
        "outTradeNo,cashAmt,tradeTime\nB0,3000,2026-03-02 10:00:02\nB1,3100,2026-03-02 10:00:03\n"
    )
    bill = desk.file("platform.csv", text)
    names = desk.file("names.toml", '[channel_bill]\nbase = "platform"\n')

    assert desk.run(rows(0, 1), rows(0, 1), "--channel", bill, "--columns", names) == 0
    # Yuan taken for fen is a difference of its own kind, never a match.
    names = desk.file("names.toml", '[channel_bill]\nbase = "platform"\nunit = "yuan"\n')
    assert desk.run(rows(0, 1), rows(0, 1), "--channel", bill, "--columns", names) == 1
    assert {one["cause"] for one in desk.verdicts("channel")} == {"unit_of_amount"}


def test_paid_and_settled_but_unknown_to_the_hospital(desk):
    bill = desk.file("bill.csv", wechat([*THREE, ("B7", "37.00", False)]))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2, 7), "--channel", bill) == 1
    centre, paid = desk.verdicts("centre")[3], desk.verdicts("channel")[3]
    assert (centre["class"], centre["partner"]) == ("centre_only", "channel:4")
    assert (paid["class"], paid["partner"]) == ("channel_only", "centre:4")
    assert {centre["cause"], paid["cause"]} == {"mobile_callback_lost"}
    assert "6301" in paid["advice"]


def test_what_the_channel_took_for_another_bill_names_nobody(desk):
    bill = desk.file("bill.csv", wechat([*THREE, ("B77", "37.00", False)]))

    assert desk.run(rows(0, 1, 2), rows(0, 1, 2, 7), "--channel", bill) == 1
    centre, paid = desk.verdicts("centre")[3], desk.verdicts("channel")[3]
    assert (centre["partner"], paid["partner"]) == ("", "")
    assert {centre["cause"], paid["cause"]} == {"unknown"}
