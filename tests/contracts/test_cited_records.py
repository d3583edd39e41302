"""A judgement rests on the records that it cites: take one away, and it no longer stands."""

import pytest
from depth import sized

from harness.evidence.expect import Expectation
from harness.evidence.judge import judge
from harness.selfcheck.command import commit, slice_of
from harness.selfcheck.runs import play, shipped
from simulators.hospital.defects import BY_ID

pytestmark = pytest.mark.slow

DEFECTS = (
    "lis-drops-unit",
    "his-wrong-msa-2",
    "his-alarm-closes-itself",
    "lis-quality-control-as-patient",
    "his-no-resend",
)
"""Each makes other kinds of expectations fail: rows, messages, windows, links."""


SLICES = sized(16, 1)
"""Each commit looks at one; together, and every night, they look at all."""


def slice_of_shipped():
    """Every so-manieth scenario, beginning with the one that the commit chooses."""
    return shipped()[slice_of(commit(), SLICES) :: SLICES]


def judgements(played):
    """Each judgement of one scenario: its expectation, its id, and the record of it."""
    opened = {one["id"]: one for one in played.records if one["kind"] == "expectation"}
    for record in played.records:
        if record["kind"] == "judgement":
            ident = record["expectation"]
            yield Expectation.of(opened[ident]["spec"]), ident, record


def still_stand(played):
    """Judgements that do not notice that a record which they cite is gone."""
    found = []
    for expectation, ident, record in judgements(played):
        before = judge(expectation, ident, played.records)
        assert before.verdict == record["verdict"]
        assert list(before.cited) == record["cited"]
        for number in before.cited:
            left = [one for one in played.records if one["n"] != number]
            assert len(left) == len(played.records) - 1, "a cited record is not in the trace"
            after = judge(expectation, ident, left)
            if record["verdict"] == "pass":
                stands = after.verdict == "pass"
            else:
                stands = (after.verdict, after.findings) == (before.verdict, before.findings)
            if stands:
                found.append((played.bound.scenario.id, ident, number))
    return found


def test_every_pass_cites_and_rests_on_what_it_cites():
    everything = play(slice_of_shipped(), seed=1)

    passed = [
        (one.bound.scenario.id, record)
        for one in everything
        for _, _, record in judgements(one)
        if record["verdict"] == "pass"
    ]
    assert len(passed) > 50
    assert [ident for ident, record in passed if not record["cited"]] == []
    assert [each for one in everything for each in still_stand(one)] == []


@pytest.mark.parametrize("defect", DEFECTS)
def test_every_fail_cites_and_rests_on_what_it_cites(defect):
    meant = BY_ID[defect].requirement
    chosen = [one for one in shipped() if one.scenario.requirement == meant]
    everything = play(chosen, seed=1, defects=[defect])

    failed = [
        (one.bound.scenario.id, record)
        for one in everything
        for _, _, record in judgements(one)
        if record["verdict"] == "fail"
    ]
    assert failed
    assert [ident for ident, record in failed if not record["cited"]] == []
    assert [each for one in everything for each in still_stand(one)] == []
