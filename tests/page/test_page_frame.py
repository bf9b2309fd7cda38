"""The page in a frame of another origin, as a Space shows it: every view works there, and files can be taken away."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from browser import serving
from playwright.sync_api import expect

# What Hugging Face allows the frame of a Space.
SANDBOX = "allow-downloads allow-forms allow-modals allow-popups allow-same-origin allow-scripts"


@contextlib.contextmanager
def framing() -> Iterator[tuple[str, Callable[[str], None]]]:
    """Give the address of a page of another origin, and what reports it which customers to show."""
    shown = []

    class Outside(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            allowed = f'sandbox="{SANDBOX}" allow="clipboard-write"'
            frame = f'<iframe src="{shown[0]}/" {allowed} width="1000" height="800"></iframe>'
            self.wfile.write(f'<title>A Space</title><link rel="icon" href="data:,">{frame}'.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Outside) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", shown.append
        server.shutdown()


@pytest.fixture(scope="module")
def outside() -> Iterator[tuple[str, str]]:
    """The addresses of a page of another origin, and of the service that it frames."""
    with framing() as (address, show), serving(CHURN_FRAME_ANCESTORS=address) as service:
        show(service)
        yield address, service


@pytest.fixture
def framed(open_page, outside) -> Any:
    """The page in its frame; nothing is asked of anybody but the two, and there is no cookie."""
    address, service = outside
    return open_page(address=address, also=[service]).frame_locator("iframe")


def test_one_customer(framed):
    before = framed.locator("#risk-probability").inner_text()
    framed.get_by_label("Tenure").fill("60")

    expect(framed.locator("#risk-probability")).not_to_have_text(before)
    framed.get_by_text("copy as curl").click()
    framed.get_by_role("button", name="Copy", exact=True).click()
    expect(framed.locator("#copy-status")).to_have_text("Copied.")


def test_a_list_is_scored_and_downloaded(framed):
    framed.get_by_role("link", name="Customer list", exact=True).click()
    framed.get_by_role("button", name="Try it with sample data").click()
    expect(framed.get_by_role("heading", name="sample.csv", exact=True)).to_be_visible()
    first = framed.locator("#list-table tbody th button").first

    for button in ("Download call list", "Download all rows", "Download rejected rows"):
        with framed.owner.page.expect_download() as actual:
            framed.get_by_role("button", name=button).click()
        assert Path(actual.value.path()).read_text().startswith("row,")

    first.click()
    expect(framed.get_by_role("heading", level=1)).to_have_text("Single customer")


def test_the_model(framed):
    framed.get_by_role("link", name="Model").click()

    expect(framed.locator("#model-terms canvas").last).to_be_visible()
