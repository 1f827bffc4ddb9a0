"""Boot a kernel with virtme-ng over the live file system, and measure inside.

virtme-ng shares the root directory by virtiofs, or by 9p where there is no virtiofsd.  Its 9p mount
caches nothing, and an emulated guest then takes minutes to import numpy; so the guest mounts the
root directory a second time, read-only and cached, and works in there.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import MeasureError, accepted
from ...jit.cache import cache_dir
from ..probe import signals
from ..probe.agent import JOB, RESULT
from ..probe.facts import config_options

ACCELERATORS = ("auto", "kvm", "tcg")
CONSOLE, OUTPUT = "console.log", "output.log"
_TAG = "wpbench"
_PACKAGE = Path(__file__).resolve().parents[3]
_CPUS = range(2, 65)
# What is compiled on the host runs in the guest, whatever CPU that has.
_GENERIC = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
_WARM = "from wpbench.measure.probe.compiled import warm; warm()"

# In the guest, as root: set it up as the recorded traces' guests were, then run the command in the
# cached view of the file system.
_SCRIPT = """\
echo never > /sys/kernel/mm/transparent_hugepage/enabled
[ ! -e /sys/kernel/mm/lru_gen/enabled ] || echo 0 > /sys/kernel/mm/lru_gen/enabled
modprobe zram num_devices=0
live=
if grep -q '^[^ ]* / 9p ' /proc/mounts; then
    live=/run/live
    mkdir -p $live
    mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 {tag} $live
    for folder in proc sys dev; do mount --rbind /$folder $live/$folder; done
    for folder in run tmp; do mount -t tmpfs tmpfs $live/$folder; done
    mkdir -p $live{folder}
    mount --bind {folder} $live{folder}
fi
cd /
exec ${{live:+chroot $live}} env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp {environment} \\
    {command} > {folder}/{output} 2>&1
"""


class Guest:
    """A kernel to boot.

    Parameters
    ----------
    image
        A kernel image, or a build tree that has one, as for ``vng --run``.
    accel
        ``tcg``: software emulation (counts are right, times mean nothing); ``kvm``; ``auto``: KVM
        where /dev/kvm can be used, and emulation if QEMU ends before the guest has begun: in a
        nested guest KVM may lack something.
    cpus
        Of the guest, 2 to 64; the first is for others' work, the program uses the rest.
    memory
        Of the guest, as ``vng --memory`` takes it.
    timeout
        Seconds until it is ended.

    Raises
    ------
    MeasureError
        If there is no such image, no virtme-ng or no QEMU.
    """

    def __init__(
        self,
        image: str | Path,
        *,
        accel: str = "auto",
        cpus: int = 4,
        memory: str = "1G",
        timeout: int = 900,
    ) -> None:
        if accel not in ACCELERATORS:
            raise MeasureError(accepted("accel", accel, ACCELERATORS))
        if cpus not in _CPUS:
            raise MeasureError(f"guest cpus: {cpus} is not accepted; accepted: 2 to 64")
        self.image = Path(image).resolve()
        if not self.image.exists():
            raise MeasureError(f"vng: {image}: there is no such kernel image or build tree")
        if any(map(str.isspace, str(self.image))):
            raise MeasureError(
                f"vng: {self.image}: virtme-ng takes no path with blanks; accepted: one without"
            )
        usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
        if accel == "kvm" and not usable:
            raise MeasureError("accel: /dev/kvm cannot be used here; accepted: tcg")
        self.accel = accel
        self.emulated = accel == "tcg" or not usable
        self.cpus, self.memory, self.timeout = cpus, memory, timeout
        self._vng = self._find("vng", "virtme-ng from PyPI: pip install virtme-ng")
        self._find(f"qemu-system-{platform.machine()}", "QEMU: on Debian qemu-system-x86")
        self._check_place()

    @staticmethod
    def _check_place() -> None:
        """Refuse what the guest would not see."""
        for needed in (sys.prefix, str(_PACKAGE)):
            if Path("/tmp") in Path(needed).resolve().parents:  # noqa: S108
                raise MeasureError(
                    f"vng: {needed} is below /tmp, and the guest has a /tmp of its own; accepted: "
                    "an environment and a checkout elsewhere"
                )

    @staticmethod
    def _find(program: str, where: str) -> str:
        found = shutil.which(program, path=_search_path())
        if found is None:
            raise MeasureError(f"vng: {program} is not installed ({where})")
        return found

    @property
    def clock(self) -> str | None:
        """What a trace's header says of the clock: ``tcg`` where the guest is emulated."""
        return "tcg" if self.emulated else None

    def execute(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Do a job in the guest; as ``agent.execute()``.

        Raises
        ------
        MeasureError
            With the guest's error, or the end of its console.
        """
        with tempfile.TemporaryDirectory(prefix="wpbench-vng-") as name:
            folder = Path(name)
            quiet = {"cpu_ids": list(range(1, self.cpus))}
            (folder / JOB).write_text(json.dumps({**job, **quiet}), encoding="utf-8")
            self.run([sys.executable, "-m", "wpbench.measure.probe.agent", name], folder)
            try:
                result: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
            except FileNotFoundError:
                raise MeasureError(f"vng: no result from the guest\n{_tail(folder)}") from None
            if "error" in result:
                raise MeasureError(f"in the guest: {result['error']}")
            facts = result["environment"]
            # The guest cannot see where its configuration lies.
            facts["config"] = facts["config"] or self._config(facts["release"])
            return result

    def _config(self, release: str) -> dict[str, str]:
        """Return the kernel's options, from beside its image or from its build tree."""
        tree = [folder / ".config" for folder in (self.image, *self.image.parents)]
        for path in (self.image.parent / f"config-{release}", *tree):
            if path.is_file():
                return config_options(path.read_text(encoding="utf-8", errors="replace"))
        return {}

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Boot, run a command as root, power off.

        Parameters
        ----------
        command
            Program and arguments; ``wpbench`` can be imported in it.
        folder
            Shared with the guest at the same path, writable: the command's results, ``output.log``
            and ``console.log``.  The rest of the file system is read-only there.
        environment
            Variables, beside those that are needed.

        Raises
        ------
        MeasureError
            If the guest does not end in time.
        """
        self._compile(folder / "numba")
        variables = _GENERIC | {
            "NUMBA_CACHE_DIR": str(folder / "numba"),
            "PYTHONPATH": str(_PACKAGE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }
        variables |= environment or {}
        script = _SCRIPT.format(
            tag=_TAG,
            output=OUTPUT,
            folder=shlex.quote(str(folder)),
            environment=shlex.join(f"{name}={value}" for name, value in variables.items()),
            command=shlex.join(command),
        )
        (folder / "guest.sh").write_text(script, encoding="utf-8")
        (folder / OUTPUT).unlink(missing_ok=True)
        while True:
            with (folder / CONSOLE).open("wb") as console:
                self._boot(f"sh {shlex.quote(str(folder / 'guest.sh'))}", folder, console)
            begun = (folder / OUTPUT).exists()
            if begun or self.emulated or self.accel == "kvm":
                return
            self.emulated = True

    def _boot(self, command: str, folder: Path, console: Any) -> None:
        share = f"local,id={_TAG},path=/,security_model=none,readonly=on,multidevs=remap"
        device = f"virtio-9p-pci,fsdev={_TAG},mount_tag={_TAG}"
        options = f"-fsdev {share} -device {device}"
        if self.emulated:
            # In turn on one thread: threads of QEMU's that wait for each other take twice as long.
            options += " -accel tcg,thread=single"
        words = [self._vng, "--verbose", "--run", str(self.image), "--user", "root"]
        words += ["--cpus", str(self.cpus), "--memory", self.memory, "--disable-microvm"]
        words += ["--rwdir", str(folder), f"--qemu-opts={options}"]
        if self.emulated:
            # Five-level page tables make an emulated CPU walk further; with mitigations each
            # indirect call and each return is several.
            words += ["--disable-kvm", "--append", "no5lvl mitigations=off"]
        words += ["--exec", command]
        with signals.noted():
            process = subprocess.Popen(
                words,
                env={**os.environ, "PATH": _search_path()},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                with signals.stopping(lambda: os.killpg(process.pid, signal.SIGTERM)):
                    process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                raise MeasureError(
                    f"vng: the guest did not end within {self.timeout} s\n{_tail(folder)}"
                ) from None
            finally:
                _end(process)

    @staticmethod
    def _compile(folder: Path) -> None:
        """Make a folder with the loops compiled for any CPU."""
        kept = cache_dir()
        made = folder if kept is None else kept / "guest"
        variables = _GENERIC | {"NUMBA_CACHE_DIR": str(made), "PYTHONPATH": str(_PACKAGE)}
        done = subprocess.run(
            [sys.executable, "-c", _WARM],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise MeasureError(
                f"vng: the loops could not be compiled: {done.stderr.strip()[-500:]}"
            )
        if kept is not None:
            shutil.copytree(made, folder, dirs_exist_ok=True)


def _search_path() -> str:
    """Return where programs are looked for: beside this Python, and as root would."""
    own = str(Path(sys.executable).parent)
    return os.pathsep.join([own, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _tail(folder: Path) -> str:
    """Return the last lines that the guest printed."""
    lines: list[str] = []
    for name in (CONSOLE, OUTPUT):
        path = folder / name
        if path.exists():
            text = path.read_text(encoding="utf-8", errors="replace").replace("\0", "")
            lines += text.splitlines()[-15:]
    return "\n".join(f"  | {line}" for line in lines)


def _end(process: subprocess.Popen[Any]) -> None:
    """End virtme-ng and the QEMU that it started: the whole session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
