"""What all commands share: errors as sentences with exit codes, settings with options before them, progress."""

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

EXIT_FAILED: Final = 1
"""The machine refuses: no permission, a full disk, no network; also after an interrupt."""

EXIT_INVALID: Final = 2
"""The user must change something: a file that cannot be read, a wrong option or model."""

EXIT_ABOVE_LIMIT: Final = 3
"""The answer exceeds what the caller allows, for use in CI."""

LINE_INTERVAL_S: float = 60
"""How often a long computation reports if standard error is no terminal: CI services end silent jobs."""

Move = Callable[[float, str], None]
"""Moves a progress bar to a position and shows a text."""


class RenamedOption(click.Option):
    """An option with its name first and its former names after it. Those still work, with a note, but are not shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the line of the help."""
        shown = copy.copy(self)
        shown.opts = self.opts[:1]
        return click.Option.get_help_record(shown, ctx)


class OutputFolder(click.Path):
    """A folder to write to. An empty name, from a variable that is not set, would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if value == "":
            self.fail("is empty, where a folder is to be named.", param, ctx)
        return super().convert(value, param, ctx)


class FiniteRange(click.FloatRange):
    """A number in a range. Click accepts nan in every range; this does not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


class CommandGroup(click.Group):
    """Commands whose expected errors are one sentence on standard error, not a traceback."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command to run; a note is printed for each option with a former name."""
        name, command, rest = super().resolve_command(ctx, args)
        for option in command.params if command else []:
            for former in option.opts[1:] if isinstance(option, RenamedOption) else []:
                if any(arg.partition("=")[0] == former for arg in rest):
                    click.echo(f"Note: {former} is now {option.opts[0]}; the old name will be removed.", err=True)
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ChurnError as error:
            click.echo(str(error), err=True)
            ctx.exit(EXIT_INVALID)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly if nobody reads standard output
            name = f"{error.filename}: " if error.filename else ""
            click.echo(f"{name}{error.strerror or error}.", err=True)
            ctx.exit(EXIT_FAILED)


def read_settings(**options: str | None) -> "Settings":
    """Return the settings of the environment, replaced by the options that were given; the same rules check both.

    An error names what the user typed: the option of the running command with the same name as the setting.
    """
    from app.settings import Settings, SettingsError, parse

    flags = option_names()
    values = {}
    for setting in fields(Settings):
        text = options.get(setting.name)
        if text is None:
            continue
        shown = flags.get(setting.name, setting.metadata["variable"])
        if not text.strip():
            raise SettingsError(f"{shown} is empty. Give it a value, or leave it out.")
        values[setting.name] = parse(setting, shown, text.strip())
    return replace(Settings.from_environment(), **values)


def option_names() -> dict[str | None, str]:
    """Return the option of the running command for each of its parameters: {"model_version": "--version"}."""
    context = click.get_current_context(silent=True)
    return {parameter.name: parameter.opts[0] for parameter in context.command.params} if context else {}


def limit_to_one_thread() -> None:
    """Make numpy start no threads. Call this before it is imported."""
    from app import settings

    settings.keep_to_one_thread()


def interrupt_on_sigterm() -> None:
    """Make SIGTERM end a command as Ctrl-C does, so that unfinished results are removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def progress_bar(total: float | None) -> Iterator[Move]:
    """Show a progress bar if standard error is a terminal. Without a `total` it shows the elapsed time."""
    if not sys.stderr.isatty():
        yield lambda _done, _text: None
        return
    from tqdm import tqdm

    layout = "{percentage:3.0f} %|{bar}| {desc}, {remaining} left" if total else "{desc}, {elapsed}"
    with tqdm(total=total, desc="starting", bar_format=layout, dynamic_ncols=True) as bar:

        def move(done: float, text: str) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(done - bar.n)

        yield move


@contextmanager
def report_stages(*, each_stage: bool = True) -> Iterator[Callable[[str, float], None]]:
    """Give a function that shows the stage of a long computation and the share that is done.

    On a terminal it moves a bar. Elsewhere it writes a line for each stage with the time since the start, and repeats
    it every `LINE_INTERVAL_S`. With `each_stage` False it writes only those repeated lines.
    """
    if sys.stderr.isatty():
        with progress_bar(1.0) as move:
            yield lambda stage, share: move(share, stage)
        return
    lines = _StageLines(each_stage)
    try:
        yield lines.report
    finally:
        lines.end()


class _StageLines:
    """The progress of a long computation as plain lines on standard error."""

    def __init__(self, each_stage: bool) -> None:
        self._each_stage, self._started, self._stage, self._share = each_stage, monotonic(), "", 0.0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self._thread.start()

    def report(self, stage: str, share: float) -> None:
        with self._lock:
            is_new, self._stage, self._share = stage != self._stage, stage, share
            if is_new and self._each_stage:
                self._write()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _repeat(self) -> None:
        while not self._ended.wait(LINE_INTERVAL_S):
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
