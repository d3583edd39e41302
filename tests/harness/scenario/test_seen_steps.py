"""A step whose completion is seen, not returned: what a person does at a real system."""

from engine import Sentences, command_expected, play

TEXT = "    当 人工登记\n    那么 10秒内成立\n"


def sentences(name):
    """A person registers by whatever means; the step is over when the trace shows it."""
    return (
        Sentences()
        .when("人工登记", lambda world: command_expected(name))
        .then("成立", lambda world: command_expected("registered"))
    )


def by_hand(world):
    world.trace.add("command", role="HIS", name="registered", args={}, outcome="ok", value=None)


def test_a_step_that_is_seen_lets_the_scenario_go_on(tmp_path):
    conclusion, records = play(tmp_path, TEXT, sentences("registered"), prepare=by_hand)

    assert conclusion.verdict == "pass"
    assert len(conclusion.judgements) == 1
    assert [one.get("completion") for one in records if one["kind"] == "expectation"] == [
        True,
        None,
    ]


def test_a_step_that_is_not_seen_blocks_and_judges_nobody(tmp_path):
    conclusion, _ = play(tmp_path, TEXT, sentences("never done"), prepare=by_hand)

    assert conclusion.verdict == "blocked"
    assert conclusion.findings == ()
    assert "1 " in conclusion.reasons[0]
