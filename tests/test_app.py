"""The page of ``make app``: for this machine, under its own names, and with a token."""

import socket
from http import HTTPStatus
from importlib.util import find_spec

import pytest
from browser import app_options, served

# Not imported: the tests ask the server, and a worker that has none of them would wait for it.
pytestmark = pytest.mark.skipif(find_spec("voila") is None, reason="needs the extra `app`")
PAGES = ("/", "/voila/render/00-explore.ipynb", "/voila/files/00-explore.ipynb", "/login")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app"), "voila") as server:
        yield server


def test_it_makes_a_token():
    assert "--token" in app_options()  # of its own; served() gives one that the tests know


@pytest.mark.parametrize("path", PAGES)
def test_another_name_is_refused(server, path):
    """A page elsewhere whose name is made to point here (DNS rebinding) gets nothing."""
    token = {"Authorization": f"token {server.token}"}
    for host in ("example.org", f"example.org:{server.port}", "192.0.2.1"):
        assert server.status(path, Host=host) == HTTPStatus.FORBIDDEN
        assert server.status(path, Host=host, **token) == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("path", PAGES[:3])
def test_without_a_token_there_is_only_the_way_to_the_login(server, path):
    for host in ("127.0.0.1", f"localhost:{server.port}"):
        assert server.status(path, Host=host) in (HTTPStatus.FOUND, HTTPStatus.FORBIDDEN)
        wrong = {"Authorization": "token 0123"}
        assert server.status(path, Host=host, **wrong) in (HTTPStatus.FOUND, HTTPStatus.FORBIDDEN)
    assert server.status(f"/?token={server.token}") == HTTPStatus.OK


def test_only_this_machine_reaches_it(server):
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in own - {"127.0.0.1"}:
        if not address.startswith("127."):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, server.port), timeout=5)
