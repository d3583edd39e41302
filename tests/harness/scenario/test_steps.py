"""What a step definition must be, and what is refused about one."""

import sys
from decimal import Decimal
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from harness import i18n
from harness.errors import HarnessError, InputErrors
from harness.scenario import steps as steps_module
from harness.scenario.step import Takes
from harness.scenario.steps import (
    Library,
    Registry,
    StepError,
    StepKind,
    Table,
    gather_libraries,
    load_libraries,
)

UPLOAD = "分析仪{string}上传{string}的结果:"
UPLOAD_EXAMPLE = """
    当 分析仪“XN-1”上传“T001”的结果：
      | 项目 | 结果 |
      | HGB  | 132  |
    """


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")
    yield
    i18n.use("zh-CN")


def doc(**changes):
    return {
        "id": "lis.start",
        "purpose": "启动",
        "effect": "能应答",
        "example": "LIS已启动",
        "gloss": "the LIS runs",
        **changes,
    }


def refused(register, function, **changes):
    """The error of registering ``function``; ``changes`` are those of ``doc`` and ``sentence``."""
    sentence = changes.pop("sentence", "LIS已启动")
    at_once = {"at_once": True} if changes.pop("at_once", False) else {}
    with pytest.raises(StepError) as caught:
        register(sentence, **doc(**changes), **at_once)(function)
    assert caught.value.where.startswith(f"{__name__}:")
    return f"{caught.value.message} {caught.value.remedy}"


def nothing(world):
    pass


def test_a_step_is_registered_and_the_function_stays_usable():
    library = Library("lab")

    @library.when(UPLOAD, **doc(id="analyzer.upload", example=UPLOAD_EXAMPLE))
    def upload(world, analyzer: str, tube: "str", table: Table, doc=None):
        return world, analyzer, tube, table

    (step,) = library.steps
    assert upload("w", "a", "t", None) == ("w", "a", "t", None)
    assert (step.id, step.kind, step.library) == ("analyzer.upload", StepKind.WHEN, "lab")
    assert step.parameters == ("analyzer", "tube")
    assert (step.table, step.text) == (Takes.REQUIRED, Takes.OPTIONAL)
    assert step.example.split("\n") == [
        "当 分析仪“XN-1”上传“T001”的结果：",
        "  | 项目 | 结果 |",
        "  | HGB  | 132  |",
    ]
    assert step.lacks == ""


def test_what_an_example_lacks():
    library = Library("lab")
    library.given("甲", **doc(id="a.a", example="甲"))(lambda world, table: None)
    library.given("乙", **doc(id="a.b", example="乙"))(lambda world, doc: None)
    library.given("丙", **doc(id="a.c", example='丙\n"""\n"""'))(lambda world, doc: None)

    assert [step.lacks for step in library.steps] == ["table", "doc", ""]


async def coroutine(world):
    pass


async def asynchronous_generator(world):
    yield


def generator(world):
    yield


@pytest.mark.parametrize("function", [coroutine, asynchronous_generator, generator])
def test_a_function_that_would_do_nothing_is_refused(function):
    assert "it would do nothing" in refused(Library("lab").given, function)


@pytest.mark.parametrize(
    "function",
    [
        lambda: None,
        lambda world, more: None,
        lambda world, *more: None,
        lambda world, **more: None,
        lambda world, *, more: None,
        lambda world=1: None,
    ],
)
def test_parameters_must_fit_the_holes(function):
    assert "must take the world and 0 values" in refused(Library("lab").given, function)


def test_too_few_parameters_are_named():
    message = refused(Library("lab").given, nothing, sentence="重复{count}", example="假如 重复3次")

    assert "must take the world and 1 values (count); it takes: world" in message


def test_a_float_for_an_exact_number_is_refused():
    def pay(world, amount: float):
        pass

    changes = {"sentence": "支付{decimal}元", "example": "支付1.50元"}
    assert "{decimal} gives Decimal" in refused(Library("lab").given, pay, **changes)

    def fine(world, amount: Decimal):
        pass

    library = Library("lab")
    library.given("支付{decimal}元", **doc(example="支付1.50元"))(fine)
    assert library.steps


@pytest.mark.parametrize("name", ["purpose", "effect", "example", "gloss"])
def test_every_part_of_the_documentation_is_needed(name):
    assert f"has no {name}" in refused(Library("lab").given, nothing, **{name: "  "})


@pytest.mark.parametrize("ident", ["", "start", "LIS.start", "启动.甲", "lis."])
def test_id_must_be_english_and_in_two_parts(ident):
    assert "is no step id" in refused(Library("lab").given, nothing, id=ident)


def test_a_sentence_that_cannot_be_read_is_refused():
    message = refused(Library("lab").given, nothing, sentence="支付{float}元")

    assert "cannot be read: unknown hole {float}" in message


def test_a_then_needs_a_limit_or_looks_once():
    library = Library("lab")

    assert "waits without a limit" in refused(library.then, nothing)
    message = refused(
        library.then,
        lambda world, limit: None,
        sentence="{duration}内LIS已启动",
        example="那么 10秒内LIS已启动",
        at_once=True,
    )
    assert "contradict each other" in message
    library.then("LIS已启动", **doc(), at_once=True)(nothing)
    library.then("{duration}内LIS停止", **doc(id="lis.stop", example="10秒内LIS停止"))(
        lambda world, limit: None
    )
    assert [step.at_once for step in library.steps] == [True, False]


@pytest.mark.parametrize("sentence", ["等待{duration}", "等{int}秒", "暂停{decimal}分钟"])
def test_a_sentence_that_only_waits_is_refused(sentence):
    message = refused(Library("lab").when, lambda world, limit: None, sentence=sentence)

    assert "only waits" in message


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"example": "那么 LIS已启动"}, "its keyword is not the one"),
        ({"example": "LIS已停止"}, "it is not the sentence “LIS已启动”"),
        ({"example": "LIS已启动\n| 项目 |\n| HGB |"}, "it shows a table"),
        ({"example": 'LIS已启动\n"""\n"""'}, "it shows a text block"),
    ],
)
def test_an_example_must_work_when_it_is_copied(changes, part):
    assert part in refused(Library("lab").given, nothing, **changes)


def test_an_example_with_a_value_that_cannot_be_is_refused():
    message = refused(
        Library("lab").then,
        lambda world, limit: None,
        sentence="{duration}内启动",
        example="0秒内启动",
    )

    assert "it is not the sentence" in message


def test_example_may_begin_with_a_conjunction():
    library = Library("lab")
    library.given("LIS已启动", **doc(example="而且 LIS已启动。"))(nothing)

    assert library.steps[0].example_text == "LIS已启动"


def test_id_and_sentence_are_unique_in_a_library():
    library = Library("lab")
    library.given("LIS已启动", **doc())(nothing)

    assert "step id lis.start stands twice" in refused(
        library.given, nothing, sentence="甲", example="甲"
    )
    message = refused(library.when, nothing, id="a.b", sentence="LIS 已启动：")
    assert "the sentence “LIS 已启动：” stands twice" in message


def test_id_and_sentence_are_unique_over_libraries():
    one, two = Library("one"), Library("two")
    one.given("LIS已启动", **doc())(nothing)
    two.given("甲", **doc(example="甲"))(nothing)
    two.given("LIS已启动", **doc(id="a.b"))(nothing)

    with pytest.raises(InputErrors) as caught:
        Registry([one, two])
    assert len(caught.value.problems) == 2


def test_sentences_that_overlap_are_refused():
    library = Library("lab")
    library.given("重复{count}", **doc(id="a.count", example="重复3次"))(lambda world, count: None)
    library.given("重复{int}次", **doc(id="a.int", example="重复3次"))(lambda world, count: None)

    with pytest.raises(InputErrors) as caught:
        Registry([library])
    assert "the example of a.count is also a sentence of a.int" in caught.value.problems[0].message


def registry():
    library = Library("lab")
    library.given("LIS已启动", **doc())(nothing)
    library.when(UPLOAD, **doc(id="analyzer.upload", example=UPLOAD_EXAMPLE))(
        lambda world, analyzer, tube, table: None
    )
    library.then(
        "{duration}内LIS收到{string}的结果", **doc(id="lis.got", example="1秒内LIS收到“T”的结果")
    )(lambda world, limit, tube: None)
    return Registry([library])


def test_match_gives_step_and_values():
    (match,) = registry().match('10秒内LIS收到"T001"的结果')

    assert (match.step.id, match.arguments, match.fault) == ("lis.got", (10.0, "T001"), "")
    assert registry()["lis.got"].id == "lis.got"


def test_match_names_a_value_that_cannot_be_used():
    (match,) = registry().match('0秒内LIS收到"T001"的结果')

    assert "is no limit" in match.fault


def test_a_text_shorter_than_a_prefix_meets_its_step_once():
    known = registry()

    assert len(known.match("LIS已启动")) == 1
    assert known.match("LI") == []


def test_nearest_prefers_the_same_words_then_the_same_kind():
    near = registry().nearest("分析仪“XN”上传了“T”的结果", StepKind.THEN)

    assert [step.id for step in near] == ["analyzer.upload", "lis.got", "lis.start"]


def module(monkeypatch, name, **contents):
    made = ModuleType(name)
    vars(made).update(contents)
    monkeypatch.setitem(sys.modules, name, made)
    return made


def test_entry_points_lead_to_libraries(monkeypatch):
    one, two = Library("one"), Library("two")
    one.given("甲", **doc(id="a.a", example="甲"))(nothing)
    two.given("乙", **doc(id="a.b", example="乙"))(nothing)
    module(monkeypatch, "site_one", steps=one, other=3)
    module(monkeypatch, "site_two", steps=two, borrowed=one)

    points = [
        EntryPoint("one", "site_one", "medharness.steps"),
        EntryPoint("two", "site_two:steps", "medharness.steps"),
        EntryPoint("again", "site_two", "medharness.steps"),
    ]
    assert [step.id for step in gather_libraries(points).steps] == ["a.a", "a.b"]


def test_a_package_is_searched_with_all_its_modules(tmp_path, monkeypatch):
    package = tmp_path / "site_steps"
    package.mkdir()
    (package / "__init__.py").write_text("", "utf-8")
    (package / "lab.py").write_text(
        "from harness.scenario.steps import Library\n"
        "steps = Library('lab')\n"
        "@steps.given('甲', id='a.a', purpose='p', effect='e', example='甲', gloss='g')\n"
        "def a(world): ...\n",
        "utf-8",
    )
    (package / "broken.py").write_text("import no_such_module_anywhere\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("site", "site_steps", "medharness.steps")

    with pytest.raises(InputErrors) as caught:
        gather_libraries([point])
    assert "site_steps.broken cannot be imported: ModuleNotFoundError" in str(caught.value)
    (package / "broken.py").unlink()
    assert [step.where for step in gather_libraries([point]).steps] == ["site_steps.lab:3"]


def test_problems_of_all_modules_come_at_once(tmp_path, monkeypatch):
    (tmp_path / "site_bad.py").write_text(
        "from harness.scenario.steps import Library\n"
        "steps = Library('lab')\n"
        "@steps.given('甲', id='bad', purpose='p', effect='e', example='甲', gloss='g')\n"
        "def a(world): ...\n",
        "utf-8",
    )
    (tmp_path / "site_worse.py").write_text(
        "from harness.errors import HarnessError\nraise HarnessError('no licence')\n", "utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module(monkeypatch, "site_plain", thing=3)
    points = [
        EntryPoint("bad", "site_bad", "medharness.steps"),
        EntryPoint("worse", "site_worse", "medharness.steps"),
        EntryPoint("plain", "site_plain:thing", "medharness.steps"),
    ]

    with pytest.raises(InputErrors) as caught:
        gather_libraries(points)
    assert [problem.where for problem in caught.value.problems] == [
        "site_bad:3",
        "site_worse",
        "site_plain:thing",
    ]


def test_installed_libraries_are_loaded_once(monkeypatch):
    calls = []
    monkeypatch.setattr(steps_module, "entry_points", lambda group: calls.append(group) or [])
    load_libraries.cache_clear()

    assert load_libraries() is load_libraries()
    assert calls == ["medharness.steps"]
    load_libraries.cache_clear()


def test_what_steps_read_is_read_ahead_once_a_library_and_only_where_it_is_used():
    read = []
    libraries = [Library("lab", lambda: read.append("lab")), Library("feeds"),
                 Library("insurance", lambda: read.append("insurance"))]  # fmt: skip
    for number, library in enumerate(libraries):
        for word, order in (("启动", "start"), ("停止", "stop")):
            said = f"系统{number}{word}"
            library.given(said, **doc(id=f"{library.name}.{order}", example=said))(nothing)
    registry = Registry(libraries)
    registry.read_ahead(["feeds.stop", "lab.start", "lab.stop", "no.step"])

    assert read == ["lab"]


def test_step_errors_are_errors_of_input():
    assert issubclass(StepError, HarnessError)
    assert StepError("x").exit_code == 2
