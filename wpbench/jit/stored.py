"""Files of compiled code: checked before they are used, written whole or not at all.

Each begins with the checksum of what it is for (a key) and of the rest.  What does not pass is a
miss: a file that is damaged, or for other sources, another processor, another program.
"""

from __future__ import annotations

import hashlib
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

from .folder import trusted

_DIGEST = hashlib.sha256().digest_size


def sealed(key: str, data: bytes) -> bytes:
    """Return what a file holds: the checksum of key and data, then the data."""
    return _checksum(key, data) + data


def unsealed(key: str, stored: bytes) -> bytes | None:
    """Return the data of a file, None if it is damaged or has another key."""
    data = stored[_DIGEST:]
    return data if _checksum(key, data) == stored[:_DIGEST] else None


def _checksum(key: str, data: bytes) -> bytes:
    digest = hashlib.sha256(f"{len(key)} {key}".encode())
    digest.update(data)
    return digest.digest()


def read(file: Path, key: str) -> bytes | None:
    """Return what a file holds, None where there is none that can be trusted and is for the key."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or not trusted(found):
                return None
            return unsealed(key, opened.read())
    except OSError:
        return None


def write(file: Path, key: str, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    OSError
        If it cannot be: a full disk, say.
    """
    beside = file.with_name(f"{uuid.uuid4().hex}.part")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(sealed(key, data))
        beside.replace(file)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
