"""What the routes need: the scorer and the settings, put on the app by `create_app` and returned by `service`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

from flask import current_app

from model.scorecard import Scorer

if TYPE_CHECKING:
    from app.settings import Settings
    from model.actions import Action
    from model.output_option import OutputOption

EXTENSION: Final = "churn"
MAX_BINARY_BYTES: Final = "churn.max_binary_bytes"
"""The key of the WSGI environment with the longest binary body that the gateway passes on."""

AcquireSlot = Callable[[bool], AbstractContextManager[None]]


def no_slot_needed(_has_begun: bool) -> AbstractContextManager[None]:
    """Return a slot that is always free."""
    return nullcontext()


class Uploads(Protocol):
    """The store of files too long for HTTP; app.jobs.uploads.Uploads is one. It fails with a ChurnError."""

    @property
    def origins(self) -> Sequence[str]:
        """The origins of its forms and links."""

    def create_upload(self, owner: str) -> Mapping[str, Any]:
        """Return a new id, and the form that sends its file."""

    def get_job(self, owner: str, upload_id: str) -> Mapping[str, Any] | None:
        """Return the state of the job of an upload; None for an id that does not belong to `owner`."""


class Service(NamedTuple):
    """What one app was created with.

    Attributes
    ----------
    large_file_advice : str
        What to do with a file that is too long for HTTP here, as a clause: "drop it into ..."; may be empty.
    load_actions : callable
        Returns what may be offered to customers; reads the table when it is first called.
    output_options : callable
        Returns what callers may ask of the results of the model, by name.
    uploads : callable, optional
        Returns the store of uploads, and connects to it when it is first called; None where there is none.
    acquire_slot : callable
        Returns a context in which a part of a file is scored. Entering it waits, and may raise RequestError (busy)
        unless it is called with True, for a file that has begun.
    """

    scorer: Scorer
    settings: "Settings"
    large_file_advice: str = ""
    load_actions: "Callable[[], Sequence[Action]]" = tuple
    output_options: "Callable[[], Mapping[str, OutputOption]]" = dict
    uploads: Callable[[], Uploads] | None = None
    acquire_slot: AcquireSlot = no_slot_needed


def service() -> Service:
    """Return what the app of this request was created with."""
    return cast("Service", current_app.extensions[EXTENSION])
