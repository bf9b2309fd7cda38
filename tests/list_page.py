"""The view "Customer list" for tests: lists to upload, the API's answers to them, and what the page shows of them."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import expect
from shipped import EXAMPLE, NAMES

DATA = Path(__file__).parent / "data"
HEADER = ",".join(["customerID", *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)

DROP_FILES = """([selector, text, names]) => {
  const dataTransfer = new DataTransfer();
  for (const name of names) dataTransfer.items.add(new File([text], name));
  const options = {bubbles: true, cancelable: true, dataTransfer};
  for (const type of ["dragenter", "dragover", "drop"])
    document.querySelector(selector).dispatchEvent(new DragEvent(type, options));
}"""
"""Drop files that have a text and these names on an element."""


def csv_of(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


def row_of(customer_id: str, **changes: object) -> str:
    """Return the row of the example with another id and other values."""
    return ",".join([customer_id, *(str({**EXAMPLE, **changes}[name]) for name in NAMES)])


def varied_list(count: int) -> bytes:
    """Return a list in which no two customers are alike, so that it does not compress to nothing."""
    rows = (
        row_of(f"customer-{index * 7919 % 1_000_003:07d}", tenure=index % 73, MonthlyCharges=20 + index % 9973 / 100)
        for index in range(count)
    )
    return csv_of(*rows)


def post_batch(address: str, content: bytes, query: str = "", accept: str = "text/csv") -> tuple[int, str]:
    """Return the status and the text of the API's answer to a file."""
    headers = {"Content-Type": "text/csv", "Accept": accept}
    request = urllib.request.Request(f"{address}/v2/batches?{query}", content, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def detail_of_error(address: str, content: bytes) -> str:
    """Return what the API answers to a file that cannot be scored."""
    status, text = post_batch(address, content)
    assert status == 422
    return str(json.loads(text)["detail"])


def choose_file(page: Any, content: bytes, name: str = "customers.csv") -> None:
    # A person chooses a file when the page is ready for it, as these buttons are then.
    expect(page.locator("#list-choose-file")).to_be_enabled()
    page.locator("#list-file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


def score_list(page: Any, content: bytes, name: str = "customers.csv") -> None:
    """Choose a file, and wait for its result."""
    choose_file(page, content, name)
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=30_000)


def tile(page: Any, name: str) -> str:
    """Return the figure of a tile."""
    title = page.locator("#list-result dt").filter(has_text=re.compile(f"^{name}$"))
    return str(title.first.locator("xpath=following-sibling::dd").inner_text())


def listed_ids(page: Any) -> list[str]:
    """Return the customers on the shown page of the call list."""
    return list(page.locator("#list-table tbody th button").all_inner_texts())


def download(page: Any, button: str) -> tuple[str, str]:
    """Return the name and the text of the file that a button downloads."""
    with page.expect_download() as started:
        page.get_by_role("button", name=button).click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes().decode()
