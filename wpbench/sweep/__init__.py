"""Many scenarios: kept on disk as they are done, on this machine's cores or on any executor's."""

from .run import estimate_sweep, sweep
from .store import read_store

__all__ = ["estimate_sweep", "read_store", "sweep"]
