"""Which commands a sentence gives to systems, read from its source; not a test module.

The functions that a step calls are followed through ``scenarios.steps``; what stands there as
``world.order(ROLE, NAME)`` (or ``here.order``, at an imaging site) is a command. It cannot be seen which branch a sentence takes, so this
says what a sentence may do, never less.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import scenarios.steps

FOLDER = Path(scenarios.steps.__file__).parent
PACKAGE = "scenarios.steps"
RECEIVERS = ("world", "here")
INSIDE = {("HIS", "yb-reset"), ("RIS", "clear")}
"""What brings our own hospital to its beginning; no user does that."""


@functools.cache
def sources():
    """Functions and constants of each module, and where its imported names come from."""
    found = {}
    for path in FOLDER.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions, names, texts = {}, {}, {}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = node
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
                for one in node.names:
                    module = node.module.rpartition(".")[2]
                    names[one.asname or one.name] = (
                        (one.name, "") if node.module == PACKAGE else (module, one.name)
                    )
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        texts[target.id] = node.value.value
        found[path.stem] = functions, names, texts
    return found


def commands(module, function):
    """What a step may tell systems: pairs of role and name; ``*`` where it is not a literal."""
    found, seen, left = set(), set(), [(module, function)]
    while left:
        where = left.pop()
        if where in seen or where[0] not in sources():
            continue
        seen.add(where)
        functions, names, texts = sources()[where[0]]
        if where[1] not in functions:
            continue
        for node in ast.walk(functions[where[1]]):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Attribute) and node.func.attr == "order":
                    own = isinstance(node.func.value, ast.Name)
                    if own and node.func.value.id in RECEIVERS and len(node.args) >= 2:
                        found.add(tuple(_text(one, texts) for one in node.args[:2]))
                elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                    module_, own = names.get(node.func.value.id, ("", ""))
                    if module_ and not own:
                        left.append((module_, node.func.attr))
            if isinstance(node, ast.Name):
                left.append((where[0], node.id))
                if node.id in names and names[node.id][1]:
                    left.append(names[node.id])
    return found - INSIDE


def _text(node, texts):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in texts:
        return texts[node.id]
    if isinstance(node, ast.JoinedStr):
        return "".join(one.value if isinstance(one, ast.Constant) else "*" for one in node.values)
    return "*"
