"""A whole run whose two 那么 are looked at by persons: a DBA with a file, a nurse at her screen."""

import contextlib
import csv
import sqlite3

import pytest
from hands import Operators, double, profile_text, run_feature
from test_operator_steps import together, worker

from harness.site import vault

pytestmark = pytest.mark.slow

PROBES = """
[probes.his-results]
owner = "Li, 8001"
reach = "stored"
role = "HIS"
kind = "carried"
url = "folder:dba"
query = \"\"\"
SELECT barcode, patient_id, item, value, unit, flag, status, tested_at, version
FROM results WHERE barcode = :barcode\"\"\"

[probes.his-alarms]
role = "HIS"
kind = "person"
owner = "护士站，8001"
reach = "displayed"
query = "看标本 :barcode 的弹窗"
[probes.his-alarms.columns]
item = "项目"
level = "级别"
state = "状态"
patient_id = "患者号"
value = "结果"
ward = "病区"
acknowledged_by = "确认人"
"""

FEATURE = """# language: zh-CN
@接口-LIS-ASTM
功能: 现场
  负责人: 测试组

  @REQ-LAB-001 @id-on-site
  场景: 由人核对
    假如 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K    |
    当 分析仪“生化仪”上传标本“管1”的结果:
      | 项目 | 结果 | 标志 |
      | K    | 6.90 | HH   |
    那么 2秒内HIS中标本“管1”的结果应为:
      | 项目 |
      | K    |
    而且 2秒内HIS中应有且仅有标本“管1”的危急值:
      | 项目 | 级别 | 状态   |
      | K    | HH   | 已通知 |
"""


def until_the_page_ends(work):
    """A person who looks again where a call was lost; the page ends with the run."""

    def done(address, stop):
        while not stop.is_set():
            with contextlib.suppress(OSError):
                work(address, stop)
            stop.wait(1.0)

    return done


def dba(folder, change=lambda table, _: table):
    """Runs each SQL file at the HIS and puts the table beside it, as the hospital's DBA does."""

    def work(_address, stop):
        old = []
        while not stop.wait(0.05):
            for sql in sorted((folder / "dba").glob("*.sql")):
                target = sql.with_suffix(".csv")
                if target.exists():
                    continue
                # In the words of this database: its clock tells UTC.
                text = sql.read_text(encoding="utf-8")
                text = text.replace("CURRENT_TIMESTAMP", "datetime('now', '+8 hours')")
                with sqlite3.connect(folder / "double.sqlite") as db:
                    cursor = db.execute(text)
                    table = [[one[0] for one in cursor.description], *cursor.fetchall()]
                db.close()
                partial = target.with_suffix(".part")
                with partial.open("w", encoding="utf-8-sig", newline="") as file:
                    csv.writer(file).writerows(change(table, old))
                partial.replace(target)

    return work


def nurse(read, *, stale=False):
    """Looks at her screen and types what stands there, with the token of the card."""

    def work(address, stop):
        board = Operators(address)
        while not stop.wait(0.05):
            for card in board.cards():
                if "弹窗" not in card["text"]:
                    continue
                barcode = card["text"].split("标本 ")[1].split(" ")[0]
                token = card["text"].rpartition("token ")[2].rstrip(")")
                token = (
                    card["text"].rpartition("令牌 ")[2].rstrip("）") if len(token) > 4 else token
                )
                typed = read(barcode) | {"mh_token": "0000F" if stale else token}
                board.post("/take", card=card["number"], operator="王护士")
                for name, _ in card["typed"]:
                    board.post("/typed", card=card["number"], name=name, value=typed[name])

    return work


def walked(tmp_path, *, change=lambda table, _: table, stale=False):
    def screen(barcode):
        with sqlite3.connect(tmp_path / "double.sqlite") as db:
            row = db.execute("SELECT item, level, state, patient_id, value, ward FROM alarms"
                             " WHERE barcode = ?", [barcode]).fetchone()  # fmt: skip
        db.close()
        names = ("item", "level", "state", "patient_id", "value", "ward")
        found = dict(zip(names, row or ("-",) * len(names), strict=True))
        return found | {"acknowledged_by": "-"}

    done = []
    with double(tmp_path) as (screens, port):
        text = profile_text(screens, port, more=PROBES)
        work = together(
            screens.self_test, dba(tmp_path, change),
            until_the_page_ends(worker(screens, "入院登记", "张工", done)),
            until_the_page_ends(worker(screens, "医生站", "李医生", done)),
            until_the_page_ends(nurse(screen, stale=stale)),
        )  # fmt: skip
        return run_feature(tmp_path, text, work, feature=FEATURE)


def looks(records, probe):
    return [one for one in records if one["kind"] == "probe" and one["probe"] == probe]


def test_what_the_dba_brings_and_what_the_nurse_sees_is_judged(tmp_path):
    conclusion, records, told = walked(tmp_path)

    assert conclusion.verdict == "pass", conclusion.reasons
    (carried,), (seen,) = looks(records, "his-results"), looks(records, "his-alarms")
    assert carried["rows"][0]["value"] == "6.90"
    assert (seen["reach"], seen["by"]) == ("displayed", "王护士")
    assert seen["person_s"] > 0
    kept = tmp_path / "run" / "carried"
    assert len(list(kept.glob("*.sql"))) == 1, "the DBA is sent once a sentence"
    assert len(list(kept.glob("*.csv"))) == 1
    assert list((tmp_path / "dba").iterdir()) == [], "nothing is left beside the profile"
    (tmp_path / "run" / "plan.json").write_text("{}", encoding="utf-8")
    vault.seal(tmp_path / "run", "correct horse battery")
    assert {one.suffix for one in kept.iterdir()} == {vault.SUFFIX}
    assert any("弹窗" in line for line in told)


def test_a_result_of_an_earlier_question_proves_nothing(tmp_path):
    """The DBA saves the table again that he saved an hour ago: its token is another one."""

    def stale(table, _):
        return [table[0], *(["0123456789abcdef", *row[1:]] for row in table[1:])]

    conclusion, records, _ = walked(tmp_path, change=stale)

    assert conclusion.verdict == "inconclusive"
    (carried,) = looks(records, "his-results")
    assert (carried["outcome"], carried["rows"]) == ("failed", [])
    assert any("0123456789abcdef" in one or "his-results" in one for one in conclusion.reasons)


def test_what_was_seen_for_another_card_proves_nothing(tmp_path):
    conclusion, records, _ = walked(tmp_path, stale=True)
    assert conclusion.verdict == "inconclusive"
    assert looks(records, "his-alarms")[0]["outcome"] == "failed"
