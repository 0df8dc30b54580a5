"""Documents of mergekit -> the models of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, did_you_mean
from mergec.importing.config_values import wrong
from mergec.importing.draft import name_for
from mergec.importing.errors import NoSuchMethod, NotCarriedOver
from mergec.importing.layer_list import LayerList, layer_list
from mergec.importing.mergekit_methods import METHODS, PASSTHROUGH
from mergec.importing.mergekit_output import describe_output, recipe_dtype
from mergec.importing.mergekit_slice import Place
from mergec.importing.mergekit_stack import stacked
from mergec.importing.module_patterns import is_known_module, module_pattern
from mergec.recipe.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.importing.draft import Draft
    from mergec.importing.mergekit_config import Document, ModelReference, Module
    from mergec.importing.mergekit_models import MergekitModels

_CAST = "mergekit writes `{}` to disk in this dtype; leave this out to round once, at the end"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user says about the result: its path, and the lists of layers of modules by name."""

    path: str
    layers: Mapping[str | None, str]


def import_mergekit(
    documents: Sequence[Document], draft: Draft, models: MergekitModels, wishes: Wishes, report: Report
) -> None:
    """Put all that the documents say into a draft.

    Raises:
        MergecError: MC0840, MC0841.
    """
    _Import(documents, draft, models, wishes, report).run()


class _Import:
    """Makes a model of each document, those that it uses first."""

    def __init__(
        self,
        documents: Sequence[Document],
        draft: Draft,
        models: MergekitModels,
        wishes: Wishes,
        report: Report,
    ) -> None:
        self._documents = documents
        self._draft = draft
        self._models = models
        self._wishes = wishes
        self._report = report
        self._named = {one.name: one for one in documents if one.name is not None}
        self._made: dict[int, str | None] = {}

    def run(self) -> None:
        result = self._result()
        for document in self._documents:
            self._model_of(document)
        model = self._model_of(result)
        describe_output(result, model, self._resolved, self._draft, self._wishes.path, self._report)

    def _result(self) -> Document:
        """The document without a name, which is what the file is for."""
        seen: dict[str, Document] = {}
        for one in self._documents:
            if one.name is not None and seen.setdefault(one.name, one) is not one:
                raise wrong(one.span, f"two documents are named `{one.name}`")
        unnamed = [one for one in self._documents if one.name is None]
        if len(unnamed) > 1:
            raise wrong(unnamed[1].span, "a second document has no `name`, and one is the result")
        return unnamed[0] if unnamed else self._documents[-1]

    def _model_of(self, document: Document) -> str:
        key = id(document)
        if key in self._made:
            made = self._made[key]
            if made is None:
                raise wrong(document.span, f"the merge `{document.name}` uses itself")
            return made
        self._made[key] = None
        modules = [(one, self._module(one, document)) for one in document.modules]
        name = modules[0][1]
        for module, model in modules[1:]:
            assert module.name is not None, "there is more than one"
            keys = {"op": "graft", "into": name, "from": model, "take": [module_pattern(module.name)]}
            name = self._draft.model(f"with_{name_for(module.name)}", keys)
        if document.name is not None:
            name = self._intermediate(document, name)
        self._made[key] = name
        return name

    def _intermediate(self, document: Document, name: str) -> str:
        """What other documents read: mergekit writes it to disk, rounded."""
        dtype = recipe_dtype(document.out_dtype or document.dtype, document, self._report)
        if dtype is None:
            return name
        keys = {"op": "cast", "model": name, "dtype": dtype}
        return self._draft.model(f"{name}_{dtype}", keys, _CAST.format(document.name))

    def _module(self, module: Module, document: Document) -> str:
        if document.method not in METHODS and document.method != PASSTHROUGH:
            help_ = did_you_mean(document.method, [*METHODS, PASSTHROUGH])
            raise MergecError([NoSuchMethod(span=document.method_span, method=document.method, help=help_)])
        if module.name is not None and not is_known_module(module.name):
            what = f"which tensors belong to the module `{module.name}`"
            reason = f"the recipe takes those that match `{module_pattern(module.name)}`"
            self._report.add(NotCarriedOver(span=module.span, what=what, reason=reason))
        name = "merged" if document.name is None else name_for(document.name)
        if module.name is not None:
            name = name_for(module.name)
        layers = self._layers(module)
        place = Place(document, module, layers, self._draft, self._report, self._resolved)
        return stacked(place, name)

    def _layers(self, module: Module) -> LayerList:
        """The layers of the first model that is at hand, or the usual ones."""
        path = self._wishes.layers.get(module.name)
        models = dict.fromkeys(part.model.path for one in module.slices for part in one.parts)
        found = [self._layers_of(model, module, path) for model in models]
        known = next((one for one in found if one is not None), None)
        if known is None:
            return LayerList() if path is None else LayerList(path)
        counts = {None if one is None else one.count for one in found}
        return known if len(counts) == 1 else replace(known, count=None)

    def _layers_of(self, model: str, module: Module, path: str | None) -> LayerList | None:
        """The layers of a checkpoint that is at hand. How many a merge has, nobody asks."""
        names = None if model in self._named else self._models.names(model)
        if names is None:
            return None
        if module.name is not None:
            names = Pattern.parse(module_pattern(module.name)).bind(names).matches
        return layer_list(names, path)

    def _resolved(self, model: ModelReference) -> str:
        """The name of a model in the recipe."""
        document = self._named.get(model.path)
        if document is None:
            return self._models.with_adapter(model, self._models.checkpoint(model))
        return self._models.with_adapter(model, self._model_of(document))
