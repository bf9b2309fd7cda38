"""The bucket's door without a bucket: CSVs dropped into one folder are scored into another.

`<inbox>/<name>` gives `<outbox>/<name>/<job>/` with predictions.csv, rejects.csv and summary.json, or with a
failure.json that says what to send. The inbox is only read, and no link is followed out of it, nor out of the outbox.
"""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from app.jobs import drafts, jobs, local, outputs
from app.jobs.beneath import is_beneath, open_beneath
from app.jobs.local import Scoring
from model.bulk.source import MIB
from model.bulk.unchanged import FileChangedError, Unchanged
from model.errors import ChurnError, InputError

Stamp = tuple[int, int, int]
"""Inode, size and time of change (ns) of a file: as long as it stays, so does the content."""

_UNKNOWN: Final[Stamp] = (0, 0, 0)

Line = dict[str, object]
"""What is said of one file in the log: names, codes, counts and times, nothing of a customer."""


class _OutsideError(ChurnError):
    """Results that would be written out of the outbox."""


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
        drafts.sweep_below(self.outbox)

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
            except _OutsideError as error:
                line = {"event": "job", "name": name, "status": "error", "reason": str(error)}
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
                stamp = None if jobs.is_draft(name) else self._stamp_of(path)
                if stamp:
                    yield name, stamp

    def _stamp_of(self, path: Path) -> Stamp | None:
        """Return the stamp of a file, or of a link that leads out of the inbox; None for what is no file."""
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                if not is_beneath(path, self.inbox):
                    return _stamp(found)
                found = path.stat()
        except FileNotFoundError:
            return None  # moved away since it was listed, or a link to nothing
        except OSError:
            return _UNKNOWN  # opening it fails as well, and says why
        return _stamp(found) if stat.S_ISREG(found.st_mode) else None

    def _score(self, name: str) -> Line | None:
        started = time.monotonic()
        try:
            file = open_beneath(self.inbox, name)
        except InputError as error:
            job = self.scoring.job(name, error.problem.code)
            line = self._write(name, job, partial(_raise, error), lambda: None)
        else:
            if file is None:
                return None
            with file:
                source = Unchanged(file, self.inbox / name)
                try:
                    job = self.scoring.job(name, _sha256_of(source))
                    source.rewind()
                    line = self._write(
                        name, job, lambda made: local.write_results(source, name, made, self.scoring), source.check
                    )
                except FileChangedError:
                    return None  # the next sweeps see that, and take it when it rests
        if line is None:
            return None
        return {"event": "job", "name": name, "job": job, **line, "seconds": round(time.monotonic() - started, 3)}

    def _write(
        self, name: str, job: str, score: Callable[[Path], Mapping[str, Any]], check: Callable[[], None]
    ) -> Line | None:
        """Publish what `score` makes of a file, or why it fails; None where that is there already."""
        folder = self.outbox / name / job
        if not is_beneath(folder, self.outbox):
            raise _OutsideError(f"{name} in the outbox is a link, or below one, that leads out of it. Remove the link.")
        if any((folder / marker).exists() for marker in (jobs.SUMMARY, jobs.FAILURE)):
            return None
        with local.draft(folder) as made:
            try:
                jobs.check_name(name)
                summary = score(made)
                line: Line = {"status": "done", **outputs.facts_of(summary)}
                if summary["notes"]:
                    line["notes"] = summary["notes"]
            except InputError as error:
                for file in made.iterdir():
                    file.unlink()
                (made / jobs.FAILURE).write_bytes(outputs.to_json(outputs.failure(name, job, error)))
                line = {"status": "failed", "code": error.problem.code}
            check()
            local.publish(made, folder)
        return line


def _sha256_of(source: Unchanged) -> str:
    hashed = hashlib.sha256()
    while piece := source.read(MIB):
        hashed.update(piece)
    return hashed.hexdigest()


def _raise(error: Exception, _: Path) -> NoReturn:
    raise error


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns
