"""What it costs to collect scenarios: 500 of 9 sentences each, bound to 150 steps."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from harness.scenario.binding import load
from harness.scenario.steps import Library, Registry

FILES: Final = 20
SCENARIOS_PER_FILE: Final = 25
STEPS: Final = 150
SENTENCES: Final = 9

_KINDS: Final = (("given", "假如"), ("when", "当"), ("then", "那么"))
_AREAS: Final = ["门诊", "住院", "急诊", "体检", "检验", "影像", "药房", "收费", "结算", "病理"]
_ACTIONS: Final = ["登记", "变更", "撤销", "核对", "上传"]


def _sentence(number: int) -> tuple[str, str, str, str]:
    """Kind, keyword, sentence with holes, and an example of step ``number``."""
    kind, keyword = _KINDS[number % 3]
    area, action = _AREAS[number // 3 % 10], _ACTIONS[number // 30]
    if kind == "then":
        return (
            kind,
            keyword,
            f"{{duration}}内{area}的{action}应有{{int}}条",
            f"10秒内{area}的{action}应有3条",
        )
    verb = "已准备" if kind == "given" else "执行"
    return kind, keyword, f"{area}{verb}患者{{string}}的{action}", f"{area}{verb}患者“甲”的{action}"


def _library() -> Library:
    library = Library("bench")
    for number in range(STEPS):
        kind, keyword, sentence, example = _sentence(number)

        def two(world: Any, limit_s: Any, count: Any) -> None:
            """Never called here."""

        def one(world: Any, first: Any) -> None:
            """Never called here."""

        register = getattr(library, kind)
        register(
            sentence,
            id=f"bench.step-{number}",
            purpose=f"第{number}句",
            effect="无",
            example=f"{keyword} {example}",
            gloss=f"sentence {number}",
        )(two if kind == "then" else one)
    return library


def _feature(number: int) -> str:
    lines = ["# language: zh-CN", f"功能: 第{number}组", "  负责人: 性能组", ""]
    for scenario in range(SCENARIOS_PER_FILE):
        ident = number * SCENARIOS_PER_FILE + scenario
        lines += [f"  @接口-LIS-ORU @REQ-LAB-001 @id-bench-{ident}", f"  场景: 第{ident}个"]
        for sentence in range(SENTENCES):
            kind = sentence * 3 // SENTENCES
            step = (ident * 7 + sentence * 11) % (STEPS // 3) * 3 + kind
            _, keyword, _, example = _sentence(step)
            word = keyword if sentence % 3 == 0 else "而且"
            lines.append(
                f"    {word} {example.replace('甲', f'患者{ident}').replace('3条', f'{ident}条')}"
            )
        lines.append("")
    return "\n".join(lines)


def measure(rounds: int) -> dict[str, float]:
    """Median seconds to register the steps, read the files and bind every sentence."""
    taken: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(FILES):
            (folder / f"{number:02d}.feature").write_text(_feature(number), "utf-8")
        for _ in range(rounds):
            begin = time.perf_counter()
            bound = load([folder], Registry([_library()]))
            taken.append(time.perf_counter() - begin)
            assert len(bound) == FILES * SCENARIOS_PER_FILE
            assert all(len(scenario.steps) == SENTENCES for scenario in bound)
    return {"bind_s": statistics.median(taken)}


if __name__ == "__main__":
    print(json.dumps(measure(5), indent=1))
