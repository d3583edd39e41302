"""One door to the analyzers that do not speak ASTM: actor, link and messages by family."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from harness.clock import Clock
from harness.errors import InputError
from harness.i18n import tr
from simulators.analyzer import framed_analyzer, hl7_analyzer, poct_analyzer
from simulators.analyzer.framed_build import payloads as framed_payloads
from simulators.analyzer.hl7_messages import uploads as hl7_payloads
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.poct_messages import uploads as poct_payloads
from simulators.analyzer.upload import Tested

LINKS: Final = {
    "hl7": hl7_analyzer.LINK,
    "framed": framed_analyzer.LINK,
    "poct1a": poct_analyzer.LINK,
}
"""The link of each family."""

ACTORS = hl7_analyzer.Hl7Analyzer | framed_analyzer.FramedAnalyzer | poct_analyzer.PoctAnalyzer
"""What ``actor`` gives."""


def actor(model: AnalyzerModel, clock: Clock) -> ACTORS:
    """The actor that plays a model, over the link of its family.

    Raises:
        InputError: the model speaks ASTM, which has an actor of its own.
    """
    if model.family == "hl7":
        return hl7_analyzer.Hl7Analyzer(model.hl7, clock=clock)
    if model.family == "framed":
        return framed_analyzer.FramedAnalyzer(model.framed, clock=clock, repeats=model.repeats)
    if model.family == "poct1a":
        return poct_analyzer.PoctAnalyzer(model.poct1a, clock=clock)
    raise _astm(model)


def payloads(
    model: AnalyzerModel, tested: Sequence[Tested], *, first_id: int, time: datetime
) -> list[bytes]:
    """The messages of a run, for the command ``upload``.

    Args:
        model: the instrument.
        tested: specimens in the order of the run.
        first_id: control id of the first message, where the family has one; it counts up.
        time: of the messages and of every test, with a zone.

    Raises:
        InputError: the model speaks ASTM, or cannot measure or write a result.
    """
    if model.family == "hl7":
        return hl7_payloads(model.hl7, tested, first_id=first_id, time=time)
    if model.family == "framed":
        return framed_payloads(model.framed, tested, time=time)
    if model.family == "poct1a":
        return poct_payloads(model.poct1a, tested, first_id=first_id, time=time)
    raise _astm(model)


def _astm(model: AnalyzerModel) -> InputError:
    return InputError(tr("{model} speaks ASTM, not this protocol", model=model.name))
