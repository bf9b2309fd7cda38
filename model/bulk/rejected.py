"""The rows of a file that were rejected because of a feature, and the words that the model does not know."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from model.bulk.block import Block
from model.bulk.fallback import is_not_a_customer
from model.errors import Problem, listed
from model.schema import Schema

LEAST_NEW_WORDS: Final = 10
"""Rows rejected because of unknown words from which on a summary has a note of them."""

_UNKNOWN: Final = "unknown_word"
_MOST_WORDS: Final = 1_000
"""Unknown words of a feature that are counted each; a file of noise must not fill the memory."""

_SHOWN_WORDS: Final = 5


def count_problems(block: Block) -> Iterator[tuple[tuple[Problem, ...], int]]:
    """Yield each distinct tuple of problems of a block, and the number of rows that share it."""
    rows = Counter(map(id, block.problems.values()))
    problems = {id(problems): problems for problems in block.problems.values()}
    for key, count in rows.items():
        yield problems[key], count


class Rejected:
    """Counts rejected rows; those that are no customers, such as totals, do not count.

    Parameters
    ----------
    schema : Schema

    Attributes
    ----------
    rows : Counter of str
        By feature: rows whose value of it was not accepted.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.rows: Counter[str] = Counter()
        self._rows_with_new_words = 0
        self._new_words: dict[str, Counter[str]] = {name: Counter() for name in schema.names}

    def add(self, block: Block) -> None:
        """Count the bad rows of a block."""
        for problems, rows in count_problems(block):
            if is_not_a_customer(problems, self._schema):
                continue
            self._rows_with_new_words += rows * any(problem.code == _UNKNOWN for problem in problems)
            for problem in problems:
                if problem.field is not None and problem.field in self._schema.by_name:
                    self._count(problem.field, problem, rows)

    def _count(self, name: str, problem: Problem, rows: int) -> None:
        self.rows[name] += rows
        if problem.code == _UNKNOWN:
            words, word = self._new_words[name], problem.value or ""
            if word in words or len(words) < _MOST_WORDS:
                words[word] += rows

    def state(self) -> dict[str, Any]:
        """Return the counts as JSON values, for `merge`."""
        return {
            "rows": dict(self.rows),
            "rows_with_new_words": self._rows_with_new_words,
            "new_words": {name: dict(words) for name, words in self._new_words.items() if words},
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """Add the counts of another part."""
        self.rows.update(state["rows"])
        self._rows_with_new_words += state["rows_with_new_words"]
        for name, words in state["new_words"].items():
            self._new_words[name].update(words)

    def new_words(self) -> dict[str, Any]:
        """Return how many rows were rejected because of unknown words, and by feature which those are, most first."""
        words = {name: dict(words.most_common()) for name, words in self._new_words.items() if words}
        return {"rows": self._rows_with_new_words, "words": words}

    def notes(self) -> list[str]:
        """Return a note of the unknown words, if there are many."""
        return [describe_new_words(self.new_words())] if self._rows_with_new_words >= LEAST_NEW_WORDS else []


def describe_new_words(new_words: Mapping[str, Any]) -> str:
    """Return what `Rejected.new_words` returns as a sentence."""
    named = []
    for name, words in new_words["words"].items():
        shown = [f"{word} ({rows:,})" for word, rows in list(words.items())[:_SHOWN_WORDS]]
        more = [f"{len(words) - len(shown):,} more words"] * (len(words) > len(shown))
        named.append(f"{name} {listed([*shown, *more])}")
    rows = new_words["rows"]
    subject = "1 row was" if rows == 1 else f"{rows:,} rows were"
    return f"{subject} rejected because of words that the model does not know: {'; '.join(named)}."
