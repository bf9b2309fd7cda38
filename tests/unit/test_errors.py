"""The registry of errors: codes and statuses are promises, and each error is defined once."""

import re
from pathlib import Path

import pytest

from app.web.errors import ERRORS, HTTP_ERRORS, STATUSES
from model import errors

ROOT = Path(__file__).parents[2]

PROMISED = {
    400: {
        "bad_form",
        "no_interval",
        "repeated_key",
        "unknown_option",
        "bad_option",
        "key_in_query",
        "no_body",
        "bad_base64",
        "bad_request",
        "no_host",
        "too_deep",
        "not_utf8",
        "not_json",
    },
    401: {"wrong_key", "no_key"},
    404: {"not_found", "unknown_job", "uploads_not_configured"},
    405: {"method_not_allowed"},
    406: {"not_acceptable"},
    413: {
        "too_many_rows",
        "too_many_bytes",
        "too_many_entries",
        "gzip_ratio",
        "too_large",
        "small_chunks",
        "form_too_large",
        "too_much_work",
        "answer_too_large",
    },
    415: {"send_json", "send_unpacked", "send_form", "send_utf8", "send_csv"},
    422: {
        "unknown_member",
        "no_byte_order_mark",
        "no_file",
        "encoding",
        "no_header",
        "too_many_columns",
        "duplicate_columns",
        "bad_rows",
        "missing_columns",
        "wrapped",
        "record_too_long",
        "unknown_charset",
        "empty_file",
        "not_csv",
        "not_an_object",
        "open_quote",
        "duplicate_id",
        "truncated_gzip",
        "header_too_long",
        "bad_customer",
        "wrong_shape",
        "file_elsewhere",
        "damaged_text",
        "quoted_lines",
        "binary",
        "missing_member",
        "wrong_separator",
        "mixed_decimals",
        "bad_changes",
        "several_files",
        "damaged_gzip",
    },
    429: {"too_many_requests"},
    414: {"long_address"},
    417: {"expectation"},
    431: {"long_headers"},
    500: {"internal", "broken_interval"},
    501: {"transfer_coding"},
    503: {"uploads_unavailable", "busy"},
    507: {"no_room"},
}
"""Codes by their status, as they were released."""

WITHOUT_STATUS = {
    "ambiguous_name",
    "bad_id",
    "blank",
    "blank_id",
    "blank_not_new",
    "field_count",
    "link_outside",
    "missing",
    "not_a_customer",
    "not_a_number",
    "not_changes",
    "not_whole",
    "out_of_range",
    "quoted_line_end",
    "stray_byte",
    "two_encodings",
    "unknown_feature",
    "no_feature",
    "unknown_word",
    "wrong_types",
}
"""Codes of one field, one row, Spark or the watched folder."""


def test_no_code_and_no_status_is_changed():
    assert {code: status for status, codes in PROMISED.items() for code in codes} == STATUSES
    assert set(ERRORS) - set(STATUSES) == WITHOUT_STATUS


def test_each_error_is_defined_once():
    assert set(errors.ERRORS) & set(HTTP_ERRORS) == set()


@pytest.mark.parametrize("path", ["model/errors.py", "app/web/errors.py"])
def test_an_error_is_one_line(path):
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()

    table = errors.ERRORS if path.startswith("model") else HTTP_ERRORS
    defined = [line for line in lines if re.fullmatch(r'    "\w+": ErrorKind\(.*\),', line)]
    assert [line.split('"')[1] for line in defined] == list(table)


def test_adding_an_error_is_adding_one_entry_to_the_table(monkeypatch):
    monkeypatch.setitem(errors.ERRORS, "too_blue", errors.ErrorKind(422, "Too blue", "{field} is bluer than {value}."))

    assert str(errors.InputError("too_blue", field="tenure", value="sky")) == 'tenure is bluer than "sky".'
