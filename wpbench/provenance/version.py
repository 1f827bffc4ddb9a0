"""wpbench's version: the one that its installed metadata says."""

from functools import lru_cache
from importlib import metadata


@lru_cache(maxsize=1)
def version() -> str:
    """Return wpbench's version.

    Returns
    -------
    str
        The version of the installed package; ``0+unknown`` if it is not installed.

    Examples
    --------
    >>> import wpbench as wb
    >>> wb.version() == wb.__version__
    True
    """
    try:
        return metadata.version("wpbench")
    except metadata.PackageNotFoundError:
        return "0+unknown"
