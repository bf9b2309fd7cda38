"""Scored blocks to NDJSON: one object a row, and a last line with the summary."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from model.bulk.block import Block
from model.bulk.csv_writer import codes_of, combine
from model.bulk.plausibility import notes_of
from model.bulk.reasons import Reasons
from model.explain import Contribution
from model.outputs import INPUT, NOTES, PREDICTION, PROBABILITY, REASONS, ROW, TIER, OutputOptions, computed_columns
from model.result import to_reason
from model.scorecard import Scorer


class NdJson:
    """Writes one JSON object for each row, in file order.

    Parameters
    ----------
    scorer : Scorer
    options : OutputOptions, optional
        As for predictions.csv; JSON needs no defence against spreadsheets.
    names : sequence of str
        The header of the input; needed to include its cells.
    """

    header = b""

    def __init__(self, scorer: Scorer, options: OutputOptions | None = None, names: Sequence[str] = ()) -> None:
        self._id_member = f",{_text(scorer.schema.id)}:" if scorer.schema.id else ""
        self._scorer = scorer
        self._threshold = scorer.threshold
        self._tiers = scorer.tiers
        self._options = options or OutputOptions()
        self._reasons = Reasons(scorer, self._options.reasons) if self._options.reasons else None
        self._names = list(names) if self._options.include_input else []

    def lines(self, block: Block) -> bytes:
        """Return the lines of one scored block."""
        verdicts, id_member = _verdicts(), self._id_member
        codes = codes_of(block.probability, self._threshold, self._tiers).tolist()
        lines = []
        for index, (identity, code, more) in enumerate(
            zip(block.ids.to_pylist(), codes, self._more(block), strict=True)
        ):
            name = f"{id_member}{_text(identity)}" if identity else ""
            if index in block.problems:
                errors = [problem.to_dict() for problem in block.located(index)]
                tail = f'"errors":{_compact(errors)}{self._input(block, index)}'
            else:
                tail = verdicts[code] + more + self._input(block, index)
            lines.append(f'{{"{ROW.name}":{block.first_row + index}{name},{tail}}}\n')
        return "".join(lines).encode("utf-8")

    def _more(self, block: Block) -> list[str]:
        more = [""] * block.rows
        for column in computed_columns(block.schema, self._options):
            numbers = column.compute(block.schema, block.columns, block).tolist()
            more = [
                f'{members},"{column.name}":{"null" if number != number else f"{number:.{column.decimals}f}"}'
                for members, number in zip(more, numbers, strict=True)
            ]
        if self._reasons:
            texts, contributions = self._reasons.of(block, _around_contribution)
            for rank, (around, points) in enumerate(zip(texts.T.tolist(), contributions.T.tolist(), strict=True)):
                opening = "," if rank else f',"{REASONS.name}":['
                more = [
                    f"{members}{opening}{before}{point!r}{after}"
                    for members, (before, after), point in zip(more, around, points, strict=True)
                ]
            more = [f"{members}]" for members in more]
        if self._options.notes:
            noted = notes_of(self._scorer, block)
            more = [f'{members},"{NOTES.name}":{_compact(noted.get(row, []))}' for row, members in enumerate(more)]
        return more

    def _input(self, block: Block, index: int) -> str:
        if not self._names:
            return ""
        cells = block.cells(index)
        if len(cells) != len(self._names):
            return ""
        return f',"{INPUT.name}":{_compact(dict(zip(self._names, cells, strict=True)))}'


def _around_contribution(part: Contribution) -> tuple[str, str]:
    """Return a reason as JSON, before and after its number of log-odds."""
    reason = to_reason(part)
    names = list(reason)
    split = names.index("contribution")
    before, after = ({name: reason[name] for name in half} for half in (names[:split], names[split + 1 :]))
    return f'{_compact(before)[:-1]},"contribution":', f",{_compact(after)[1:]}"


@cache
def _verdicts() -> list[str]:
    template = f'"{PREDICTION.name}":"{{label}}","{PROBABILITY.name}":{{probability}},"{TIER.name}":"{{tier}}"'
    texts: list[str] = combine(template).to_pylist()
    return texts


def last_line(summary: Mapping[str, Any]) -> bytes:
    """Return the line that ends a complete answer."""
    return _compact({"summary": summary}).encode("utf-8") + b"\n"


def error_line(members: Mapping[str, Any]) -> bytes:
    """Return the line that ends an answer whose file could not be read to its end."""
    return _compact({"error": members}).encode("utf-8") + b"\n"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_text = json.encoder.encode_basestring
