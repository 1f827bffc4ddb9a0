"""The reproducer as a plain SimPy model, and how much faster wpbench does the same scenario.

SimPy is the usual choice for a discrete-event simulation in Python.  The model keeps the same
page_count, pagevecs and decisions as objects, on a synchronous device (zram), and must count what
wpbench counts.  Each page-out, read and write is a timeout.  ``resources``: a thread also requests
its CPU (a ``simpy.Resource``) for each, and lru_lock where it flushes a pagevec, as one who models
CPUs and locks in SimPy would; ``timeouts``: neither, the least that SimPy can do.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import simpy
from common import Result, in_turn, median

import wpbench as wb
from wpbench.simulate import plan_of, program

PAGEVEC = 15
# Nanoseconds; counts do not depend on them.
PAGEOUT_NS, READ_FAULT_NS, COPY_NS, REUSE_NS, ACCESS_NS, LOCK_NS = 900, 1500, 1100, 500, 5, 200


class Page:
    """An anonymous page: mapped or not, on the LRU or waiting in a pagevec."""

    __slots__ = ("lru", "mapped", "vec")

    def __init__(self):
        self.mapped = True
        self.lru = False
        self.vec = None

    def page_count(self):
        return self.mapped + (self.vec is not None)


class Mm:
    """One process's pages, and each CPU's lru_add pagevec."""

    def __init__(self, scenario):
        row = scenario.resolved()
        self.drains_first = row["drain"] == "if-not-lru"
        self.vecs = [[] for _ in range(row["cpus"])]
        self.pages = [None] * row["npages"]  # None: swapped out
        self.writable = [False] * row["npages"]
        self.reset()

    def reset(self):
        self.wp_faults = self.copies = self.reuses = self.drains = self.drained_pages = 0
        self.pswpin = self.pswpout = self.not_paged_out = self.flushes = 0

    def drain(self, cpu):
        for page in self.vecs[cpu]:
            page.vec = None
            page.lru = True
        self.flushes += bool(self.vecs[cpu])
        self.vecs[cpu].clear()

    def add_to_lru(self, cpu, page):
        vec = self.vecs[cpu]
        page.vec = vec
        vec.append(page)
        if len(vec) == PAGEVEC:
            self.drain(cpu)

    def pageout(self, cpu):
        self.drain(cpu)
        for v, page in enumerate(self.pages):
            if page is not None and page.lru:
                page.mapped = False
                self.pages[v] = None
                self.pswpout += 1
        self.not_paged_out += sum(page is not None for page in self.pages)
        return PAGEOUT_NS * len(self.pages)

    def read(self, cpu, v):
        if self.pages[v] is not None:
            return ACCESS_NS
        self.pages[v] = page = Page()
        self.writable[v] = False
        self.pswpin += 1
        self.add_to_lru(cpu, page)
        return READ_FAULT_NS

    def write(self, cpu, v):
        page = self.pages[v]
        if page is not None and self.writable[v]:
            return ACCESS_NS
        self.writable[v] = True
        if page is None:  # the first touch
            self.pages[v] = page = Page()
            self.add_to_lru(cpu, page)
            return READ_FAULT_NS
        self.wp_faults += 1
        if self.can_reuse(cpu, page):
            self.reuses += 1
            return REUSE_NS
        self.copies += 1
        page.mapped = False
        self.pages[v] = new = Page()
        self.add_to_lru(cpu, new)
        return COPY_NS

    def can_reuse(self, cpu, page):
        if self.drains_first and not page.lru:
            self.drains += 1
            self.drained_pages += len(self.vecs[cpu])
            self.drain(cpu)
        return page.page_count() == 1


COUNTS = (
    "wp_faults", "copies", "reuses", "drains", "drained_pages", "pswpin", "pswpout",
    "not_paged_out",
)  # fmt: skip


def thread(env, mm, scenario):
    """Run the reproducer: each operation takes its time."""
    read_cpu, write_cpu = scenario.read_cpu, scenario.write_cpu or scenario.read_cpu
    for _ in range(scenario.rounds):
        yield env.timeout(mm.pageout(read_cpu))
        for v in range(scenario.npages):
            yield env.timeout(mm.read(read_cpu, v))
            yield env.timeout(mm.write(write_cpu, v))


def on(resource, env, ns):
    """Take a resource for a time."""
    with resource.request() as turn:
        yield turn
        yield env.timeout(ns)


def operation(env, cpu, lru_lock, mm, ns):
    """Take a CPU for an operation's time, and lru_lock each time that it flushed a pagevec."""
    with cpu.request() as turn:
        yield turn
        yield env.timeout(ns)
        for _ in range(mm.flushes):
            yield from on(lru_lock, env, LOCK_NS)
    mm.flushes = 0


def thread_with_resources(env, mm, scenario):
    """Run the reproducer: CPUs and lru_lock are resources; each page paged out takes its time."""
    cpus = [simpy.Resource(env) for _ in mm.vecs]
    lru_lock = simpy.Resource(env)
    read_cpu, write_cpu = scenario.read_cpu, scenario.write_cpu or scenario.read_cpu
    for _ in range(scenario.rounds):
        mm.pageout(read_cpu)
        for _ in range(scenario.npages):
            yield from operation(env, cpus[read_cpu], lru_lock, mm, PAGEOUT_NS)
        for v in range(scenario.npages):
            ns = mm.read(read_cpu, v)
            yield from operation(env, cpus[read_cpu], lru_lock, mm, ns)
            ns = mm.write(write_cpu, v)
            yield from operation(env, cpus[write_cpu], lru_lock, mm, ns)


def run_simpy(scenario, run):
    """Return CPU seconds, and what was counted."""
    mm = Mm(scenario)
    for v in range(scenario.npages):
        mm.write(scenario.read_cpu, v)
    mm.reset()
    env = simpy.Environment()
    env.process(run(env, mm, scenario))
    start = time.thread_time()
    env.run()
    return time.thread_time() - start, [getattr(mm, name) for name in COUNTS]


def run_wpbench(scenario, times):
    """Return the median of CPU seconds over some runs, and what each counted."""
    run = program(scenario.workload)
    seconds = []
    for _ in range(times):
        m = plan_of(scenario).machine(0)
        start = time.thread_time()
        run(m)
        seconds.append(time.thread_time() - start)
    return statistics.median(seconds), [int(getattr(m, name)) for name in COUNTS]


MODELS = {"resources": thread_with_resources, "timeouts": thread}


def measure(quick: bool) -> Iterator[Result]:
    """Yield how many times as long SimPy takes as wpbench, its clock on."""
    pairs, times = (1, 3) if quick else (5, 9)
    for model, run in MODELS.items():
        for kernel in ("patch1", "patch2"):
            for where, write_cpu in (("one-cpu", 0), ("write-elsewhere", 1)):
                scenario = wb.Scenario(
                    kernel=kernel, npages=64 if quick else 512, rounds=2 if quick else 50,
                    write_cpu=write_cpu, costs="haswell-kvm",
                )  # fmt: skip
                counts = []

                def side(function, *arguments, counts=counts):
                    seconds, counted = function(*arguments)
                    counts.append(counted)
                    return seconds

                run_wpbench(scenario, 1)  # load the compiled code
                _, _, ratios = in_turn(
                    pairs,
                    lambda s=scenario, r=run, side=side: side(run_simpy, s, r),
                    lambda s=scenario, side=side: side(run_wpbench, s, times),
                )
                if any(counted != counts[0] for counted in counts):
                    raise SystemExit(f"SimPy and wpbench disagree: {counts}")
                wanted = ">= 500" if model == "resources" else None
                yield median(f"simpy/{model}/{kernel}/{where}", ratios, "times", wanted)
