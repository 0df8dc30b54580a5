"""The component table: in which places the families of models store their components."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COMPONENTS: Final = ("vision_tower", "audio_tower", "connector", "language_model", "head", "generator")
_TABLE = "table.toml"


@dataclass(frozen=True, slots=True)
class Place:
    """Where tensors of a component stand: below `root`, and there only below `part` if it is not empty.

    `role` tells apart the places of one component that do not hold the same thing.
    """

    component: str
    role: str
    root: str
    part: str = ""

    @property
    def prefix(self) -> str:
        """The whole segments that the names here begin with."""
        return ".".join(text for text in (self.root, self.part) if text)

    def holds(self, name: str) -> bool:
        """Whether the name begins with the prefix."""
        return begins(name, self.prefix)

    def inner(self, name: str) -> str:
        """A name that stands here, without the root; empty for a tensor that is the root itself."""
        return name if not self.root else name[len(self.root) + 1 :]

    def outer(self, inner: str) -> str:
        """The opposite of `inner`."""
        return ".".join(text for text in (self.root, inner) if text)


@dataclass(frozen=True, slots=True)
class Layout:
    """How one family of models stores its components. `form` is `file`, `memory` or `original`.

    `spelling` gives the shared names of the parts of the connector; empty where they are not known.
    `config` is the path in config.json below which the family's settings stand. With `any_tower` the
    config chooses the kind of vision tower; else the family has one of its own.
    """

    name: str
    form: str
    model_types: tuple[str, ...]
    places: tuple[Place, ...]
    needs: tuple[str, ...] = ()
    spelling: tuple[tuple[str, str], ...] = ()
    config: tuple[str, ...] = ()
    any_tower: bool = False

    def __str__(self) -> str:
        """The layout in a message."""
        return f"{self.name} ({_FORMS[self.form]})"

    def places_of(self, component: str) -> tuple[Place, ...]:
        """The places of one component, in the order in which it is written anew."""
        return tuple(place for place in self.places if place.component == component)

    def shared_name(self, place: Place, inner: str) -> str:
        """What all layouts call this part: the inner name in the shared spelling."""
        return inner if _has_no_spelling(place) else _respelt(inner, self.spelling)

    def own_name(self, place: Place, shared: str) -> str:
        """The opposite of `shared_name`."""
        return shared if _has_no_spelling(place) else _respelt(shared, [(b, a) for a, b in self.spelling])


_FORMS = {"file": "as in files", "memory": "as in memory", "original": "as its authors have it"}


def spoken(component: str) -> str:
    """A component in a message: `vision tower`."""
    return component.replace("_", " ")


def begins(name: str, prefix: str) -> bool:
    """Whether the name's first segments are the prefix."""
    return name == prefix or name.startswith(f"{prefix}.")


def _has_no_spelling(place: Place) -> bool:
    return place.component != "connector" or bool(place.role)


def _respelt(inner: str, spelling: Iterable[tuple[str, str]]) -> str:
    first, dot, rest = inner.partition(".")
    return next((new for old, new in spelling if old == first), first) + dot + rest


@cache
def table() -> Mapping[str, Any]:
    """The data file of this package."""
    text: Mapping[str, Any] = tomllib.loads(files("mergec.components").joinpath(_TABLE).read_text("utf-8"))
    return text


@cache
def layouts() -> tuple[Layout, ...]:
    """All layouts of the table, in its order."""
    return tuple(_layout(entry) for entry in table()["layout"])


def _layout(entry: Mapping[str, Any]) -> Layout:
    places = [_place(component, text) for component in COMPONENTS for text in entry.get(component, ())]
    return Layout(
        name=entry["name"],
        form=entry["form"],
        model_types=tuple(entry["model_types"]),
        places=tuple(places),
        needs=tuple(entry.get("needs", ())),
        spelling=tuple(entry.get("spelling", {}).items()),
        config=tuple(entry.get("config", ())),
        any_tower=entry.get("any_tower", False),
    )


def _place(component: str, text: str) -> Place:
    """Read `role=root/part`."""
    role, _, path = text.rpartition("=")
    root, slash, part = path.partition("/")
    return Place(component, role, root, part) if slash else Place(component, role, path)
