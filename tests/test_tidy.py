"""House rules that no other tool checks: sizes, words, paths, encodings, translations."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import polib
import pytest

pytestmark = pytest.mark.slow  # parsing every file once takes about a second

ROOT: Final = Path(__file__).resolve().parent.parent

SKIPPED_FOLDERS: Final = frozenset(
    {
        ".git",
        ".venv",
        "__pycache__",
        "node_modules",
        "build",
        "spark",
        "locust",
        "published",
        "dist",
    }
    | {"runs"}
)
"""Made by tools; ``.gitignore`` names them."""

KEPT_HIDDEN: Final = frozenset({".ci", ".gitignore", ".gitattributes"})
"""Names that begin with a point and are ours; the others are caches of tools."""

CORPUS: Final = "tests/corpus/"
"""Transcripts and hostile inputs: wrong on purpose."""

BINARY: Final = frozenset({".xls", ".png", ".dcm", ".gz", ".zip", ".xlsx"})

MODULE_LINES_MAX = 600
MODULE_LINES_USUAL = 400
"""Above this a module has to stand in ``LONG_MODULES`` with its reason."""

LONG_MODULES: dict[str, str] = {}
"""Modules above the usual length, and why each cannot be cut."""

TEST_LINES_MAX = 800
"""A test file mirrors its module, and transcripts are long."""

FUNCTION_LINES_MAX = 60
LINE_LENGTH_MAX = 100
PRAGMA = re.compile(r"\s+# (?:noqa|type: ignore).*$")
"""What tools want to be told stands behind the code, and does not count."""

BANNED_WORDS = ("TODO", "FIXME", "XXX", "HACK")
"""Open points live in the issue tracker."""

SILENT_ROOMS = ("harness/wire/", "harness/link/", "harness/evidence/")
"""Rooms that never print: what they have to say goes into events or the trace."""

MACHINE_PATH = re.compile(r"(?<![\w.:/<>~-])/(?:work|home|tmp|root|Users|mnt)/\w")
EXAMPLE_PATHS: dict[str, str] = {}
"""Files in which an absolute path is an example, and of what."""

REGISTRIES = tuple(
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("npmmirror", "com"),
        ("tuna", "tsinghua", "edu", "cn"),
        ("mirrors", "aliyun", "com"),
    )
)
"""Installing asks whatever registry the machine is set up for; files name none."""

GBK = ("fixtures/ledger/",)
"""Folders of tables in the character set of Chinese Windows."""

LOCALE = ROOT / "harness" / "locale" / "zh_CN.po"


def relative(path: Path) -> str:
    """The path as messages name it."""
    return path.relative_to(ROOT).as_posix()


@lru_cache(maxsize=1)
def files() -> tuple[Path, ...]:
    """Every file of the project, sorted."""
    return tuple(sorted(_walk(ROOT)))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        hidden = path.name.startswith(".") and path.name not in KEPT_HIDDEN
        if hidden or path.name in SKIPPED_FOLDERS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


@lru_cache(maxsize=1)
def texts() -> dict[str, str]:
    """Every text file outside the corpus; one that is not UTF-8 raises."""
    return {
        relative(path): path.read_bytes().decode(_encoding(path))
        for path in files()
        if path.suffix not in BINARY and not relative(path).startswith(CORPUS)
    }


def _encoding(path: Path) -> str:
    """Tables as hospitals export them are in GBK on purpose; everything else is UTF-8."""
    return "gb18030" if path.suffix == ".csv" and relative(path).startswith(GBK) else "utf-8"


@lru_cache(maxsize=1)
def modules() -> dict[str, ast.Module]:
    """Every Python file, parsed."""
    return {name: ast.parse(text) for name, text in texts().items() if name.endswith(".py")}


@pytest.fixture(scope="module", autouse=True)
def _parsed_once() -> None:
    """One worker gets all of this module: each would parse every file for its part of the tests."""


def product() -> dict[str, ast.Module]:
    """The Python files that are installed."""
    rooms = ("harness/", "simulators/", "scenarios/")
    return {name: tree for name, tree in modules().items() if name.startswith(rooms)}


def matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        found = pattern.search(line)
        if found:
            yield number, found[0]


def test_modules_are_short() -> None:
    lengths = {name: texts()[name].count("\n") for name in product()}
    long = {name: size for name, size in lengths.items() if size > MODULE_LINES_USUAL}

    assert {name: size for name, size in long.items() if size > MODULE_LINES_MAX} == {}
    assert {name: size for name, size in long.items() if name not in LONG_MODULES} == {}
    assert [name for name in LONG_MODULES if name not in long] == []


def test_test_files_are_short_enough() -> None:
    lengths = {name: texts()[name].count("\n") for name in modules()}

    assert {name: size for name, size in lengths.items() if size > TEST_LINES_MAX} == {}


def test_functions_are_short() -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": lines
        for name, tree in product().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    }

    assert long == {}


def test_lines_are_short() -> None:
    long = [
        f"{name}:{number}"
        for name in product()
        for number, line in enumerate(texts()[name].splitlines(), 1)
        if len(PRAGMA.sub("", line)) > LINE_LENGTH_MAX
    ]

    assert long == []


def test_digits_are_asked_for_where_a_number_is_meant() -> None:
    """``"²".isdigit()`` is true, and ``int("²")`` ends in an error; bytes have no other word."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for top in ("harness", "simulators", "scenarios")
        for path in sorted((ROOT / top).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if ".isdigit()" in line and "isascii" not in line and not BYTES_ARE_DIGITS & {path.name}
    ]
    assert found == []


def test_a_number_of_others_has_an_end() -> None:
    """``int`` raises over some thousand digits: ``digits.whole_number`` asks for both."""
    found = [
        f"{name}:{function.lineno} {function.name}"
        for name, tree in product().items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and _asked(function, "isdecimal", "isdigit")
        & _asked(function, "int") - _asked(function, "len")
        and function.name not in ARE_SHORT
    ]
    assert found == []


def test_brackets_without_end_are_no_surprise() -> None:
    """What refuses a text that cannot be parsed refuses one that is nested too deeply, too."""
    parsers = {"json.loads", "json.load", "tomllib.loads", "tomllib.load", "re.compile"}
    found = []
    for name, tree in product().items():
        for block in (node for node in ast.walk(tree) if isinstance(node, ast.Try | ast.With)):
            calls = {
                ast.unparse(call.func)
                for line in block.body
                for call in ast.walk(line)
                if isinstance(call, ast.Call)
                and not isinstance([*call.args, None][0], ast.JoinedStr)
            }
            caught = " ".join(map(ast.unparse, _caught(block)))
            if (
                calls & parsers
                and caught
                and not re.search(r"Recursion|DAMAGED_ZIP|\bException", caught)
            ):
                found.append(f"{name}:{block.lineno} {caught}")
    assert found == []


def _caught(block: ast.Try | ast.With) -> list[ast.expr]:
    """The errors that a block handles or suppresses."""
    if isinstance(block, ast.Try):
        return [one.type for one in block.handlers if one.type]
    calls = [one.context_expr for one in block.items if isinstance(one.context_expr, ast.Call)]
    return [error for one in calls if _asked(one, "suppress") for error in one.args]


def _asked(tree: ast.AST, *names: str) -> set[str]:
    """What these functions are called with, and these methods of; no part of a text."""
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call)]
    on = [
        one.func.value
        for one in calls
        if isinstance(one.func, ast.Attribute) and one.func.attr in names
    ]
    of = [
        one.args[0]
        for one in calls
        if isinstance(one.func, ast.Name) and one.func.id in names and one.args
    ]
    return {ast.unparse(one) for one in [*on, *of] if not isinstance(one, ast.Subscript)}


ARE_SHORT = {"moulded", "_number"}
"""Functions that ask one sign, or the two bytes of a block's number."""

BYTES_ARE_DIGITS = {"framing_maker.py", "interface_engine_hllp.py", "wire_forms.py"}
"""Modules that ask bytes."""


def test_no_open_points_are_left_in_files() -> None:
    """In tests only comments are looked at: such words are also data there."""
    words = rf"\b(?:{'|'.join(BANNED_WORDS)})\b"
    anywhere, in_comments = re.compile(words), re.compile(rf"#.*{words}")
    found = [
        f"{name}:{number}: {word}"
        for name, text in texts().items()
        for number, word in matches(in_comments if name.startswith("tests/") else anywhere, text)
    ]

    assert found == []


def test_nothing_is_left_unwritten() -> None:
    """``NotImplementedError`` is raised nowhere; a Protocol's methods have ``...`` for a body."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in product().items()
        for raised in ast.walk(tree)
        if isinstance(raised, ast.Raise)
        for node in ast.walk(raised)
        if isinstance(node, ast.Name) and node.id == "NotImplementedError"
    ]

    assert found == []


def test_lower_rooms_never_print() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in product().items()
        if name.startswith(SILENT_ROOMS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert found == []


def test_no_path_of_one_machine_is_written_down() -> None:
    found = [
        f"{name}:{number}: {path}"
        for name, text in texts().items()
        if name not in EXAMPLE_PATHS
        for number, path in matches(MACHINE_PATH, text)
    ]

    assert found == []


def test_documents_that_are_named_are_there() -> None:
    """A source that the reader cannot open is no source; a standard is cited by its own number."""
    there = {path.name for path in files() if path.suffix == ".md"}
    pattern = re.compile(r"(?<![\w{<.-])[\w.-]+\.md\b")
    found = [
        f"{name}:{number}: {document}"
        for name, text in texts().items()
        if name not in {"tests/test_tidy.py", "tests/docs/test_readme.py"}  # names made, not cited
        for number, line in enumerate(text.splitlines(), 1)
        for document in pattern.findall(line)
        if document not in there
    ]

    assert found == []


def test_no_registry_is_named() -> None:
    pattern = re.compile("|".join(re.escape(host) for host in REGISTRIES))
    found = [
        f"{name}:{number}: {host}"
        for name, text in texts().items()
        for number, host in matches(pattern, text)
    ]

    assert found == []


def test_file_names_are_ascii() -> None:
    assert [relative(path) for path in files() if not relative(path).isascii()] == []


def test_every_python_file_says_what_it_is_for() -> None:
    assert [name for name, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_text_is_plain_utf_8() -> None:
    """No byte order mark, no carriage return but in batch files and tables, a last line feed."""
    wrong = [
        name
        for name, text in texts().items()
        if text.startswith("\ufeff")
        or ("\r" in text and not name.endswith((".cmd", ".csv")))
        or (text and not text.endswith("\n"))
    ]

    assert wrong == []


def test_corpus_is_left_out_because_it_is_wrong_on_purpose() -> None:
    assert any(relative(path).startswith(CORPUS) for path in files())


# -- translations ------------------------------------------------------------------------------


def calls_of_tr() -> Iterator[tuple[str, ast.expr]]:
    for name, tree in product().items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "tr"
                and node.args
            ):
                yield f"{name}:{node.lineno}", node.args[0]


def template_texts() -> Iterator[tuple[str, str]]:
    pattern = re.compile(r"""\b(?:_|tr)\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
    for name, text in texts().items():
        if name.endswith(".j2"):
            for found in pattern.finditer(text):
                yield name, found[1] or found[2]


def asked_for() -> dict[str, str]:
    """Every text that is asked for by its letters, with one place of it."""
    found: dict[str, str] = {}
    for where, argument in calls_of_tr():
        for node in ast.walk(argument):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.setdefault(node.value, where)
    for where, text in template_texts():
        found.setdefault(text, where)
    return found


def constants() -> set[str]:
    """Every text in the product: tables of texts are translated where they are shown."""
    return {
        node.value
        for tree in product().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def entries() -> dict[str, str]:
    return {one.msgid: one.msgstr for one in polib.pofile(str(LOCALE), encoding="utf-8")}


def test_every_text_has_its_chinese() -> None:
    known = entries()
    missing = {text: where for text, where in asked_for().items() if text and not known.get(text)}

    assert missing == {}


def test_no_translation_is_left_over() -> None:
    used = constants() | set(asked_for())

    assert sorted(text for text in entries() if text not in used) == []


def test_no_translation_stands_twice() -> None:
    ids = [one.msgid for one in polib.pofile(str(LOCALE), encoding="utf-8")]

    assert sorted({text for text in ids if ids.count(text) > 1}) == []


def test_translations_have_the_same_holes() -> None:
    hole = re.compile(r"\{(\w*)\}")
    wrong = [
        text
        for text, chinese in entries().items()
        if set(hole.findall(text)) != set(hole.findall(chinese))
    ]

    assert wrong == []


def test_tests_of_what_is_installed_beside_ours_are_not_run() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    left_out = set(config["tool"]["pytest"]["ini_options"]["norecursedirs"])
    ignored = (ROOT / "tests" / "peers" / "python" / ".gitignore").read_text(encoding="utf-8")
    folders = {line.strip("/") for line in ignored.split() if line.endswith("/")}

    assert folders
    assert folders | {"node_modules"} <= left_out
