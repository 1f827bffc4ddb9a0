"""From click to new figure: notebook 00-explore in JupyterLab and Chromium, in milliseconds.

    python benchmarks/click.py [--rounds N] [--json FILE]

A time begins with the browser's event of the click and ends when the new figure is decoded, at the
next frame.  Presets and the drain policy: the figure of the copies by reason; the patch toggle and
the slider of faults: the picture of a page's life.
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

# For the n-th figure of the workbench: when the next event comes, until it is another one.
ARM = """(nth) => {
  const box = document.querySelector('.wpbench');
  const image = () => box.querySelectorAll('img.wpbench-figure')[nth];
  const before = image() ? image().outerHTML : '';
  window.clicked = new Promise((done, failed) => {
    setTimeout(() => failed(new Error('no new figure within 10 s')), 10000);
    let start = null;
    const began = (event) => { if (start === null) start = event.timeStamp; };
    for (const kind of ['click', 'change', 'keydown'])
      document.addEventListener(kind, began, {capture: true});
    const watch = new MutationObserver(async () => {
      const now = image();
      if (start === null || !now || now.outerHTML === before) return;
      watch.disconnect();
      for (const kind of ['click', 'change', 'keydown'])
        document.removeEventListener(kind, began, {capture: true});
      await now.decode();
      requestAnimationFrame(() => done(performance.now() - start));
    });
    watch.observe(box, {subtree: true, childList: true, attributes: true});
  });
  return true;
}"""


def clicked(page, nth, click):
    """Return how long a click took, and let the workbench come to rest."""
    page.evaluate(ARM, nth)
    click()
    took = page.evaluate("window.clicked")
    page.wait_for_timeout(600)
    return took


def measure(page, bench, rounds):
    times = {"preset": [], "patch": [], "drain": [], "fault": []}
    presets = list(PRESETS)
    for name in [*presets[1:], presets[0]]:  # each is drawn once before it is timed
        clicked(page, 0, lambda name=name: bench.choose("Preset", name))
    for _ in range(rounds):
        for name in [*presets[1:], presets[0]]:
            times["preset"].append(clicked(page, 0, lambda name=name: bench.choose("Preset", name)))
        for patch in ("off: patch1", "on: patch2"):
            times["patch"].append(clicked(page, 1, lambda patch=patch: bench.patch(patch)))
        for drain in ("never", "its own, if-not-lru"):
            times["drain"].append(
                clicked(page, 0, lambda d=drain: bench.choose("On: drain policy", d))
            )
        handle = bench.row("Write fault").locator(".noUi-handle")
        handle.focus()
        for key in ("ArrowRight", "ArrowLeft"):
            times["fault"].append(clicked(page, 1, lambda key=key: page.keyboard.press(key)))
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
    print(f"{'clicked':10}{'n':>5}{'median':>9}{'p95':>9}{'max':>9}")
    for what, found in times.items():
        half, most = np.percentile(found, [50, 95])
        print(f"{what:10}{len(found):5}{half:9.0f}{most:9.0f}{max(found):9.0f}")
    if options.json:
        record = {"milliseconds": times, "load": load, "python": platform.python_version()}
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
