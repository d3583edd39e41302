"""How verdicts combine."""

from __future__ import annotations

import itertools

import pytest

from harness.evidence.verdict import EXIT_CODES, Verdict, worst

ORDER = ["error", "fail", "inconclusive", "blocked", "pass", "not-applicable"]


def test_the_worst_of_two_is_the_one_that_stands_first() -> None:
    for (i, one), (j, other) in itertools.product(enumerate(ORDER), repeat=2):
        assert worst([Verdict(one), Verdict(other)]) == ORDER[min(i, j)]


def test_nothing_judged_is_inconclusive() -> None:
    assert worst([]) is Verdict.INCONCLUSIVE


def test_not_applicable_outweighs_nothing() -> None:
    assert worst([Verdict.NOT_APPLICABLE, Verdict.PASS]) is Verdict.PASS
    assert worst([Verdict.NOT_APPLICABLE]) is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("pass", 0),
        ("fail", 1),
        ("inconclusive", 3),
        ("blocked", 3),
        ("not-applicable", 3),
        ("error", 70),
    ],
)
def test_exit_codes(verdict: str, code: int) -> None:
    assert EXIT_CODES[Verdict(verdict)] == code
