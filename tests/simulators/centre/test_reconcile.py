"""3201 to 3204 and the file service, judged by sums and joins made here."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulators.centre import world
from simulators.centre.rules import Policy
from simulators.centre.transactions import handlers
from tests.simulators.centre.counter import SEED, Counter, Visit

MARCH = {
    "stmt_begndate": "2026-03-01",
    "stmt_enddate": "2026-03-31",
    "clr_type": "11",
    "setl_optins": "430100",
}


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.close()


def settle_some(
    counter: Counter, count: int = 3, kind: str = "employee"
) -> list[tuple[Visit, dict[str, Any]]]:
    done = []
    for nth in range(count):
        visit = counter.register(kind)
        visit.charge(("MHD0000000001", str(50 + nth), "10"))
        done.append((visit, visit.settle()["setlinfo"]))
    return done


def totals(infos: list[dict[str, Any]], count: int | None = None) -> dict[str, Any]:
    return {
        "medfee_sumamt": sum(info["medfee_sumamt"] for info in infos),
        "fund_pay_sumamt": sum(info["fund_pay_sumamt"] for info in infos),
        "acct_pay": sum(info["acct_pay"] for info in infos),
        "fixmedins_setl_cnt": len(infos) if count is None else count,
    }


def stated(counter: Counter, **data: Any) -> tuple[str, str]:
    info = counter.ok("3201", data={"insutype": "310", **MARCH, **data})["stmtinfo"]
    return info["stmt_rslt"], info["stmt_rslt_dscr"]


def line(info: dict[str, Any], refd: str = "0") -> str:
    cells = (info["setl_id"], info["mdtrt_id"], info["psn_no"], info["medfee_sumamt"])
    return "\t".join(
        str(cell) for cell in (*cells, info["fund_pay_sumamt"], info["acct_pay"], refd)
    )


def packed(content: bytes, name: str = "detail.txt") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def upload(counter: Counter, content: bytes, *, raw: bool = False) -> str:
    body = content if raw else packed(content)
    output = counter.ok(
        "9101",
        fsUploadIn={
            "in": base64.b64encode(body).decode(),
            "filename": "a.zip",
            "fixmedins_code": counter.hospital,
        },
    )
    return output["file_qury_no"]


def compare(counter: Counter, lines: list[str], **data: Any) -> list[list[str]]:
    number = upload(counter, "\n".join(lines).encode())
    return result(counter, number, **data)


def result(counter: Counter, number: str, **data: Any) -> list[list[str]]:
    info = counter.ok("3202", data=MARCH | {"file_qury_no": number} | data)["fileinfo"]
    answer = counter.call(
        "9102",
        fsDownloadIn={
            "file_qury_no": info["file_qury_no"],
            "filename": info["filename"],
            "fixmedins_code": "plc",
        },
    )
    assert answer.file is not None
    with zipfile.ZipFile(io.BytesIO(answer.file)) as archive:
        assert archive.namelist() == ["result.txt"]
        text = archive.read("result.txt").decode()
    assert text == "" or text.endswith("\n")
    return [row.split("\t") for row in text.splitlines()]


def test_totals_balance_and_name_what_does_not(counter: Counter) -> None:
    infos = [info for _, info in settle_some(counter)]
    good = totals(infos)
    assert stated(counter, **good) == ("0", "平")
    for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay"):
        code, said = stated(counter, **good | {name: good[name] + Decimal("0.01")})
        assert code == "1"
        assert said.count("不一致") == 1
    assert stated(counter, **good | {"fixmedins_setl_cnt": 4})[0] == "1"
    nothing = totals([])
    assert stated(counter, **nothing | {"insutype": "390"})[0] == "0"
    assert stated(counter, **nothing | {"clr_type": "21"})[0] == "0"
    assert stated(counter, **nothing | {"setl_optins": "430200"})[0] == "0"
    assert stated(counter, **good | {"setl_optins": ""})[0] == "0"
    assert stated(counter, **nothing | {"stmt_begndate": "2026-03-03"})[0] == "0"
    counter.hospital = world.OTHER_HOSPITAL
    assert stated(counter, **nothing)[0] == "0"


def test_a_day_begins_at_midnight_and_ends_a_second_before(counter: Counter) -> None:
    infos = []
    for day, hour, minute, second in (
        (9, 23, 59, 58),
        (10, 0, 0, 0),
        (10, 23, 59, 59),
        (11, 0, 0, 0),
    ):
        visit = counter.register()
        visit.charge(("MHD0000000001", "50", "1"))
        counter.now = counter.now.replace(day=day, hour=hour, minute=minute, second=second)
        counter.now -= __import__("datetime").timedelta(seconds=1)
        infos.append(visit.settle()["setlinfo"])
        assert infos[-1]["setl_time"] == f"2026-03-{day:02d} {hour:02d}:{minute:02d}:{second:02d}"
    one_day = {"stmt_begndate": "2026-03-10", "stmt_enddate": "2026-03-10"}
    assert stated(counter, **totals(infos[1:3]) | one_day)[0] == "0"
    assert "开始日期" in counter.no(
        "3201", data={"insutype": "310", **MARCH, "stmt_enddate": "2026-02-01"}
    )
    assert "日期" in counter.no("3201", data={"insutype": "310", **MARCH, "stmt_enddate": "March"})


@pytest.mark.parametrize(("policy", "count"), [(2, 5), (1, 4), (0, 3)])
def test_a_reversed_pair_counts_as_the_province_says(
    tmp_path: Path, policy: int, count: int
) -> None:
    """Three settlements of which one is undone, and one more: 3 + 1 + 1 reversal."""
    counter = Counter(tmp_path, Policy(pair_count=policy))
    done = settle_some(counter, 4)
    visit, info = done[1]
    visit.undo(info["setl_id"])
    left = [info for nth, (_, info) in enumerate(done) if nth != 1]
    assert stated(counter, **totals(left, count))[0] == "0"
    counter.close()


def test_taken_back_disappears_from_totals_and_details(counter: Counter) -> None:
    done = settle_some(counter, 2)
    visit, info = done[0]
    data = {"psn_no": visit.psn_no, "omsgid": info["medins_setl_id"], "oinfno": "2207"}
    counter.ok("2601", data=data)
    assert stated(counter, **totals([done[1][1]]))[0] == "0"
    rows = compare(counter, [line(info), line(done[1][1])])
    assert [(row[2], row[4], row[6]) for row in rows] == [
        (info["setl_id"], "1", "医药机构多"),
        (done[1][1]["setl_id"], "0", "null"),
    ]
    assert rows[0][3] == "null"
    assert rows[0][7:] == ["null"] * 3


def test_details_in_all_their_states(tmp_path: Path) -> None:
    states = {
        "balanced": "0",
        "centre_more": "C",
        "hospital_more": "H",
        "differs": "D",
        "several": "S",
    }
    counter = Counter(tmp_path, Policy(stmt_rslt=states))
    done = [info for _, info in settle_some(counter, 5)]
    visit, undone = settle_some(counter, 1)[0]
    negative = visit.undo(undone["setl_id"])["setlinfo"]
    lines = [
        line(done[0]),
        line(done[1] | {"fund_pay_sumamt": done[1]["fund_pay_sumamt"] + Decimal("0.01")}),
        line(done[2] | {"setl_id": "WRONG"}),
        line(done[3] | {"setl_id": "404", "mdtrt_id": "404"}),
        line(done[0]),
        line(undone),
        line(negative, "1"),
    ]
    rows = compare(counter, lines)
    assert [row[4] for row in rows] == ["0", "D", "D", "H", "H", "0", "0", "C", "C"]
    assert {row[2] for row in rows[-2:]} == {done[3]["setl_id"], done[4]["setl_id"]}
    # The centre's own amounts and the msgid of the settlement, not what was uploaded.
    assert rows[1][9] == str(done[1]["acct_pay"])
    assert rows[1][8] == str(done[1]["fund_pay_sumamt"])
    assert rows[1][3] == done[1]["medins_setl_id"]
    assert rows[2][6] == "结算ID不一致"
    assert rows[6][5] == "1"
    assert rows[6][7] == str(negative["medfee_sumamt"])
    flagged = compare(counter, [line(undone, "1")])
    assert "退费标志" in flagged[0][6]
    counter.close()


@pytest.mark.parametrize("name", ["medfee_sumamt", "fund_pay_sumamt", "acct_pay"])
def test_each_amount_of_a_detail_is_compared_to_the_fen(counter: Counter, name: str) -> None:
    info = settle_some(counter, 1)[0][1]
    row = compare(counter, [line(info | {name: info[name] - Decimal("0.01")})])[0]
    assert row[4] == "1"
    assert row[6].endswith("不一致")


def test_several_settlements_of_one_charge_leave_the_ids_empty(counter: Counter) -> None:
    visit = counter.register()
    for batch in ("B1", "B2"):
        visit.total *= 0
        visit.charge(("MHD0000000001", "50", "1"), batch=batch)
        info = visit.settle(chrg_bchno=batch)["setlinfo"]
    row = compare(counter, [line(info | {"setl_id": "UNKNOWN"})])[0]
    assert row[1:3] == ["null", "null"]
    assert "2" in row[6]


@pytest.mark.parametrize(("layout", "width"), [("7", 7), ("10", 10), ("11", 11)])
def test_the_columns_are_the_province_s(tmp_path: Path, layout: str, width: int) -> None:
    counter = Counter(tmp_path, Policy(result_columns=layout, memo_insutype=True))
    info = settle_some(counter, 1)[0][1]
    row = compare(counter, [line(info)])[0]
    assert len(row) == width
    assert row[0] == info["psn_no"]
    # Chongqing has flag and result the other way round.
    assert row[4:6] == ["0", "0"]
    assert row[6] == "310"
    more = compare(counter, [])[0]
    assert (more[5], more[4]) == (("1", "0") if layout == "7" else ("0", "1"))
    counter.close()


def test_refund_rows_with_positive_amounts_where_the_province_wants_them(tmp_path: Path) -> None:
    counter = Counter(tmp_path, Policy(file_sign="positive"))
    visit, info = settle_some(counter, 1)[0]
    negative = visit.undo(info["setl_id"])["setlinfo"]
    shown = negative | {
        name: -negative[name] for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
    }
    assert [row[4] for row in compare(counter, [line(info), line(shown, "1")])] == ["0", "0"]
    assert [row[4] for row in compare(counter, [line(info), line(negative, "1")])] == ["0", "1"]
    counter.close()


WRITERS = {
    "trailing TAB and CRLF": lambda text: text.replace("\n", "\t\r\n") + "\t",
    "BOM": lambda text: "\ufeff" + text,
    "last line end and a blank line": lambda text: text + "\n\n",
    "eight columns": lambda text: "\n".join(row + "\tnull" for row in text.split("\n")),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_untidy_files_are_taken_unless_strict(counter: Counter, writer: str) -> None:
    infos = [info for _, info in settle_some(counter, 2)]
    text = WRITERS[writer]("\n".join(line(info) for info in infos))
    number = upload(counter, text.encode())
    assert [row[4] for row in result(counter, number)] == ["0", "0"]
    counter.handlers = handlers(Policy(strict_files=True), seed=SEED)
    if "blank" in writer:
        assert len(result(counter, number)) == 2
    else:
        assert "文件内容" in counter.no("3202", data=MARCH | {"file_qury_no": number})


def test_a_gbk_file_is_read_by_a_lenient_centre_only(counter: Counter) -> None:
    info = settle_some(counter, 1)[0][1]
    number = upload(
        counter,
        (line(info) + "\n" + line(info | {"setl_id": "错", "medfee_sumamt": 1})).encode("gbk"),
    )
    assert [row[4] for row in result(counter, number)] == ["0", "1"]
    counter.handlers = handlers(Policy(strict_files=True), seed=SEED)
    assert "UTF-8" in counter.no("3202", data=MARCH | {"file_qury_no": number})


def two_members() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
        archive.writestr("../../b.txt", "y")
    return out.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        b"not a zip",
        packed(b"a\tb\tc"),
        two_members(),
        packed(b"x" * 100)[:60],
        packed(b"1\t2\t3\tfour\t5\t6\t0"),
    ],
    ids=["no zip", "three columns", "two members", "cut off", "no number"],  # a ZIP holds the time
)
def test_files_that_are_none_are_refused_at_their_use(counter: Counter, body: bytes) -> None:
    number = upload(counter, body, raw=True)
    counter.no("3202", data=MARCH | {"file_qury_no": number})


def test_a_bomb_is_not_unpacked(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.centre.files.TEXT_BYTES_MAX", 1000)
    number = upload(counter, b"\n" * 1001)
    assert "上限" in counter.no("3202", data=MARCH | {"file_qury_no": number})


def test_the_three_wire_forms_of_an_upload(counter: Counter) -> None:
    info = settle_some(counter, 1)[0][1]
    body = packed(line(info).encode())
    forms = (
        body,
        [byte - 256 if byte > 127 else byte for byte in body],
        base64.b64encode(body).decode(),
    )
    for form in forms:
        output = counter.ok("9101", fsUploadIn={"in": form, "filename": "C:\\x\\..\\d.zip"})
        assert output["filename"] == "d.zip"
        assert [row[4] for row in result(counter, output["file_qury_no"])] == ["0"]
    for junk in ("%%%", "", None, ["a"], 5):
        counter.no("9101", fsUploadIn={"in": junk, "filename": "d.zip"})


def test_a_file_is_fetched_in_time_by_its_owner(counter: Counter) -> None:
    number = upload(counter, b"x")
    ask = {"file_qury_no": number, "filename": "a.zip", "fixmedins_code": counter.hospital}
    assert counter.call("9102", fsDownloadIn=ask).file is not None
    counter.hospital = world.OTHER_HOSPITAL
    assert "不属于" in counter.no("9102", fsDownloadIn=ask)
    counter.no("9102", fsDownloadIn=ask | {"fixmedins_code": "plc"})
    counter.hospital = world.HOSPITAL
    counter.now = counter.now.replace(day=4)
    assert "截止" in counter.no("9102", fsDownloadIn=ask)
    assert "未查询到" in counter.no("9102", fsDownloadIn=ask | {"file_qury_no": "1"})


def test_a_clearing_takes_the_centre_s_sums_and_closes_the_month(counter: Counter) -> None:
    visit, info = settle_some(counter, 1)[0]
    data = {
        "clr_type": "11",
        "setlym": "202603",
        "psntime": 1,
        "medfee_sumamt": info["medfee_sumamt"],
        "med_sumfee": info["medfee_sumamt"],
        "fund_appy_sum": info["fund_pay_sumamt"],
        "acct_pay": info["acct_pay"],
        "begndate": "2026-03-01",
        "enddate": "2026-03-31",
    }
    for name, wrong in (("psntime", 2), ("med_sumfee", 1), ("fund_appy_sum", 1), ("acct_pay", -1)):
        assert "不一致" in counter.no("3203", data=data | {name: wrong})
    number = counter.ok("3203", data=data)["result"]["clr_appy_evt_id"]
    assert "已提交" in counter.no("3203", data=data)
    undo = {"psn_no": visit.psn_no, "omsgid": info["medins_setl_id"], "oinfno": "2207"}
    assert "清算" in counter.no("2601", data=undo)
    counter.ok("3204", data={"clr_appy_evt_id": number})
    assert "未查询到" in counter.no("3204", data={"clr_appy_evt_id": number})
    counter.ok("2601", data=undo)
    counter.handlers = handlers(Policy(clearing=False), seed=SEED)
    assert "不再受理" in counter.no("3203", data=data)


def test_a_switch_makes_the_totals_lie(tmp_path: Path) -> None:
    counter = Counter(tmp_path, broken="I9")
    infos = [info for _, info in settle_some(counter)]
    assert stated(counter, **totals(infos))[0] == "1"
    counter.close()


def test_the_flag_chooses_rows_only_where_the_province_reads_it_so(counter: Counter) -> None:
    done = settle_some(counter, 2)
    visit, info = done[0]
    visit.undo(info["setl_id"])
    positive = totals([info for _, info in done])
    assert stated(counter, **positive, refd_setl_flag="0")[0] == "1"
    counter.handlers = handlers(replace(Policy(), flag_filters=True), seed=SEED)
    assert stated(counter, **positive, refd_setl_flag="0")[0] == "0"
