"""Control totals by blocks are those line by line, whatever a file has in it."""

from __future__ import annotations

import random

import pytest

from harness.ledger import control, control_blocks, sniff

HEADS = ["setl_id", "psn_name", "medfee_sumamt", "fund_pay_sumamt", "memo"]
AMOUNTS = ["12.30", "-7.05", "0.00", "99999999999.99", "12", "1.5", "", "null", "1,000.00", "1e3",
           "123456789012345.67", "１２.00", "-", "+3.00", " 4.00", "5.00 ", "1.2.3", "..5", "-.50", "99999.99", "-99999.99",
           "100000.00", "-12345678.90", "0.0", "1.00-", "00000.00", "0000000.5"]  # fmt: skip
NAMES = ["欧阳修", "张三", "Li", "", "丂"]
MEMOS = ["a", "bb", "中文", "", "x" * 40]


def lines(luck, count, *, usual):
    """Data lines; now and then one that is crooked, blank, or sums up."""
    found = []
    for n in range(count):
        amounts = AMOUNTS[:3] if luck.random() < usual else AMOUNTS
        cells = [f"S{n}", luck.choice(NAMES), luck.choice(amounts), luck.choice(amounts)]
        cells.append(luck.choice(MEMOS))
        if luck.random() > usual:
            cells = luck.choice(
                [[""], cells[:3], [*cells, "more"], ["合计", "", "1.00", "1.00", ""]]
            )
        found.append(cells)
    return found


def both(path, monkeypatch):
    """(by blocks, line by line, blocks that were added up whole)."""
    dialect = sniff.look(path, label="his.csv", renames={})
    whole = []
    honest = control_blocks.Sums.add

    def counted(self, split):
        whole.append(split.rows)
        return honest(self, split)

    monkeypatch.setattr(control_blocks.Sums, "add", counted)
    monkeypatch.setattr(control_blocks, "BLOCK_BYTES", 2_000)
    monkeypatch.setattr(control, "BLOCKS_FROM_BYTES", 0)
    fast = control.control(path, dialect, "his.csv")
    monkeypatch.setattr(control, "BLOCKS_FROM_BYTES", 1 << 60)
    return fast, control.control(path, dialect, "his.csv"), whole


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("seed", range(6))
def test_totals_by_blocks_are_those_line_by_line(tmp_path, monkeypatch, encoding, newline, seed):
    luck = random.Random(seed)
    usual = luck.choice([1.0, 0.999, 0.9])
    delimiter = luck.choice([",", "\t"])
    rows = [HEADS, *lines(luck, 400, usual=usual)]
    amounts = [[one.replace(",", "") if delimiter == "," else one for one in row] for row in rows]
    text = newline.join(delimiter.join(row) for row in amounts)
    path = tmp_path / "his.csv"
    path.write_bytes((text + luck.choice([newline, ""])).encode(encoding))

    fast, slow, whole = both(path, monkeypatch)
    assert fast == slow
    assert slow.rows > 0
    assert bool(whole) or usual < 1.0


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_each_way_to_write_an_amount_is_added_up_by_blocks(tmp_path, monkeypatch, delimiter):
    spoilt = ["12345.67"[:n] + char + "12345.67"[n + 1 :] for n in range(8) for char in "x/:. -"]
    amounts = [one for one in (*AMOUNTS, *spoilt) if delimiter not in one]
    body = [["S1", "a", one, other, "m"] for one in amounts for other in ("1.00", one)]
    path = tmp_path / "his.csv"
    path.write_text("\n".join(delimiter.join(row) for row in [HEADS, *body]) + "\n", "utf-8")
    fast, slow, whole = both(path, monkeypatch)
    assert fast == slow
    assert sum(whole) == len(body), "no line may leave it to the other way"


@pytest.mark.parametrize("odd", ['S9,"a,b",1.00,2.00,x', "S9,a\rb,1.00,2.00,x", "S9"])
def test_what_bytes_do_not_tell_is_left_to_the_way_line_by_line(tmp_path, monkeypatch, odd):
    body = [f"S{n},a,1.00,2.00,x" for n in range(300)]
    path = tmp_path / "his.csv"
    path.write_bytes("\n".join([",".join(HEADS), *body, odd, *body, ""]).encode())
    fast, slow, _ = both(path, monkeypatch)
    assert fast == slow
    assert slow.rows >= 2 * len(body)


def test_a_file_cut_off_is_seen_by_blocks_too(tmp_path, monkeypatch):
    body = [f"S{n},a,1.00,2.00,0123456789" for n in range(300)]
    path = tmp_path / "his.csv"
    path.write_bytes("\n".join([",".join(HEADS), *body, "S301,a,1.00,2.00,01234"]).encode())
    fast, slow, whole = both(path, monkeypatch)
    assert whole
    assert fast == slow
    assert fast.problems


def test_a_hundred_thousand_yuan_more_in_one_cell_is_seen(tmp_path, monkeypatch):
    body = [f"S{n},a,1.00,2.00,x" for n in range(300)]
    path = tmp_path / "his.csv"
    path.write_bytes("\n".join([",".join(HEADS), *body, "S,a,100001.00,2.00,x", ""]).encode())
    fast, _, whole = both(path, monkeypatch)
    assert whole
    assert fast.sums == {"medfee_sumamt": 300_00 + 10_000_100, "fund_pay_sumamt": 301 * 200}
