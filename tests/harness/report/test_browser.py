"""The report in a real browser: no error, no request, no sideways scroll, details, A4."""

import os
import re
import zlib
from pathlib import Path

import pytest
import sample
from playwright.sync_api import sync_playwright

from harness.report.run import write

CHROMIUM = Path(os.environ.get("MEDHARNESS_CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
WIDTHS = [1280, 390]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.exists() and os.environ.get("MEDHARNESS_REQUIRE_PEERS") != "1",
        reason=f"no browser at {CHROMIUM}",
    ),
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = sample.write_folder(tmp_path_factory.mktemp("browser") / "run")
    write(folder, lang="en")
    return folder / "report.html"


@pytest.fixture
def opened(browser, report):
    """Opens the report at a width; afterwards the browser must have had nothing to complain of."""
    pages, complaints, asked = [], [], []

    def open_at(width, **context):
        page = browser.new_page(viewport={"width": width, "height": 900}, **context)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        pages.append(page)
        return page

    yield open_at
    for page in pages:
        page.close()
    assert complaints == []
    assert set(asked) == {report.as_uri()}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_never_scrolls_sideways(opened, width):
    page = opened(width)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_click_on_an_arrow_shows_fields_and_bytes(opened, width):
    page = opened(width)
    panel = page.locator("#panel")
    assert panel.is_hidden()

    page.locator("#s3 a[data-detail]").nth(1).click()

    assert panel.is_visible()
    assert "MSH-9" in panel.inner_text()
    assert re.search(r"000000  4d 53 48 7c", panel.locator(".hex").first.text_content())
    box = panel.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.keyboard.press("Escape")
    assert panel.is_hidden()


def test_an_arrow_opens_by_keyboard_and_gives_the_focus_back(opened):
    page = opened(1280)
    link = page.locator("#s3 a[data-detail]").first
    link.focus()
    page.keyboard.press("Enter")

    assert page.locator("#panel").is_visible()
    page.keyboard.press("Enter")  # the focus is on the close button
    assert page.locator("#panel").is_hidden()
    assert page.evaluate(
        "document.activeElement.getAttribute('data-detail')"
    ) == link.get_attribute("data-detail")


def test_without_javascript_the_link_leads_to_the_details(browser, report):
    page = browser.new_page(java_script_enabled=False)
    page.goto(report.as_uri())
    page.locator("#s3 a[data-detail]").first.click()

    assert page.url.startswith(report.as_uri() + "#s3-")
    assert page.locator("#panel").is_hidden()
    page.close()


def test_it_prints_on_a4_with_everything_unfolded(opened, tmp_path):
    page = opened(1280)
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True, print_background=True)
    raw = (tmp_path / "report.pdf").read_bytes()

    # ISO 216: A4 is 210 × 297 mm, which is 595.3 × 841.9 points of 1/72 inch.
    boxes = re.findall(rb"/MediaBox\s*\[([\d. ]+)\]", raw + _inflated(raw))
    assert boxes
    for box in boxes:
        left, bottom, right, top = (float(part) for part in box.split())
        assert (right - left, top - bottom) == pytest.approx((595.3, 841.9), abs=1.5)


def test_paper_has_no_cut_arrow_and_no_folded_pass(opened):
    page = opened(720)
    page.emulate_media(media="print")

    slices = page.locator(".slice")
    for number in range(slices.count()):
        one = slices.nth(number)
        if not one.is_visible():
            continue
        style = one.evaluate("one => getComputedStyle(one).breakInside")
        box = one.bounding_box()
        assert style == "avoid"
        assert box["height"] < 267 / 25.4 * 96  # the page without its margins
    assert page.locator("#passed table").first.is_visible()
    assert page.locator("#s3 .message.key").first.is_visible()
    assert page.locator("#panel").is_hidden()


def _inflated(raw: bytes) -> bytes:
    """The compressed streams of a PDF, where newer writers keep their objects."""
    parts = []
    for match in re.finditer(rb"stream\r?\n", raw):
        try:
            parts.append(zlib.decompressobj().decompress(raw[match.end() :]))
        except zlib.error:
            continue
    return b"\n".join(parts)
