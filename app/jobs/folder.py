"""A watched folder: CSV files that appear in one folder are scored into another.

`<inbox>/<name>` gives `<outbox>/<name>/<job>/` with predictions.csv, rejects.csv and summary.json, or with a
failure.json that has the error and what to send instead. The inbox is only read, and no link out of the inbox or the
outbox is followed.
"""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from app.jobs import local
from app.jobs.layout import FAILURE, SUMMARY, check_name, is_draft
from app.jobs.links import is_inside, open_inside
from app.jobs.scoring import LogEntry, Scoring, log_facts, to_failure, to_json, where_raised
from model.bulk.source import MIB
from model.bulk.unchanged import FileChangedError, Unchanged
from model.errors import ChurnError, InputError

Stamp = tuple[int, int, int]
"""Inode, size and modification time (ns) of a file: while they stay the same, so does the content."""

_UNKNOWN: Final[Stamp] = (0, 0, 0)


class _OutsideError(ChurnError):
    """Results would be written outside the outbox."""


@dataclass
class Folder:
    """An inbox and its outbox, and what earlier sweeps saw there."""

    inbox: Path
    outbox: Path
    scoring: Scoring
    _seen: dict[str, Stamp] = field(default_factory=dict)
    _finished: dict[str, Stamp] = field(default_factory=dict)
    _reported: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        inbox, outbox = self.inbox.resolve(), self.outbox.resolve()
        if inbox.is_relative_to(outbox) or outbox.is_relative_to(inbox):
            raise ChurnError(f"{self.outbox} and {self.inbox} must lie apart, or results would be scored as input.")
        local.sweep_below(self.outbox)

    def sweep(self) -> Iterator[LogEntry]:
        """Score every file that has not changed since the last sweep, so that none is read while it is being copied.

        Yields an entry for each file that was scored or failed. One that cannot be read or written is reported once,
        and tried again at every sweep; one that meets a bug is tried again at the next start.
        """
        before, self._seen = self._seen, dict(self._files())
        self._finished = {name: stamp for name, stamp in self._finished.items() if self._seen.get(name) == stamp}
        for name, stamp in sorted(self._seen.items()):
            if name in self._finished or before.get(name) != stamp:
                continue
            try:
                entry = self._score(name)
            except OSError as error:
                reason = error.strerror or str(error)
                if (name, reason) not in self._reported:
                    self._reported.add((name, reason))
                    yield _error_entry(name, reason)
                continue
            except _OutsideError as error:
                entry = _error_entry(name, str(error))
            except Exception as error:  # noqa: BLE001 - a bug that one file meets must not keep the others waiting
                entry = _error_entry(name, where_raised(error))
            self._finished[name] = stamp
            if entry:
                yield entry

    def _files(self) -> Iterator[tuple[str, Stamp]]:
        for parent, folders, files in os.walk(self.inbox):
            folders[:] = [folder for folder in folders if not folder.startswith(".")]
            for file in files:
                path = Path(parent, file)
                name = path.relative_to(self.inbox).as_posix()
                stamp = None if is_draft(name) else self._stamp_of(path)
                if stamp:
                    yield name, stamp

    def _stamp_of(self, path: Path) -> Stamp | None:
        """Return the stamp of a file, or of a link that leads out of the inbox; None for anything else."""
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                if not is_inside(path, self.inbox):
                    return _to_stamp(status)
                status = path.stat()
        except FileNotFoundError:
            return None  # moved away since it was listed, or a link to nothing
        except OSError:
            return _UNKNOWN  # opening it fails too, with the reason
        return _to_stamp(status) if stat.S_ISREG(status.st_mode) else None

    def _score(self, name: str) -> LogEntry | None:
        started = time.monotonic()
        try:
            file = open_inside(self.inbox, name)
        except InputError as error:
            refusal = error  # the name `error` ends with this block

            def refuse(_: Path) -> NoReturn:
                raise refusal

            job_id = self.scoring.job_id(name, error.problem.code)
            entry = self._publish(name, job_id, refuse, lambda: None)
        else:
            if file is None:
                return None
            with file:
                source = Unchanged(file, self.inbox / name)
                try:
                    job_id = self.scoring.job_id(name, _sha256_of(source))
                    source.rewind()
                    entry = self._publish(
                        name,
                        job_id,
                        lambda draft: local.write_results(source, name, draft, self.scoring),
                        source.check,
                    )
                except FileChangedError:
                    return None  # later sweeps see the change, and score the file once it stays the same
        if entry is None:
            return None
        return {"event": "job", "name": name, "job": job_id, **entry, "seconds": round(time.monotonic() - started, 3)}

    def _publish(
        self,
        name: str,
        job_id: str,
        write: Callable[[Path], Mapping[str, Any]],
        check_unchanged: Callable[[], None],
    ) -> LogEntry | None:
        """Publish the results that `write` makes, or why it fails; None if the job is already done."""
        folder = self.outbox / name / job_id
        if not is_inside(folder, self.outbox):
            raise _OutsideError(f"{name} in the outbox is a link, or below one, that leads out of it. Remove the link.")
        if any((folder / marker).exists() for marker in (SUMMARY, FAILURE)):
            return None
        with local.draft(folder) as draft:
            try:
                check_name(name)
                summary = write(draft)
                entry: LogEntry = {"status": "done", **log_facts(summary)}
                if summary["notes"]:
                    entry["notes"] = summary["notes"]
            except InputError as error:
                for file in draft.iterdir():
                    file.unlink()
                (draft / FAILURE).write_bytes(to_json(to_failure(name, job_id, error)))
                entry = {"status": "failed", "code": error.problem.code}
            check_unchanged()
            local.publish(draft, folder)
        return entry


def _error_entry(name: str, reason: str) -> LogEntry:
    return {"event": "job", "name": name, "status": "error", "reason": reason}


def _sha256_of(source: Unchanged) -> str:
    digest = hashlib.sha256()
    while piece := source.read(MIB):
        digest.update(piece)
    return digest.hexdigest()


def _to_stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns
