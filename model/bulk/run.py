"""The loop of every bulk entry point: a file to scored blocks, counted."""

from collections.abc import Iterator
from typing import Any

from model.bulk.block import Block
from model.bulk.budget import Budget
from model.bulk.columns import Columns
from model.bulk.encoding import Utf8Stream
from model.bulk.reader import Reader, to_utf8
from model.bulk.score import BulkScorer
from model.bulk.source import FileLimits, Readable
from model.bulk.summary import TOP, Summary
from model.errors import InputError
from model.schema import Schema
from model.scorecard import Scorer

__all__ = ["Block", "FileLimits", "Run"]


class Run:
    """The scoring of one file.

    Parameters
    ----------
    source : Readable
        The bytes of the file, gzip or not. Read once, from start to end.
    scorer : Scorer
    charset : str, optional
        As declared by the sender.
    limits : FileLimits, optional
    id_required : bool
        Whether every row needs an id, if the schema has one.
    top : int
        How many customers the summary names.
    summary : Summary, optional
        A new one to count in, instead of the default.
    budget : Budget, optional
        The CPU time that the file may take; unlimited without one.

    Attributes
    ----------
    header : list of str
    delimiter : str

    Raises
    ------
    InputError
        On creation for problems at the start of the file; while iterating for later ones.
    OutOfCpuError
        While iterating, when the budget is used up.
    """

    def __init__(
        self,
        source: Readable,
        scorer: Scorer,
        charset: str | None = None,
        limits: FileLimits | None = None,
        id_required: bool = False,
        top: int = TOP,
        summary: Summary | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._limits = limits or FileLimits()
        self._schema = scorer.schema
        self._scorer = BulkScorer(scorer)
        self._summary = summary or Summary(scorer, top)
        self._is_whole = False
        self._text = Utf8Stream(source, charset, self._limits)
        id_required = id_required and scorer.schema.id is not None
        needed = scorer.schema.columns if id_required else scorer.schema.names
        self._reader = Reader(self._text, next_row=lambda: self.rows_in + 1, schema=scorer.schema, needed=needed)
        header = self._reader.header
        self.header = header.names
        self.delimiter = header.delimiter
        self._budget = budget
        self._columns = Columns(scorer.schema, self.header, header.positions, self.delimiter, id_required, self._check)
        self._summary.blank_lines = header.blank_lines

    def __iter__(self) -> Iterator[Block]:
        """Yield scored blocks in file order."""
        for raw in self._reader:
            first_row = self.rows_in + 1
            self._check()
            records, strays = to_utf8(raw, self._text.encoding, first_row)
            block = self._columns.parse(records, first_row, strays)
            self._scorer.score(block)
            self._summary.add(block)
            if self._limits.max_rows is not None and self.rows_in > self._limits.max_rows:
                raise InputError("too_many_rows", limit=f"{self._limits.max_rows:,}")
            yield block
        self._is_whole = True

    def _check(self) -> None:
        if self._budget:
            self._budget.bytes_in = max(self._budget.bytes_in, self._text.bytes_decompressed)
            self._budget.check()

    @property
    def schema(self) -> Schema:
        """That of the model."""
        return self._schema

    @property
    def is_compressed(self) -> bool:
        """Whether the file is gzip."""
        return self._text.is_compressed

    @property
    def is_transcoded(self) -> bool:
        """Whether the text is in another encoding than UTF-8, as far as it was read."""
        return self._text.is_transcoded

    @property
    def rows_in(self) -> int:
        """Rows so far, good and bad."""
        return self._summary.rows_in

    @property
    def rows_scored(self) -> int:
        """Good rows so far."""
        return self._summary.rows_scored

    @property
    def rows_rejected(self) -> int:
        """Bad rows so far."""
        return self._summary.rows_rejected

    @property
    def blank_lines(self) -> int:
        """Records so far that are no rows."""
        return self._summary.blank_lines

    @property
    def bytes_read(self) -> int:
        """Bytes of the source read so far, compressed where they are gzip."""
        return self._text.bytes_read

    @property
    def notes(self) -> list[str]:
        """Return notes for the reader of the results: rows unlike the training data, an assumed encoding, no ids."""
        empty = [] if self.rows_in else ["The file has a header and no rows."]
        return [*self._summary.implausible(self._is_whole), *self._text.notes, *self._reader.notes, *empty]

    def summary(self) -> dict[str, Any]:
        """Return the content of summary.json without the name of the job.

        Raises
        ------
        AssertionError
            If the rows in are not the rows scored + the rows rejected; nothing may be published then.
        """
        return {**self._summary.to_dict(), "notes": [*self.notes, *self._summary.notes]}
