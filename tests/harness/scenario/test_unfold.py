"""Outlines row by row, and the ids that stay."""

from pathlib import Path

import pytest

from harness import i18n
from harness.scenario import tree
from harness.scenario.gherkin import gather, read_feature

ACCEPTED = Path(__file__).parents[2] / "corpus" / "features" / "accepted"

HEAD = "@REQ-LAB-001 @接口-LIS-ASTM\n功能: 上传\n  负责人: 测试甲\n\n"
BODY = '    假如 LIS已启动\n    那么 10秒内LIS收到"T001"的结果\n'


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")
    yield
    i18n.use("zh-CN")


def problems_of(*paths):
    return [
        (int(problem.where.rpartition(":")[2]), problem.message) for problem in gather(paths)[1]
    ]


def write(folder, text, name="a.feature"):
    path = folder / name
    path.write_text(text, "utf-8", newline="\n")
    return path


def test_outline_gives_one_scenario_a_row_with_readable_name_and_stable_id():
    read = read_feature(ACCEPTED / "outline.feature")

    names = [one.name for one in read.scenarios]
    assert names == [
        "标本T001的结果入库（结果=132）",
        "标本张三的结果入库（结果=<5.0）",
        "标本T003的结果入库（结果=98）",
    ]
    assert [one.row_line for one in read.scenarios] == [15, 16, 21]
    assert {one.line for one in read.scenarios} == {6}
    assert len({one.outline for one in read.scenarios}) == 1
    assert len({one.id for one in read.scenarios}) == 3
    assert all(one.id.startswith(one.outline + "-") for one in read.scenarios)
    assert read.scenarios[1].sentences[1].table == (("项目", "结果"), ("HGB", "<5.0"))
    assert read.scenarios[0].tags == ("@REQ-LAB-001", "@接口-LIS-ASTM", "@冒烟")
    assert "@儿科" in read.scenarios[2].tags
    assert read.scenarios[0].where.endswith("outline.feature:15")


def test_id_of_a_row_does_not_depend_on_its_place(tmp_path):
    text = (ACCEPTED / "outline.feature").read_text("utf-8")
    before = {one.name: one.id for one in read_feature(ACCEPTED / "outline.feature").scenarios}
    moved = text.replace("      | T001 | 132  |\n", "").replace(
        "      | T003 | 98   |\n", "      | T003 | 98   |\n      | T001 | 132  |\n"
    )
    after = {
        one.name: one.id
        for one in read_feature(write(tmp_path, moved, "outline.feature")).scenarios
    }

    assert before == after


def test_ids_are_ascii_and_do_not_depend_on_the_folder(tmp_path):
    path = write(tmp_path, HEAD + "  场景: 结果入库\n" + BODY, "上传_Up Load.feature")
    elsewhere = tmp_path / "b"
    elsewhere.mkdir()
    copy = write(elsewhere, path.read_text("utf-8"), path.name)

    (first,), (second,) = read_feature(path).scenarios, read_feature(copy).scenarios
    assert first.id == second.id
    assert first.id.isascii()
    assert first.id.startswith("up-load-")
    assert first.outline == first.id


def test_file_name_without_a_latin_letter_still_gives_an_id():
    assert tree.derived_id("上传", "甲").startswith("scenario-")
    assert tree.derived_id("上传", "甲") != tree.derived_id("下载", "甲")


def test_stated_id_is_kept(tmp_path):
    path = write(tmp_path, HEAD + "  @id-lab-001\n  场景: 结果入库\n" + BODY)

    assert read_feature(path).scenarios[0].id == "lab-001"


def test_same_id_in_two_files_is_refused(tmp_path):
    text = HEAD + "  场景: 结果入库\n" + BODY
    other = tmp_path / "b"
    other.mkdir()
    paths = [write(tmp_path, text), write(other, text)]

    ((line, message),) = problems_of(*paths)
    assert line == 5
    assert "stands twice, also at" in message


def test_an_open_quote_in_an_outline_is_reported_once(tmp_path):
    rows = "    例子:\n      | 管 |\n      | 1  |\n      | 2  |\n"
    path = write(tmp_path, HEAD + "  场景大纲: 甲\n    当 上传“<管>\n" + BODY + rows)

    ((line, message),) = problems_of(path)
    assert (line, message) == (6, "a quote is not closed: 上传“<管>")


def test_an_open_quote_from_a_row_is_reported_too(tmp_path):
    rows = '    例子:\n      | 管 |\n      | 1" |\n'
    path = write(tmp_path, HEAD + "  场景大纲: 甲\n    当 上传“<管>”\n" + BODY + rows)

    ((line, message),) = problems_of(path)
    assert (line, message) == (6, 'a quote is not closed: 上传“1"”')
