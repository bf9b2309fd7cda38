"""The two images and the list of their contents: the build commands for podman and docker, in one place.

"make images" and "make sbom" run this; the tests of the images take their commands from here. Unknown options
are passed to the builder. Imports the standard library only.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
IMAGES: Final = {"lambda": "Dockerfile.lambda", "spaces": "Dockerfile.spaces"}
ENGINES: Final = ("scorecard", "pipeline")
BUILDERS: Final = ("docker", "podman")

ENVIRONMENT: Final = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""For docker: with attestations an image becomes a list of images, which Lambda refuses."""

_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"


class BuildError(Exception):
    """Something to correct before anything is built; the message names it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.images", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=IMAGES, help="build this one, not both")
    parser.add_argument(
        "--engine", choices=ENGINES, default=ENGINES[0], help="pipeline adds scikit-learn (default: scorecard)"
    )
    parser.add_argument(
        "--inventory", type=Path, metavar="DIR", help="build nothing; write what is in the images there"
    )
    parser.add_argument("--syft", default="syft", help="the command that makes the inventory")
    parser.add_argument("--dry-run", action="store_true", help="print the commands instead")
    options, builder_options = parser.parse_known_args(arguments)
    names = [options.only] if options.only else list(IMAGES)
    try:
        builder = find_builder()
        for name in names:
            if options.inventory:
                commands = inventory_commands(builder, name, options.inventory, options.syft)
                options.inventory.mkdir(parents=True, exist_ok=True)
            else:
                commands = [build_command(builder, name, engine=options.engine, options=builder_options)]
            for command in commands:
                print(shlex.join(command), flush=True)
                if not options.dry_run:
                    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **ENVIRONMENT})
            if options.inventory:
                _archive(options.inventory, name).unlink(missing_ok=True)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        return int(error.returncode) or 1
    return 0


def build_command(
    builder: str,
    name: str,
    *,
    tag: str = "",
    engine: str = ENGINES[0],
    options: Sequence[str] = (),
    context: Path | str = ".",
    environ: Mapping[str, str] = os.environ,
) -> list[str]:
    """Return the command that builds an image.

    Parameters
    ----------
    builder : {"docker", "podman"}
    name : {"lambda", "spaces"}
    tag : str
        By default two: churn-<name> with the version of pyproject.toml, and without.
    options : sequence of str
        For the builder, after ours.
    context : path
        The folder with the Dockerfile: this one, or that of a Space's repository, where it is called Dockerfile.
    """
    file = IMAGES[name] if str(context) == "." else f"{context}/Dockerfile"
    # serverless.yml asks for this platform; a web server runs on that of its machine.
    platform = ["--platform", "linux/amd64"] if name == "lambda" else []
    command = [builder, "build", *platform, "-f", file]
    if builder == "podman":
        # The format of OCI has no HEALTHCHECK.
        command += ["--format", "docker"]
        if environ.get("SSL_CERT_FILE"):
            # A network with its own certificates has set this. The build sees the file, no layer contains it.
            command += ["--volume", f"{environ['SSL_CERT_FILE']}:{_CERTIFICATES}:ro"]
    build_arguments = {"ENGINE": engine, "VERSION": version(), "REVISION": revision()}
    for argument, value in build_arguments.items():
        command += ["--build-arg", f"{argument}={value}"]
    for name_and_tag in [tag] if tag else [f"churn-{name}:{version()}", f"churn-{name}"]:
        command += ["-t", name_and_tag]
    return [*command, *options, str(context)]


def inventory_commands(builder: str, name: str, folder: Path, syft: str) -> list[list[str]]:
    """Return the commands that write the packages of an image, as SPDX, into `folder`."""
    # As a file, since the other way is a socket that only root has.
    archive = _archive(folder, name)
    output = f"spdx-json={folder / f'churn-{name}.spdx.json'}"
    form = ["--format", "docker-archive"] if builder == "podman" else []
    return [
        [builder, "save", *form, "--output", str(archive), f"churn-{name}"],
        [syft, "scan", "--quiet", "--source-name", f"churn-{name}", "--source-version", version(), "--output", output,
         f"docker-archive:{archive}"],
    ]  # fmt: skip


def _archive(folder: Path, name: str) -> Path:
    return folder / f"churn-{name}.tar"


def find_builder() -> str:
    """Return docker or podman, whichever answers.

    Raises
    ------
    BuildError
    """
    for builder in BUILDERS:
        try:
            # "info" of docker ends with 0 where its daemon is silent; "ps" asks for something.
            subprocess.run([builder, "ps", "--quiet"], capture_output=True, check=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            continue
        return builder
    raise BuildError("Neither docker nor podman answers here. Install one of them, or start docker's daemon.")


def version() -> str:
    """Return the version in pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def revision() -> str:
    """Return the commit, marked where something is not committed; "unknown" outside of git."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        commit = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit if re.fullmatch(r"[0-9a-f]{40}(-dirty)?", commit, re.ASCII) else "unknown"


if __name__ == "__main__":
    sys.exit(main())
