"""The echo matrix of the doctor as a table of a terminal: calling AE titles by called ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.doctor import Cell
from harness.i18n import tr
from harness.report.text import columns

GAP = 2
"""Columns between two cells."""


def echo_table(cells: Sequence[Cell]) -> Iterator[str]:
    """The lines: a row a calling title, a column an endpoint, and each short word explained."""
    if not cells:
        return
    places = list(dict.fromkeys((one.called, one.place) for one in cells))
    found = {(one.calling, one.called, one.place): one for one in cells}
    rows = [[tr("calling \\ called"), *(called for called, _ in places)],
            ["", *(place.removeprefix("endpoints.") for _, place in places)]]  # fmt: skip
    for calling in dict.fromkeys(one.calling for one in cells):
        each = [found.get((calling, *place)) for place in places]
        rows.append([calling, *(_short(one) if one else "" for one in each)])
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    yield tr("Echo matrix")
    for row in rows:
        padded = (text + " " * (width + GAP - columns(text))
                  for text, width in zip(row, widths, strict=True))  # fmt: skip
        yield f"  {''.join(padded).rstrip()}"
    explained = {_short(one): one.words for one in cells if one.came != "accepted"}
    for short, words in explained.items():
        yield f"  {short}: {words}"


def _short(cell: Cell) -> str:
    """A few signs for one cell."""
    match cell.came:
        case "accepted":
            return f"✔ {cell.ms} ms"
        case "rejected":
            return f"RJ {','.join(map(str, cell.triple or ()))}"
        case "no-context":
            return tr("no context {result}", result="-" if cell.result is None else cell.result)
        case "failed":
            return "-" if cell.status is None else f"{cell.status:04X}H"
        case "not-asked":
            return "–"
    words = {"aborted": tr("aborted"), "silent": tr("silent"), "closed": tr("closed"),
             "not-reached": tr("no connection")}  # fmt: skip
    return f"✘ {words[cell.came]}"
