"""WebKit, the engine of Safari and of every browser on an iPhone: Debian's, on a screen of its own."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from browser import find

PACKAGE = "apt-get install webkit2gtk-driver"


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """Start an X server without a screen, and give the name of its display until the end."""
    program = find("Xvfb", shutil.which("Xvfb"), "apt-get install xvfb")
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [program, "-displayfd", str(writer), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        # It writes the number as soon as it can be asked.
        with os.fdopen(reader) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def webkit(home: Path) -> Iterator[Any]:
    """Start WebKit, and give selenium's driver of it until the end. What it downloads goes to `home`."""
    driver = find("WebKit", shutil.which("WebKitWebDriver"), PACKAGE)
    # That package brings it, too, below the name of the library that it is for.
    browser = find("MiniBrowser", next(map(str, Path("/usr/lib").glob("*/webkit*gtk-*/MiniBrowser")), None), PACKAGE)

    from selenium import webdriver
    from selenium.webdriver.remote.client_config import ClientConfig
    from selenium.webdriver.remote.file_detector import UselessFileDetector
    from selenium.webdriver.remote.remote_connection import RemoteConnection
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    options = Options()
    options.binary_location = browser
    options.add_argument("--automation")
    with screen() as display:
        environment = {**os.environ, "DISPLAY": display, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
        service = Service(driver, env=environment)
        service.start()
        try:
            connection = RemoteConnection(client_config=ClientConfig(service.service_url))
            with webdriver.Remote(connection, options=options) as session:
                # Files are given by their path: they need not go anywhere.
                session.file_detector = UselessFileDetector()
                yield session
        finally:
            service.stop()
