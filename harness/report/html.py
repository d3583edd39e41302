"""``report.html``: one self-contained file, from ``run.json`` and the traces.

It opens from disk, asks for nothing over the network, reads without JavaScript, and prints on A4.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness import i18n
from harness.errors import InputError
from harness.evidence import trace
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.model import Person
from harness.report import ladder, ladder_svg, pictures, words
from harness.report.details import Detail, FieldRow, details
from harness.report.mask import Mask
from harness.report.model import Run, ScenarioRun
from harness.report.overview import overview
from harness.report.text import visible

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"

DETAIL_BYTES_MAX: Final = 3_500_000
"""Room for scenario details: the page stays below 5 MB, which mail gateways of hospitals pass."""

SCENARIO_BYTES_MAX: Final = 400_000
"""Room for one scenario, so that a single long one does not push out all the others."""

FINDINGS_MAX: Final = 200
"""Mismatches shown of one scenario; ``run.json`` has all of them."""

FINDINGS_SHORT_MAX: Final = 20
"""Mismatches shown where the room for details is used up."""

VALUE_CHARS_MAX: Final = 500
"""Characters of an expected or actual value shown."""


class Level(IntEnum):
    """How much of a scenario is embedded; the fullest that fits its room."""

    FULL = 0
    """Sentences, findings, ladder, and details of every message shown."""
    KEY = 1
    """As FULL, with the details of those messages alone that a fault or finding touches."""
    LADDER = 2
    """No message details."""
    TABLE = 3
    """Sentences, and the first findings."""


def render(
    run: Run,
    folder: Path,
    *,
    lang: str = "",
    masked: bool | None = None,
    people: Iterable[Person] = (),
) -> str:
    """The report of a run folder.

    Args:
        run: what ``run.json`` says.
        folder: where the traces are.
        lang: ``zh-CN`` or ``en``; empty takes the language of the run.
        masked: hide names and identity numbers; None does so where a real system took part.
        people: signed test patients, whom a masked page does not name either.
    """
    before = i18n.current()
    i18n.use(lang or (run.lang if run.lang in i18n.LANGUAGES else before))
    try:
        hidden = run.masked if masked is None else masked
        mask = Mask.of(_all_records(run, folder), people) if hidden else Mask()
        return _page(run, folder, mask)
    finally:
        i18n.use(before)


@dataclass(slots=True)
class _Page:
    """What the scenarios of one page share."""

    run: Run
    folder: Path
    mask: Mask
    left: int = DETAIL_BYTES_MAX
    sections: dict[str, Markup] = field(default_factory=dict)
    anchors: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.anchors = {one.id: f"s{number}" for number, one in enumerate(self.run.scenarios, 1)}


def _page(run: Run, folder: Path, mask: Mask) -> str:
    # A person of one scenario may be named in any other, so the whole run was read for names.
    page = _Page(run=run, folder=folder, mask=mask)
    shown = [
        one
        for one in run.scenarios
        if one.trace and (one.verdict is not Verdict.PASS or _struck(one))
    ]
    order = list(Verdict)  # the gravest first: they get the room before the others
    for scenario in sorted(shown, key=lambda one: order.index(one.verdict)):
        page.sections[scenario.id] = _section(page, scenario)
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            view=overview(run),
            lang=i18n.current(),
            masked=mask.active,
            mask=mask,
            started=_moment(run.started),
            seconds=_duration(run.seconds),
            failed=[one for one in run.scenarios if one.verdict in {Verdict.FAIL, Verdict.ERROR}],
            passed=[one for one in run.scenarios if one.verdict is Verdict.PASS],
            sections=page.sections,
            pictures=pictures.read(folder),
            anchors=page.anchors,
            verdicts=[str(verdict) for verdict in Verdict],
            style=Markup(style),  # noqa: S704  # our own file
            script=Markup(script),  # noqa: S704  # our own file
            script_hash=_csp_hash(script),
            run_hash=hashlib.sha256((folder / "run.json").read_bytes()).hexdigest(),
        )
    )


def _struck(scenario: ScenarioRun) -> bool:
    """A fault fired in it."""
    return any(one.fired for one in scenario.faults)


def _section(page: _Page, scenario: ScenarioRun) -> Markup:
    """One scenario at the fullest level that fits."""
    anchor = page.anchors[scenario.id]
    # With no room left none fits, and the last is taken: the fuller ones are not even tried, and of
    # the trace the beginning alone is read.
    records, trouble = _records(page.folder, scenario, whole=page.left > 0)
    text = Markup("")
    for level in Level if page.left else (Level.TABLE,):
        try:
            text = _scenario(page, scenario, anchor, records, level=level, trouble=trouble)
        except Exception as error:  # noqa: BLE001  # one damaged trace must not take the report
            trouble = tr("the trace cannot be shown: {why}", why=f"{type(error).__name__}: {error}")
            records = ()
            text = _scenario(page, scenario, anchor, records, level=Level.TABLE, trouble=trouble)
        size = len(text.encode())
        if size <= min(page.left, SCENARIO_BYTES_MAX):
            break
    page.left = max(0, page.left - len(text.encode()))
    return text


def _all_records(run: Run, folder: Path) -> Iterator[Record]:
    for scenario in run.scenarios:
        if scenario.trace:
            yield from _records(folder, scenario)[0]


def _records(
    folder: Path, scenario: ScenarioRun, *, whole: bool = True
) -> tuple[Sequence[Record], str]:
    """The trace of a scenario, or its first record alone, and why there is none."""
    path = (folder / scenario.trace).resolve()
    if not path.is_relative_to((folder / "traces").resolve()):
        return (), tr("the trace stands outside the run folder")
    try:
        return (trace.read(path).records if whole else [trace.head(path)]), ""
    except (InputError, OSError) as error:
        return (), str(getattr(error, "message", error))


def _scenario(
    page: _Page,
    scenario: ScenarioRun,
    anchor: str,
    records: Sequence[Record],
    *,
    level: Level,
    trouble: str,
) -> Markup:
    slices, shown, dropped = _drawn(anchor, scenario, records, level, page.mask)
    limit = FINDINGS_SHORT_MAX if level is Level.TABLE else FINDINGS_MAX
    text = (
        _environment()
        .get_template("scenario.html.j2")
        .render(
            one=scenario,
            anchor=anchor,
            mask=page.mask,
            findings=scenario.findings[:limit],
            more_findings=max(0, len(scenario.findings) - limit),
            slices=slices,
            details=shown,
            dropped=dropped,
            cut=bool(records) and level is not Level.FULL,
            trouble=trouble,
            reproduce=reproduce(page.run, scenario),
        )
    )
    return Markup(text)  # noqa: S704  # rendered with autoescape


def _drawn(
    anchor: str,
    scenario: ScenarioRun,
    records: Sequence[Record],
    level: Level,
    mask: Mask,
) -> tuple[list[Markup], list[Detail], int]:
    """The slices of the ladder, the details below it, and how many rows were left out."""
    if not records or level is Level.TABLE:
        return [], [], 0
    laid = ladder.lay_out(records, hide=mask.text)
    if not laid.roles:  # nothing was said to anyone
        return [], [], 0
    found: dict[int, Detail] = {}
    if level < Level.LADDER:
        found = details(laid, records, prefix=anchor, mask=mask, findings=scenario.findings)
    if level is Level.KEY:
        found = {number: one for number, one in found.items() if one.key}
    slices = ladder_svg.svg(laid, lambda number: found[number].id if number in found else "")
    return slices, list(found.values()), laid.dropped


def reproduce(run: Run, scenario: ScenarioRun) -> str:
    """The command line that runs this scenario again in the same way."""
    parts = ["medharness", "run", f"{scenario.file}:{scenario.line}", "--seed", str(run.seed)]
    profile = _profile(run)
    if profile:
        parts += ["--profile", profile]
    for defect in run.defects:
        parts += ["--defect", defect]
    return " ".join(f'"{part}"' if " " in part else part for part in parts)


def _profile(run: Run) -> str:
    """What the run's own command called its profile: a file, or a name that is known there.

    The name inside the profile is for people; no command finds a profile by it.
    """
    words = list(run.command)
    if "--profile" in words[:-1]:
        return words[words.index("--profile") + 1]
    return run.profile.name


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_final,
    )
    made.globals.update(
        _=tr,
        verdict_name=words.verdict_name,
        reach_name=words.reach_name,
        symbol=words.SYMBOLS.__getitem__,
        reason=words.reason,
        role_name=words.role_name,
        finding_word=words.finding_word,
        moment=_moment,
        duration=_duration,
        field_rows=_field_rows,
    )
    made.filters["shorten"] = _shorten
    return made


_BAD: Final = ' class="bad"'


def _field_rows(fields: Sequence[FieldRow]) -> Markup:
    """The rows of a decoded message: most of a page, so all its texts are escaped in one go."""
    texts = [visible(text) for one in fields for text in (one.path, one.name, one.value)]
    cells = iter(str(escape("\0".join(texts))).split("\0"))  # ``visible`` leaves no NUL in a text
    rows = [
        f"<tr{_BAD if one.bad else ''}><th>{path}</th><td>{name}</td>"
        f'<td class="value">{value}</td></tr>'
        for one, path, name, value in zip(fields, cells, cells, cells, strict=True)
    ]
    return Markup("\n".join(rows))  # noqa: S704  # all escaped above


def _final(value: Any) -> Any:
    """Every value that a template prints: nothing invisible, nothing that UTF-8 refuses."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _shorten(value: str) -> str:
    left = len(value) - VALUE_CHARS_MAX
    return value if left <= 0 else f"{value[:VALUE_CHARS_MAX]}… (+{left})"


@cache
def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _csp_hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return base64.b64encode(digest).decode("ascii")


def _moment(text: str) -> str:
    """``2026-01-05 08:00:00 +08:00``; what is no time stays as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = when.strftime("%z")
    shown = f" {zone[:3]}:{zone[3:5]}" if zone else ""
    return when.strftime("%Y-%m-%d %H:%M:%S") + shown


def _duration(seconds: float) -> str:
    """A time span as people say it: ``0.3 s``, ``2 min 05 s``."""
    if seconds < 60:
        return tr("{seconds} s", seconds=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    return tr("{minutes} min {seconds} s", minutes=minutes, seconds=f"{rest:02d}")
