"""Take the pictures of the README again: make screenshots. Look at them after a change of the page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from browser import OPTIONS, ROOT, find_chromium, serving
from playwright.sync_api import expect, sync_playwright

FOLDER: Final = ROOT / "docs" / "images"


class Picture(NamedTuple):
    """What is on a picture, and what is done before it is taken."""

    name: str
    view: str
    size: tuple[int, int]
    dark: bool
    prepare: Callable[[Any], None]


def _customer(page: Any) -> None:
    page.locator("#what-if-form").get_by_role("radio", name="One year").check()
    expect(page.locator("#what-if-result strong")).to_be_visible()


def _phone(page: Any) -> None:
    expect(page.locator("#risk-bar")).to_be_visible()
    page.locator("#risk-bar").click()
    expect(page.locator("#risk-bar")).to_be_hidden()


def _list(page: Any) -> None:
    page.get_by_role("button", name="Try it with sample data").click()
    expect(page.locator("#list-result")).to_be_visible()


PICTURES: Final = (
    Picture("single-customer", "#customer", (1280, 860), dark=False, prepare=_customer),
    Picture("customer-list", "#list", (1280, 1240), dark=False, prepare=_list),
    Picture("phone", "#customer", (390, 860), dark=True, prepare=_phone),
)


def take_pictures(folder: Path = FOLDER) -> list[Path]:
    """Take every picture, and return where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with serving() as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=OPTIONS)
        for name, view, (width, height), dark, prepare in PICTURES:
            page = chromium.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            page.goto(f"{address}/{view}")
            page.wait_for_load_state("networkidle")
            prepare(page)
            page.wait_for_load_state("networkidle")
            paths.append(folder / f"{name}.png")
            page.screenshot(path=paths[-1])
            page.close()
        chromium.close()
    return paths


if __name__ == "__main__":
    for path in take_pictures():
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")  # noqa: T201 - a script
