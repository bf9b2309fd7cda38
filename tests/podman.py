"""Images and containers for the tests: podman with this machine's settings, containers that end with their test."""

import http.client
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from ports import free_port
from shipped import SCHEMA

ROOT = Path(__file__).parent.parent
FILES = Path(__file__).parent / "containers"
BASE = "python:3.13-slim-trixie"
EMULATOR = ROOT / "build" / "containers" / "rie"
ENVIRONMENT = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
if shutil.which("runc"):
    # Its settings are for machines on which little is permitted, and do no harm on others, but it names runc.
    ENVIRONMENT["CONTAINERS_CONF"] = str(FILES / "containers.conf")
READ_ONLY = ("--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges")
LAMBDA_PATH = "/2015-03-31/functions/function/invocations"


def lacking() -> str | None:
    """Return why there can be no containers here, if so."""
    if shutil.which("podman") is None:
        return "podman is not installed"
    # As another user, limits of memory and a network between containers need what not every machine has.
    return "podman is tested as root only" if os.geteuid() else None


def podman(*words: str | Path, timeout: float = 600) -> str:
    """Return what a command of podman prints; one that fails raises with all of its output."""
    done = subprocess.run(["podman", *words], env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"podman {' '.join(map(str, words))}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    return done.stdout.strip()


def find_base() -> str | None:
    """Have the base image in podman's storage: there already, or pulled, or made. Return why there is none, if so."""
    exists = ["podman", "image", "exists", BASE]
    pull = ["podman", "pull", "--quiet", f"docker.io/library/{BASE}"]
    for command in (exists, pull):
        if subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=600).returncode == 0:
            return None
    if os.environ.get("CI") != "true" and shutil.which("debootstrap") is None:
        # It would install packages, which nobody expects of a test.
        return f"{BASE} cannot be pulled; tests/containers/base-image makes a stand-in"
    subprocess.run([FILES / "base-image", BASE], env=ENVIRONMENT, check=True, timeout=900)
    return None


def find_emulator() -> Path:
    subprocess.run(
        [FILES / "emulator", EMULATOR], env={**os.environ, "PYTHON": sys.executable}, check=True, timeout=300
    )
    return EMULATOR


class Container:
    """A running container, removed when the block that started it ends."""

    def __init__(self, image: str, options: Sequence[str | Path] = (), command: Sequence[str] = (), port: int = 7860):
        self.name = f"churn-test-{secrets.token_hex(6)}"
        self.port = free_port()
        if "host" in options:
            self.port = port
        else:
            options = ("--publish", f"127.0.0.1:{self.port}:{port}", *options)
        podman("run", "--detach", "--name", self.name, *options, image, *command)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Not by podman(): a failure here must not hide that of the test.
        subprocess.run(["podman", "rm", "--force", "--time", "0", self.name], env=ENVIRONMENT, capture_output=True)

    def inspect(self, form: str) -> str:
        return podman("inspect", "--format", f"{{{{{form}}}}}", self.name)

    def logs(self) -> str:
        done = subprocess.run(["podman", "logs", self.name], env=ENVIRONMENT, capture_output=True, text=True)
        return done.stdout + done.stderr

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.logs().splitlines() if line.startswith("{")]

    def connect(self, timeout: float = 60) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers in small letters, and body."""
        with closing(self.connect()) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def wait(self, path: str = "/health", seconds: float = 60) -> "Container":
        """Return once it answers."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.ask("GET", path)
            except (OSError, http.client.HTTPException):
                assert self.inspect(".State.Running") == "true", self.logs()
                time.sleep(0.05)
            else:
                return self
        raise AssertionError(self.logs())

    def invoke(self, event: object) -> Any:
        """Return what the function behind the emulator answers to an event."""
        status, _, body = self.ask("POST", LAMBDA_PATH, json.dumps(event).encode())
        assert status == 200, (status, body[:1000], self.logs()[-4000:])
        return json.loads(body)

    def memory(self) -> tuple[int, int, int]:
        """Return the most bytes that it held, kills for want of memory, and the most that one of its processes held.

        The first counts its files in memory, and a cache of those on a disk that is given up when something else wants
        the room: a limit may be reached by that alone.
        """
        groups = [
            line.split(":", 2) for line in Path(f"/proc/{self.inspect('.State.Pid')}/cgroup").read_text().splitlines()
        ]
        first = next((path for _, kinds, path in groups if "memory" in kinds.split(",")), None)
        if first is not None:
            folder = Path("/sys/fs/cgroup/memory") / first.lstrip("/")
            peak, events = folder / "memory.max_usage_in_bytes", folder / "memory.oom_control"
        else:
            folder = Path("/sys/fs/cgroup") / groups[0][2].lstrip("/")
            peak, events = folder / "memory.peak", folder / "memory.events"
        kills = dict(line.split() for line in events.read_text().splitlines())["oom_kill"]
        statuses = [Path(f"/proc/{pid}/status").read_text() for pid in (folder / "cgroup.procs").read_text().split()]
        most = max(int(status.split("VmHWM:")[1].split()[0]) for status in statuses)
        return int(peak.read_text()), int(kills), most * 1024


def layers(image: str) -> list[str]:
    return json.loads(podman("image", "inspect", "--format", "{{json .RootFS.Layers}}", image))


def size(image: str) -> int:
    return int(podman("image", "inspect", "--format", "{{.Size}}", image))


def pieces(rows: int, rows_each: int = 10_000) -> Iterator[bytes]:
    """Yield a CSV of `rows` customers, all alike but for their ids."""
    from model import describe

    header, line = describe.template(SCHEMA).splitlines()
    _, _, rest = line.partition(",")
    yield f"{header}\n".encode()
    for start in range(0, rows, rows_each):
        block = range(start, min(start + rows_each, rows))
        yield "".join(f"{number:08d},{rest}\n" for number in block).encode()
