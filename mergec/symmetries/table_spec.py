"""The keys of a symmetry table as a pydantic model."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mergec.recipe.recipe_model import Strict


class GroupsSpec(Strict):
    """An item of `equal` or `frozen`."""

    groups: list[str] = Field(min_length=1, description="names of groups")
    for_each: str | None = Field(None, alias="for", description="for each match of this pattern")
    unless: str | None = Field(None, description="but not where a tensor matches one of these patterns")
    when: str = Field("true", description="and only where this key of config.json, or arithmetic, is not 0")


class TiedSpec(Strict):
    """An item of `tied`."""

    names: list[str] = Field(min_length=2, max_length=2, description="a tensor and one tied to it")
    when: str = Field("tie_word_embeddings or false", description="a key of config.json that ties them")


class TableSpec(Strict):
    """A symmetry table."""

    summary: str = Field("", description="what the table is for, in a line")
    caution: str = Field("", description="what to know before models are averaged")
    extends: str | None = Field(None, description="a table of mergec's own whose entries come after these")
    shared: list[str] = Field(default_factory=list, description="groups that all layers have in common")
    sizes: dict[str, int | str] = Field(
        default_factory=dict, description="sizes of groups: numbers, keys of config.json, arithmetic"
    )
    tensors: dict[str, Any] = Field(
        default_factory=dict, description="pattern: axes, or pattern of layers: mapping of these"
    )
    chain: str | list[str] | None = Field(None, description="pattern of modules that follow one another")
    fixed: list[str] = Field(default_factory=list, description="patterns of tensors that stay as they are")
    equal: list[GroupsSpec] = Field(default_factory=list, description="groups that are one")
    frozen: list[GroupsSpec] = Field(default_factory=list, description="groups that stay as they are")
    tied: list[list[str] | TiedSpec] = Field(
        default_factory=list, description="pairs of names that may be one tensor"
    )
    last: dict[str, str] = Field(
        default_factory=dict, description="a name for the largest index that a pattern captures"
    )
