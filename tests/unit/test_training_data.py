"""Labelled customers: how they are read, and which data is refused."""

import gzip
from pathlib import Path

import pytest
from invented import HEADER, SAMPLE_ROWS, SAMPLE_SEED, invent, to_csv
from shipped import NAMES, SCHEMA, TARGET
from trainings import write_customers

from model.errors import TrainingError
from model.training.checks import check
from model.training.data import read

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"


def test_the_sample_is_what_its_generator_writes():
    assert SAMPLE.read_text() == to_csv(invent(SAMPLE_SEED, SAMPLE_ROWS))


def test_a_blank_total_at_tenure_zero_is_read_as_zero():
    customers = read(SAMPLE, SCHEMA).customers

    assert [customer["TotalCharges"] for customer in customers if customer["tenure"] == 0] == [0.0, 0.0, 0.0]


def test_a_company_s_own_csv_is_read_like_the_public_one(tmp_path):
    customers = invent(seed=3, count=5)
    columns = [*reversed(NAMES), TARGET]
    public = read(write_customers(tmp_path, customers), SCHEMA)
    own = tmp_path / "own.csv.gz"
    own.write_bytes(gzip.compress(to_csv(customers, columns, ";").replace("Churn", "CHURN", 1).encode("utf-8-sig")))

    result = read(own, SCHEMA)

    assert (result.customers, result.labels.tolist()) == (public.customers, public.labels.tolist())
    assert (result.ids, public.ids[0]) == ([], "0000-SMPLE")


@pytest.mark.parametrize(
    ("word", "label"), [("Yes", 1), ("no", 0), ("NO", 0), (" yes ", 1), ("1", 1), ("0", 0)], ids=repr
)
def test_a_label_is_yes_no_1_or_0_in_any_case(tmp_path, word, label):
    assert read(write_customers(tmp_path, [{**invent(1, 1)[0], TARGET: word}]), SCHEMA).labels == [label]


def _without(*names):
    return to_csv(invent(1, 3), [name for name in HEADER if name not in names])


def _change(**cells):
    first, second, third = invent(1, 3)
    return to_csv([first, {**second, **cells}, third])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "customers.csv: The file is empty.", id="nothing"),
        pytest.param(_without("Contract", "Churn"), "lacks Contract and Churn. It has 19 columns: ", id="columns"),
        pytest.param(_without().replace("gender", "CHURN ", 1), None, id="a twin in another case is ignored"),
        pytest.param(_without().replace("gender", " Churn ", 1), "has Churn more than once", id="Churn twice"),
        pytest.param(_without().replace("gender", "Contract", 1), "has Contract more than once", id="a column twice"),
        pytest.param(
            _change(Contract="Monthly"),
            'Row 2 (customerID 0001-SMPLE): Contract must be "Month-to-month", "One year" or "Two year", not "Mont',
            id="a word",
        ),
        pytest.param(
            _change(MonthlyCharges="1,000"),
            'MonthlyCharges must be a number from 0 to 1,000,000, not "1,000"',
            id="number",
        ),
        pytest.param(_change(Churn="maybe"), 'Churn must be "Yes", "No", 1 or 0, not "maybe".', id="a label"),
        pytest.param(_change(Churn="TRUE"), None, id="a boolean label"),
        pytest.param(_without().replace(",", ";").replace("29.85", "29,85"), None, id="semicolons"),
        pytest.param(_change(Churn=" "), 'Churn is blank; it must be "Yes", "No", 1 or 0.', id="a blank label"),
        pytest.param(
            _change(TotalCharges="", tenure="5"), "TotalCharges is blank, but tenure is 5", id="a blank total"
        ),
        pytest.param(
            _without() + "a,b\n",
            "Row 4 (customerID a): The row has 2 fields, but the header has 21 fields.",
            id="a short row",
        ),
        pytest.param("PK\x03\x04", "The file is a workbook", id="a workbook"),
        pytest.param(_without() + '"open', "Row 4 opens a quote that is not closed before the end", id="an open quote"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_the_reason(tmp_path, text, message):
    path = tmp_path / "customers.csv"
    path.write_text(text)

    if message is None:
        assert len(read(path, SCHEMA).labels) == 3
    else:
        with pytest.raises(TrainingError) as caught:
            read(path, SCHEMA)
        assert message in str(caught.value)


def test_twenty_problems_are_written_out_and_the_rest_counted(tmp_path):
    path = write_customers(tmp_path, [{**customer, "Partner": "x", TARGET: "x"} for customer in invent(1, 30)])

    with pytest.raises(TrainingError, match="has 60 problems") as caught:
        read(path, SCHEMA)

    assert (len(caught.value.problems), caught.value.count) == (20, 60)
    assert str(caught.value).count("\n") == 21
    assert "... and 40 more" in str(caught.value)


def _with_label(word, count=300):
    return [{**customer, TARGET: word} for customer in invent(1, count)]


@pytest.mark.parametrize(
    ("customers", "message"),
    [
        pytest.param(_with_label("Yes"), "All 300 customers .* churned; a model needs both", id="all left"),
        pytest.param(_with_label("No"), "All 300 customers .* stayed; a model needs both", id="all stayed"),
        pytest.param([], "0 rows, 0 of them churners. Training needs at least 200 rows", id="none"),
        pytest.param(invent(1, 199), "199 rows, .* at least 200 rows", id="few"),
        pytest.param(_with_label("No")[:251] + _with_label("Yes")[251:], "49 of them churners", id="few churners"),
        pytest.param(
            [{**customer, "MonthlyCharges": "20"} for customer in invent(1, 300)],
            "MonthlyCharges is the same in every row",
            id="a constant",
        ),
        pytest.param(
            [{**customer, "PhoneService": "yes"} for customer in invent(1, 300)],
            'PhoneService is "Yes" in every row .* pass --trust PhoneService',
            id="one word",
        ),
        pytest.param(
            [{**customer, "Partner": customer[TARGET]} for customer in invent(1, 300)],
            r"Partner alone predicts who churned in .*: ROC AUC 1\.0000, where 0\.95 is the most",
            id="a word that leaks",
        ),
        pytest.param(
            [
                {**customer, "TotalCharges": "7" if customer[TARGET] == "Yes" else f"{90 + row}"}
                for row, customer in enumerate(invent(1, 300))
            ],
            r"TotalCharges alone predicts .* ROC AUC 1\.0000",
            id="a number that leaks",
        ),
        pytest.param(
            [
                {**customer, "MonthlyCharges": f"{(50 if customer[TARGET] == 'Yes' else row % 2 * 60 + 20) + row % 7}"}
                for row, customer in enumerate(invent(1, 300))
            ],
            r"MonthlyCharges alone predicts",
            id="a number that leaks from the middle",
        ),
        pytest.param(
            invent(1, 300) + invent(1, 1),
            'customerID "0000-SMPLE" is in row 1 and again in row 301',
            id="an id twice",
        ),
    ],
)
def test_data_that_no_honest_model_can_be_trained_on_is_refused(tmp_path, customers, message):
    path = write_customers(tmp_path, customers)

    with pytest.raises(TrainingError, match=message):
        check(read(path, SCHEMA), path)


def test_a_trusted_column_may_be_one_word_or_predict_the_outcome(tmp_path):
    customers = [{**customer, "PhoneService": "Yes", "Partner": customer[TARGET]} for customer in invent(1, 300)]
    path = write_customers(tmp_path, customers)

    check(read(path, SCHEMA), path, trusted=("PhoneService", "Partner"))


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"gone\.csv cannot be read: No such file"):
        read(tmp_path / "gone.csv", SCHEMA)
