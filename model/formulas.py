"""Which text a spreadsheet takes for a formula, and the apostrophe that keeps it text. Standard library only.

The page has the same rule in app/web/static/page/list/formulas.js; one table of tests runs both.

References
----------
OWASP, CSV Injection: cells may not begin with = + - @, a tab, CR or LF; nor may what follows a separator of fields, or
a quote, in the middle of a cell: a program that splits at another separator than ours begins a new cell there.
"""

import re
from typing import Final

from model.validate import NUMBER

SEPARATORS: Final = ",;|\t\r\n"
"""Where a program may begin a new cell: Excel splits at the separator of its country, quoted or not in our file."""

STARTS: Final = "=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212-"
"""What a formula begins with. Excel in Japanese reads full-width forms as the plain ones; LibreOffice U+2212 as -."""

UNSEEN: Final = (
    "\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680"
    "\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Controls, spaces and characters without width, as ranges: programs drop them, or read the formula behind them."""

_NUMBER: Final = rf" *{NUMBER.pattern} *"
_BEGINNINGS: Final = rf"^(?!{_NUMBER}\Z)|[{SEPARATORS}](?!{_NUMBER}(?![^{SEPARATORS}]))"
_FORMULA: Final = re.compile(rf'({_BEGINNINGS})(?=["{UNSEEN}]*[{STARTS}])')
_BREAKS: Final = frozenset(SEPARATORS)
_BREAK_FIRST: Final = re.compile(rf'["{UNSEEN}]*[\t\r\n]')


def escape_formulas(text: str) -> str:
    """Return a cell of which no spreadsheet takes any part for a formula; a plain number such as -5 stays."""
    # Most ids end here; the patterns take ten times as long.
    if not text or (text[:1].isalnum() and text[:1].isascii() and _BREAKS.isdisjoint(text)):
        return text
    safe = _FORMULA.sub(r"\1'", text)
    return "'" + safe if _BREAK_FIRST.match(safe) else safe
