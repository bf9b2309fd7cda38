"""The page in the engine of Safari: what somebody does with it in a minute. All else is tested in Chromium."""

import csv
import time

import pytest
from browser import RULES, axe_core, describe_violations, risk_of
from shipped import EXAMPLE
from webkit import webkit

RISK = "document.querySelector('#risk-probability').innerText"
SCRIPT = "<img src=x onerror=alert(1)>"
HAS_INK = "it => it.width && it.getContext('2d').getImageData(0, 0, it.width, it.height).data.some(byte => byte)"
VIEWS = {"#customer": "customer-result", "#list": "list-start", "#model": "model-content"}
"""Each view, and what is there as soon as all of it is."""
TIMEOUT_S = 20


def until(what, asked):
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + TIMEOUT_S
    while not (result := asked()):
        assert time.monotonic() < end, f"never came true: {what}"
        time.sleep(0.05)
    return result


class Safari:
    """A page in WebKit, asked by scripts."""

    def __init__(self, session, address):
        self.session = session
        self.address = address

    def open(self, view):
        # Where only what is after "#" differs, nothing is loaded again.
        self.session.get("about:blank")
        self.session.get(f"{self.address}/{view}")

    def evaluate(self, script, *arguments):
        return self.session.execute_script(f"return {script}", *arguments)

    def until(self, script, *arguments):
        return until(script, lambda: self.evaluate(script, *arguments))

    def text(self, selector):
        return self.until("document.querySelector(arguments[0])?.innerText.trim()", selector)

    def click(self, selector):
        self.until("document.querySelector(arguments[0])?.checkVisibility()", selector)
        self.session.find_element("css selector", selector).click()

    def violations(self):
        self.session.execute_script(axe_core())
        run = "axe.run(document, {runOnly: arguments[0]}).then(({violations}) => arguments[1](violations))"
        return describe_violations(self.session.execute_async_script(run, RULES))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def safari(home, served):
    with webkit(home) as session:
        yield Safari(session, served)


def test_one_customer_is_typed_compared_and_explained(safari, served):
    safari.open("#customer")
    safari.until(f"{RISK} === arguments[0]", risk_of(served))

    safari.session.find_element("id", "tenure").clear()
    safari.session.find_element("id", "tenure").send_keys("60")

    safari.until(f"{RISK} === arguments[0]", risk_of(served, tenure=60))
    assert len(safari.session.find_elements("css selector", "#reasons li")) == len(EXAMPLE)

    safari.click("#what-if-form label:has(input[value='Two year'])")

    after = risk_of(served, tenure=60, Contract="Two year")
    safari.until("document.querySelector('#what-if-result').innerText.includes(arguments[0])", f"→ {after}")
    assert safari.violations() == []


def test_a_list_is_ranked_opened_and_downloaded(safari, home, tmp_path):
    names = ["customerID", *EXAMPLE]
    rows = [
        [SCRIPT, *EXAMPLE.values()],
        *([f"C{tenure}", *{**EXAMPLE, "tenure": tenure}.values()] for tenure in range(1, 40)),
    ]
    rows.append(["BAD", *{**EXAMPLE, "Contract": "Never"}.values()])
    source = tmp_path / "april.csv"
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])

    safari.open("#list")
    safari.until("document.querySelector('#list-choose-file').disabled === false")
    safari.session.find_element("id", "list-file").send_keys(str(source))

    assert safari.text("#list-subtitle").startswith("40 customers scored, 1 row rejected · model")
    assert safari.text("#list-rejected-title") == "1 of 41 rows rejected"
    assert safari.text("#list-table tbody tr:first-child button") == "C1"
    assert SCRIPT in safari.text("#list-table")
    assert safari.violations() == []

    safari.click("#list-table tbody tr:first-child button")
    safari.until("document.querySelector('#customer-source').innerText.startsWith('C1, from your list')")
    safari.click("#customer-source a")
    safari.until("document.activeElement.innerText === 'C1'")

    to_call = safari.evaluate("document.querySelector('#list-threshold-tiles strong').innerText")
    safari.click("#list-download")

    taken = home / "april-list.csv"
    until("the file is there", taken.exists)
    with taken.open(newline="") as file:
        header, first, *others = csv.reader(file)
    assert header[:4] == ["row", "customerID", "prediction", "probability"]
    assert first[:3] == ["2", "C1", "churn"]
    assert 1 + len(others) == int(to_call)


def test_the_model_is_drawn(safari):
    safari.open("#model")

    safari.until("document.querySelectorAll('#model-content canvas').length > 10")
    safari.until(f"[...document.querySelectorAll('#model-content canvas')].every({HAS_INK})")
    assert safari.violations() == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_a_phone(safari, view):
    try:
        # It gets as small as its menus let it: 447 pixels.
        safari.session.set_window_size(390, 844)
        safari.open(view)
        safari.until("document.getElementById(arguments[0]).checkVisibility()", VIEWS[view])

        assert safari.evaluate("innerWidth") < 500
        assert safari.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        safari.session.set_window_size(1280, 900)
