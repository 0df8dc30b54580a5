"""Output heads that share the embeddings' weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.graph import OutputTensor, Remark
from mergec.ir.tied_names import EMBEDDINGS, HEADS, TIED
from mergec.steps.errors import TiedApart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.diagnostics import Report


def without_tied_head(
    outputs: Sequence[OutputTensor], config: Mapping[str, object], report: Report
) -> tuple[list[OutputTensor], tuple[Remark, ...]]:
    """The outputs without a head that is the embeddings, where the config says that it is.

    A tensor that two names share is otherwise written under both: a plain loader expects each name.
    Reports MC0313 when the config ties two tensors that the recipe computes apart.
    """
    heads = [o for o in outputs if o.name.endswith(HEADS)]
    embeddings = [o for o in outputs if o.name.endswith(EMBEDDINGS)]
    if config.get(TIED) is not True or not heads or not embeddings:
        return list(outputs), ()
    # Other tensors may have such names too (`attn.proj_out.weight`): the pair that is one tensor counts.
    pairs = ((head, one) for head in heads for one in embeddings)
    head, tied = next((pair for pair in pairs if pair[0].node == pair[1].node), (None, embeddings[0]))
    if head is None:
        report.add(TiedApart(head=heads[0].name, embeddings=tied.name))
        return list(outputs), ()
    remark = Remark("output", f"tied to {tied.name}, not written", (head.name,))
    return [output for output in outputs if output is not head], (remark,)
