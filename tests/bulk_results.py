"""The result of a bulk run over the bytes of a file, for tests."""

import csv
import io

import pytest

from model.bulk import csv_writer
from model.bulk.run import Run
from model.errors import InputError


class Trickle(io.BytesIO):
    """A source that gives a few bytes at a time, like a slow socket."""

    def read(self, size: int = -1, /) -> bytes:
        return super().read(min(size, 7) if size >= 0 else 7)


class Result:
    def __init__(self, data: bytes, scorer, source=io.BytesIO, **options):
        self.run = Run(source(data), scorer, **options)
        predictions = csv_writer.Predictions(scorer)
        rejects = csv_writer.Rejects(self.run.header, self.run.delimiter)
        self.problems, lines, rejected = [], [predictions.header], [rejects.header]
        for block in self.run:
            self.problems += [item for index in block.problems for item in block.located(index)]
            lines.append(predictions.lines(block))
            rejected.append(rejects.lines(block))
        self.predictions_csv, self.rejects_csv = b"".join(lines), b"".join(rejected)
        self.predictions = list(csv.DictReader(io.StringIO(self.predictions_csv.decode(), newline="")))
        self.summary = self.run.summary()

    @property
    def codes(self) -> list[tuple[int | None, str | None, str]]:
        return [(problem.row, problem.field, problem.code) for problem in self.problems]

    @property
    def labels(self) -> list[str]:
        return [line["prediction"] for line in self.predictions]


def refusal(data: bytes, scorer, **options) -> InputError:
    with pytest.raises(InputError) as caught:
        Result(data, scorer, **options)
    return caught.value
