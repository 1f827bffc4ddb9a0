"""What tests of more than one file share."""

import fcntl
import os
import tempfile
from pathlib import Path

import pytest
from models import Jitted, Twin


@pytest.fixture(params=[Twin, Jitted], ids=lambda model: model.name)
def model(request):
    """Give each of the two models of Linux's anonymous pages in turn."""
    return request.param


@pytest.fixture(autouse=True)
def alone_on_the_kernel(request):
    """Let one test at a time measure the running kernel: each is the other's noise."""
    if request.node.get_closest_marker("root") is None:
        yield
        return
    path = Path(tempfile.gettempdir(), f"wpbench-tests-{os.geteuid()}.lock")
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
