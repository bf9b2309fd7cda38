"""The JSON files of a model, read strictly: no repeated key, no NaN, no boolean for a number. Standard library only.

SHA256SUMS proves that a file is unchanged, not that its content makes sense. Each check here names
the file, the key, the rule and the value.
"""

import json
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NoReturn

from model.errors import ArtifactError, show

MOST_LOG_ODDS: Final = 1_000_000
"""Of an intercept or a point: far beyond any model (a probability is 0 or 1 from 745 on), and sums stay finite."""

_LARGE: Final = re.compile(rb"[eE]\+?[0-9]{3}|[0-9]{300}")
"""What a number must have that is too large for float."""

_ANY: Final = (-math.inf, math.inf)


def parse(content: bytes, where: str) -> dict[str, Any]:
    """Return the JSON object that `content` is.

    Parameters
    ----------
    where : str
        The file, as the error names it.

    Raises
    ------
    ArtifactError
    """

    def refuse_constant(text: str) -> NoReturn:
        raise ArtifactError(f"{where} is not JSON: it holds {text}, and JSON has finite numbers only.")

    def read_float(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else refuse_constant(text[:20])

    def refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for name in names if names.count(name) > 1)
            raise ArtifactError(f"{where} has the key {show(repeated)} more than once in one object.")
        return members

    try:
        document = json.loads(
            content,
            object_pairs_hook=refuse_repeated,
            # The hook takes longer than the rest together.
            parse_float=read_float if _LARGE.search(content) else None,
            parse_constant=refuse_constant,
        )
    except ValueError as error:
        raise ArtifactError(f"{where} is not JSON: {error}.") from error
    except RecursionError as error:
        raise ArtifactError(f"{where} is not JSON that can be read: it is nested too deeply.") from error
    if not isinstance(document, dict):
        raise ArtifactError(f"{where} must hold a JSON object, not {show(document)}.")
    return document


class DocumentError(ArtifactError):
    """A member of a file that is missing or wrong.

    Attributes
    ----------
    key : str
        The path to it; "" for the whole file.
    reason : str
        What is wrong, without the file and the full stop.
    """

    def __init__(self, where: str, key: str, state: str, reason: str) -> None:
        super().__init__(f"{where} is {state}: {reason}.")
        self.key, self.reason = key, reason


class Member:
    """A value of such a file, and its place there.

    Parameters
    ----------
    value : object
        As JSON has it; `...` where it is missing.
    where : str
        The file.
    key : str
        The path to it; "" for the whole file.
    """

    __slots__ = ("_key", "_where", "value")

    def __init__(self, value: object, where: str, key: str = "") -> None:
        self.value, self._where, self._key = value, where, key

    def refuse(self, rule: str, value: object = None) -> NoReturn:
        """Raise the error of the broken rule; `value` is shown instead where a part of it is wrong."""
        key = self._key or "it"
        if self.value is ...:
            raise DocumentError(self._where, self._key, "incomplete", f"{key} is missing; it must be {rule}")
        shown = show(self.value if value is None else value)
        raise DocumentError(self._where, self._key, "incomplete or wrong", f"{key} must be {rule}, not {shown}")

    def reject(self, reason: str) -> NoReturn:
        """Raise the error of a sentence of its own, without the full stop."""
        raise DocumentError(self._where, self._key, "wrong", reason)

    def at(self, name: str) -> "Member":
        """Return a member of an object; whether it is there shows when it is read."""
        return Member(self.object().get(name, ...), self._where, f"{self._key}.{name}" if self._key else name)

    def items(self, rule: str = "a list") -> list["Member"]:
        """Return the elements of a list."""
        if not isinstance(self.value, list):
            self.refuse(rule)
        return [Member(element, self._where, f"{self._key}[{index}]") for index, element in enumerate(self.value)]

    def object(self) -> dict[str, Any]:
        """Return an object."""
        if not isinstance(self.value, dict):
            self.refuse("an object")
        return self.value

    def exactly(self, names: Sequence[str], what: str = "keys") -> None:
        """Refuse an object that has other keys than these."""
        members, listing = self.object(), ", ".join(names)
        for name in names:
            if name not in members:
                raise DocumentError(
                    self._where, self._key, "incomplete", f"{self._key}.{name} is missing; the {what} are {listing}"
                )
        for name in members:
            if name not in names:
                self.refuse(f"an object with the {what} {listing} alone", name)

    def known(self, names: Sequence[str]) -> None:
        """Refuse an object with a key that is not among these."""
        for name in self.object():
            if name not in names:
                self.at(name).refuse_key(names)

    def refuse_key(self, names: Sequence[str]) -> NoReturn:
        """Raise the error of a key that does not exist; `names` are those that do."""
        self.reject(f"{self._key} is not known; the keys are {', '.join(names)}")

    @property
    def is_present(self) -> bool:
        """Whether the key is there."""
        return self.value is not ...

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.refuse("true or false")
        return self.value

    def present(self, rule: str) -> None:
        """Refuse what is missing."""
        if self.value is ...:
            self.refuse(rule)

    def text(self) -> str:
        """Return text."""
        if not isinstance(self.value, str):
            self.refuse("text")
        return self.value

    def number(self, bounds: tuple[float, float] = _ANY, rule: str = "a finite number") -> float:
        """Return a finite number from the lower bound to the upper one."""
        if type(self.value) not in (int, float):
            self.refuse(rule)
        try:
            number = float(self.value)  # type: ignore[arg-type]
        except OverflowError:
            self.refuse(rule)
        # Any comparison with NaN is false.
        if not (math.isfinite(number) and bounds[0] <= number <= bounds[1]):
            self.refuse(rule)
        return number

    def share(self) -> float:
        """Return a number from 0 to 1."""
        return self.number((0.0, 1.0), "a number from 0 to 1")

    def log_odds(self) -> float:
        """Return a number that can be a part of log-odds."""
        return self.number((-MOST_LOG_ODDS, MOST_LOG_ODDS), f"a number from -{MOST_LOG_ODDS:,} to {MOST_LOG_ODDS:,}")

    def rising(self, least: int = 0) -> list[float]:
        """Return a list of at least so many numbers, each above the one before."""
        some = f"at least {least} finite number{'s' * (least > 1)}" if least else "finite numbers"
        rule = f"a list of {some}, each above the one before"
        numbers = [element.number() for element in self.items(rule)]
        if len(numbers) < least:
            self.refuse(rule)
        for before, after in pairwise(numbers):
            if before >= after:
                self.refuse(rule, f"{before:g} before {after:g}")
        return numbers

    def whole_numbers(self) -> list[int]:
        """Return a list of whole numbers."""
        rule = "a list of whole numbers"
        if not isinstance(self.value, list):
            self.refuse(rule)
        numbers: list[int] = self.value
        for number in numbers:
            if type(number) is not int:
                self.refuse(rule, number)
        return numbers

    def shares(self, count: int) -> list[float]:
        """Return a list of so many numbers from 0 to 1."""
        elements = self.items()
        if len(elements) != count:
            self.refuse(f"a list of {count} numbers, one more than edges", len(elements))
        return [element.share() for element in elements]
