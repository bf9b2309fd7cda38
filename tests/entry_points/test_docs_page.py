"""The page of the API description, and the files that it asks for."""

import re

import pytest

from app.web import docs


def test_the_page_loads_our_own_files_only(client):
    page = client.get("/docs")

    policy = page.headers["Content-Security-Policy"].partition("frame-ancestors")[0]
    asked = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert page.content_type == "text/html; charset=utf-8"
    assert "unsafe" not in policy
    assert set(re.findall(r"https?:\S+", policy + page.text)) == set()
    assert asked[0] == "data:,"
    assert [client.get(f"/{item}").status_code for item in asked[1:]] == [200] * 4


FOREVER = "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("name", "kind", "cache"),
    [
        ("docs.js", "text/javascript", "no-cache"),
        (f"{docs.VIEWER}/swagger-ui-bundle.js", "text/javascript", FOREVER),
        (f"{docs.VIEWER}/swagger-ui.css", "text/css", FOREVER),
        (f"{docs.VIEWER}/LICENSE.txt", "text/plain", FOREVER),
    ],
)
def test_a_file_has_its_type_and_is_cached_where_its_path_has_a_version(client, name, kind, cache):
    answer = client.get(f"/static/{name}")

    assert (answer.status_code, answer.content_type) == (200, f"{kind}; charset=utf-8")
    assert answer.headers["Cache-Control"] == cache
    assert len(answer.data) > 100


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "vendor", "vendor/", "docs.js/", "docs.js%00", "DOCS.JS", "./docs.js", "../static/docs.js"),
        *("../v2.py", "../templates/home.html", "vendor/../../v2.py", "%2e%2e/v2.py", "..%2fv2.py", "..%5cv2.py"),
        *("//etc/passwd", "%2fetc%2fpasswd"),
    ],
)
def test_a_name_that_is_not_a_file_of_the_page_is_not_found(client, name):
    answer = client.get(f"/static/{name}")

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
