"""The operator's page and a HIS with nothing but screens, both in a real browser."""

import os
from pathlib import Path

import pytest
from hands import double, profile_text, run_feature
from playwright.sync_api import sync_playwright

CHROMIUM = Path(os.environ.get("MEDHARNESS_CHROMIUM", "/usr/bin/chromium"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

PAGES = {"入院登记": "入院登记", "医生站": "检验申请"}
"""Which screen a workstation has; the route proof has the one that its card names."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.exists() and os.environ.get("MEDHARNESS_REQUIRE_PEERS") != "1",
        reason="chromium is not installed",
    ),
]


def sit_down(screens, address, stop, asked):
    """One person with two windows: the cards, and the HIS. No number is known beforehand."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        board, his = browser.new_page(), browser.new_page()
        board.on("request", lambda request: asked.append(request.url))
        board.goto(f"http://{address}/")
        board.fill("#who", "王工")
        for first, last in ((True, False), (False, False), (False, True)):
            card = board.locator("article:not(.seen)").first
            card.wait_for(timeout=60_000)
            number = card.get_attribute("data-card")
            place = board.locator(f"section:has([data-card='{number}'])").get_attribute(
                "data-workstation"
            )
            card.locator("button").click()
            his.goto(f"{screens.client}/?page={PAGES.get(place, '接口自检')}")
            for field in his.locator("form input").all():
                label = field.get_attribute("name")
                told = board.locator(f"article[data-card='{number}'] dd[data-label='{label}']")
                if told.count():
                    field.fill(told.inner_text())
            board.locator(f"article[data-card='{number}'] input[type=file]").set_input_files(
                {"name": "screen.png", "mimeType": "image/png", "buffer": his.screenshot()}
            )
            his.get_by_role("button", name="保存").click()
            his.locator("#said").wait_for(timeout=60_000)
            if not last:  # after the last one the run ends, and its page with it
                gone = f"article[data-card='{number}']:not(.seen)"
                board.locator(gone).wait_for(state="detached", timeout=60_000)
            if first:  # the picture of the result, once the card is done
                board.locator(f"p[data-done='{number}'] input").set_input_files(
                    {"name": "after.png", "mimeType": "image/png", "buffer": his.screenshot()},
                    timeout=60_000,
                )
                told = f"p[data-done='{number}']:has-text('(2)')"
                board.locator(told).wait_for(timeout=60_000)
        browser.close()


def test_a_person_at_a_his_with_screens_only(tmp_path):
    asked = []
    with double(tmp_path) as (screens, port):
        conclusion, records, _ = run_feature(
            tmp_path,
            profile_text(screens, port),
            lambda address, stop: sit_down(screens, address, stop, asked),
        )

    assert conclusion.verdict == "pass", conclusion.reasons
    by_hand = [one for one in records if one["kind"] == "command" and one.get("card")][1:]
    assert [one["name"] for one in by_hand] == ["admit", "order"]
    assert {one["operator"] for one in by_hand} == {"王工"}
    first = by_hand[0]["attachments"][0]
    assert (tmp_path / "run" / "attachments" / first["sha256"]).read_bytes().startswith(b"\x89PNG")
    assert all(url.startswith(("http://127.0.0.1:", "blob:")) for url in asked)
    listed = (tmp_path / "run" / "attachments" / "index.csv").read_text(encoding="utf-8-sig")
    assert [line.split(",")[0] for line in listed.splitlines() if line.endswith(",yes")] == ["1"]
