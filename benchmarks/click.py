"""From click to new figure: notebook 00-explore in JupyterLab and Chromium, in milliseconds.

    python benchmarks/click.py [--rounds N] [--json FILE]

A time begins with the browser's event of the click and ends when the new figure is decoded, at the
next frame.  One scenario: the copies by reason after a preset (`preset`) or a drain policy
(`drain`), the picture of a page's life after the patch toggle (`patch`) or a step of the slider of
faults (`fault`).  Across CPUs and backends: the first stage after a preset (`across`), the whole of
it (`whole`), the patch toggle (`across-patch`).
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import CHROMIUM, Bench, chromium, open_notebook, served, watched  # noqa: E402

from wpbench.widgets import PRESETS  # noqa: E402

# Of a tab's figure: when the next event comes, until it is another one, and (`whole`) no machine is
# left to be run.
ARM = """([name, whole]) => {
  const box = document.querySelector('.wpbench');
  const image = () => [...box.querySelectorAll(`.wpbench-tab-${name} img.wpbench-figure`)].pop();
  const running = () => box.querySelector(`.wpbench-tab-${name}`).textContent.includes('Running');
  const before = image() ? image().outerHTML : '';
  window.clicked = new Promise((done, failed) => {
    setTimeout(() => failed(new Error('no new figure within 60 s')), 60000);
    let start = null, ran = false;
    const began = (event) => { if (start === null) start = event.timeStamp; };
    for (const kind of ['click', 'change', 'keydown'])
      document.addEventListener(kind, began, {capture: true});
    const watch = new MutationObserver(async () => {
      const now = image();
      ran = ran || running();
      if (start === null || !now || now.outerHTML === before) return;
      if (whole && (!ran || running())) return;
      watch.disconnect();
      for (const kind of ['click', 'change', 'keydown'])
        document.removeEventListener(kind, began, {capture: true});
      await now.decode();
      requestAnimationFrame(() => done(performance.now() - start));
    });
    watch.observe(box, {subtree: true, childList: true, attributes: true, characterData: true});
  });
  return true;
}"""
WANTED = {"preset": (100, 200), "drain": (100, 200), "patch": (100, 200), "fault": (100, 200)}
WANTED |= {"across": (250, 400), "across-patch": (250, 400), "whole": (3000, 3000)}


def clicked(page, name, click, whole=False):
    """Return how long a click took, and let the workbench come to rest."""
    page.evaluate(ARM, [name, whole])
    click()
    took = page.evaluate("window.clicked")
    page.wait_for_function(
        "name => !document.querySelector(`.wpbench-tab-${name}`).textContent.includes('Running')",
        arg=name,
    )
    page.wait_for_timeout(300)
    return took


def measure(page, bench, rounds):
    """Return the times of each kind of click."""
    times = {kind: [] for kind in WANTED}
    presets = list(PRESETS)
    presets = [*presets[1:-1], presets[0]]  # the last one's figure is the first one's

    def timed(kind, name, click):
        times[kind].append(clicked(page, name, click, kind == "whole"))

    bench.tab("Why")
    for name in presets:  # each is drawn once before it is timed
        clicked(page, "why", lambda name=name: bench.choose("Preset", name))
    for _ in range(rounds):
        for name in presets:
            timed("preset", "why", lambda name=name: bench.choose("Preset", name))
        for drain in ("never", "if-not-lru (default)"):
            timed("drain", "why", lambda d=drain: bench.choose("Drain policy of B", d))
    bench.tab("One page's life")
    page.wait_for_timeout(2000)
    for _ in range(rounds):
        for patch in ("off: patch1", "on: patch2"):
            timed("patch", "life", lambda patch=patch: bench.patch(patch))
        bench.row("Write fault").locator(".noUi-handle").focus()
        for key in ("ArrowRight", "ArrowLeft"):
            timed("fault", "life", lambda key=key: page.keyboard.press(key))
    bench.tab("Across CPUs and backends")
    page.wait_for_timeout(5000)
    for _ in range(rounds):
        for kind in ("across", "whole"):
            for name in presets:
                timed(kind, "across", lambda name=name: bench.choose("Preset", name))
        for patch in ("off: patch1", "on: patch2"):
            timed("across-patch", "across", lambda patch=patch: bench.patch(patch))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of all presets (default 5)")
    parser.add_argument("--json", metavar="FILE", help="write every time")
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("click.py: chromium is missing (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        where = Path(folder)
        with served(where, "jupyterlab") as server, chromium(where) as context:
            page, _ = watched(context)
            open_notebook(page, server)
            times = measure(page, Bench(page), options.rounds)
    load = os.getloadavg()[0]
    print(f"click to new figure, ms; {os.cpu_count()} CPUs, load {load:.1f}")
    print(f"{'clicked':14}{'n':>5}{'median':>9}{'p95':>9}{'max':>9}  wanted (median, p95)")
    for what, found in times.items():
        half, most = np.percentile(found, [50, 95])
        wanted = ", ".join(map(str, WANTED[what]))
        print(f"{what:14}{len(found):5}{half:9.0f}{most:9.0f}{max(found):9.0f}  {wanted}")
    if options.json:
        record = {"milliseconds": times, "load": load, "python": platform.python_version()}
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
