"""Rows of the imaging catalogue that the bytes of a trace show: negotiation, lists, steps, queries.

Each function looks for what a row says is to be sent. No scenario says which rows it shows.
``imaging_objects`` has the rows that an object itself shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydicom.dataset import Dataset

from harness.evidence.trace import Record
from harness.selfcheck import imaging_beside, imaging_http
from harness.selfcheck import imaging_objects as objects
from harness.selfcheck.imaging_read import (
    ABORT,
    IMPLICIT,
    RELEASE,
    Look,
    Message,
    Proposal,
    value,
)

WORKLIST: Final = "1.2.840.10008.5.1.4.31"
STUDY_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
MPPS: Final = "1.2.840.10008.3.1.2.3.3"
COMMITMENT: Final = "1.2.840.10008.1.20.1"
STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
MPEG4: Final = "1.2.840.10008.1.2.4.102"

MAX_LENGTH, WINDOW = 0x51, 0x53
"""Items of the user information (PS3.7 annex D.3.3)."""

DATE, STATION, MODALITY, STATE = 0x00400002, 0x00400001, 0x00080060, 0x00400020
ZONE: Final = 0x00080201
ACCESSION, STUDY, ACTIONS = 0x00080050, 0x0020000D, "ReferencedSOPSequence"

MANY: Final = 6
CALLS: Final = 10
QUICKLY_S: Final = 0.25
"""An N-SET this soon after its N-CREATE; devices that send both at once need about as long."""
WAITED_S: Final = 0.15


def shown_rows(records: Sequence[Record]) -> list[str]:
    """Rows of the catalogue that a trace shows."""
    look = Look(records)
    web = [*imaging_http.shown_rows(records), *imaging_beside.shown_rows(look)]
    if not look.pdus:
        return web
    rows = [*web, *(row for row, shows in ROWS.items() if shows(look))]
    return rows + [row for row, shows in objects.ROWS.items() if shows(look)]


# ---- associations


def _title(raw: bytes) -> bytes:
    return raw.strip(b" \0")


def _called(look: Look) -> set[bytes]:
    """Titles under which devices called the PACS."""
    return {_title(one.called) for one in look.requests if one.pdu.conn.startswith("modality-pacs")}


def _open_before(look: Look, *, silent: bool) -> int:
    """Most connections that were open when an association was asked for, of one kind."""
    opened, closed = look.links("opened"), look.links("closed")
    asked = {one.pdu.conn: one.pdu.n for one in look.requests}
    released = {pdu.conn: pdu.n for pdu in look.pdus if pdu.kind in {RELEASE, ABORT}}

    def still(conn: str, now: int) -> bool:
        return opened[conn] < now < min(closed.get(conn, now + 1), released.get(conn, now + 1))

    return max(
        (sum(still(conn, one.pdu.n) and (conn not in asked if silent else
             asked.get(conn, one.pdu.n) < one.pdu.n) for conn in opened)
         for one in look.requests), default=0,
    )  # fmt: skip


def _small(look: Look) -> bool:
    """A device announces 4096 bytes or less, and more than that is stored to it."""
    small = {one.pdu.conn for one in look.requests
             if 0 < int.from_bytes(one.value(MAX_LENGTH) or b"", "big") <= 4096}  # fmt: skip
    return any(one.conn in small and one.frm != "modality" and len(one.raw) > 4096
               for one in look.asked("C-STORE"))  # fmt: skip


def _syntaxes(proposal: Proposal) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for abstract, syntaxes, _ in proposal.contexts.values():
        found.setdefault(abstract, set()).update(syntaxes)
    return found


def _echo_and_more(look: Look) -> bool:
    """The same system is asked for an echo and for something else."""
    kinds = {one.kind for one in look.messages if not one.answer}
    return "C-ECHO" in kinds and bool(kinds & {"C-FIND", "C-STORE"})


def _echoes(look: Look) -> bool:
    return max(Counter(one.conn for one in look.asked("C-ECHO")).values(), default=0) >= CALLS


def _implicit_reports(look: Look) -> bool:
    """The device took the report's association in implicit only."""
    proposed = {(one.pdu.conn, ident): (abstract, syntaxes) for one in look.requests
                for ident, (abstract, syntaxes, _) in one.contexts.items()}  # fmt: skip
    for one in look.acceptances:
        results = {result == 0 for ident, (_, syntaxes, result) in one.contexts.items()
                   if proposed.get((one.pdu.conn, ident), ("", ()))[0] == COMMITMENT
                   and (result or syntaxes == (IMPLICIT,))}  # fmt: skip
        if one.pdu.frm == "modality" and results == {True, False}:
            return True
    return False


# ---- worklists


def _lists(look: Look) -> list[Message]:
    return [one for one in look.asked("C-FIND") if one.sop_class == WORKLIST]


def _step(one: Message) -> Dataset:
    items = one.data.get("ScheduledProcedureStepSequence") or []
    return items[0] if items else Dataset()


def _pending(look: Look, sop_class: str) -> list[Message]:
    return [one for one in look.answered("C-FIND")
            if one.status in {0xFF00, 0xFF01} and one.sop_class == sop_class]  # fmt: skip


def _keyed(look: Look, tag: int) -> list[bytes]:
    """Values of a key of the step in worklist queries, where one was given."""
    found = [value(_step(one), tag).strip(b" \0") for one in _lists(look)]
    return [one for one in found if one]


def _entered(look: Look, name: str) -> set[str]:
    """Values with which orders were entered."""
    return {str(one["args"].get(name, "")) for one in look.commanded("schedule")}


def _by(tag: int, name: str) -> Callable[[Look], bool]:
    return lambda look: bool(_keyed(look, tag)) and len(_entered(look, name)) > 1


def _asked_after(look: Look, order: str) -> bool:
    at = min((one["n"] for one in look.commanded(order)), default=None)
    return at is not None and any(one.n > at for one in _lists(look))


def _after_step(look: Look, kind: str, states: set[str]) -> bool:
    """The list is asked for after a performed step came to one of these states."""
    at = min((one.n for one in look.asked(kind)
              if str(one.data.get("PerformedProcedureStepStatus", "")) in states),
             default=None)  # fmt: skip
    return at is not None and any(one.n > at for one in _lists(look))


def _released_later(look: Look) -> bool:
    """A list ends with success, and its association is released a while after."""
    ends = {one.conn: one.t for one in look.answered("C-FIND")
            if one.sop_class == WORKLIST and one.status == 0}  # fmt: skip
    return any(pdu.kind == RELEASE and pdu.conn in ends and pdu.t - ends[pdu.conn] >= WAITED_S
               for pdu in look.pdus)  # fmt: skip


def _list_again(look: Look) -> bool:
    seen = Counter(value(one.data, ACCESSION) for one in _pending(look, WORKLIST))
    return any(count > 1 for count in seen.values())


def _answers_at_once(look: Look) -> int:
    return max(Counter((one.conn, one.command.get("MessageIDBeingRespondedTo"))
                       for one in _pending(look, WORKLIST)).values(), default=0)  # fmt: skip


# ---- performed steps and commitment


def _twice(look: Look, kind: str) -> bool:
    return any(count > 1 for count in Counter(one.sop for one in look.asked(kind)).values())


def _set_at_once(look: Look) -> bool:
    made = {one.sop: one.t for one in look.asked("N-CREATE")}
    return any(one.sop in made and one.t - made[one.sop] <= QUICKLY_S
               for one in look.asked("N-SET"))  # fmt: skip


def _set_again(look: Look) -> bool:
    over = Counter(
        one.sop
        for one in look.asked("N-SET")
        if str(one.data.get("PerformedProcedureStepStatus", "")) != "IN PROGRESS"
    )
    return any(count > 1 for count in over.values())  # fmt: skip


def _set_unknown(look: Look) -> bool:
    made = {one.sop for one in look.asked("N-CREATE")}
    return any(one.sop not in made for one in look.asked("N-SET"))


def _scheduled(one: Message) -> Sequence[Dataset]:
    found: Sequence[Dataset] = one.data.get("ScheduledStepAttributesSequence") or []
    return found


def _own_study(look: Look) -> bool:
    studies = _entered(look, "study")
    return any(str(item.get("StudyInstanceUID", "")) not in studies and bool(studies)
               for one in look.asked("N-CREATE") for item in _scheduled(one))  # fmt: skip


def _transactions(look: Look, kind: str) -> list[str]:
    return [str(one.data.get("TransactionUID", "")) for one in look.asked(kind)]


def _unreported(look: Look) -> bool:
    """A report was asked for and did not come, while another did."""
    reported = {*_transactions(look, "N-EVENT-REPORT")}
    return bool(reported) and bool({*_transactions(look, "N-ACTION")} - reported)


def _released_first(look: Look) -> bool:
    """The association of a request is released, and its report comes over another."""
    asked = {one.conn for one in look.asked("N-ACTION")}
    released = {pdu.conn for pdu in look.pdus if pdu.kind == RELEASE}
    return bool(asked & released) and any(
        one.conn not in asked for one in look.asked("N-EVENT-REPORT"))  # fmt: skip


def _not_stored(look: Look) -> bool:
    stored = {one.sop for one in look.stored}
    return any(
        str(item.get("ReferencedSOPInstanceUID", "")) not in stored
        for one in look.asked("N-ACTION")
        for item in one.data.get(ACTIONS) or []
    )


def _again(found: Sequence[object]) -> bool:
    return len({*found}) < len(found)


# ---- query and retrieval


def _moved_nowhere(look: Look) -> bool:
    """A move ends in a failure, and nothing was moved."""
    return any(one.status not in {0, 0xFF00, 0xB000} for one in look.answered("C-MOVE")) and not [
        one for one in look.asked("C-STORE") if one.frm != "modality"]  # fmt: skip


def _other_port(look: Look) -> bool:
    """A destination was entered at one place, then at another, then moved to."""
    ports: dict[str, set[str]] = {}
    for one in look.commanded("destination"):
        ports.setdefault(str(one["args"]["ae"]), set()).add(str(one["args"]["port"]))
    return any(len(ports.get(str(one.command.get("MoveDestination", "")).strip(), ())) > 1
               for one in look.asked("C-MOVE"))  # fmt: skip


def _refused_part(look: Look) -> bool:
    return bool(look.asked("C-MOVE")) and any(
        one.frm == "modality" and one.status > 0 for one in look.answered("C-STORE"))  # fmt: skip


def _wild(look: Look) -> bool:
    return any(b"*" in value(one.data, tag) for one in look.asked("C-FIND")
               for tag in (0x00080020, 0x00080030, STUDY))  # fmt: skip


def _same_queries(look: Look) -> bool:
    asked = Counter(one.raw for one in look.asked("C-FIND") if one.sop_class == STUDY_FIND)
    return max(asked.values(), default=0) >= 5


def _both_queries(look: Look) -> bool:
    callers = {one.pdu.conn: _title(one.calling) for one in look.requests}
    return any(
        {callers.get(one.conn) for one in _lists(look)}
        & {callers.get(one.conn) for one in look.asked("C-FIND") if one.sop_class == STUDY_FIND}
    )


ROWS: Final[Mapping[str, Callable[[Look], bool]]] = {
    "img-N1": lambda look: len(_called(look)) > len({one.lower() for one in _called(look)}),
    "img-N2": lambda look: len({_title(one.calling) for one in look.requests}) >= MANY,
    "img-N4": _both_queries,
    "img-N5": lambda look: _open_before(look, silent=False) >= MANY,
    "img-N6": lambda look: _open_before(look, silent=True) >= MANY,
    "img-N8": _small,
    "img-N11": lambda look: any(
        not _title(one.calling).replace(b"_", b"").isalnum() for one in look.requests
    ),
    "img-N12": lambda look: any(one.value(WINDOW) is not None for one in look.requests),
    "img-N13": lambda look: len(look.requests) >= CALLS,
    "img-N16": lambda look: any(len(one.contexts) >= 127 for one in look.requests),
    "img-N17": _echo_and_more,
    "img-N18": _echoes,
    "img-N19": lambda look: len({one.lower() for one in _called(look)}) > 1,
    "img-S16": lambda look: any(
        sum(one.startswith(STORAGE) for one in proposal.classes) >= CALLS
        and max(map(len, _syntaxes(proposal).values())) == 1
        for proposal in look.requests
    ),
    "img-X1": lambda look: any(
        len(each) > MANY for one in look.requests for each in _syntaxes(one).values()
    ),
    "img-X2": lambda look: any(
        len(syntaxes) > 1 for one in look.requests for _, syntaxes, _ in one.contexts.values()
    ),
    "img-X15": lambda look: any(
        syntaxes == (MPEG4,) for one in look.requests for _, syntaxes, _ in one.contexts.values()
    ),
    "img-W1": _by(DATE, "date"),
    "img-W2": lambda look: any(b"-" in one for one in _keyed(look, DATE)),
    "img-W3": _by(STATION, "station"),
    "img-W5": _list_again,
    "img-W7": lambda look: _after_step(look, "N-SET", {"COMPLETED", "DISCONTINUED"}),
    "img-W8": lambda look: _after_step(look, "N-CREATE", {"IN PROGRESS"}),
    "img-W9": lambda look: any(STATE in _step(one) for one in _lists(look)),
    "img-W10": lambda look: any(ZONE in one.data for one in _lists(look)),
    "img-W12": lambda look: any(
        len(value(one.data, ACCESSION).strip()) == 16 for one in _pending(look, WORKLIST)
    ),
    "img-W13": _released_later,
    "img-W14": lambda look: _asked_after(look, "cancel"),
    "img-W15": lambda look: _asked_after(look, "rename"),
    "img-W16": lambda look: _answers_at_once(look) >= 30,
    "img-W17": lambda look: "" in _entered(look, "time") and bool(_lists(look)),
    "img-W18": _by(MODALITY, "modality"),
    "img-M1": lambda look: _twice(look, "N-CREATE"),
    "img-M2": _set_at_once,
    "img-M3": _set_again,
    "img-M4": _set_unknown,
    "img-M5": lambda look: any(MPPS in one.classes for one in look.requests),
    "img-M6": lambda look: any(len(_scheduled(one)) > 1 for one in look.asked("N-CREATE")),
    "img-M7": _own_study,
    "img-K1": _unreported,
    "img-K2": _released_first,
    "img-K3": _implicit_reports,
    "img-K4": _not_stored,
    "img-K5": lambda look: _again(_transactions(look, "N-ACTION")),
    "img-Q1": _moved_nowhere,
    "img-Q2": _other_port,
    "img-Q3": _refused_part,
    "img-Q6": _wild,
    "img-P1": _same_queries,
}
"""Rows, and what shows each."""
