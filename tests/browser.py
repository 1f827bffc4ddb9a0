"""Chromium on JupyterLab and Voila, with everything that they keep in a temporary folder."""

import http.client
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium")
BOOK = "00-explore.ipynb"
# What Jupyter says on every start, whatever the notebook does; nothing else is left out.
HARMLESS = (
    # JupyterLab asks for translations and a workspace that a new user does not have.
    "/lab/api/workspaces/",
    "/lab/api/translations/",
    # Chromium on how the page's own libraries use it.
    "was preloaded using link preload but not used",
    # Voila's page has no icon for the tab, and asks a CDN for icons that the workbench has not.
    "favicon",
    "/@fortawesome/fontawesome-free@",
)


class Server:
    """A server that runs, and what is known of it."""

    def __init__(self, port: int, token: str, folder: Path) -> None:
        self.port, self.token, self.folder = port, token, folder
        self.url = f"http://127.0.0.1:{port}"

    def status(self, path: str, **headers: str) -> int:
        """Return the status of the answer to whoever has no token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def get(self, path: str) -> bytes:
        """Return what the server answers, OSError where it does not."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"token {self.token}"})
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK:
                raise OSError(f"{path}: {answer.status}")
            return answer.read()
        finally:
            connection.close()


def wait_for(what: str, true: Any, seconds: float = 60) -> Any:
    """Wait until something is so, and return it."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            found = true()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not within {seconds:g} s")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment: HOME and all of Jupyter's folders in a temporary one.

    Only the compiled machine is the user's: to compile it again would take a minute.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON", "MPL"))}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    made = {
        "HOME": "home",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
    }
    for name in made.values():
        (folder / name).mkdir(parents=True, exist_ok=True)
    environment = kept | {name: str(folder / where) for name, where in made.items()}
    environment |= {"XDG_CACHE_HOME": cache, "PYTHONPATH": str(ROOT)}
    return environment | {"JUPYTER_PREFER_ENV_PATH": "1"}


def _settings(folder: Path) -> None:
    """Let JupyterLab fetch no news and no versions."""
    where = folder / "settings" / "@jupyterlab" / "apputils-extension"
    where.mkdir(parents=True, exist_ok=True)
    chosen = {"fetchNews": "false", "checkForUpdates": False}
    (where / "notification.jupyterlab-settings").write_text(json.dumps(chosen))


def app_options() -> list[str]:
    """Return the options with which ``make app`` runs Voila."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    assert "\t$(PY) -m voila $(APP) notebooks" in lines
    (options,) = [line.removeprefix("APP := ") for line in lines if line.startswith("APP := ")]
    return options.split()


@contextmanager
def served(folder: Path, app: str) -> Iterator[Server]:
    """Run ``jupyterlab`` or ``voila`` on a copy of the notebook, on localhost."""
    books = folder / "notebooks"
    books.mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / BOOK, books)
    port, token = _free_port(), secrets.token_hex(16)
    environment = _environment(folder)
    _settings(folder)
    command = [sys.executable, "-m", app, "--no-browser", f"--port={port}"]
    if app == "jupyterlab":
        command += [
            "--ip=127.0.0.1", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
            f"--ServerApp.root_dir={books}",
        ]  # fmt: skip
        command += ["--allow-root"] if os.geteuid() == 0 else []
    else:
        command += [f"--token={token}" if word == "--token" else word for word in app_options()]
        command += [str(books)]
    log = folder / f"{app}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=out, stderr=subprocess.STDOUT
        )
        server = Server(port, token, books)
        try:
            path = "/api/status" if app == "jupyterlab" else "/"
            wait_for(app, lambda: server.get(path))
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def chromium(folder: Path) -> Iterator[Any]:
    """Run Debian's chromium, without a window, and yield Playwright's context of it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(folder / "chromium"),
            executable_path=CHROMIUM,
            headless=True,
            viewport={"width": 1400, "height": 900},
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        context.set_default_timeout(60_000)
        try:
            yield context
        finally:
            context.close()


def watched(context: Any) -> tuple[Any, list[str]]:
    """Return a new page, and the list to which its console's errors go."""
    page = context.new_page()
    errors: list[str] = []

    def heard(text: str, where: str = "") -> None:
        if not any(harmless in f"{text} {where}" for harmless in HARMLESS):
            errors.append(f"{text} {where}".strip())

    page.on("pageerror", lambda error: heard(str(error)))
    page.on(
        "console",
        lambda said: heard(said.text, said.location["url"]) if said.type == "error" else None,
    )
    return page, errors


def open_notebook(page: Any, server: Server) -> None:
    """Open the notebook in JupyterLab and run all of it."""
    page.goto(f"{server.url}/lab/tree/{BOOK}?token={server.token}")
    page.locator(".jp-Notebook").wait_for()
    wait_for(
        "an idle kernel with a browser connected",
        lambda: any(
            kernel["execution_state"] == "idle" and kernel["connections"] >= 1
            for kernel in json.loads(server.get("/api/kernels"))
        ),
    )
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".wpbench .wpbench-headline").wait_for(timeout=90_000)


class Bench:
    """The workbench on a page: its controls by their labels, and what it shows."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.box = page.locator(".wpbench").first

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a list."""
        self.row(label).locator("select").select_option(label=option)

    def patch(self, option: str) -> None:
        """Click one of the patch's two choices."""
        self.box.get_by_role("radio", name=option).click()

    def row(self, label: str) -> Any:
        """Return a control, by what stands before or above it."""
        named = self.page.locator(".widget-label", has_text=re.compile(f"^{re.escape(label)}$"))
        return self.box.locator(".widget-inline-hbox, .widget-radio", has=named).first

    def tab(self, title: str) -> None:
        """Click a tab's handle."""
        self.box.locator(".lm-TabBar-tab", has_text=title).first.click()

    def figure(self, name: str = "across") -> Any:
        """Return a tab's figure: ``across`` (its lines), ``why``, ``life``, ``costs``."""
        return self.box.locator(f".wpbench-tab-{name} img.wpbench-figure").last

    def words(self, name: str = "across") -> str:
        """Return what a figure shows, in words."""
        return str(self.figure(name).get_attribute("alt"))

    def headline(self) -> str:
        """Return the answer's first line."""
        return str(self.box.locator(".wpbench-headline p").first.inner_text())

    def numbers(self) -> dict[str, list[str]]:
        """Return the table of the tab *Why*: what each row has for the patch off and on."""
        rows = self.box.locator(".wpbench-tab-why tbody tr").all_inner_texts()
        return {cells[0]: cells[1:] for cells in (row.split("\t") for row in rows)}

    def text(self, label: str) -> str:
        """Return what a text field has."""
        return str(self.row(label).locator("input").input_value())

    def type(self, label: str, text: str) -> None:
        """Type into a text field, and Enter."""
        field = self.row(label).locator("input")
        field.fill(text)
        field.press("Enter")
