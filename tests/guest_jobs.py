"""Run in a guest, as root: litmus programs, a job, then the job again and again, interrupted.

``python guest_jobs.py FOLDER INTERRUPTIONS -m MODULE ARGUMENTS``: the folder has a job of litmus
programs in ``litmus/``; ``-m MODULE ARGUMENTS`` does the other job, as Python itself would.  Of
each interruption ``interrupts.json`` gets a row: the signal, when it came, whether swap was on
then, and what was left behind.

All in one process and its children: an emulated CPU imports NumPy for seconds.
"""

import json
import os
import random
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

AGENT = "wpbench.measure.probe.agent"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
KILLED_WAIT_S = 20.0  # after SIGKILL the guard and the kernel clean up on their own


def left_behind() -> list[str]:
    """Name every swap device, zram device and process that should not be there."""
    found = Path("/proc/swaps").read_text().splitlines()[1:]
    found += sorted(path.name for path in Path("/sys/block").glob("zram*"))
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        ours = any("zram_guard" in word or "guest_jobs" in word for word in words)
        if ours and path.parent.name != str(os.getpid()) and not is_zombie(path.parent):
            found.append(f"process {path.parent.name}: {' '.join(words)}")
    return found


def is_zombie(process: Path) -> bool:
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def module(name: str, *arguments: str) -> int:
    """Run a module as ``python -m`` does, and return its exit status."""
    sys.argv[1:] = arguments
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def start(function: Callable[..., Any], *arguments: Any) -> int:
    """Call a function in a child process."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            done = function(*arguments)
            status = done if isinstance(done, int) else 0
        except KeyboardInterrupt:
            status = 130
        finally:
            os._exit(status)
    return pid


def swap_is_on() -> bool:
    return len(Path("/proc/swaps").read_text().splitlines()) > 1


def interrupt(
    job: dict[str, Any], number: int, delay: float, wait_for_swap: bool
) -> dict[str, Any]:
    """Do the job in a child and interrupt it, ``delay`` after its start or after swap is on."""
    from wpbench.measure.probe import agent

    pid = start(agent.execute, job)
    process = Path(f"/proc/{pid}")
    while wait_for_swap and not swap_is_on() and not is_zombie(process):
        time.sleep(0.01)
    end = time.monotonic() + delay
    while time.monotonic() < end and not is_zombie(process):
        time.sleep(0.01)
    swap_on = swap_is_on()
    os.kill(pid, number)
    _, status = os.waitpid(pid, 0)
    left = left_behind()
    end = time.monotonic() + KILLED_WAIT_S
    while left and number == signal.SIGKILL and time.monotonic() < end:
        time.sleep(0.05)
        left = left_behind()
    return {
        "signal": signal.Signals(number).name,
        "delay_s": delay,
        "swap_on": swap_on,
        "status": os.waitstatus_to_exitcode(status),
        "left": left,
    }


def interrupts(job: dict[str, Any], times: int) -> list[dict[str, Any]]:
    """Do a job undisturbed, then interrupt it so many times; return a row of each."""
    from wpbench.measure.probe import agent

    # A short program, and the reproducer with two threads.
    program = job["plans"][0] | {name: job["plans"][0][name][:300] for name in ("op", "arg", "n")}
    reproducer = {
        "workload": "reproducer",
        "npages": 64,
        "pages": 128,
        "pages_out": True,
        "cpus": 2,
        "rounds": 6,
        "threads": 2,
        "spinner_threads": 0,
        "read_cpu": 0,
        "write_cpu": 1,
        "delay_ns": 0,
        "fork_exit_before": True,
        "order": 0,
        "sequence": None,
    }
    job["plans"] = [program, reproducer]
    for _ in range(2):  # the emulator is slow the first time
        began = time.monotonic()
        os.waitpid(start(agent.execute, job), 0)
        took = time.monotonic() - began
    rng = random.Random(1)
    rows = [{"signal": "", "delay_s": took, "swap_on": False, "status": 0, "left": left_behind()}]
    for i in range(times):
        number = SIGNALS[i % len(SIGNALS)]
        wait_for_swap = i >= times // 2
        share = rng.uniform(0.0, 0.5) if wait_for_swap else rng.uniform(0.02, 0.98)
        rows.append(interrupt(job, number, share * took, wait_for_swap))
    return rows


def main(folder: Path, times: int, option: str, *command: str) -> int:
    from wpbench.measure.probe.compiled import warm

    assert option == "-m", command
    warm()  # each child would load the compiled loops anew
    os.waitpid(start(module, AGENT, str(folder / "litmus")), 0)
    status = module(*command)
    if times:
        rows = interrupts(json.loads((folder / "job.json").read_text()), times)
        (folder / "interrupts.json").write_text(json.dumps(rows))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
