"""The reconciliation page in a real browser: no complaint, no request, no sideways scroll."""

import json
import os
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import sync_playwright

from harness.ledger.report_write import write_reports

CHROMIUM = Path(os.environ.get("MEDHARNESS_CHROMIUM", "/usr/bin/chromium"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.exists() and os.environ.get("MEDHARNESS_REQUIRE_PEERS") != "1",
        reason="chromium is not installed",
    ),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out = tmp_path_factory.mktemp("ledger")
    (out / "work").mkdir()
    base = duckdb.connect()
    base.execute(
        "CREATE TABLE t AS SELECT side, n AS line, 'S2026090100000' || n AS setl_id,"
        " CASE WHEN n < 5 THEN 'matched' WHEN n < 8 THEN 'amount_mismatch' ELSE 'ambiguous' END"
        " AS class, 'medfee_sumamt' AS field, other || ':' || n AS partner,"
        " 100::BIGINT AS delta_fen, 'key' AS stage, 'unknown' AS cause, '' AS confidence,"
        " '' AS advice, (1234567800 + CASE WHEN side = 'his' THEN 100 ELSE 0 END)::BIGINT"
        " AS medfee_fen, repeat('long', 40) AS x_memo FROM (VALUES ('his', 'centre'),"
        " ('centre', 'his')) s(side, other), range(1, 12) r(n)"
    )
    base.execute(f"COPY t TO '{out / 'work' / 'verdicts.parquet'}' (FORMAT parquet)")
    base.close()
    (out / "totals.json").write_text(json.dumps({"verdict": "differs"}), encoding="utf-8")
    return write_reports(out, lang="zh-CN", title="样例医院")[0]


def test_the_page_fits_a_desk_and_a_telephone_and_asks_for_nothing(report):
    complaints, asked = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            for width in (1280, 390):
                page = browser.new_page(viewport={"width": width, "height": 900})
                page.on("console", lambda message: complaints.append(message.text))
                page.on("request", lambda request: asked.append(request.url))
                page.goto(report.as_uri())
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert page.locator("svg.bridge").is_visible()
                assert page.locator(".case").count() == 7
                size = page.locator("svg.bridge .amount").first.bounding_box()
                assert size["height"] >= 10  # readable on the telephone too
        finally:
            browser.close()

    assert complaints == []
    assert set(asked) == {report.as_uri()}
