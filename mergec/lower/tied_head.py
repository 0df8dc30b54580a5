"""Output heads that share the embeddings' weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.graph import OutputTensor, Remark
from mergec.steps.errors import TiedApart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.diagnostics import Report

# What transformers calls the output heads that it ties to the input embeddings.
_HEADS = (
    "lm_head.weight",
    "embed_out.weight",
    "proj_out.weight",
    "cls.predictions.decoder.weight",
)
_EMBEDDINGS = (
    "embed_tokens.weight",
    "wte.weight",
    "word_embeddings.weight",
    "shared.weight",
    "embed_in.weight",
)


def without_tied_head(
    outputs: Sequence[OutputTensor], config: Mapping[str, object], report: Report
) -> tuple[list[OutputTensor], tuple[Remark, ...]]:
    """The outputs without a head that is the embeddings, where the config says that it is.

    A tensor that two names share is otherwise written under both: a plain loader expects each name.
    Reports MC0313 when the config ties two tensors that the recipe computes apart.
    """
    heads = [o for o in outputs if o.name.endswith(_HEADS)]
    embeddings = [o for o in outputs if o.name.endswith(_EMBEDDINGS)]
    if config.get("tie_word_embeddings") is not True or not heads or not embeddings:
        return list(outputs), ()
    # Other tensors may have such names too (`attn.proj_out.weight`): the pair that is one tensor counts.
    pairs = ((head, one) for head in heads for one in embeddings)
    head, tied = next((pair for pair in pairs if pair[0].node == pair[1].node), (None, embeddings[0]))
    if head is None:
        report.add(TiedApart(head=heads[0].name, embeddings=tied.name))
        return list(outputs), ()
    remark = Remark("output", f"tied to {tied.name}, not written", (head.name,))
    return [output for output in outputs if output is not head], (remark,)
