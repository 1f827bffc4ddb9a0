"""The workbench in a browser: notebook 00 in JupyterLab, and as Voila's page."""

import importlib.util
import os
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from browser import CHROMIUM, ROOT, Bench, chromium, open_notebook, served, wait_for, watched

import wpbench as wb
from wpbench.scenario.rules import Overrides
from wpbench.widgets import PRESETS, State
from wpbench.widgets.across import SIZES
from wpbench.widgets.answer import answer, names

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium (Debian: apt install chromium)"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="no playwright (extra `test`)"
    ),
]
# Screenshots are for people to look at; they go where `make clean` removes them.
SHOTS = Path(os.environ.get("WPBENCH_SHOTS", ROOT / "out" / "browser"))


def percent(part, whole):
    return f"{part / whole:.1%}".replace("%", " %")


def shows(bench, state):
    """Wait until the page shows a state's answer, as ``simulate()`` gives it."""
    row = wb.simulate(state.scenario).iloc[0]
    said = (
        f"{names(state)[state.patch_on]}: {percent(row.copies, row.wp_faults)} copied, "
        f"{percent(row.reuses, row.wp_faults)} reused (n = {row.wp_faults} write-protect faults)"
    )
    expected = (state.line, said)
    try:
        wait_for("", lambda: (bench.text("Scenario"), bench.headline()) == expected, 30)
    except TimeoutError:
        assert (bench.text("Scenario"), bench.headline()) == expected


def rates_in(words):
    """Return which kernel a figure's words are about, and the rates of each backend."""
    what, _, rest = words.partition(": ")
    rates = {backend: found for backend, *found in (part.split() for part in rest.split("; "))}
    return what.partition(",")[2].strip(), rates


def figure_shows(bench, state):
    """Wait until the figure has all machines, with the copy rates that ``simulate()`` gives."""
    kernel = f"{names(state)[state.patch_on]}, at {', '.join(map(str, SIZES))} CPUs"
    wait_for(f"all of {kernel}", lambda: rates_in(bench.words())[0] == kernel, 120)
    scenarios = [
        state.with_(backend=b, cpus=n, threads=n).scenario for b in wb.backends() for n in SIZES
    ]
    expected = wb.simulate(scenarios).groupby("backend")["copy_rate"]
    assert rates_in(bench.words())[1] == {
        backend: [f"{rate:.1%}" for rate in rates] for backend, rates in expected
    }


def in_view(bench):
    """Patch, drain policy, headline and figure are on the screen together, all of them."""
    page = bench.page
    bench.box.evaluate("box => box.scrollIntoView({block: 'start'})")
    page.wait_for_timeout(300)
    size = page.viewport_size
    for what, shown in {
        "patch": bench.row("Patch"),
        "drain policy": bench.row("Drain policy of B"),
        "headline": bench.box.locator(".wpbench-headline"),
        "figure": bench.box.locator(".wpbench-picture"),
        "scenario": bench.row("Scenario"),
    }.items():
        box = shown.bounding_box()
        assert box is not None, what
        assert box["width"] > 50, what
        assert box["x"] >= 0, what
        assert box["y"] >= 0, what
        assert box["x"] + box["width"] <= size["width"], what
        assert box["y"] + box["height"] <= size["height"], what
        assert shown.evaluate(
            "e => { const r = e.getBoundingClientRect();"
            " const at = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);"
            " return e.contains(at) || at.contains(e) }"
        ), f"{what} is covered"


def dashboard(bench, name):
    """The first screen: all in view; the toggle changes the figure to what simulate() says."""
    in_view(bench)
    state = State.preset("migrating threads")
    bench.type("Scenario", state.line)  # the list of presets may be folded away
    shows(bench, state)
    figure_shows(bench, state)
    source = bench.figure().get_attribute("src")
    bench.patch("off: patch1")
    shows(bench, state.with_(patch_on=False))
    figure_shows(bench, state.with_(patch_on=False))
    assert bench.figure().get_attribute("src") != source
    bench.patch("on: patch2")
    shows(bench, state)
    in_view(bench)
    shot(bench.page, name)


def shot(page, name, box=None):
    SHOTS.mkdir(parents=True, exist_ok=True)
    if box is not None:
        box.scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / f"{name}.png")


def all_controls(bench):
    """Click and choose, and see that headline and figure follow."""
    figures = set()
    for name in PRESETS:
        bench.choose("Preset", name)
        shows(bench, State.preset(name))
        figures.add(bench.figure().get_attribute("src"))
    assert len(figures) == len(PRESETS)
    bench.choose("Preset", "reproducer on zram")
    shows(bench, State.preset("reproducer on zram"))
    state = State.preset("reproducer on zram").with_(drain="never")
    bench.choose("Drain policy of B", "never")
    shows(bench, state)
    state = state.with_(rules=Overrides({"dead_filter": True}))
    bench.choose("Rule overridden in B", "dead_filter=true")
    shows(bench, state)
    for label, option, changed in (
        ("Rule overridden in B", "none", {"rules": None}),
        ("Drain policy of B", "if-not-lru (default)", {"drain": None}),
        ("Kernel A", "v5.14 to v5.17", {"base": "v5.14"}),
        ("Kernel B", "patch2-always", {"kernel": "patch2-always"}),
    ):
        bench.choose(label, option)
        state = state.with_(**changed)
        shows(bench, state)
    assert bench.row("Kernel looked at").get_by_role("radio", name="A: v5.14").count() == 1
    for label, option, changed in (
        ("Kernel A", "patch1 (off)", {"base": "patch1"}),
        ("Kernel B", "patch2 (on)", {"kernel": "patch2"}),
    ):
        bench.choose(label, option)
        state = state.with_(**changed)
        shows(bench, state)


def points(bench):
    """Click a point, by the mouse and in the list: it becomes the scenario."""
    bench.choose("Preset", "migrating threads")
    state = State.preset("migrating threads")
    shows(bench, state)
    bench.box.locator("button[title^='nvme, 4 CPUs:']").click()
    state = state.with_(backend="nvme", cpus=4, threads=4)
    shows(bench, state)
    bench.choose("Make a point the scenario", "zswap, 16 CPUs")
    shows(bench, state.with_(backend="zswap", cpus=16, threads=16))


def tabs(bench, name):
    """Each tab shows what the library says; by the keyboard, too."""
    bench.choose("Preset", "migrating threads")
    state = State.preset("migrating threads")
    shows(bench, state)
    bench.tab("Why")
    off, on = (row for _, row in answer(state).iterrows())
    cells = [f"{percent(row.copies, row.wp_faults)} ({row.copies})" for row in (off, on)]
    wait_for(f"copied {cells}", lambda: bench.numbers().get("copied") == cells, 30)
    assert f"copied {off.copies} of {off.wp_faults} pages" in bench.words("why")
    shot(bench.page, f"{name}-why", bench.box)
    bench.tab("One page's life")
    faults(bench)
    shot(bench.page, f"{name}-life", bench.box)
    bench.tab("What it costs")
    priced = wb.price(state.on, most_draws=64).table
    cells = [f"{row.low:+.1f} to {row.high:+.1f}" for row in priced.itertuples()]
    costs = bench.box.locator(".wpbench-tab-costs")
    wait_for(f"prices {cells}", lambda: all(cell in costs.inner_text() for cell in cells), 60)
    shot(bench.page, f"{name}-costs", bench.box)
    bench.tab("Table")
    rows = bench.box.locator(".wpbench-table tbody tr")
    many = 2 * len(SIZES) * len(wb.backends())
    wait_for(f"{many} rows", lambda: rows.count() == many, 120)
    bench.choose("Sort by", "copies")
    bench.row("Descending").locator("input").or_(
        bench.box.get_by_role("checkbox", name="Descending")
    ).first.check()
    most = rows.first.inner_text
    wait_for("the most copies first", lambda: "1024" in most(), 30)
    with bench.page.expect_download() as loading:
        bench.box.locator("a[download]").click()
    read = pd.read_csv(loading.value.path())
    assert (len(read), read["copies"].is_monotonic_decreasing) == (many, True)
    shot(bench.page, f"{name}-table", bench.box)
    bench.tab("Commands")
    wait_for(state.command, lambda: bench.text("Simulate") == state.command, 30)
    shot(bench.page, f"{name}-commands", bench.box)
    bench.tab("Across CPUs and backends")
    shows(bench, state)


def lines_and_mistakes(bench):
    """Restore from a line; see a wrong one explained."""
    line = 'wb.Scenario(kernel="patch1", backend="null_blk", npages=16, latency_ns=20000)'
    bench.type("Scenario", line)
    state = State().restored(line)
    shows(bench, state)
    bench.type("Scenario", "wb.Scenario(npages=0)")
    alert = bench.box.get_by_role("alert")
    alert.wait_for()
    assert "npages: 0 is not accepted" in alert.inner_text()
    shot(bench.page, "wrong-line", alert)
    bench.tab("Commands")
    bench.type("Simulate", "wpbench run --workload userfaultfd --npages 16 --write-cpu 1")
    state = State().restored("wb.Scenario(workload='userfaultfd', npages=16, write_cpu=1)")
    shows(bench, state)
    assert alert.count() == 0
    bench.tab("Across CPUs and backends")


def faults(bench):
    """Move the slider of faults; the explanation is ``wb.explain()``'s."""
    # The slider has its range before the first explanation is there.
    wait_for("fault 0", lambda: "fault 0: page" in explained(bench))
    handle = bench.row("Write fault").locator(".noUi-handle")
    handle.focus()
    for fault in (1, 2):
        handle.press("ArrowRight")
        wait_for(f"fault {fault}", lambda f=fault: f"fault {f}: page" in explained(bench), 20)
    state = State().restored(bench.text("Scenario"))
    assert explained(bench) == str(wb.explain(state.scenario, 2))


def explained(bench):
    return str(bench.box.locator("pre.wpbench-explained").inner_text())


def line_in_a_cell(page, bench):
    """Copy the scenario's line into a new cell, run it, and see the same row."""
    bench.choose("Preset", "reproducer on null_blk")
    state = State.preset("reproducer on null_blk")
    shows(bench, state)
    field = bench.row("Scenario").locator("input")
    field.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    last = page.locator(".jp-Notebook .jp-CodeCell").last
    last.locator(".cm-content").click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")  # a cell below
    cell = page.locator(".jp-Notebook .jp-CodeCell").last
    cell.locator(".cm-content").click()
    page.keyboard.insert_text("print(wb.simulate(")
    page.keyboard.press("Control+v")
    page.keyboard.insert_text(")[['wp_faults', 'copies', 'drains']].to_csv(index=False))")
    page.keyboard.press("Control+Enter")
    output = cell.locator(".jp-OutputArea-output")
    output.wait_for()
    row = answer(state).iloc[1]
    assert output.inner_text().split() == [
        "wp_faults,copies,drains",
        f"{row.wp_faults},{row.copies},{row.drains}",
    ]


def test_jupyterlab(tmp_path):
    with served(tmp_path, "jupyterlab") as server, chromium(tmp_path) as context:
        page, errors = watched(context)
        open_notebook(page, server)
        bench = Bench(page)
        dashboard(bench, "lab")
        all_controls(bench)
        points(bench)
        tabs(bench, "lab")
        link = bench.box.locator("a[href='06-differ.ipynb']")
        beside = urlsplit(page.url).path.replace("00-explore", "06-differ")
        assert urlsplit(link.evaluate("e => e.href")).path == beside
        lines_and_mistakes(bench)
        line_in_a_cell(page, bench)
        page.set_viewport_size({"width": 1024, "height": 900})
        folded(bench)
        dashboard(bench, "lab-1024")
        page.set_viewport_size({"width": 1400, "height": 900})
        dark(page, bench)
        dashboard(bench, "lab-dark")
        assert errors == []


def folded(bench):
    """On a small screen the controls are folded away, and come back by a click."""
    column, fold = bench.row("Workload"), bench.box.get_by_role("button", name="Controls")
    assert not column.is_visible()
    fits(bench)
    fold.click()
    column.wait_for()
    fits(bench)
    shot(bench.page, "controls-1024", bench.box)
    fold.click()
    column.wait_for(state="hidden")


def fits(bench):
    """Nothing of the workbench is wider than its place."""
    wide = bench.box.evaluate(
        "box => [box, ...box.querySelectorAll('.widget-box, img, table')]"
        ".filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 2)"
        ".filter(e => e.tagName !== 'TABLE' && !e.closest('.widget-tab-contents'))"
        ".map(e => e.className + ' ' + e.scrollWidth + ' > ' + e.clientWidth)"
    )
    assert wide == []


def dark(page, bench):
    """Text is light on dark, the figures' ground white."""
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for item in ("Theme", "JupyterLab Dark"):
        page.locator(".lm-Menu-item", has_text=item).first.click()
    ground = page.locator(".jp-Notebook").first
    wait_for("a dark notebook", lambda: lightness(ground, "background-color") < 50)
    for text in (".wpbench-headline p", ".wpbench-note", ".widget-label"):
        shown = bench.box.locator(text).first
        wait_for(f"light {text}", lambda shown=shown: lightness(shown, "color") > 200)
    assert lightness(bench.box.locator("img.wpbench-figure").first, "background-color") == 255


def lightness(locator, what):
    colour = locator.evaluate(f"e => getComputedStyle(e)['{what}']")
    numbers = [float(n) for n in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(numbers) / 3


def test_voila(tmp_path):
    """The page of `make app`: the same server, of a folder with notebook 00 alone."""
    with served(tmp_path, "voila") as server, chromium(tmp_path) as context:
        page, errors = watched(context)
        page.goto(f"{server.url}/voila/render/00-explore.ipynb?token={server.token}")
        page.locator(".wpbench .wpbench-headline").wait_for(timeout=90_000)
        bench = Bench(page)
        shows(bench, State.preset("reproducer on zram"))
        dashboard(bench, "voila")
        tabs(bench, "voila")
        bench.choose("Preset", "hand-over")
        shows(bench, State.preset("hand-over"))
        assert page.locator(".jp-CodeMirrorEditor, .cm-content").count() == 0  # read only
        page.set_viewport_size({"width": 1024, "height": 900})
        folded(bench)
        in_view(bench)
        shot(page, "voila-1024")
        assert errors == []
