"""Machine code for one configuration: its constants stand in the instructions.

Jitted code loads a machine's constants where it needs them, marked as never changing
(``lowered.py``).  Here each such load becomes the number itself, in the bitcode that all
configurations share, and LLVM removes the branches that this configuration never takes.  That needs
no numba and takes about a second.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import llvmlite.binding as llvm

from . import native
from .other_process import made_by

_WORD_BYTES = 8
_FUNCTION = re.compile(r'define [^@]*@"?([\w.]+)"?\(ptr [^%]*(%[\w.]+)')
# An address in the row, and a load of what never changes.
_ADDRESS = re.compile(r"\s+(%[\w.]+) = getelementptr [a-z ]*i(8|64), ptr (%[\w.]+), i64 (\d+)$")
_LOAD = re.compile(r"(\s+%[\w.]+ = )load i64, ptr (%[\w.]+), .*!invariant\.load")


def with_constants(text: str, functions: Iterable[str], constants: Mapping[int, int]) -> str:
    """Return LLVM's text of a module, with numbers where constants of a row were loaded.

    Parameters
    ----------
    text
        The module.
    functions
        Symbols of the functions whose first argument is the row's address.
    constants
        Index of a word in the row -> its value.
    """
    known = set(functions)
    lines = []
    places: dict[str, int] = {}  # name of an address -> index of the word
    row = ""
    for line in text.splitlines():
        made = line
        if line.startswith("define"):
            function = _FUNCTION.match(line)
            row = function[2] if function and function[1] in known else ""
            places = {row: 0}
        elif not row:
            pass
        elif (address := _ADDRESS.match(line)) and address[3] == row:
            places[address[1]] = int(address[4]) * int(address[2]) // (8 * _WORD_BYTES)
        elif (load := _LOAD.match(line)) and places.get(load[2]) in constants:
            made = f"{load[1]}add i64 0, {constants[places[load[2]]]}"
        lines.append(made)
    return "\n".join(lines)


def compiled(
    code: bytes, symbol: str, functions: Iterable[str], constants: Mapping[int, int]
) -> bytes:
    """Return an object file that has one function, for one configuration; by another process.

    Parameters
    ----------
    code
        Bitcode of the unit.
    symbol
        The function.
    functions, constants
        As ``with_constants()``.

    Raises
    ------
    RuntimeError
        If that fails.
    """
    asked = {
        "symbol": symbol,
        "functions": list(functions),
        "constants": list(constants.items()),
        "processor": native.processor(),
    }
    return made_by(__name__, given=json.dumps(asked).encode() + b"\n" + code)


def _made(given: bytes) -> bytes:
    said, _, code = given.partition(b"\n")
    asked: dict[str, Any] = json.loads(said)
    text = str(llvm.parse_bitcode(code))
    module = llvm.parse_assembly(with_constants(text, asked["functions"], dict(asked["constants"])))
    native.hide(module, {asked["symbol"]})
    native.optimise(module)
    return native.emitted(module, asked["processor"])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.buffer.write(_made(sys.stdin.buffer.read()))
