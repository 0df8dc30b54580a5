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
    from mergec.ir.graph import Graph
    from mergec.ir.model_table import Entry

_HEADS_OF = {
    "wte.weight": "lm_head.weight",
    "shared.weight": "lm_head.weight",
    "transformer.word_embeddings.weight": "lm_head.weight",
    "embed_in.weight": "embed_out.weight",
}


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


def kept_heads(
    before: Mapping[str, Entry],
    after: Mapping[str, Entry],
    keeps_ties: Collection[str],
    config: Mapping[str, object],
    graph: Graph,
) -> dict[str, Entry]:
    """The heads that a file leaves out because config.json ties them, where a fold changed the embeddings.

    The adapter was trained with the head as it was: it gets the values that the embeddings had.
    Embeddings with other rows are left to their tie, as the head has to follow them.
    """
    if config.get(TIED) is not True or any(name.endswith(HEADS) for name in after):
        return {}
    kept: dict[str, Entry] = {}
    for name in (name for name in before if name.endswith(EMBEDDINGS) and name not in keeps_ties):
        old, new = before[name], after[name]
        head = _head_of(name, config)
        is_resized = graph.type(old.node).shape != graph.type(new.node).shape
        if head is not None and old.node != new.node and not is_resized:
            kept[head] = old
    return kept


def _head_of(embeddings: str, config: Mapping[str, object]) -> str | None:
    """What transformers calls the head of the model that has these embeddings."""
    if embeddings == "model.language_model.embed_tokens.weight":
        return "lm_head.weight"
    if embeddings.endswith("decoder.embed_tokens.weight"):
        return "proj_out.weight" if config.get("model_type") == "whisper" else None
    at, found, _ = embeddings.rpartition("model.embed_tokens.weight")
    if found and (not at or at.endswith(".")):
        return f"{at}lm_head.weight"
    return next((head for ending, head in _HEADS_OF.items() if embeddings.endswith(ending)), None)


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
