"""Invented customers with the 21 columns of the public data and a Churn to train on. None is a row of that data.

tests/data/sample.csv is the first 120 of seed 20; write it again with: python tests/invented.py > tests/data/sample.csv
"""

import csv
import io
import math
import random
import sys

from shipped import BY_NAME, CUSTOMER_ID, TARGET

SAMPLE_SEED, SAMPLE_ROWS = 20, 120

EXTRAS = ("OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies")
HEADER = [
    *("customerID", "gender", "SeniorCitizen", "Partner", "Dependents", "tenure", "PhoneService", "MultipleLines"),
    *("InternetService", *EXTRAS, "Contract", "PaperlessBilling", "PaymentMethod"),
    *("MonthlyCharges", "TotalCharges", "Churn"),
]


def invent(seed: int, count: int) -> list[dict[str, str]]:
    """Return customers as the cells of a CSV; every 40th is new, with tenure 0 and a TotalCharges of one space."""
    # Only random() is promised to give the same numbers in every version of Python.
    draw = random.Random(seed).random

    def pick(*words: str) -> str:
        return words[int(draw() * len(words))]

    customers = []
    for number in range(count):
        tenure = 0 if number % 40 == 7 else 1 + int(72 * draw() ** 1.5)
        phone = "Yes" if draw() < 0.9 else "No"
        internet = pick(*BY_NAME["InternetService"].values)
        contracts = BY_NAME["Contract"].values
        contract = contracts[min(int(draw() * (1.4 + tenure / 30)), 2)]
        payment = pick(*BY_NAME["PaymentMethod"].values)
        extras = {name: pick("Yes", "No") if internet != "No" else "No internet service" for name in EXTRAS}
        base = {"DSL": 45.0, "Fiber optic": 70.0, "No": 20.0}[internet]
        monthly = round(base + 5 * list(extras.values()).count("Yes") + 4 * draw() - 2, 2)
        total = round(tenure * monthly * (0.94 + 0.12 * draw()), 2)
        senior = int(draw() < 0.16)
        log_odds = 0.4 - 0.05 * tenure + 0.4 * senior - 1.3 * contracts.index(contract)
        log_odds += {"DSL": -0.3, "Fiber optic": 0.8, "No": -1.0}[internet]
        customers.append(
            {
                **extras,
                CUSTOMER_ID: f"{number:04d}-SMPLE",
                "gender": pick("Female", "Male"),
                "SeniorCitizen": str(senior),
                "Partner": pick("Yes", "No"),
                "Dependents": pick("Yes", "No", "No"),
                "tenure": str(tenure),
                "PhoneService": phone,
                "MultipleLines": pick("Yes", "No") if phone == "Yes" else "No phone service",
                "InternetService": internet,
                "Contract": contract,
                "PaperlessBilling": pick("Yes", "No"),
                "PaymentMethod": payment,
                "MonthlyCharges": f"{monthly:g}",
                "TotalCharges": f"{total:g}" if tenure else " ",
                TARGET: "Yes" if draw() < 1 / (1 + math.exp(-log_odds)) else "No",
            }
        )
    return customers


def to_csv(customers: list[dict[str, str]], columns: list[str] = HEADER, delimiter: str = ",") -> str:
    """Return customers as the text of a CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(customers)
    return text.getvalue()


if __name__ == "__main__":
    sys.stdout.write(to_csv(invent(SAMPLE_SEED, SAMPLE_ROWS)))
