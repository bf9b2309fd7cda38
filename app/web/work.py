"""What one file may cost over HTTP: CPU, rows and bytes of answer, in slots that nobody holds who waits for a client.

Imports model/bulk and with it numpy and pyarrow, so only app/web/stream.py and app/web/upload.py import it.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

from flask import g

from app.web.answers import ANSWER_RATIO, FREE_ANSWER_BYTES, most_answer_bytes
from app.web.problems import MOST, RequestError, errors_of
from app.web.service import service
from model.bulk.run import Block, Limits, Run
from model.bulk.source import MIB, Readable
from model.bulk.work import Budget, OutOfCpuError
from model.errors import SHOWN_PROBLEMS, Problem, listed
from model.scorecard import Scorer

LEAST_ROWS: Final = 10_000
"""Rows after which a file ends if half of them are wrong in the same way; shorter ones are cheap."""

_PART_ROWS: Final = 250
"""Rows written between two looks at the limits, where a row can be long or take long."""

Step = TypeVar("Step")


class Writer(Protocol):
    """Makes the bytes of scored rows."""

    header: bytes

    def lines(self, block: Block) -> bytes:
        """Return the bytes of the rows of one block."""


class Work:
    """A file on its way through the limits of HTTP.

    Parameters
    ----------
    shorter : sequence of str
        How to ask for a shorter answer, as clauses.
    max_rows : int, optional
        A lower limit than that of the settings.

    Attributes
    ----------
    budget : Budget
    blocks_read : int
    problems : list of Problem
        The first ones.
    problems_total : int
    counts : dict of str to Any
        What the log says of the file; kept up to date.
    """

    def __init__(self, shorter: Sequence[str] = (), max_rows: int | None = None) -> None:
        settings = service().limits
        self._turn, self._larger, self._shorter = service().turn, service().larger, shorter
        self._max_answer_bytes = settings.max_answer_bytes
        self._limits = Limits(
            max_bytes=settings.max_upload_bytes,
            max_rows=min(settings.max_rows, max_rows or settings.max_rows),
            max_gzip_ratio=settings.max_gzip_ratio,
        )
        self.budget = Budget(settings.max_file_cpu_s, time.thread_time)
        self._has_begun = False
        self._bytes_out = 0
        self.counts: dict[str, Any] = {}
        g.counts = self.counts

    def open(self, file: Readable, scorer: Scorer, charset: str | None, **options: Any) -> Run:
        """Return the run of a file; called again for one that is read twice, it goes on with the same budget.

        Raises
        ------
        InputError
        """
        self.blocks_read = self.problems_total = 0
        self.problems: list[Problem] = []
        self._kinds: Counter[tuple[str, str | None]] = Counter()
        with self._slot():
            self._run = Run(file, scorer, charset, self._limits, budget=self.budget, **options)
        return self._run

    def in_slots(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Yield what `steps` gives, each made in a slot that is free again when it is given on.

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
                raise self._too_much(
                    f"The file takes more than {error.limit_s:.1f} s of CPU, the most for a file of its size here."
                ) from None
            if step is None:
                return
            yield step

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of the run, counted.

        Raises
        ------
        RequestError
            too_much_work, where half of at least LEAST_ROWS rows are wrong in the same way.
        """
        for block in self._run:
            self._count(block)
            yield block

    def pieces(self, writer: Writer, *, is_plain: bool) -> Iterator[bytes]:
        """Yield the answer piece by piece; good rows of a plain one are written a block at a time.

        Raises
        ------
        RequestError
            too_much_work, answer_too_large.
        """
        yield self.sized(writer.header)
        for block in self.blocks():
            yield from self.written(block, writer, is_plain=is_plain)

    def written(self, block: Block, writer: Writer, *, is_plain: bool) -> Iterator[bytes]:
        """Yield the rows of one block, likewise."""
        # The names of a wide header may be repeated in every row.
        part_rows = max(1, min(_PART_ROWS, MIB // (sum(map(len, self._run.header)) + 1)))
        for part in block.parts(block.rows if is_plain and not block.problems else part_rows):
            piece = self.sized(writer.lines(part))
            self.budget.check()
            yield piece

    def sized(self, piece: bytes) -> bytes:
        """Return a piece of the answer, or raise RequestError (answer_too_large) if it is too much."""
        self._bytes_out += len(piece)
        by_file = most_answer_bytes(self.budget.bytes_in)
        limit = min(by_file, self._max_answer_bytes)
        if self._bytes_out > limit:
            is_by_file = by_file < self._max_answer_bytes and by_file > FREE_ANSWER_BYTES
            bound = f"{ANSWER_RATIO} times the file" if is_by_file else MOST
            ways = [*self._shorter, *["send the file in parts"] * (not is_by_file), *self._elsewhere()]
            raise RequestError("answer_too_large", limit=limit, bound=bound, advice=_sentence(ways))
        return piece

    def bad_rows(self, advice: str, *, is_whole: bool) -> RequestError:
        """Return the problem of a file that is refused for its rows, of which all were read if it `is_whole`."""
        members = {**errors_of(self.problems, self.problems_total), **self.counts}
        shown = {"first": self.problems[0], "listed": len(self.problems), "total": self.problems_total}
        scope = "" if is_whole else "the first "
        return RequestError("bad_rows", members=members, scope=scope, advice=advice, **shown, **self.counts)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        with self._turn(self._has_begun), self.budget.working():
            self._has_begun = True
            yield

    def _count(self, block: Block) -> None:
        self.blocks_read += 1
        self.counts.update(rows_in=self._run.rows_in, rows_rejected=self._run.rows_rejected)
        for index, found in block.problems.items():
            self.problems_total += len(found)
            self._kinds[found[0].code, found[0].field] += 1
            if len(self.problems) < SHOWN_PROBLEMS:
                self.problems.extend(block.located(index)[: SHOWN_PROBLEMS - len(self.problems)])
        if self._run.rows_in >= LEAST_ROWS and self._kinds:
            most = max(self._kinds.values())
            if 2 * most >= self._run.rows_in:
                raise self._too_much(f"{most:,} rows are wrong in the same way, which is at least half of them.")

    def _too_much(self, why: str) -> RequestError:
        members = {**errors_of(self.problems, self.problems_total), **self.counts}
        rows_in, rows_rejected = self.counts.get("rows_in", 0), self.counts.get("rows_rejected", 0)
        state = f"Of the first {rows_in:,} rows {rows_rejected:,} cannot be scored" if rows_in else "No row was scored"
        first = f"; the first problem is: {self.problems[0]}" if self.problems else "."
        ways = [*["correct the file and send it again"] * bool(self.problems), *self._shorter, *self._elsewhere()]
        return RequestError("too_much_work", members=members, why=why, state=state, first=first, advice=_sentence(ways))

    def _elsewhere(self) -> list[str]:
        return [
            "score it on the command line with churn score, which goes on to the end",
            *[self._larger] * bool(self._larger),
        ]


def _sentence(clauses: Sequence[str]) -> str:
    text = listed(clauses, last="or")
    return f"{text[:1].upper()}{text[1:]}."
