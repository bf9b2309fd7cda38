"""A list of invented customers to try the service with. Standard library only; it has no customer of any data.

The shares are about those of a telecom: most on monthly contracts, the newest and those with fibre the likeliest to go.
"""

import csv
import io
from collections.abc import Iterator
from typing import Final

from model.schema import COLUMNS, CUSTOMER_ID, FEATURES, Categorical

ROWS: Final = 1000

_WORDS: Final = {feature.name: feature.values for feature in FEATURES if isinstance(feature, Categorical)}

_MISTAKES: Final = {
    211: ("InternetService", "Fibre optic"),
    548: ("MonthlyCharges", "$79.90"),
    806: ("TotalCharges", ""),
}
"""As in real lists, so that a first try shows how they are handled: by row, the column and its content."""


def sample() -> str:
    """Return the list as the text of a CSV; the same each time."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    draws = _draws()
    for row in range(1, ROWS + 1):
        customer = {CUSTOMER_ID: f"SAMPLE-{row:04d}", **_customer(draws)}
        if row in _MISTAKES:
            column, content = _MISTAKES[row]
            customer[column] = content
        writer.writerow(customer)
    return text.getvalue()


def _draws() -> Iterator[float]:
    """Yield numbers from 0 to 1 that look drawn by lot, and are the same each time."""
    state = 20
    while True:
        # The constants of Numerical Recipes; the low bits repeat soon, so the high ones are taken.
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        yield (state >> 8) / 2**24


def _customer(draws: Iterator[float]) -> dict[str, object]:
    def pick(feature: str, *shares: float) -> int:
        left = next(draws)
        for index, share in enumerate(shares):
            left -= share
            if left < 0:
                return index
        return len(_WORDS[feature]) - 1

    partner = pick("Partner", 0.52)
    dependents = pick("Dependents", 0.92 if partner == 0 else 0.48)
    # Who binds himself has mostly been here for long.
    contract = pick("Contract", 0.55, 0.21)
    tenure = 1 + int(72 * (next(draws) ** 2.4, 0.15 + 0.85 * next(draws), 0.4 + 0.6 * next(draws) ** 0.6)[contract])
    internet = pick("InternetService", *((0.32, 0.54), (0.39, 0.36), (0.38, 0.27))[contract])
    payment = pick("PaymentMethod", *((0.47, 0.24, 0.15), (0.22, 0.22, 0.27), (0.1, 0.23, 0.33))[contract])
    dearest, cheapest = ((88, 26), (118, 66), (25.6, 18.4))[internet]
    monthly = round(cheapest + (dearest - cheapest) * (0.65 * next(draws) + 0.35 * tenure / 73), 2)
    codes = {
        "SeniorCitizen": pick("SeniorCitizen", 0.84),
        "Partner": partner,
        "Dependents": dependents,
        "PhoneService": pick("PhoneService", 0.1),
        "InternetService": internet,
        "Contract": contract,
        "PaymentMethod": payment,
    }
    return {
        **{name: _WORDS[name][code] for name, code in codes.items()},
        "tenure": tenure,
        "MonthlyCharges": f"{monthly:.2f}",
        "TotalCharges": f"{tenure * monthly * (0.96 + 0.08 * next(draws)):.2f}",
    }
