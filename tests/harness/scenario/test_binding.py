"""Binding: every sentence to exactly one step, or a message that helps."""

import time

import pytest

from harness import i18n
from harness.errors import InputErrors
from harness.scenario.binding import bind, load
from harness.scenario.gherkin import read_features
from harness.scenario.steps import Library, Registry

HEAD = "@REQ-LAB-001 @接口-LIS-ASTM\n功能: 上传\n  负责人: 测试甲\n\n"


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")
    yield
    i18n.use("zh-CN")


def library():
    steps = Library("lab")
    common = {"purpose": "p", "effect": "e", "gloss": "g"}

    @steps.given("LIS已启动", id="lis.start", example="假如 LIS已启动", **common)
    def start(world): ...

    @steps.when(
        "分析仪{string}上传{string}的结果:",
        id="analyzer.upload",
        example='当 分析仪"XN-1"上传"T001"的结果:\n  | 项目 | 结果 |\n  | HGB | 132 |',
        **common,
    )
    def upload(world, analyzer, tube, table): ...

    @steps.when("发送报文", id="feed.send", example='当 发送报文\n"""\nMSH\n"""', **common)
    def send(world, doc): ...

    @steps.when("重发", id="feed.again", example="当 重发", **common)
    def again(world, table=None, doc=None): ...

    @steps.then(
        "{duration}内LIS收到{string}的结果",
        id="lis.got",
        example='那么 10秒内LIS收到"T001"的结果',
        **common,
    )
    def got(world, limit, tube): ...

    return steps


def features(tmp_path, body, name="a.feature"):
    path = tmp_path / name
    path.write_text(HEAD + "  场景: 甲\n" + body, "utf-8", newline="\n")
    return read_features([path])


def problems(tmp_path, body, registry=None):
    with pytest.raises(InputErrors) as caught:
        bind(features(tmp_path, body), registry or Registry([library()]))
    return caught.value.problems


THEN = '    那么 10秒内LIS收到"T001"的结果\n'


def test_every_sentence_gets_its_step_and_values(tmp_path):
    body = (
        "    假如 LIS已启动。\n"
        "    当 分析仪“XN-1”上传“T001”的结果：\n"
        "      | 项目 | 结果 |\n"
        "      | HGB  | 132  |\n"
        "    同时 重发\n"
        '    并且 发送报文\n      """\n      MSH|^~\\&\n      """\n' + THEN
    )
    (bound,) = bind(features(tmp_path, body), Registry([library()]))

    assert [step.step.id for step in bound.steps] == [
        "lis.start",
        "analyzer.upload",
        "feed.again",
        "feed.send",
        "lis.got",
    ]
    assert bound.steps[1].arguments == ("XN-1", "T001")
    assert bound.steps[1].keywords["table"].rows == [{"项目": "HGB", "结果": "132"}]
    assert bound.steps[1].keywords["table"].lines == (9,)
    assert bound.steps[2].keywords == {"table": None, "doc": None}
    assert bound.steps[3].keywords == {"doc": "MSH|^~\\&"}
    assert bound.steps[4].arguments == (10.0, "T001")
    assert bound.last_line == bound.scenario.last_line


def test_unknown_sentence_gets_the_three_nearest_with_examples(tmp_path):
    (problem,) = problems(tmp_path, "    当 分析仪“XN-1”传送“T001”的结果\n" + THEN)

    assert problem.where.endswith("a.feature:6")
    assert "no step knows this sentence: 当 分析仪“XN-1”传送“T001”的结果" in problem.message
    lines = problem.remedy.split("\n")
    assert lines[1] == "    1. 当 分析仪{string}上传{string}的结果:"
    assert lines[2] == '       example: 当 分析仪"XN-1"上传"T001"的结果:'
    assert sum("example:" in line for line in lines) == 3


def test_unknown_sentence_where_nothing_is_known(tmp_path):
    found = problems(tmp_path, THEN, Registry())

    assert "is the step package installed?" in found[0].remedy


def test_ambiguous_sentence_lists_all_steps_with_their_places(tmp_path):
    steps = library()
    common = {"purpose": "p", "effect": "e", "gloss": "g"}

    @steps.when("上传{int}个{string}", id="a.int", example="上传1个“甲”", **common)
    def one(world, count, what): ...

    @steps.when("上传{decimal}个{string}", id="a.dec", example="上传1.5个“甲”", **common)
    def two(world, count, what): ...

    # The overlap of examples would be refused: this is the case that only a scenario shows.
    registry = Registry.__new__(Registry)
    Registry.__init__(registry)
    for step in steps.steps:
        registry._add(step)

    (problem,) = problems(tmp_path, "    当 上传2个“甲”\n" + THEN, registry)
    assert "several steps know this sentence: 上传2个“甲”" in problem.message
    assert f"上传{{int}}个{{string}} ({__name__}:" in problem.remedy
    assert f"上传{{decimal}}个{{string}} ({__name__}:" in problem.remedy


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "    假如 10秒内LIS收到“T001”的结果\n",
            "belongs behind 那么, and here it stands behind 假如",
        ),
        ("    当 LIS已启动\n", "belongs behind 假如, and here it stands behind 当"),
        ("    当 分析仪“A”上传“B”的结果\n", "a table is missing"),
        ("    假如 LIS已启动\n      | 甲 |\n      | 乙 |\n", "has no use for a table"),
        ("    当 发送报文\n", "a text block is missing"),
        ('    假如 LIS已启动\n      """\n      """\n', "has no use for a text block"),
        ("    当 重发\n      | 甲 | 甲 |\n      | 乙 | 丙 |\n", "a name stands twice"),
        ("    当 重发\n      | 甲 |\n", "the table has no row"),
        ("    那么 0秒内LIS收到“T001”的结果\n", "“0秒” is no limit"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, body, message):
    (problem,) = problems(tmp_path, body + THEN)

    assert message in problem.message


def test_problem_about_a_table_names_the_line_of_the_table(tmp_path):
    (problem,) = problems(tmp_path, "    当 重发\n      | 甲 |\n" + THEN)

    assert problem.where.endswith("a.feature:7")


def test_a_sentence_of_an_outline_or_a_background_is_reported_once(tmp_path):
    path = tmp_path / "a.feature"
    path.write_text(
        HEAD + "  背景:\n    假如 无人认识\n\n  场景大纲: 甲\n    当 也不认识“<管>”\n"
        "    那么 10秒内LIS收到“<管>”的结果\n\n    例子:\n      | 管 |\n      | 1 |\n      | 2 |\n",
        "utf-8",
    )

    with pytest.raises(InputErrors) as caught:
        load([path], Registry([library()]))
    assert [problem.where.rpartition(":")[2] for problem in caught.value.problems] == ["6", "9"]


def test_problems_of_reading_and_binding_come_together_in_order(tmp_path):
    text = HEAD + "  场景: 甲\n    当 无人认识\n    如果 LIS已启动\n" + THEN
    path = tmp_path / "a.feature"
    path.write_text(text, "utf-8")

    with pytest.raises(InputErrors) as caught:
        load([path], Registry([library()]))
    assert [problem.where.rpartition(":")[2] for problem in caught.value.problems] == ["6", "7"]


def test_load_gives_what_can_run(tmp_path):
    path = tmp_path / "a.feature"
    path.write_text(HEAD + "  场景: 甲\n" + THEN, "utf-8")

    (bound,) = load([path], Registry([library()]))
    assert bound.scenario.name == "甲"


SENTENCES = 150
SCENARIOS = 500
FILES = 50


def large_registry():
    """150 sentences: a third begin with a hole, as 那么 sentences do."""
    steps = Library("large")
    common = {"purpose": "p", "effect": "e", "gloss": "g"}
    for number in range(SENTENCES // 3):
        word = "".join("零一二三四五六七八九"[int(digit)] for digit in f"{number:02}")
        steps.given(
            f"第{word}号系统{{string}}已启动",
            id=f"g.n{number}",
            example=f"第{word}号系统“甲”已启动",
            **common,
        )(lambda world, name: None)
        steps.when(
            f"分析仪{{string}}按{word}方式上传{{string}}",
            id=f"w.n{number}",
            example=f"分析仪“甲”按{word}方式上传“乙”",
            **common,
        )(lambda world, name, tube: None)
        steps.then(
            f"{{duration}}内{word}号LIS收到{{string}}的结果",
            id=f"t.n{number}",
            example=f"1秒内{word}号LIS收到“甲”的结果",
            **common,
        )(lambda world, limit, tube: None)
    return Registry([steps])


def large_tree(folder):
    words = [
        "".join("零一二三四五六七八九"[int(d)] for d in f"{n:02}") for n in range(SENTENCES // 3)
    ]
    for file in range(FILES):
        lines = [f"@REQ-LAB-001 @接口-LIS-ASTM\n功能: 第{file}个\n  负责人: 测试甲\n"]
        for scenario in range(SCENARIOS // FILES):
            lines.append(f"\n  场景: 场景{file}之{scenario}\n")
            for number in range(3):
                key = f"{file}-{scenario}-{number}"
                word = words[(file * 7 + scenario * 3 + number) % len(words)]
                lines += [
                    f"    假如 第{word}号系统“S{key}”已启动\n",
                    f"    当 分析仪“A{key}”按{word}方式上传“T{key}”\n",
                    f"    那么 {number + 1} 秒内{word}号LIS收到“T{key}”的结果\n",
                ]
        (folder / f"large_{file}.feature").write_text("".join(lines), "utf-8")


@pytest.mark.slow
def test_five_hundred_scenarios_cost_one_look_a_sentence(tmp_path):
    """The time is printed, never asserted: what is bounded is the work, 1.0 look a sentence."""
    registry = large_registry()
    large_tree(tmp_path)
    begin = time.process_time()
    bound = load([tmp_path], registry)
    elapsed_s = time.process_time() - begin
    sentences = sum(len(one.steps) for one in bound)

    print(f"{len(bound)} scenarios, {sentences} sentences, {elapsed_s:.2f} s")
    assert (len(bound), sentences, len(registry.steps)) == (500, 4500, 150)
    assert registry.attempts <= 2 * sentences
