"""Run litmus programs on the kernel, as the command that `wpbench measure program` runs.

What each line did is told by frame numbers, flags and getrusage(), and written as JSON. Meanwhile
the task has a name of its own, so that the tracepoints' counts can be set beside it. A program is
one compiled loop: nothing of Python runs between its lines.
"""

import hashlib
import json
import mmap
import os
import sys
from pathlib import Path

import numpy as np

from wpbench.jit.cache import cache_dir
from wpbench.jit.folder import private_folder
from wpbench.jit.functions import njit
from wpbench.measure.probe.libc import (
    c_fork,
    c_getrusage,
    c_kill,
    c_madvise,
    c_pause,
    c_prctl,
    c_pread,
    c_sched_setaffinity,
    c_usleep,
    c_waitpid,
    load_byte,
    store_byte,
)
from wpbench.measure.probe.memory import Memory

PAGE = mmap.PAGESIZE
ON, DRAIN, TOUCH_NAMED, ADVISE, TOUCH, FORK, EXIT = range(7)
ADVICE = {"dontneed": 4, "free": 8, "cold": 20, "pageout": 21}
# Of each page: pagemap and PageLRU before, the same after, faults.
BEFORE, LRU_BEFORE, AFTER, LRU_AFTER, FAULTS = range(5)
PAGES, OBSERVATIONS = 8, 8
RUNS = 5  # of each program: what other tasks put into a batch differs
CPUS = sorted(os.sched_getaffinity(0))[:2]
SOURCE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
FOLDER = cache_dir()
KEPT = FOLDER and private_folder(FOLDER / f"tests-{SOURCE}")


def loop(function):
    """Compile a function of arrays; what is kept is of this file as it is now."""
    return njit(function, KEPT, nogil=True)


@loop
def look(at, files, word, out, column):
    c_pread(files[0], word.ctypes.data, 8, (at >> 12) * 8)
    out[column] = word[0]
    out[column + 1] = 0
    if word[0] < 0:  # bit 63: it is mapped
        c_pread(files[1], word.ctypes.data, 8, (word[0] & ((1 << 55) - 1)) * 8)
        out[column + 1] = (word[0] >> 5) & 1


@loop
def observe(address, first, n, write, files, out, word, usage, name, end):
    """Touch pages one by one under the name at `name`, then take that at `end`."""
    c_prctl(15, name, 0, 0, 0)
    for i in range(n):
        at = address + 4096 * (first + i)
        look(at, files, word, out[i], 0)
        c_getrusage(1, usage.ctypes.data)
        faults = usage[8] + usage[9]
        if write:
            store_byte(at, 1)
        else:
            load_byte(at)
        c_getrusage(1, usage.ctypes.data)
        out[i, 4] = usage[8] + usage[9] - faults
        look(at, files, word, out[i], 2)
    c_prctl(15, end, 0, 0, 0)


@loop
def run(ops, region, own, untouched, other, files, out, word, usage, masks, names, asleep):
    child, cpu, used = 0, 0, 0
    for i in range(len(ops)):
        op, a, b, c, slot = ops[i]
        if op == ON:
            cpu = a
            c_sched_setaffinity(0, 8, masks[cpu : cpu + 1].ctypes.data)
        elif op == DRAIN:
            for each in range(len(masks)):
                c_sched_setaffinity(0, 8, masks[each : each + 1].ctypes.data)
                c_madvise(untouched, 4096, 20)
            c_sched_setaffinity(0, 8, masks[cpu : cpu + 1].ctypes.data)
        elif op == TOUCH_NAMED:
            end = names[0].ctypes.data
            # The same calls once before: the stack's pages are our own again.
            warm = names[1].ctypes.data
            observe(own, 0, 1, 0, files, out[slot], word, usage, warm, end)
            name = names[2 + slot].ctypes.data
            observe(region, a, b, c, files, out[slot], word, usage, name, end)
        elif op == ADVISE:
            c_madvise(region + 4096 * a, 4096 * b, c)
        elif op == TOUCH:
            for _ in range(a):
                store_byte(other + 4096 * used, 1)
                used += 1
        elif op == FORK:
            asleep[0] = 0
            child = c_fork()
            if child == 0:
                c_sched_setaffinity(0, 8, masks[1:].ctypes.data)
                asleep[0] = 1
                while True:
                    c_pause()
            if child < 0:
                return 1
            while not asleep[0]:
                c_usleep(20)
        elif op == EXIT:
            c_sched_setaffinity(child, 8, masks[a : a + 1].ctypes.data)
            c_kill(child, 9)
            c_waitpid(child, word.ctypes.data, 0)
            child = 0
    if child:
        c_kill(child, 9)
        c_waitpid(child, word.ctypes.data, 0)
    return 0


def encode(text):
    """Give a program's operations, and the lines that are observed."""
    ops, observed = [], []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words or words[0] in ("pages", "swap"):
            continue
        first, _, last = words[1].partition("-") if len(words) > 1 else ("0", "", "")
        a = int(first)
        b = int(last or first) + 1 - a
        match words[0]:
            case "on":
                ops.append((ON, a, 0, 0, 0))
            case "drain":
                ops.append((DRAIN, 0, 0, 0, 0))
            case "read" | "write":
                ops.append((TOUCH_NAMED, a, b, int(words[0] == "write"), len(observed)))
                observed.append(" ".join(words))
            case "touch":
                ops.append((TOUCH, a, 0, 0, 0))
            case "fork":
                ops.append((FORK, 0, 0, 0, 0))
            case "exit":
                ops.append((EXIT, a, 0, 0, 0))
            case advice:
                ops.append((ADVISE, a, b, ADVICE[advice], 0))
    return np.array(ops, np.int64), observed


def set_name(names, slot, text):
    names[slot] = np.frombuffer(text.encode()[:15].ljust(16, b"\0"), np.int64)


def main():
    programs = json.load(sys.stdin)
    # Before others: what they put into a batch between two lines changes outcomes.
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    files = np.array(
        [os.open(f"/proc/{name}", os.O_RDONLY) for name in ("self/pagemap", "kpageflags")]
    )
    found = {}
    todo = [(program, text) for _ in range(RUNS) for program, text in programs.items()]
    for number, (program, text) in enumerate([("", "read 0-0"), *todo]):
        ops, observed = encode(text)
        with Memory() as memory:
            out = memory.shared(OBSERVATIONS * PAGES * 5).reshape(OBSERVATIONS, PAGES, 5)
            names = memory.shared(2 * (2 + OBSERVATIONS)).reshape(-1, 2)
            masks = memory.shared(2)
            masks[:] = [1 << cpu for cpu in CPUS]
            set_name(names, 0, "litmus")
            set_name(names, 1, "warm")
            for i in range(len(observed)):
                set_name(names, 2 + i, f"L{number}.{i}")
            shared = memory.shared(len(ops) * 5).reshape(-1, 5)
            shared[:] = ops
            ends = memory.shared(2)
            ends[:] = files
            private = [memory.region(n) for n in (PAGES, 1, 1, 64)]
            word, usage = memory.shared(1), memory.shared(18)
            if run(shared, *private, ends, out, word, usage, masks, names, memory.shared(1)):
                sys.exit(f"{program}: fork() failed")
            if not number:  # a page that is read first is the zero page
                zero_frame = int(out[0, 0, AFTER]) & ((1 << 55) - 1)
            found.setdefault(program, {}).update(
                {
                    f"L{number}.{i}": {
                        "line": line,
                        "pages": out[i].tolist(),
                        "zero_frame": zero_frame,
                    }
                    for i, line in enumerate(observed)
                }
            )
    del found[""]
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
