"""Debian's kernel packages, unpacked beside the checkout's other caches; nothing is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "kernels"
# The package that always depends on the newest kernel of a series.
META = {"6.1": "linux-image-amd64", "6.12": "linux-image-6.12-amd64"}


def output(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"`{' '.join(command)}` failed: {done.stderr.strip()[-200:]}")
    return done.stdout


def package_of(series: str) -> str:
    """Name the package with the newest kernel of a series, as apt knows it."""
    for line in output("apt-cache", "depends", "--important", META[series]).splitlines():
        name = line.partition("Depends: ")[2].strip()
        if name.startswith(f"linux-image-{series}."):
            return name
    pytest.skip(f"no Debian package with a kernel {series} (apt-get update?)")


def kernel_image(series: str) -> Path:
    """Return the image of Debian's kernel; its modules lie where the package puts them.

    Skips where a package cannot be had.
    """
    for program in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: not a Debian system")
    package = package_of(series)
    target = CACHE / package
    if not target.is_dir():
        new = CACHE / f"{package}.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        output("apt-get", "-qq", "download", package, cwd=new)
        (archive,) = new.glob("*.deb")
        output("dpkg-deb", "-x", str(archive), str(new))
        archive.unlink()
        new.rename(target)
    (image,) = target.glob("boot/vmlinuz-*")
    return image
