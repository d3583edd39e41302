"""Dialogues typed by hand from the standard, played whole and byte by byte."""

from pathlib import Path

import pytest
from dialogue import Dialogue, play

from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "astm"
TRANSCRIPTS = sorted(CORPUS.glob("*.txt"), key=lambda path: path.name)


def test_there_are_transcripts():
    assert len(TRANSCRIPTS) >= 40


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("chunk", [0, 1, 3], ids=["whole", "bytes", "threes"])
def test_transcript(path, chunk):
    play(path, chunk)


def test_a_dialogue_that_fails_shows_both_columns():
    dialogue = Dialogue(AstmLinkCore(AstmLinkConfig(side="host")))

    with pytest.raises(AssertionError) as caught:
        dialogue.play([">> <ENQ>", "<< <NAK>"])
    assert "≠ << <NAK>  |  << <ACK>" in str(caught.value)


@pytest.mark.parametrize("lines", [[">> <ENQ>"], [">> <ENQ>", "<< <ACK>"]])
def test_a_dialogue_fails_on_what_no_line_expects(lines):
    with pytest.raises(AssertionError, match="≠"):
        Dialogue(AstmLinkCore(AstmLinkConfig(side="host"))).play(lines)


@pytest.mark.parametrize(
    "line",
    ["!! SessionEnded", "!! SessionOpened frames=1", "!! astm.noise", ".. 29", ".. none"],
)
def test_a_dialogue_fails_on_a_wrong_line(line):
    with pytest.raises((AssertionError, AttributeError)):
        Dialogue(AstmLinkCore(AstmLinkConfig(side="host"))).play([">> <ENQ>", "<< <ACK>", line])
