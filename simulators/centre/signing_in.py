"""9001 and 9002: an operator signs in for a day and out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulators.centre import refusals
from simulators.centre.transaction import REFUSED, Answer, Books, Call, Handled
from simulators.store import insert

NUMBERS: Final = frozenset({"9001", "9002"})

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS gateway_sessions (
        sign_no TEXT PRIMARY KEY, opter TEXT, fixmedins_code TEXT, sign_in TEXT, sign_out TEXT)""",
)
"""Tables of the gateway; they stand in the ledger beside those of the books."""


def handle(call: Call, books: Books, texts: Mapping[str, str]) -> Handled:
    """Sign in or out."""
    return _sign_in(call, books) if call.infno == "9001" else _sign_out(call, books, texts)


def _sign_in(call: Call, books: Books) -> Handled:
    rows = books.rows("SELECT COUNT(*) AS held FROM gateway_sessions")
    time = f"{call.at:%Y-%m-%d %H:%M:%S}"
    sign_no = f"{call.at:%Y%m%d%H%M%S}{rows[0]['held'] + 1:08d}"
    row = {
        "sign_no": sign_no,
        "opter": _first(call.input, "opter_no") or call.opter,
        "fixmedins_code": call.fixmedins_code,
        "sign_in": time,
        "sign_out": "",
    }
    output = {"signinoutb": {"sign_time": time, "sign_no": sign_no}}
    return Handled(answer=Answer(output=output), statements=[insert("gateway_sessions", row)])


def _sign_out(call: Call, books: Books, texts: Mapping[str, str]) -> Handled:
    sign_no = _first(call.input, "sign_no")
    if not _open(sign_no, call, books):
        text = refusals.text(texts, "sign_out", sign_no=sign_no)
        return Handled(answer=Answer(infcode=REFUSED, err_msg=text))
    time = f"{call.at:%Y-%m-%d %H:%M:%S}"
    sql = "UPDATE gateway_sessions SET sign_out = ? WHERE sign_no = ?"
    # The specification calls the node by the name of its field.
    output = {"sign_time": {"sign_time": time}}
    return Handled(answer=Answer(output=output), statements=[(sql, (time, sign_no))])


def valid(call: Call, books: Books) -> bool:
    """Whether the caller signed in today and not out again."""
    return _open(call.sign_no, call, books)


def _open(sign_no: str, call: Call, books: Books) -> bool:
    rows = books.rows(
        "SELECT sign_in FROM gateway_sessions"
        " WHERE sign_no = ? AND fixmedins_code = ? AND sign_out = ''",
        (sign_no, call.fixmedins_code),
    )
    return bool(rows) and rows[0]["sign_in"][:10] == f"{call.at:%Y-%m-%d}"


def _first(nodes: Mapping[str, Any], name: str) -> str:
    for node in nodes.values():
        if isinstance(node, Mapping) and node.get(name):
            return str(node[name])
    return ""
