"""Figures that say how they were drawn, in files that say so too; and such a file made again."""

from .record import draw, read_provenance
from .rerun import Rerun, rerun

__all__ = ["Rerun", "draw", "read_provenance", "rerun"]
