"""The page in a real browser: what a reader does with it."""

import json

import pytest

from cliqa.leaderboard import board_html
from cliqa.registry import Registry
from cliqa.report import load_published

EVIL = "<script>alert(1)</script>"
ROWS = "Array.from(document.querySelectorAll('section.track:not([hidden]) .board tbody tr'))"
SHOWN = f"{ROWS}.filter(r => !r.hidden)"


@pytest.fixture(scope="module")
def page(tmp_path_factory, write_run, board_of):
    """Two orders, two backbones' worth of rows, a rejected bundle and a hostile name."""
    root = tmp_path_factory.mktemp("page")
    for seed in range(2):
        write_run(root / f"ft-{seed}", method="ft", gates={"newest": False}, seed=seed)
        kept = {"cost": {"exemplar_images": 40, "train_cpu_seconds": 9}}
        write_run(root / f"er-{seed}", method="er", seed=seed, extra=kept)
        write_run(root / f"evil-{seed}", method=EVIL, seed=seed)
        turned = {"tasks": ("bid", "csiq", "live"), "order": "V"}
        write_run(root / f"er-v-{seed}", method="er", seed=seed, **turned)
    write_run(root / "half", method="half", finish=False)
    published = load_published(Registry.discover(third_party=False), print)
    board = board_of(root, baseline="ft", published=published)
    path = root / "index.html"
    path.write_text(board_html(board), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def open_page(browser, page):
    def load(**view):
        browser.open(page, **view)
        return browser

    return load


def choose(browser, name, value):
    browser.run(
        f"(() => {{ const s = document.querySelector('select[name={name}]');"
        f"s.value = {json.dumps(value)};"
        "s.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def column(browser, name, number=0):
    """Sorting keys of a column of one table, as its rows stand."""
    return browser.run(
        "(() => { const t = document.querySelectorAll('.board')[" + str(number) + "];"
        "const at = Array.from(t.tHead.rows[0].cells)"
        f".findIndex(c => c.innerText.trim() === {json.dumps(name)});"
        "return Array.from(t.tBodies[0].rows).map(r => r.cells[at].dataset.v ?? null); })()"
    )


def click(browser, name):
    browser.run(
        "Array.from(document.querySelectorAll('.board')[0].querySelectorAll('button'))"
        f".find(b => b.innerText.trim() === {json.dumps(name)}).click()"
    )


def states(browser):
    return browser.run(
        "Array.from(document.querySelectorAll('.board')[0].querySelectorAll('th[aria-sort]'))"
        ".map(t => t.getAttribute('aria-sort'))"
    )


def test_it_opens_without_a_complaint_and_asks_the_network_for_nothing(open_page):
    browser = open_page()
    for name in ("mPSI", "method"):
        click(browser, name)
    choose(browser, "gate", "kmeans")
    assert browser.complaints == []
    assert browser.requests == []


def test_all_rows_are_shown_at_first(open_page):
    browser = open_page()
    count = browser.run(f"{SHOWN}.length")
    assert count == browser.run("document.querySelectorAll('.board tbody tr').length") > 10
    assert f"{count} of {count} rows" in browser.run("document.getElementById('status').innerText")


def test_a_column_sorts_down_then_up_and_says_so(open_page):
    browser = open_page()
    click(browser, "mPSI")
    down = [float(v) for v in column(browser, "mPSI")]
    assert down == sorted(down, reverse=True)
    assert states(browser).count("descending") == 1
    click(browser, "mPSI")
    assert [float(v) for v in column(browser, "mPSI")] == down[::-1]
    assert states(browser).count("ascending") == 1
    assert states(browser).count("none") == len(states(browser)) - 1
    click(browser, "method")
    names = column(browser, "method")
    assert names == sorted(names, key=str.lower)


def test_missing_values_come_last_in_both_directions(open_page):
    browser = open_page()
    for _ in range(2):
        click(browser, "training, CPU s")
        found = column(browser, "training, CPU s")
        given = [v for v in found if v is not None]
        assert given
        assert found == given + [None] * (len(found) - len(given))


def test_filters_keep_what_fits_and_reset_brings_all_back(open_page):
    browser = open_page()
    everything = browser.run(f"{SHOWN}.length")
    choose(browser, "memory", "exemplars")
    assert set(browser.run(f"{SHOWN}.map(r => r.dataset.memory)")) == {"exemplars"}
    choose(browser, "gate", "uniform")
    kept = browser.run(f"{SHOWN}.map(r => [r.dataset.memory, r.dataset.gate])")
    assert kept
    assert all(pair == ["exemplars", "uniform"] for pair in kept)
    browser.run("document.querySelector('button[type=reset]').click()")
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert browser.run(f"{SHOWN}.length") == everything


def test_track_and_order_hide_whole_tracks(open_page):
    browser = open_page()
    visible = "Array.from(document.querySelectorAll('section.track:not([hidden])'))"
    assert browser.run(f"{visible}.length") == 3
    choose(browser, "order", "V")
    assert browser.run(f"{visible}.every(t => t.dataset.orders.includes('\"V\"'))")
    assert browser.run(f"{visible}.length") == 2
    choose(browser, "order", "")
    first = browser.run("document.querySelector('section.track').id")
    choose(browser, "track", first)
    assert browser.run(f"{visible}.map(t => t.id)") == [first]
    for name in ("backbone", "extra"):
        values = f"Array.from(document.querySelector('select[name={name}]').options).length"
        assert browser.run(values) >= 2


def test_a_name_that_is_markup_is_shown_as_text(open_page):
    browser = open_page()
    heads = browser.run(f"{ROWS}.map(r => r.cells[0].innerText)")
    assert EVIL in heads
    assert browser.run("document.scripts.length") == 1
    assert not [e for e in browser.events if e["method"] == "Page.javascriptDialogOpening"]


def test_another_script_would_not_be_run(open_page):
    browser = open_page()
    browser.run(
        "(() => { const s = document.createElement('script');"
        "s.textContent = 'window.ran = 1'; document.body.append(s); })()"
    )
    assert browser.run("window.ran === undefined")


def test_sorting_and_filtering_need_no_mouse(open_page):
    browser = open_page()
    browser.key("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    for _ in range(60):
        browser.key("Tab", 9)
        if browser.run("document.activeElement.innerText?.trim() === 'mPSI'"):
            break
    assert browser.run("document.activeElement.tagName") == "BUTTON"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.key("Enter", 13, "\r")
    found = [float(v) for v in column(browser, "mPSI")]
    assert found == sorted(found, reverse=True)
    browser.key(" ", 32, " ")
    assert [float(v) for v in column(browser, "mPSI")] == found[::-1]
    browser.run("document.querySelector('select[name=gate]').focus()")
    before = browser.run(f"{SHOWN}.length")
    browser.key("ArrowDown", 40)
    assert browser.run(f"{SHOWN}.length") < before


CONTRAST = """
(() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (let n = e; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  document.querySelectorAll('details').forEach((d) => { d.open = true; });
  const poor = [];
  let seen = 0;
  for (const e of document.querySelectorAll('body *')) {
    const own = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || ['SCRIPT', 'STYLE', 'OPTION', 'TITLE', 'title'].includes(e.tagName)) continue;
    const style = getComputedStyle(e), inside = e instanceof SVGElement;
    const rect = inside && e.previousElementSibling?.tagName === 'rect' && e.style.fill
      ? parse(getComputedStyle(e.previousElementSibling).fill) : null;
    const [a, b] = [light(parse(inside ? style.fill : style.color)), light(rect || behind(e))];
    seen += 1;
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([e.tagName, e.textContent.slice(0, 30), ratio]);
  }
  return [seen, poor];
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_a_contrast_of_at_least_4_5(open_page, dark):
    seen, poor = open_page(dark=dark).run(CONTRAST)
    assert seen > 200
    assert poor == []


@pytest.mark.parametrize("width", [360, 500, 1200])
def test_the_page_is_never_wider_than_its_window(open_page, width):
    browser = open_page(width=width, height=800)
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") <= width
    # What is wider is scrolled inside of a region that the keyboard reaches.
    assert browser.run(
        "Array.from(document.querySelectorAll('.scroll'))"
        ".every(e => e.tabIndex === 0 && e.getAttribute('aria-label'))"
    )


def test_controls_are_large_enough_for_a_thumb(open_page):
    browser = open_page(width=360, height=800)
    small = browser.run(
        "Array.from(document.querySelectorAll('.filters select, .filters button, .board button'))"
        ".map(e => e.getBoundingClientRect()).filter(r => r.width < 24 || r.height < 24).length"
    )
    assert small == 0


def test_without_its_script_every_row_is_still_there(browser, page):
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        text = browser.send("DOM.getDocument", depth=1)["root"]["nodeId"]
        found = browser.send("DOM.querySelectorAll", nodeId=text, selector=".board tbody tr")
        assert len(found["nodeIds"]) > 10
        hidden = browser.send("DOM.querySelectorAll", nodeId=text, selector=".board [hidden]")
        assert hidden["nodeIds"] == []
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


def test_these_tests_would_notice_a_request_an_error_and_faint_text(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<p style='color: #aaa'>faint</p><img src='missing.png'><script>throw Error('x')</script>"
    )
    browser.open(path.as_uri())
    assert [r for r in browser.requests if r.endswith("missing.png")]
    assert browser.complaints
    assert browser.run(CONTRAST)[1]
