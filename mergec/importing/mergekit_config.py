"""What a configuration of mergekit says, read and with the places where it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Span

Constant = float | int | bool | str


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A model, as `path@revision+adapter@revision` or as a mapping."""

    path: str
    revision: str | None
    adapter: str | None
    adapter_revision: str | None
    span: Span

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What two references to one model share."""
        return self.path, self.revision, self.adapter, self.adapter_revision


@dataclass(frozen=True, slots=True)
class Choice:
    """A value for the tensors whose names contain `part`; for all where that is None.

    Several values are a gradient over the layers.
    """

    part: str | None
    values: tuple[Constant, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Setting:
    """What one place says of one parameter: of its choices the first that fits a tensor holds for it."""

    choices: tuple[Choice, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Part:
    """A model that takes part in a slice, with the layers that it gives; None for all of them."""

    model: ModelReference
    layers: tuple[int, int] | None
    settings: Mapping[str, Setting]
    span: Span


@dataclass(frozen=True, slots=True)
class Slice:
    """A run of layers of the result, merged of the parts."""

    parts: tuple[Part, ...]
    base: ModelReference | None
    settings: Mapping[str, Setting]
    span: Span


@dataclass(frozen=True, slots=True)
class Module:
    """A part of the result with its own list of layers. A model of one kind has one, without a name."""

    name: str | None
    slices: tuple[Slice, ...]
    settings: Mapping[str, Setting]
    span: Span


@dataclass(frozen=True, slots=True)
class Document:
    """One merge. The places of single words are kept beside them."""

    name: str | None
    method: str
    method_span: Span
    base: ModelReference | None
    modules: tuple[Module, ...]
    settings: Mapping[str, Setting]
    dtype: str | None
    out_dtype: str | None
    dtype_span: Span
    tokenizer: Tokenizer | None
    span: Span


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Whose tokenizer the result has: a model's, or one of the words `base` and `union`."""

    word: str | None
    model: ModelReference | None
    span: Span
