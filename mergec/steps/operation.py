"""What every operation of the language is to the compiler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mergec.diagnostics import Report, Span
    from mergec.ir.graph import DegreeDemand, FrameClaim, Graph, JointDemand, NodeId, Remark
    from mergec.ir.matching import AlignedModel, MatchUse
    from mergec.ir.model_table import ModelTable
    from mergec.recipe.place import TreePlace
    from mergec.recipe.recipe_model import Strict


@dataclass(slots=True)
class Call:
    """One use of an operation: what it may read, and what it may add to.

    `models` holds the inputs that the operation named, lowered already. `place` is the operation's
    mapping in the recipe. `packed` are the nodes that read parts of quantised weights as they are stored.
    `folder` is the recipe's: paths are relative to it. `told` says of nodes what they are, for people.
    """

    name: str
    place: TreePlace
    models: Mapping[str, ModelTable]
    graph: Graph
    report: Report
    remarks: list[Remark] = field(default_factory=list)
    demands: list[DegreeDemand] = field(default_factory=list)
    joints: list[JointDemand] = field(default_factory=list)
    packed: Collection[NodeId] = ()
    frames: list[FrameClaim] = field(default_factory=list)
    matches: dict[NodeId, tuple[MatchUse, ...]] = field(default_factory=dict)
    folder: Path = Path()
    aligned: list[AlignedModel] = field(default_factory=list)
    told: dict[NodeId, str] = field(default_factory=dict)
    _span: Span | None = field(default=None, init=False, repr=False)

    @property
    def span(self) -> Span:
        """Where the operation is written: its `op:` line, or the arithmetic."""
        if self._span is None:  # it is asked for with every tensor
            self._span = self.place.child("op").span()
        return self._span


@dataclass(frozen=True, slots=True)
class ModelUse:
    """An input of an operation: a model's name and where it is written."""

    name: str
    span: Span


class Operation(ABC):
    """An operation: its keys as a pydantic model, its inputs, and the nodes it stands for.

    The class docstring is what `mergec explain NAME` prints.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    keys: ClassVar[type[Strict]]

    @abstractmethod
    def inputs(self, keys: Any, place: TreePlace) -> Iterator[ModelUse]:  # noqa: ANN401  # each its own model
        """The models that a use of the operation reads, in order."""

    def check_keys(self, keys: Any, place: TreePlace, report: Report) -> None:  # noqa: ANN401, B027
        """Report what is wrong with keys that are valid each by itself, before any source is opened."""

    @abstractmethod
    def lower(self, keys: Any, call: Call) -> ModelTable:  # noqa: ANN401  # each its own model
        """The resulting model. Mistakes are added to `call.report`; the result then is a best guess."""


def named(place: TreePlace, key: str, name: str) -> ModelUse:
    """The use of a model that the text under `key` names."""
    return ModelUse(name, place.child(key).span())
