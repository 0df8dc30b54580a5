"""A line of block weights, and elemental lines after it -> the models of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mergec.diagnostics import SourceText, Span
from mergec.importing.block_modes import LORA, Mixing, mixed, normal_name
from mergec.importing.block_weights import bad, map_for, read_weights
from mergec.importing.config_values import each
from mergec.importing.elemental import read_elemental
from mergec.importing.tensor_values import EVERYTHING
from mergec.recipe.block_maps import BLOCK_MAPS

if TYPE_CHECKING:
    from mergec.diagnostics import Report
    from mergec.importing.block_weights import BlockWeights
    from mergec.importing.draft import Draft

_ADAPTER_LISTS = (12, 17)
_ORDER = "elemental lines: here the first pattern that matches wins, so the last line stands first"


@dataclass(frozen=True, slots=True)
class BlockMerge:
    """What goes with the weights, as the command line says it. The models are paths, or names in a draft."""

    base: str
    other: str
    third: str | None = None
    mode: str | None = None
    alpha: float | None = None
    beta: str | None = None
    block_map: str | None = None


def import_blocks(source: SourceText, merge: BlockMerge, draft: Draft, report: Report) -> str:
    """The name of the merged model. The models of `merge` are in the draft.

    Raises:
        MergecError: MC0841, MC0844.
    """
    lines = [
        (line, Span(source, number, 1, len(line) + 1))
        for number, line in enumerate(source.text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    return _Blocks(lines, Span(source, 1, 1, 2), merge, draft, report).made()


class _Blocks:
    """Reads the lines and makes models of them."""

    def __init__(
        self,
        lines: list[tuple[str, Span]],
        span: Span,
        merge: BlockMerge,
        draft: Draft,
        report: Report,
    ) -> None:
        self._lines = [one for one in lines if ":" not in one[0]]
        self._elemental = [one for one in lines if ":" in one[0]]
        self._span = lines[0][1] if lines else span
        self._merge = merge
        self._draft = draft
        self._report = report

    def made(self) -> str:
        weights = self._weights()
        is_adapter = self._is_adapter(weights)
        mode = self._merge.mode or (LORA if is_adapter else "weight_sum")
        block_map = self._map(weights, is_adapter=is_adapter)
        alpha, beta = self._schedule(weights, block_map), self._beta(block_map)
        ratios = self._ratios(block_map)
        if not ratios:
            return mixed(mode, self._mixing(alpha, beta), self._draft, "merged")
        by_block = mixed(mode, self._mixing(alpha, beta), self._draft, "by_block")
        by_element = mixed(mode, self._mixing(_with_rest(ratios), beta), self._draft, "by_element")
        keys = {"op": "graft", "into": by_block, "from": by_element, "take": list(ratios)}
        return self._draft.model("merged", keys, _ORDER)

    def _ratios(self, block_map: str | None) -> dict[str, object]:
        """The ratios of elemental lines by pattern. Here the first match wins, and there the last line."""
        blocks = BLOCK_MAPS[(block_map or "sd1").removeprefix("lbw-")]
        read = partial(read_elemental, block_map=blocks, report=self._report)
        found = each(reversed(self._elemental), lambda line: read(*line), self._report)
        self._report.stop_on_error()
        ratios: dict[str, object] = {}
        for one in filter(None, found):
            if EVERYTHING not in ratios:
                ratios = {**ratios, **{key: one.ratio for key in one.patterns if key not in ratios}}
        return ratios

    def _weights(self) -> BlockWeights | None:
        """The weights of the first line; None where there are elemental lines alone."""
        if len(self._lines) > 1:
            help_ = "`--beta` takes the second weights of modes with two"
            raise bad(self._lines[1][1], "a second line of weights", help_)
        if not self._lines:
            if self._merge.alpha is None or not self._elemental:
                raise bad(self._span, "there are none", "one number for all blocks will do")
            return None
        weights = read_weights(*self._lines[0])
        alpha = self._merge.alpha
        is_short = any(len(one.blocks) == len(weights.values) + 1 for one in BLOCK_MAPS.values())
        if alpha is None:
            return weights
        if not is_short:
            raise bad(weights.span, "they leave nothing to `--alpha`", "leave out `--alpha`")
        return weights.with_base(alpha)

    def _is_adapter(self, weights: BlockWeights | None) -> bool:
        if self._merge.mode is not None:
            return normal_name(self._merge.mode) == LORA
        return weights is not None and len(weights.values) in _ADAPTER_LISTS

    def _map(self, weights: BlockWeights | None, *, is_adapter: bool) -> str | None:
        """The block map; None where no blocks are told apart."""
        chosen = self._merge.block_map
        if chosen is not None:
            return f"lbw-{chosen}" if is_adapter else chosen
        if weights is None or weights.is_single:
            return None
        return map_for(weights, is_adapter=is_adapter)

    def _schedule(self, weights: BlockWeights | None, block_map: str | None) -> object:
        if weights is None:
            return self._merge.alpha
        if weights.is_single:
            return weights.values[0]
        name = block_map or map_for(weights, is_adapter=False)
        if BLOCK_MAPS[name].listed(len(weights.values)) is None:
            raise bad(weights.span, f"`{name}` has no list of {len(weights.values)} blocks")
        # What is in no block, such as noise tables, stays as it is in the base.
        return {"blocks": name, "values": list(weights.values), "default": 0}

    def _beta(self, block_map: str | None) -> object | None:
        if self._merge.beta is None:
            return None
        source = SourceText("--beta", self._merge.beta)
        weights = read_weights(self._merge.beta, Span(source, 1, 1, len(self._merge.beta) + 1))
        return self._schedule(weights, block_map)

    def _mixing(self, alpha: object, beta: object | None) -> Mixing:
        merge = self._merge
        return Mixing(merge.base, merge.other, merge.third, alpha, beta, self._span)


def _with_rest(ratios: dict[str, object]) -> dict[str, object]:
    """A schedule that has a value for all tensors."""
    return ratios if EVERYTHING in ratios else {**ratios, EVERYTHING: 0}
