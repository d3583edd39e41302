"""What two systems agree on over DICOM is an observation: contexts, refusals, aborts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness.evidence.line import pack
from harness.evidence.verdict import Verdict
from harness.report.model import ScenarioRun
from harness.upgrade.differences import compare
from harness.upgrade.observe import Seen, _observations
from harness.upgrade.placeholders import Volatile
from harness.upgrade.roots import chain, groups
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Abort, Associate, Reject

CT, VERIFY = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.1"
IMPLICIT, EXPLICIT, LOSSLESS = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70",
)  # fmt: skip
OFFERED = ((CT, (EXPLICIT,)), (CT, (LOSSLESS,)), (VERIFY, (IMPLICIT, EXPLICIT)))
TAKEN: tuple[str | int | None, ...] = (EXPLICIT, LOSSLESS, IMPLICIT)


def asked(*, calling: bytes = b"CT1") -> Associate:
    contexts = tuple(
        Context(id=2 * n + 1, abstract_syntax=uid, transfer_syntaxes=syntaxes)
        for n, (uid, syntaxes) in enumerate(OFFERED)
    )
    return Associate(called=b"PACS", calling=calling, items=Items(contexts=contexts))


def answered(*answers: str | int | None, size: int = 16382, version: str = "1") -> Associate:
    """PS3.8 §9.3.3.2: a transfer syntax, a reason, or no item at all."""
    contexts = tuple(
        Context(id=2 * n + 1, result=one if isinstance(one, int) else 0,
                transfer_syntaxes=(one if isinstance(one, str) else IMPLICIT,))
        for n, one in enumerate(answers or TAKEN) if one is not None
    )  # fmt: skip
    user = UserInformation(max_length=size, version=version)
    return Associate(accepted=True, called=b"PACS", calling=b"CT1",
                     items=Items(contexts=contexts, user=user))  # fmt: skip


def seen(*said: tuple[str, Any], conn: str = "ct-pacs#1") -> Seen:
    run = ScenarioRun(
        id="s1", name="", feature="", file="", line=1, tags=(), requirement="R",
        interface="PACS-DIMSE", owner="", seed=1, verdict=Verdict.PASS, seconds=0.0, reasons=(),
        findings=(), faults=(), trace="",
    )  # fmt: skip
    records = [
        {"n": n, "t": float(n), "kind": "bytes", "link": "ct-pacs", "interface": "PACS-DIMSE",
         "conn": conn, "frm": frm, "raw": pack(pdu.encode())}
        for n, (frm, pdu) in enumerate(said, 1)
    ]  # fmt: skip
    return Seen(run=run, observations=tuple(_observations(records)), records=records,
                tested=frozenset({"PACS"}))  # fmt: skip


def found(*answers: tuple[str, Any], before: Sequence[tuple[str, Any]] = ()) -> list[Any]:
    old = seen(("CT", asked()), *(before or [("PACS", answered())]))
    return list(compare(old, seen(("CT", asked()), *answers), Volatile()))


def told(*answers: tuple[str, Any], before: Sequence[tuple[str, Any]] = ()) -> list[Any]:
    return [
        (one.cls, one.interface, one.name, one.path, one.old, one.new)
        for one in found(*answers, before=before)
    ]


ANSWER = ("PACS-DIMSE", "A-ASSOCIATE-AC/RJ")


def test_the_same_agreement_is_no_difference_whatever_the_version_calls_itself() -> None:
    assert told(("PACS", answered())) == []
    assert told(("PACS", answered(version="2"))) == []


@pytest.mark.parametrize(
    ("answers", "path", "old", "new"),
    [
        ((EXPLICIT, 4, IMPLICIT), f"@context/{CT}/{LOSSLESS}", LOSSLESS, "syntaxes not supported"),
        ((EXPLICIT, None, IMPLICIT), f"@context/{CT}/{LOSSLESS}", LOSSLESS, "not answered"),
        ((EXPLICIT, LOSSLESS, 3), f"@context/{VERIFY}/{IMPLICIT},{EXPLICIT}", IMPLICIT,
         "class not supported"),
        ((EXPLICIT, LOSSLESS, EXPLICIT), f"@context/{VERIFY}/{IMPLICIT},{EXPLICIT}", IMPLICIT,
         EXPLICIT),
    ],
)  # fmt: skip
def test_fewer_contexts_or_another_syntax_differ_at_their_class(
    answers: tuple[str | int | None, ...], path: str, old: str, new: str
) -> None:
    differences = told(("PACS", answered(*answers)))

    assert [one[1:] for one in differences] == [(*ANSWER, path, old, new)]


def test_a_refused_association_differs_at_its_answer_which_heads_the_group() -> None:
    refusal = Reject(result=1, source=1, reason=3)

    differences = found(("PACS", refusal))

    assert ("value", "@answer", "accepted", "rejected: result 1, source 1, reason 3") in [
        (one.cls, one.path, one.old, one.new) for one in differences
    ]
    gathered = groups([chain(differences)], [one.signature for one in differences])
    assert len(gathered) == 1


def test_contexts_alike_are_one_value_that_tells_them_apart_where_they_are_not() -> None:
    twice = Associate(called=b"PACS", items=Items(contexts=tuple(
        Context(id=n, abstract_syntax=CT, transfer_syntaxes=(EXPLICIT,)) for n in (1, 3))))  # fmt: skip
    before = seen(("CT", twice), ("PACS", answered(EXPLICIT, EXPLICIT)))
    after = seen(("CT", twice), ("PACS", answered(EXPLICIT, None)))

    assert [(one.old, one.new) for one in compare(before, after, Volatile())] == [
        (EXPLICIT, f"{EXPLICIT} | not answered")
    ]


def test_an_abort_is_one_and_so_is_its_reason() -> None:
    before = [("PACS", answered()), ("PACS", Abort(source=2, reason=1))]

    assert ("missing", *ANSWER[:1], "A-ABORT", "", "A-ABORT", "") in told(
        ("PACS", answered()), before=before
    )
    other = told(("PACS", answered()), ("PACS", Abort(source=2, reason=6)), before=before)
    assert [one[3:] for one in other] == [("@reason", "1", "6")]


def test_the_size_of_its_parts_is_part_of_the_agreement() -> None:
    assert [one[3:] for one in told(("PACS", answered(size=4096)))] == [
        ("@max-length", "16382", "4096")
    ]


def test_what_we_offer_is_no_difference_of_the_system() -> None:
    old = seen(("CT", asked()), ("PACS", answered()))
    new = seen(("CT", asked(calling=b"CT2")), ("PACS", answered()))

    assert list(compare(old, new, Volatile())) == []


def test_what_a_system_offers_as_a_client_is_its_own() -> None:
    old = seen(("PACS", asked(calling=b"PACS")), ("CT", answered()))
    new = seen(("PACS", asked(calling=b"PACS2")), ("CT", answered()))

    differences = list(compare(old, new, Volatile()))

    assert [(one.name, one.path) for one in differences] == [("A-ASSOCIATE-RQ", "@calling")]


def test_a_request_counts_once_it_is_answered() -> None:
    assert seen(("CT", asked())).observations == ()
    assert [(one[0], one[2]) for one in told()] == [
        ("missing", "A-ASSOCIATE-RQ"), ("missing", "A-ASSOCIATE-AC/RJ"),
    ]  # fmt: skip
    assert [one.name for one in seen(("CT", asked()), ("PACS", Reject())).observations] == [
        "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC/RJ",
    ]  # fmt: skip
