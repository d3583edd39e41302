"""The page of a self-check says what the file says, in both languages."""

import re

from harness import i18n
from harness.selfcheck import page

DEFECT = {
    "defect": "lis-x",
    "source": "hl7-1",
    "places": ["p"],
    "caught_by": ["s-luck", "s-meant", "s-placed"],
    "intended": ["s-meant", "s-placed"],
    "placed": ["s-placed"],
    "seen_at": ["p"],
    "caught": True,
}
MISSED = DEFECT | {
    "defect": "his-yb-y",
    "caught_by": [],
    "intended": [],
    "placed": [],
    "caught": False,
}
DOCUMENT = {
    "format": 1,
    "harness_version": "0.1.0",
    "commit": "0123456789abcdef",
    "finished": "2026-01-05T10:00:00+08:00",
    "whole": True,
    "seed": 1,
    "jobs": 2,
    "seconds": 12.5,
    "failures": ["<b>his-yb-y</b>: not caught"],
    "defects": [DEFECT, MISSED],
    "seeds": [{"seeds": 20, "false_alarms": ["seed 3: fail"]}],
    "flakes": {
        "runs": 40,
        "rate": 0.025,
        "flaky": [{"scenario": "s-f", "verdict": "fail", "reasons": ["LIS-ORU"]}],
    },
    "oracles": {"mutants": 100, "killed": 93, "survivors": ["alter unit"], "vacuous": []},
    "link_mutants": {"caught": 9, "felt": 10, "survivors": ["his-lis drop"]},
    "store_mutants": {"caught": 5, "felt": 5, "survivors": []},
}


def test_cells_say_how_a_scenario_failed():
    lis, settlement = page.matrices(DOCUMENT["defects"])

    assert lis["columns"] == ["s-luck", "s-meant", "s-placed"]
    assert lis["rows"][0]["cells"] == ["luck", "meant", "placed"]
    assert (settlement["name"], settlement["rows"][0]["caught"]) == ("his-yb", False)


def test_the_page_has_every_figure_and_every_list_and_asks_for_nothing(tmp_path):
    written = page.write(DOCUMENT, tmp_path)
    chinese, english = (path.read_text(encoding="utf-8") for path in written)

    for text in (chinese, english):
        for figure in ("1 / 2", "1 / 20", "1 / 40", "93 / 100", "9 / 10", "5 / 5"):
            assert f"<td>{figure}</td>" in text
        assert "s-f: fail LIS-ORU" in text
        assert "&lt;b&gt;his-yb-y" in text
        assert not re.search(r"https?://|<script", text)
    assert 'lang="zh-CN"' in chinese
    assert re.search("[\u4e00-\u9fff]", english) is None
    assert i18n.current() == "zh-CN"


def test_what_was_not_measured_is_not_shown():
    bare = {key: DOCUMENT[key] for key in list(DOCUMENT)[:9]} | {"failures": []}

    assert page.figures(bare) == []
    assert page.lists(bare) == []
    assert "<ul>" not in page.render(bare, lang="en")
