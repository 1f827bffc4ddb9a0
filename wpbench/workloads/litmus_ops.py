"""The operations of a litmus program, in the order of their numbers (docs/litmus.md)."""

from __future__ import annotations

from ..jit.numbered import Numbered, texts


class Op(Numbered):
    """An operation; which arguments it has, and what it is, follows from its place."""

    READ = "read"
    WRITE = "write"
    PAGEOUT = "pageout"
    COLD = "cold"
    FREE = "free"
    DONTNEED = "dontneed"
    ACCESS = "access"
    GET = "get"
    LRU = "lru"
    ACTIVE = "active"
    SWAPCACHE = "swapcache"
    MAPPED = "mapped"
    ON = "on"
    EXIT = "exit"
    TOUCH = "touch"
    DRAIN = "drain"
    MUNMAP = "munmap"
    FORK = "fork"
    PUT = "put"


OPS = texts(Op)
# Of a range of pages; then of a CPU; then of a number of pages; then of nothing.
RANGES = OPS[: Op.ON]
CPUS = OPS[Op.ON : Op.TOUCH]
COUNTS = OPS[Op.TOUCH : Op.DRAIN]
BARE = OPS[Op.DRAIN :]
ACCESSES = OPS[: Op.PAGEOUT]
OBSERVATIONS = OPS[Op.LRU : Op.ON]
NR_SEEN = 5  # numbers that an operation's row of results has: an access's outcomes, or one count
