"""The books that the HIS gives to the finance office, its repairs, and a payment channel's bill.

The expected cells of a bill are typed from the channels' published formats (backtick fields and a
block of sums at WeChat; ``#`` lines, GBK and a ZIP at Alipay).
"""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from harness.link import actor as act
from simulators.centre.pay_channel import PayChannel
from simulators.hospital import his_settle_books
from simulators.hospital.his_settle_export import ledger_csv, lines_csv, log_jsonl
from tests.simulators.cashier_desk import Town


@pytest.fixture
def town(tmp_path: Path) -> Any:
    one = Town(tmp_path)
    yield one
    one.close()


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_refund_names_what_it_takes_back(town: Town) -> None:
    number = town.bill("resident")
    town.settle(number)
    town.refund(number)
    first, back = _rows(ledger_csv(town.store, whole=True))

    assert (first["init_setl_id"], back["init_setl_id"]) == ("", first["setl_id"])
    assert first["invono"] != back["invono"]
    assert (first["pay_way"], first["opter_name"]) == ("现金", "收费员一")
    assert first["dayclose_no"].startswith("RJ2026")


def test_every_till_closes_its_own_day(town: Town) -> None:
    for channel in ("window", "bedside"):
        town.settle(town.bill("resident"), channel=channel)
    batches = [row["dayclose_no"] for row in _rows(ledger_csv(town.store, whole=True))]
    assert [one[-2:] for one in batches] == ["01", "02"]
    assert len({one[:-2] for one in batches}) == 1


def test_a_list_is_cut_by_one_of_two_times(town: Town) -> None:
    town.settle(town.bill("resident"))

    assert len(_rows(ledger_csv(town.store, by="booked_at", begin="2026-01-05"))) == 1
    assert _rows(ledger_csv(town.store, by="booked_at", begin="2026-01-06")) == []
    with pytest.raises(ValueError, match="no such time"):
        ledger_csv(town.store, by="psn_no")


def test_fee_lines_add_up_to_the_bill(town: Town) -> None:
    town.settle(town.bill("resident"))
    (row,) = _rows(ledger_csv(town.store))
    lines = _rows(lines_csv(town.store))
    fen = sum(int(line["det_item_fee_sumamt"].replace(".", "")) for line in lines)

    assert lines
    assert fen == int(row["medfee_sumamt"].replace(".", ""))
    assert {line["setl_id"] for line in lines} == {row["setl_id"]}


def test_the_log_tells_calls_and_answers(town: Town) -> None:
    town.fault("F8", "2207")
    town.settle(town.bill("resident"))
    calls = [json.loads(line) for line in log_jsonl(town.store).splitlines()]
    settled = [call for call in calls if call["infno"] == "2207"]

    assert settled[0]["response"]["infcode"] == "-1"
    assert {"msgid", "infno", "inf_time", "request"} <= set(settled[0])


def _obeyed(town: Town, name: str, **args: str) -> Any:
    event = act.Commanded(ident=1, name=f"yb-books-{name}", args=args)
    return his_settle_books.obey(town.his.cashier, event)


def test_the_list_leaves_as_gbk(town: Town) -> None:
    town.settle(town.bill("resident"))
    (reply,) = _obeyed(town, "export", what="ledger")
    text = base64.b64decode(reply.value["data"]).decode("gbk")

    assert "收费员一" in text
    assert text == ledger_csv(town.store, whole=True)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("export", {"what": "secrets"}),
        ("edit", {"how": "wish", "bill_no": "B1"}),
        ("edit", {"how": "lose"}),
        ("import", {}),
    ],
)
def test_what_the_back_office_does_not_know_is_refused(
    town: Town, name: str, args: dict[str, str]
) -> None:
    (reply,) = _obeyed(town, name, **args)
    assert reply.error


def test_only_columns_of_a_settlement_are_edited(town: Town) -> None:
    number = town.bill("resident")
    town.settle(number)
    column = "bill_no = '' --"
    (reply,) = _obeyed(town, "edit", how="set", bill_no=number, column=column, value="1")
    assert "not an editable column" in reply.error


# -- the channel -----------------------------------------------------------------------------------


def test_wechat_marks_fields_and_closes_with_its_sums(tmp_path: Path) -> None:
    channel = PayChannel("wechat")
    channel.paid("A1", 12_345, "2026-01-05 08:00:00")
    channel.refunded("A1", 45, "2026-01-05 09:00:00")
    lines = channel.write(tmp_path / "bill").read_text("utf-8-sig").splitlines()

    assert lines[1].split(",")[4:8] == ["`A1", "`SUCCESS", "`OTHERS", "`123.45"]
    assert lines[2].split(",")[5:10] == [
        "`REFUND", "`OTHERS", "`0.00", "`50000" + "0" * 22 + "2", "`0.45"
    ]  # fmt: skip
    assert lines[4].split(",") == ["`2", "`123.45", "`0.45", "`0.00000"]


def test_alipay_packs_gbk_with_the_sign_of_a_refund(tmp_path: Path) -> None:
    channel = PayChannel("alipay")
    channel.paid("A1", 12_345, "2026-01-05 08:00:00")
    channel.refunded("A1", 45, "2026-01-05 09:00:00")
    with zipfile.ZipFile(channel.write(tmp_path / "bill")) as archive:
        text = archive.read("detail.csv").decode("gbk")

    assert "交易,2026-01-05 08:00:00,2026-01-05 08:00:00,123.45" in text
    assert "退款,2026-01-05 09:00:00,2026-01-05 09:00:00,-0.45" in text
    assert "#退款合计：1笔，商家实收退款共-0.45元" in text


def test_a_channel_without_a_movement_writes_no_bill(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        PayChannel("wechat").write(tmp_path / "bill")
    with pytest.raises(InputError):
        PayChannel("wechat").paid("A1", 0, "2026-01-05 08:00:00")
