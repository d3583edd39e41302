"""Pieces of the hospital's list: which batch, receipts or times a person's rows stand in.

As in a finance office: the list itself is read, and what it says of the rows is what is asked for.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import Blocked
from harness.i18n import tr

_COLUMNS = {"batch": "dayclose_no", "receipts": "invono", "time": "setl_time"}


def rows_of(
    path: Path, whose: Callable[..., str], kind: str, labels: Sequence[str]
) -> dict[str, list[str]]:
    """The option of ``reconcile`` that cuts the list to the rows of these people.

    Args:
        path: the hospital's list.
        whose: from numbers of a row to the label of a person.
        kind: ``batch``, ``receipts`` or ``time``.
        labels: whose rows.

    Raises:
        Blocked: one of them has no row in the list.
    """
    rows = csv.DictReader(io.StringIO(path.read_text("gb18030"), newline=""))
    found: dict[str, list[str]] = {label: [] for label in labels}
    for row in rows:
        label = whose(row["psn_no"])
        if label in found:
            found[label].append(row[_COLUMNS[kind]])
    for label, values in found.items():
        if not values:
            raise Blocked(tr("the hospital's list has no row of {label}", label=label))
    told = sorted(value for values in found.values() for value in values)
    if kind == "batch":
        return {"his_batch": sorted(set(told))}
    return {f"his_{kind}": [told[0], told[-1]]}
