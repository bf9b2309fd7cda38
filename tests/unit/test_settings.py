"""Settings: each name with its rule, and the environment read in one place."""

import re
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from app import settings as module
from app.settings import Settings, SettingsError, table
from model.output_option import MAX_REASONS
from model.outputs import OutputOptions


def test_an_empty_environment_gives_the_defaults():
    settings = Settings.from_environment({})

    assert (settings.host, settings.port, settings.threads) == ("127.0.0.1", 7860, 128)
    assert (settings.connections, settings.idle_timeout_s) == (1000, 75)
    assert (settings.model_version, settings.engine, settings.threshold) == (None, "scorecard", None)
    assert (settings.max_json_bytes, settings.max_upload_bytes) == (1_048_576, 536_870_912)
    assert (settings.max_gzip_ratio, settings.max_rows, settings.max_answer_bytes, settings.max_file_cpu_s) == (
        *(50, 5_000_000, 536_870_912, 60),
    )


def test_every_variable_is_read():
    settings = Settings.from_environment(
        {
            "CHURN_HOST": "0.0.0.0",
            "PORT": "8080",
            "CPU_CORES": "2",
            "CHURN_THREADS": "3",
            "CHURN_CONNECTIONS": "40",
            "CHURN_IDLE_TIMEOUT_SECONDS": "5",
            "CHURN_API_KEYS": "AB" * 32,
            "CHURN_CORS_ORIGINS": "https://crm.example.com, http://localhost:3000",
            "CHURN_FRAME_ANCESTORS": "'self' https://*.example.com",
            "CHURN_RATE_LIMIT": "600/minute",
            "CHURN_TRUSTED_PROXIES": "1",
            "CHURN_METRICS": "No",
            "CHURN_MODEL_VERSION": "1.2.3",
            "CHURN_MODELS": "models",
            "CHURN_ENGINE": "pipeline",
            "CHURN_THRESHOLD": "0.25",
            "CHURN_MAX_JSON_BYTES": "2048",
            "CHURN_MAX_UPLOAD_BYTES": "4096",
            "CHURN_MAX_GZIP_RATIO": "40",
            "CHURN_MAX_ROWS": "1000",
            "CHURN_MAX_ANSWER_BYTES": "8192",
            "CHURN_MAX_FILE_CPU_SECONDS": "7",
            "CHURN_MAX_LISTED_ROWS": "10",
            "CHURN_MAX_CUSTOMERS": "20",
            "CHURN_ACTIONS_FILE": "actions.csv",
            "CHURN_BASE_PATH": "/churn",
            "CHURN_INBOX_BUCKET": "churn-inbox",
            "CHURN_RESULTS_BUCKET": "churn-results",
            "CHURN_INBOX_PREFIX": "in/",
            "CHURN_RESULTS_PREFIX": "out/of/it/",
            "CHURN_MAX_JOB_BYTES": "8192",
            "CHURN_LINK_SECONDS": "3600",
            "CHURN_URL": "https://churn.example.com/prod",
            "CHURN_API_KEY": "a-key",
            "CHURN_VALUE_AT_RISK": "Yes",
            "CHURN_REASONS": "all",
            "CHURN_NOTES": "yes",
            "CHURN_INCLUDE_INPUT": "yes",
            "CHURN_SPREADSHEET_SAFE": "yes",
            "CHURN_PROBABILITY_INTERVAL": "yes",
            "CHURN_DEADLINE_MARGIN_SECONDS": "30",
        }
    )

    assert [getattr(settings, field.name) for field in fields(Settings)] == [
        *("0.0.0.0", 8080, 2, 3, 40, 5),
        *(("ab" * 32,), ("https://crm.example.com", "http://localhost:3000"), ("'self'", "https://*.example.com")),
        *("600/minute", 1, False),
        *("1.2.3", "models", "pipeline", 0.25),
        *(2048, 4096, 40, 1000, 8192, 7, 10, 20, "actions.csv", "/churn"),
        *(
            "churn-inbox",
            "churn-results",
            "in/",
            "out/of/it/",
            8192,
            3600,
            "https://churn.example.com/prod",
            "a-key",
            30,
        ),
        *(True, True, MAX_REASONS, True, True, True),
    ]


@pytest.mark.parametrize(
    ("inbox", "results", "takes"),
    [("", "", False), ("inbox", "", False), ("", "results", False), ("inbox", "results", True)],
)
def test_uploads_need_both_buckets(inbox, results, takes):
    named = {"CHURN_INBOX_BUCKET": inbox, "CHURN_RESULTS_BUCKET": results}

    assert Settings.from_environment(named).takes_uploads is takes


@pytest.mark.parametrize("value", ["", "  "])
def test_a_blank_variable_counts_as_unset(value):
    assert Settings.from_environment({"PORT": value}).port == 7860


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PORT", "abc", 'PORT must be a whole number from 1 to 65,535, not "abc".'),
        ("PORT", "0", 'PORT must be a whole number from 1 to 65,535, not "0".'),
        ("PORT", "1_000", 'PORT must be a whole number from 1 to 65,535, not "1_000".'),
        ("PORT", "٣٤٥٦", 'PORT must be a whole number from 1 to 65,535, not "٣٤٥٦".'),
        ("CPU_CORES", "-1", 'CPU_CORES must be a whole number from 1 to 256, not "-1".'),
        (
            "CHURN_INBOX_BUCKET",
            "s3://churn",
            'CHURN_INBOX_BUCKET must be the name of a bucket, such as churn-inbox, not "s3://churn".',
        ),
        (
            "CHURN_INBOX_PREFIX",
            "in",
            'CHURN_INBOX_PREFIX must be a prefix with a slash at its end only, such as incoming/, not "in".',
        ),
        (
            "CHURN_RESULTS_PREFIX",
            "/",
            'CHURN_RESULTS_PREFIX must be a prefix with a slash at its end only, such as incoming/, not "/".',
        ),
        ("CHURN_VALUE_AT_RISK", "maybe", 'CHURN_VALUE_AT_RISK must be yes or no, not "maybe".'),
        (
            "CHURN_DEADLINE_MARGIN_SECONDS",
            "0",
            'CHURN_DEADLINE_MARGIN_SECONDS must be a whole number from 1 to 600, not "0".',
        ),
        (
            "CHURN_URL",
            "ftp://a",
            'CHURN_URL must be an address such as https://churn.example.com, without a slash at its end, not "ftp://a".',
        ),
        ("CHURN_API_KEY", "two words", "CHURN_API_KEY must be a key in one line, without spaces. Make one: churn key"),
        ("CHURN_ENGINE", "onnx", 'CHURN_ENGINE must be scorecard or pipeline, not "onnx".'),
        ("CHURN_THRESHOLD", "1", 'CHURN_THRESHOLD must be a number between 0 and 1, such as 0.35, not "1".'),
        ("CHURN_THRESHOLD", "nan", 'CHURN_THRESHOLD must be a number between 0 and 1, such as 0.35, not "nan".'),
        ("CHURN_THRESHOLD", ".", 'CHURN_THRESHOLD must be a number between 0 and 1, such as 0.35, not ".".'),
        ("CHURN_THRESHOLD", "0,3", 'CHURN_THRESHOLD must be a number between 0 and 1, such as 0.35, not "0,3".'),
    ],
)
def test_a_bad_value_is_named_with_its_variable_and_rule(variable, value, sentence):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({variable: value})

    assert str(caught.value) == sentence


def test_the_table_has_a_line_for_every_setting():
    lines = table().splitlines()

    assert len(lines) == 2 + len(fields(Settings))
    assert lines[3] == "| `PORT` | `7860` | port | Where the server listens |"


def test_a_setting_is_one_line_and_those_of_outputs_are_in_their_own_table():
    lines = Path(module.__file__).read_text(encoding="utf-8").splitlines()

    defined = [match[1] for line in lines if (match := re.fullmatch(r"    (\w+): .* = _setting\(.*\)", line))]
    assert [*defined, *OutputOptions()] == [field.name for field in fields(Settings)]


@dataclass(frozen=True, kw_only=True)
class Renamed(Settings):
    """Settings of which one has a former name."""

    pause_s: int = module._setting(
        "CHURN_PAUSE", module._whole(1, 9), 3, "seconds", "A pause", former="CHURN_OLD_PAUSE"
    )


def test_a_former_name_works_with_a_note(capsys):
    assert Renamed.from_environment({"CHURN_OLD_PAUSE": "4"}).pause_s == 4
    assert capsys.readouterr().err == (
        "CHURN_OLD_PAUSE is now called CHURN_PAUSE; the old name works in this release only.\n"
    )


def test_the_new_name_wins_over_the_former_one_without_a_note(capsys):
    assert Renamed.from_environment({"CHURN_OLD_PAUSE": "4", "CHURN_PAUSE": "5"}).pause_s == 5
    assert capsys.readouterr().err == ""


def test_a_bad_value_is_reported_under_the_name_that_was_used(capsys):
    with pytest.raises(SettingsError, match=r"^CHURN_OLD_PAUSE must be a whole number from 1 to 9, not \"x\"\.$"):
        Renamed.from_environment({"CHURN_OLD_PAUSE": "x"})
