"""What config.json must say when a component has moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.components.config_keys import configured, value_at
from mergec.components.layout import table
from mergec.ir.config_edit import ConfigValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.components.detect import Grouping
    from mergec.components.layout import Layout


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """A model's config.json and its layout, from the view of one component.

    `is_alone`: the model is nothing but this component, and perhaps its head.
    """

    layout: Layout
    config: Mapping[str, object]
    has_component: bool
    is_alone: bool

    @classmethod
    def of(cls, grouping: Grouping, config: Mapping[str, object], component: str) -> DescribedModel:
        """The description of a model whose layout is known."""
        assert grouping.layout is not None
        is_alone = grouping.components.keys() <= {component, "head"}
        return cls(grouping.layout, config, component in grouping.components, is_alone)

    @property
    def settings(self) -> Mapping[str, object]:
        """The part of the config in which the family describes its components."""
        found = value_at(self.config, self.layout.config)
        return found if isinstance(found, dict) else {}


def config_changes(
    component: str, donor: DescribedModel, into: DescribedModel, width: int | None
) -> list[ConfigValue]:
    """The changes to the config of `into` when a component of the donor is put into it.

    `width` is that of the vectors a moved tower gives out, which some configs repeat. A config that is
    empty asks for no changes and has nothing to give, and a setting that only other families know is not
    given to it.
    """
    told = configured()[component]
    changes: list[ConfigValue] = []
    if into.config and donor.config:
        changes += _own_config(component, donor, into)
        is_same = donor.layout.name == into.layout.name
        keys = [key for key in told.keys if key in donor.settings and (is_same or key in into.settings)]
        changes += [_value(into, key, donor.settings[key]) for key in keys]
    moved = {change.path[-1] for change in changes}
    for key in told.width_keys:
        if width is not None and key in into.settings and key not in moved:
            changes.append(_value(into, key, width))
    return changes


def is_left_as_it_was(component: str, changes: list[ConfigValue], into: DescribedModel) -> bool:
    """Whether the config of `into` says what the component is, and the changes leave that as it was.

    Of connectors and heads it says details only, which mostly are the same.
    """
    told = configured()[component]
    if not told.parts:
        return False
    changed = {change.path[-1] for change in changes} - set(told.width_keys)
    described = [key for key in told.parts if key in into.settings]
    described = described or [key for key in told.keys if key in into.settings]
    return bool(described) and changed.isdisjoint(described)


def _own_config(component: str, donor: DescribedModel, into: DescribedModel) -> Iterator[ConfigValue]:
    """The config of its own that the component has, in the place where `into` keeps such a config."""
    parts = configured()[component].parts
    if not parts:
        return
    found = (donor.settings.get(part) for part in parts)
    given: Mapping[str, object] | None = next((one for one in found if isinstance(one, dict)), None)
    kept_in = next((part for part in parts if part in into.settings), None)
    is_whole = component == "language_model" and kept_in is None
    if is_whole:
        # The settings of the language model stand among all others, and change one by one.
        own = given if given is not None else donor.settings
        yield from (_value(into, key, own[key]) for key in own if key in into.settings and _is_free(key))
        return
    if given is None and donor.is_alone:
        left = table()["whole_config"]["leave"]
        given = {key: value for key, value in donor.config.items() if key not in left}
    if given is None:
        return
    if kept_in is not None:
        yield _value(into, kept_in, given)
    elif not into.has_component and into.layout.form != "original":
        yield _value(into, parts[0], given)


def _is_free(key: str) -> bool:
    """Whether a setting among all others may belong to the language model."""
    others = [told for component, told in configured().items() if component != "language_model"]
    taken = {*table()["whole_config"]["leave"], *table()["vocabulary"]["token_ids"], "model_type"}
    taken.update(*(told.parts for told in others), *(told.keys for told in others))
    return key not in taken


def _value(into: DescribedModel, key: str, value: object) -> ConfigValue:
    return ConfigValue((*into.layout.config, key), value)
