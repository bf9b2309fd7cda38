"""Links, pipes and devices in a watched folder: nothing outside is read, nothing outside of the outbox written."""

import json
import os
from pathlib import Path

import pytest
from shipped import SCHEMA

from app.jobs.folder import Folder
from app.jobs.links import open_inside
from app.jobs.scoring import Scoring
from model import describe
from model.bulk.source import FileLimits
from model.outputs import OutputOptions

HEADER, LINE = describe.template(SCHEMA).splitlines(keepends=True)
GOOD = (HEADER + LINE).encode()
SECRET = "root:x:0:0:the secret"


@pytest.fixture
def inbox(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def outside(tmp_path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.csv").write_text(SECRET)
    return tmp_path / "outside"


@pytest.fixture
def folder(inbox, tmp_path, toy_scorecard) -> Folder:
    return Folder(inbox, tmp_path / "out", Scoring(toy_scorecard, OutputOptions(), FileLimits()))


def sweep_twice(folder: Folder) -> list[dict]:
    return [*folder.sweep(), *folder.sweep()]


def written(folder: Folder) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.outbox.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../outside/secret.csv", "/dev/zero", "/nowhere/at/all", "chain.csv"]
)
def test_a_link_out_of_the_inbox_is_refused_and_nothing_of_its_target_quoted(folder, inbox, outside, target):
    (inbox / "link.csv").symlink_to(target)
    if target == "chain.csv":
        (inbox / "chain.csv").symlink_to(outside / "secret.csv")

    first = [line for line in sweep_twice(folder) if line["name"] == "link.csv"]
    again = sweep_twice(folder)

    assert [(line["status"], line["code"]) for line in first] == [("failed", "link_outside")]
    assert again == []
    failure = json.loads(written(folder)["failure.json"])
    assert failure["message"].startswith("The file is a link to a place outside the watched folder")
    assert not any(
        word in text for text in written(folder).values() for word in ("root", "outside/", "/etc", "nowhere")
    )


def test_a_link_out_is_scored_once_the_file_itself_takes_its_place(folder, inbox, outside):
    (inbox / "list.csv").symlink_to(outside / "secret.csv")
    sweep_twice(folder)
    (inbox / "list.csv").unlink()
    (inbox / "list.csv").write_bytes(GOOD)

    assert [line["status"] for line in sweep_twice(folder)] == ["done"]


def test_a_link_within_the_inbox_is_scored_under_its_name(folder, inbox):
    (inbox / "march").mkdir()
    (inbox / "march" / "list.csv").write_bytes(GOOD)
    (inbox / "latest.csv").symlink_to("march/list.csv")

    assert {(line["name"], line["status"]) for line in sweep_twice(folder)} == {
        ("latest.csv", "done"),
        ("march/list.csv", "done"),
    }


def test_an_inbox_that_is_a_link_itself_is_watched(inbox, tmp_path, toy_scorecard):
    (tmp_path / "linked").symlink_to(inbox)
    (inbox / "list.csv").write_bytes(GOOD)

    folder = Folder(tmp_path / "linked", tmp_path / "out", Scoring(toy_scorecard, OutputOptions(), FileLimits()))

    assert [line["status"] for line in sweep_twice(folder)] == ["done"]


def test_loops_pipes_folders_and_links_to_them_neither_hang_nor_crash_nor_stop_the_others(folder, inbox, outside):
    (inbox / "a.csv").symlink_to("b.csv")
    (inbox / "b.csv").symlink_to("a.csv")
    (inbox / "dangling.csv").symlink_to("nowhere.csv")
    os.mkfifo(inbox / "pipe.csv")
    (inbox / "to-pipe.csv").symlink_to("pipe.csv")
    (inbox / "folder.csv").mkdir()
    (inbox / "to-folder.csv").symlink_to("folder.csv")
    (inbox / "out-folder.csv").symlink_to(outside)
    (inbox / "list.csv").write_bytes(GOOD)

    lines = sweep_twice(folder)

    assert {line["name"] for line in lines if line["status"] == "done"} == {"list.csv"}
    assert {line["name"] for line in lines if line["status"] == "error"} == {"a.csv", "b.csv"}
    assert sweep_twice(folder) == []


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_takes_the_place_of_a_file_between_check_and_opening_is_not_followed(
    inbox, outside, monkeypatch, what
):
    (inbox / "sub").mkdir()
    (inbox / "sub" / "secret.csv").write_bytes(GOOD)
    opening = os.open

    def swap_first(path, *rest, **more):
        if path == inbox:
            replaced = inbox / "sub" / "secret.csv" if what == "file" else inbox / "sub"
            replaced.rename(inbox / "away")
            replaced.symlink_to(outside / "secret.csv" if what == "file" else outside)
        return opening(path, *rest, **more)

    monkeypatch.setattr(os, "open", swap_first)

    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        open_inside(inbox, "sub/secret.csv")


def test_a_pipe_that_takes_the_place_of_a_file_is_no_file(inbox):
    os.mkfifo(inbox / "list.csv")

    assert open_inside(inbox, "list.csv") is None


@pytest.mark.parametrize("path", ["list.csv", "march"])
def test_a_link_in_the_outbox_writes_nothing_elsewhere_and_is_named(folder, inbox, outside, path):
    name = "list.csv" if path == "list.csv" else "march/list.csv"
    (inbox / "march").mkdir()
    (inbox / name).write_bytes(GOOD)
    (inbox / "other.csv").write_bytes(GOOD)
    folder.outbox.mkdir()
    (folder.outbox / path).symlink_to(outside)

    lines = {line["name"]: line for line in sweep_twice(folder)}

    assert (lines[name]["status"], lines["other.csv"]["status"]) == ("error", "done")
    assert (
        lines[name]["reason"] == f"{name} in the outbox is a link, or below one, that leads out of it. Remove the link."
    )
    assert sorted(path.name for path in outside.rglob("*")) == ["secret.csv"]
