"""The figures that must agree where the components of a model meet, and where each was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergec.components.config_keys import configured, value_at
from mergec.components.inner_name import inner_name
from mergec.components.layout import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.components.detect import Grouping
    from mergec.ir.strided_view import Shape


@dataclass(frozen=True, slots=True)
class Figure:
    """A size and where it was read: the name of a tensor, or a path of keys in config.json."""

    value: int
    where: str
    is_tensor: bool = True


@dataclass(frozen=True, slots=True)
class Tower:
    """What an encoder gives out. `width` is the size of one of its vectors."""

    width: Figure | None
    patch_size: Figure | None
    positions: Figure | None


@dataclass(frozen=True, slots=True)
class Connector:
    """The two ends of what stands between a tower and the language model.

    `factor` vectors of the tower come in as one: `inlet = factor * width`. `is_assumed`: the family may do
    it otherwise, and config.json does not say. None where nobody can tell.
    """

    tower: str
    inlet: Figure
    outlet: Figure
    factor: int | None
    is_assumed: bool = False


@dataclass(frozen=True, slots=True)
class Joints:
    """All that is known of a model's joints; what is unknown is None, or absent.

    `towers` go by component. `token_ids` are the ids that stand for an image, a video or a sound.
    """

    towers: Mapping[str, Tower]
    connectors: tuple[Connector, ...]
    hidden_size: Figure | None
    embedding_rows: Figure | None
    head_rows: Figure | None
    token_ids: tuple[Figure, ...]


def joints_of(grouping: Grouping, shapes: Mapping[str, Shape], config: Mapping[str, object]) -> Joints:
    """The figures of a checkpoint that is grouped already, from its shapes first, else from config.json."""
    if grouping.layout is None:
        return Joints({}, (), None, None, None, ())
    reading = _Reading(grouping, shapes, _Config(config, grouping.layout.config))
    towers = {name: reading.tower(name) for name in ("vision_tower", "audio_tower")}
    towers = {name: tower for name, tower in towers.items() if tower != Tower(None, None, None)}
    embeddings = reading.embeddings()
    return Joints(
        towers=towers,
        connectors=tuple(reading.connectors()),
        hidden_size=reading.size(embeddings, 1) or reading.config.text_figure("hidden_size"),
        embedding_rows=reading.size(embeddings, 0) or reading.config.text_figure("vocab_size"),
        head_rows=reading.head_rows(),
        token_ids=tuple(reading.token_ids()),
    )


@dataclass(frozen=True, slots=True)
class _Config:
    """config.json, read below the path where the family keeps its settings."""

    values: Mapping[str, object]
    root: tuple[str, ...]

    def find(self, path: str) -> object:
        return value_at(self.values, (*self.root, *path.split(".")))

    def figure(self, path: str) -> Figure | None:
        value = self.find(path)
        if isinstance(value, int) and not isinstance(value, bool):
            return Figure(value, ".".join((*self.root, path)), is_tensor=False)
        return None

    def text_figure(self, key: str) -> Figure | None:
        """A figure of the language model: of its own config, else of the whole."""
        paths = [f"{part}.{key}" for part in configured()["language_model"].parts]
        return next((figure for path in (*paths, key) if (figure := self.figure(path))), None)


@dataclass(frozen=True, slots=True)
class _Reading:
    grouping: Grouping
    shapes: Mapping[str, Shape]
    config: _Config

    def tower(self, component: str) -> Tower:
        inner = self._inner(component)
        patch = width = positions = None
        for entry in table()["tower_width"]:
            name = inner.get(entry["name"])
            if name is None:
                continue
            width = width or self.size(name, 0)
            if entry.get("patch") and len(self.shapes[name]) > 3:
                patch = patch or self.size(name, -1)
        for entry in table()["tower_positions"]:
            positions = positions or self.size(inner.get(entry["name"]), entry["axis"])
        if not inner:
            keys = configured()[component].width_keys
            width = next((figure for key in keys if (figure := self.config.figure(key))), None)
        return Tower(width, patch, positions)

    def connectors(self) -> Iterator[Connector]:
        """At most one for each tower."""
        inner = self._inner("connector")
        has_sound_only = {"vision_tower", "audio_tower"} & self.grouping.components.keys() == {"audio_tower"}
        main = "audio_tower" if has_sound_only else "vision_tower"
        done: set[str] = set()
        for entry in table()["connector_end"]:
            tower = entry.get("tower", main)
            # Without a role in front a name is one of the main connector.
            if tower in done or (tower != main and ":" not in entry["inlet"]["name"]):
                continue
            inlet = self.size(inner.get(entry["inlet"]["name"]), entry["inlet"]["axis"])
            outlet = self.size(inner.get(entry["outlet"]["name"]), entry["outlet"]["axis"])
            if inlet is not None and outlet is not None:
                done.add(tower)
                yield Connector(tower, inlet, outlet, *self._factor(entry))

    def _factor(self, entry: Mapping[str, Any]) -> tuple[int | None, bool]:
        """How many vectors come in as one, and whether that is only assumed."""
        rules = entry.get("factor", ())
        values = (_by_rule(rule["rule"], self.config.find(rule["key"])) for rule in rules)
        told = next((value for value in values if value is not None), None)
        if told is not None:
            return told, False
        return entry.get("otherwise"), bool(rules)

    def embeddings(self) -> str | None:
        """The name of the language model's input embeddings."""
        component = self.grouping.components.get("language_model")
        names = component.names if component is not None else ()
        for ending in table()["vocabulary"]["embeddings"]:
            for name in names:
                if name == ending or name.endswith(f".{ending}"):
                    return name
        return None

    def head_rows(self) -> Figure | None:
        component = self.grouping.components.get("head")
        names = component.names if component is not None else ()
        matrices = [name for name in names if len(self.shapes[name]) == 2]
        return self.size(matrices[0], 0) if len(matrices) == 1 else None

    def token_ids(self) -> Iterator[Figure]:
        for key in table()["vocabulary"]["token_ids"]:
            figure = self.config.figure(key)
            if figure is not None:
                yield figure

    def size(self, name: str | None, axis: int) -> Figure | None:
        """The size of a tensor along an axis; None where there is no such tensor or axis."""
        if name is None or not -len(self.shapes[name]) <= axis < len(self.shapes[name]):
            return None
        return Figure(self.shapes[name][axis], name)

    def _inner(self, component: str) -> dict[str, str]:
        """The tensors of a component: name inside of it, in the shared spelling -> whole name."""
        found = self.grouping.components.get(component)
        names = found.names if found is not None else ()
        return {inner_name(self.grouping, name): name for name in names}


def _by_rule(rule: str, value: object) -> int | None:
    """How many vectors come in as one by a setting; None for a setting that makes no sense."""
    if isinstance(value, list):
        return {"count": len(value), "count and one": len(value) + 1}.get(rule) or None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-3 < abs(value) < 1e3:
        return None
    return {"square": round(value**2), "inverse square": round(value**-2), "count": 1}.get(rule) or None
