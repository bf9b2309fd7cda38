"""Log lines: one JSON object a line on standard output. Never a customer's data, so never the text of an exception.

Also used by the server for requests that never reach the app.
"""

import contextlib
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Final

SHOWN_FRAMES: Final = 8


def write(**members: object) -> None:
    """Write one line; members that are None are left out."""
    stamp = time.time()
    now = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(stamp))}.{int(stamp % 1 * 1000):03d}Z"
    line = {"time": now, **{name: value for name, value in members.items() if value is not None}}
    # A closed pipe behind standard output must not fail the answer.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def write_failure(error: BaseException, request_id: str | None = None) -> None:
    """Write what kind of exception came from where: the innermost frames, without their values."""
    frames = traceback.extract_tb(error.__traceback__)[-SHOWN_FRAMES:]
    where = [f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
    write(level="error", exception=type(error).__name__, where=where, request_id=request_id)
