"""Many scenarios: kept on disk as they are done, on this machine's cores or on any executor's."""

from .progress import progress_bar
from .run import estimate_sweep, sweep
from .store import read_store

__all__ = ["estimate_sweep", "progress_bar", "read_store", "sweep"]
