"""wpbench's version: the one that its installed metadata says."""

from functools import lru_cache
from importlib import metadata


@lru_cache(maxsize=1)
def version() -> str:
    """Return wpbench's version."""
    try:
        return metadata.version("wpbench")
    except metadata.PackageNotFoundError:
        return "0+unknown"
