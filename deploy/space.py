"""The repository of a Docker Space of Hugging Face: written into build/space, and published.

"make space" and "make deploy-space SPACE=user/name". A Space builds the Dockerfile at its root and reads its settings
from the front matter of its README.md, so both are written here. Imports the standard library, the example customer,
deploy/images.py, and huggingface_hub to publish.
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
from model.artifact import load_schema

FOLDER: Final = ROOT / "build" / "space"

FILES: Final = ("deploy/image.sh", "requirements/serving.txt", "requirements/pipeline.txt", ".dockerignore", "LICENSE")
FOLDERS: Final = ("app", "model")
"""Of a folder only files with one of these suffixes or names are published, so that no other file is by mistake."""
SUFFIXES: Final = (".py", ".html", ".css", ".js", ".svg", ".png", ".ico", ".woff2", ".json", ".txt")
NAMES: Final = ("DEFAULT", "SHA256SUMS", "MODEL_CARD.md", "actions.csv")
EXCLUDED: Final = "model/training"

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
"""The front matter. A test checks it by the names and values that a Space accepts."""


class SpaceError(Exception):
    """Something to correct before anything is published; the message names it."""


class Hub(Protocol):
    """The part of huggingface_hub.HfApi that is used."""

    def create_repo(self, repo_id: str, **options: Any) -> object:
        """Create a repository unless it exists."""

    def upload_folder(self, **options: Any) -> object:
        """Commit a folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.space", description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="pipeline adds scikit-learn")
    parser.add_argument("--publish", metavar="USER/NAME", help="publish it as this Space")
    parser.add_argument(
        "--private", action="store_true", help="if the Space is new, only you and your organisation see it"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be published instead")
    options = parser.parse_args(arguments)
    try:
        if options.publish is not None:
            check_name(options.publish)
        files = make(FOLDER, options.engine, options.publish or "")
        size_mb = sum(path.stat().st_size for path in files) / 1e6
        print(f"{FOLDER.relative_to(ROOT)}: {len(files)} files, {size_mb:.1f} MB")
        if options.publish is not None:
            publish(options.publish, options.private, None if options.dry_run else _hub())
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
    shutil.rmtree(folder, ignore_errors=True)
    in_folders = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if _is_published(path, engine)]
    for source in [*(ROOT / name for name in FILES), *in_folders]:
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    dockerfile = (ROOT / "Dockerfile.spaces").read_text(encoding="utf-8")
    # A Space passes no build arguments.
    for before, after in {
        "ARG ENGINE=scorecard\n": f"ARG ENGINE={engine}\n",
        "ARG VERSION=unknown\n": f"ARG VERSION={version()}\n",
        "ARG REVISION=unknown\n": f"ARG REVISION={revision()}\n",
    }.items():
        if dockerfile.count(before) != 1:
            raise SpaceError(f'Dockerfile.spaces must have one line "{before.strip()}".')
        dockerfile = dockerfile.replace(before, after)
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    (folder / "README.md").write_text(readme(space), encoding="utf-8")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _is_published(path: Path, engine: str) -> bool:
    """Return whether a file in one of the folders is published."""
    relative = path.relative_to(ROOT)
    suffixes = (*SUFFIXES, ".joblib") if engine == "pipeline" else SUFFIXES
    return (
        path.is_file()
        and not any(part.startswith((".", "__pycache__")) for part in relative.parts)
        and not relative.is_relative_to(EXCLUDED)
        and (path.suffix in suffixes or path.name in NAMES)
    )


def readme(space: str = "") -> str:
    """Return the README.md of the Space: the front matter, and what a visitor needs."""
    # A value in JSON is the same value in YAML.
    front = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in FRONT.items())
    url = address(space) if space else "https://USER-NAME.hf.space"
    return f"""\
---
{front}---

# Churn

Which customers of a telecom are about to leave. Version {version()}, revision {revision()}.

```sh
curl {url}/v1/customer -H 'Content-Type: application/json' -d '{json.dumps(dict(load_schema().example))}'
```

Send a whole CSV to `/v1/customerbatch`, as the part `file` of a form. A private Space requires your token with each
request: `-H "Authorization: Bearer $HF_TOKEN"`.

Everyone who can see this Space can use it: send no data of real customers to a Space that is not your own. On free
hardware it sleeps after two days; the first request then waits for it to start.

Published by `make deploy-space`, which overwrites changes made here.
"""


def check_name(space: str) -> None:
    """Refuse a name that the Hub would refuse, or whose host name would not work.

    Raises
    ------
    SpaceError
    """
    owner, _, name = space.partition("/")
    if "_" in name:
        raise SpaceError(
            f'"{name}" has underscores, and a Space must have hyphens there: its name becomes part of a host name '
            "(https://user-name.hf.space), and with an underscore in that, requests to the API fail. "
            f"Use SPACE={owner}/{name.replace('_', '-')}"
        )
    word = r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
    if not re.fullmatch(f"{word}/{word}", space, re.ASCII) or len(space) > 96:
        raise SpaceError(
            f'SPACE must be an owner and a name of letters, digits and hyphens, such as anna/churn, not "{space}".'
        )


def address(space: str) -> str:
    """Return the URL of a Space's API."""
    return f"https://{space.replace('/', '-').lower()}.hf.space"


def publish(space: str, private: bool, hub: Hub | None, folder: Path = FOLDER) -> None:
    """Create the Space if it is new, and replace its files by `folder` in one commit; without a hub, print that.

    Raises
    ------
    SpaceError
    """
    check_name(space)
    message = f"Churn {version()}, {revision()}"
    if hub is None:
        kind = "docker, private" if private else "docker"
        print(f"Would create the Space {space} ({kind}) unless it exists, and commit to it:")
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            print(f"  {path.relative_to(folder)}")
        print(f'Files of the Space that are not among these would be deleted. The commit: "{message}".')
    else:
        hub.create_repo(space, repo_type="space", space_sdk="docker", private=private or None, exist_ok=True)
        hub.upload_folder(
            repo_id=space,
            repo_type="space",
            folder_path=str(folder),
            delete_patterns="*",
            commit_message=message,
        )
        print(f"Published: https://huggingface.co/spaces/{space}. The build takes some minutes.")
    print(f"The API: {address(space)}")


def _hub() -> Hub:
    """Return the Hub, with the token of the environment only: not that of an earlier login on this machine."""
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token:
        raise SpaceError(
            "HF_TOKEN is not set. Create a token with write access at https://huggingface.co/settings/tokens"
        )
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise SpaceError("huggingface_hub is not installed here; make deploy-space installs it.") from error
    return HfApi(token=token)  # type: ignore[no-any-return, unused-ignore]


if __name__ == "__main__":
    sys.exit(main())
