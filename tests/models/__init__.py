"""Both models with one face, so that one test asks either: the plain twin and the jitted machine.

The operations and their arguments are the twin's.
"""

from .jitted import Jitted
from .page import Page
from .plain import Twin

__all__ = ["Jitted", "Page", "Twin"]
