"""The documents are right: their commands are run, their tables compared, their files exist."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from ports import free_port
from shipped import EXAMPLE

from app import settings
from app.cli.__main__ import churn
from app.web import create_app, query_options
from app.web.errors import STATUSES
from model import artifact
from model.errors import ERRORS
from model.outputs import options_of

ROOT = Path(__file__).parents[2]
WRITTEN = re.compile(r"^(?!build/|node_modules/|\.|model/artifacts/|app/web/static/vendor/).*\.md$")
DOCUMENTS = sorted(name for path in ROOT.rglob("*.md") if WRITTEN.match(name := path.relative_to(ROOT).as_posix()))
RUN = [*("README.md", "docs/api.md", "docs/cli.md", "docs/model.md", "docs/security.md")]
DATA = "https://raw.githubusercontent.com/IBM/telco-customer-churn-on-icp4d/master/data/Telco-Customer-Churn.csv"


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", read(document), re.MULTILINE | re.DOTALL)


def examples(document: str) -> Iterator[tuple[str, str]]:
    """Yield each command of the console blocks, which may have several lines, and its promised output."""
    for block in blocks(document, "console"):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = example.splitlines(keepends=True)
            end = next(end for end in range(1, len(lines) + 1) if is_whole("".join(lines[:end])))
            yield "".join(lines[:end]).strip(), "".join(lines[end:])


def is_whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def commands(document: str) -> list[list[str]]:
    """Return the words of every command in the code of a document."""
    code = [line for block in blocks(document, "sh") for line in block.splitlines()]
    code += [command for command, _ in examples(document)]
    code += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", read(document), flags=re.MULTILINE | re.DOTALL))
    parts = [part for line in code for part in re.split(r"[|;()]|&&", line) if is_whole(part)]
    return [shlex.split(part, comments=True) for part in parts]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """The environment of a reader: `churn` can be called, nothing is set."""
    folder = tmp_path_factory.mktemp("bin")
    launcher = folder / "churn"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/app/cli" "$@"\n')
    launcher.chmod(0o755)
    (folder / ".curlrc").write_text("silent\nnoproxy = 127.0.0.1\n")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CHURN_")}
    return {**plain, "PATH": f"{folder}:{os.environ['PATH']}", "CURL_HOME": str(folder), "CPU_CORES": "1"}


@pytest.fixture(scope="module")
def server(environment, tmp_path_factory) -> Iterator[tuple[int, Path]]:
    """A running server: its port, and its log."""
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(["churn", "serve", "--port", str(port)], env=environment, stdout=out)
    try:
        subprocess.run(["churn", "ask", "--port", str(port), "--wait", "60"], env=environment, check=True)
        yield port, log
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize("document", RUN)
def test_the_commands_of_a_document_print_what_it_promises(document, environment, server, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    promises = list(examples(document))

    for command, promised in promises:
        typed = command.replace(":7860", f":{server[0]}")
        done = subprocess.run(
            ["bash", "-c", typed],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        expected = ".*".join(map(re.escape, promised.rstrip("\n").split("...")))
        assert done.returncode == 0, (command, done.stdout)
        assert re.fullmatch(expected, done.stdout.rstrip("\n"), re.DOTALL), (command, done.stdout)

    assert promises
    assert untracked(tmp_path) == [], "git would offer to commit what the commands wrote"


def untracked(folder: Path) -> list[str]:
    """Return the files of a folder that git would list as new if the folder were the root of this repository."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    shutil.copy(ROOT / ".gitignore", folder)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    words = ["git", "status", "--porcelain", "--untracked-files=all"]
    shown = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout
    return [line for line in shown.splitlines() if line != "?? .gitignore"]


# Files that commands of README.md and docs/ write, but that need an account, a download or minutes. Keys and customers'
# data must not be committed by mistake; a trained model must not be ignored silently.
@pytest.mark.parametrize(
    ("path", "is_ignored"),
    [
        *((path, True) for path in ("Telco-Customer-Churn.csv", "customers.csv.gz", "report.html", "key", ".env.dev")),
        *((path, True) for path in ("scored/1/predictions.csv", "customers-scored/summary.json", "build/space/app.py")),
        *((path, False) for path in ("model/artifacts/1.1.0/scorecard.json", "model/artifacts/DEFAULT")),
        *(
            (path, False)
            for path in ("tests/data/new.csv", "app/web/api_keys.py", "docs/report.html", "requirements/new.txt")
        ),
    ],
)
def test_files_written_by_documented_commands_are_ignored_by_git_and_models_are_not(path, is_ignored, tmp_path):
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()

    assert untracked(tmp_path) == ([] if is_ignored else [f"?? {path}"])


def test_the_readme_opens_with_the_example_customer():
    command, promised = next(examples("README.md"))

    assert json.loads(shlex.split(command)[-1]) == EXAMPLE
    assert json.loads(promised) == {"Prediction": "churn"}
    assert read("README.md").index(promised) < 1400, "it should be on the first screen"


def test_asking_the_server_prints_a_curl_that_gives_the_same_answer(environment, server):
    words = ["churn", "ask", "--port", str(server[0])]

    printed = subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout

    command, answer = printed.strip().splitlines()
    assert json.loads(answer) == {"Prediction": "churn"}
    assert json.loads(shlex.split(command)[-1]) == EXAMPLE
    assert shlex.split(command)[1] == f"http://127.0.0.1:{server[0]}/v1/customer"


def test_the_readme_links_to_the_data():
    assert DATA in read("README.md")


def test_every_setting_is_in_the_table():
    assert settings.table() in read("docs/operations.md"), "paste what settings.table() returns"


def programs(document: str) -> list[tuple[str, str, str]]:
    """Return the language, the text and the promised output of each program with an output below it."""
    pattern = r"^```(python|js)\n(.*?)^```\n\nIt prints:\n\n^```text\n(.*?)^```$"
    return re.findall(pattern, read(document), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("language", "program"), [("python", [sys.executable]), ("js", ["node"])])
def test_the_programs_of_the_api_page_print_what_it_promises(language, program, environment, server, tmp_path):
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    ((_, text, promised),) = [example for example in programs("docs/api.md") if example[0] == language]
    file = tmp_path / {"python": "example.py", "js": "example.mjs"}[language]
    file.write_text(text.replace(":7860", f":{server[0]}"))

    done = subprocess.run(
        [*program, str(file)],
        cwd=tmp_path,
        env={**environment, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    expected = ".*".join(map(re.escape, promised.rstrip("\n").split("...")))
    assert re.fullmatch(expected, done.stdout.rstrip("\n"), re.DOTALL), done.stdout


def test_every_option_of_v2_is_described():
    def row(option) -> tuple[str, ...]:
        default = "" if option.default is None else str(option.default).lower()
        return option.name, default, option.rule, option.help

    options = (*query_options.CUSTOMERS, *query_options.BATCHES)
    # Of a model with the shipped schema that has intervals.
    offered = {option.name: option for option in options_of(artifact.first_schema(), 10, has_interval=True)}
    assert rows("docs/api.md", 4) == list(map(row, query_options.resolve(options, offered)))


def rows(document: str, columns: int) -> list[tuple[str, ...]]:
    """Return the cells of the table rows that begin with code."""
    lines = [line for line in read(document).splitlines() if line.startswith("| `")]
    table = [tuple(cell.strip().strip("`") for cell in line.strip("|").split("|")) for line in lines]
    return [row for row in table if len(row) == columns]


def test_every_code_is_listed_that_of_a_problem_with_its_status():
    problems = {code: status for code, status, _ in rows("docs/api.md", 3) if status.isdigit()}
    others = {code for code, _ in rows("docs/api.md", 2) if re.fullmatch(r"\w+", code)}

    assert problems == {code: str(status) for code, status in STATUSES.items()}
    assert others == set(ERRORS) - set(STATUSES)


def test_every_route_is_listed():
    app = create_app(artifact.load(), settings.Settings())
    served = {
        f"{method} {rule.rule}" for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    listed = {route for route, _ in rows("docs/api.md", 2) if " /" in route}
    assert listed == served


def test_every_member_of_a_log_line_is_described(environment, server, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").touch()
    (tmp_path / "in" / "customers.csv").write_text("a header\n")
    words = ["churn", "watch", "in", "out", "--once", "--interval", "0.05"]
    watched = subprocess.run(words, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
    logged = server[1].read_text() + watched

    members = {member for line in logged.splitlines() for member in json.loads(line)}

    described = set(re.findall(r"`(\w+)`", read("docs/operations.md")))
    assert members - described == set()


def test_every_command_of_churn_is_listed_with_its_help():
    listed = {name: text for name, text, _ in rows("docs/cli.md", 3)}
    served = {name: " ".join(command.help.partition("\n\n")[0].split()) for name, command in churn.commands.items()}

    assert {name: f"{text}." for name, text in listed.items()} == served


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_make_that_a_document_names_exists(document):
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {word for words in commands(document) if words[:1] == ["make"] for word in words[1:] if word.isalpha()}

    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_option_of_churn_that_a_document_names_exists(document):
    unknown = []
    for words in commands(document):
        names = [Path(word).name for word in words[:2]]
        if names[:1] != ["churn"] or len(names) < 2 or names[1].startswith("-"):
            continue
        command = churn.commands.get(names[1], click.Command(None))
        options = {option for parameter in command.params for option in parameter.opts}
        unknown += [word for word in words[2:] if word.startswith("--") and word not in options]
        unknown += [names[1]] * (names[1] not in churn.commands)

    assert unknown == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_has_a_target(document):
    text = read(document)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)

    for link in links:
        path, _, heading = link.partition("#")
        if ":" in path:
            continue
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
            assert heading in anchors, link


TOPS = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name.isalpha() and path.name != "build")
"""The folders of this tree; build/ has only what commands write."""

PATH = rf"(?<![\w./:$-])(?:{'|'.join(TOPS)})(?:/[\w.-]+)*/?(?<=[\w/])(?![\w*{{<])"
SCRIPT = r"(?<![\w./:$-])[\w-]+\.(?:py|sh|toml|ya?ml)\b(?!/)"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_and_folder_that_a_document_names_exists_but_what_people_write(document):
    text = read(document)
    paths = {path for path in re.findall(PATH, text) if "/" in path}
    scripts = set(re.findall(SCRIPT, text))

    assert {path for path in paths if not (ROOT / path).exists()} == set()
    assert {name for name in scripts - {"schema.toml"} if not any(find(name, document))} == set()


def find(name: str, document: str) -> Iterator[Path]:
    """Yield the files with that name: in the root, next to the document, or anywhere in the folders of the tree."""
    yield from (path for path in (ROOT / name, (ROOT / document).parent / name) if path.exists())
    for top in TOPS:
        yield from (ROOT / top).rglob(name)


def test_every_document_is_in_the_index():
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert set(re.findall(r"^\| \[([\w.-]+)\]", read("docs/README.md"), re.MULTILINE)) == pages


CONFIGURATION = [
    *("Makefile", "Dockerfile.lambda", "Dockerfile.spaces", "compose.yaml", "pyproject.toml", "serverless.yml"),
    *(".ci/run", ".gitignore", ".dockerignore", "deploy/Dockerfile.model", "deploy/image.sh", "requirements"),
]


@pytest.mark.parametrize("top", [*CONFIGURATION, "app", "benchmarks", "deploy", "handler.py", "model"])
def test_every_file_that_code_and_configuration_name_exists(top):
    kinds = ("*.py", "*.in", "*.sh", "*.js", "*.html", "*.css")
    files = [ROOT / top] if (ROOT / top).is_file() else [file for kind in kinds for file in (ROOT / top).rglob(kind)]
    texts = [file.read_text(encoding="utf-8") for file in files if "vendor" not in file.parts]
    named = {path for text in texts for path in re.findall(PATH, text)}

    assert {path for path in named if Path(path).suffix and not (ROOT / path).exists()} == set()


def test_every_threat_is_held_by_tests_that_exist():
    named = set(re.findall(r"\btest_\w+", read("docs/security.md")))

    assert len(named) > 10
    assert named - {path.stem for path in (ROOT / "tests").glob("*/test_*.py")} == set()


def test_every_dependency_has_its_reason():
    lists = "\n".join(path.read_text() for path in (ROOT / "requirements").glob("*.in"))
    wanted = set(re.findall(r"^[a-z][a-z0-9_-]+", lists, re.MULTILINE))
    reasons = dict(re.findall(r"^\| ([a-z0-9_-]+) \| ([a-z]+) \|", read("docs/why.md"), re.MULTILINE))

    assert set(reasons) == wanted
    for name, purpose in reasons.items():
        assert re.search(rf"^{name}\b", read(f"requirements/{purpose}.in"), re.MULTILINE), name


def test_every_dependency_is_listed_with_its_pinned_version():
    listed = re.findall(
        r"^\| ([a-z0-9_-]+) \| ([a-z]+) \|.*\| ([\w.]+) \| [\d-]* ?\|$", read("docs/why.md"), re.MULTILINE
    )

    assert len(listed) > 30
    for name, purpose, version in listed:
        assert f"{name.replace('_', '-')}=={version}" in read(f"requirements/{purpose}.txt"), name


@pytest.mark.parametrize("purpose", sorted(path.stem for path in (ROOT / "requirements").glob("*.txt")))
def test_every_pin_has_a_hash_and_names_no_host(purpose):
    lock = read(f"requirements/{purpose}.txt")
    pins = re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]

    assert pins
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in lock


@pytest.mark.parametrize("purpose", ["serving", "lambda", "pipeline", "training"])
def test_a_package_has_one_version_in_all_lists(purpose):
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==[^\s;]+", read(f"requirements/{name}.txt"), re.MULTILINE))

    assert pins(purpose) <= pins("development")


def test_the_project_declares_what_serves():
    declared = tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]

    assert declared == sorted(read("requirements/serving.in").splitlines()[1:])
