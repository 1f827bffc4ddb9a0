"""What stands beside the controls: a tab a question, each drawn only while it is looked at."""

from .across import AcrossTab
from .costs import CostsTab
from .life import LifeTab
from .lines import LinesTab
from .tab import Asked, Tab
from .table import TableTab
from .why import WhyTab

__all__ = [
    "AcrossTab",
    "Asked",
    "CostsTab",
    "LifeTab",
    "LinesTab",
    "Tab",
    "TableTab",
    "WhyTab",
]
