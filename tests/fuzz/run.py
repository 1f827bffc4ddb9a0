"""Give wpbench hostile inputs until the time is up: ``python tests/fuzz/run.py --minutes 30``.

A surface is a module beside this file with a function ``one(random, folder)``: it draws one input,
gives it to wpbench, and raises AssertionError (with the input in the message) on anything but a
right answer or one clear line.  Any other exception, a dead process, a case of more than 20 seconds
and processes of more than 2 GB are failures too; the run goes on after them.  Of each kind of
failure one is printed, with its seed and case: ``run.py --seed 1 --case 17 grids`` does it again.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import os
import queue
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
NO_SURFACES = ("__init__", "run", "check")
CASE_SECONDS = 20.0
MEMORY = 2 << 30  # resident, of the process that does a case and its children
_ADDRESSES = 16 << 30  # of one process: so that one allocation does not take the computer down
_LOOK = 0.1  # seconds between two looks at the memory
_START_SECONDS = 900.0  # that imports, and compiling what no cache has, may take
_SHOWN = 3000  # characters of a failure
_CASES = 2000  # of one process: what it has compiled for a case stays in its memory


@dataclass
class Failure:
    """One case that went wrong.

    Attributes
    ----------
    surface, seed, case
        Which; the same three give the same input.
    what
        What happened: an exception with its traceback, a hang, a death, too much memory.
    """

    surface: str
    seed: int
    case: int
    what: str

    @property
    def kind(self) -> tuple[str, str]:
        """What tells failures apart: the surface, and where the exception came from."""
        places = re.findall(r'File "(.*?)", line (\d+)', self.what)
        return self.surface, str(places[-1] if places else self.what[:40])

    def __str__(self) -> str:
        text = self.what
        if len(text) > _SHOWN:
            text = f"{text.partition(chr(10))[0][:200]}\n... {text[-_SHOWN:]}"
        again = f"tests/fuzz/run.py --seed {self.seed} --case {self.case} {self.surface}"
        return f"{again}\n{text.rstrip()}\n"


@dataclass
class Found:
    """What a run did: cases of each surface, and those that went wrong."""

    cases: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        done = ", ".join(f"{surface} {n}" for surface, n in self.cases.items())
        kinds = len({failure.kind for failure in self.failures})
        return f"cases: {done}; failures: {len(self.failures)}, of {kinds} kinds"


def surfaces() -> list[str]:
    """Return the names of all surfaces."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_SURFACES)


def do_case(surface: str, seed: int, case: int) -> None:
    """Do one case here, in a folder of its own that is the working directory meanwhile."""
    one = importlib.import_module(f"fuzz.{surface}").one
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.chdir(folder)
        try:
            one(random.Random(f"{surface} {seed} {case}"), Path(folder))
        finally:
            os.chdir(before)


def _work(names: Sequence[str]) -> None:
    """Do the cases that standard input names, a line each, and answer each with a line."""
    for name in names:
        importlib.import_module(f"fuzz.{name}")
    if "fuzz.check" in sys.modules:
        sys.modules["fuzz.check"].compile_all()  # here, and not in a case
    faulthandler.enable()  # what a hang was busy with, when it is ended by SIGABRT
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a case prints is no answer
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        surface, seed, case = line.split()
        try:
            do_case(surface, int(seed), int(case))
            answer = "good"
        except BaseException:
            traceback.print_exc()
            answer = "bad"
        sys.stderr.flush()
        print(answer, file=answers, flush=True)


class _Worker:
    """A process that does one case after the other."""

    def __init__(
        self, folder: Path, names: Sequence[str], case_seconds: float, memory: int
    ) -> None:
        self._case_seconds = case_seconds
        self._memory = memory
        self._said = folder / "stderr"
        self._answers: queue.Queue[str] = queue.Queue()
        with self._said.open("w") as stderr:
            self._process = subprocess.Popen(
                # What NumPy warns of (an overflow, a NaN) is a wrong number to be.
                [sys.executable, "-W", "error::RuntimeWarning", __file__, "--work", *names],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
                env=os.environ | {"TMPDIR": str(folder)},  # of what dies nothing is left behind
            )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        problem = self._wait(_START_SECONDS)
        if problem:
            raise RuntimeError(f"the process that does the cases does not start: {problem}")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout:
            for line in self._process.stdout:
                self._answers.put(line.strip())
        self._answers.put("dead")

    def _wait(self, seconds: float) -> str:
        """Return what is wrong with the answer, "" where nothing is."""
        end = time.monotonic() + seconds
        while True:
            try:
                answer = self._answers.get(timeout=_LOOK)
            except queue.Empty:
                if (taken := sum(map(_resident, _tree(self._process.pid)))) > self._memory:
                    self._kill(signal.SIGABRT)
                    return f"{taken >> 20} MB of memory\n{self._text()}"
                if time.monotonic() > end:
                    self._kill(signal.SIGABRT)
                    return f"no end after {seconds:.0f} s\n{self._text()}"
                continue
            if answer == "dead":
                status = self._process.wait()
                self._kill()
                return f"the process died, status {status}\n{self._text()}"
            return self._text() if answer == "bad" else ""

    def _text(self) -> str:
        return self._said.read_text(encoding="utf-8", errors="replace")

    def do(self, surface: str, seed: int, case: int) -> str:
        """Return what went wrong in a case, "" where nothing did."""
        os.truncate(self._said, 0)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{surface} {seed} {case}\n")
        self._process.stdin.flush()
        return self._wait(self._case_seconds)

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def _kill(self, first: signal.Signals = signal.SIGKILL) -> None:
        """End the process and what it started."""
        for number in (first, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            if number is not signal.SIGKILL:
                time.sleep(0.5)  # to say where it was
        self._process.wait()

    def end(self) -> None:
        """End the process, and close what leads to it."""
        self._kill()
        self._listener.join()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from _tree(int(child))


def _resident(pid: int) -> int:
    """Return the bytes of memory that a process takes, shared ones left out."""
    try:
        numbers = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(numbers[1]) - int(numbers[2])) * resource.getpagesize()


def run(
    names: Sequence[str],
    seconds: float,
    seed: int,
    *,
    cases: Mapping[str, int] | None = None,
    case_seconds: float = CASE_SECONDS,
    memory: int = MEMORY,
) -> Found:
    """Do cases until the time is up, and those that each surface has at least.

    Of the surfaces that lack some, of all where none does, the one that has had the least time is
    next.

    Parameters
    ----------
    names
        Surfaces.
    seconds
        In all, without the start of the process that does them.
    seed
        The same seed draws the same cases.
    cases
        So many of a surface at least, however long they take; default: one.
    case_seconds, memory
        More than this, of a case or of the process and what it starts (bytes), is a failure.
    """
    found = Found(cases=dict.fromkeys(names, 0))
    used = dict.fromkeys(names, 0.0)
    least = cases or {}
    with tempfile.TemporaryDirectory(prefix="wpbench-fuzz-", ignore_cleanup_errors=True) as folder:
        worker = _Worker(Path(folder), names, case_seconds, memory)
        try:
            while (lacking := [n for n in names if found.cases[n] < least.get(n, 1)]) or sum(
                used.values()
            ) < seconds:
                surface = min(lacking or names, key=lambda name: (used[name], name))
                case = found.cases[surface]
                begin = time.monotonic()
                what = worker.do(surface, seed, case)
                used[surface] += time.monotonic() - begin
                found.cases[surface] += 1
                if what:
                    failure = Failure(surface, seed, case, what)
                    if failure.kind not in {other.kind for other in found.failures}:
                        print(failure, flush=True)
                    found.failures.append(failure)
                if not worker.lives or sum(found.cases.values()) % _CASES == 0:
                    worker.end()
                    worker = _Worker(Path(folder), names, case_seconds, memory)
        finally:
            worker.end()
    return found


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("surfaces", nargs="*", metavar="SURFACE", help="default: all")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="M")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--case", type=int, metavar="N", help="do just this one, here")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = [name for name in options.surfaces if name not in surfaces()]
    if unknown and not options.work:
        parser.error(f"no surface {unknown[0]!r}; there are: {', '.join(surfaces())}")
    names = options.surfaces or surfaces()
    if options.work:
        _work(names)
        return 0
    if options.case is not None:
        for name in names:
            do_case(name, options.seed, options.case)
        return 0
    found = run(names, 60 * options.minutes, options.seed)
    print(found)
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.path[0] = str(HERE.parent)  # so that surfaces are modules of `fuzz`, as in the tests
    sys.exit(main())
