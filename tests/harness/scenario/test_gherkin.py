"""The reader against feature files as people write them, right and wrong."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import i18n
from harness.errors import InputErrors
from harness.scenario import feature, gherkin, unfold
from harness.scenario.gherkin import StepKind, gather, read_feature, read_features

CORPUS = Path(__file__).parents[2] / "corpus" / "features"
ACCEPTED = CORPUS / "accepted"
REFUSED = CORPUS / "refused"

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


# Each file breaks what its name says; every problem of the file stands here, by hand.
EXPECTED = {
    "background": [(6, "may only prepare")],
    "conjunction_first": [(6, "the first sentence begins with “而且”")],
    "empty_background": [(5, "背景 has no sentence")],
    "english": [
        (1, "the language is “en”"),
        (3, "the title word “Feature”"),
        (6, "the title word “Scenario”"),
        (7, "“Given” does not begin"),
        (8, "“Then” does not begin"),
    ],
    "holes_outside_outline": [(6, "<名称>"), (9, "<仪器>"), (11, "<项目>")],
    "loose_table_and_text": [(6, "table belongs to nothing"), (7, "text block belongs to nothing")],
    "mistyped_first_keyword": [
        (6, "“给定” does not begin"),
        (11, "“如果” does not begin"),
        (13, "“然后” does not begin"),
        (16, "none of the allowed words: 假入 LIS已启动"),
        (17, "“When” does not begin"),
    ],
    "no_feature_line": [(2, "does not begin with 功能")],
    "no_names": [(2, "the feature has no name"), (5, "the scenario has no name")],
    "no_owner": [(2, "names no owner")],
    "no_scenario": [(2, "has no scenario")],
    "no_sentence": [(5, "has no sentence")],
    "no_then": [(5, "no 那么: it judges nothing")],
    "only_notes": [(1, "says nothing")],
    "open_quote": [(6, "a quote is not closed"), (7, "a quote is not closed")],
    "open_text_block": [(10, "text block is not closed")],
    "outline_holes": [
        (6, "<仪器型号> is filled from no column"),
        (8, "<值> is filled from no column"),
        (9, "<0.01> is filled from no column"),
        (10, "《管号》 is filled from no column"),
        (12, "no sentence uses the column “结果”"),
    ],
    "outline_rows": [
        (12, "the row stands twice, also in line 11"),
        (14, "例子 has no row"),
        (18, "a name stands twice"),
    ],
    "outline_without_examples": [(5, "场景大纲 has no 例子")],
    "places": [
        (10, "背景 stands in the wrong place"),
        (16, "a second 功能"),
        (26, "belongs to no scenario"),
    ],
    "same_id": [(12, "the id LAB-1 stands twice")],
    "same_name": [(10, "the name “结果入库” stands twice, also in line 5")],
    "saved_as_gbk": [(1, "not saved as UTF-8 but as: GBK")],
    "saved_as_utf16": [(1, "not saved as UTF-8 but as: Unicode (UTF-16)")],
    "sentences_without_scenario": [
        (5, "before the first 场景"),
        (6, "before the first 场景"),
        (7, "before the first 场景"),
    ],
    "tables": [
        (5, "table belongs to nothing"),
        (11, "another number of cells"),
        (12, "another number of cells"),
    ],
    "tag_with_space": [(1, "a tag holds a space")],
    "tags": [
        (2, "@id-… stands on the feature"),
        (5, "exactly one tag @REQ-…, and has: -"),
        (11, "the id cannot be used: @id-甲"),
        (11, "exactly one tag @REQ-…, and has: @REQ-LAB-001 @REQ-LAB-002"),
    ],
    "tags_at_the_end": [(10, "ends too early")],
    "title_words": [
        (5, "the title word “情景”"),
        (10, "nothing between “场景” and the colon"),
        (15, "the colon after “场景” is missing"),
        (20, "the title word “场景模板”"),
        (24, "the title word “示例”"),
    ],
}


def test_every_refused_file_has_its_expectation():
    assert {path.stem for path in REFUSED.glob("*.feature")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_refused_with_every_problem_at_its_line(name):
    found = problems_of(REFUSED / f"{name}.feature")

    assert [line for line, _ in found] == [line for line, _ in EXPECTED[name]]
    for (_, message), (_, part) in zip(found, EXPECTED[name], strict=True):
        assert part in message


def test_every_problem_says_what_to_do():
    assert all(problem.remedy for problem in gather([REFUSED])[1])


def test_one_error_holds_the_problems_of_all_files_and_names_the_right_word():
    with pytest.raises(InputErrors) as caught:
        read_features([REFUSED / "title_words.feature", REFUSED / "no_owner.feature"])

    assert len(caught.value.problems) == 6
    assert caught.value.exit_code == 2
    assert "write “例子:” instead of “示例:”" in str(caught.value)
    assert "tests/corpus/features/refused/no_owner.feature:2: " in str(caught.value)


@pytest.mark.parametrize("name", ["plain", "notepad_bom", "no_language_line", "full_width"])
def test_what_an_input_method_changes_makes_no_difference(name):
    read = read_feature(ACCEPTED / f"{name}.feature")

    (scenario,) = read.scenarios
    assert scenario.name == "结果入库"
    assert scenario.requirement == "REQ-LAB-001"
    assert scenario.interface == "LIS-ASTM"
    assert scenario.owner == "测试甲"
    assert [(one.kind, one.text) for one in scenario.sentences[:3]] == [
        (StepKind.GIVEN, "LIS已启动"),
        (StepKind.WHEN, '分析仪"XN-1"上传"T001"的结果'),
        (StepKind.THEN, '10秒内LIS收到"T001"的结果'),
    ]
    assert scenario.sentences[1].table == (("项目", "结果"), ("HGB", "132"))


def test_full_width_marks_keep_text_lines_and_raw():
    read = read_feature(ACCEPTED / "full_width.feature")

    (scenario,) = read.scenarios
    answer = scenario.sentences[3]
    assert (answer.keyword, answer.kind, answer.text) == ("*", StepKind.THEN, "分析仪收到应答")
    assert answer.doc == "R|1|^^^HGB"
    assert scenario.sentences[1].raw == "分析仪 “XN-1” 上传“T001”的结果："
    assert scenario.sentences[1].line == 10
    assert scenario.sentences[1].table_lines == (11, 12)


def test_backgrounds_of_feature_and_rule_come_first():
    (scenario,) = read_feature(ACCEPTED / "rule.feature").scenarios

    assert [one.text for one in scenario.sentences] == [
        "LIS已启动",
        '分析仪"XN-1"已连接',
        '分析仪"XN-1"上传"T001"的结果',
        '10秒内LIS收到"T001"的结果',
    ]
    assert (scenario.line, scenario.last_line) == (12, 15)


def test_folder_is_searched_and_a_file_named_twice_is_read_once():
    features = read_features([ACCEPTED, ACCEPTED / "plain.feature"])

    assert len(features) == 6


def test_shown_is_what_messages_name():
    with pytest.raises(InputErrors, match="夜班:2: the feature names no owner"):
        read_feature(REFUSED / "no_owner.feature", shown="夜班")


def test_a_file_outside_the_current_folder_is_named_in_full(tmp_path):
    path = write(tmp_path, "")

    assert gather([path])[1][0].where == f"{path}:1"


def test_missing_path_and_hidden_suffix_are_problems(tmp_path):
    (tmp_path / "a.feature.txt").write_text("", "utf-8")
    messages = [str(problem) for problem in gather([tmp_path, tmp_path / "nowhere"])[1]]

    assert "its name ends in .txt" in messages[0]
    assert "rename it to a.feature" in messages[0]
    assert "no such file or folder" in messages[1]


def test_file_that_cannot_be_opened_is_a_problem(tmp_path):
    reading = gherkin.examine(tmp_path)

    assert "the file cannot be read" in reading.problems[0].message


def test_binary_and_too_large_files_are_refused(tmp_path):
    binary = tmp_path / "binary.feature"
    binary.write_bytes("功能: 上传\n".encode() + b"\0\0")
    strange = tmp_path / "strange.feature"
    strange.write_bytes("功能: 上传\n".encode() + b"\x81\xff\xff")
    large = tmp_path / "large.feature"
    large.write_bytes(b"#" * (gherkin.FEATURE_BYTES_MAX + 1))

    found = {path: problems_of(path)[0] for path in (binary, strange, large)}
    assert found[binary][0] == 2
    assert found[strange] == (2, "the file is not saved as UTF-8 but as: ?")
    assert "larger than" in found[large][1]


def test_number_of_files_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(gherkin, "FEATURE_FILES_MAX", 1)
    for name in ("a", "b"):
        write(tmp_path, (ACCEPTED / "plain.feature").read_text("utf-8"), f"{name}.feature")

    features, problems = gather([tmp_path])
    assert len(features) == 1
    assert "more than 1 feature files" in problems[0].message


def test_number_of_scenarios_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(unfold, "SCENARIOS_PER_FILE_MAX", 2)
    monkeypatch.setattr(gherkin, "_sound", {})  # read before, with the bound as it is

    ((line, message),) = problems_of(ACCEPTED / "outline.feature")
    assert (line, message) == (6, "a file may hold 2 scenarios")
    many = "".join(f"  场景: 第{n}个\n{BODY}\n" for n in range(5))
    assert len(problems_of(write(tmp_path, HEAD + many))) == 1


def test_number_of_problems_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(feature, "PROBLEMS_PER_FILE_MAX", 3)
    path = write(tmp_path, HEAD + "  场景: 乱写\n" + "    随便写的一行\n" * 10)

    problems = gather([path])[1]
    assert len(problems) == 4
    assert problems[-1].message == "7 further problems are not listed"


def test_rounds_of_parsing_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(gherkin, "PARSE_ROUNDS_MAX", 1)
    reading = gherkin.examine(REFUSED / "places.feature")

    assert reading.feature is None
    assert reading.problems


def test_line_ends_of_old_systems_are_read(tmp_path):
    path = tmp_path / "mac.feature"
    text = HEAD + "  场景: 结果入库\n" + BODY
    path.write_bytes(text.replace("\n", "\r").encode())

    assert read_feature(path).scenarios[0].line == 5


def test_invisible_characters_are_no_obstacle(tmp_path):
    path = write(
        tmp_path, (HEAD + "  场景: 结果入库\n" + BODY).replace("  假如 ", "\u200b 假如\u200b ")
    )

    assert read_feature(path).scenarios[0].sentences[0].text == "LIS已启动"


def test_text_block_may_hold_anything_that_looks_like_gherkin(tmp_path):
    block = '      """\n      场景: 不是标题\n      随便\n      ```\n      | 不是表格\n      """\n'
    path = write(tmp_path, HEAD + "  场景: 结果入库\n" + BODY + block)

    doc = read_feature(path).scenarios[0].sentences[-1].doc
    assert doc == "场景: 不是标题\n随便\n```\n| 不是表格"


def test_prose_in_the_description_is_free(tmp_path):
    text = HEAD.replace("\n\n", "\n  背景说明：夜班交接\n  需求: 见合同\n  功能说明：只读\n\n")
    path = write(tmp_path, text + "  场景: 结果入库\n" + BODY)

    assert "夜班交接" in read_feature(path).description


def test_words_that_cannot_stand_before_the_feature(tmp_path):
    path = write(tmp_path, "随便\n" + HEAD + "  场景: 结果入库\n" + BODY)

    ((line, message),) = problems_of(path)
    assert line == 1
    assert "none of the allowed words" in message


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("功能：甲：乙", "a second 功能"),
        ("@冒烟\n    假如 甲", "belongs to no scenario"),
        ("@冒烟\n    | 1 |", "table belongs to nothing"),
        ('@冒烟\n    """\n    """', "text block belongs to nothing"),
        ("@冒烟\n规则：甲", ""),
        (
            '  场景: 乙\n    假如 甲\n    | 1 |\n    """\n    """\n    | 2 |',
            "table belongs to nothing",
        ),
        (
            '  场景: 乙\n    假如 甲\n    """\n    """\n    """\n    """',
            "text block belongs to nothing",
        ),
        ("规则: 甲\n  背景:\n    假如 甲\n    例子:", "例子 stands in the wrong place"),
    ],
)
def test_lines_in_the_wrong_place(tmp_path, line, part):
    path = write(
        tmp_path, HEAD + "  场景: 结果入库\n" + BODY + "\n" + line + "\n\n  场景: 丙\n" + BODY
    )

    found = problems_of(path)
    assert any(part in message for _, message in found) if part else not found


def test_a_tag_needs_a_name(tmp_path):
    path = write(tmp_path, HEAD.replace("@REQ-LAB-001", "@REQ-") + "  场景: 结果入库\n" + BODY)

    ((_, message),) = problems_of(path)
    assert "exactly one tag @REQ-…, and has: @REQ-" in message


LINES = st.sampled_from(
    [
        "功能:", "功能：甲", "背景:", "场景: 甲", "场景大纲: 乙<丙>", "例子:", "规则: 丁", "场景", "示例：",
        "假如 甲", "当 <丙>“", '那么 "甲"', "而且 乙", "* 丙", "*", "如果 甲", "Scenario:", "随便",
        "| 丙 |", "| 1 | 2 |", "|", "||", '"""', "```", "“““", "@甲", "@", "@@", "@ 甲", "@id-a",
        "# language: xx", "#", "负责人: 乙", "", "\u3000当", "<",
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(head=st.booleans(), lines=st.lists(LINES, max_size=14))
def test_no_text_makes_the_reader_fail_and_what_it_accepts_judges(head, lines, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.feature"
    path.write_text((HEAD if head else "") + "\n".join(lines), "utf-8", newline="\n")

    reading = gherkin.examine(path)
    assert reading.problems or all(
        any(sentence.kind is StepKind.THEN for sentence in scenario.sentences)
        for scenario in reading.feature.scenarios
    )
