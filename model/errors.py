"""What can be wrong with a customer or a file: one table of codes and sentences, and a small class tree.

A code is a promise to clients; its sentence may improve. Imports model.text and nothing beyond the standard library.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Final

from model.text import reveal

SHOWN_CHARACTERS: Final = 40
SHOWN_ID_CHARACTERS: Final = 200
SHOWN_PROBLEMS: Final = 20
"""How many problems of a file an answer writes out; the rest are counted."""

MESSAGES: Final[dict[str, str]] = {
    # One field of one customer.
    "missing": "{field} is missing; it {rule}.",
    "blank": "{field} is blank; it {rule}.",
    "blank_not_new": "{field} is blank, but tenure is {tenure}; a blank is accepted only at tenure 0.",
    "not_a_number": "{field} {rule}, not {value}.",
    "not_whole": "{field} {rule}, not {value}.",
    "out_of_range": "{field} {rule}, not {value}.",
    "unknown_word": "{field} {rule}, not {value}.",
    "ambiguous_name": "{field} is given more than once: as {keys}. Send it once.",
    "blank_id": "customerID is blank; this answer is listed by customerID, so every row needs one.",
    "bad_id": "customerID must be text or a whole number, not {value}.",
    "not_a_customer": "A customer must be a JSON object, not {value}.",
    "not_changes": "Changes must be a JSON object of features and their values, not {value}.",
    "unknown_feature": "{value} is no feature of a customer; those that can be changed are {known}.",
    # One row of a file.
    "field_count": "The row has {found}, but the header has {expected}.{advice}",
    "stray_byte": (
        "The row holds bytes that are not UTF-8 ({bytes}), and the file is UTF-8. Correct the letter there and save "
        "the file as UTF-8; if all of it is Windows-1252, give that as its charset."
    ),
    "duplicate_id": (
        "customerID {value} stands in row {first} and again in row {row}; an answer listed by customerID can "
        "hold it only "
        "once. Ask for text/csv, which answers row by row."
    ),
    # A body of JSON.
    "no_body": "The request has no body. Send one customer as a JSON object.",
    "not_json": "The body is not JSON: {reason}.",
    "not_utf8": "The body is not UTF-8: byte {position} does not fit. Send JSON as UTF-8.",
    "too_deep": "The JSON is nested too deeply; a customer is one flat object.",
    "not_an_object": "The body must be one customer as a JSON object, not {value}.",
    "wrapped": 'The customer is wrapped in "{key}". Send the ten fields at top level.',
    "repeated_key": "The JSON object has the key {value} twice. Send it once.",
    # A table, or a file that is cut into parts.
    "wrong_types": "The table has columns of types that are not taken: {wrong}.",
    "quoted_line_end": (
        "A quote is still open at the end of a line. A file with line ends inside quotes cannot be cut into parts; run "
        "with --multiline, which reads each file whole."
    ),
    # A file.
    "empty_file": "The file is empty. Expected a CSV with a header and one row a customer.",
    "no_header": (
        "The first line is not a header: it names none of the columns, and reads {value}. Put the column "
        "names first: {columns}."
    ),
    "missing_columns": "The header lacks {missing}. It has {found}.{advice}",
    "wrong_separator": (
        "The file is separated by {value}. Accepted are the comma, the semicolon and the tab; save it with one of them."
    ),
    "quoted_lines": (
        "Each line of the file is in quotes as a whole, so that it is one cell. Remove the quotes at the start and the "
        "end of each line, and make two quotes inside it one."
    ),
    "duplicate_columns": "The header has {duplicates} more than once. Keep one of each.",
    "not_csv": "The file is {kind}, not a CSV. {advice}",
    "link_outside": (
        "The file is a link that leads out of the watched folder, and only what is inside is read. Copy the file "
        "itself into the folder."
    ),
    "binary": "The file is not text: its first line holds NUL bytes. Save it as CSV (UTF-8) and send that.",
    "header_too_long": (
        "The first {limit} bytes have no whole header: it is longer than that, or blank lines come first. Expected a "
        "CSV whose first line names the columns."
    ),
    "record_too_long": (
        "Row {row} is longer than {limit} bytes without an end of line. Expected a CSV with one line a customer."
    ),
    "open_quote": (
        "{place} opens a quote that is not closed {where}. Close it, or double a quote that belongs to the text."
    ),
    "truncated_gzip": "The gzip file ends too early: it was cut off on its way. Send it again.",
    "damaged_gzip": "The gzip file is damaged: {reason}. Send it again, or decompressed.",
    "gzip_ratio": (
        "The gzip file decompresses too far: its first {read} bytes gave {made}, and {limit} times is the most that is "
        "accepted (CHURN_MAX_GZIP_RATIO). Send it decompressed."
    ),
    "encoding": (
        "{place} holds bytes that are not {encoding}, which the file was declared to be or is elsewhere. Save all of "
        "it as UTF-8, or give windows-1252 as its charset."
    ),
    "two_encodings": (
        "The file begins as Windows-1252 and holds letters in UTF-8 further on. Save all of it as UTF-8, or say which "
        "of both it is with --charset."
    ),
    "unknown_charset": "The charset {value} is not known. Send utf-8, utf-16, latin-1 or windows-1252.",
    "no_byte_order_mark": (
        "The charset is given as utf-16, but the file does not begin with a byte order mark, which tells the order of "
        "its bytes. Save it as UTF-8, or as UTF-16 with a byte order mark."
    ),
    "damaged_text": (
        "Row {row} holds U+FFFD, the mark of letters lost on the way to us. Export the file again as UTF-8, "
        "and send it as a file."
    ),
    "mixed_decimals": (
        "Row {row} has {value} in {field}, with a decimal {mark}, but row {first} has {before} in {column}, with a "
        "{other}. Use one decimal mark in the file."
    ),
    "too_many_bytes": "The file is longer than {limit} bytes. Send it in parts.",
    "too_many_columns": (
        "The header names more than {limit} columns, the most that is accepted. Send the columns of a customer and few "
        "others."
    ),
    "too_many_rows": (
        "The file has more than {limit} rows. Send it in parts, or score it on the command line with churn score, "
        "which takes any number."
    ),
}


def show(value: object) -> str:
    """Return `value` as a message quotes it: text in quotes, cut at 40 characters, what misleads the eye made visible.

    What is not printable is escaped; after a letter that looks like another stands its code point.
    """
    if isinstance(value, str):
        cut = reveal(value[:SHOWN_CHARACTERS]) + "…" * (len(value) > SHOWN_CHARACTERS)
        quoted = encode_basestring(cut)
        # What cannot be seen would look like what is accepted, or act on a terminal: no-break spaces, marks of width
        # and direction, C1 controls. A lone surrogate (JSON "\ud800") cannot be written as UTF-8 either.
        return quoted if quoted.isprintable() else "".join(map(_seen, quoted))
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)[: SHOWN_CHARACTERS + 1]
    return type(value).__name__


def _seen(letter: str) -> str:
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]


def listed(names: Sequence[str], last: str = "and") -> str:
    """Return names as prose: `A`, `A and B`, `A, B and C`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes
    ----------
    code : str
        A key of `MESSAGES`.
    message : str
        A full sentence that names the thing, the rule and what came.
    field : str, optional
        The feature or column.
    value : str, optional
        What came, as `show` quotes it.
    rule : str, optional
        What is accepted there.
    row : int, optional
        From 1, the first row after the header.
    customer_id : str, optional
    """

    code: str
    message: str
    field: str | None = None
    value: str | None = None
    rule: str | None = None
    row: int | None = None
    customer_id: str | None = None

    def at(self, row: int, customer_id: str | None = None) -> "Problem":
        """Return the same problem with the row in which it was found."""
        # Not dataclasses.replace, which takes 3 us: a file may have a million bad rows.
        return Problem(self.code, self.message, self.field, self.value, self.rule, row, customer_id or None)

    def __str__(self) -> str:
        template = MESSAGES[self.code]
        if self.row is None or "{row}" in template or "{place}" in template:
            return self.message
        who = f" (customerID {show(self.customer_id)[1:-1]})" if self.customer_id else ""
        return f"Row {self.row}{who}: {self.message}"

    def to_dict(self) -> dict[str, object]:
        """Return the problem as an API answer writes it; what is not known is left out."""
        known = {
            "row": self.row,
            "customerID": _cut(self.customer_id),
            "field": self.field,
            "value": self.value,
            "code": self.code,
            "rule": self.rule,
            "message": str(self),
        }
        return {key: value for key, value in known.items() if value is not None}


def _cut(customer_id: str | None) -> str | None:
    """Return an id short enough for a list of problems; the row number tells the customer all the same."""
    if customer_id is None or len(customer_id) <= SHOWN_ID_CHARACTERS:
        return customer_id
    return customer_id[:SHOWN_ID_CHARACTERS] + "…"


def problem(code: str, *, field: str | None = None, rule: str | None = None, **parts: object) -> Problem:
    """Return the problem `code` with its sentence filled in; `value` among `parts` is shown as `show` quotes it."""
    value = show(parts.pop("value")) if "value" in parts else None
    row = parts.get("row")
    message = MESSAGES[code].format(field=field, rule=rule, value=value, **parts)
    return Problem(code, message, field, value, rule, row if isinstance(row, int) else None)


class ChurnError(Exception):
    """Whatever this project raises on purpose."""


class CustomerError(ChurnError):
    """A customer that cannot be scored, with all that is wrong with it.

    Attributes
    ----------
    problems : tuple of Problem
        In schema order, at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return " ".join(map(str, self.problems))


class InputError(ChurnError):
    """A body or file that cannot be read as a whole.

    Attributes
    ----------
    problem : Problem
        With the row where one is to blame.
    """

    def __init__(self, code: str, *, field: str | None = None, **parts: object) -> None:
        self.problem = problem(code, field=field, rule=None, **parts)
        super().__init__(str(self.problem))


class ArtifactError(ChurnError):
    """A model that cannot be loaded: absent, damaged, or built for other code. Stops the start."""


class TrainingError(ChurnError):
    """Data that cannot be learnt from, or a model that does not come out as promised.

    Attributes
    ----------
    problems : tuple of Problem
        The first `SHOWN_PROBLEMS` of the file, in file order; empty where the fault is not one of rows.
    count : int
        How many problems there are in all.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = (), count: int = 0) -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        self.count = max(count, len(self.problems))
