"""The page in a real browser: nothing leaves it, nothing runs in it, it fits a phone, it can be read in the dark and printed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard.language import in_language
from steelyard.report.page import render
from steelyard.run import Run

pytestmark = pytest.mark.browser
Open = Callable[..., Any]

# Every element that has text of its own, with the contrast of its colour against what lies behind it.
CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = '#000'; canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const over = (top, low) => [0, 1, 2].map(i => top[i] * top[3] + low[i] * (1 - top[3])).concat(1);
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join('');
    if (!own || element.tagName === 'title' || element.closest('.hidden, .skip') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), layers = [], svg = element.tagName === 'text';
    const cell = svg && element.closest('.cell');
    if (cell) layers.push(rgba(getComputedStyle(cell.querySelector('rect')).fill));
    for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    const paper = layers.reverse().reduce((low, top) => over(top, low), [255, 255, 255, 1]);
    const ink = over(rgba(svg ? style.fill : style.color), paper);
    const [high, low] = [light(ink), light(paper)].sort((a, b) => b - a), size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    found.push({text: own.slice(0, 40), tag: element.tagName, ratio: (high + 0.05) / (low + 0.05), least});
  }
  return found;
}"""


# What sticks out of its chapter to the right, but for what scrolls within it.
OUTSIDE = """width => [...document.querySelectorAll('section')].flatMap(section => {
  const edge = section.getBoundingClientRect().right - 1;
  const meant = e => e.closest('.wide, .hidden, svg') || (e.closest('thead, tfoot') && width < 640);
  return [...section.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > edge && !meant(e)).map(e => e.tagName); })"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """Debian's chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def opened(browser: Any, runs: dict[str, Run], tmp_path: Path) -> Iterator[Open]:
    """Open a run's page; fails at the end where it asked for anything else, complained, or ran a script of a person's."""
    contexts, asked, complaints = [], [], []

    def show(name: str, language: str = "en", width: int = 1280, scheme: str = "light") -> Any:
        with in_language(language):
            html = render(runs[name])
        file = tmp_path / f"{name}-{language}.html"
        file.write_text(html, encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True))
        page = contexts[-1].new_page()
        page.on("request", lambda request: asked.append(request.url) if request.url != file.as_uri() else None)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        return page

    yield show
    assert not [url for url in asked if not url.startswith("data:")], asked
    assert not complaints, complaints
    for context in contexts:
        assert context.pages[0].evaluate("window.hacked") is None
        context.close()


@pytest.mark.parametrize("name", ["text", "picture", "sound", "refused", "hostile", "many"])
def test_no_request_no_complaint_no_sideways_scroll(opened: Open, name: str) -> None:
    for width in (360, 1280):
        page = opened(name, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.querySelectorAll('script').length") == 0
        assert page.evaluate(OUTSIDE, width) == []
        images = page.evaluate("[...document.images].map(i => i.naturalWidth)")
        assert all(images)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["text", "picture", "sound", "refused"])
def test_every_word_can_be_read(opened: Open, name: str, scheme: str) -> None:
    found = opened(name, scheme=scheme).evaluate(CONTRAST)
    assert len(found) > 100
    assert not [one for one in found if one["ratio"] < one["least"]]


def test_light_and_dark_differ(opened: Open) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    assert opened("text").evaluate(colour) != opened("text", scheme="dark").evaluate(colour)


def test_chinese_has_its_fonts_and_fits(opened: Open) -> None:
    page = opened("text", "zh", width=360)
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert "五句话" in page.inner_text("h2 >> nth=0")


@pytest.mark.parametrize("width", [360, 1280])
def test_sounds_play_below_their_picture(opened: Open, width: int) -> None:
    page = opened("sound", width=width)
    page.wait_for_function("[...document.querySelectorAll('audio')].every(a => a.readyState > 0)")
    assert page.evaluate("document.querySelectorAll('#answers audio').length") == 10
    assert page.evaluate("[...document.querySelectorAll('audio')].every(a => a.error === null && Math.abs(a.duration - 0.5) < 0.15)")
    below = """[...document.querySelectorAll('#answers li, #dependence li')].every(li => {
      const picture = li.querySelector('img'), sound = li.querySelector('audio');
      return !sound || sound.getBoundingClientRect().top >= picture.getBoundingClientRect().bottom; })"""
    assert page.evaluate(below)
    assert page.evaluate("document.querySelectorAll('#dependence .heat').length") == 10


def test_parts_are_listed_the_worst_first(opened: Open) -> None:
    words = opened("sound").inner_text("#mistakes")
    assert words.index("re\n") < words.index("40.0%") < words.index("90.0%") and "30 in truth; F1 of tagged words 90.0%" in words
    assert "and 3 further labels" in words
    assert "其余" in opened("sound", "zh").inner_text("#mistakes") or "另有 3 个标签" in opened("sound", "zh").inner_text("#mistakes")


def test_hostile_words_are_words(opened: Open) -> None:
    page = opened("hostile")
    assert page.evaluate("document.querySelectorAll('main img, audio').length") == 0  # none of its addresses is a picture or a sound
    assert "<script>window.hacked=1</script>" in page.inner_text("main")
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") != "0px"


def test_links_lead_to_their_chapters_and_the_keyboard_reaches_them(opened: Open) -> None:
    page = opened("text")
    for href in page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"):
        assert page.query_selector(href) is not None
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("[...document.querySelectorAll('.wide')].every(e => e.tabIndex === 0 && e.getAttribute('aria-label'))")


def test_who_listens_hears_tables_and_pictures(opened: Open) -> None:
    page = opened("text")
    tree = page.locator("main").aria_snapshot()
    for words in ('heading "In five sentences" [level=2]', 'rowheader "this model"', 'img "this model: 87.4% (85.0 to 89.4)"',
                  "columnheader"):
        assert words in tree, words


def test_it_prints(opened: Open) -> None:
    page = opened("text", scheme="dark")
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and 20_000 < len(pdf) < 3_000_000
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert not [one for one in page.evaluate(CONTRAST) if one["ratio"] < one["least"]]
