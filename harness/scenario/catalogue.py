"""The step catalogue: every sentence that scenarios may use, made from the steps themselves."""

from __future__ import annotations

from collections.abc import Iterator

from harness.i18n import tr
from harness.model import Json, JsonValue
from harness.scenario.holes import HOLE_TYPES
from harness.scenario.sentence import KEYWORD_OF, StepKind
from harness.scenario.step import Step, Takes
from harness.scenario.steps import Registry

FORMAT = 1
"""Format of ``data``; raised when a reader of today would misread tomorrow's."""

_ORDER = {StepKind.GIVEN: 0, StepKind.WHEN: 1, StepKind.THEN: 2}


def data(registry: Registry) -> Json:
    """The catalogue as JSON: the same steps give the same text."""
    holes: list[JsonValue] = [
        {"hole": f"{{{hole.name}}}", "sample": hole.sample} for hole in HOLE_TYPES.values()
    ]
    steps: list[JsonValue] = [_step_data(step) for step in _sorted(registry)]
    return {"format": FORMAT, "holes": holes, "steps": steps}


def markdown(registry: Registry) -> str:
    """The catalogue as Markdown, headings in the language in use, with the English gloss."""
    lines = [f"# {tr('Step catalogue')}", ""]
    lines += [
        tr("{count} sentences. Copy an example and change the values.", count=_count(registry))
    ]
    lines += ["", f"## {tr('Holes')}", ""]
    lines += [f"- `{{{hole.name}}}`: {_meaning(hole.name)}" for hole in HOLE_TYPES.values()]
    library = ""
    for step in _sorted(registry):
        if step.library != library:
            library = step.library
            lines += ["", f"## {library}"]
        lines += ["", *_section(step)]
    return "\n".join(lines) + "\n"


def _count(registry: Registry) -> int:
    return len(registry.steps)


def _sorted(registry: Registry) -> list[Step]:
    return sorted(registry.steps, key=lambda step: (step.library, _ORDER[step.kind], step.id))


def _meaning(name: str) -> str:
    meanings = {
        "string": tr('text in quotes, "T001" or “T001”'),
        "int": tr("a whole number, 3"),
        "decimal": tr("an exact number, 12.50"),
        "count": tr("how often, 3次 or 三次"),
        "duration": tr("a time limit, 10秒, 500毫秒, 2分钟 or 1小时"),
    }
    return meanings[name]


def _section(step: Step) -> Iterator[str]:
    yield f"### {KEYWORD_OF[step.kind]} {step.sentence}"
    yield ""
    yield f"- {tr('English')}: {step.doc.gloss}"
    yield f"- id: `{step.id}`"
    yield f"- {tr('Purpose')}: {step.doc.purpose}"
    yield f"- {tr('Effect')}: {step.doc.effect}"
    pairs = zip(step.parameters, step.expression.holes, strict=True)
    holes = ", ".join(f"{name} `{{{hole}}}`" for name, hole in pairs)
    if holes:
        yield f"- {tr('Holes')}: {holes}"
    if step.table is not Takes.NO:
        yield f"- {tr('Table')}: {_whether(step.table)}"
    if step.text is not Takes.NO:
        yield f"- {tr('Text block')}: {_whether(step.text)}"
    if step.at_once:
        yield f"- {tr('Looks once and never waits')}"
    yield ""
    yield "```gherkin"
    yield step.example
    yield "```"


def _whether(takes: Takes) -> str:
    return tr("required") if takes is Takes.REQUIRED else tr("optional")


def _step_data(step: Step) -> Json:
    pairs = zip(step.parameters, step.expression.holes, strict=True)
    holes: list[JsonValue] = [{"name": name, "hole": f"{{{hole}}}"} for name, hole in pairs]
    return {
        "id": step.id,
        "library": step.library,
        "kind": step.kind.value,
        "keyword": KEYWORD_OF[step.kind],
        "sentence": step.sentence,
        "gloss": step.doc.gloss,
        "purpose": step.doc.purpose,
        "effect": step.doc.effect,
        "holes": holes,
        "table": step.table.value,
        "text_block": step.text.value,
        "at_once": step.at_once,
        "example": step.example,
        "where": step.where,
    }
