"""A real Chromium and a real server for the tests of the page, and the errors that fail every one of them."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ports import free_port, wait_for
from shipped import EXAMPLE

ROOT = Path(__file__).parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@contextlib.contextmanager
def serving(**environment: str) -> Iterator[str]:
    """Start `churn serve`, and return its address; it stops at the end."""
    port = free_port()
    process = start_server(port, **environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop_server(process)


def start_server(port: int, **environment: str) -> subprocess.Popen[bytes]:
    """Return the process of `churn serve` once it answers."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app/cli"), "serve", "--port", str(port)],
        env={**os.environ, "CPU_CORES": "1", "CHURN_METRICS": "no", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(port, process)
    return process


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """Kill a server and its workers: a graceful stop would wait for the connections that browsers keep open."""
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    handles = [os.pidfd_open(int(worker)) for worker in workers]
    process.kill()
    process.wait()
    for handle in handles:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        # Until it has ended, it listens.
        select.select([handle], [], [])
        os.close(handle)


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of a server with the settings of a fresh machine."""
    with serving() as address:
        yield address


def find(name: str, path: str | None, how: str) -> str:
    """Return `path`; without one, skip."""
    if path is None:
        pytest.skip(f"{name} is missing: {how}")
    return str(path)


def find_chromium() -> str:
    """Return the path of Debian's Chromium."""
    return find("chromium", shutil.which("chromium"), "apt-get install chromium")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, without a window."""
    path = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, served) -> Iterator[Callable[..., Any]]:
    """Opens a page: `open_page("#list", width=390, dark=True, address=another, also=[another origin it may use])`.

    The test fails at its end for an error that any of its pages wrote to the console or did not catch, for a request to
    another origin, for a file of the page that is not there, and for a cookie. An error of the API is none of these.
    """
    wrong: list[str] = []
    contexts = []

    def open_(path: str = "", *, address: str = served, width: int = 1280, height: int = 900, **options: Any) -> Any:
        dark = options.pop("dark", False)
        allowed = {urlsplit(origin).netloc for origin in (address, *options.pop("also", ()))}
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion=options.pop("reduced_motion", "reduce"),
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        watch(page, allowed, wrong)
        page.goto(f"{address}/{path}")
        return page

    yield open_
    for context in contexts:
        wrong += [f"cookie {cookie['name']}" for cookie in context.cookies()]
        context.close()
    assert wrong == [], wrong


@pytest.fixture
def page(open_page) -> Any:
    """The page as it opens, at the size of a desktop."""
    return open_page()


def watch(page: Any, allowed: set[str], wrong: list[str]) -> None:
    """Collect the errors that no page may have."""

    def on_console(message: Any) -> None:
        # The page itself shows that a request failed.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            wrong.append(f"console: {message.text}")

    def on_request(request: Any) -> None:
        if request.url.startswith(("data:", "blob:")):
            return
        if urlsplit(request.url).netloc not in allowed:
            wrong.append(f"request to {request.url}")

    def on_response(response: Any) -> None:
        if response.status >= 400 and "/static/" in response.url:
            wrong.append(f"{response.status} for {response.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: wrong.append(f"uncaught: {error}"))
    page.on("request", on_request)
    page.on("response", on_response)


def axe_core() -> str:
    """Return the script of axe-core."""
    return Path(find("axe-core", str(AXE) if AXE.exists() else None, "npm ci")).read_text(encoding="utf-8")


def violations(page: Any) -> list[str]:
    """Return what axe-core finds wrong with the page in its current state, one line each."""
    # evaluate goes past the page's own policy, which add_script_tag would run into.
    page.evaluate(axe_core())
    return describe_violations(
        page.evaluate("rules => axe.run(document, {runOnly: rules}).then(result => result.violations)", RULES)
    )


def describe_violations(results: list[dict[str, Any]]) -> list[str]:
    """Return the findings of axe-core, one line each."""
    return [
        f"{result['id']}: {result['help']}: {json.dumps([node['target'] for node in result['nodes']][:5])}"
        for result in results
    ]


def overflow(page: Any) -> int:
    """Return by how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def post_json(address: str, path: str, body: object) -> Any:
    """Return the API's answer, which the page has to show."""
    request = urllib.request.Request(
        f"{address}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def as_percentage(probability: float) -> str:
    """Return a probability as the page writes it."""
    return f"{(Decimal(str(probability)) * 100).quantize(Decimal('0.1'), ROUND_HALF_UP)}%"


def risk_of(address: str, **values: object) -> str:
    """Return the risk of the example with other values, as the page writes it."""
    return as_percentage(post_json(address, "v2/customers", {**EXAMPLE, **values})["probability"])
