"""The ends of a C-ECHO in words: what was answered, by whom, and what is to be done next."""

from __future__ import annotations

from collections.abc import Sequence

from harness.doctor_check import Cell
from harness.i18n import tr


def words_of(
    came: str,
    *,
    why: str = "",
    triple: tuple[int, int, int] | None = None,
    result: int | None = None,
    status: int | None = None,
) -> str:
    """What came of a call, in words.

    Args:
        came: ``accepted``, ``rejected``, ``no-context``, ``failed``, ``aborted``, ``silent``,
            ``closed``, ``not-reached``, ``not-asked``.
        why: what the system said of a connection that did not come about.
        triple: result, source and reason of a rejection.
        result: of the context for verification; None where it was not answered.
        status: of the answer.
    """
    match came:
        case "rejected":
            return rejection(triple or (0, 0, 0))
        case "no-context":
            return tr("no presentation context for verification: {result}",
                      result=context_result(result))  # fmt: skip
        case "failed":
            shown = "-" if status is None else f"{status:04X}H"
            return tr("an association, and the C-ECHO ends with status {status}", status=shown)
        case "not-asked":
            return tr("not asked: the calls before it found nobody who answers")
    ends = {
        "accepted": tr("accepted"),
        "aborted": tr("aborted (A-ABORT)"),
        "silent": tr("connected, and no answer in time"),
        "closed": tr("connected, and the connection was closed without an answer"),
        "not-reached": tr("no connection"),
    }
    return f"{ends[came]}: {why}" if why else ends[came]


def rejection(triple: tuple[int, int, int]) -> str:
    """Result, source and reason of A-ASSOCIATE-RJ (PS3.8 §9.3.4, table 9-21)."""
    result, source, reason = triple
    results = {1: tr("rejected for good"), 2: tr("rejected for now")}
    sources = {
        1: tr("the application (service user)"),
        2: tr("the DICOM layer (service provider, ACSE)"),
        3: tr("the DICOM layer (service provider, presentation)"),
    }
    none = tr("no reason given")
    reasons = {
        (1, 1): none,
        (1, 2): tr("application context not supported"),
        (1, 3): tr("calling AE title not recognised"),
        (1, 7): tr("called AE title not recognised"),
        (2, 1): none,
        (2, 2): tr("protocol version not supported"),
        (3, 1): tr("temporary congestion"),
        (3, 2): tr("local limit exceeded"),
    }
    unknown = tr("a value that the standard does not know")
    return tr("{result} ({numbers}) by {source}: {reason}", numbers=",".join(map(str, triple)),
              result=results.get(result, unknown), source=sources.get(source, unknown),
              reason=reasons.get((source, reason), unknown))  # fmt: skip


def context_result(result: int | None) -> str:
    """Result of a presentation context (PS3.8 §9.3.3.2, table 9-18)."""
    if result is None:
        return tr("not answered")
    known = {
        1: tr("refused by the user"),
        2: tr("no reason given"),
        3: tr("abstract syntax not supported"),
        4: tr("transfer syntaxes not supported"),
    }
    return f"{known.get(result, tr('a value that the standard does not know'))} ({result})"


def remedy_of(cell: Cell, titles: Sequence[str], *, place: str, role: str) -> str:
    """One next action.

    Args:
        cell: one of the calls that ended so.
        titles: AE titles of all of them.
        place: endpoint of the profile.
        role: of the called system.
    """
    names = " ".join(titles)
    if cell.came == "rejected":
        match cell.triple:
            case (1, 1, 3):
                return tr("register the AE titles {titles} at {role}, with the address of this "
                          "machine", titles=names, role=role)  # fmt: skip
            case (1, 1, 7):
                return tr("correct ae_title of {place}: the system has another one", place=place)
            case (2, _, _):
                return tr("ask {role} how many associations it takes, and try again", role=role)
        return tr("ask who runs {role} why it rejects this call", role=role)
    if cell.came in {"no-context", "failed"}:
        return tr("allow verification (C-ECHO) for {titles} at {role}", titles=names, role=role)
    if cell.came == "not-reached":
        return tr("is the listener started, and does a firewall let this machine through?")
    return tr("does another program listen at {place}, or does {role} check the address of who "
              "calls?", place=place, role=role)  # fmt: skip
