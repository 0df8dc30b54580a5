"""The keys of `op: align`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from mergec.recipe.recipe_model import PathText, Strict

_Index = Annotated[int, Field(ge=0)]
_Size = Annotated[int, Field(ge=1)]
_Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LeftOut(Strict):
    """Indices of one axis that do not count."""

    axis: int = Field(default=0, ge=0, description="The axis; no permutation may act on it")
    at: list[_Index | str] = Field(min_length=1, description='Indices, or ranges of them such as "100:200"')


class AlignKeys(Strict):
    """The keys of `op: align`."""

    model: str = Field(description="The model to permute")
    to: str = Field(description="The model whose units keep their order: the anchor")
    symmetry: str | dict[str, Any] = Field(
        description="Which units may be exchanged: the name of a built-in table, a path to one, or a table"
    )
    sizes: dict[str, _Size] = Field(
        default_factory=dict, description="Sizes of groups that config.json does not tell, such as {h: 12}"
    )
    freeze: list[str] = Field(default_factory=list, description="Groups that keep their order, such as [res]")
    weights: dict[str, _Weight] = Field(
        default_factory=dict,
        description="How much tensors count in matching, by pattern; 1 where none matches, 0 to leave out",
    )
    leave_out: dict[str, LeftOut] = Field(
        default_factory=dict,
        description="Indices that do not count in matching, by pattern: tokens never seen, dead pixels",
    )
    using: str | None = Field(
        default=None,
        description="The model that is matched, if not `model`: for a task vector the base that it starts at",
    )
    together: list[str] | None = Field(
        default=None,
        min_length=1,
        description="All models that are aligned to `to` at once, `model` (or `using`) among them",
    )
    refine: bool = Field(
        default=False,
        description="After matching to the anchor, match each model to the mean of all others (MergeMany)",
    )
    seed: int = Field(default=0, ge=0, lt=2**64, description="Chooses the order in which groups are solved")
    max_sweeps: int = Field(
        default=100, ge=0, lt=2**31, description="How often all groups are solved at most"
    )
    permutations: PathText | None = Field(
        default=None, description="A file of permutations to apply, instead of looking for some"
    )
    save_permutations: PathText | None = Field(
        default=None, description="Where the build writes the permutations that it has found"
    )
