"""Files of customers, and files that are refused, for every entry point."""

import gzip

from shipped import CUSTOMER_ID, EXAMPLE, NAMES

HEADER = [CUSTOMER_ID, *NAMES]
ROW = ["0001-AAAAA", *map(str, EXAMPLE.values())]
PLAIN = (",".join(HEADER) + "\n").encode()


def row(**changes: str) -> list[str]:
    return [changes.get(name, cell) for name, cell in zip(HEADER, ROW, strict=True)]


def to_csv(rows: list[list[str]], delimiter: str = ",", end: str = "\n", header: list[str] | None = None) -> bytes:
    def quote(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if set(cell) & {'"', "\r", "\n", delimiter} else cell

    return "".join(delimiter.join(map(quote, cells)) + end for cells in [header or HEADER, *rows]).encode()


BOMB = gzip.compress(b"a" * (64 << 20))
LATIN = to_csv([row(customerID="M\u00fcller")]).decode().encode("latin-1")

REFUSED = {
    "empty": (b"", "empty_file"),
    "only a bom": (b"\xef\xbb\xbf", "empty_file"),
    "only blank lines": (b"\n , \n\n", "empty_file"),
    "no header": (to_csv([ROW])[len(PLAIN) :], "no_header"),
    "one column": (b"customerID\nabc\n", "missing_columns"),
    "duplicate column": (to_csv([[*ROW, "1"]], header=[*HEADER, "tenure"]), "duplicate_columns"),
    "twins neither of which is exact": (
        to_csv([[*ROW, "1"]], header=[*["TENURE" if name == "tenure" else name for name in HEADER], "Tenure"]),
        "duplicate_columns",
    ),
    "workbook": (b"PK\x03\x04" + b"\0" * 50, "not_csv"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not_csv"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "not_csv"),
    "pdf": (b"%PDF-1.7", "not_csv"),
    "json": (b'[{"tenure": 1}]', "not_csv"),
    "html": (b"<!doctype html><table>", "not_csv"),
    "utf-16 without bom": (to_csv([ROW]).decode().encode("utf-16-le"), "binary"),
    "truncated gzip": (gzip.compress(to_csv([ROW] * 50))[:-20], "truncated_gzip"),
    "damaged gzip": (gzip.compress(to_csv([ROW]))[:-8] + b"\0" * 8, "damaged_gzip"),
    "gzip of gzip": (gzip.compress(gzip.compress(to_csv([ROW]))), "not_csv"),
    "gzip bomb of one line": (BOMB, "gzip_ratio"),
    "gzip bomb of many lines": (gzip.compress(PLAIN + (b"x" * 999 + b"\n") * 50_000), "gzip_ratio"),
    "endless line": (PLAIN + b"x" * (3 << 20), "record_too_long"),
    "endless line after good rows": (to_csv([ROW] * 3) + b"x" * (3 << 20) + b"\n", "record_too_long"),
    "endless header": (b"x" * (3 << 20), "header_too_long"),
    "quote open to the end": (to_csv([ROW]) + b'"abc,1\n', "open_quote"),
    "quote open for a megabyte": (to_csv([ROW]) + b'"' + b"abc,1\n" * 400_000, "open_quote"),
    "quote open in the header": (b'"customerID,tenure\n1,2\n', "open_quote"),
    "both decimal marks": (
        to_csv([row(MonthlyCharges="70,35"), row(MonthlyCharges="70.35", TotalCharges="844,2")], delimiter=";"),
        "mixed_decimals",
    ),
    "letters lost on the way": (to_csv([row(customerID="M\ufffdller")]), "damaged_text"),
}  # fmt: skip
