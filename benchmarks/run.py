"""All benchmarks, or some: prints a table, writes JSON.  What each measures: README.md beside this.

python benchmarks/run.py [--quick] [--json FILE] [PART...]
"""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict
from pathlib import Path

from common import HEAD, ROOT, Load, machine, row

from wpbench.provenance.record import provenance

PARTS = ("throughput", "scaling", "simpy_model", "start", "clock", "checks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small, one run each: does it work?")
    parser.add_argument("--json", metavar="FILE", type=Path, default=ROOT / "out" / "bench.json")
    options = parser.parse_args()
    parts = options.parts or list(PARTS)
    for part in parts:
        if part not in PARTS:
            parser.error(f"no part {part!r}; accepted: {', '.join(PARTS)}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    record = machine()
    print(f"{record['kind']}, {record['date']}{', --quick' if options.quick else ''}\n{HEAD}")
    results, load, others = [], Load(), {}
    for part in parts:
        own = Load()
        for result in importlib.import_module(part).measure(options.quick):
            results.append(result)
            print(row(result, judge=not options.quick), flush=True)
        others[part] = round(own.others(), 2)
    record["others_busy_cpus"] = {**others, "all": round(load.others(), 2)}
    print("CPUs that others kept busy, on average: ", end="")
    print(", ".join(f"{part} {busy:.2f}" for part, busy in record["others_busy_cpus"].items()))
    parameters = {"parts": parts, "quick": options.quick}
    whole = {
        "machine": record,
        "provenance": provenance("benchmarks/run.py", parameters),
        "results": [asdict(result) for result in results],
    }
    options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(f"written: {options.json}")


if __name__ == "__main__":
    main()
