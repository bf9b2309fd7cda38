"""What can be wrong with a customer or a file: each error once, and a small class tree.

A code is a promise to clients; its sentence may improve. Imports model.text and the standard library only. Errors that
only HTTP can have are in app/web/errors.py, in the same form.
"""

import json
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Final, NamedTuple

from model.text import reveal

SHOWN_CHARACTERS: Final = 40
SHOWN_ID_CHARACTERS: Final = 200
SHOWN_PROBLEMS: Final = 20
"""How many problems of a file a response lists; the rest are counted."""


class ErrorKind(NamedTuple):
    """What all errors of one code share.

    Attributes
    ----------
    status : int, optional
        The HTTP status of a response with this error; None for an error of one field or row, listed under `errors`.
    title : str, optional
    sentence : str
        A template: what is wrong, what is accepted, the value, and what to do.
    retry_after_s : int, optional
        When to try again, for an error that passes by itself.
    """

    status: int | None
    title: str | None
    sentence: str
    retry_after_s: int | None = None


# One error a line, so that adding one is adding a line.
# fmt: off
ERRORS: Final[dict[str, ErrorKind]] = {
    # One field of one customer.
    "missing": ErrorKind(None, None, "{field} is missing; it {rule}."),
    "blank": ErrorKind(None, None, "{field} is blank; it {rule}."),
    "blank_not_new": ErrorKind(None, None, "{field} is blank, but {other} is {actual}; a blank is accepted only at {other} {wanted}."),
    "not_a_number": ErrorKind(None, None, "{field} {rule}, not {value}."),
    "not_whole": ErrorKind(None, None, "{field} {rule}, not {value}."),
    "out_of_range": ErrorKind(None, None, "{field} {rule}, not {value}."),
    "unknown_word": ErrorKind(None, None, "{field} {rule}, not {value}."),
    "ambiguous_name": ErrorKind(None, None, "{field} is given more than once: as {keys}. Send it once."),
    "blank_id": ErrorKind(None, None, "{field} is blank. This response lists labels by {field}, so every row needs one."),
    "bad_id": ErrorKind(None, None, "{field} must be text or a whole number, not {value}."),
    "not_a_customer": ErrorKind(None, None, "A customer must be a JSON object, not {value}."),
    "not_changes": ErrorKind(None, None, "Changes must be a JSON object of features and their values, not {value}."),
    "no_feature": ErrorKind(None, None, "None of {known} is there: nothing is known of this customer."),
    "unknown_feature": ErrorKind(None, None, "{value} is not a feature of a customer. The features that can be changed are {known}."),
    # One row of a file.
    "field_count": ErrorKind(None, None, "The row has {fields}, but the header has {expected}.{advice}"),
    "stray_byte": ErrorKind(None, None, "The row has bytes that are not UTF-8 ({bytes}), although the file is UTF-8. Correct the character and save the file as UTF-8; if the whole file is Windows-1252, set that as its charset."),
    "duplicate_id": ErrorKind(422, "An id is repeated", "{field} {value} is in row {first} and again in row {row}. A response listed by {field} can have it only once. Ask for text/csv, which has one line per row."),
    # A table, or a file that is split.
    "wrong_types": ErrorKind(None, None, "The table has columns of types that are not accepted: {wrong}."),
    "quoted_line_end": ErrorKind(None, None, "A quote is still open at the end of a line. A file with line breaks inside quotes cannot be split; run with --multiline, which reads each file whole."),
    "link_outside": ErrorKind(None, None, "The file is a link to a place outside the watched folder, and only files inside it are read. Copy the file itself into the folder."),
    "two_encodings": ErrorKind(None, None, "The file begins as Windows-1252 and has UTF-8 characters further on. Save all of it as UTF-8, or choose one of the two with --charset."),
    # A JSON body.
    "no_body": ErrorKind(400, "There is no body", "The request has no body. Send one customer as a JSON object."),
    "not_json": ErrorKind(400, "The JSON cannot be read", "The body is not JSON: {reason}."),
    "not_utf8": ErrorKind(400, "The JSON cannot be read", "The body is not UTF-8: byte {position} is not valid. Send JSON as UTF-8."),
    "too_deep": ErrorKind(400, "The JSON cannot be read", "The JSON is nested too deeply; a customer is one flat object."),
    "repeated_key": ErrorKind(400, "The JSON cannot be read", "The JSON object has the key {value} twice. Send it once."),
    "not_an_object": ErrorKind(422, "The body is not one customer", "The body must be one customer as a JSON object, not {value}."),
    "wrapped": ErrorKind(422, "The body is not one customer", 'The customer is wrapped in "{key}". Send its {count} fields at the top level.'),
    # A result.
    "no_interval": ErrorKind(400, "The model has no intervals", "Model {version} has no intervals of its probabilities: it is of a recipe without them, or from before models had them. Train one with the recipe spline or ebm, or ask for no intervals."),
    # A file.
    "empty_file": ErrorKind(422, "The file cannot be scored", "The file is empty. Expected a CSV with a header and one row per customer."),
    "no_header": ErrorKind(422, "The header of the file is not valid", "The first line is not a header: it names none of the columns, and reads {value}. Put the column names first: {columns}."),
    "missing_columns": ErrorKind(422, "The header of the file is not valid", "The header lacks {missing}. It has {columns}.{advice}"),
    "wrong_separator": ErrorKind(422, "The header of the file is not valid", "The file is separated by {value}. Comma, semicolon and tab are accepted; save it with one of them."),
    "quoted_lines": ErrorKind(422, "The header of the file is not valid", "Each line of the file is quoted as a whole, so it is one cell. Remove the quotes at the start and the end of each line, and replace two quotes inside it by one."),
    "duplicate_columns": ErrorKind(422, "The header of the file is not valid", "The header has {duplicates} more than once. Keep one of each."),
    "header_too_long": ErrorKind(422, "The header of the file is not valid", "The first {limit} bytes have no complete header: it is longer than that, or blank lines come first. Expected a CSV whose first line names the columns."),
    "not_csv": ErrorKind(422, "The file cannot be scored", "The file is {kind}, not a CSV. {advice}"),
    "binary": ErrorKind(422, "The file cannot be scored", "The file is not text: its first line has NUL bytes. Save it as CSV (UTF-8) and send that."),
    "record_too_long": ErrorKind(422, "The file cannot be scored", "Row {row} is longer than {limit} bytes without an end of line. Expected a CSV with one line per customer."),
    "open_quote": ErrorKind(422, "The file cannot be scored", "{subject} opens a quote that is not closed {where}. Close it, or double a quote that belongs to the text."),
    "mixed_decimals": ErrorKind(422, "The file cannot be scored", "Row {row} has {value} in {field}, with a decimal {mark}, but row {first} has {before} in {column}, with a {other}. Use one decimal mark in the file."),
    "truncated_gzip": ErrorKind(422, "The gzip file cannot be decompressed", "The gzip file ends too early: it was cut off during the transfer. Send it again."),
    "damaged_gzip": ErrorKind(422, "The gzip file cannot be decompressed", "The gzip file is damaged: {reason}. Send it again, or decompressed."),
    "gzip_ratio": ErrorKind(413, "Too large", "The gzip file decompresses too far: its first {read} bytes became {decompressed}, and at most {limit} times is accepted (CHURN_MAX_GZIP_RATIO). Send it decompressed."),
    "encoding": ErrorKind(422, "The text of the file cannot be read", "{subject} has bytes that are not {encoding}, which the file was declared to be or is elsewhere. Save all of it as UTF-8, or set windows-1252 as its charset."),
    "unknown_charset": ErrorKind(422, "The text of the file cannot be read", "The charset {value} is not known. Send utf-8, utf-16, latin-1 or windows-1252."),
    "no_byte_order_mark": ErrorKind(422, "The text of the file cannot be read", "The charset is set to utf-16, but the file does not begin with a byte order mark, so the order of its bytes is unknown. Save it as UTF-8, or as UTF-16 with a byte order mark."),
    "damaged_text": ErrorKind(422, "The text of the file cannot be read", "Row {row} has U+FFFD, which replaces characters lost during an export or transfer. Export the file again as UTF-8, and send it as a file."),
    "too_many_bytes": ErrorKind(413, "Too large", "The file is longer than {limit} bytes. Send it in parts."),
    "too_many_columns": ErrorKind(422, "The header of the file is not valid", "The header names more than {limit} columns, the most that is accepted. Send the columns of a customer and few others."),
    "too_many_rows": ErrorKind(413, "Too large", "The file has more than {limit} rows. Send it in parts, or score it on the command line with churn score, which accepts any number."),
}
# fmt: on


_SHOWN_BITS: Final = 1_024
"""Python writes no whole number of more than 4,300 digits, and TOML may have one in hexadecimal."""


def show(value: object) -> str:
    """Return `value` as a message quotes it: text in quotes, cut at 40 characters, invisible characters escaped.

    A letter that looks like another is followed by its code point.
    """
    if isinstance(value, str):
        cut = reveal(value[:SHOWN_CHARACTERS]) + "…" * (len(value) > SHOWN_CHARACTERS)
        quoted = encode_basestring(cut)
        # Invisible characters would look like an accepted value, or act on a terminal: no-break spaces, marks of
        # width and direction, C1 controls. A lone surrogate (JSON "\ud800") cannot be written as UTF-8 either.
        return quoted if quoted.isprintable() else "".join(map(_seen, quoted))
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return "a number of more than 300 digits"
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


class Problem(NamedTuple):
    """One error with its row and field.

    Attributes
    ----------
    code : str
        A key of `ERRORS`.
    message : str
        A full sentence: what is wrong, the rule and the value.
    field : str, optional
        The feature or column.
    value : str, optional
        As `show` quotes it.
    rule : str, optional
        What is accepted, as the second half of "<field> must be ...".
    row : int, optional
        From 1, the first row after the header.
    customer_id : str, optional
    id_column : str, optional
        Where the id is.
    """

    code: str
    message: str
    field: str | None = None
    value: str | None = None
    rule: str | None = None
    row: int | None = None
    customer_id: str | None = None
    id_column: str | None = None

    def at(self, row: int, customer_id: str | None = None, id_column: str | None = None) -> "Problem":
        """Return the same problem with its row."""
        # Not _replace, which is slower: a file may have a million bad rows.
        return Problem(self.code, self.message, self.field, self.value, self.rule, row, customer_id or None, id_column)

    def __str__(self) -> str:
        template = ERRORS[self.code].sentence
        if self.row is None or "{row}" in template or "{subject}" in template:
            return self.message
        who = f" ({self.id_column} {show(self.customer_id)[1:-1]})" if self.customer_id else ""
        return f"Row {self.row}{who}: {self.message}"

    def to_dict(self) -> dict[str, object]:
        """Return the problem as it is in a response; unknown members are left out."""
        known = {
            "row": self.row,
            self.id_column or "": _cut(self.customer_id),
            "field": self.field,
            "value": self.value,
            "code": self.code,
            "rule": self.rule,
            "message": str(self),
        }
        return {key: value for key, value in known.items() if value is not None}


def _cut(customer_id: str | None) -> str | None:
    """Return an id short enough for a list of problems; the row number identifies the customer too."""
    if customer_id is None or len(customer_id) <= SHOWN_ID_CHARACTERS:
        return customer_id
    return customer_id[:SHOWN_ID_CHARACTERS] + "…"


def problem(code: str, *, field: str | None = None, rule: str | None = None, **parts: object) -> Problem:
    """Return the problem `code` with its sentence filled in; `value` among `parts` is shown as `show` quotes it."""
    value = show(parts.pop("value")) if "value" in parts else None
    row = parts.get("row")
    message = ERRORS[code].sentence.format(field=field, rule=rule, value=value, **parts)
    return Problem(code, message, field, value, rule, row if isinstance(row, int) else None)


class ChurnError(Exception):
    """The base of all errors of this project."""


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
        With its row, if it has one.
    """

    def __init__(self, code: str, *, field: str | None = None, **parts: object) -> None:
        self.problem = problem(code, field=field, rule=None, **parts)
        super().__init__(str(self.problem))


class ArtifactError(ChurnError):
    """A model that cannot be loaded: absent, damaged, or built for other code. Stops the start."""


class TrainingError(ChurnError):
    """Data that no model can be trained on, or a model that is not as promised.

    Attributes
    ----------
    problems : tuple of Problem
        The first `SHOWN_PROBLEMS` of the file, in file order; empty where no row is wrong.
    count : int
        How many problems there are in all.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = (), count: int = 0) -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        self.count = max(count, len(self.problems))
