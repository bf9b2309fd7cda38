"""The limits of one file over HTTP: CPU, rows and bytes of its response. No slot is held while waiting for a client.

Imports model/bulk and with it numpy and pyarrow, so only app/web/batches.py and app/web/customer_batch.py import it.
"""

import io
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final, Protocol, TypeVar

from flask import g

from app.web.errors import HIGHEST_LIMIT, RequestError
from app.web.problems import error_members
from app.web.responses import ANSWER_RATIO, FREE_ANSWER_BYTES, max_answer_bytes
from app.web.service import service
from model.bulk.budget import FREE_CPU_S, Budget, OutOfCpuError
from model.bulk.fallback import is_not_a_customer
from model.bulk.run import Block, FileLimits, Run
from model.bulk.source import MIB
from model.errors import SHOWN_PROBLEMS, Problem, listed
from model.scorecard import Scorecard, Scorer

MIN_ROWS: Final = 10_000
"""From so many rows on, a file is refused once half of them are known to be wrong in the same way."""

_SHORTEST_ROW_BYTES: Final = 41
"""Of a good row with its line end: the rest of a file can have at most this many more rows."""

_PART_CELLS: Final = 16_000
_PART_ROWS: Final = 250
"""Rows written between two checks of the limits, where a row can be long or take long."""

Step = TypeVar("Step")


class Writer(Protocol):
    """Writes scored rows as bytes."""

    header: bytes

    def lines(self, block: Block) -> bytes:
        """Return the bytes of the rows of one block."""


class LimitedRun:
    """The scoring of one file within the limits of HTTP.

    Parameters
    ----------
    shorter : sequence of str
        Ways to ask for a shorter response, as clauses.
    max_rows : int, optional
        A lower limit than that of the settings.
    skips_junk : bool
        Whether rows without any valid feature, such as totals, do not count as wrong alike: they are no customers.

    Attributes
    ----------
    budget : Budget
    blocks_read : int
    problems : list of Problem
        The first ones.
    problems_total : int
    counts : dict of str to Any
        For the log; kept up to date.
    """

    def __init__(self, shorter: Sequence[str] = (), max_rows: int | None = None, *, skips_junk: bool = False) -> None:
        settings = service().settings
        self._acquire_slot, self._shorter = service().acquire_slot, shorter
        self._large_file_advice = service().large_file_advice
        self._max_answer_bytes = settings.max_answer_bytes
        self._file_limits = FileLimits(
            max_bytes=settings.max_upload_bytes,
            max_rows=min(settings.max_rows, max_rows or settings.max_rows),
            max_gzip_ratio=settings.max_gzip_ratio,
        )
        # A pipeline of scikit-learn takes seconds to be imported, and a hundred times as long for each row.
        is_scorecard = isinstance(service().scorer, Scorecard)
        free_cpu_s = FREE_CPU_S if is_scorecard else settings.max_file_cpu_s
        self.budget = Budget(settings.max_file_cpu_s, time.thread_time, free_cpu_s)
        self._skips_junk = skips_junk
        self._has_begun = self._is_being_sent = False
        self._bytes_out = 0
        self.counts: dict[str, Any] = {}
        g.counts = self.counts

    def open(self, file: IO[bytes], scorer: Scorer, charset: str | None, **options: Any) -> Run:
        """Return the run of a whole file; called again for one that is read twice, it goes on with the same budget.

        Raises
        ------
        InputError
        """
        self.blocks_read = self.problems_total = 0
        self.problems: list[Problem] = []
        self._kinds: Counter[tuple[str, str | None]] = Counter()
        self._bytes_scored = 0
        file_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        with self._slot():
            self._run = Run(file, scorer, charset, self._file_limits, budget=self.budget, **options)
        self._file_bytes = None if self._run.is_compressed else file_bytes
        self.budget.bytes_in = max(self.budget.bytes_in, self._file_bytes or 0)
        return self._run

    def in_slots(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Yield from `steps`, each computed in a slot that is free again when it is yielded.

        Raises
        ------
        RequestError
            busy, before the first slot; too_much_work, where the budget of CPU is used up.
        """
        while True:
            try:
                with self._slot():
                    step = next(steps, None)
            except OutOfCpuError as error:
                reason = f"The file needs more than {error.limit_s:.1f} s of CPU, the limit for a file of its size."
                raise self._too_much_work(reason, self._shorter) from None
            if step is None:
                return
            yield step

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of the run, counted.

        Raises
        ------
        RequestError
            too_much_work, as soon as half of at least MIN_ROWS rows are known to be wrong in the same way, and the
            response is not being sent yet.
        """
        for block in self._run:
            self._count(block)
            # Of a gzip file, and of other encodings, how much is left is known only at the end.
            if self._file_bytes and not self._run.is_transcoded:
                left = max(0, self._file_bytes - self._bytes_scored)
                self._check_same_error(self._run.rows_in + left / _SHORTEST_ROW_BYTES)
            yield block
        self._check_same_error(self._run.rows_in)

    @property
    def is_mostly_wrong(self) -> bool:
        """Whether half of the rows so far are wrong in the same way."""
        return 0 < self._run.rows_in <= 2 * self._same_error_rows

    def start_sending(self) -> None:
        """Record that the response is being sent from now on."""
        self._is_being_sent = True

    def pieces(self, writer: Writer, *, is_plain: bool) -> Iterator[bytes]:
        """Yield the response piece by piece; good rows of a plain one are written a block at a time.

        Raises
        ------
        RequestError
            too_much_work, answer_too_large.
        """
        yield self.check_size(writer.header)
        for block in self.blocks():
            yield from self.write(block, writer, is_plain=is_plain)

    def write(self, block: Block, writer: Writer, *, is_plain: bool) -> Iterator[bytes]:
        """Yield the rows of one block in the same way."""
        # The names and cells of a wide header may be repeated in every row.
        header = self._run.header
        part_rows = max(1, min(_PART_ROWS, MIB // (sum(map(len, header)) + 1), _PART_CELLS // len(header)))
        for part in block.parts(block.rows if is_plain and not block.problems else part_rows):
            piece = self.check_size(writer.lines(part))
            self.budget.check()
            yield piece

    def check_size(self, piece: bytes) -> bytes:
        """Return a piece of the response, or raise RequestError (answer_too_large) if it becomes too long."""
        self._bytes_out += len(piece)
        by_file = max_answer_bytes(self.budget.bytes_in)
        limit = min(by_file, self._max_answer_bytes)
        if self._bytes_out > limit:
            is_by_file = by_file < self._max_answer_bytes
            bound = HIGHEST_LIMIT
            if is_by_file:
                is_free = by_file == FREE_ANSWER_BYTES
                bound = "the limit for a file of its size" if is_free else f"{ANSWER_RATIO} times the file"
            advice = [*self._shorter, *["send the file in parts"] * (not is_by_file), *self._alternatives()]
            raise RequestError("answer_too_large", limit=limit, bound=bound, advice=_sentence(advice))
        return piece

    def bad_rows(self, advice: str, *, is_whole: bool) -> RequestError:
        """Return the error of a file that is refused for its rows; all of them were read if it `is_whole`."""
        members = {**error_members(self.problems, self.problems_total), **self.counts}
        shown: dict[str, Any] = {"first": self.problems[0], "listed": len(self.problems), "total": self.problems_total}
        scope = "" if is_whole else "the first "
        if not is_whole:
            # The same limit would end the file with the option as well.
            advice = listed(self._alternatives(), last="or")
        return RequestError("bad_rows", members=members, scope=scope, advice=advice, **shown, **self.counts)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        with self._acquire_slot(self._has_begun), self.budget.working():
            self._has_begun = True
            yield

    def _count(self, block: Block) -> None:
        self.blocks_read += 1
        self.counts.update(rows_in=self._run.rows_in, rows_rejected=self._run.rows_rejected)
        for index, problems in block.problems.items():
            self.problems_total += len(problems)
            if not (self._skips_junk and is_not_a_customer(problems, block.schema)):
                self._kinds[problems[0].code, problems[0].field] += 1
            if len(self.problems) < SHOWN_PROBLEMS:
                self.problems.extend(block.located(index)[: SHOWN_PROBLEMS - len(self.problems)])
        self._bytes_scored += len(block.source.data)

    @property
    def _same_error_rows(self) -> int:
        return max(self._kinds.values(), default=0)

    def _check_same_error(self, rows: float) -> None:
        """Refuse a file of so many rows, as far as that is known, if half of them are wrong in the same way."""
        if not self._is_being_sent and self._run.rows_in >= MIN_ROWS and 2 * self._same_error_rows >= rows:
            reason = f"{self._same_error_rows:,} rows are wrong in the same way, at least half of the file."
            raise self._too_much_work(reason, shorter=[])

    def _too_much_work(self, reason: str, shorter: Sequence[str]) -> RequestError:
        members = {**error_members(self.problems, self.problems_total), **self.counts}
        rows_in, rows_rejected = self.counts.get("rows_in", 0), self.counts.get("rows_rejected", 0)
        state = f"Of the first {rows_in:,} rows {rows_rejected:,} cannot be scored"
        if not rows_rejected:
            state = f"{rows_in:,} rows had been read by then"
        first = f"; the first problem is: {self.problems[0]}" if self.problems else "."
        advice = [*["correct the file and send it again"] * bool(self.problems), *shorter, *self._alternatives()]
        return RequestError(
            "too_much_work", members=members, reason=reason, state=state, first=first, advice=_sentence(advice)
        )

    def _alternatives(self) -> list[str]:
        return [
            "score it on the command line with churn score, which has no such limit",
            *[self._large_file_advice] * bool(self._large_file_advice),
        ]


def _sentence(clauses: Sequence[str]) -> str:
    text = listed(clauses, last="or")
    return f"{text[:1].upper()}{text[1:]}."
