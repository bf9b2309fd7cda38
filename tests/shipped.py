"""The schema of the model that comes with the code, by the names that its tests use."""

from typing import Final

from model.artifact import first_schema

SCHEMA: Final = first_schema()
FEATURES: Final = SCHEMA.features
NAMES: Final = SCHEMA.names
BY_NAME: Final = SCHEMA.by_name
COLUMNS: Final = SCHEMA.columns
EXAMPLE: Final = SCHEMA.example
CUSTOMER_ID: Final = "customerID"
TARGET: Final = SCHEMA.target.column
SCHEMA_VERSION: Final = 1
