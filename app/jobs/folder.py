"""The bucket's door without a bucket: CSVs dropped into one folder are scored into another.

`<inbox>/<name>` gives `<outbox>/<name>/<job>/` with predictions.csv, rejects.csv and summary.json, or with a
failure.json that says what to send. The inbox is only read.
"""

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.jobs import jobs, local, outputs
from app.jobs.local import Scoring
from model.errors import ChurnError, InputError

Stamp = tuple[int, int, int]
"""Inode, size and time of change (ns) of a file: as long as it stays, so does the content."""

Line = dict[str, object]
"""What is said of one file in the log: names, codes, counts and times, nothing of a customer."""


@dataclass
class Folder:
    """An inbox, its outbox, and what earlier sweeps saw."""

    inbox: Path
    outbox: Path
    scoring: Scoring
    _seen: dict[str, Stamp] = field(default_factory=dict)
    _settled: dict[str, Stamp] = field(default_factory=dict)
    _troubles: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        inbox, outbox = self.inbox.resolve(), self.outbox.resolve()
        if inbox.is_relative_to(outbox) or outbox.is_relative_to(inbox):
            raise ChurnError(f"{self.outbox} and {self.inbox} must lie apart, or results would be scored as input.")

    def sweep(self) -> Iterator[Line]:
        """Score every file that is as the sweep before saw it, so that none is read while it is still being copied.

        Yields
        ------
        Line
            For each file that was scored or failed. One that cannot be read or written is named once, and tried again
            at every sweep; one that meets a fault of ours, at the next start.
        """
        before, self._seen = self._seen, dict(self._drops())
        self._settled = {name: stamp for name, stamp in self._settled.items() if self._seen.get(name) == stamp}
        for name, stamp in sorted(self._seen.items()):
            if name in self._settled or before.get(name) != stamp:
                continue
            try:
                line = self._score(name)
            except OSError as error:
                reason = error.strerror or str(error)
                if (name, reason) not in self._troubles:
                    self._troubles.add((name, reason))
                    yield {"event": "job", "name": name, "status": "error", "reason": reason}
                continue
            except Exception as error:  # noqa: BLE001 - a fault of ours in one file must not keep the others waiting
                line = {"event": "job", "name": name, "status": "error", "reason": jobs.where(error)}
            self._settled[name] = stamp
            if line:
                yield line

    def _drops(self) -> Iterator[tuple[str, Stamp]]:
        for parent, folders, files in os.walk(self.inbox):
            folders[:] = [folder for folder in folders if not folder.startswith(".")]
            for file in files:
                path = Path(parent, file)
                name = path.relative_to(self.inbox).as_posix()
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue  # moved away since it was listed, or a link to nothing
                if stat.S_ISREG(found.st_mode) and not jobs.is_draft(name):
                    yield name, _stamp(found)

    def _score(self, name: str) -> Line | None:
        started = time.monotonic()
        with (self.inbox / name).open("rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            job = self.scoring.job(name, hashlib.file_digest(file, "sha256").hexdigest())
            folder = self.outbox / name / job
            if any((folder / marker).exists() for marker in (jobs.SUMMARY, jobs.FAILURE)):
                return None
            file.seek(0)
            with local.draft(folder) as made:
                try:
                    jobs.check_name(name)
                    summary = local.write_results(file, name, made, self.scoring)
                    line: Line = {"status": "done", **outputs.facts_of(summary)}
                except InputError as error:
                    for file_made in made.iterdir():
                        file_made.unlink()
                    (made / jobs.FAILURE).write_bytes(outputs.to_json(outputs.failure(name, job, error)))
                    line = {"status": "failed", "code": error.problem.code}
                if _stamp(os.fstat(file.fileno())) != stamp:
                    return None  # written to meanwhile: the next sweeps see that, and take it when it rests
                local.publish(made, folder)
        return {"event": "job", "name": name, "job": job, **line, "seconds": round(time.monotonic() - started, 3)}


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns
