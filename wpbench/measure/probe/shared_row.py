"""A row of numbers in shared memory that Python and compiled loops read and write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...jit.compile import JIT_DISABLED
from ...jit.row import Row
from .memory import Memory

if not JIT_DISABLED:
    from ...jit.pointer import POINTERS, Layout, Pointer, pointer_at


class SharedRow(Row):
    """Numbers, and the tables they point at, all in mappings that a forked child shares.

    So a fork makes none of it copy-on-write.  Compiled loops take the object as it is.  Every name
    of ``CONSTANTS`` and ``VARIABLES`` is an attribute, an integer; every table of ``FAR`` an int64
    array.  A constant ``<name>_at`` is the address of a table or number of that name, and
    ``address`` the row's own.

    Parameters
    ----------
    memory
        Where it is mapped; it must not be used after that memory's end.
    told
        A value for each of ``CONSTANTS`` but the addresses of its own tables.
    tables
        Length of each table of ``FAR``, or the int64s that it begins with.
    """

    CONSTANTS: ClassVar[tuple[str, ...]] = ()  # told: fixed while a loop runs
    VARIABLES: ClassVar[tuple[str, ...]] = ()  # answered: can be assigned to
    NEAR: ClassVar[dict[str, int]] = {}  # tables inside the row, and their lengths
    FAR: ClassVar[tuple[str, ...]] = ()  # tables elsewhere
    INDEX: ClassVar[dict[str, int]] = {}
    at: ClassVar[Any] = None  # for compiled code: an address as such a row

    def __init_subclass__(cls) -> None:
        numbers = (*cls.CONSTANTS, *cls.VARIABLES, *cls.FAR)
        cls.INDEX = {name: i for i, name in enumerate(numbers)}
        words = len(numbers)
        for name, length in cls.NEAR.items():
            cls.INDEX[name] = words
            words += length
        cls.words = words
        if JIT_DISABLED:
            return
        layout = Layout(
            constants={name: cls.INDEX[name] for name in cls.CONSTANTS},
            variables={name: cls.INDEX[name] for name in cls.VARIABLES},
            near={name: cls.INDEX[name] for name in cls.NEAR},
            far={name: (cls.INDEX[name], "int64") for name in cls.FAR},
        )
        pointer = Pointer(cls.__name__, layout)
        POINTERS[cls.__name__] = pointer
        cls.at = pointer_at(pointer)

    words: ClassVar[int] = 0

    def __init__(self, memory: Memory, told: Mapping[str, int], tables: Mapping[str, Any]) -> None:
        row = memory.shared(self.words)
        self.__dict__["row"] = row
        address = row.ctypes.data
        self.__dict__["address"] = address
        own = {f"{name}_at": address + 8 * i for name, i in self.INDEX.items()}
        own["address"] = address
        for name in self.FAR:
            given = tables[name]
            table = memory.shared(given if isinstance(given, int) else len(given))
            if not isinstance(given, int):
                table[: len(given)] = given
            self.__dict__[name] = table
            row[self.INDEX[name]] = table.ctypes.data
            own[f"{name}_at"] = table.ctypes.data
        for name in self.CONSTANTS:
            row[self.INDEX[name]] = told[name] if name in told else own[name]

    def __getattr__(self, name: str) -> Any:
        if name in self.NEAR:
            raise AttributeError(f"a {type(self).__name__.lower()} has no {name!r}")
        return int(super().__getattr__(name))
