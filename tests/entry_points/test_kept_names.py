"""Nothing that a stranger sends is kept: not the name of an encoding, a kind of content, or a count of fields."""

import encodings
import gc
import io
import re
import tracemalloc
from encodings.aliases import aliases

import pytest
from shipped import CUSTOMER_ID, EXAMPLE, NAMES

from app.web.responses import NOTES
from model.bulk.encoding import encoding_of
from model.bulk.fallback import field_count
from model.bulk.run import Run

CSV = (",".join([CUSTOMER_ID, *NAMES]) + "\nA," + ",".join(str(EXAMPLE[name]) for name in NAMES) + "\n").encode()
FORM = (
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: text/csv; charset=%b\r\n\r\n'
    + CSV
    + b"\r\n--cut--\r\n"
)


def growth(ask, count: int, forget) -> float:
    """The bytes that each of `count` different questions leaves behind, after as many to fill what is bounded.

    `forget` lets go of what pytest captured: the log has a line for each request.
    """
    for number in range(count):
        ask(f"a{number}")
    forget()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            ask(f"b{number}")
        forget()
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()


WAYS = {
    "query of v1": lambda client, name: client.post(
        f"/v1/customerbatch?charset={name}", data=FORM % b"utf-8", content_type="multipart/form-data; boundary=cut"
    ),
    "query of v2": lambda client, name: client.post(f"/v2/batches?charset={name}", data=CSV, content_type="text/csv"),
    "content type": lambda client, name: client.post("/v2/batches", data=CSV, content_type=f"text/csv; charset={name}"),
    "type of a part": lambda client, name: client.post(
        "/v1/customerbatch", data=FORM % name.encode(), content_type="multipart/form-data; boundary=cut"
    ),
    "charset of JSON": lambda client, name: client.post(
        "/v1/customer", data=b"{}", content_type=f"application/json; charset={name}"
    ),
    "name of a file": lambda client, name: client.post(
        "/v1/customerbatch",
        data=(FORM % b"utf-8").replace(b'filename="a"', b"filename*=%b''a" % name.encode()),
        content_type="multipart/form-data; boundary=cut",
    ),
    "encoding": lambda client, name: client.post(
        "/v2/batches", data=CSV, content_type="text/csv", headers={"Content-Encoding": name}
    ),
    "accept": lambda client, name: client.post(
        "/v2/batches",
        data=CSV,
        content_type="text/csv",
        headers={"Accept": f"text/{name}, */*", "Accept-Charset": name},
    ),
    "type": lambda client, name: client.post("/v2/batches", data=CSV, content_type=f"text/{name}"),
    "method": lambda client, name: client.open("/v2/batches", method=name.upper()),
    "path": lambda client, name: client.get(f"/{name}"),
    "static file": lambda client, name: client.get(f"/static/{name}.css"),
    "option": lambda client, name: client.post(f"/v2/batches?{name}=1", data=CSV, content_type="text/csv"),
    "member": lambda client, name: client.post("/v2/customers", json={name: name, "tenure": name}),
    "column": lambda client, name: client.post(
        "/v2/batches", data=CSV.replace(CUSTOMER_ID.encode(), name.encode()), content_type="text/csv"
    ),
    "cell": lambda client, name: client.post(
        "/v2/batches", data=CSV.replace(b"Month-to-month", name.encode()), content_type="text/csv"
    ),
    "fields": lambda client, name: client.post(
        "/v2/batches", data=CSV + b"," * (20 + int(name[1:])) + b"x\n", content_type="text/csv"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_thousand_different_names_leave_nothing_behind(client, capsys, way):
    left = growth(lambda name: WAYS[way](client, name).close(), 600 if way != "fields" else 300, capsys.readouterr)

    # One name that was kept took 7,600 bytes.
    assert left < 300, way
    assert not [name for name in encodings._cache if re.fullmatch("[ab][0-9]+", str(name))]


def test_counts_of_fields_are_kept_up_to_a_bound(toy_scorecard):
    for count in range(3000):
        for _ in Run(io.BytesIO(CSV + b"x," * (20 + count) + b"x\n"), toy_scorecard):
            pass

    info = field_count.cache_info()
    assert info.maxsize is not None
    assert info.currsize <= info.maxsize


@pytest.mark.parametrize("alias", sorted({*aliases, *aliases.values(), "utf_8_sig"}))
def test_features_of_encodings_mean_what_they_mean_to_python(alias):
    import codecs

    read = {
        "utf-8": "utf-8",
        "utf-8-sig": "utf-8",
        "ascii": "utf-8",
        "utf-16": "utf-16",
        "iso8859-1": "latin-1",
        "cp1252": "cp1252",
    }

    for name in (alias, alias.upper(), alias.replace("_", "-"), f" {alias.replace('_', ' ').title()} "):
        try:
            expected = read.get(codecs.lookup(name.strip()).name)
        except LookupError:  # one that is not on this machine
            expected = None
        assert encoding_of(name) == expected, name


@pytest.mark.parametrize(
    "name", ["", "klingon", "utf-7", "utf-16-le", "utf\u2010" + "8", "x" * 5000, "utf-8\0", "..", "hex"]
)
def test_other_names_are_not_read(client, name):
    assert encoding_of(name) is None or name == "utf-8\0"
    assert NOTES not in client.get("/health").headers
