"""The YAML of mergekit -> its documents. Nothing is judged but what it needs to be understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import Span, safe
from mergec.importing.config_values import each, entries, items, text, unexpected, whole_number, wrong
from mergec.importing.errors import NotCarriedOver
from mergec.importing.mergekit_config import (
    Document,
    ModelReference,
    Module,
    Part,
    Slice,
    Tokenizer,
)
from mergec.importing.mergekit_settings import read_settings
from mergec.recipe.yaml_documents import read_documents
from mergec.recipe.yaml_tree import YamlMapping, YamlScalar, YamlSequence, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report, SourceText
    from mergec.importing.mergekit_config import Setting
    from mergec.recipe.yaml_tree import YamlNode

_KINDS = ("models", "slices", "modules")
_DOCUMENT = (
    *("name", "merge_method", *_KINDS, "parameters", "base_model", "dtype", "out_dtype"),
    *("tokenizer_source", "tokenizer", "chat_template"),
)
_SLICE = ("sources", "base_model", "parameters")
_PART = ("model", "layer_range", "parameters")


def read_mergekit(source: SourceText, report: Report) -> list[Document]:
    """The documents of a file.

    Raises:
        MergecError: MC0101 to MC0106 for text that is no YAML; MC0840, all that were found.
    """
    trees = read_documents(source)
    documents = each(trees, lambda tree: _Reader(report).document(tree), report)
    report.stop_on_error()
    if not documents:
        span = trees[0].span if trees else Span(source, 1, 1, 2)
        raise wrong(span, "the file is empty")
    return documents


class _Reader:
    """Reads a document, adding what it finds to a report."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def document(self, tree: YamlNode) -> Document:
        if isinstance(tree, YamlMapping) and "mergec" in tree.entries:
            raise wrong(tree.key_spans["mergec"], "it is a recipe of mergec already")
        found = entries(tree, "the configuration", _DOCUMENT, self._report)
        kinds = [kind for kind in _KINDS if kind in found.entries]
        if "merge_method" not in found.entries:
            raise wrong(found.span, "it has no `merge_method`")
        if len(kinds) != 1:
            has = " and ".join(f"`{kind}`" for kind in kinds) or "none of them"
            help_ = "keep one of them" if kinds else None
            raise wrong(found.span, f"one of `models`, `slices` and `modules` is needed; it has {has}", help_)
        self._note_chat_template(found)
        method = found.entries["merge_method"]
        return Document(
            name=self._text(found, "name"),
            method=text(method, "`merge_method`"),
            method_span=method.span,
            base=self._base(found),
            modules=self._modules(found, kinds[0]),
            settings=self._settings(found),
            dtype=self._text(found, "dtype"),
            out_dtype=self._text(found, "out_dtype"),
            dtype_span=found.entries.get("out_dtype", found.entries.get("dtype", found)).span,
            tokenizer=self._tokenizer(found),
            span=found.span,
        )

    def _modules(self, found: YamlMapping, kind: str) -> tuple[Module, ...]:
        if kind != "modules":
            return (Module(None, self._slices(found, kind), {}, found.key_spans[kind]),)
        node = found.entries["modules"]
        if not isinstance(node, YamlMapping) or not node.entries:
            raise unexpected(node, "`modules`", "a mapping of names to modules")
        made = each(node.entries, lambda name: self._module(name, node), self._report)
        return tuple(made)

    def _module(self, name: str, modules: YamlMapping) -> Module:
        what = f"`modules.{safe(name)}`"
        found = entries(modules.entries[name], what, ("models", "slices", "parameters"), self._report)
        kinds = [kind for kind in ("models", "slices") if kind in found.entries]
        if len(kinds) != 1:
            raise wrong(modules.key_spans[name], f"{what} needs either `models` or `slices`")
        slices = self._slices(found, kinds[0])
        return Module(name, slices, self._settings(found), modules.key_spans[name])

    def _slices(self, found: YamlMapping, kind: str) -> tuple[Slice, ...]:
        nodes = items(found.entries[kind], f"`{kind}`")
        if kind == "slices":
            return tuple(each(nodes, self._slice, self._report))
        parts = tuple(each(nodes, lambda node: self._part(node, ("model", "parameters")), self._report))
        return (Slice(parts, None, {}, found.key_spans[kind]),)

    def _slice(self, node: YamlNode) -> Slice:
        found = entries(node, "a slice", _SLICE, self._report)
        if "sources" not in found.entries:
            raise wrong(node.span, "a slice has no `sources`")
        nodes = items(found.entries["sources"], "`sources`")
        parts = each(nodes, lambda one: self._part(one, _PART), self._report)
        self._judge_lengths(parts)
        return Slice(tuple(parts), self._base(found), self._settings(found), found.span)

    def _judge_lengths(self, parts: list[Part]) -> None:
        for one in parts:
            found = [_length(parts[0]), _length(one)]
            if found[0] != found[1]:
                raise wrong(one.span, f"the models of a slice give {' and '.join(found)}")

    def _part(self, node: YamlNode, known: tuple[str, ...]) -> Part:
        if isinstance(node, YamlScalar) and isinstance(node.value, str):
            return Part(self.model(node), None, {}, node.span)
        found = entries(node, "a model", known, self._report)
        if "model" not in found.entries:
            raise wrong(node.span, "an entry has no `model`")
        model = self.model(found.entries["model"])
        return Part(model, self._layers(found), self._settings(found), found.entries["model"].span)

    def _layers(self, found: YamlMapping) -> tuple[int, int] | None:
        node = found.entries.get("layer_range")
        if node is None:
            return None
        if not isinstance(node, YamlSequence) or len(node.items) != 2:
            raise unexpected(node, "`layer_range`", "two numbers, such as [0, 16]")
        first, last = (whole_number(one, "`layer_range`") for one in node.items)
        if first >= last:
            raise wrong(node.span, f"`layer_range`: there are no layers from {first} to {last}")
        return first, last

    def _settings(self, found: YamlMapping) -> Mapping[str, Setting]:
        node = found.entries.get("parameters")
        return {} if node is None else read_settings(node, self._report)

    def _base(self, found: YamlMapping) -> ModelReference | None:
        node = found.entries.get("base_model")
        return None if node is None else self.model(node)

    def _text(self, found: YamlMapping, key: str) -> str | None:
        node = found.entries.get(key)
        return None if node is None else text(node, f"`{key}`")

    def model(self, node: YamlNode) -> ModelReference:
        """A model, written as a text or as a mapping."""
        if isinstance(node, YamlScalar):
            return self._written_model(node)
        found = entries(node, "a model", ("model", "lora", "override_architecture"), self._report)
        if "model" not in found.entries:
            raise wrong(node.span, "a model has no `model`")
        if "override_architecture" in found.entries:
            what, reason = "`override_architecture`", "mergec takes the names of the tensors as they are"
            span = found.key_spans["override_architecture"]
            self._report.add(NotCarriedOver(span=span, what=what, reason=reason))
        model, span = self._path(found.entries["model"]), found.entries["model"].span
        if "lora" not in found.entries:
            return ModelReference(*model, None, None, span)
        return ModelReference(*model, *self._path(found.entries["lora"]), span)

    def _written_model(self, node: YamlScalar) -> ModelReference:
        written = text(node, "a model")
        first, plus, second = written.partition("+")
        path, _, revision = first.partition("@")
        adapter, _, adapter_revision = second.partition("@")
        if not path or (plus and not adapter):
            raise wrong(node.span, f"`{safe(written)}` names no model")
        return ModelReference(path, revision or None, adapter or None, adapter_revision or None, node.span)

    def _path(self, node: YamlNode) -> tuple[str, str | None]:
        if isinstance(node, YamlScalar):
            path, _, revision = text(node, "a model").partition("@")
            return path, revision or None
        found = entries(node, "a model", ("path", "revision"), self._report)
        if "path" not in found.entries:
            raise wrong(node.span, "a model has no `path`")
        return text(found.entries["path"], "`path`"), self._text(found, "revision")

    def _tokenizer(self, found: YamlMapping) -> Tokenizer | None:
        node = found.entries.get("tokenizer_source")
        if "tokenizer" in found.entries:
            known = ("source", "tokens", "pad_to_multiple_of")
            inner = entries(found.entries["tokenizer"], "`tokenizer`", known, self._report)
            node = inner.entries.get("source")
            self._note_tokens(inner)
            if node is None:
                return Tokenizer("union", None, inner.span)
        if node is None:
            return None
        if isinstance(node, YamlScalar) and node.text in {"base", "union"}:
            return Tokenizer(node.text, None, node.span)
        return Tokenizer(None, self.model(node), node.span)

    def _note_tokens(self, found: YamlMapping) -> None:
        reasons = {
            "tokens": "rows of the embeddings stay where they are",
            "pad_to_multiple_of": "`op: resize` with `rows:` and `pad:` adds rows to the embeddings",
        }
        for key, reason in reasons.items():
            if key in found.entries:
                self._report.add(
                    NotCarriedOver(span=found.key_spans[key], what=f"`tokenizer.{key}`", reason=reason)
                )

    def _note_chat_template(self, found: YamlMapping) -> None:
        if "chat_template" in found.entries:
            value = plain(found.entries["chat_template"])
            what = "`chat_template`" if value == "auto" or not isinstance(value, str) else "the chat template"
            reason = "the tokenizer's files are copied as they are"
            span = found.key_spans["chat_template"]
            self._report.add(NotCarriedOver(span=span, what=what, reason=reason))


def _length(part: Part) -> str:
    return "all layers" if part.layers is None else f"{part.layers[1] - part.layers[0]} layers"
