"""Options, requests and builds that the tests of the images share."""

import json
import os
import time
from pathlib import Path

from podman import (
    READ_ONLY,
    ROOT,
    podman,
)
from shipped import EXAMPLE

from deploy.images import build_command

SOAK = os.environ.get("SOAK") == "true"
LARGEST_BYTES = 300 * 10**6

MOST_BYTES = 250 * 10**6
"""Of one process; the budget of the bulk pipeline."""
SAMPLE = (ROOT / "tests" / "data" / "sample.csv").read_bytes()

CUSTOMERS = [
    dict(EXAMPLE),
    {**EXAMPLE, "tenure": 72, "Contract": "Two year"},
    {**EXAMPLE, "tenure": 0, "TotalCharges": " "},
]
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=frontier"}
TMP = ("--tmpfs", "/tmp:rw,size=512m,mode=1777")

# As Lambda runs it: a user of its own, one folder to write to, limits that are real.
ON_LAMBDA = (*READ_ONLY, *TMP, "--pids-limit", "64", "--user", "993:990")
AS_SPACE = (*READ_ONLY, *TMP, "--memory", "1g", "--env", "CPU_CORES=2")


def form_of(content: bytes) -> bytes:
    head = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="customers.csv"\r\n\r\n'
    return head + content + b"\r\n--frontier--\r\n"


def note(**figures: object) -> None:
    """Write measurements to build/soak/, for the pages that quote them."""
    folder = ROOT / "build" / "soak"
    folder.mkdir(parents=True, exist_ok=True)
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **figures}
    with (folder / "images.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def build(name: str, tag: str, context: Path = ROOT, engine: str = "scorecard") -> str:
    # With "." as its context, the builder reads .dockerignore in the root.
    local = "." if context == ROOT else context
    command = build_command(
        "podman", name, tag=tag, engine=engine, context=local, options=["--pull=never", "--network", "host"]
    )
    podman(*command[1:])
    return tag
