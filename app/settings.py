"""Every setting: its name in the environment, default, unit and one line of help. The environment is read here only.

The entry points and app/wiring.py read it; app/web/, app/jobs/ and model/ get values passed in.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, make_dataclass
from typing import TYPE_CHECKING, Any, Final

from model.engine import ENGINES
from model.errors import ChurnError, listed, show
from model.outputs import ALL, YES_NO, OutputOption, OutputOptions, output_options

MOST_JOB_BYTES: Final = 5 * 1024**3

MOST_WORKERS: Final = 8
"""Without CPU_CORES: a shared machine with 64 cores should not start 64 processes unasked."""


_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?", re.ASCII)
_ANCESTOR: Final = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)
_FRAME_ANCESTORS: Final = ("'self'", "https://huggingface.co", "https://*.hf.space")


class SettingsError(ChurnError):
    """A setting that cannot be used; the message names the variable, the rule and what came. Stops the start."""


def _refuse(variable: str, rule: str, value: str) -> SettingsError:
    return SettingsError(f"{variable} must be {rule}, not {show(value)}.")


def _text(_variable: str, value: str) -> str:
    return value


def _digests(variable: str, value: str) -> tuple[str, ...]:
    digests = [each.strip().lower() for each in value.split(",")]
    for place, digest in enumerate(digests, start=1):
        # What stands there may be a key itself, so it is not shown.
        if not re.fullmatch(r"[0-9a-f]{64}", digest, re.ASCII):
            raise SettingsError(
                f"{variable} must be the sha256 digests of keys, 64 hex digits each, separated by commas; "
                f"number {place} of {len(digests)} is none. Make a key and its digest: churn key"
            )
    return tuple(digests)


def _origins(variable: str, value: str) -> tuple[str, ...]:
    origins = tuple(re.split(r"[\s,]+", value.lower()))
    if origins != ("*",) and not all(_ORIGIN.fullmatch(each) for each in origins):
        raise _refuse(
            variable, "* or origins such as https://crm.example.com, separated by commas, without a path", value
        )
    return origins


def _ancestors(variable: str, value: str) -> tuple[str, ...]:
    sources = tuple(value.split())
    if sources != ("'none'",) and not all(each == "'self'" or _ANCESTOR.fullmatch(each) for each in sources):
        raise _refuse(
            variable, "'none', or 'self' and origins such as https://*.example.com, separated by spaces", value
        )
    return sources


def _rate(variable: str, value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", value, re.ASCII):
        raise _refuse(variable, "a number of requests per second, minute, hour or day, such as 600/minute", value)
    return value


def _whole(minimum: int, maximum: int) -> Callable[[str, str], int]:
    def read(variable: str, value: str) -> int:
        number = int(value) if re.fullmatch(r"[0-9]{1,18}", value, re.ASCII) else -1
        if not minimum <= number <= maximum:
            raise _refuse(variable, f"a whole number from {minimum:,} to {maximum:,}", value)
        return number

    return read


def _one_of(words: tuple[str, ...]) -> Callable[[str, str], str]:
    def read(variable: str, value: str) -> str:
        if value not in words:
            raise _refuse(variable, listed(words, last="or"), value)
        return value

    return read


def _share(variable: str, value: str) -> float:
    number = float(value) if re.fullmatch(r"[0-9]{0,9}\.?[0-9]{0,18}", value, re.ASCII) and value != "." else -1.0
    if not 0 < number < 1:
        raise _refuse(variable, "a number between 0 and 1, such as 0.35", value)
    return number


def _mount(variable: str, value: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value, re.ASCII):
        raise _refuse(variable, "a path such as /churn, without a slash at its end", value)
    return value


def _bucket(variable: str, value: str) -> str:
    # The rule of S3 for names, but for its bans on prefixes that only AWS gives.
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value, re.ASCII):
        raise _refuse(variable, "the name of a bucket, such as churn-inbox", value)
    return value


def _prefix(variable: str, value: str) -> str:
    if not value.endswith("/") or value.startswith("/"):
        raise _refuse(variable, "a prefix with a slash at its end only, such as incoming/", value)
    return value


def _address(variable: str, value: str) -> str:
    if not re.fullmatch(
        r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*", value, re.ASCII
    ):
        raise _refuse(variable, "an address such as https://churn.example.com, without a slash at its end", value)
    return value


def _key(variable: str, value: str) -> str:
    # What stands there is a key, so it is not shown.
    if not re.fullmatch(r"[!-~]{1,1000}", value):
        raise SettingsError(f"{variable} must be a key in one line, without spaces. Make one: churn key")
    return value


def _yes_or_no(variable: str, value: str) -> bool:
    return _one_of(("yes", "no"))(variable, value.lower()) == "yes"


def _setting(
    variable: str,
    default: Any,
    unit: str,
    help: str,
    read: Callable[[str, str], object] = _text,
    *,
    shown: str | None = None,
    secret: bool = False,
) -> Any:
    metadata = {"variable": variable, "unit": unit, "help": help, "read": read, "shown": shown}
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


def _cores() -> int:
    return max(1, min(os.cpu_count() or 1, MOST_WORKERS))


def _output(option: OutputOption) -> Any:
    rule = option.rule(YES_NO)

    def read(variable: str, text: str) -> int | bool:
        value = option.parse(text.lower(), YES_NO)
        if value is None:
            raise _refuse(variable, rule, text)
        return value

    unit, shown = (f"0 to {option.maximum}, or {ALL}", "`0`") if option.maximum else (" or ".join(YES_NO), "`no`")
    help = f"Results of bucket and folder: {option.help[0].lower()}{option.help[1:]}"
    return _setting(option.variable, option.default, unit, help, read, shown=shown)


if TYPE_CHECKING:

    class _OutputSettings: ...
else:
    # One field for each option of model/outputs.py, read through `Settings.outputs`.
    _OutputSettings = make_dataclass(
        "_OutputSettings",
        [(option.name, Any, _output(option)) for option in output_options()],
        frozen=True,
        slots=True,
        kw_only=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(_OutputSettings):
    """What can be set; this class and the options of model/outputs.py are the table."""

    host: str = _setting("CHURN_HOST", "127.0.0.1", "address", "Where the server listens; 0.0.0.0 in a container")
    port: int = _setting("PORT", 7860, "port", "Where the server listens", _whole(1, 65_535))
    workers: int = _setting(
        "CPU_CORES",
        _cores,
        "processes",
        "Server processes, one a core; a Space sets it",
        _whole(1, 256),
        shown=f"the machine's cores, at most {MOST_WORKERS}",
    )
    threads: int = _setting(
        "CHURN_THREADS",
        128,
        "threads",
        "Files and other long requests that one process takes at once, slow ones included; more are answered 503",
        _whole(1, 1024),
    )
    connections: int = _setting(
        "CHURN_CONNECTIONS",
        1000,
        "connections",
        "Connections that one process holds; more are answered 503",
        _whole(1, 100_000),
    )
    patience_s: int = _setting(
        "CHURN_PATIENCE_SECONDS",
        20,
        "seconds",
        "How long a client may take to send a short request, and beyond 4 KiB a second for more and for taking answers",
        _whole(1, 3600),
    )
    api_keys: tuple[str, ...] = _setting(
        "CHURN_API_KEYS",
        (),
        "sha256 digests",
        "The keys of /v1, /v2 and /metrics, by their digests, separated by commas; see security.md",
        _digests,
        shown="none: no key is asked for",
        secret=True,
    )
    cors_origins: tuple[str, ...] = _setting(
        "CHURN_CORS_ORIGINS",
        (),
        "origins",
        "Whose pages may read the answers in a browser, separated by commas; * for all",
        _origins,
        shown="none",
    )
    frame_ancestors: tuple[str, ...] = _setting(
        "CHURN_FRAME_ANCESTORS",
        _FRAME_ANCESTORS,
        "origins",
        "Whose pages may show ours in a frame, separated by spaces; 'none' for nobody",
        _ancestors,
        shown=f"`{' '.join(_FRAME_ANCESTORS)}`",
    )
    rate_limit: str | None = _setting(
        "CHURN_RATE_LIMIT",
        None,
        "requests per time",
        "The most requests of one key or address to /v1, /v2 and /metrics, in each server process, such as 600/minute",
        _rate,
        shown="none",
    )
    trusted_proxies: int = _setting(
        "CHURN_TRUSTED_PROXIES",
        0,
        "proxies",
        "Proxies before the server whose X-Forwarded-For and X-Forwarded-Proto are believed: 0 or 1",
        _whole(0, 1),
    )
    metrics: bool = _setting(
        "CHURN_METRICS", True, "yes or no", "Whether the server answers /metrics", _yes_or_no, shown="`yes`"
    )
    model_version: str | None = _setting(
        "CHURN_MODEL_VERSION",
        None,
        "version",
        "The model to serve",
        shown="the one last promoted",
    )
    models: str | None = _setting(
        "CHURN_MODELS",
        None,
        "path",
        "The folder in which the versions of the model stand, one folder each, and DEFAULT",
        shown="model/artifacts",
    )
    engine: str = _setting(
        "CHURN_ENGINE", ENGINES[0], "engine", f"What scores: {listed(ENGINES, last='or')}", _one_of(ENGINES)
    )
    threshold: float | None = _setting(
        "CHURN_THRESHOLD",
        None,
        "probability",
        "The least probability that is labelled churn, between 0 and 1",
        _share,
        shown="the model's own",
    )
    max_json_bytes: int = _setting(
        "CHURN_MAX_JSON_BYTES", 1024**2, "bytes", "The longest body of JSON", _whole(1024, 1024**3)
    )
    max_upload_bytes: int = _setting(
        "CHURN_MAX_UPLOAD_BYTES",
        512 * 1024**2,
        "bytes",
        "The longest file sent over HTTP, compressed or not",
        _whole(1024, 1024**4),
    )
    max_gzip_ratio: int = _setting(
        "CHURN_MAX_GZIP_RATIO",
        50,
        "times",
        "How far a gzip file may decompress beyond its own size, from the first byte on, wherever it comes from",
        _whole(1, 100_000),
    )
    max_rows: int = _setting(
        "CHURN_MAX_ROWS", 5_000_000, "rows", "The most rows of a file sent over HTTP", _whole(1, 1_000_000_000)
    )
    max_answer_bytes: int = _setting(
        "CHURN_MAX_ANSWER_BYTES",
        512 * 1024**2,
        "bytes",
        "The longest answer to a file over HTTP; beyond 1 MB also no more than 20 times the decompressed file",
        _whole(1024, 1024**4),
    )
    max_file_cpu_s: int = _setting(
        "CHURN_MAX_FILE_CPU_SECONDS",
        60,
        "seconds",
        "The most CPU time for a file over HTTP; also no more than 1 s for each MB decompressed, and 0.5 s",
        _whole(1, 86_400),
    )
    max_listed_rows: int = _setting(
        "CHURN_MAX_LISTED_ROWS",
        1_000_000,
        "rows",
        "The most rows of a file answered as one object listed by customerID",
        _whole(1, 100_000_000),
    )
    max_customers: int = _setting(
        "CHURN_MAX_CUSTOMERS",
        1000,
        "customers",
        "The most customers, or changes, in one body of JSON",
        _whole(1, 100_000),
    )
    actions_file: str | None = _setting(
        "CHURN_ACTIONS_FILE",
        None,
        "path",
        "A table of actions to suggest instead of model/actions.csv, in the same form",
        shown="model/actions.csv",
    )
    base_path: str = _setting(
        "CHURN_BASE_PATH",
        "",
        "path",
        "On Lambda, the base path that your own domain is mapped under; the API's own address works without it",
        _mount,
        shown="none",
    )
    inbox_bucket: str | None = _setting(
        "CHURN_INBOX_BUCKET",
        None,
        "bucket",
        "Where CSVs are dropped; events of other buckets are refused",
        _bucket,
        shown="none",
    )
    results_bucket: str | None = _setting(
        "CHURN_RESULTS_BUCKET", None, "bucket", "Where the results of dropped CSVs go", _bucket, shown="none"
    )
    inbox_prefix: str = _setting("CHURN_INBOX_PREFIX", "incoming/", "prefix", "Only keys below it are scored", _prefix)
    results_prefix: str = _setting(
        "CHURN_RESULTS_PREFIX",
        "results/",
        "prefix",
        "Results stand below it; never inside the inbox's prefix in the same bucket",
        _prefix,
    )
    max_job_bytes: int = _setting(
        "CHURN_MAX_JOB_BYTES",
        MOST_JOB_BYTES,
        "bytes",
        "The longest file that /v2/uploads lets into the inbox; S3 takes no more than 5 GiB at once",
        _whole(1024, MOST_JOB_BYTES),
    )
    link_s: int = _setting(
        "CHURN_LINK_SECONDS",
        900,
        "seconds",
        "How long the form of an upload, and the links to its results, may be used",
        _whole(60, 43_200),
    )
    url: str | None = _setting(
        "CHURN_URL",
        None,
        "address",
        "Of the API that `churn submit` asks, without a slash at its end",
        _address,
        shown="this machine, at PORT",
    )
    api_key: str | None = _setting(
        "CHURN_API_KEY", None, "key", "What `churn submit` sends in X-Api-Key", _key, shown="none", secret=True
    )
    deadline_margin_s: int = _setting(
        "CHURN_DEADLINE_MARGIN_SECONDS",
        20,
        "seconds",
        "How long before its time runs out a job in the bucket stops, so that nothing half done stays",
        _whole(1, 600),
    )

    @property
    def takes_uploads(self) -> bool:
        """Whether both buckets are named, so that larger files can be sent by way of them."""
        return bool(self.inbox_bucket and self.results_bucket)

    def outputs(self) -> OutputOptions:
        """Return the columns of results in the bucket and the folder."""
        return OutputOptions(**{option.name: getattr(self, option.name) for option in output_options()})

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Return the settings in `environ` (the process's own if None); an empty or blank variable counts as unset.

        Raises
        ------
        SettingsError
        """
        environ = os.environ if environ is None else environ
        found = {}
        for each in fields(cls):
            variable = each.metadata["variable"]
            value = environ.get(variable, "").strip()
            if value:
                found[each.name] = each.metadata["read"](variable, value)
        return cls(**found)


def share_metrics(folder: str) -> None:
    """Let prometheus_client count for several processes in `folder`: it asks the environment when it is imported."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def keep_to_one_thread() -> None:
    """Let numpy's OpenBLAS start no threads, 30 ms of CPU for each core: columns are added, no matrix is multiplied."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def spare_memory() -> None:
    """Let pyarrow take memory from the C library, which gives it back, and not from a pool for each thread."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def xray_trace() -> str | None:
    """Return what Lambda says of the trace of the event at hand. No setting: it changes from one event to the next."""
    return os.environ.get("_X_AMZN_TRACE_ID")


def _shown_default(each: "Field[Any]") -> str:
    if each.metadata["shown"]:
        return str(each.metadata["shown"])
    return f"`{each.default}`"


def table() -> str:
    """Return all settings as a Markdown table, for docs/operations.md."""
    rows = [
        (f"`{each.metadata['variable']}`", _shown_default(each), each.metadata["unit"], each.metadata["help"])
        # The fields of a base class come first; a table has them last.
        for each in sorted(fields(Settings), key=lambda each: each.name in OutputOptions())
    ]
    head = [("variable", "default", "unit", "what it sets"), ("---",) * 4]
    return "".join(f"| {' | '.join(row)} |\n" for row in [*head, *rows])
