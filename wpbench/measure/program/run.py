"""Run a command, or watch the system, with tracing on; take down everything at the end."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..probe import signals
from .cgroup import Cgroup
from .command import Command, Ended
from .counted import rows_of
from .event_file import Recorder
from .events import EVERYBODYS, KINDS
from .follow import Follower
from .guard import Guard, own_name
from .reader import Reader
from .state import N_ITSELF, N_LOST
from .tracefs import BUFFER_KB, Instance

_HURRY = -10  # nice value: a reader that waits for a CPU loses events
_WAIT_S = 0.2  # between two looks at the buffers, if they do not fill


class Setting(NamedTuple):
    """How a command is run."""

    words: Sequence[str]
    memory: int = 0  # bytes; 0: no cgroup
    folder: Path | None = None
    fresh: bool = False  # each run in a new folder below that
    environment: Mapping[str, str] | None = None
    quiet: bool = False
    buffer_kb: int = BUFFER_KB


class Traced(NamedTuple):
    """What a run with tracing told."""

    rows: list[dict[str, Any]]  # as table.rows_of() has them
    ended: Ended
    events: int
    lost: int
    late: int
    helped_itself: int  # drains that helped, in which the page was seen to go to the LRU


@contextmanager
def _hurrying() -> Iterator[None]:
    """Let the reader run before others."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, min(before, _HURRY))
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def _traced(
    follower: Follower, reader: Reader, instances: Sequence[Instance], ended: Ended
) -> Traced:
    for instance in instances:
        instance.stop()
    follower.take(reader.read(last=True))
    follower.end()
    number = follower.state.number
    return Traced(
        rows=rows_of(follower.state),
        ended=ended,
        events=reader.events,
        lost=max(int(number[N_LOST]), sum(instance.lost() for instance in instances)),
        late=reader.late,
        helped_itself=int(number[N_ITSELF]),
    )


def _started(stack: ExitStack, setting: Setting, guard: Guard, name: str) -> Command:
    """Return the command, waiting, in its cgroup."""
    folder = setting.folder
    if setting.fresh:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        folder.chmod(0o755)  # a server that runs as another user looks into it
    command = Command(
        setting.words,
        guard,
        folder=folder,
        environment=setting.environment,
        quiet=setting.quiet,
    )
    cgroup = Cgroup(guard, name, setting.memory) if setting.memory else None
    if cgroup is not None:
        stack.callback(cgroup.close)
        stack.callback(command.close)  # before the cgroup goes
        cgroup.add(command.pid)
    else:
        stack.callback(command.close)
    return command


def run_plain(setting: Setting, guard: Guard) -> Ended:
    """Run a command without tracing, for its time."""
    with ExitStack() as stack:
        command = _started(stack, setting, guard, own_name())
        stack.enter_context(signals.stopping(command.stop))
        command.go()
        ended = command.ended(wait=True)
        assert ended is not None
        return ended


def run_traced(
    setting: Setting,
    guard: Guard,
    recording: Callable[[int, Mapping[str, int]], Recorder] | None = None,
) -> Traced:
    """Run a command with tracing.

    With ``recording``, which makes a recorder for the command's process id and the kernel's GFP
    flags, a second instance reads what all processes allocate and put on the LRU: what others put
    into a CPU's batch belongs to the record.
    """
    with ExitStack() as stack:
        kinds: dict[str, Sequence[int]] = {"": range(len(KINDS))}
        if recording is not None:
            own = [kind for kind in range(len(KINDS)) if kind not in EVERYBODYS]
            kinds = {"": own, "-all": EVERYBODYS}
        instances = []
        for suffix, some in kinds.items():
            made = Instance(guard, own_name(suffix), setting.buffer_kb, some)
            instances.append(stack.enter_context(closing(made)))
        instance = instances[0]
        reader = stack.enter_context(Reader(instances))
        command = _started(stack, setting, guard, own_name())
        recorder = None
        if recording is not None:
            recorder = stack.enter_context(recording(command.pid, instance.flags))
        follower = Follower(
            1 + max(instance.buffers()), instance.flags, adopt=False, recorder=recorder
        )
        follower.command(command.pid)
        reader.also(command.descriptor)
        stack.enter_context(signals.stopping(command.stop))
        stack.enter_context(_hurrying())
        for one, pid in zip(instances, (command.pid, None), strict=False):
            one.start(pid)
        command.go()
        ended = None
        while ended is None:
            reader.wait(_WAIT_S)
            ended = command.ended()
            follower.take(reader.read())
        return _traced(follower, reader, instances, ended)


def watch_system(
    seconds: float,
    guard: Guard,
    buffer_kb: int,
    recording: Callable[[Mapping[str, int]], Recorder] | None = None,
) -> Traced:
    """Trace all processes for some time, but for this one and its guards."""
    with ExitStack() as stack:
        instance = stack.enter_context(closing(Instance(guard, own_name(), buffer_kb=buffer_kb)))
        reader = stack.enter_context(Reader([instance]))
        recorder = stack.enter_context(recording(instance.flags)) if recording else None
        follower = Follower(
            1 + max(instance.buffers()), instance.flags, adopt=True, recorder=recorder
        )
        stack.enter_context(_hurrying())
        instance.start(None)
        follower.everybody(but={os.getpid()})
        begun = time.monotonic()
        end = begun + seconds
        while (now := time.monotonic()) < end:
            signals.check()
            reader.wait(min(_WAIT_S, end - now))
            follower.take(reader.read())
        return _traced(follower, reader, [instance], Ended(0, time.monotonic() - begun, 0.0))
