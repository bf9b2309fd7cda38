"""The repository of a Docker Space of Hugging Face: written to build/space, checked, and published.

"make space" and "make deploy-space SPACE=user/name". A Space builds the Dockerfile at its root and reads its settings
from the front of its README.md, so both are made here. Imports the standard library, the
example customer, deploy/images.py, and huggingface_hub to publish.
"""

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from deploy.images import ENGINES, ROOT, revision, version
from model.schema import EXAMPLE

FOLDER: Final = ROOT / "build" / "space"

TAKEN: Final = (
    *("app", "model"),
    *("deploy/image.sh", "requirements/serving.txt", "requirements/pipeline.txt"),
    *(".dockerignore", "LICENSE"),
)
"""The contents, in addition to the Dockerfile and the README.md; of folders, only files with one of these endings."""
ENDINGS: Final = (".py", ".html", ".css", ".js", ".svg", ".png", ".ico", ".woff2", ".json", ".txt")
PLAIN: Final = ("DEFAULT", "SHA256SUMS", "MODEL_CARD.md")
TABLES: Final = ("model/actions.csv",)
"""The only CSVs that are sent; any other may contain customers."""

LEFT: Final = ("model/training",)

FRONT: Final[Mapping[str, object]] = {
    "title": "Churn",
    "emoji": "📉",
    "colorFrom": "indigo",
    "colorTo": "blue",
    "sdk": "docker",
    "app_port": 7860,
    "short_description": "Which customers of a telecom are about to leave, and why",
    "license": "apache-2.0",
    "pinned": False,
    "tags": ["tabular-classification", "churn", "telecom", "scorecard", "rest-api"],
    # It is ready in seconds; half an hour, the default, would hide that it is not.
    "startup_duration_timeout": "5m",
}
"""The front matter. The names and values that a Space takes: hub-docs, "Spaces Configuration Reference", 2026-08."""

COLOURS: Final = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
LONGEST_DESCRIPTION: Final = 60
OPTIONAL: Final = {
    "base_path": str,
    "custom_headers": dict,
    "datasets": list,
    "disable_embedding": bool,
    "fullWidth": bool,
    "header": str,
    "hf_oauth": bool,
    "models": list,
    "pinned": bool,
    "preload_from_hub": list,
    "startup_duration_timeout": str,
    "suggested_hardware": str,
    "tags": list,
    "thumbnail": str,
}


class SpaceError(Exception):
    """A problem to fix before anything is published; the message describes it."""


class Hub(Protocol):
    """What is asked of huggingface_hub.HfApi."""

    def create_repo(self, repo_id: str, **options: Any) -> object:
        """Make a repository, unless it is there."""

    def upload_folder(self, **options: Any) -> object:
        """Make a commit of a folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.space", description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="pipeline adds scikit-learn")
    parser.add_argument("--publish", metavar="USER/NAME", help="publish it as this Space")
    parser.add_argument(
        "--private", action="store_true", help="if the Space is new, only you and your organisation see it"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be published instead")
    asked = parser.parse_args(arguments)
    try:
        if asked.publish is not None:
            check_name(asked.publish)
        files = make(FOLDER, asked.engine, asked.publish or "")
        print(f"{FOLDER.relative_to(ROOT)}: {len(files)} files, {sum(map(_size, files)) / 1e6:.1f} MB")
        if asked.publish is not None:
            publish(asked.publish, asked.private, None if asked.dry_run else _hub())
    except SpaceError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def make(folder: Path, engine: str = ENGINES[0], space: str = "") -> list[Path]:
    """Write the repository of `space` into `folder`, which is emptied first, and return its files.

    Raises
    ------
    SpaceError
    """
    check_front(FRONT)
    if folder.exists():
        shutil.rmtree(folder)
    for source in _sources(engine):
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    # A Space hands no build arguments in.
    dockerfile = (ROOT / "Dockerfile.spaces").read_text(encoding="utf-8")
    for name, before, after in (
        ("ENGINE", "scorecard", engine),
        ("VERSION", "unknown", version()),
        ("REVISION", "unknown", revision()),
    ):
        line = f"ARG {name}={before}\n"
        if dockerfile.count(line) != 1:
            raise SpaceError(f'Dockerfile.spaces must have one line "{line.strip()}".')
        dockerfile = dockerfile.replace(line, f"ARG {name}={after}\n")
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    (folder / "README.md").write_text(readme(space), encoding="utf-8")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sources(engine: str) -> list[Path]:
    sources = []
    for name in TAKEN:
        path = ROOT / name
        sources += [path] if path.is_file() else [file for file in path.rglob("*") if _is_taken(file, engine)]
    return sorted(sources)


def _is_taken(path: Path, engine: str) -> bool:
    """Return whether a file in a folder is sent: by its ending, so that unforeseen files are not."""
    relative = path.relative_to(ROOT)
    endings = (*ENDINGS, ".joblib") if engine == "pipeline" else ENDINGS
    return (
        path.is_file()
        and not any(part.startswith((".", "__pycache__")) for part in relative.parts)
        and not any(relative.is_relative_to(left) for left in LEFT)
        and (path.suffix in endings or path.name in PLAIN or relative.as_posix() in TABLES)
    )


def _size(path: Path) -> int:
    return path.stat().st_size


def check_front(front: Mapping[str, object]) -> None:
    """Refuse front matter that a Space would ignore, show wrongly or not build from.

    Raises
    ------
    SpaceError
    """
    wrong = [
        f"{name} is none of the names that a Space reads" for name in front.keys() - OPTIONAL.keys() - _RULES.keys()
    ]
    wrong += [f"{name} is missing" for name in _RULES.keys() - front.keys()]
    wrong += [
        f"{name} must be {rule}" for name, (rule, holds) in _RULES.items() if name in front and not holds(front[name])
    ]
    wrong += [
        f"{name} must be a {kind.__name__}"
        for name, kind in OPTIONAL.items()
        if name in front and not isinstance(front[name], kind)
    ]
    if wrong:
        raise SpaceError(f"The front matter in deploy/space.py: {'; '.join(sorted(wrong))}.")


_RULES: Final[Mapping[str, tuple[str, Any]]] = {
    "title": ("a text", lambda value: isinstance(value, str) and value.strip()),
    "emoji": ("one emoji", lambda value: isinstance(value, str) and re.fullmatch(r"[^\x00-\u20ff]\ufe0f?", value)),
    "colorFrom": (f"one of {', '.join(COLOURS)}", lambda value: value in COLOURS),
    "colorTo": (f"one of {', '.join(COLOURS)}", lambda value: value in COLOURS),
    "sdk": ('"docker"', lambda value: value == "docker"),
    "app_port": (
        "the port that Dockerfile.spaces exposes",
        lambda value: (
            isinstance(value, int) and f"EXPOSE {value}\n" in (ROOT / "Dockerfile.spaces").read_text(encoding="utf-8")
        ),
    ),
    "short_description": (
        f"a text of 1 to {LONGEST_DESCRIPTION} characters",
        lambda value: isinstance(value, str) and 1 <= len(value) <= LONGEST_DESCRIPTION,
    ),
    "license": ("that of this project, apache-2.0", lambda value: value == "apache-2.0"),
}


def readme(space: str = "") -> str:
    """Return the README.md of the Space: the front matter, and what a visitor should know."""
    # A value in JSON is the same value in YAML.
    front = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in FRONT.items())
    where = address(space) if space else "https://USER-NAME.hf.space"
    return f"""\
---
{front}---

# Churn

Which customers of a telecom are about to leave. Version {version()}, revision {revision()}.

```sh
curl {where}/v1/customer -H 'Content-Type: application/json' -d '{json.dumps(dict(EXAMPLE))}'
```

A whole CSV goes to `/v1/customerbatch`, as the part `file` of a form. A private Space wants a token of yours with each
request: `-H "Authorization: Bearer $HF_TOKEN"`.

Everyone who can see this Space can ask it: send no data of real customers to one that is not your own. On free
hardware it sleeps after two days; the first question then waits for it to start.

Made by `make deploy-space`, which overwrites what is changed here.
"""


def check_name(space: str) -> None:
    """Refuse a name that the Hub would refuse, or that makes an address which does not work.

    Raises
    ------
    SpaceError
    """
    owner, _, name = space.partition("/")
    if "_" in name:
        raise SpaceError(
            f'"{name}" has underscores, and a Space must have hyphens instead: its name becomes part of a host name '
            "(https://user-name.hf.space), and with an underscore in that, requests to the API fail. "
            f"Use SPACE={owner}/{name.replace('_', '-')}"
        )
    word = r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
    if not re.fullmatch(f"{word}/{word}", space, re.ASCII) or len(space) > 96:
        raise SpaceError(
            f'SPACE must be an owner and a name of letters, digits and hyphens, such as anna/churn, not "{space}".'
        )


def address(space: str) -> str:
    """Return where the API of a Space is."""
    return f"https://{space.replace('/', '-').lower()}.hf.space"


def publish(space: str, private: bool, hub: Hub | None, folder: Path = FOLDER) -> None:
    """Create the Space if needed, and replace its content by `folder` in one commit; without a hub, only print this.

    Raises
    ------
    SpaceError
    """
    check_name(space)
    message = f"Churn {version()}, {revision()}"
    if hub is None:
        kind = "docker, private" if private else "docker"
        print(f"Would make the Space {space} ({kind}) unless it is there, and commit to it:")
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            print(f"  {path.relative_to(folder)}")
        print(f'Files there that are not among these would be deleted. The commit: "{message}".')
    else:
        hub.create_repo(space, repo_type="space", space_sdk="docker", private=private or None, exist_ok=True)
        hub.upload_folder(
            repo_id=space,
            repo_type="space",
            folder_path=str(folder),
            delete_patterns="*",
            commit_message=message,
        )
        print(f"Published: https://huggingface.co/spaces/{space}. It builds for some minutes.")
    print(f"The API: {address(space)}")


def _hub() -> Hub:
    """Return the Hub, with the token of the environment and no other: not that of an earlier login on this machine."""
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token:
        raise SpaceError("HF_TOKEN is not set. Make a token that may write at https://huggingface.co/settings/tokens")
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise SpaceError("huggingface_hub is not installed here; make deploy-space installs it.") from error
    return HfApi(token=token)  # type: ignore[no-any-return, unused-ignore]


if __name__ == "__main__":
    sys.exit(main())
