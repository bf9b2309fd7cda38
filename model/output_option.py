"""An option of the results, the same at every entry point: its names, values and help.

Standard library only.
"""

import re
from typing import Any, Final, NamedTuple

ALL: Final = "all"
"""Accepted for the highest number of an option."""

YES_NO: Final = ("yes", "no")
TRUE_FALSE: Final = ("true", "false")

MAX_REASONS: Final = 200
"""More terms than any model has; `options_of` lowers it to those of one."""

JsonSchema = dict[str, Any]


# Named tuples: a frozen dataclass needs eight times as long to define, 0.6 % of a cold start each.
class OutputOption(NamedTuple):
    """Something that a caller may ask of the results: on or off, or a number.

    Attributes
    ----------
    name : str
        As HTTP queries have it; --like-this on the command line, CHURN_LIKE_THIS in the environment.
    help : str
        One line, the same at every entry point.
    maximum : int, optional
        The highest number; None for an option that is on or off.
    shorter : str
        How to ask for a shorter answer than with it, as a clause.
    in_every_job : bool
        Whether the identity of a job has its default too: for options older than the rule that leaves defaults out.
    """

    name: str
    help: str
    maximum: int | None = None
    shorter: str = ""
    in_every_job: bool = False

    @property
    def default(self) -> int | bool:
        """0, or off."""
        return False if self.maximum is None else 0

    @property
    def flag(self) -> str:
        """The option of the command."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"CHURN_{self.name.upper()}"

    @property
    def json_schema(self) -> JsonSchema:
        """The accepted values as JSON Schema."""
        if self.maximum is None:
            return {"type": "boolean"}
        return {"anyOf": [{"type": "integer", "minimum": 0, "maximum": self.maximum}, {"const": ALL}]}

    def rule(self, words: tuple[str, str], quote: str = "") -> str:
        """Return the accepted texts, as the second half of "... must be"; `words` are those for on and off."""
        if self.maximum is None:
            return f"{quote}{words[0]}{quote} or {quote}{words[1]}{quote}"
        bound = "" if self.maximum == MAX_REASONS else f" from 0 to {self.maximum}"
        return f'a whole number{bound}, or "{ALL}"'

    def parse(self, text: str, words: tuple[str, str] = TRUE_FALSE) -> int | bool | None:
        """Return the value of a text, None for one that is not accepted."""
        if self.maximum is None:
            return {words[0]: True, words[1]: False}.get(text)
        if text == ALL:
            return self.maximum
        return int(text) if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) and int(text) <= self.maximum else None
