"""Runs one scenario of own sentences over memory, without pytest around it."""

from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.evidence.trace import read
from harness.model import Place
from harness.scenario.binding import load
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import Library, Registry

FEATURE = """# language: zh-CN
@接口-HIS-ORD
功能: 自有句子
  负责人: 测试组

  @REQ-FEED-006 @id-own
  场景: 自有
"""

FIRST_LINE = 8
"""Line of the first sentence below ``FEATURE``."""

PLACE = Place(interface="HIS-ORD", protocol="hl7", path="MSA-1")


class Sentences:
    """A library whose sentences do what a test says: ``假如 准备``, ``当 行动``, ``那么 10秒内成立``."""

    def __init__(self):
        self.library = Library("own")

    def given(self, text, do):
        return self._add(self.library.given, "假如", text, do)

    def when(self, text, do):
        return self._add(self.library.when, "当", text, do)

    def then(self, text, do):
        """``text`` stands behind ``10秒内``."""
        number = len(self.library.steps)

        def step(world, limit_s):
            return do(world)

        self._register(self.library.then, f"{{duration}}内{text}", f"那么 10秒内{text}", number)(
            step
        )
        return self

    def _add(self, register, keyword, text, do):
        def step(world):
            return do(world)

        self._register(register, text, f"{keyword} {text}", len(self.library.steps))(step)
        return self

    def _register(self, register, sentence, example, number):
        words = {"purpose": "试", "effect": "试", "gloss": "try"}
        return register(sentence, id=f"own.number-{number}", example=example, **words)


def command_expected(name, *, times=1, limit_s=1.0, outcome="ok", **more):
    """The trace has this command, with this outcome."""
    return Expectation(
        mode="eventually",
        select=Selector(kind="command"),
        wanted=[
            Wanted(
                key={"name": name},
                checks=[Check(path="outcome", value=Value(expected=outcome), place=PLACE)],
                times=times,
            )
        ],
        place=PLACE,
        limit_s=limit_s,
        **more,
    )


def play(folder, text, sentences, *, prepare=None, session=None, **options):
    """Run one scenario; returns its conclusion and the records of its sealed trace."""
    path = folder / "own.feature"
    path.write_text(FEATURE + text, encoding="utf-8")
    (bound,) = load([path], Registry([sentences.library]))
    chosen = {"profile": "memory", "seed": 1, "folder": folder / "run"} | options
    own = session or RunSession(SessionOptions(**chosen), prepare=prepare)
    try:
        conclusion = own.run(bound)
    finally:
        if session is None:
            own.stop()
    sealed = read(own.options.folder / "traces" / "own.jsonl")
    assert sealed.sealed, sealed.damage
    assert sealed.verdict == conclusion.verdict
    return conclusion, sealed.records
