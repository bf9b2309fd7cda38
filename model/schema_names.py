"""The names, words and texts of a schema, and the names that are taken by results. Standard library only."""

import re
from typing import Final

from model.outputs import COLUMNS, IDENTITY
from model.schema import OTHER, Word, fold
from model.strict_json import Member
from model.text import clean_id, has_invisible

MAX_TEXT: Final = 500
"""Characters of a name, a word or a sentence."""

MAX_NUMBER: Final = 1e15
"""Whole numbers are exact up to 9e15 as floats."""

_RESULTS: Final = tuple(column.name for column in COLUMNS if column != IDENTITY)
_REASON: Final = re.compile(r"reason_[0-9]+")
_MEMBERS: Final = (
    *("errors", "record", "kind"),
    *("log_odds", "baseline", "actions", "notes", "alternatives", "model_version", "threshold", "tiers", "caution"),
    *("reasons_method", "code", "message", "field", "value", "rule", "change", "customers"),
)
"""Members of results, so that no id can be named like one."""

_WRAPPERS: Final = ("customers", "customer", "changes")
_MEANINGS: Final = {OTHER: "any word that is not listed", "(missing)": "a blank"}

_LINE_BREAKS: Final = re.compile("[\t-\r\u2028\u2029\ud800-\udfff]")
"""And tabs, and halves of surrogate pairs, which no file in UTF-8 can hold."""

_SEEN: Final = "without line breaks, tabs and invisible characters, such as those that join emoji"


def is_result(name: str) -> bool:
    """Return whether a table of results has a column of this name: a feature's would be a second one."""
    return fold(name) in _RESULTS or bool(_REASON.fullmatch(fold(name)))


def is_reserved(name: str) -> bool:
    """Return whether the results have a column or member of this name, so that no id can be named like it."""
    return is_result(name) or fold(name) in _MEMBERS


def why_not_feature(name: str) -> str:
    """Return why a column of this name can be no feature, or ""."""
    if fold(name) in _WRAPPERS:
        return "a JSON body has a member of this name around customers; rename the column"
    if is_result(name):
        return "the results have a column of this name; rename the column"
    return ""


def is_plain(text: str) -> bool:
    """Return whether a name or word can be in a schema: not blank, not too long, and all of it is seen."""
    return 0 < len(text) <= MAX_TEXT and clean_id(text) == text and not _LINE_BREAKS.search(text)


def is_word(text: str) -> bool:
    """Return whether text can be a word of a schema."""
    return is_plain(text) and fold(text) not in _MEANINGS


def read_name(member: Member) -> str:
    """Return the name of a column."""
    text = member.text()
    if not is_plain(text):
        member.refuse(f"the name of a column, {_rule_of(text)}")
    return text


def read_feature_name(member: Member) -> str:
    """Return the name, or another name, of the column of a feature."""
    name = read_name(member)
    reason = why_not_feature(name)
    if reason:
        member.refuse(f"another name: {reason}")
    return name


def read_word(member: Member) -> Word:
    """Return a word of a column."""
    text = member.value
    if type(text) is int:
        if abs(text) >= MAX_NUMBER:
            member.refuse(f"a word: text, or a whole number nearer to 0 than {MAX_NUMBER:,.0f}")
        return text
    if not isinstance(text, str) or not text.strip():
        member.refuse("a word: text that is not blank, or a whole number")
    if not is_plain(text):
        member.refuse(f"a word {_rule_of(text)}")
    meaning = _MEANINGS.get(fold(text))
    if meaning:
        member.refuse(f"another word than {fold(text)}, which means {meaning}")
    return text


def read_text(member: Member, longest: int = MAX_TEXT) -> str:
    """Return text for people."""
    text = member.text()
    if not text.strip() or len(text) > longest or not text.isprintable():
        member.refuse(f"text of 1 to {longest} printable characters")
    return text


def _rule_of(text: str) -> str:
    """Return the rule that a name or word breaks."""
    if not 0 < len(text) <= MAX_TEXT:
        return f"of 1 to {MAX_TEXT} characters"
    if has_invisible(text) or _LINE_BREAKS.search(text.strip()):
        return _SEEN
    return "without spaces around it"
