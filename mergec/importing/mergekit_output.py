"""What a configuration of mergekit says of the files that it makes -> the output of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.importing.errors import NotCarriedOver
from mergec.ir.dtype import BY_RECIPE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.diagnostics import Report
    from mergec.importing.draft import Draft
    from mergec.importing.mergekit_config import Document, ModelReference

_DTYPE = "mergekit also computes in `dtype: {}`; mergec computes in float32 and rounds once, when it writes"


def recipe_dtype(written: str | None, document: Document, report: Report) -> str | None:
    """The dtype as recipes call it; None, with a warning (MC0842), where it is no dtype of floats."""
    if written is None:
        return None
    name = written.removeprefix("torch.")
    dtype = BY_RECIPE_NAME.get(name)
    if dtype is None or not dtype.is_float:
        reason = "it is no dtype of weights"
        report.add(NotCarriedOver(span=document.dtype_span, what=f"`dtype: {written}`", reason=reason))
        return None
    return name


def describe_output(
    document: Document,
    model: str,
    resolved: Callable[[ModelReference], str],
    draft: Draft,
    path: str,
    report: Report,
) -> None:
    """Fill in the output of the draft."""
    dtype = recipe_dtype(document.out_dtype or document.dtype, document, report)
    draft.output.update(model=model, path=path)
    remarks: list[str] = []
    if dtype is not None:
        draft.output["dtype"] = dtype
    computed_in = recipe_dtype(document.dtype, document, report)
    if computed_in not in {None, "float32"}:
        remarks.append(_DTYPE.format(computed_in))
    givers = _givers(document, resolved, draft, report)
    if givers:
        draft.output["copy_files_from"] = givers[0] if len(givers) == 1 else givers
    if len(givers) > 1:
        remarks.append(
            f"config.json too comes from `{givers[0]}`, as mergec copies folders and not parts of them"
        )
    draft.output_remarks = tuple(remarks)


def _givers(
    document: Document, resolved: Callable[[ModelReference], str], draft: Draft, report: Report
) -> list[str]:
    """The sources whose files the output gets, the tokenizer's first."""
    first = document.modules[0].slices[0].parts[0].model
    main = _source_of(resolved(document.base or first), draft)
    tokenizer = document.tokenizer
    if tokenizer is None or (tokenizer.word == "base"):
        return [main]
    if tokenizer.model is None:
        reason = f"the tokenizer of `{main}` is copied, and vocabularies are not joined"
        report.add(
            NotCarriedOver(span=tokenizer.span, what="a tokenizer of all models together", reason=reason)
        )
        return [main]
    giver = _source_of(resolved(tokenizer.model), draft)
    reason = "only its files are copied; rows of embeddings stay where they are"
    report.add(NotCarriedOver(span=tokenizer.span, what=f"the vocabulary of `{giver}`", reason=reason))
    return [giver] if giver == main else [giver, main]


def _source_of(model: str, draft: Draft) -> str:
    """The source that a model is made of, as far as its files are concerned: its first one."""
    while model in draft.models:
        keys = draft.models[model].value
        assert isinstance(keys, dict)
        first = (keys.get(key) for key in ("base", "into", "from", "model", "inputs", "slices"))
        below = next(one for one in first if one)
        if isinstance(below, list | dict):
            below = next(iter(below))
        model = str(below["model"] if isinstance(below, dict) else below)
    return model
