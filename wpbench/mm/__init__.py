"""Linux's mm/, as far as a swapped-in page and a write to it are concerned.

The files follow a page: who holds it (page), the pagevecs it waits in (pagevec), its way out
(madvise, vmscan, swapfile, device), its way in (swapin, workingset), the write (wp, fault, anon),
and the others that touch it (fork, gup, migrate, ksm, userfaultfd, background).  ``ahead`` has the
processor fetch what the next accesses touch.  Everything is jitted functions over the tables of one
``Machine``.

Here is what a workload of one's own calls: each operation looks at its arguments first (checked).
Shipped workloads call the same unchecked (operations).
"""

from typing import TYPE_CHECKING, Any

from ..jit.compile import link
from . import checked
from .checks import OperationError
from .machine import Machine
from .names import texts
from .page import page_count, page_mapcount
from .refusals import Call

__all__ = ["Machine", "OperationError", "link", "page_count", "page_mapcount"]
__all__ += texts(Call)  # noqa: PLE0605

globals().update({name: getattr(checked, name) for name in texts(Call)})

if TYPE_CHECKING:  # the operations, which are named in one place

    def __getattr__(name: str) -> Any: ...
