"""Replaying a recorded trace: the same operations on the twin, outcome by outcome."""

import csv
import gzip
from collections import Counter
from pathlib import Path

from wpbench.scenario.kernels import instrumented, row_of
from wpbench.scenario.rules import Overrides

from .machine import ICOUNT, PTRS_PER_PTE, Machine

# Where mmap put the region is not in a header.  Two regions straddle a page table, which clips
# readahead and splits a MADV_PAGEOUT; the first page of the second table is known from the traces'
# own readahead.
SECOND_TABLE = {"null_blk-1us_patch1_128p_1c_s12": 91, "null_blk-10000us_patch1_128p_1c_s12": 93}


class Replay:
    """What a replay found."""

    def __init__(self):
        self.operations = self.compared = self.flags_compared = 0
        self.outcome_mismatches = []  # (row number, row, what the twin said)
        self.flag_mismatches = []
        self.machine = None

    def active_only(self):
        """How many flag mismatches are about PG_active alone."""
        return sum(
            all(a == b for i, (a, b) in enumerate(zip(seen, said, strict=True)) if i != 1)
            for _, _, seen, said in self.flag_mismatches
        )


def read_trace(path):
    """(header, rows) of a trace file."""
    header = {}
    with gzip.open(path, "rt") as f:
        lines = []
        for line in f:
            if line.startswith("#"):
                key, _, value = line[1:].strip().partition(": ")
                header[key] = value
            else:
                lines.append(line)
    return header, list(csv.DictReader(lines))


def machine_for(header, **changes):
    """Build the machine that a trace's header describes, its memory written once."""
    backend = header["backend"]
    cpus = int(header["ncpus"])
    unmodified = "kernel" in header
    options = {
        "cpus": cpus + 1,  # the forked child sleeps on a CPU of its own
        "pagevec": int(header["pagevec"]),
        "backend": backend,
        "latency_ns": int(header["latency_ns"]),
        "file_lru": 470 if unmodified else 640,  # fitted; see wpbench/simulate/trace.py
        "costs": ICOUNT if header.get("clock") == "icount" else None,
    }
    if unmodified:
        options["rules"] = row_of(header["decision"])
    else:  # decides as an older kernel but is 6.1 in all else (kernel-measurements/README.md)
        fields = instrumented(header["decision"])
        options["rules"] = row_of(fields["kernel"], Overrides(fields["rules"]))
        options["drain"] = fields["drain"]
    options.update(changes)
    m = Machine(int(header["npages"]), **options)
    for v in range(m.npages):
        m.write(0, v)
    return m


def replay(path, check=False, **changes):
    header, rows = read_trace(path)
    second_table = SECOND_TABLE.get(Path(path).name.removesuffix(".csv.gz"))
    if second_table:
        changes.setdefault("pmd_offset", PTRS_PER_PTE - second_table)
    m = machine_for(header, **changes)
    child_cpu = m.cpus - 1
    found = Replay()
    found.machine = m
    cpu = 0
    for number, row in enumerate(rows):
        found.operations += 1
        m.advance(int(row["t_ns"]))
        op, arg = row["op"], int(row["arg"] or 0)
        outcome = None
        if op in ("read", "write"):
            if row["lru"] != "":
                seen = tuple(int(row[k]) for k in ("lru", "active", "writeback", "swapcache"))
                said = m.flags(arg) or (0, 0, 0, 0)
                found.flags_compared += 1
                if seen != said:
                    found.flag_mismatches.append((number, row, seen, said))
            outcome = getattr(m, op)(cpu, arg)
            wanted = row["outcome"]
        elif op == "pageout":
            outcome = str(m.pageout(cpu, arg, int(row["npages"])))
            wanted = row["resident"]
        elif op in ("cold", "free"):
            getattr(m, op)(cpu, arg, int(row["npages"]))
        elif op == "migrate":
            cpu = arg
        elif op in ("fork", "exit"):
            outcome = m.fork(cpu) if op == "fork" else m.exit(child_cpu)
            wanted = row["outcome"]
            if outcome == "done":
                m.lru_add_drain(cpu)
                if op == "fork":
                    m.foreign_insert(cpu)
        else:
            raise ValueError(op)
        if outcome is not None:
            found.compared += 1
            if outcome != wanted:
                found.outcome_mismatches.append((number, row, outcome))
        if check:
            m.check()
    return found


def summary(found):
    ops = Counter(row["op"] for _, row, _ in found.outcome_mismatches)
    return "  ".join(
        (
            f"operations {found.operations}",
            f"compared {found.compared}",
            f"outcome mismatches {len(found.outcome_mismatches)} {dict(ops) or ''}",
            f"flags {found.flags_compared}",
            f"flag mismatches {len(found.flag_mismatches)} (active only: {found.active_only()})",
        )
    )
