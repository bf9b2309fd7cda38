"""Bad customers, files and forms, each with the status and code that refuse it at every entry point."""

import gzip
import json
import os
import zlib

from shipped import EXAMPLE, NAMES

HEADER = ",".join(["customerID", *NAMES])
ROW = ",".join(str(EXAMPLE[name]) for name in NAMES)
GOOD = f"{HEADER}\nA,{ROW}\n".encode()


def with_values(**values: object) -> bytes:
    return json.dumps({**EXAMPLE, **values}).encode()


def literal(name: str, text: str) -> bytes:
    """Return the example with the number `name` written as `text`, which json.dumps might not write."""
    return with_values(**{name: "@"}).replace(b'"@"', text.encode())


# id: (body, status, code, words of the detail)
BAD_CUSTOMERS: dict[str, tuple[bytes, int, str, list[str]]] = {
    "no body": (b"", 400, "no_body", ["no body", "JSON object"]),
    "white space": (b" \n", 400, "no_body", ["no body"]),
    "broken JSON": (b'{"tenure": 12,', 400, "not_json", ["line 1"]),
    "single quotes": (b"{'tenure': 12}", 400, "not_json", ["line 1, column 2"]),
    "a CSV": (GOOD, 400, "not_json", ["line 1"]),
    "not UTF-8": (b'{"Contract": "\xff"}', 400, "not_utf8", ["byte 15"]),
    "UTF-16": (json.dumps(EXAMPLE.copy()).encode("utf-16"), 400, "not_utf8", ["UTF-8"]),
    "a key twice": (b'{"tenure": 1, "tenure": 2}', 400, "repeated_key", ['"tenure"']),
    "deep lists": (b"[" * 200_000, 400, "too_deep", ["nested"]),
    "deep objects": (b'{"a":' * 100_000, 400, "too_deep", ["nested"]),
    "a list": (b"[" + with_values() + b"]", 422, "not_an_object", ["a list"]),
    "a string": (b'"churn?"', 422, "not_an_object", ['"churn?"']),
    "null": (b"null", 422, "not_an_object", ["null"]),
    "wrapped": (b'{"customer": ' + with_values() + b"}", 422, "wrapped", ['"customer"']),
    "an empty object": (b"{}", 422, "bad_customer", list(NAMES)),
    "three fields missing": (
        json.dumps({name: EXAMPLE[name] for name in NAMES[3:]}).encode(),
        *(422, "bad_customer"),
        [f"{name} is missing" for name in NAMES[:3]],
    ),
    "twins in other case": (
        json.dumps({**{name: EXAMPLE[name] for name in NAMES if name != "tenure"}, "Tenure": 1, "TENURE": 2}).encode(),
        *(422, "bad_customer"),
        ["tenure is given more than once"],
    ),
    "an unknown word": (
        with_values(InternetService="Cable"),
        *(422, "bad_customer"),
        ['InternetService must be "DSL", "Fiber optic" or "No", not "Cable"'],
    ),
    "an integer for a word": (with_values(Contract=0), 422, "bad_customer", ["Contract must be", "not 0"]),
    "an integer for a flag": (with_values(Partner=1), 422, "bad_customer", ["Partner must be", "not 1"]),
    "text for a number": (with_values(tenure="a year"), 422, "bad_customer", ['not "a year"']),
    "a thousands separator": (with_values(TotalCharges="1,234.50"), 422, "bad_customer", ['not "1,234.50"']),
    "full-width digits": (with_values(tenure="１２"), 422, "bad_customer", ["tenure must be"]),
    "hexadecimal": (with_values(tenure="0x0C"), 422, "bad_customer", ['not "0x0C"']),
    "half a month": (with_values(tenure=12.5), 422, "bad_customer", ["a whole number of months", "not 12.5"]),
    "a negative tenure": (with_values(tenure=-1), 422, "bad_customer", ["from 0 to 1,200, not -1"]),
    "a negative charge": (with_values(MonthlyCharges=-0.01), 422, "bad_customer", ["not -0.01"]),
    "NaN": (literal("MonthlyCharges", "NaN"), 422, "bad_customer", ["MonthlyCharges", "NaN"]),
    "NaN in text": (with_values(MonthlyCharges="nan"), 422, "bad_customer", ['not "nan"']),
    "Infinity": (literal("TotalCharges", "-Infinity"), 422, "bad_customer", ["TotalCharges", "-Infinity"]),
    "1e400": (literal("TotalCharges", "1e400"), 422, "bad_customer", ["TotalCharges", "1e400"]),
    "5,000 digits": (literal("tenure", "9" * 5_000), 422, "bad_customer", ["tenure must be"]),
    "a boolean for months": (with_values(tenure=True), 422, "bad_customer", ["tenure must be", "not true"]),
    "an object for a word": (with_values(Contract={"a": 1}), 422, "bad_customer", ["not an object"]),
    "a list for a number": (with_values(tenure=[12]), 422, "bad_customer", ["not a list"]),
    "null for a word": (with_values(Contract=None), 422, "bad_customer", ["Contract is blank"]),
    "a blank total": (with_values(TotalCharges=" "), 422, "bad_customer", ["tenure is 12", "only at tenure 0"]),
    "half a surrogate": (with_values(Contract="\ud800"), 422, "bad_customer", ["Contract must be"]),
    "a NUL": (with_values(Contract="One year\0"), 422, "bad_customer", ["One year\\u0000"]),
    "10 MB": (with_values(note="x" * 10_000_000), 413, "too_large", ["1,048,576 bytes"]),
}


def columns_without(*names: str) -> bytes:
    kept = [(name, value) for name, value in zip(HEADER.split(","), f"A,{ROW}".split(","), strict=True)]
    kept = [pair for pair in kept if pair[0] not in names]
    return "\n".join(",".join(pair[position] for pair in kept) for position in (0, 1)).encode()


def damaged(content: bytes) -> bytes:
    compressed = bytearray(gzip.compress(content))
    compressed[-8:-4] = zlib.crc32(b"another file").to_bytes(4, "little")
    return bytes(compressed)


LONG = GOOD + "".join(f"{number},{ROW}\n" for number in range(5_000)).encode()
NOISE = os.urandom(40_000).hex().encode()

# id: (file, status, code, words of the detail)
BAD_FILES: dict[str, tuple[bytes, int, str, list[str]]] = {
    "nothing": (b"", 422, "empty_file", ["empty", "header"]),
    "white space": (b" \r\n\n", 422, "empty_file", ["empty"]),
    "no header": (f"A,{ROW}\n".encode(), 422, "no_header", ["not a header", "customerID"]),
    "missing columns": (
        columns_without("Contract", "PaymentMethod"),
        *(422, "missing_columns"),
        ["lacks Contract and PaymentMethod", "9 columns"],
    ),
    "a missing customerID": (columns_without("customerID"), 422, "missing_columns", ["lacks customerID"]),
    "a column twice": (
        f"{HEADER},tenure,Partner\nA,{ROW},12,Yes\n".encode(),
        *(422, "duplicate_columns"),
        ["tenure", "Partner"],
    ),
    "mixed decimal marks": (
        GOOD.replace(b",", b";") + f"B;{ROW.replace(',', ';').replace('.', ',')}\n".encode(),
        *(422, "mixed_decimals"),
        ["decimal mark"],
    ),
    "Latin-1 in the header of UTF-8": (
        f"{HEADER},Größe\n".encode("latin-1")
        + LONG[len(HEADER) + 1 :].replace(b"\n", b",x\n")
        + f"Zoë,{ROW},x\n".encode(),
        *(422, "encoding"),
        ["The header", "UTF-8", "windows-1252 as its charset"],
    ),
    "letters lost on the way": (GOOD + f"Zo\ufffd,{ROW}\n".encode(), 422, "damaged_text", ["Row 2", "U+FFFD"]),
    "gzip cut off": (gzip.compress(LONG)[:-20], 422, "truncated_gzip", ["too early"]),
    "gzip damaged": (damaged(LONG), 422, "damaged_gzip", ["damaged"]),
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD)), 422, "not_csv", ["gzip inside gzip"]),
    "a gzip bomb": (gzip.compress(GOOD + f"A,{ROW}\n".encode() * 400_000), 413, "gzip_ratio", ["50 times"]),
    "a workbook": (b"PK\x03\x04" + NOISE, 422, "not_csv", ["workbook", "Save it as CSV"]),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE, 422, "not_csv", ["workbook"]),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + NOISE, 422, "not_csv", ["PNG"]),
    "a PDF": (b"%PDF-1.7\n" + NOISE, 422, "not_csv", ["PDF"]),
    "JSON": (json.dumps([dict(EXAMPLE)]).encode(), 422, "not_csv", ["JSON"]),
    "a web page": (b"<!doctype html><p>Sign in", 422, "not_csv", ["HTML"]),
    "NUL bytes in the header": (GOOD.replace(b"tenure", b"ten\0ure"), 422, "binary", ["NUL"]),
    "an open quote in the header": (b'"' + GOOD, 422, "open_quote", ["quote"]),
    "an open quote": (GOOD + f'"B,{ROW}\n'.encode(), 422, "open_quote", ["Row 2", "quote"]),
    "an endless header": (b"x" * 3_000_000, 422, "header_too_long", ["bytes"]),
    "an endless line": (GOOD + b"x" * 20_000_000, 422, "record_too_long", ["Row 2"]),
    "a row with 9 fields": (f"{HEADER}\n{'1,' * 8}1\n".encode(), 422, "bad_rows", ["9 fields", "11"]),
    "a row with 13 fields": (f"{HEADER}\nA,{ROW},1,2\n".encode(), 422, "bad_rows", ["13 fields", "11"]),
    "NUL bytes in a row": (GOOD.replace(b"Yes", b"Y\0es"), 422, "bad_rows", ["Partner"]),
    "1e400": (GOOD.replace(b"844.2", b"1e400"), 422, "bad_rows", ["TotalCharges", "1e400"]),
    "a label-encoded word": (
        GOOD.replace(b"Month-to-month", b"0"),
        *(422, "bad_rows"),
        ["Contract must be"],
    ),
    "an id twice": (GOOD + f"A,{ROW}\n".encode(), 422, "duplicate_id", ["row 1", "row 2"]),
}


def form_of(*parts: tuple[str, bytes]) -> bytes:
    """Return a form of files; the boundary is "cut"."""
    return b"".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode() + content + b"\r\n"
        for name, content in parts
    ) + (b"--cut--\r\n")


def post_form(client, body: bytes, query: str = "", accept: str = "*/*"):
    return client.post(
        f"/v1/customerbatch{query}",
        data=body,
        headers={"Content-Type": "multipart/form-data; boundary=cut", "Accept": accept},
    )


BAD_FORMS: dict[str, tuple[bytes, int, str, str]] = {
    "no part at all": (b"--cut--\r\n", 422, "no_file", "it has no parts at all."),
    "another part": (form_of(("upload", GOOD)), 422, "no_file", 'it has "upload". Send the CSV as "file".'),
    "three other parts": (form_of(("a", b""), ("b", b""), ("c", b"")), 422, "no_file", 'it has "a", "b" and "c".'),
    "thirty other parts": (form_of(*[("a", b"")] * 5, *[(f"{n}", b"") for n in range(29)]), 422, "no_file", "20 more"),
    "two files": (form_of(("file", GOOD), ("file", GOOD)), 422, "several_files", 'has 2 parts named "file"'),
    "no end": (form_of(("file", GOOD))[:-20], 400, "bad_form", "malformed or was cut off"),
    "no boundary in the body": (GOOD, 400, "bad_form", "malformed or was cut off"),
    "nothing": (b"", 422, "no_file", "it has no parts at all."),
    "a thousand and one parts": (form_of(*[("x", b"")] * 1_001), 413, "form_too_large", "too many parts"),
    "a long text": (
        form_of(("file", LONG * 2)).replace(b'; filename="x"', b""),
        *(413, "form_too_large", "with a file name"),
    ),
}
