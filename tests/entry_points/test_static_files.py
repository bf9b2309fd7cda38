"""Files under app/web/static: what is served, what is not, and that the page needs nothing else."""

import gzip
import re

import pytest

from app.web.docs import VIEWER
from app.web.static_files import FOLDER, TYPES


def test_a_style_is_served_by_its_type_and_asked_for_again(client):
    answer = client.get("/static/page.css")

    assert answer.status_code == 200
    assert answer.content_type == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.data == (FOLDER / "page.css").read_bytes()


def test_a_file_that_the_client_has_is_not_sent_again(client):
    etag = client.get("/static/page.css").headers["ETag"]

    answer = client.get("/static/page.css", headers={"If-None-Match": etag})

    assert (answer.status_code, answer.data) == (304, b"")


def test_what_has_its_version_in_its_path_is_kept(client):
    answer = client.get(f"/static/{VIEWER}/swagger-ui.css")

    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "name",
    [
        "../static_files.py",
        "..%2f__init__.py",
        "%2e%2e/templates/home.html",
        "/etc/passwd.txt",
        "nowhere.css",
        "page.css%00.txt",
        ".",
    ],
)
def test_nothing_else_is_served(client, name):
    answer = client.get(f"/static/{name}")

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_every_file_of_the_folder_has_a_type():
    assert {path for path in FOLDER.rglob("*") if path.is_file() and path.suffix not in TYPES} == set()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_holds_no_style_and_no_script_of_its_own(client, path):
    page = client.get(path, headers={"Accept": "text/html"}).text

    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|javascript:", page)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_all_that_a_page_refers_to_is_there(client, path):
    page = client.get(path, headers={"Accept": "text/html"}).text
    actual = re.findall(r'(?:href|src)="(?!data:)([^"]+)"', page)

    assert actual
    assert {client.get(link if link.startswith("/") else f"/{link}").status_code for link in actual} == {200}


def test_the_page_finds_its_files_below_a_base_path_too(client):
    page = client.get("/", base_url="http://localhost/churn", headers={"Accept": "text/html"}).text

    assert 'href="/churn/static/page.css"' in page


def test_a_style_is_compressed_for_a_client_that_accepts_gzip(client):
    answer = client.get("/static/page.css", headers={"Accept-Encoding": "br, gzip;q=0.5"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == (FOLDER / "page.css").read_bytes()
    assert int(answer.headers["Content-Length"]) == len(answer.data) < (FOLDER / "page.css").stat().st_size / 2


@pytest.mark.parametrize("accepted", [None, "", "br", "identity", "gzip;q=0", "*;q=0"])
def test_a_style_is_not_compressed_for_any_other(client, accepted):
    answer = client.get("/static/page.css", headers={"Accept-Encoding": accepted} if accepted is not None else {})

    assert "Content-Encoding" not in answer.headers
    assert answer.vary == {"Accept-Encoding"}
    assert answer.data == (FOLDER / "page.css").read_bytes()


def test_a_compressed_file_has_a_tag_of_its_own_and_is_not_sent_again(client):
    plain = client.get("/static/page.css").headers["ETag"]
    compressed = client.get("/static/page.css", headers={"Accept-Encoding": "gzip"}).headers["ETag"]

    again = client.get("/static/page.css", headers={"Accept-Encoding": "gzip", "If-None-Match": compressed})
    other = client.get("/static/page.css", headers={"If-None-Match": compressed})

    assert plain != compressed
    assert (again.status_code, again.data) == (304, b"")
    assert again.vary == {"Accept-Encoding"}
    assert other.status_code == 200


def test_the_page_is_compressed_but_no_answer_about_a_customer(client, customer):
    page = client.get("/", headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
    score = client.post("/v1/customer", json=customer, headers={"Accept-Encoding": "gzip"})

    assert gzip.decompress(page.data).startswith(b"<!doctype html>")
    assert (score.json, "Content-Encoding" in score.headers) == ({"Prediction": "churn"}, False)
