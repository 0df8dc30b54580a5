"""A merge of mergekit -> the keys of the operation here, as far as that operation has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import did_you_mean, safe
from mergec.importing.config_values import wrong
from mergec.importing.errors import NoEffect
from mergec.importing.mergekit_methods import FLATTEN, RESCALE, ROW_WISE, WITHOUT_EFFECT, Base
from mergec.importing.tensor_values import option, schedule
from mergec.methods.parameter import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.diagnostics import Report, Span
    from mergec.importing.mergekit_config import Constant, Setting
    from mergec.importing.mergekit_methods import MergekitMethod
    from mergec.importing.tensor_values import Layers
    from mergec.methods.method import Method
    from mergec.methods.parameter import Parameter

    SettingsByName = Mapping[str, Setting]

COMPAT = "mergekit-0.1"


@dataclass(frozen=True, slots=True)
class Merge:
    """A use of a method. `levels` are the settings of slice, module and document, the nearest first."""

    name: str
    models: Sequence[tuple[str, SettingsByName]]
    base: str | None
    levels: Sequence[SettingsByName]
    layers: Layers
    span: Span


def operation_keys(merge: Merge, known: MergekitMethod, method: Method, report: Report) -> dict[str, object]:
    """The keys of the operation, `op` first.

    Raises:
        MergecError: MC0840.
    """
    warn_of_unused(merge, [*known.whole, *known.each], report)
    return _Keys(merge, known, method, report).made()


def warn_of_unused(merge: Merge, used: Sequence[str], report: Report) -> None:
    """Report MC0843 for settings that the method does not look at."""
    for settings in (*merge.levels, *(own for _, own in merge.models)):
        for name, setting in settings.items():
            if name not in used:
                what = f"`{safe(name)}`" if name == WITHOUT_EFFECT else f"`{safe(name)}` of `{merge.name}`"
                report.add(NoEffect(span=setting.span, what=what, help=did_you_mean(name, used)))


class _Keys:
    """Puts the keys together in the order in which people read them."""

    def __init__(self, merge: Merge, known: MergekitMethod, method: Method, report: Report) -> None:
        self._merge = merge
        self._known = known
        self._method = method
        self._report = report
        self._listed: dict[str, dict[str, object]] = {}

    def made(self) -> dict[str, object]:
        keys: dict[str, object] = {"op": self._method.name, **self._models()}
        after: dict[str, object] = {}
        for name, default in self._known.each.items():
            self._add_per_model(name, default)
        for name, default in self._known.whole.items():
            after.update(self._whole(name, default) if name not in {FLATTEN, ROW_WISE} else {})
        if FLATTEN in self._known.whole:
            after.update(self._vectors())
        models = self._method.listed
        if models is not None:
            keys[models.key] = _inputs(self._listed)
        if after.get("normalize") is False and self._method.gives == "weighted sum":
            after["allow_scaling"] = True  # mergekit does not care what weights sum to
        if self._method.has_key("compat"):
            after["compat"] = COMPAT
        return {**keys, **after}

    def _models(self) -> dict[str, object]:
        """The keys that name one model each; the others go into the list."""
        merge, base = self._merge, self._merge.base
        names = [name for name, _ in merge.models]
        keys: dict[str, object] = {}
        if self._known.base is Base.NEEDED and base is None:
            raise wrong(merge.span, f"`{merge.name}` needs `base_model`")
        if self._known.base is not Base.IGNORED and base is not None:
            names = [name for name in names if name != base]
            if self._method.has_key("base"):
                keys["base"] = base
            else:
                names = [base, *names]
        single = [p.key for p in self._method.of_role(Role.MODEL) if p.key not in {*keys, "base"}]
        self._judge_count(len(names) - len(single))
        keys.update(zip(single, names, strict=False))
        self._listed = {name: {} for name in names[len(single) :]}
        return keys

    def _judge_count(self, listed: int) -> None:
        """Refuse more or fewer models than the operation takes, `listed` of them in its list."""
        least, most = self._method.needs_inputs, self._method.most_inputs
        if self._method.listed is None:
            least = most = 0
        if listed < least or (most is not None and listed > most):
            problem = f"`{self._merge.name}` does not merge {len(self._merge.models)} models"
            help_ = "mergekit counts `base_model` among them" if self._merge.base is not None else None
            raise wrong(self._merge.span, problem, help_)

    def _whole(self, name: str, default: Constant | None) -> dict[str, object]:
        """The key of a parameter that all models share."""
        levels = [level[name] for level in self._merge.levels if name in level]
        parameter = self._parameter(name)
        value: object
        if parameter.role is Role.OPTION:
            value = self._option(name, levels, default)
        else:
            value = schedule(levels, self._merge.layers, _number(default))
        if value is None:
            raise wrong(self._merge.span, f"`{self._merge.name}` needs the parameter `{name}`")
        is_default = value == parameter.default
        # With `compat`, None stands for what mergekit does.
        is_default = is_default or (parameter.default is None and self._method.has_key("compat"))
        return {} if is_default and not levels else {name: value}

    def _vectors(self) -> dict[str, object]:
        """What one vector is. In mergekit, `row_wise` means vectors along the first axis: columns."""
        given = {
            name: self._option(name, [one[name] for one in self._merge.levels if name in one], default)
            for name, default in self._known.whole.items()
        }
        if given[FLATTEN]:
            return {}
        return {"vectors": "columns" if given[ROW_WISE] else "rows"}

    def _option(self, name: str, levels: Sequence[Setting], default: Constant | None) -> object:
        """The value of a key that is the same for all tensors."""
        given = option(levels, name, self._report)
        value = default if given is None else given
        if isinstance(default, bool) and value in {0, 1}:
            value = bool(value)
        return RESCALE[value] if name == "rescale" and isinstance(value, bool) else value

    def _add_per_model(self, name: str, default: Constant | None) -> None:
        """Give each listed model its value of a parameter."""
        own = {model: settings for model, settings in self._merge.models if model in self._listed}
        found = {
            model: [level[name] for level in (settings, *self._merge.levels) if name in level]
            for model, settings in own.items()
        }
        otherwise = _number(default)
        values = {model: schedule(levels, self._merge.layers, otherwise) for model, levels in found.items()}
        if None in values.values():
            raise wrong(self._merge.span, f"`{self._merge.name}` needs the parameter `{name}` for each model")
        usual = self._parameter(name).default
        if any(found.values()) or any(value != usual for value in values.values()):
            for model, value in values.items():
                self._listed[model][name] = value

    def _parameter(self, name: str) -> Parameter:
        """The parameter of the operation, which has the same name."""
        return next(one for one in self._method.parameters if one.key == name)


def _number(default: Constant | None) -> float | None:
    """The default of a parameter that is a number."""
    return None if isinstance(default, bool | str) else default


def _inputs(listed: Mapping[str, Mapping[str, object]]) -> object:
    """The list of models: names alone, names with a number each, or with all that they have."""
    if not any(listed.values()):
        return list(listed)
    singles = [next(iter(given.values())) for given in listed.values() if len(given) == 1]
    if len(singles) == len(listed) and not any(isinstance(one, dict) for one in singles):
        return dict(zip(listed, singles, strict=True))
    return dict(listed)
