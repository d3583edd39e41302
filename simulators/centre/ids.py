"""Ids that the centre hands out: digits that follow from seed and call, never from a clock or luck.

The same calls on the same seed get the same ids in any order of arrival; where a call is carried
out twice, the books tell which ids are taken.
"""

from __future__ import annotations

import hashlib

from simulators.centre.transaction import Books

ID_DIGITS = 18
"""Enough for ten million settlements to meet each other with a chance below one in ten thousand;
the field holds 30."""

TRIES_MAX = 1000
"""How often one message may be carried out before the centre gives up."""


def digits(seed: int, *about: object, length: int = ID_DIGITS) -> str:
    """A number without leading zero that depends on nothing but its arguments."""
    text = "|".join(["medharness centre", str(seed), *(str(part) for part in about)])
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:16], "big")
    low = 10 ** (length - 1)
    return str(low + number % (9 * low))


def fresh(books: Books, table: str, column: str, seed: int, *about: object) -> str:
    """An id that no row of a table has.

    Raises:
        RuntimeError: all tries are taken, which only a broken ledger can bring about.
    """
    for nth in range(TRIES_MAX):
        found = digits(seed, table, nth, *about)
        if not books.rows(f"SELECT 1 FROM {table} WHERE {column} = ?", (found,)):
            return found
    raise RuntimeError(f"no free id in {table}")
