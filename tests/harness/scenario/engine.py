"""Runs one scenario of own sentences over memory, without pytest around it."""

from harness.evidence.trace import read
from harness.scenario.binding import load
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import Library, Registry, load_libraries

WORDS = {"purpose": "试", "effect": "试", "gloss": "try"}


class Sentences:
    """A library whose sentences do what a test says."""

    def __init__(self):
        self.library = Library("own")

    def given(self, text, do):
        return self._add(self.library.given, "假如", text, do)

    def when(self, text, do):
        return self._add(self.library.when, "当", text, do)

    def then(self, text, do):
        return self._add(self.library.then, "那么", text, do)

    def _add(self, register, keyword, text, do):
        count = sum(1 for _ in self.library.steps) if hasattr(self.library, "steps") else 0

        def step(world):
            return do(world)

        register(text, id=f"own.s{count}", example=f"{keyword} {text}", **WORDS)(step)
        return self


FEATURE = """# language: zh-CN
@接口-HIS-ORD
功能: 自有句子
  负责人: 测试组

  @REQ-FEED-006 @id-own
  场景: 自有
"""


def play(folder, text, sentences=None, *, options=None, prepare=None):
    """Run one scenario; returns its conclusion and the sealed trace."""
    path = folder / "own.feature"
    path.write_text(FEATURE + text, encoding="utf-8")
    registry = load_libraries() if sentences is None else Registry([sentences.library])
    (bound,) = load([path], registry)
    chosen = {"profile": "memory", "seed": 1, "folder": folder / "run"} | (options or {})
    session = RunSession(SessionOptions(**chosen), prepare=prepare)
    try:
        conclusion = session.run(bound)
    finally:
        session.stop()
    return conclusion, read(chosen["folder"] / "traces" / "own.jsonl")
