"""What stands around the money: catalogues, mapping, lists, trace codes, credential, mobile, queries."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulators.centre import world
from simulators.centre.rules import Policy
from simulators.centre.rules_texts import TEXTS
from simulators.centre.transactions import CLERKS, NOTED
from tests.simulators.centre.counter import SEED, Counter, Visit, admission


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.close()


# -- persons ------------------------------------------------------------------------------------


def test_a_person_is_found_by_card_identity_and_token(counter: Counter) -> None:
    who = world.person(SEED, "aided")
    ask = {"mdtrt_cert_type": "02", "mdtrt_cert_no": who.id_card, "psn_name": who.name}
    found = counter.ok("1101", data=ask)
    assert found["baseinfo"]["psn_no"] == who.patient_id
    assert [row["insutype"] for row in found["insuinfo"]] == ["390"]
    assert [row["psn_idet_type"] for row in found["idetinfo"]] == ["23"]
    card = ask | {"mdtrt_cert_type": "03", "mdtrt_cert_no": world.card_number(who)}
    assert counter.ok("1101", data=card)["baseinfo"] == found["baseinfo"]
    token = counter.ok("6101", InData={"businessInfo": who.id_card, "businessType": "01101"})[
        "OutData"
    ]
    by_token = ask | {"mdtrt_cert_type": "01", "mdtrt_cert_no": token["ecToken"]}
    assert counter.ok("1101", data=by_token)["baseinfo"] == found["baseinfo"]
    assert "为空" in counter.no("1101", data=ask | {"psn_name": "别人"})
    assert "为空" in counter.no("1101", data=ask | {"mdtrt_cert_no": "404"})
    counter.store.commit([("DELETE FROM insurances WHERE psn_no = ?", [who.patient_id])])
    assert "参保信息" in counter.no("1101", data=ask)


def test_age_has_one_decimal_and_people_are_generated(counter: Counter) -> None:
    who = world.person(SEED, "employee")
    info = counter.ok("1101", data={"mdtrt_cert_type": "02", "mdtrt_cert_no": who.id_card})[
        "baseinfo"
    ]
    assert info["age"] == round(info["age"], 1)
    assert abs(info["age"] - (2026 - int(who.birth[:4]))) <= 1
    assert info["certno"].startswith("19")


def test_hospital_and_entitlement(counter: Counter) -> None:
    place = counter.ok("1201", medinsinfo={"fixmedins_type": "1", "fixmedins_code": world.PHARMACY})
    assert place["medinsinfo"]["fixmedins_type"] == "2"
    counter.no("1201", medinsinfo={"fixmedins_type": "1", "fixmedins_code": "H0"})
    ask = {
        "insutype": "310",
        "fixmedins_code": world.HOSPITAL,
        "med_type": "11",
        "begntime": "2026-03-02",
    }
    flags = {}
    for kind, change in (
        ("employee", {}),
        ("paused", {}),
        ("resident", {}),
        ("employee", {"med_type": "99"}),
    ):
        psn_no = world.person(SEED, kind).patient_id
        row = counter.ok("2001", data=ask | {"psn_no": psn_no} | change)["trtinfo"][0]
        flags[kind, *change.values()] = (row["trt_enjymnt_flag"], bool(row["trt_chk_rslt"]))
    assert list(flags.values()) == [("1", False), ("0", True), ("0", True), ("0", True)]
    assert counter.ok("5301", data={"psn_no": world.person(SEED, "retired").patient_id})[
        "feedetail"
    ]
    assert not counter.ok("5301", data={"psn_no": world.person(SEED, "employee").patient_id})[
        "feedetail"
    ]


# -- catalogues ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("infno", "first"), [("1301", "MHD0000000001"), ("1305", "MHS0000000001"), ("1307", "C34.900")]
)
def test_a_catalogue_comes_as_a_file(counter: Counter, infno: str, first: str) -> None:
    info = counter.ok(infno, data={"ver": "1"})
    ask = {
        "file_qury_no": info["file_qury_no"],
        "filename": info["filename"],
        "fixmedins_code": "plc",
    }
    answer = counter.call("9102", fsDownloadIn=ask)
    with zipfile.ZipFile(io.BytesIO(answer.file or b"")) as archive:
        lines = archive.read(f"{infno}.txt").decode().splitlines()
    assert len(lines) == info["data_cnt"]
    assert lines[0].split("\t")[0] == first
    assert "不属于" in counter.no("9102", fsDownloadIn=ask | {"fixmedins_code": counter.hospital})


def test_pages_are_whole_and_filters_hold(counter: Counter) -> None:
    everything = counter.ok(
        "1312", data={"updt_time": "2019-01-01", "page_num": 1, "page_size": 1000}
    )
    codes = [row["hilist_code"] for row in everything["data"]]
    assert len(codes) == len(set(codes)) == everything["recordCounts"] > 20
    paged: list[str] = []
    for page in range(1, 6):
        part = counter.ok(
            "1312", data={"updt_time": "2019-01-01", "page_num": str(page), "page_size": 7}
        )
        paged += [row["hilist_code"] for row in part["data"]]
    assert paged == codes[:35]
    own = counter.ok(
        "1312", data={"chrgitm_lv": "03", "updt_time": "", "page_num": 1, "page_size": 100}
    )
    assert {row["chrgitm_lv"] for row in own["data"]} == {"03"}
    assert (
        counter.ok("1312", data={"updt_time": "2030-01-01", "page_num": 1, "page_size": 9})["data"]
        == []
    )
    assert "page_num" in counter.no("1312", data={"page_num": "0"})
    assert (
        counter.ok("1316", data={"med_list_codg": "MHD0000000005"})["data"][0]["hilist_code"]
        == "MHL0005"
    )
    assert counter.ok("1304", data={"updt_time": ""})["data"] == []


def test_limits_and_ratios_are_those_by_which_rows_are_split(counter: Counter) -> None:
    limit = counter.ok("1318", data={"hilist_code": "MHL0009", "hilist_lmtpric_type": "3"})["data"]
    assert [row["hilist_pric_uplmt_amt"] for row in limit] == [Decimal("68.123456")]
    ratio = counter.ok("1319", data={"hilist_code": "MHL0002"})["data"]
    assert {row["selfpay_prop_psn_type"]: row["selfpay_prop"] for row in ratio} == {
        "310": Decimal("0.1000"),
        "390": Decimal("0.1500"),
    }
    visit = counter.register("resident")
    row = visit.charge(("MHD0000000002", "100", "1"), ("MHD0000000009", "70", "1"))
    assert row[0]["preselfpay_amt"] == Decimal("15.00")
    assert row[1]["pric_uplmt_amt"] == Decimal("68.123456")
    assert row[1]["overlmt_amt"] == Decimal("1.88")


def test_a_code_list_by_1901(counter: Counter) -> None:
    rows = counter.ok("1901", data={"type": "chrgitm_lv", "date": "2026-03-02"})["list"]
    assert {row["value"] for row in rows} == {"01", "02", "03"}
    assert "不存在" in counter.no("1901", data={"type": "no such list"})


def test_mapping_is_once_dated_and_taken_back(counter: Counter) -> None:
    row = {
        "fixmedins_hilist_id": "D1",
        "fixmedins_hilist_name": "名",
        "list_type": "101",
        "med_list_codg": "MHD0000000001",
        "begndate": "2026-01-01",
        "enddate": "2026-12-31",
    }
    counter.ok("3301", data=[row])
    assert "已经匹配" in counter.no("3301", data=[row])
    fresh = row | {"fixmedins_hilist_id": "D2"}
    assert "已经匹配" in counter.no("3301", data=[fresh, fresh])
    assert "目录" in counter.no("3301", data=fresh | {"list_type": "102"})
    assert "晚于" in counter.no("3301", data=fresh | {"enddate": "2025-01-01"})
    listed = counter.ok(
        "1317", data={"fixmedins_code": counter.hospital, "medins_list_codg": "D1"}
    )["data"]
    assert [one["med_list_codg"] for one in listed] == ["MHD0000000001"]
    key = {"fixmedins_code": counter.hospital, "fixmedins_hilist_id": "D1", "list_type": "101"}
    assert "未查询到" in counter.no("3302", **key, med_list_codg="MHD0000000002")
    counter.ok("3302", **key, med_list_codg="MHD0000000001")
    assert counter.ok("1317", data={"medins_list_codg": "D1"})["data"] == []


def test_a_mapping_out_of_force_maps_nothing(tmp_path: Path) -> None:
    counter = Counter(tmp_path, Policy(check_mapping=True))
    visit = counter.register()
    row = visit.row("MHD0000000001", "50")
    match = {
        "fixmedins_hilist_id": row["medins_list_codg"],
        "list_type": "101",
        "med_list_codg": "MHD0000000001",
        "begndate": "2025-01-01",
        "enddate": "2026-03-01",
    }
    counter.ok("3301", data=[match])
    assert "对码" in counter.no("2204", feedetail=[row])
    counter.close()


# -- settlement list ----------------------------------------------------------------------------


def settled(counter: Counter, kind: str = "employee") -> tuple[Visit, dict[str, Any]]:
    visit = counter.register(kind)
    visit.charge(("MHD0000000001", "50", "10"))
    return visit, visit.settle()["setlinfo"]


def test_a_list_of_a_settlement_and_its_states(counter: Counter) -> None:
    visit, info = settled(counter)
    keys = visit.keys() | {"setl_id": info["setl_id"]}
    diagnoses = [{"diag_code": "J06.900", "diag_name": "x", "maindiag_flag": "1"}]
    good = {"setlinfo": keys, "diseinfo": diagnoses}
    paid = [{"fund_pay_type": "310100", "fund_payamt": info["fund_pay_sumamt"]}]
    number = counter.ok("4101", **good, payinfo=paid)["data"]["setl_list_id"]
    assert counter.ok("4101", **good)["data"]["setl_list_id"] == number
    assert "不一致" in counter.no("4101", **good, payinfo=[paid[0] | {"fund_payamt": 1}])
    assert "诊断" in counter.no("4101", setlinfo=keys, diseinfo=[])
    assert "主诊断" in counter.no("4101", setlinfo=keys, diseinfo=diagnoses * 2)
    counter.no("4101", setlinfo=keys | {"psn_no": "MH0"}, diseinfo=diagnoses)

    def state(value: str) -> dict[str, Any]:
        return {
            "data": {
                "stastinfo": [
                    {"psn_no": visit.psn_no, "setl_id": info["setl_id"], "stas_type": value}
                ]
            }
        }

    assert counter.no("4102", **state("2"))
    counter.ok("4102", **state("1"))
    assert "重复" in counter.no("4102", **state("1"))
    assert "重复" in counter.no("4101", **good)
    counter.store.commit([("UPDATE setl_lists SET stas_type = '3'", [])])
    counter.ok("4102", **state("0"))
    visit.undo(info["setl_id"])
    assert "未查询到" in counter.no("4101", **good)


def test_rows_that_the_patient_pays_and_their_reconciliation(counter: Counter) -> None:
    visit = {"mdtrtId": "S1", "certno": "MHC", "psnName": "自费", "begntime": "2026-03-02"}
    rows = [{"bkkpSn": str(nth), "detItemFeeSumamt": "10.5", "valiFlag": "1"} for nth in range(3)]
    body = {"fmiOwnpayPatnMdtrtDDTO": [visit], "fmiOwnpayPatnFeeListDDTO": rows, "upType": "1"}
    counter.ok("4261", **body)
    counter.ok("4261", **body | {"fmiOwnpayPatnFeeListDDTO": [rows[0] | {"valiFlag": "0"}]})
    good = counter.ok("4262", mdtrtId="S1", fixmedinsCode="x", totalFeeSumamt="21.00")
    assert good["data"]["stmtResult"] == "0"
    page = {"certno": "MHC", "fixmedinsCode": "x", "pageNum": 1, "pageSize": 10}
    assert counter.ok("4263", **page)["data"]["Data"] == []
    bad = counter.ok("4262", mdtrtId="S1", fixmedinsCode="x", totalFeeSumamt="31.5")
    assert bad["data"]["stmtResult"] == "1"
    listed = counter.ok("4263", **page)["data"]["Data"]
    assert [(row["totalFeeSumamt"], row["feeSumamt"]) for row in listed] == [
        (Decimal("31.50"), Decimal("21.00"))
    ]
    assert "未查询到" in counter.no("4262", mdtrtId="S9", totalFeeSumamt="1")
    assert "为空" in counter.no("4261", **body | {"fmiOwnpayPatnFeeListDDTO": []})


# -- trace codes --------------------------------------------------------------------------------


def goods(*codes: str, **more: Any) -> dict[str, Any]:
    return {
        "med_list_codg": "MHD0000000001",
        "fixmedins_hilist_id": "D1",
        "fixmedins_hilist_name": "名",
        "fixmedins_bchno": "LOT1",
        "sel_retn_cnt": len(codes),
        "sel_retn_time": "2026-03-02 10:00:00",
        "trdn_flag": "0",
        "mdtrt_sn": "V1",
        "drugtracinfo": [{"drug_trac_codg": code} for code in codes],
    } | more


def listed(counter: Counter, infno: str = "3513", **more: Any) -> dict[str, str]:
    ask = {
        "fixmedins_code": counter.hospital,
        "begndate": "2026-03-01",
        "enddate": "2026-03-31",
    } | more
    return {row["drugTracCodg"]: row["valiFlag"] for row in counter.ok(infno, data=ask)["output"]}


def test_each_box_is_sold_once_and_a_return_restores_it(counter: Counter) -> None:
    counter.ok("3505", selinfo=goods("80000000000000000001", "80000000000000000002"))
    assert "已销售" in counter.no("3505", selinfo=goods("80000000000000000002"))
    counter.hospital = world.OTHER_HOSPITAL
    assert "已销售" in counter.no("3505", selinfo=goods("80000000000000000002"))
    assert "没有对应" in counter.no("3506", selinfo=goods("80000000000000000002"))
    counter.hospital = world.HOSPITAL
    counter.ok("3506", selinfo=goods("80000000000000000002"))
    assert "没有对应" in counter.no("3506", selinfo=goods("80000000000000000002"))
    assert listed(counter) == {"80000000000000000001": "1", "80000000000000000002": "0"}
    counter.ok("3505", selinfo=goods("80000000000000000002"))
    assert "缺少追溯码" in counter.no("3505", selinfo=goods())
    assert "已销售" in counter.no("3505", selinfo=goods("8", "8"))


def test_a_split_pack_may_come_again(counter: Counter) -> None:
    for _ in range(2):
        counter.ok("3505", selinfo=goods("80000000000000000009", trdn_flag="1"))
    counter.ok("3505", selinfo=goods("80000000000000000009"))
    assert "已销售" in counter.no("3505", selinfo=goods("80000000000000000009"))


def test_the_forms_with_an_a_succeed_on_two_levels(counter: Counter) -> None:
    rows = counter.ok("3505A", selinfoDetail=[goods("1"), goods("2"), goods("1"), goods()])[
        "selinfoDetail"
    ]
    assert [row["retRslt"] for row in rows] == ["1", "1", "0", "0"]
    assert [bool(row["msgRslt"]) for row in rows] == [False, False, True, True]
    assert "已销售" in rows[2]["msgRslt"]
    assert set(listed(counter)) == {"1", "2"}
    number = rows[0]["medins_prod_sel_no"]
    failed = counter.ok(
        "3506A",
        selinfoDetail=[
            goods("2", medins_prod_sel_no=number),
            goods("1", medins_prod_sel_no=number),
            goods("1"),
        ],
    )["selinfoErrDetail"]
    assert [row["retRslt"] for row in failed] == ["0", "0"]
    assert listed(counter) == {"1": "0", "2": "1"}


def test_purchases_deletion_and_virtual_codes(counter: Counter) -> None:
    counter.ok("3503", purcinfo=goods("77", purc_retn_cnt=1))
    assert listed(counter, "3512") == {"77": "1"}
    counter.ok("3505", selinfo=goods("77"))
    for kind in ("3", "4"):
        counter.ok("3507", data={"fixmedins_bchno": "LOT1", "inv_data_type": kind})
        assert "可删除" in counter.no(
            "3507", data={"fixmedins_bchno": "LOT1", "inv_data_type": kind}
        )
    assert listed(counter, "3512") == {}
    counter.ok("3505", selinfo=goods("77"))
    ask = {
        "med_list_codg": "X",
        "fixmedins_hilist_id": "D",
        "fixmedins_hilist_name": "n",
        "fixmedins_bchno": "L",
    }
    codes = [counter.ok("3592B", data=ask)["result"]["drug_trac_codg"] for _ in range(2)]
    assert codes[0] == codes[1]
    assert len(codes[0]) == 20
    failed = counter.ok("3507A", goodDetail=[{"fixmedins_bchno": "LOT9", "inv_data_type": "4"}])
    assert failed["goodErrDetail"][0]["retRslt"] == "0"


# -- credential and mobile payment --------------------------------------------------------------


def test_a_token_expires_and_faces_have_every_result(counter: Counter) -> None:
    who = world.person(SEED, "employee")
    scan = {"businessInfo": who.id_card, "businessType": "01301"}
    one, two = (counter.ok("6101", InData=scan)["OutData"]["ecToken"] for _ in range(2))
    assert one != two
    assert "电子凭证" in counter.no("6101", InData=scan | {"businessInfo": "nobody"})
    info = {"psn_no": who.patient_id, "certno": who.id_card, "recog_biz": "14", "recog_pic": "MHOK"}
    found = [
        counter.ok("9601", recogInfo=info | {"recog_pic": picture})["recogRslt"]["recog_rslt"]
        for picture in ("MHOK", "MHFACE0..", "MHFACE3..", "MHFACE4..")
    ]
    assert found == ["1", "0", "3", "4"]
    assert "图片" in counter.no("9601", recogInfo=info | {"recog_pic": ""})
    counter.no("9601", recogInfo=info | {"certno": "other"})
    counter.ok("9602", spregInfo=info | {"sp_dcla_rea": "1", "sp_dcla_pic": "x"})
    model = counter.ok("9603", modelInfo=info | {"model_pic": "MHFACE0"})["crteModelRslt"]
    assert model["crte_model_rslt"] == "0"


def ordered(
    counter: Counter, kind: str = "employee", order: str = "ORD1"
) -> tuple[Visit, dict[str, Any]]:
    visit = counter.register(kind)
    row = {
        "feedetlSn": "1",
        "mdtrtId": visit.mdtrt_id,
        "chrgBchno": "B1",
        "medListCodg": "MHD0000000001",
        "medinsListCodg": "L1",
        "detItemFeeSumamt": "500.00",
        "cnt": "10",
        "pric": "50",
        "hospApprFlag": "0",
    }
    data = {
        "psnNo": visit.psn_no,
        "mdtrtId": visit.mdtrt_id,
        "medOrgOrd": order,
        "insutype": visit.insutype,
        "medType": "11",
        "medfeeSumamt": "500.00",
        "chrgBchno": "B1",
        "acctUsedFlag": "0",
        "feedetailList": [row],
    }
    made = counter.ok("6201", data=data)["data"]
    return visit, {
        "payOrdId": made["payOrdId"],
        "payToken": made["payToken"],
        "orgCodg": counter.hospital,
    }


def token(counter: Counter, visit: Visit) -> str:
    who = next(
        p
        for p in (world.person(SEED, kind) for kind in world.KINDS)
        if p.patient_id == visit.psn_no
    )
    scan = {"businessInfo": who.id_card, "businessType": "01301"}
    return str(counter.ok("6101", InData=scan)["OutData"]["ecToken"])


def test_an_order_is_uploaded_paid_asked_for_and_refunded(counter: Counter) -> None:
    visit, ask = ordered(counter)
    assert counter.ok("6301", data=ask)["data"]["ordStas"] == "0"
    assert "电子凭证" in counter.no("6202", data=ask)
    paid = counter.ok("6202", data=ask | {"payAuthNo": "A1"})["data"]
    assert paid["ordStas"] == "4"
    assert paid["feeSumamt"] == paid["ownPayAmt"] + paid["psnAcctPay"] + paid["fundPay"] == 500
    assert paid["fundPay"] == Decimal("180.00")
    assert "不允许" in counter.no("6202", data=ask | {"payAuthNo": "A1"})
    assert "不允许" in counter.no("6401", data=ask)
    cash = {
        name: paid[name] for name in ("payOrdId", "feeSumamt", "ownPayAmt", "psnAcctPay", "fundPay")
    }
    assert "不一致" in counter.no("6204", data=cash | {"ownPayAmt": 1})
    counter.ok("6204", data=cash)
    assert counter.ok("6301", data=ask)["data"]["ordStas"] == "6"
    back = {
        "payOrdId": ask["payOrdId"],
        "appRefdSn": "R1",
        "ecToken": token(counter, visit),
        "refdType": "ALL",
        "totlRefdAmt": "500.00",
        "cashRefdAmt": paid["ownPayAmt"],
    }
    stranger = token(counter, counter.register("retired"))
    assert "电子凭证" in counter.no("6203", data=back | {"ecToken": stranger})
    assert "不一致" in counter.no("6203", data=back | {"totlRefdAmt": "499.99"})
    done = counter.ok("6203", data=back)["data"]
    assert done["refStatus"] == "SUCC"
    assert counter.ok("6301", data=ask)["data"]["ordStas"] == "7"
    rows = counter.books("settlements")["settlements"]
    assert sorted(row["medfee_sumamt"] for row in rows) == [-50000, 50000]
    assert "不允许" in counter.no("6203", data=back)


def test_cash_and_insurance_are_refunded_one_after_the_other(counter: Counter) -> None:
    visit, ask = ordered(counter)
    paid = counter.ok("6202", data=ask | {"ecAuthCode": "E1"})["data"]
    back = {"payOrdId": ask["payOrdId"], "appRefdSn": "R1", "ecToken": token(counter, visit)}
    states = []
    for kind, cash, insured in (("CASH", 100, 0), ("HI", 0, 180), ("CASH", 220, 0)):
        request = back | {"refdType": kind, "cashRefdAmt": cash, "totlRefdAmt": cash + insured}
        counter.ok("6203", data=request)
        states.append(counter.ok("6301", data=ask)["data"]["ordStas"])
    assert paid["ownPayAmt"] == 320
    assert states == ["10", "11", "7"]


def test_an_order_that_is_not_paid_is_taken_back(counter: Counter) -> None:
    visit, ask = ordered(counter)
    assert "未查询到" in counter.no("6401", data=ask | {"payToken": "x"})
    counter.ok("6401", data=ask)
    assert counter.books("fees")["fees"] == []
    assert counter.ok("6301", data=ask)["data"]["ordStas"] == "12"
    counter.ok("2202", data=visit.keys())


def test_a_broken_order_does_not_add_up(tmp_path: Path) -> None:
    counter = Counter(tmp_path, broken="I10")
    _, ask = ordered(counter)
    paid = counter.ok("6202", data=ask | {"payAuthNo": "A1"})["data"]
    assert paid["feeSumamt"] == paid["ownPayAmt"] + paid["psnAcctPay"] + paid["fundPay"] - Decimal(
        "0.01"
    )
    counter.close()


# -- queries ------------------------------------------------------------------------------------


def test_rows_of_a_settlement_and_of_its_reversal(counter: Counter) -> None:
    visit, info = settled(counter)
    visit.charge(("MHD0000000006", "10", "1"), batch="B2")
    keys = visit.keys() | {"setl_id": info["setl_id"]}
    rows = counter.ok("5204", data=keys)["data"]
    assert [(row["feedetl_sn"], row["det_item_fee_sumamt"]) for row in rows] == [
        ("1", Decimal("500.00"))
    ]
    assert len(counter.ok("5204", data=visit.keys())["data"]) == 2
    undone = visit.undo(info["setl_id"])["setlinfo"]["setl_id"]
    assert [
        row["feedetl_sn"]
        for row in counter.ok("5204", data=visit.keys() | {"setl_id": undone})["data"]
    ] == ["1"]
    counter.no("5204", data=keys | {"mdtrt_id": "404"})


def test_a_year_adds_up(counter: Counter) -> None:
    visit, info = settled(counter)
    rows = counter.ok("5206", data={"psn_no": visit.psn_no, "cum_ym": "202603"})["cuminfo"]
    sums = {row["cum_type_code"]: row["cum"] for row in rows}
    assert sums["YLFZE"] == info["medfee_sumamt"]
    assert sums["JJZFLJ"] == info["fund_pay_sumamt"]
    assert counter.ok("5206", data={"psn_no": visit.psn_no, "cum_ym": "2025"})["cuminfo"] == []


def test_chronic_rows_and_visits_in_a_period(counter: Counter) -> None:
    visit = counter.register("retired", med_type="14")
    visit.charge(("MHD0000000006", "10", "1"))
    visit.settle()
    ask = {"psn_no": visit.psn_no, "begntime": "2026-03-01", "endtime": "2026-03-31"}
    assert [row["med_list_codg"] for row in counter.ok("5205", data=ask)["feedetail"]] == [
        "MHD0000000006"
    ]
    assert [row["mdtrt_id"] for row in counter.ok("5201", data=ask)["mdtrtinfo"]] == [
        visit.mdtrt_id
    ]
    assert counter.ok("5201", data=ask | {"med_type": "11"})["mdtrtinfo"] == []
    counter.hospital = world.OTHER_HOSPITAL
    assert counter.ok("5201", data=ask)["mdtrtinfo"] == []
    assert "不属于" in counter.no("5202", data=visit.keys())


# -- all of them --------------------------------------------------------------------------------


JUNK: tuple[dict[str, Any], ...] = (
    {},
    {"data": None},
    {"data": "x"},
    {"data": [{"psn_no": None}]},
    {"data": {"psn_no": {"a": 1}}},
)
ANSWERS_ANYTHING = {"1304", "1312", "1316", "1317", "1318", "1319"}
"""Catalogue queries: all their fields may be missing."""


def test_no_transaction_falls_over_what_it_cannot_read(counter: Counter) -> None:
    before = counter.books()
    for infno in sorted(CLERKS):
        for junk in JUNK:
            answer = counter.call(infno, **junk)
            if infno in ANSWERS_ANYTHING and answer.infcode == 0:
                continue
            assert answer.infcode == -1, (infno, junk)
            assert answer.err_msg
    assert counter.books() == before


def test_every_cause_has_words_without_open_holes() -> None:
    assert set(CLERKS) >= NOTED
    for cause, text in TEXTS.items():
        assert text.strip() == text, cause
        assert "err" not in text.lower()


NASTY: tuple[Any, ...] = (
    None, "", "\ud800", "a\0b", "9" * 5000, "1e999999", "-1e-999999", "NaN", "sNaN", "Infinity",
    True, -1, 10**40, Decimal("1e-30"), [], {}, [{}], "' OR '1'='1", "２０２６-03-02",
)  # fmt: skip
"""Values that JSON can carry in any field."""


def requests(counter: Counter) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """(transaction, node, its row, other nodes): each would be carried out as it stands."""
    visit, info = settled(counter)
    batch = visit.row("MHD0000000001", "5", batch="B7")
    keys = visit.keys()
    diagnosis = {"diag_type": "1", "maindiag_flag": "1", "diag_srt_no": 1, "diag_code": "J06.900"}
    third = {"insutype": "310", "clr_type": "11", "setl_optins": "", "fixmedins_setl_cnt": 1}
    third |= {"stmt_begndate": "2026-03-01", "stmt_enddate": "2026-03-31", "medfee_sumamt": "1"}
    match = {"fixmedins_hilist_id": "D1", "list_type": "101", "med_list_codg": "MHD0000000001"}
    match |= {"begndate": "2026-01-01", "enddate": "2026-12-31"}
    stay = admission(world.person(SEED, "civil").patient_id, "310", "I1")
    yield "2201", "data", {"psn_no": visit.psn_no, "insutype": "310", "ipt_otp_no": "1"}, {}
    yield (
        "2203",
        "mdtrtinfo",
        keys | {"med_type": "11", "dise_codg": "x"},
        {"diseinfo": [diagnosis]},
    )
    yield "2203", "diseinfo", diagnosis, {"mdtrtinfo": keys | {"med_type": "11"}}
    yield "2204", "feedetail", batch, {}
    yield "2205", "data", keys | {"chrg_bchno": "B7"}, {}
    yield "2206", "data", visit.asked(chrg_bchno="B7", medfee_sumamt=5), {}
    yield "2207", "data", visit.asked(chrg_bchno="B7", medfee_sumamt=5), {}
    yield "2208", "data", keys | {"setl_id": info["setl_id"]}, {}
    yield "2401", "mdtrtinfo", stay["mdtrtinfo"], {"diseinfo": stay["diseinfo"]}
    yield (
        "2601",
        "data",
        {"psn_no": visit.psn_no, "omsgid": info["medins_setl_id"], "oinfno": "2207"},
        {},
    )
    yield "3201", "data", third, {}
    yield "3202", "data", third | {"file_qury_no": "1"}, {}
    yield (
        "3203",
        "data",
        third | {"setlym": "202603", "begndate": "2026-03-01", "enddate": "2026-03-31"},
        {},
    )
    yield "3301", "data", match, {}
    yield "1312", "data", {"page_num": 1, "page_size": 5, "updt_time": "2020-01-01"}, {}
    yield "3505A", "selinfoDetail", goods("55"), {}
    yield (
        "3513",
        "data",
        {"begndate": "2026-03-01", "enddate": "2026-03-31", "drug_trac_codg": "1"},
        {},
    )
    yield "4101", "setlinfo", keys | {"setl_id": info["setl_id"]}, {"diseinfo": [diagnosis]}
    yield (
        "5201",
        "data",
        {"psn_no": visit.psn_no, "begntime": "2026-03-01", "endtime": "2026-03-31"},
        {},
    )
    yield (
        "6101",
        "InData",
        {"businessInfo": world.person(SEED, "civil").id_card, "businessType": "1"},
        {},
    )
    yield "9101", "fsUploadIn", {"in": "QUJD", "filename": "a.zip"}, {}


@pytest.mark.slow
def test_no_field_can_make_a_transaction_fall_over(counter: Counter) -> None:
    from tests.simulators.centre.test_ledger import check_books, opening_of

    opening = opening_of(counter)
    carried = refused = 0
    for infno, name, row, others in list(requests(counter)):
        for field in row:
            for value in NASTY:
                answer = counter.call(infno, **{name: [row | {field: value}]}, **others)
                carried += answer.infcode == 0
                refused += answer.infcode == -1
    assert carried > 100
    assert refused > 500
    check_books(counter.store, opening)
