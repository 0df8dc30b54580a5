"""Folds into tensors that the base ties: the input embeddings as the output head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.errors import TiedFold
from mergec.ir.config_edit import ConfigValue
from mergec.ir.tied_names import EMBEDDINGS, HEADS, TIED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from mergec.diagnostics import Span
    from mergec.ir.expression import Tensor
    from mergec.ir.model_table import Entry


def missing_heads(
    looked_for: Iterable[str], base: Mapping[str, Tensor], config: Mapping[str, object]
) -> dict[str, str]:
    """The heads among the missing targets, each with the embeddings that serve as it.

    Files of tied models hold the embeddings alone. transformers ties where config.json says nothing.
    """
    embeddings = [name for name in base if name.endswith(EMBEDDINGS)]
    if config.get(TIED) is False or len(embeddings) != 1:
        return {}
    return {name: embeddings[0] for name in looked_for if name.endswith(HEADS)}


def untied(
    before: Mapping[str, Entry],
    after: Mapping[str, Entry],
    keeps_ties: Collection[str],
    config: Mapping[str, object],
    span: Span | None,
) -> tuple[list[TiedFold], list[ConfigValue]]:
    """What to tell of ties that folds have cut, and the changes that make config.json say so."""
    if config.get(TIED) is False:
        return [], []
    is_said = config.get(TIED) is True
    heads = [name for name in after if name.endswith(HEADS)]
    told: list[TiedFold] = []
    for embeddings in (name for name in before if name.endswith(EMBEDDINGS)):
        cut = [head for head in heads if _is_cut(head, embeddings, before, after)]
        if cut:
            told.append(_apart(cut[0], embeddings, span))
        has_moved = after[embeddings].node != before[embeddings].node
        if is_said and not heads and has_moved and embeddings not in keeps_ties:
            told.append(_both(embeddings, span))
    is_cut = any(one.help is None for one in told)
    return told, list(_untying(config)) if is_cut else []


def _untying(config: Mapping[str, object]) -> Iterator[ConfigValue]:
    yield ConfigValue((TIED,), value=False)
    for key, part in config.items():
        if isinstance(part, dict) and part.get(TIED) is True:
            yield ConfigValue((key, TIED), value=False)


def _is_cut(head: str, embeddings: str, before: Mapping[str, Entry], after: Mapping[str, Entry]) -> bool:
    was_tied = head not in before or before[head].node == before[embeddings].node
    return was_tied and after[head].node != after[embeddings].node


def _apart(head: str, embeddings: str, span: Span | None) -> TiedFold:
    what = "writes both, each with its own values"
    note = f"config.json of the output gets `{TIED}: false`, so that loaders read `{head}`"
    return TiedFold(span=span, tensor=head, other=embeddings, what=what, notes=(note,))


def _both(embeddings: str, span: Span | None) -> TiedFold:
    head = HEADS[0]
    advice = (
        f"to keep the head as it was, add it: `{{op: graft, into: MERGED, from: BASE, take: [{embeddings}], "
        f'rename: ["{embeddings} -> {head}"]}}`, and set `{TIED}` to false in config.json'
    )
    return TiedFold(span=span, tensor=embeddings, other=head, what="changes both uses", help=advice)
