"""What commands share: errors as sentences with exit codes, settings with options before them, bars of progress."""

import copy
import errno
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import click

from model.errors import ChurnError

if TYPE_CHECKING:
    from settings import Settings

REFUSED: Final = 2
"""Exit code for what the user has to change: a file that cannot be read as a whole, a wrong option or model."""

FAILED: Final = 1
"""Exit code for what the machine refuses: no permission, a full disk; also for an interrupt."""


BEYOND: Final = 3
"""Exit code for an answer that is beyond what the caller allows: for use in CI."""


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
    from settings import Settings, SettingsError

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
        read[each.name] = each.metadata["read"](shown, text.strip())
    return replace(Settings.from_environment(), **read)


def keep_to_one_thread() -> None:
    """Tell numpy, before it is imported, to start no threads."""
    import settings

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
