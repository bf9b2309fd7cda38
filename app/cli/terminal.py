"""What commands share: errors as sentences with exit codes, settings with options before them, progress."""

import copy
import errno
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click

from model.errors import ChurnError

if TYPE_CHECKING:
    from app.settings import Settings

REFUSED: Final = 2
"""Exit code for what the user has to change: a file that cannot be read as a whole, a wrong option or model."""

FAILED: Final = 1
"""Exit code for what the machine refuses: no permission, a full disk; also for an interrupt."""


BEYOND: Final = 3
"""Exit code for an answer that is beyond what the caller allows: for use in CI."""


LINE_EVERY_S: float = 60
"""How often a long computation reports where standard error is no terminal: CI services end jobs that are silent."""


class Renamed(click.Option):
    """An option with its name first and former names after it, which still work but are not shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the line of the help."""
        shown = copy.copy(self)
        shown.opts = self.opts[:1]
        return click.Option.get_help_record(shown, ctx)


class Destination(click.Path):
    """A folder to write to. An empty name, of a variable that is not set, would be the current one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if value == "":
            self.fail("is empty, where a folder is to be named.", param, ctx)
        return super().convert(value, param, ctx)


class Figure(click.FloatRange):
    """A number in a range; that it is no number (nan) is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is no number.", param, ctx)
        return found


class Sentences(click.Group):
    """Commands whose expected errors end in one sentence on standard error, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ChurnError as error:
            click.echo(str(error), err=True)
            ctx.exit(REFUSED)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"{where}{error.strerror or error}.", err=True)
            ctx.exit(FAILED)


def read_settings(**given: str | None) -> "Settings":
    """Return the settings of the environment, but for those given on the command line; the same rules read both.

    An error names what was typed: the option of the running command whose parameter is called like the setting.

    Raises
    ------
    SettingsError
    """
    from app.settings import Settings, SettingsError, parse

    context = click.get_current_context(silent=True)
    options = {each.name: each.opts[0] for each in context.command.params} if context else {}
    read = {}
    for each in fields(Settings):
        text = given.get(each.name)
        if text is None:
            continue
        shown = options.get(each.name, each.metadata["variable"])
        if not text.strip():
            raise SettingsError(f"{shown} is empty. Give it a value, or leave it out.")
        read[each.name] = parse(each, shown, text.strip())
    return replace(Settings.from_environment(), **read)


def keep_to_one_thread() -> None:
    """Tell numpy, before it is imported, to start no threads."""
    from app import settings

    settings.keep_to_one_thread()


def end_on_sigterm() -> None:
    """Let SIGTERM end a command as Ctrl-C does, so that drafts are removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def bar(total: float | None) -> Iterator[Callable[[float, str], None] | None]:
    """Give what moves a bar to where the work is and says what it does; nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    shape = "{percentage:3.0f} %|{bar}| {desc}, {remaining} left" if total else "{desc}, {elapsed}"
    with tqdm(total=total, desc="starting", bar_format=shape, dynamic_ncols=True) as bar:

        def move(done: float, saying: str) -> None:
            bar.set_description_str(saying, refresh=False)
            bar.update(done - bar.n)

        yield move


@contextmanager
def stages(*, each: bool = True) -> Iterator[Callable[[str, float], None]]:
    """Give what takes a stage of a long computation and the share that is done, and reports both.

    On a terminal that is a bar. Elsewhere it is a line for each stage (not so if `each` is False, for what mostly takes
    seconds), with the time since the start, and another one each `LINE_EVERY_S`.
    """
    with bar(1.0) as move:
        if move:
            yield lambda stage, share: move(share, stage)
            return
        lines = _Lines(each)
        try:
            yield lines.report
        finally:
            lines.end()


class _Lines:
    """The progress of a long computation as plain lines on standard error."""

    def __init__(self, each: bool) -> None:
        self._each, self._started, self._stage, self._share = each, monotonic(), "", 0.0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._repeating = threading.Thread(target=self._repeat, daemon=True)
        self._repeating.start()

    def report(self, stage: str, share: float) -> None:
        """Take what is done now; a new stage is a new line."""
        with self._lock:
            is_new, self._stage, self._share = stage != self._stage, stage, share
            if is_new and self._each:
                self._write()

    def end(self) -> None:
        """Write no more lines."""
        self._over.set()
        self._repeating.join()

    def _repeat(self) -> None:
        while not self._over.wait(LINE_EVERY_S):
            with self._lock:
                if self._stage:
                    self._write()

    def _write(self) -> None:
        minutes, seconds = divmod(int(monotonic() - self._started), 60)
        hours, minutes = divmod(minutes, 60)
        elapsed = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        percent = round(100 * self._share)
        done = f", {percent} % done" if percent else ""
        # Nobody may be reading; the computation goes on.
        with suppress(OSError, ValueError):
            click.echo(f"[{elapsed}] {self._stage[:1].upper()}{self._stage[1:]}{done}", err=True)
