"""Is this checkout slower than an earlier commit?  The same scenarios, in turn, in one run.

Each side is a process of its own that has compiled its machine before; the ratio is the median over
the pairs.  The earlier commit runs from a worktree that is removed again.

    python benchmarks/against.py COMMIT [--pairs 9]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Fewer rounds than fast-forward looks at, where that applies.
CASES = {
    "zram patch1": {"kernel": "patch1", "npages": 3072, "rounds": 1000},
    "zram patch2": {"kernel": "patch2", "npages": 3072, "rounds": 1000},
    "zram patch2, shuffled": {
        "kernel": "patch2", "npages": 4096, "rounds": 700, "order": "read-write-shuffled",
    },
    "null_blk 10 us, patch2": {
        "kernel": "patch2", "backend": "null_blk", "npages": 64, "rounds": 3000,
        "latency_ns": 10_000,
    },
    "random program": {"workload": "random", "npages": 128, "cpus": 3, "rounds": 500_000},
}  # fmt: skip
# Runs in both checkouts: reads a case from a line of stdin, answers with seconds.
SERVER = """
import json, sys, time
import wpbench as wb
for line in sys.stdin:
    case = json.loads(line)
    if "kernel" not in wb.Scenario.model_fields and "kernel" in case:
        case["decision"] = case.pop("kernel")  # its name until wpbench 0.1
    scenario = wb.Scenario(**case)
    start = time.perf_counter()
    wb.simulate(scenario)
    print(time.perf_counter() - start, flush=True)
"""


class Side:
    """A checkout, and a process that runs scenarios in it."""

    def __init__(self, path, cache):
        env = {**os.environ, "PYTHONPATH": str(path), "NUMBA_CACHE_DIR": cache}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=path,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def seconds(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("one side has failed; see above")
        return float(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "old"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(old), options.commit], check=True)
        try:
            sides = [Side(path, str(Path(folder) / "cache")) for path in (old, ROOT)]
            print(f"{'':24}{options.commit[:12]:>12}{'this':>10}{'this/that':>11}")
            for name, case in CASES.items():
                for side in sides:  # compile
                    side.seconds({**case, "rounds": 2})
                pairs = [[side.seconds(case) for side in sides] for _ in range(options.pairs)]
                before, after = (statistics.median(times) for times in zip(*pairs, strict=True))
                ratio = statistics.median(b / a for a, b in pairs)
                print(f"{name:24}{before:10.3f} s{after:8.3f} s{ratio:11.2f}", flush=True)
            for side in sides:
                side.process.stdin.close()
                side.process.wait()
        finally:
            subprocess.run([*git, "remove", "--force", str(old)], check=True)


if __name__ == "__main__":
    main()
