"""Two small ledgers and a run of the command over them; not a test module."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from harness import cli

HEADER = [
    "setl_id", "mdtrt_id", "psn_no", "medfee_sumamt", "fund_pay_sumamt", "acct_pay",
    "psn_cash_pay", "setl_time", "refd_setl_flag", "clr_type", "insutype", "clr_optins",
    "medins_setl_id", "msgid",
]  # fmt: skip


def row(n: int, **changes: str) -> dict[str, str]:
    """A settlement like any other; ``n`` makes it one of its own."""
    cells = {
        "setl_id": f"S{n:05d}",
        "mdtrt_id": f"M{n}",
        "psn_no": f"P{n}",
        "medfee_sumamt": f"{100 + n}.00",
        "fund_pay_sumamt": "60.00",
        "acct_pay": "10.00",
        "psn_cash_pay": f"{30 + n}.00",
        "setl_time": "2026-03-02 10:00:00",
        "refd_setl_flag": "0",
        "clr_type": "11",
        "insutype": "310",
        "clr_optins": "430100",
        "medins_setl_id": f"B{n}",
        "msgid": f"G{n:05d}",
    }
    return cells | changes


def rows(*numbers: int) -> list[dict[str, str]]:
    """Several of them."""
    return [row(n) for n in numbers]


def table(lines: list[dict[str, str]], delimiter: str = ",") -> str:
    """As a CSV with a header of every column that a line has."""
    heads = list(dict.fromkeys([*HEADER, *(name for one in lines for name in one)]))
    body = [delimiter.join(one.get(name, "") for name in heads) for one in lines]
    return "\n".join([delimiter.join(heads), *body]) + "\n"


class Desk:
    """A folder with ledgers and what became of them."""

    def __init__(self, folder: Path, capsys) -> None:
        self.folder, self.capsys = folder, capsys
        self.out = folder / "out"

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, his, centre, *more: object) -> int:
        """The command over two ledgers: rows, text, bytes or a path; returns the exit code."""
        words = ["reconcile"]
        for name, given in (("his", his), ("centre", centre)):
            content = table(given) if isinstance(given, list) else given
            path = content if isinstance(content, Path) else self.file(f"{name}.csv", content)
            words += [f"--{name}", str(path)]
        words += ["--out", str(self.out), "--lang", "en", "--json", *map(str, more)]
        code = cli.main(words)
        self.printed = self.capsys.readouterr().out
        self.said = json.loads(self.printed.splitlines()[-1])
        return code

    def verdicts(self, side: str = "") -> list[dict[str, str]]:
        with (self.out / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
            return [one for one in csv.DictReader(stream) if side in ("", one["side"])]

    def classes(self, side: str) -> list[str]:
        return [one["class"] for one in self.verdicts(side)]

    def open_rows(self, side: str) -> dict[str, dict[str, str]]:
        """Rows of a side that are not plainly matched, by id."""
        return {one["setl_id"]: one for one in self.verdicts(side) if one["class"] != "matched"}

    @property
    def totals(self) -> dict:
        return json.loads((self.out / "totals.json").read_text(encoding="utf-8"))
