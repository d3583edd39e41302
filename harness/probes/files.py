"""Looking into a folder of exports: tables as CSV or XLSX, or lines of text.

Many systems export what they hold into files, and give nobody a database account. A look reads the
files whose names fit, and keeps the rows whose columns say what was asked for. Nothing is written,
renamed or taken away.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness import limits
from harness.errors import InputError
from harness.i18n import tr
from harness.probes.asking import Row, answered, filled, refused, silent
from harness.probes.carried import BYTES_MAX, read_table, text_of
from harness.probes.pace import Pace
from harness.probes.probe import Answer
from harness.probes.sql import HOLE

FILES_MAX: Final = 1_000
"""Files of one look: exports of a day by minute are 1,440, and a look is about one hour of them."""

BYTES_OF_LOOK_MAX: Final = 4 * BYTES_MAX
"""Of all files of one look: reading them takes seconds of a shared folder, not minutes."""

TABLES: Final = frozenset({".csv", ".xlsx"})
"""Files with a header line; every other one is text."""

_ODD: Final = re.compile(r"[\\/*?\[\]]|\.\.")


@dataclass(slots=True)
class FilesProbe:
    """A probe over a folder.

    Args:
        name: in the profile.
        role: whose data it shows.
        folder: with the exports.
        names: which files, such as ``results-*.csv`` or ``*:barcode*.txt``.
        line: how a line of a text file is read: a regular expression with a named group a column;
            lines that do not fit are left out. Tables have a header and need none.
        columns: our name of a column and the file's.
        rows_max: more rows are an error.
        timeout_s: a look that takes longer is given up.
        bytes_max: of all files of a look together.
        reach: how far it sees.
        pace: between two looks.
    """

    name: str
    role: str
    folder: Path
    names: str
    line: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    rows_max: int = limits.PROBE_ROWS_MAX
    timeout_s: float = limits.PROBE_TIMEOUT_S
    bytes_max: int = BYTES_OF_LOOK_MAX
    reach: str = "stored"
    pace: Pace = field(default_factory=Pace)
    now: Callable[[], float] = time.monotonic

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Look once; a look that would cost the site too much is given up, and says so."""
        self.pace.wait()
        over = self.now() + self.timeout_s
        found: list[Row] = []
        try:
            for row in self._rows(args, over):
                if self._is_about(row, args):
                    found.append(row)
                if len(found) > self.rows_max:  # the rest is not read for it
                    break
        except TimeoutError:
            return silent(tr("the look took longer than {limit:g} s", limit=self.timeout_s))
        except (InputError, OSError) as error:
            return refused(str(error))
        return answered(found, self.rows_max)

    def _in_time(self, over: float) -> None:
        """Give up where a look takes too long.

        Raises:
            TimeoutError: it does.
        """
        if self.now() > over:
            raise TimeoutError

    def close(self) -> None:
        """Nothing is held."""

    def _files(self, args: Mapping[str, str], over: float) -> list[Path]:
        """The files whose names fit, no more than a look may read.

        Raises:
            InputError: the folder is not there, or holds too much.
            TimeoutError: listing it takes too long.
        """
        if not self.folder.is_dir():
            raise InputError(tr("there is no folder {folder}", folder=self.folder.name))
        found, size = [], 0
        for path in self.folder.glob(filled(self.names, args, _plain)):
            self._in_time(over)
            found.append(path)
            if len(found) > FILES_MAX:
                raise InputError(tr("more than {most} files", most=FILES_MAX))
            size += path.stat().st_size if path.is_file() else 0
            if size > self.bytes_max:
                most = self.bytes_max // limits.MIB
                raise InputError(tr("the files are larger than {most} MiB together", most=most))
        return sorted(found)

    def _rows(self, args: Mapping[str, str], over: float) -> Iterator[Row]:
        """Every row of the files whose names fit.

        Raises:
            InputError: the folder is not there, or a file of it cannot be read.
            TimeoutError: it takes too long.
        """
        found = self._files(args, over)
        ours = {theirs.lower(): name for name, theirs in self.columns.items()}
        for path in found:
            self._in_time(over)
            if not path.is_file() or path.is_symlink():
                continue
            for row in self._table(path) if path.suffix.lower() in TABLES else self._lines(path):
                self._in_time(over)
                # What stands in the file name is true of every row in it.
                named: Row = {name: args[name] for name in HOLE.findall(self.names)}
                read = {ours.get(name.lower(), name): cell or None for name, cell in row.items()}
                yield named | read

    def _table(self, path: Path) -> Iterator[dict[str, str]]:
        table = read_table(path)
        heads = [head.strip() for head in table[0]] if table else []
        missing = [theirs for theirs in self.columns.values()
                   if theirs.lower() not in {head.lower() for head in heads}]  # fmt: skip
        if missing or len(set(heads)) < len(heads):
            names = ", ".join(missing) or "-"
            why = tr("these columns are missing, or stand twice: {names}", names=names)
            raise InputError(why, where=path.name)
        for cells in table[1:]:
            # A row that is still being written is shorter; what is missing there is not known.
            yield dict(zip(heads, cells, strict=False))

    def _lines(self, path: Path) -> Iterator[dict[str, str]]:
        if path.stat().st_size > BYTES_MAX:
            raise InputError(tr("the file is too large"), where=path.name)
        for line in text_of(path.read_bytes()).splitlines():
            match = re.search(self.line, line) if self.line else None
            if match:
                yield {name: text or "" for name, text in match.groupdict().items()}

    def _is_about(self, row: Mapping[str, str | None], args: Mapping[str, str]) -> bool:
        """Whether a row is about what was asked for.

        Raises:
            InputError: nothing in it says so.
        """
        for name in args:
            if name not in row:
                raise InputError(tr("no column of the file is {name}", name=name))
        return all(row[name] == value for name, value in args.items())


def _plain(value: str) -> str:
    """A value as part of a file name.

    Raises:
        InputError: it would lead to other files.
    """
    if _ODD.search(value):
        raise InputError(tr("{value} cannot be part of a file name", value=repr(value)))
    return value
