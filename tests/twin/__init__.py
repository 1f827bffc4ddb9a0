"""The independent twin: a slow, plain model of Linux's anonymous pages, for the tests.

Written from the specification alone, in objects and sets, so that an error of the fast machine in
wpbench/mm/ is not an error here as well.
"""

from .machine import ICOUNT, Machine
from .trace import Replay, replay

__all__ = ["ICOUNT", "Machine", "Replay", "replay"]
