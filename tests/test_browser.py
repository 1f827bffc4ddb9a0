"""The workbench in a browser: notebook 00 in JupyterLab, and as Voila's page."""

import importlib.util
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser import CHROMIUM, ROOT, Bench, chromium, open_notebook, served, wait_for, watched

import wpbench as wb
from wpbench.widgets import PRESETS, State
from wpbench.widgets.answer import answer

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
    return f"{part / whole:.1%} ({part})".replace("%", " %")


def shows(bench, state):
    """Wait until the page shows a state's answer, as ``simulate()`` gives it."""
    off, on = (wb.simulate(scenario).iloc[0] for scenario in (state.off, state.on))
    rows = [(row.copies, row.reuses, row.wp_faults, row.drains) for row in (off, on)]
    expected = {
        "copied": [percent(c, n) for c, _, n, _ in rows],
        "reused": [percent(r, n) for _, r, n, _ in rows],
        "write-protect faults (n)": [str(n) for *_, n, _ in rows],
        "drains by do_wp_page()": [str(d) for *_, d in rows],
    }
    wait_for(
        f"{state.line}: {expected}",
        lambda: (
            bench.text("Scenario") == state.line and expected.items() <= bench.numbers().items()
        ),
        20,
    )
    reasons = [name for name in off.index if name.startswith("copy_") and name != "copy_rate"]
    words = str(bench.box.locator("img.wpbench-figure").first.get_attribute("alt"))
    for row in (off, on):
        for name in reasons:
            if row[name]:
                assert f"{name.removeprefix('copy_')} {row[name]}" in words
    wait_for(state.command, lambda: bench.text("Command") == state.command, 20)
    return bench.figure()


def shot(page, name, box=None):
    SHOTS.mkdir(parents=True, exist_ok=True)
    if box is not None:
        box.scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / f"{name}.png")


def all_controls(bench):
    """Click and choose, and see that numbers and figure follow."""
    state = State.preset("reproducer on zram")
    figures = {shows(bench, state)}
    for name in [*list(PRESETS)[1:], "reproducer on zram"]:
        bench.choose("Preset", name)
        state = State.preset(name)
        figures.add(shows(bench, state))
    assert len(figures) == len(PRESETS)

    life = bench.life()
    bench.patch("off: patch1")
    state = state.with_(patch_on=False)
    shows(bench, state)
    wait_for("another page's life", lambda: bench.life() != life, 20)
    assert "patch1 (off): 87.5 % copied" in bench.box.inner_text()
    bench.patch("on: patch2")
    state = state.with_(patch_on=True)
    shows(bench, state)

    figure = bench.figure()
    bench.choose("On: drain policy", "never")
    state = state.with_(drain="never")
    assert shows(bench, state) != figure


def cpu_slider(bench):
    """Move the CPU slider by the keyboard, where the number of CPUs matters."""
    bench.choose("Preset", "migrating threads")
    state = State.preset("migrating threads")
    figure = shows(bench, state)
    handle = bench.row("CPUs").locator(".noUi-handle")
    handle.focus()
    for cpus in (16, 32):
        handle.press("ArrowRight")
        state = state.with_(cpus=cpus)
        assert shows(bench, state) != figure
    assert bench.text("CPUs, exactly") == "32"
    return state


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
    bench.type("Command", "wpbench run --workload userfaultfd --npages 16 --write-cpu 1")
    state = State().restored("wb.Scenario(workload='userfaultfd', npages=16, write_cpu=1)")
    shows(bench, state)
    assert alert.count() == 0


def faults(bench):
    """Move the slider of faults; the explanation is ``wb.explain()``'s."""
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
        all_controls(bench)
        bench.choose("Preset", "reproducer on nvme")
        shows(bench, State.preset("reproducer on nvme"))
        shot(page, "lab", bench.box)
        link = bench.box.locator("a[href='06-differ.ipynb']")
        beside = urlsplit(page.url).path.replace("00-explore", "06-differ")
        assert urlsplit(link.evaluate("e => e.href")).path == beside
        shot(page, "lab-page-life", bench.box.locator("pre.wpbench-explained"))
        cpu_slider(bench)
        lines_and_mistakes(bench)
        faults(bench)
        line_in_a_cell(page, bench)
        page.set_viewport_size({"width": 1024, "height": 900})
        fits(bench)
        shot(page, "lab-1024", bench.box)
        page.set_viewport_size({"width": 1400, "height": 1500})
        dark(page, bench)
        shot(page, "lab-dark", bench.box)
        assert errors == []


def fits(bench):
    """Nothing of the workbench is wider than its place."""
    wide = bench.box.evaluate(
        "box => [box, ...box.querySelectorAll('.widget-box, img, table')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 2 && e.tagName !== 'TABLE')"
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
    assert lightness(bench.box.locator(".wpbench-numbers"), "color") > 200
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
        page.locator(".wpbench .wpbench-numbers").wait_for(timeout=90_000)
        bench = Bench(page)
        shows(bench, State.preset("reproducer on zram"))
        bench.choose("Preset", "hand-over")
        shows(bench, State.preset("hand-over"))
        bench.patch("off: patch1")
        shows(bench, State.preset("hand-over").with_(patch_on=False))
        assert page.locator(".jp-CodeMirrorEditor, .cm-content").count() == 0  # read only
        shot(page, "voila", bench.box)
        assert errors == []
