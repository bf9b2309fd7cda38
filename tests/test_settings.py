"""Settings: each name with its rule, and the environment read in one place."""

from dataclasses import fields

import pytest

from settings import Settings, SettingsError, table


def test_an_empty_environment_gives_the_defaults():
    settings = Settings.from_environment({})

    assert (settings.host, settings.port, settings.threads) == ("127.0.0.1", 7860, 8)
    assert (settings.model_version, settings.engine, settings.threshold) == (None, "scorecard", None)
    assert (settings.max_json_bytes, settings.max_upload_bytes) == (1_048_576, 536_870_912)


def test_every_variable_is_read():
    settings = Settings.from_environment(
        {
            "CHURN_HOST": "0.0.0.0",
            "PORT": "8080",
            "CPU_CORES": "2",
            "CHURN_THREADS": "3",
            "CHURN_MODEL_VERSION": "1.2.3",
            "CHURN_ENGINE": "pipeline",
            "CHURN_THRESHOLD": "0.25",
            "CHURN_MAX_JSON_BYTES": "2048",
            "CHURN_MAX_UPLOAD_BYTES": "4096",
            "CHURN_MAX_GZIP_RATIO": "50",
            "CHURN_MAX_LISTED_ROWS": "10",
            "CHURN_MAX_CUSTOMERS": "11",
            "CHURN_ACTIONS_FILE": "actions.csv",
        }
    )

    assert [getattr(settings, each.name) for each in fields(Settings)] == [
        *("0.0.0.0", 8080, 2, 3, "1.2.3", "pipeline", 0.25),
        *(2048, 4096, 50, 10, 11, "actions.csv"),
    ]


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
