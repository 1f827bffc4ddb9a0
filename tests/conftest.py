"""What tests of more than one file share."""

import pytest
from models import Jitted, Twin


@pytest.fixture(params=[Twin, Jitted], ids=lambda model: model.name)
def model(request):
    """Give each of the two models of Linux's anonymous pages in turn."""
    return request.param
