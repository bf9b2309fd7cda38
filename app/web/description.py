"""What a view states of itself for the API description, which app/web/openapi.py assembles.

The first line of a view's docstring is its summary, in the description and in the list of routes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from app.web.query_options import QueryOption

JsonSchema = dict[str, Any]
View = TypeVar("View", bound=Callable[..., Any])

TEXT: Final[JsonSchema] = {"type": "string"}

# Codes of errors by what can go wrong.
ANY_REQUEST_ERRORS: Final = (
    *("bad_request", "bad_base64", "busy", "no_room", "internal"),
    # Refused in front of the app: see refusals.py.
    *("no_host", "too_large", "small_chunks", "long_address", "expectation", "long_headers", "transfer_coding"),
)
OPTION_ERRORS: Final = ("unknown_option", "bad_option")
JSON_ERRORS: Final = (
    *("no_body", "not_json", "not_utf8", "too_deep", "repeated_key"),
    *("too_large", "send_json", "send_utf8", "send_unpacked"),
)
CUSTOMER_ERRORS: Final = (*JSON_ERRORS, "wrapped", "bad_customer")
FORM_ERRORS: Final = ("bad_form", "no_file", "several_files", "form_too_large", "too_large", "send_unpacked")
FILE_ERRORS: Final = (
    *FORM_ERRORS,
    *("empty_file", "no_header", "missing_columns", "wrong_separator", "quoted_lines", "duplicate_columns"),
    *("header_too_long", "not_csv", "binary"),
    *("record_too_long", "open_quote", "mixed_decimals", "truncated_gzip", "damaged_gzip", "gzip_ratio"),
    *("encoding", "unknown_charset", "no_byte_order_mark", "damaged_text", "bad_rows", "bad_option"),
    *("too_many_columns", "too_many_rows", "answer_too_large", "too_much_work"),
)
UPLOAD_ERRORS: Final = ("unknown_option", "uploads_not_configured", "uploads_unavailable")


class Description(NamedTuple):
    """What a view accepts and returns.

    Attributes
    ----------
    name : str
        The operationId.
    responses, body : mapping of str to dict or str
        By media type; a str names schemas of app/web/response_schemas.py, such as "OneResult | ManyResults".
    errors : sequence of str
        The codes of its errors, without those that any request can have.
    status : int
        Of a response without an error.
    """

    name: str
    responses: Mapping[str, JsonSchema | str]
    body: Mapping[str, JsonSchema | str] = {}
    options: Sequence[QueryOption] = ()
    errors: Sequence[str] = ()
    status: int = 200


DESCRIPTIONS: Final[dict[Callable[..., Any], Description]] = {}
"""By view."""


def describe(name: str, responses: Mapping[str, JsonSchema | str], **more: Any) -> Callable[[View], View]:
    """Return a decorator that keeps the description of a view."""

    def keep(view: View) -> View:
        DESCRIPTIONS[view] = Description(name, responses, **more)
        return view

    return keep


def summary_of(view: Callable[..., Any]) -> str:
    """Return the first line of a view's docstring, without its full stop."""
    return (view.__doc__ or "").partition("\n")[0].rstrip(".")
