"""What the routes need: the scorer and the limits, put on the app by `create_app` and found again by `service`.

Imports Flask and model/; never app/settings.py, whose values are passed in.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from flask import current_app

from model.scorecard import Scorer

if TYPE_CHECKING:
    from model.actions import Action

EXTENSION: Final = "churn"
WAITING: Final = ("/v2/uploads", "/v2/jobs/")
"""What the paths begin with whose answers wait for another service, a bucket."""
MAX_PACKED: Final = "churn.max_packed"
"""The key of the WSGI environment under which the app finds the longest body of bytes that its edge passes on."""

Turn = Callable[[bool], AbstractContextManager[None]]


def at_once(_has_begun: bool) -> AbstractContextManager[None]:
    """Return a slot that is always free."""
    return nullcontext()


class Limits(Protocol):
    """The settings that the routes read; app.settings.Settings has them all."""

    @property
    def api_keys(self) -> Sequence[str]:
        """The sha256 digests of the keys, in hex; none where no key is asked for."""

    @property
    def cors_origins(self) -> Sequence[str]:
        """Whose pages may read the answers: origins, "*" alone, or none."""

    @property
    def frame_ancestors(self) -> Sequence[str]:
        """Whose pages may show ours, as the Content-Security-Policy has them."""

    @property
    def rate_limit(self) -> str | None:
        """The most requests of one client, such as "600/minute"; the door that counts them is the server's."""

    @property
    def max_json_bytes(self) -> int:
        """The longest body of JSON."""

    @property
    def max_upload_bytes(self) -> int:
        """The longest upload."""

    @property
    def max_gzip_ratio(self) -> int:
        """Decompressed bytes for each compressed one."""

    @property
    def max_rows(self) -> int:
        """The most rows of a file."""

    @property
    def max_answer_bytes(self) -> int:
        """The longest answer to a file."""

    @property
    def max_file_cpu_s(self) -> int:
        """The most CPU seconds for a file, however long it is."""

    @property
    def max_listed_rows(self) -> int:
        """The most rows of an answer listed by customerID."""

    @property
    def max_customers(self) -> int:
        """The most customers, or changes, in one body of JSON."""

    @property
    def actions_file(self) -> str | None:
        """The table of actions to suggest, None for the one that comes with the model."""


class Uploads(Protocol):
    """Where files too long for HTTP go; app.jobs.uploads.Uploads is it. What it fails with is a ChurnError."""

    @property
    def origins(self) -> Sequence[str]:
        """Where its forms and links lead."""

    def create_upload(self, owner: str) -> Mapping[str, Any]:
        """Return a new id, and the form that sends its file."""

    def get_job(self, owner: str, upload_id: str) -> Mapping[str, Any] | None:
        """Return how far the job of an upload is; None for an id that `owner` was not given."""


@dataclass(frozen=True, slots=True)
class Service:
    """What one app was made with.

    Attributes
    ----------
    larger : str
        What to do with a file that is too long for HTTP here, as a clause: "drop it into ..."; may be empty.
    uploads : callable, optional
        Gives the store of uploads, and connects to it when it is first called; None where there is none.
    turn : callable
        Returns a context in which a part of a file is scored; entering it waits, and may raise RequestError (busy)
        unless it is called with True, for a file that has been begun.
    """

    scorer: Scorer
    limits: Limits
    larger: str = ""
    actions: "Sequence[Action] | None" = None
    uploads: Callable[[], Uploads] | None = None
    turn: Turn = at_once


def service() -> Service:
    """Return what the app that answers this request was made with."""
    return cast("Service", current_app.extensions[EXTENSION])
