"""Cards of several scenarios come together: two operators, any order, and nothing crosses over."""

import contextlib
import threading

import pytest
from hands import Operators, double, profile_text

from harness.evidence.trace import read
from harness.scenario.binding import load
from harness.scenario.resume import resumed
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries

pytestmark = pytest.mark.slow

HEAD = """# language: zh-CN
@接口-LIS-ASTM
功能: 现场
  负责人: 测试组
"""

ONE = """
  @REQ-LAB-001 @id-{ident} {tags}
  场景: {ident}
    假如 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K    |
    当 分析仪“生化仪”上传标本“管1”的结果:
      | 项目 | 结果 |
      | K    | 4.10 |
    那么 10秒内LIS中标本“管1”的结果应为:
      | 项目 | 患者 | 结果 |
      | K    | 甲   | 4.10 |
"""


def features(*idents):
    return HEAD + "".join(ONE.format(ident=one, tags="") for one in idents)


SAVED = 'id="said">已'


class Crew:
    """Operators who begin when so many cards lie before them, and do the last one first."""

    def __init__(self, screens, gather):
        self.screens, self.gather = screens, gather
        self.done, self.stop = [], threading.Event()
        self.threads = []

    def __call__(self, address):
        for name, place in (("张工", "路由核实"), ("张工", "入院登记"), ("李医生", "医生站")):
            self._start(self.work, address, name, place)

    def _start(self, do, *args):
        thread = threading.Thread(target=do, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def work(self, address, name, place):
        board, finished, begun = Operators(address), set(), False
        while not self.stop.wait(0.05):
            with contextlib.suppress(OSError):  # the page is slow, or gone with its run
                cards = [one for one in board.cards() if one["workstation"] == place]
                begun = begun or len(cards) >= self.gather or place == "路由核实"
                for card in reversed(cards) if begun else ():
                    if card["number"] not in finished and not card["seen"] and not card["first"]:
                        self.carry_out(board, card, name, finished)

    def carry_out(self, board, card, name, finished):
        fields = dict(card["fields"])
        if card["workstation"] == "路由核实":
            self.screens.enter("接口自检")
            self.stop.wait(2.0)  # sent again where it was lost with an old connection
            return
        board.post("/take", card=card["number"], operator=name)
        page = "入院登记" if card["workstation"] == "入院登记" else "检验申请"
        if SAVED in self.screens.enter(page, **fields):
            finished.add(card["number"])
            self.done.append((name, fields["姓名"]))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


def run(folder, idents, crew, text, *, resume=False, only=None):
    """Run scenarios as the command does; verdicts by id, and what was told."""
    (folder / "site.toml").write_text(text, encoding="utf-8")
    (folder / "own.feature").write_text(features(*idents), encoding="utf-8")
    told = []

    def say(line):
        told.append(line)
        if line.startswith(("cards:", "操作卡页面")):
            crew(line.split("//")[1].strip("/"))

    options = SessionOptions(
        profile=str(folder / "site.toml"), seed=1, folder=folder / "run", resume=resume
    )
    session = RunSession(options, say=say)
    bound = load([folder / "own.feature"], load_libraries())
    if resume:
        left = resumed(folder / "run", str(folder / "site.toml"), rerun_failed=False).idents
        bound = [one for one in bound if one.scenario.id in left]
    session.plan([one.scenario for one in bound])
    session.follow(bound)
    try:
        for one in bound[:only]:
            session.run(one)
    finally:
        crew.end()
        session.stop()
    return {one: read(folder / "run" / "traces" / f"{one}.jsonl") for one in idents}, told


def cards(records):
    return [one for one in records if one["kind"] == "command" and one.get("card")
            and not one["name"].startswith("canary")]  # fmt: skip


def test_two_operators_do_the_cards_of_three_scenarios_in_any_order(tmp_path):
    idents = ["first", "second", "third"]
    with double(tmp_path) as (screens, port):
        crew = Crew(screens, gather=3)
        traces, told = run(tmp_path, idents, crew, profile_text(screens, port))
    assert {one: trace.verdict for one, trace in traces.items()} == dict.fromkeys(idents, "pass")
    names = {}
    for ident, trace in traces.items():
        done = cards(trace.records)
        assert [(one["name"], one["operator"]) for one in done] == [
            ("admit", "张工"), ("order", "李医生"),
        ]  # fmt: skip
        names[ident] = done[0]["args"]["name"]
    assert [name for who, name in crew.done if who == "张工"] == [
        names[one] for one in reversed(idents)
    ]
    heads = [line for line in told if line.startswith("▶▶")]
    assert len(heads) == 2, told
    for ident, trace in traces.items():
        texts = "".join(str(one) for one in trace.records)
        for other in idents:
            assert (names[other] in texts) == (other == ident)


def test_a_run_that_was_broken_off_goes_on_with_a_batch_of_what_is_left(tmp_path):
    idents = ["first", "second", "third"]
    with double(tmp_path) as (screens, port):
        text = profile_text(screens, port)
        before, _ = run(tmp_path, idents, Crew(screens, gather=3), text, only=1)
        assert [trace.verdict for trace in before.values()] == ["pass", "", ""]
        assert [one["outcome"] for one in cards(before["second"].records)] == ["ok", "ok"]
        crew = Crew(screens, gather=2)
        after, told = run(tmp_path, idents, crew, text, resume=True)
    assert [trace.verdict for trace in after.values()] == ["pass"] * 3
    assert after["first"].records == before["first"].records
    assert len(crew.done) == 4
    assert sum("2 " in line for line in told if line.startswith("▶▶")) == 2
