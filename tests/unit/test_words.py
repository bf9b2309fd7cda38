"""The words of tests/words.toml: which are refused, where they are searched for, and that no file has one."""

import fnmatch

import pytest
import words

PROGRAM = '''
def mend(each):
    """Told."""
    doors = each.tell()  # the road
    return doors
'''


def test_no_file_has_a_refused_word():
    refused = [
        str(finding)
        for file in words.checked_files()
        for finding in words.findings(file, (words.ROOT / file).read_text(encoding="utf-8"))
    ]

    assert refused == []


def test_python_is_searched_in_its_own_names_comments_and_strings():
    findings = {(finding.line, finding.word) for finding in words.findings("model/new.py", PROGRAM)}

    assert findings == {(2, "mend"), (2, "each"), (3, "told"), (4, "doors"), (4, "road")}


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("docs/new.md", "It stands in the file.", "stands"),
        ("app/web/static/new.js", "const packedBytes = 1;", "packed"),
        ("app/web/static/new.js", "let place = 1;", "place"),
        ("app/web/templates/new.html", "<p>Whom to call</p>", "whom"),
        ("Makefile", "# begin anew", "anew"),
    ],
)
def test_other_files_are_searched_as_text(file, text, word):
    assert [finding.word for finding in words.findings(file, text)] == [word]


@pytest.mark.parametrize("text", ["a stand-in for S3", "one package", "the way in which it works", "abroad"])
def test_words_that_only_look_alike_pass(text):
    assert words.findings("docs/new.md", text) == []


def test_an_exception_covers_one_word_in_one_file(monkeypatch):
    entry = {"file": "docs/new.md", "word": "door", "reason": "a test"}
    monkeypatch.setitem(words.TABLE, "allowed", [entry])

    assert words.findings("docs/new.md", "door") == []
    assert words.findings("docs/other.md", "door") != []


def test_every_exception_names_a_file_and_a_reason():
    files = words.tracked_files()

    for entry in words.TABLE["allowed"]:
        assert entry["reason"]
        assert fnmatch.filter(files, entry["file"]), entry
