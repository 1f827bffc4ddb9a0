"""Compile the search: it is a unit of machine code of its own, which calls the machine's."""

from functools import partial

from ...jit.compile import inline
from ...jit.compile import jitted as _jitted
from ...jit.compile import kernel as _kernel
from ...jit.sources import SEARCH

__all__ = ["inline", "jitted", "kernel"]

jitted = partial(_jitted, unit=SEARCH)
kernel = partial(_kernel, unit=SEARCH)
