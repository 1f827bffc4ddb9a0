"""Damaged, truncated and foreign caches of compiled code: each is a miss, and nothing is harmed."""

import hashlib
import os
import pickle
from pathlib import Path
from random import Random

from wpbench.jit import folder as _folder
from wpbench.jit.cache import cache_dir
from wpbench.jit.functions import Cache, njit


def answer(x):
    return 2 * x + 1


def compiled(folder: Path) -> bool:
    """Compile or load a function, and try it; was it loaded?"""
    function = njit(answer, folder)
    assert function(20) == 41
    return bool(sum(function.stats.cache_hits.values()))


def damage(random: Random, file: Path) -> str:
    """Damage a file of compiled code; return how."""
    data = bytearray(file.read_bytes())
    how = random.choice(
        ["flip", "truncate", "empty", "noise", "object", "folder", "link", "fifo", "mode", "grow"]
    )
    if how == "flip":
        for _ in range(random.choice([1, 1, 8])):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif how == "truncate":
        del data[random.randrange(len(data)) :]
    elif how == "empty":
        data.clear()
    elif how == "noise":
        data[:] = random.randbytes(random.choice([1, 31, 32, 33, 5000]))
    elif how == "object":  # well-formed, and no compiled function
        made = pickle.dumps(random.choice([None, 3, (), ("x",) * 9, {"a": [1]}]))
        data[:] = hashlib.sha256(made).digest() + made
    elif how == "grow":
        data += random.randbytes(random.randrange(1, 100))
    if how in ("folder", "link", "fifo"):
        file.unlink()
        if how == "folder":
            file.mkdir()
        elif how == "link":
            file.symlink_to("/dev/zero")
        else:
            os.mkfifo(file)
    else:
        file.write_bytes(data)
    if how == "mode":
        file.chmod(0o666)
    return how


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def one(random: Random, folder: Path) -> None:
    """Damage a file of a cache, or put something of somebody's where the cache would be."""
    if random.random() < 0.7:
        compiled(folder)
        (file,) = folder.glob("*.code")
        how = damage(random, file)
        assert not compiled(folder), f"cache: {how}: it was loaded"
        if how != "folder":  # which stands in the way, and is nobody's to remove
            assert compiled(folder), f"cache: {how}: it was not written anew"
        return
    for name in random.sample(["wpbench", "wpbench-code", "src", ".git", "numba"], 3):
        place = folder / name
        for child in random.sample(["mm", "data", "x.py", "CACHEDIR.TAG.old", ".gitignore"], 2):
            (place / child).mkdir(parents=True)
    if random.random() < 0.3:
        (folder / "wpbench-code").mkdir(exist_ok=True)
        (folder / "wpbench-code").chmod(random.choice([0o777, 0o770, 0o700]))
    before = tree(folder)
    previous = os.environ.get("NUMBA_CACHE_DIR")
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    _folder.own_folder.cache_clear()
    cache_dir.cache_clear()
    try:
        found = cache_dir()
        if found is not None:
            Cache(answer, found)
    finally:
        if previous is None:
            del os.environ["NUMBA_CACHE_DIR"]
        else:
            os.environ["NUMBA_CACHE_DIR"] = previous
        _folder.own_folder.cache_clear()
        cache_dir.cache_clear()
    after = tree(folder)
    assert before <= after, f"cache: {sorted(before - after)} of {sorted(before)} are gone"
    others = {path for path in after - before if not path.startswith("wpbench-code")}
    assert not others, f"cache: made {sorted(others)} outside its folder"
