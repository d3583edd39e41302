"""The hand-carried probe: a SQL file for the DBA, and the table that comes back.

Where nobody gives us a database account, the harness writes the SELECT, and a person runs it and
saves the result as CSV or XLSX. The result carries the token and the time of the database, so that
an answer to another question, or to an earlier one, is refused.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from harness import input_files, limits
from harness.clock import CHINA
from harness.errors import InputError
from harness.i18n import tr
from harness.model import Outcome
from harness.probes.probe import Answer
from harness.probes.sql import HOLE, QUOTED, check_select

TOKEN: Final = "mh_token"  # noqa: S105 - the name of a column
TIME: Final = "mh_time"

SKEW: Final = timedelta(minutes=10)
"""Clocks of a database and of a workstation in one house differ by less."""

BYTES_MAX: Final = 32 * limits.MIB
"""Ten thousand rows of three kilobytes."""

ENDS: Final = frozenset({".sql", ".csv", ".xlsx"})
"""What is ours and what is the answer; beside them a program may have a file of its own."""

LOOK_S: Final = 0.2
"""How often the folder is looked at."""

Row = dict[str, str | None]


@dataclass(slots=True)
class CarriedProbe:
    """A probe whose looks are carried by a person.

    Args:
        name: name in the profile.
        role: whose database it is.
        folder: where the SQL is written and the answer is put.
        query: one SELECT with named holes.
        wait_s: how long the answer may take.
        fresh_s: an answer serves for so long after it came; a later question is asked anew.
        columns: our name of a column and the query's.
        rows_max: more rows are an error.
        from_nothing: what stands behind a SELECT of constants, such as `` FROM dual``.
        reach: how far it sees.
        kept: where question and answer go once they were read; None leaves them where they are.
        say: tells the person.
        now: civil time.
        pause: waits a little; a test has no need to.
    """

    name: str
    role: str
    folder: Path
    query: str
    wait_s: float = 1800.0
    fresh_s: float = limits.PROBE_TIMEOUT_S
    columns: Mapping[str, str] = field(default_factory=dict)
    rows_max: int = limits.PROBE_ROWS_MAX
    from_nothing: str = ""
    reach: str = "stored"
    by_hand: bool = True
    kept: Path | None = None
    say: Callable[[str], None] = print
    now: Callable[[], datetime] = lambda: datetime.now(CHINA)
    pause: Callable[[float], None] = time.sleep
    _known: dict[tuple[tuple[str, str], ...], tuple[datetime, Answer]] = field(default_factory=dict)
    _tokens: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_select(self.query)

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Write the question, wait for the answer, and check that it is one."""
        key = tuple(sorted(args.items()))
        if key in self._known and self.now() - self._known[key][0] < timedelta(
            seconds=self.fresh_s
        ):
            return self._known[key][1]
        token, asked = secrets.token_hex(8), self.now()
        self._tokens.append(token)
        sql = self._write(token, args)
        self.say(
            tr("▶ SQL for the DBA: {sql}; put the result beside it as {csv} or .xlsx", sql=sql,
               csv=sql.with_suffix(".csv").name)
        )  # fmt: skip
        answer = self._await(sql, token, asked)
        self._keep(token)
        if answer.outcome is Outcome.OK:
            self._known[key] = (self.now(), answer)
        return answer

    def close(self) -> None:
        """Keep what was brought too late, or was open in a spreadsheet when it was read."""
        for token in self._tokens:
            for left in self._keep(token):
                self.say(tr("{file} stays plain where it is: move it into {folder}", file=left,
                            folder=self.kept))  # fmt: skip

    def _keep(self, token: str) -> list[Path]:
        """Move what speaks of a question to the run that asked; returns what cannot be moved."""
        if self.kept is None:
            return []
        self.kept.mkdir(parents=True, exist_ok=True)
        left = []
        for path in sorted(self.folder.glob(f"{self.name}-{token}.*")):
            if path.suffix.lower() not in ENDS:
                continue  # somebody is saving it
            try:
                shutil.move(path, self.kept / path.name)
            except OSError:  # a spreadsheet locks what it shows
                left.append(path)
        return left

    def _write(self, token: str, args: Mapping[str, str]) -> Path:
        """The SELECT in which every hole is a literal, and which always gives a row."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.name}-{token}.sql"
        constants = f"SELECT '{token}' AS {TOKEN}, CURRENT_TIMESTAMP AS {TIME}{self.from_nothing}"
        text = (
            f"-- medharness {self.name}\n"
            f"SELECT t.{TOKEN}, t.{TIME}, q.* FROM ({constants}) t\n"
            f"LEFT JOIN (\n{_filled(self.query, args)}\n) q ON 1 = 1\n"
        )
        path.write_text(text, encoding="utf-8", newline="\n")
        return path

    def _await(self, sql: Path, token: str, asked: datetime) -> Answer:
        until = asked + timedelta(seconds=self.wait_s)
        while True:
            found = next(
                (one for end in (".csv", ".xlsx") if (one := sql.with_suffix(end)).is_file()), None
            )
            if found is not None:
                try:
                    return Answer(outcome=Outcome.OK, rows=self._rows(found, token, asked))
                except InputError as error:
                    return Answer(outcome=Outcome.FAILED, error=str(error))
            if self.now() >= until:
                return Answer(outcome=Outcome.UNKNOWN,
                              error=tr("nobody brought {name}", name=sql.name))  # fmt: skip
            self.pause(LOOK_S)

    def _rows(self, path: Path, token: str, asked: datetime) -> list[Row]:
        """The rows of a result that answers this question.

        Raises:
            InputError: it answers another one, or cannot be read.
        """
        table = read_table(path)
        heads = [head.lower() for head in table[0]] if table else []
        missing = [name for name in (TOKEN, TIME, *self.columns.values())
                   if name.lower() not in heads]  # fmt: skip
        if missing or len(table) < 2 or len(set(heads)) < len(heads):
            raise _wrong(path, tr("these columns are missing, or stand twice: {names}",
                                  names=", ".join(missing) or "-"))  # fmt: skip
        ours = {theirs.lower(): name for name, theirs in self.columns.items()}
        rows: list[Row] = []
        for cells in table[1:]:
            row = dict(zip(heads, [*cells, *[""] * len(heads)], strict=False))
            if row.pop(TOKEN).strip() != token:
                raise _wrong(path, tr("it answers another question: its token is not {token}",
                                      token=token))  # fmt: skip
            self._check_time(path, row.pop(TIME), asked)
            if any(row.values()):
                rows.append({ours.get(name, name): cell or None for name, cell in row.items()})
        if len(rows) > self.rows_max:
            raise _wrong(path, tr("more than {most} rows", most=self.rows_max))
        return rows

    def _check_time(self, path: Path, text: str, asked: datetime) -> None:
        try:
            at = datetime.fromisoformat(text.strip().replace("/", "-"))
        except ValueError:
            raise _wrong(path, tr("no time in the answer: {text}", text=text[:40])) from None
        at = at if at.tzinfo else at.replace(tzinfo=CHINA)
        if not asked - SKEW <= at <= self.now() + SKEW:
            raise _wrong(path, tr("it was run at {time}, not now", time=text))


def _filled(query: str, args: Mapping[str, str]) -> str:
    """Holes as literals, outside of quoted text.

    Raises:
        InputError: a value holds what no id of ours has.
    """

    def literal(name: str) -> str:
        value = args.get(name, "")
        if "'" in value or "\\" in value or not value.isprintable():
            raise InputError(tr("{value} cannot be written into SQL", value=repr(value)))
        return f"'{value}'"

    parts, end = [], 0
    for quoted in QUOTED.finditer(query):
        parts += [HOLE.sub(lambda hole: literal(hole[1]), query[end : quoted.start()]), quoted[0]]
        end = quoted.end()
    return "".join([*parts, HOLE.sub(lambda hole: literal(hole[1]), query[end:])])


def read_table(path: Path) -> Sequence[Sequence[str]]:
    """A CSV (UTF-8 or GB 18030) or XLSX file as rows of text.

    Raises:
        InputError: it is neither, or too large.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise _wrong(path, tr("the file is too large"))
        if path.suffix.lower() == ".xlsx":
            sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
            return [[_cell(one) for one in row] for row in sheet.to_python()]
        data = path.read_bytes()
    except (OSError, CalamineError) as error:
        raise _wrong(path, tr("cannot be read: {why}", why=error)) from None
    return [row for _, row in input_files.rows_of(text_of(data), path.name) if row]


def text_of(data: bytes) -> str:
    """Text of a file in UTF-8 or GB 18030, which are told apart by what they hold."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _cell(value: object) -> str:
    """A number as it is written: a spreadsheet knows 5 as 5.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _wrong(path: Path, why: str) -> InputError:
    return InputError(why, where=path.name)
