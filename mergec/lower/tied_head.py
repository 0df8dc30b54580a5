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
    head = next((o for o in outputs if o.name.endswith(_HEADS)), None)
    embeddings = next((o for o in outputs if o.name.endswith(_EMBEDDINGS)), None)
    if config.get("tie_word_embeddings") is not True or head is None or embeddings is None:
        return list(outputs), ()
    if head.node != embeddings.node:
        report.add(TiedApart(head=head.name, embeddings=embeddings.name))
        return list(outputs), ()
    remark = Remark("output", f"tied to {embeddings.name}, not written", (head.name,))
    return [output for output in outputs if output is not head], (remark,)
