"""The faults of the centre as the wire shows them (rows ``yb-F0`` to ``yb-F23``).

A fault is shown where the centre says that it fired, and the bytes of the call that it hit, the
end of its connection, or what others later read at the centre bear that out.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from harness.input_files import DAMAGED_ZIP
from harness.selfcheck.wire_yb_look import (
    CENTRE,
    REVERSING,
    SETTLING,
    UNDO,
    Answer,
    Call,
    Talk,
)
from harness.selfcheck.wire_yb_money import booked, missing, off_by_a_cent

LATE_S: Final = 0.4
"""An answer that takes longer is late: over memory the centre needs no time at all."""

DRIPS_MIN: Final = 3
SHIFT_S: Final = 60.0
GATEWAY: Final = (401, 403)
CALLBACK, ORDER, ASKED = "6302", "6202", "6301"


def _ended_by_centre(call: Call) -> bool:
    return not call.answer.raw and call.closed_by == CENTRE


def silent(_: Talk, call: Call) -> bool:
    """F1: a whole request, no byte, and the asker went away first."""
    left = call.closed_by not in {"", CENTRE} and call.closed_at - call.at > LATE_S
    return not call.answer.raw and left


def dropped_before(talk: Talk, call: Call) -> bool:
    """F2: no byte, the centre ended it, and its ledger does not have it."""
    return _ended_by_centre(call) and missing(talk, call)


def dropped_after(talk: Talk, call: Call) -> bool:
    """F3: no byte, the centre ended it, and it is booked."""
    return _ended_by_centre(call) and booked(talk, call)


def half(_: Talk, call: Call) -> bool:
    """F4: fewer bytes than the headers announce, and then the end."""
    return bool(call.answer.raw) and not call.answer.whole and call.closed_by == CENTRE


def late(talk: Talk, call: Call) -> bool:
    """F5: the answer came late, or had not come when the asker went away, and it is booked."""
    pieces = call.answer.pieces
    if pieces and call.answer.whole:
        return pieces[0][0] - call.at >= LATE_S
    return silent(talk, call) and booked(talk, call)


def error_page(_: Talk, call: Call) -> bool:
    """F6: an HTTP error, and no JSON."""
    return call.answer.status >= 500 and not call.answer.lenient


def written_otherwise(_: Talk, call: Call) -> bool:
    """F7: other bytes, types or nodes than the interface describes."""
    answer = call.answer
    if not answer.whole or answer.status != 200:
        return False
    if answer.value is None:
        return True
    value = answer.value
    if not isinstance(value.get("infcode"), int) or not isinstance(value.get("err_msg"), str):
        return True
    if not isinstance(value.get("output"), dict):
        return True
    return call.infno in SETTLING | REVERSING and _irregular(answer)


def _irregular(answer: Answer) -> bool:
    row = answer.output.get("setlinfo")
    if not isinstance(row, dict) or not isinstance(answer.output.get("setldetail"), list):
        return True
    if isinstance(row.get("medfee_sumamt"), str):
        return True
    return any(value is None or value == "null" for value in row.values())


def failed_though_booked(talk: Talk, call: Call) -> bool:
    """F8: refused, and it is booked."""
    return call.answer.refused and booked(talk, call)


def done_though_not(talk: Talk, call: Call) -> bool:
    """F9: answered as done, and the ledger does not have it."""
    return call.answer.done and missing(talk, call)


def answered_for_another(_: Talk, call: Call) -> bool:
    """F11: the message id, person or visit in the answer is not that of the request."""
    row = call.answer.node("setlinfo")
    if not call.answer.done:
        return False
    if not row:
        return call.infno in SETTLING
    asked = {"medins_setl_id": call.msgid}
    asked |= {name: call.text(name) for name in ("psn_no", "mdtrt_id")}
    return any(row.get(name, mine) != mine for name, mine in asked.items() if mine)


def dripped(_: Talk, call: Call) -> bool:
    """F12: piece by piece, at different times."""
    return len({at for at, _ in call.answer.pieces}) >= DRIPS_MIN


def dated_otherwise(_: Talk, call: Call) -> bool:
    """F13: the settlement has another time than the answer in which it stands."""
    said = call.answer.node("setlinfo").get("setl_time")
    own = str(call.answer.lenient.get("respond_time") or "")[:14]
    try:
        booked_at = datetime.strptime(str(said), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - both local
        answered_at = datetime.strptime(own, "%Y%m%d%H%M%S")  # noqa: DTZ007 - of one clock
    except ValueError:
        return False
    return abs((booked_at - answered_at).total_seconds()) > SHIFT_S


def turned_away(_: Talk, call: Call) -> bool:
    """F14: the gateway speaks, not the centre: a code of its own and no ``infcode``."""
    value = call.answer.lenient
    return "infcode" not in value and value.get("code") in GATEWAY


def undo_failed(talk: Talk, call: Call) -> bool:
    """F15: 2601 refused, lost, or without effect."""
    if call.infno != UNDO:
        return False
    if call.answer.refused or _ended_by_centre(call):
        return True
    kept = {one.get("medins_setl_id") for one in talk.books}
    again = [one for one in talk.of(UNDO) if one.text("omsgid") == call.text("omsgid")]
    return call.answer.done and (call.text("omsgid") in kept or len(again) > 1)


def undone_before(talk: Talk, call: Call) -> bool:
    """F16: refused as done before, which the ledger denies."""
    return call.answer.refused and "已撤销" in call.answer.said and missing(talk, call)


def spoiled_file(_: Talk, call: Call) -> bool:
    """F17: no archive, an empty one, or lines that are not UTF-8 without a mark."""
    if call.answer.refused:
        return call.infno == "9102"
    try:
        with zipfile.ZipFile(io.BytesIO(call.answer.body)) as archive:
            texts = [archive.read(name) for name in archive.namelist()]
        return not texts or any(_unreadable(text) for text in texts)
    except DAMAGED_ZIP:
        return True


def _unreadable(text: bytes) -> bool:
    try:
        return text.decode("utf-8").startswith("\ufeff")
    except UnicodeDecodeError:
        return True


def said_opposite(talk: Talk, call: Call) -> bool:
    """F18: the same totals were answered otherwise when asked again."""
    mine = call.answer.node("stmtinfo").get("stmt_rslt")
    return mine is not None and any(
        one.row == call.row and one.answer.node("stmtinfo").get("stmt_rslt") not in {mine, None}
        for one in talk.of(call.infno)
    )


def changed_amount(_: Talk, call: Call) -> bool:
    """F19: one sum misses by a cent."""
    return off_by_a_cent(call)


def callback_astray(talk: Talk, call: Call) -> bool:
    """F20: not called back once, in time, after the answer."""
    back = [one for one in talk.of(CALLBACK) if one.n > call.n]
    if len(back) != 1:
        return call.answer.done
    first = call.answer.pieces[0][0] if call.answer.pieces else call.at
    return back[0].at - call.at >= LATE_S or back[0].at < first


def in_maintenance(_: Talk, call: Call) -> bool:
    """F21: refused because the centre is in maintenance."""
    return call.answer.refused and "维护" in call.answer.said


def too_many(_: Talk, call: Call) -> bool:
    """F22: told to come later, by HTTP."""
    return call.answer.status == 429


SHOWN: Final[Mapping[str, Callable[[Talk, Call], bool]]] = {
    "F1": silent,
    "F2": dropped_before,
    "F3": dropped_after,
    "F4": half,
    "F5": late,
    "F6": error_page,
    "F7": written_otherwise,
    "F8": failed_though_booked,
    "F9": done_though_not,
    "F10": failed_though_booked,
    "F11": answered_for_another,
    "F12": dripped,
    "F13": dated_otherwise,
    "F14": turned_away,
    "F15": undo_failed,
    "F16": undone_before,
    "F17": spoiled_file,
    "F18": said_opposite,
    "F19": changed_amount,
    "F20": callback_astray,
    "F21": in_maintenance,
    "F22": too_many,
}
"""By fault, for the call that it hit."""

ON_CONNECT: Final = {"F0": True, "F23": False}
"""Faults of the connection: no byte comes back, and it is reset, or ended in order."""


def shown(talk: Talk) -> list[str]:
    """Rows that fired and are borne out."""
    found = [
        f"yb-{action}"
        for action, shows in SHOWN.items()
        if any(shows(talk, call) for call in talk.hit(action))
    ]
    dead = {reset for _, reset in talk.dead_connections}
    return found + [
        f"yb-{action}"
        for action, reset in ON_CONNECT.items()
        if reset in dead and any(talk.fired(action))
    ]
