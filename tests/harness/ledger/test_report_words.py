"""What the reports hide and what they must show: keys by which a bill is found stay readable.

The identity number is the example of GB 11643-1999, 5; no living person has it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest

from harness import i18n
from harness.ledger.command import Request, reconcile
from harness.ledger.report_html import _compare
from harness.ledger.report_read import Case
from harness.ledger.report_text import masked

DEMO = Path(__file__).resolve().parents[3] / "fixtures" / "ledger" / "demo"
EXAMPLE = "11010519491231002X"


@pytest.fixture(autouse=True)
def _in_chinese() -> Iterator[None]:
    before = i18n.current()
    i18n.use("zh-CN")
    yield
    i18n.use(before)


@pytest.mark.parametrize("column", ["setl_id", "mdtrt_id", "x_init_setl_id", "结算编号"])
def test_a_settlement_of_18_digits_can_be_found(column: str) -> None:
    assert masked(column, "860406498117891115") == "860406498117891115"


@pytest.mark.parametrize("column", ["setl_id", "x_remark", "certno"])
def test_an_identity_number_is_hidden_wherever_it_stands(column: str) -> None:
    assert masked(column, EXAMPLE) == "*" * 14 + "002X"


def test_a_wrong_check_character_makes_no_key_an_identity_number() -> None:
    assert masked("setl_id", "110105194912310021") == "110105194912310021"


def test_a_column_that_one_side_does_not_have_is_no_difference() -> None:
    his = {"side": "his", "setl_id": "1", "x_invono": "FP1", "medfee_fen": 100}
    centre = {"side": "centre", "setl_id": "1", "x_invono": None, "medfee_fen": 101}
    lines = _compare(Case(rows=(his, centre)), masked=True)
    differs = {name.split()[-1]: one for name, _, one in lines}

    assert differs == {"setl_id": False, "medfee_sumamt": True, "invono": False}


@pytest.mark.slow
def test_the_page_for_finance_names_the_lines_behind_the_61_yuan(tmp_path: Path) -> None:
    names = ("his", "centre", "his_detail", "centre_detail")
    files = {name: str(DEMO / f"{name}.csv") for name in names}
    sources = {name: files.pop(name) for name in ("his", "centre")}
    details = argparse.Namespace(**files)
    reconcile(Request(sources=sources, out=str(tmp_path), further=details, quiet=True))
    table = docx.Document(str(tmp_path / "statement.docx")).tables[0]
    said = "\n".join(row.cells[1].text for row in table.rows)

    for line in ("从未上传 陪护床位费 +35.00", "中心缺少 尿常规 +18.00", "葡萄糖注射液 +8.00"):
        assert line in said
