"""What becomes of each file of tests/data, which is named for its one fault, at every door."""

from pathlib import Path

DATA = Path(__file__).parent / "data"

# Rows in, rows rejected and blank lines; or the code of the refusal.
OUTCOMES: dict[str, tuple[int, int, int] | str] = {
    "bad_numbers.csv": (11, 10, 0),
    "beyond_the_training_data.csv": (1, 0, 0),
    "blank_id.csv": (2, 0, 0),
    "blank_lines_between.csv": (2, 0, 5),
    "blank_total_of_a_new_customer.csv": (1, 0, 0),
    "blank_total_of_an_old_customer.csv": (2, 1, 0),
    "bom.csv": (4, 0, 0),
    "columns_in_another_order_and_case.csv": (2, 0, 0),
    "cr.csv": (4, 0, 0),
    "crlf.csv": (4, 0, 0),
    "damaged_letters.csv": "damaged_text",
    "duplicate_columns.csv": "duplicate_columns",
    "duplicate_ids.csv": (3, 0, 0),
    "empty.csv": "empty_file",
    "extra_columns.csv": (2, 0, 0),
    "good.csv": (4, 0, 0),
    "gzip.csv.gz": (4, 0, 0),
    "gzip_of_two_members.csv.gz": (2, 0, 0),
    "header_only.csv": (0, 0, 0),
    "header_without_newline.csv": (0, 0, 0),
    "image.csv": "not_csv",
    "json.csv": "not_csv",
    "label_encoded.csv": (1, 1, 0),
    "latin1.csv": (4, 0, 0),
    "letters_outside_ascii.csv": (2, 0, 0),
    "look_alike_letters.csv": (2, 2, 0),
    "missing_columns.csv": "missing_columns",
    "mixed_decimals.csv": "mixed_decimals",
    "mixed_line_ends.csv": (4, 0, 0),
    "no_header.csv": "no_header",
    "nul_bytes.csv": (2, 1, 0),
    "only_blank_lines.csv": "empty_file",
    "open_quote.csv": "open_quote",
    "quoted_everything.csv": (4, 0, 0),
    "quoted_newline_in_id.csv": (2, 0, 0),
    "sample.csv": (120, 0, 0),
    "semicolons_decimal_commas.csv": (4, 0, 0),
    "short_payment_words.csv": (2, 0, 0),
    "spaces_and_case.csv": (1, 0, 0),
    "strange_ids.csv": (8, 0, 0),
    "stray_quotes.csv": (2, 0, 0),
    "tabs.csv": (4, 0, 0),
    "thousands_separators.csv": (2, 1, 0),
    "too_few_fields.csv": (3, 1, 0),
    "too_many_fields.csv": (3, 1, 0),
    "truncated_gzip.csv.gz": "truncated_gzip",
    "twin_column_in_other_case.csv": (2, 0, 0),
    "unknown_words.csv": (3, 2, 0),
    "utf16.csv": (4, 0, 0),
    "utf16_without_bom.csv": "binary",
    "without_customer_id.csv": (2, 0, 0),
    "workbook.csv": "not_csv",
}

SCORED = sorted(name for name, outcome in OUTCOMES.items() if isinstance(outcome, tuple))
REFUSED = sorted(name for name, outcome in OUTCOMES.items() if isinstance(outcome, str))
