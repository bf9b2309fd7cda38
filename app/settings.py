"""Every setting: its name in the environment, parser, default, unit and one line of help. Only this reads the environment.

The entry points and app/wiring.py pass the values on. Imports model/ only.
"""

import ctypes
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final

from model.engine import ENGINES
from model.errors import ChurnError, listed, show
from model.outputs import ALL, YES_NO, OutputOption, OutputOptions, output_options

MAX_JOB_BYTES: Final = 5 * 1024**3
"""S3 accepts no longer file in one request."""

_M_ARENA_MAX: Final = -8  # in malloc.h of the GNU C library
_ARENAS: Final = 2
"""64 connections of mixed traffic take 395 MiB in two processes, 420 with 4, 500 to 750 without a limit."""

MAX_WORKERS: Final = 8
"""Without CPU_CORES: a shared machine with 64 cores should not start 64 processes by default."""

_FRAME_ANCESTORS: Final = ("'self'", "https://huggingface.co", "https://*.hf.space")

Parser = Callable[[str], Any]
"""From the text of a variable to its value; raises ValueError with the rule, as the second half of "... must be"."""


class SettingsError(ChurnError):
    """A setting that cannot be used; the message has the variable, the rule and the value. Stops the start."""


def _matching(pattern: str, rule: str) -> Parser:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(rule)
        return text

    return parse


def _all_matching(pattern: str, separator: str, alone: str, rule: str) -> Parser:
    """Return a parser of a list whose items match `pattern`, or which is `alone`."""

    def parse(text: str) -> tuple[str, ...]:
        items = tuple(re.split(separator, text))
        if items != (alone,) and not all(re.fullmatch(pattern, item, re.ASCII) for item in items):
            raise ValueError(rule)
        return items

    return parse


def _whole(minimum: int, maximum: int) -> Parser:
    def parse(text: str) -> int:
        number = int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else -1
        if not minimum <= number <= maximum:
            raise ValueError(f"a whole number from {minimum:,} to {maximum:,}")
        return number

    return parse


def _one_of(*words: str) -> Parser:
    return _matching("|".join(map(re.escape, words)), listed(words, last="or"))


def _probability(text: str) -> float:
    number = float(text) if re.fullmatch(r"[0-9]{0,9}\.?[0-9]{0,18}", text, re.ASCII) and text != "." else -1.0
    if not 0 < number < 1:
        raise ValueError("a number between 0 and 1, such as 0.35")
    return number


def _yes_or_no(text: str) -> bool:
    return bool(_one_of("yes", "no")(text.lower()) == "yes")


def _origins(text: str) -> tuple[str, ...]:
    origin = r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?"
    rule = "* or origins such as https://crm.example.com, separated by commas, without a path"
    origins: tuple[str, ...] = _all_matching(origin, r"[\s,]+", "*", rule)(text.lower())
    return origins


def _digests(text: str) -> tuple[str, ...]:
    digests = [digest.strip().lower() for digest in text.split(",")]
    for position, digest in enumerate(digests, start=1):
        if not re.fullmatch(r"[0-9a-f]{64}", digest, re.ASCII):
            raise ValueError(
                "the sha256 digests of keys, 64 hex digits each, separated by commas; "
                f"number {position} of {len(digests)} is not one. Make a key and its digest: churn key"
            )
    return tuple(digests)


# fmt: off
_ancestors: Final = _all_matching(r"'self'|https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?", r"\s+", "'none'", "'none', or 'self' and origins such as https://*.example.com, separated by spaces")
_rate: Final = _matching(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", "a number of requests per second, minute, hour or day, such as 600/minute")
_base_path: Final = _matching(r"(/[A-Za-z0-9._~-]+)+", "a path such as /churn, without a slash at its end")
# The rule of S3 for names, without its bans on prefixes that only AWS assigns.
_bucket: Final = _matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket, such as churn-inbox")
_prefix: Final = _matching(r"[^/].*/", "a prefix with a slash at its end only, such as incoming/")
_address: Final = _matching(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*", "an address such as https://churn.example.com, without a slash at its end")
_key: Final = _matching(r"[!-~]{1,1000}", "a key in one line, without spaces. Make one: churn key")
# fmt: on


def _cores() -> int:
    return max(1, min(os.cpu_count() or 1, MAX_WORKERS))


def _setting(
    variable: str,
    parse: Parser,
    default: Any,
    unit: str,
    help: str,
    *,
    shown: str | None = None,
    secret: bool = False,
    former: str | None = None,
) -> Any:
    """Return a setting: `shown` is its default in the documentation, `former` a name that still works."""
    metadata = {
        "variable": variable,
        "parse": parse,
        "unit": unit,
        "help": help,
        "shown": shown,
        "secret": secret,
        "former": former,
    }
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


def parse(setting: "Field[Any]", name: str, text: str) -> Any:
    """Return the value of a setting from its text; `name` is what the user wrote: a variable or an option.

    Raises
    ------
    SettingsError
    """
    try:
        return setting.metadata["parse"](text)
    except ValueError as error:
        # The value of a secret is not shown.
        value = "" if setting.metadata["secret"] else f", not {show(text)}."
        raise SettingsError(f"{name} must be {error}{value}") from None


def _output_setting(option: OutputOption) -> Any:
    def parse(text: str) -> int | bool:
        value = option.parse(text.lower(), YES_NO)
        if value is None:
            raise ValueError(option.rule(YES_NO))
        return value

    unit = f"0 to {option.maximum}, or {ALL}" if option.maximum else " or ".join(YES_NO)
    help = f"Results of bucket and folder: {option.help[0].lower()}{option.help[1:]}"
    return _setting(option.variable, parse, option.default, unit, help)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """What can be set; this class, one setting a line, and the options of model/outputs.py are the table."""

    # fmt: off
    host: str = _setting("CHURN_HOST", str, "127.0.0.1", "address", "Where the server listens; 0.0.0.0 in a container")
    port: int = _setting("PORT", _whole(1, 65_535), 7860, "port", "Where the server listens")
    workers: int = _setting("CPU_CORES", _whole(1, 256), _cores, "processes", "Server processes, one per core; a Space sets it", shown=f"the machine's cores, at most {MAX_WORKERS}")
    threads: int = _setting("CHURN_THREADS", _whole(1, 1024), 128, "threads", "Requests that one process works on at once; files that wait for half of them are answered 503")
    connections: int = _setting("CHURN_CONNECTIONS", _whole(1, 100_000), 1000, "connections", "Connections that one process holds; more wait until one is free")
    idle_timeout_s: int = _setting("CHURN_IDLE_TIMEOUT_SECONDS", _whole(1, 3600), 75, "seconds", "How long a connection stays open on which no byte moves, within a request and between two", former="CHURN_PATIENCE_SECONDS")
    api_keys: tuple[str, ...] = _setting("CHURN_API_KEYS", _digests, (), "sha256 digests", "The keys of /v1, /v2 and /metrics, by their digests, separated by commas; see security.md", shown="none: no key is asked for", secret=True)
    cors_origins: tuple[str, ...] = _setting("CHURN_CORS_ORIGINS", _origins, (), "origins", "Which pages may read the responses in a browser, separated by commas; * for all")
    frame_ancestors: tuple[str, ...] = _setting("CHURN_FRAME_ANCESTORS", _ancestors, _FRAME_ANCESTORS, "origins", "Which pages may show this service in a frame, separated by spaces; 'none' for none")
    rate_limit: str | None = _setting("CHURN_RATE_LIMIT", _rate, None, "requests per time", "The most requests of one key or address to /v1, /v2 and /metrics, in each server process, such as 600/minute")
    trusted_proxies: int = _setting("CHURN_TRUSTED_PROXIES", _whole(0, 1), 0, "proxies", "Proxies in front of the server whose X-Forwarded-For and X-Forwarded-Proto are trusted: 0 or 1")
    metrics: bool = _setting("CHURN_METRICS", _yes_or_no, True, "yes or no", "Whether the server answers /metrics")
    model_version: str | None = _setting("CHURN_MODEL_VERSION", str, None, "version", "The model to serve", shown="the one last promoted")
    models: str | None = _setting("CHURN_MODELS", str, None, "path", "The folder with one folder per model version, and DEFAULT", shown="model/artifacts")
    engine: str = _setting("CHURN_ENGINE", _one_of(*ENGINES), ENGINES[0], "engine", f"What scores: {listed(ENGINES, last='or')}")
    threshold: float | None = _setting("CHURN_THRESHOLD", _probability, None, "probability", "The lowest probability that is labelled churn, between 0 and 1", shown="the model's own")
    max_json_bytes: int = _setting("CHURN_MAX_JSON_BYTES", _whole(1024, 1024**3), 1024**2, "bytes", "The longest JSON body")
    max_upload_bytes: int = _setting("CHURN_MAX_UPLOAD_BYTES", _whole(1024, 1024**4), 512 * 1024**2, "bytes", "The longest file sent over HTTP, compressed or not")
    max_gzip_ratio: int = _setting("CHURN_MAX_GZIP_RATIO", _whole(1, 100_000), 50, "times", "How far a gzip file may decompress beyond its own size, from the first byte on, at every entry point")
    max_rows: int = _setting("CHURN_MAX_ROWS", _whole(1, 1_000_000_000), 5_000_000, "rows", "The most rows of a file sent over HTTP")
    max_answer_bytes: int = _setting("CHURN_MAX_ANSWER_BYTES", _whole(1024, 1024**4), 512 * 1024**2, "bytes", "The longest response to a file over HTTP; beyond 1 MB also no more than 20 times the decompressed file")
    max_file_cpu_s: int = _setting("CHURN_MAX_FILE_CPU_SECONDS", _whole(1, 86_400), 60, "seconds", "The most CPU time for a file over HTTP; also no more than 1 s for each MB decompressed, and 0.5 s")
    max_listed_rows: int = _setting("CHURN_MAX_LISTED_ROWS", _whole(1, 100_000_000), 1_000_000, "rows", "The most rows of a file whose response is one object listed by customerID")
    max_customers: int = _setting("CHURN_MAX_CUSTOMERS", _whole(1, 100_000), 1000, "customers", "The most customers, or changes, in one JSON body")
    actions_file: str | None = _setting("CHURN_ACTIONS_FILE", str, None, "path", "A table of actions to suggest instead of model/actions.csv, in the same form", shown="model/actions.csv")
    base_path: str = _setting("CHURN_BASE_PATH", _base_path, "", "path", "On Lambda, the base path that your own domain is mapped under; the API's own address works without it")
    inbox_bucket: str | None = _setting("CHURN_INBOX_BUCKET", _bucket, None, "bucket", "The bucket that CSVs are put into; events of other buckets are refused")
    results_bucket: str | None = _setting("CHURN_RESULTS_BUCKET", _bucket, None, "bucket", "The bucket for the results of these CSVs")
    inbox_prefix: str = _setting("CHURN_INBOX_PREFIX", _prefix, "incoming/", "prefix", "Only keys below it are scored")
    results_prefix: str = _setting("CHURN_RESULTS_PREFIX", _prefix, "results/", "prefix", "The prefix of results; never inside the inbox's prefix in the same bucket")
    max_job_bytes: int = _setting("CHURN_MAX_JOB_BYTES", _whole(1024, MAX_JOB_BYTES), MAX_JOB_BYTES, "bytes", "The longest file that /v2/uploads accepts into the inbox; S3 accepts at most 5 GiB in one request")
    link_s: int = _setting("CHURN_LINK_SECONDS", _whole(60, 43_200), 900, "seconds", "How long the form of an upload, and the links to its results, may be used")
    url: str | None = _setting("CHURN_URL", _address, None, "address", "The API that `churn submit` asks, without a slash at the end", shown="this machine, at PORT")
    api_key: str | None = _setting("CHURN_API_KEY", _key, None, "key", "The key that `churn submit` sends in X-Api-Key", secret=True)
    deadline_margin_s: int = _setting("CHURN_DEADLINE_MARGIN_SECONDS", _whole(1, 600), 20, "seconds", "How long before its time runs out a job in the bucket stops, so that no partial result stays")
    # fmt: on
    # One field for each option of model/outputs.py; `outputs` returns them.
    for _option in output_options():
        __annotations__[_option.name] = Any
        vars()[_option.name] = _output_setting(_option)
    del _option

    @property
    def takes_uploads(self) -> bool:
        """Whether both buckets are named, so that larger files can be sent through them."""
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
        values = {}
        for setting in fields(cls):
            name, former = setting.metadata["variable"], setting.metadata["former"]
            text = environ.get(name, "").strip()
            if former and not text and (text := environ.get(former, "").strip()):
                sys.stderr.write(f"{former} is now called {name}; the old name works in this release only.\n")
                name = former
            if text:
                values[setting.name] = parse(setting, name, text)
        return cls(**values)


def share_metrics(folder: str) -> None:
    """Let prometheus_client count for several processes in `folder`: it reads the environment when it is imported."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def keep_to_one_thread() -> None:
    """Let numpy's OpenBLAS start no threads, 30 ms of CPU for each core: columns are added, no matrix is multiplied."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def spare_memory() -> None:
    """Let threads share the memory they free: neither pyarrow nor the C library keeps a pool for each of them.

    Call it before threads start. To set MALLOC_ARENA_MAX here would be too late; musl has neither mallopt nor pools.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    c_library = ctypes.CDLL(None)
    if "MALLOC_ARENA_MAX" not in os.environ and hasattr(c_library, "mallopt"):
        c_library.mallopt(_M_ARENA_MAX, _ARENAS)


def xray_trace() -> str | None:
    """Return Lambda's trace of the current event. No setting: it changes from one event to the next."""
    return os.environ.get("_X_AMZN_TRACE_ID")


def _shown_default(setting: "Field[Any]") -> str:
    default = setting.default
    if setting.metadata["shown"]:
        return str(setting.metadata["shown"])
    if default is None or default in ("", ()):
        return "none"
    if isinstance(default, bool):
        return "`yes`" if default else "`no`"
    return f"`{' '.join(default) if isinstance(default, tuple) else default}`"


def table() -> str:
    """Return all settings as a Markdown table, for docs/operations.md."""
    rows = [
        (
            f"`{setting.metadata['variable']}`",
            _shown_default(setting),
            setting.metadata["unit"],
            setting.metadata["help"],
        )
        for setting in fields(Settings)
    ]
    head = [("variable", "default", "unit", "what it sets"), ("---",) * 4]
    return "".join(f"| {' | '.join(row)} |\n" for row in [*head, *rows])
