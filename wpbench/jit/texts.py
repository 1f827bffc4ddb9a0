"""LLVM's texts of functions, as numba made them, so that an edit compiles only what it changes.

Each symbol of a unit has a few texts: its own, and those of what is inlined into it.  They are kept
by a hash of all that they depend on (depends.py); build.py takes what it finds, and compiles the
rest.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from itertools import chain

_DEFINED = re.compile(r'^define [^@\n]*@"?([^"(\n]+)"?\(', re.MULTILINE)
_DECLARED = re.compile(r'^declare [^@\n]*@"?([^"(\n]+)"?\(', re.MULTILINE)


class Texts:
    """The texts of a unit's symbols, by the hash of what each depends on.

    Parameters
    ----------
    packed
        What an earlier build's ``packed()`` returned, or b"".
    """

    def __init__(self, packed: bytes = b"") -> None:
        self._texts: list[str] = []
        self._known: dict[str, list[int]] = {}
        if packed:
            self._texts, self._known = json.loads(zlib.decompress(packed))
        self._wanted: dict[str, list[str]] = {}

    def take(self, digest: str) -> bool:
        """Say that a symbol's texts are wanted next; return whether they are here."""
        known = digest in self._known
        self._wanted[digest] = [self._texts[i] for i in self._known[digest]] if known else []
        return known

    def add(self, digests: dict[str, str], made: Iterable[str]) -> None:
        """Give the texts that were not here.

        Parameters
        ----------
        digests
            Of the symbols that were compiled.
        made
            The texts of all of them, and of what is inlined.
        """
        by_name = {_name(text): text for text in made}
        needs = {name: _DECLARED.findall(text) for name, text in by_name.items()}
        for symbol, digest in digests.items():
            self._wanted[digest] = [by_name[name] for name in _all_of(symbol, needs)]

    def modules(self) -> list[str]:
        """Return all texts that are wanted, of each function one.

        Two builds can give a function the same name, and number what it calls in another way.
        """
        found: dict[str, str] = {}
        for text in chain.from_iterable(self._wanted.values()):
            found.setdefault(_name(text), text)
        return list(found.values())

    def packed(self) -> bytes:
        """Return what is wanted, to be kept."""
        texts = list(dict.fromkeys(chain.from_iterable(self._wanted.values())))
        at = {text: i for i, text in enumerate(texts)}
        known = {digest: [at[text] for text in found] for digest, found in self._wanted.items()}
        return zlib.compress(json.dumps((texts, known)).encode(), level=1)


def _name(text: str) -> str:
    """Return the name of the function that a text defines."""
    found = _DEFINED.search(text)
    assert found, text
    return found[1]


def _all_of(symbol: str, needs: Mapping[str, list[str]]) -> list[str]:
    """Return a function's name, after those of all that it needs."""
    found = []
    stack = [(symbol, False)]
    seen = set()
    while stack:
        name, done = stack.pop()
        if done:
            found.append(name)
        elif name in needs and name not in seen:
            seen.add(name)
            stack.append((name, True))
            stack.extend((needed, False) for needed in needs[name])
    return found
