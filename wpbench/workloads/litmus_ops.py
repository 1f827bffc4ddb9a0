"""The operations of a litmus program, in the order of their numbers (docs/litmus.md)."""

from __future__ import annotations

ACCESSES = ("read", "write")
ADVICE = ("pageout", "cold", "free", "dontneed")
REFERENCES = ("access", "get")
OBSERVATIONS = ("lru", "active", "swapcache", "mapped")
# Of a range of pages; then of a CPU; then of a number of pages; then of nothing.
RANGES = (*ACCESSES, *ADVICE, *REFERENCES, *OBSERVATIONS)
CPUS = ("on", "exit")
COUNTS = ("touch",)
BARE = ("drain", "munmap", "fork", "put")
OPS = (*RANGES, *CPUS, *COUNTS, *BARE)
(
    OP_READ,
    OP_WRITE,
    OP_PAGEOUT,
    OP_COLD,
    OP_FREE,
    OP_DONTNEED,
    OP_ACCESS,
    OP_GET,
    OP_LRU,
    OP_ACTIVE,
    OP_SWAPCACHE,
    OP_MAPPED,
    OP_ON,
    OP_EXIT,
    OP_TOUCH,
    OP_DRAIN,
    OP_MUNMAP,
    OP_FORK,
    OP_PUT,
) = range(len(OPS))
NR_SEEN = 5  # numbers that an operation's row of results has: an access's outcomes, or one count
