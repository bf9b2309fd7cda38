"""Stand-ins of aws, docker, curl, node and osls for the tests of a deployment, as strict as the real commands.

The fixture `tools` puts a script into a folder for each name, which calls `run`. An unknown option, a missing one, a
wrong value, and a command that comes too early end with the exit code of the real command. The folder holds the state:
`calls`, `environment` (of osls), `executions` (the account's quota), `queue` (one file a message), `sent`, and what was
created, built and pushed.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

ACCOUNT = "123456789012"
REGISTRY = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com"
DIGEST = "sha256:" + "ab" * 32
PASSWORD = "password-of-ecr"
QUEUE_URL = f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/churn-dev-failures"
API = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com"
EVERYWHERE = {"--query", "--output", "--region"}

# Command: required options, others. A command without an entry does not exist.
AWS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    ("sts", "get-caller-identity"): (set(), set()),
    ("ecr", "describe-repositories"): (set(), {"--repository-names"}),
    ("ecr", "create-repository"): (
        {"--repository-name"},
        {"--image-tag-mutability", "--image-scanning-configuration", "--encryption-configuration"},
    ),
    ("ecr", "put-lifecycle-policy"): ({"--repository-name", "--lifecycle-policy-text"}, set()),
    ("ecr", "get-login-password"): (set(), set()),
    ("ecr", "describe-images"): ({"--repository-name"}, {"--image-ids"}),
    ("lambda", "get-account-settings"): (set(), set()),
    ("lambda", "invoke"): ({"--function-name"}, {"--payload", "--cli-binary-format", "--invocation-type"}),
    ("cloudformation", "describe-stacks"): (set(), {"--stack-name"}),
    ("sqs", "get-queue-url"): ({"--queue-name"}, set()),
    ("sqs", "receive-message"): ({"--queue-url"}, {"--max-number-of-messages"}),
    ("sqs", "delete-message"): ({"--queue-url", "--receipt-handle"}, set()),
}


def run(folder: Path, name: str, words: list[str]) -> None:
    """Do what the command `name` would do."""
    with (folder / "calls").open("a") as calls:
        print(name, *words, file=calls)
    {"aws": aws, "docker": docker, "curl": curl, "osls": osls}.get(name, unexpected)(folder, words)


def fail(code: int, sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(code)


def unexpected(folder: Path, words: list[str]) -> NoReturn:
    fail(1, f"nothing calls this with {words}")


def parse(words: list[str], with_value: set[str], flags: set[str], code: int) -> tuple[dict[str, str], list[str]]:
    """Return options and the other words; an unknown option, and one without its value, end with `code`."""
    options: dict[str, str] = {}
    others = []
    rest = iter(words)
    for word in rest:
        if word in with_value:
            options[word] = next(rest, "") or fail(code, f"{word}: expected one argument")
        elif word in flags:
            options[word] = ""
        elif word.startswith("-"):
            fail(code, f"Unknown options: {word}")
        else:
            others.append(word)
    return options, others


def has(folder: Path, name: str) -> bool:
    return (folder / name).exists()


def aws(folder: Path, words: list[str]) -> None:
    command = tuple(words[:2])
    if command not in AWS:
        fail(252, f"aws: error: argument command: Found invalid choice {command}")
    required, optional = AWS[command]
    options, others = parse(words[2:], required | optional | EVERYWHERE, set(), 252)
    if required - options.keys():
        fail(252, f"aws: error: the following arguments are required: {', '.join(sorted(required - options.keys()))}")
    if (command == ("lambda", "invoke")) != (len(others) == 1) or len(others) > 1:
        fail(252, f"aws: error: Unknown options: {others}")
    if options.get("--output", "json") not in {"json", "text", "table"}:
        fail(252, "aws: error: argument --output: Found invalid choice")
    answer = globals()[f"{command[0]}_{command[1].replace('-', '_')}"](folder, options)
    if answer is not None:
        sys.stdout.write(f"{answer}\n")


def sts_get_caller_identity(folder: Path, options: dict[str, str]) -> str:
    return ACCOUNT


def ecr_describe_repositories(folder: Path, options: dict[str, str]) -> str:
    return "{}" if has(folder, "repository") else fail(254, "RepositoryNotFoundException")


def ecr_create_repository(folder: Path, options: dict[str, str]) -> str:
    if has(folder, "repository"):
        fail(254, "RepositoryAlreadyExistsException")
    if options.get("--image-tag-mutability", "MUTABLE") not in {"MUTABLE", "IMMUTABLE"}:
        fail(254, "InvalidParameterException")
    (folder / "repository").write_text(options["--repository-name"])
    return "{}"


def check_repository(folder: Path, options: dict[str, str]) -> None:
    if not has(folder, "repository") or (folder / "repository").read_text() != options["--repository-name"]:
        fail(254, "RepositoryNotFoundException")


def ecr_put_lifecycle_policy(folder: Path, options: dict[str, str]) -> str:
    check_repository(folder, options)
    path = options["--lifecycle-policy-text"].removeprefix("file://")
    rules = json.loads(Path(path).read_text())["rules"]
    if not all({"rulePriority", "selection", "action"} <= rule.keys() for rule in rules):
        fail(254, "InvalidParameterException")
    return "{}"


def ecr_get_login_password(folder: Path, options: dict[str, str]) -> str:
    return PASSWORD


def ecr_describe_images(folder: Path, options: dict[str, str]) -> str:
    check_repository(folder, options)
    tag = options["--image-ids"].removeprefix("imageTag=")
    if not has(folder, "pushed") or not (folder / "pushed").read_text().endswith(f":{tag}"):
        fail(254, "ImageNotFoundException")
    return DIGEST


def lambda_get_account_settings(folder: Path, options: dict[str, str]) -> str:
    return (folder / "executions").read_text()


def lambda_invoke(folder: Path, options: dict[str, str]) -> str:
    if options["--function-name"] != "churn-dev-batch" or has(folder, "no function"):
        fail(254, "ResourceNotFoundException")
    payload = options["--payload"]
    text = Path(payload.removeprefix("file://")).read_text() if payload.startswith("file://") else payload
    if options.get("--cli-binary-format") != "raw-in-base64-out":
        fail(252, "Invalid base64")
    json.loads(text)
    if options.get("--invocation-type") != "Event":
        return "None"
    with (folder / "sent").open("a") as sent:
        print(text, file=sent)
    return json.dumps({"StatusCode": 202})


def cloudformation_describe_stacks(folder: Path, options: dict[str, str]) -> str:
    if options.get("--stack-name") != "churn-dev" or not has(folder, "environment"):
        fail(254, "ValidationError: the stack does not exist")
    return API


def sqs_get_queue_url(folder: Path, options: dict[str, str]) -> str:
    if options["--queue-name"] != "churn-dev-failures":
        fail(254, "AWS.SimpleQueueService.NonExistentQueue")
    return json.dumps({"QueueUrl": QUEUE_URL})


def check_queue(options: dict[str, str]) -> None:
    if options["--queue-url"] != QUEUE_URL:
        fail(254, "AWS.SimpleQueueService.NonExistentQueue")


def sqs_receive_message(folder: Path, options: dict[str, str]) -> str | None:
    check_queue(options)
    most = int(options.get("--max-number-of-messages", "1"))
    if not 1 <= most <= 10:
        fail(254, "InvalidParameterValue")
    # SQS may return fewer than it was asked for.
    messages = sorted((folder / "queue").iterdir())[: min(2, most)]
    result = [{"Body": message.read_text(), "ReceiptHandle": message.name} for message in messages]
    return json.dumps({"Messages": result}) if result else None


def sqs_delete_message(folder: Path, options: dict[str, str]) -> None:
    check_queue(options)
    message = folder / "queue" / options["--receipt-handle"]
    if not message.is_file():
        fail(254, "ReceiptHandleIsInvalid")
    message.unlink()


def docker(folder: Path, words: list[str]) -> None:
    command, *rest = words
    if command == "build":
        options, others = parse(rest, {"--platform", "-f", "--build-arg", "-t"}, set(), 125)
        if len(others) != 1 or not Path(others[0], options.get("-f", "Dockerfile")).is_file():
            fail(1, "failed to read dockerfile")
        (folder / "built").write_text(options["-t"])
    elif command == "login":
        options, others = parse(rest, {"--username"}, {"--password-stdin"}, 125)
        is_right = sys.stdin.read().strip() == PASSWORD and options.get("--username") == "AWS" and others == [REGISTRY]
        if "--password-stdin" not in options or not is_right:
            fail(1, "Error response from daemon: login attempt failed with status: 400 Bad Request")
        (folder / "logged in").touch()
    elif command == "push":
        _, (image,) = parse(rest, set(), set(), 125)
        if not has(folder, "logged in"):
            fail(1, "no basic auth credentials")
        if not has(folder, "built") or (folder / "built").read_text() != image:
            fail(1, f"An image does not exist locally with the tag: {image}")
        if not has(folder, "repository") or not image.startswith(f"{REGISTRY}/{(folder / 'repository').read_text()}:"):
            fail(1, "name unknown: The repository does not exist in the registry")
        (folder / "pushed").write_text(image)
    else:
        fail(125, f"docker: unknown command: docker {command}")


def curl(folder: Path, words: list[str]) -> None:
    flags = {"--fail", "--silent", "--show-error", "--retry-all-errors"}
    options, others = parse(words, {"--max-time", "--retry", "-H", "-d"}, flags, 2)
    if not has(folder, "environment") or others not in ([f"{API}/health"], [f"{API}/v1/customer"]):
        fail(6, f"curl: (6) Could not resolve host: {others}")
    if others == [f"{API}/v1/customer"]:
        if options.get("-H", "").lower() != "content-type: application/json" or not json.loads(options.get("-d", "{}")):
            fail(22, "curl: (22) The requested URL returned error: 415")
        sys.stdout.write('{"Prediction": "churn"}')


def osls(folder: Path, words: list[str]) -> None:
    command, *rest = words
    options, others = parse(rest, {"--stage", "--region"}, set(), 1)
    image = os.environ.get("CHURN_IMAGE_URI", "")
    if command != "deploy" or others or options.keys() != {"--stage", "--region"}:
        fail(1, f"osls: unknown command or option: {words}")
    if not re.fullmatch(rf"{re.escape(REGISTRY)}/churn@sha256:[0-9a-f]{{64}}", image):
        fail(1, f"osls: no image {image!r}")
    if image.endswith(DIGEST) and not has(folder, "pushed"):
        fail(1, "osls: Source image does not exist")
    variables = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("CHURN_")]
    (folder / "environment").write_text("\n".join(variables))


def write(folder: Path) -> None:
    """Write the commands into a folder that becomes the first one of PATH."""
    for name in ("aws", "docker", "curl", "node", "osls"):
        code = f"""#!{sys.executable}
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from stand_in_commands import run
run(Path(__file__).parent, {name!r}, sys.argv[1:])
"""
        (folder / name).write_text(code)
        (folder / name).chmod(0o755)
    (folder / "queue").mkdir()
