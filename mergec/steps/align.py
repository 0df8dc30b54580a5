"""A model with its units in the order of another's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.matching import AlignedModel, Matching, MatchUse
from mergec.ir.model_table import Entry, ModelTable
from mergec.ir.permutation_primitives import GIVEN, MATCH
from mergec.steps.align_errors import (
    BadPermutations,
    KeysApart,
    NothingToMatch,
    NotPermutable,
    NotTogether,
    RunningStatistics,
    UnreadableFile,
)
from mergec.steps.align_keys import AlignKeys
from mergec.steps.aligning.differences import are_comparable
from mergec.steps.aligning.frame_claims import claim_frames
from mergec.steps.aligning.matched_models import symmetry_of
from mergec.steps.aligning.permuted_tensors import CannotGather, Permuter
from mergec.steps.aligning.terms import with_terms
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.symmetries.table import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.ir.symmetry import SymmetricTensor, Symmetry
    from mergec.recipe.place import TreePlace
    from mergec.symmetries.table_entries import Table

_RUNNING = ("running_mean", "running_var")
_ONLY_MATCHING = ("together", "refine", "weights", "leave_out", "seed", "max_sweeps", "save_permutations")


class Align(Operation):
    """A model with its hidden units permuted so that they match those of another (Git Re-Basin).

    Two networks that were trained apart have their hidden units in different orders, so that averaging
    them averages units which have nothing to do with each other. `align` finds the permutations that
    bring the weights of `model` closest to those of `to`, and applies them: the result computes exactly
    what `model` computes, and can be averaged with `to`. Values are moved, never changed.

    `symmetry` says which axes of which tensors may be permuted together: the name of a built-in table
    (`mergec explain symmetries`), the path of one, or a table in the recipe. It is checked against the
    names and shapes of the model before anything is read. `freeze: [res]` leaves groups as they are.

    The permutations are found by weight matching (Ainsworth et al. 2022, arXiv 2209.04836): coordinate
    descent over the groups, each an assignment problem that is solved exactly. It begins with the groups
    that are tied to inputs and outputs, and takes a new permutation only where it is strictly better.

    A task vector has to be permuted as the model that it starts from: `{op: align, model: task, using:
    base_b, to: base_a, ...}`. So has a model with an adapter folded in: fold it in before, and align what
    that makes. Several models are aligned at once where each operation lists them all: `together: [b, c,
    d]`; with `refine: true` each is then matched to the mean of the others.

    `save_permutations` writes what was found to a file, `permutations` applies such a file. `mergec align`
    finds and writes them without a build, and `mergec check --self-test` tries the table on the weights.

    Permutations make a straight path between wide networks of simple shape. Between transformers that
    were trained from different seeds they lower the barrier and leave much of it; between fine-tunes of
    one model there is nothing to align.
    """

    name = "align"
    summary = "A model with its units in the order of another's (Git Re-Basin)."
    keys = AlignKeys

    def inputs(self, keys: AlignKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`model`, `to`, and what is matched in its place or with it."""
        yield named(place, "model", keys.model)
        yield named(place, "to", keys.to)
        if keys.using is not None:
            yield named(place, "using", keys.using)
        for index, name in enumerate(keys.together or ()):
            yield ModelUse(name, place.child("together").child(index).span())

    def lower(self, keys: AlignKeys, call: Call) -> ModelTable:
        """The table with everything gathered that the symmetry permutes."""
        model = call.models[keys.model]
        if _go_together(keys, call):
            aligned = _aligned(keys, model, call)
            if aligned is not None:
                return aligned
        return replace(model, name=call.name)


def _aligned(keys: AlignKeys, model: ModelTable, call: Call) -> ModelTable | None:
    """The aligned model; None after reporting why there is none."""
    matched = keys.using or keys.model
    together = sorted(dict.fromkeys(keys.together or [matched]))
    models = [call.models[name] for name in together]
    anchor = call.models[keys.to]
    table = read_table(keys.symmetry, call.place.child("symmetry"), call.folder, call.report)
    if table is None:
        return None
    alike = models if keys.using is None else [*models, model]
    symmetry = symmetry_of(table, anchor, alike, keys.sizes, keys.freeze, call)
    found = _decided(keys, symmetry, anchor, models, call) if symmetry is not None else None
    if found is None:
        return None
    symmetry, vectors = found
    row = together.index(matched)
    if keys.permutations is None:
        use = _use(keys, matched, together, table, call)
        call.matches[vectors.node] = (*call.matches.get(vectors.node, ()), use)
    made = AlignedModel(call.models[matched], keys.to, symmetry, keys.permutations, call.span)
    call.aligned.append(made)
    _warn_of_statistics(symmetry, call)
    entries = _permuted(Permuter(symmetry, vectors, row), model, call)
    claim_frames(entries, model, models, anchor, made, call)
    return ModelTable(call.name, entries, model.config, model.facts)


def _decided(
    keys: AlignKeys, symmetry: Symmetry, anchor: ModelTable, models: Sequence[ModelTable], call: Call
) -> tuple[Symmetry, Tensor] | None:
    """The symmetry with what counts in matching, and the vectors of permutations that are given or found."""
    if keys.permutations is not None:
        vectors = _given(keys.permutations, symmetry, call)
    else:
        symmetry = with_terms(symmetry, keys, _floats(symmetry, [anchor, *models], call), call)
        vectors = _found(symmetry, anchor, models, keys, call)
    return None if vectors is None else (symmetry, vectors)


def _go_together(keys: AlignKeys, call: Call) -> bool:
    given = [key for key in _ONLY_MATCHING if key in keys.model_fields_set]
    if keys.permutations is not None and given:
        keys_ = f"`permutations` and {', '.join(f'`{key}`' for key in given)}"
        call.report.add(KeysApart(span=call.place.child("permutations").span(), keys=keys_))
        return False
    if keys.refine and len(set(keys.together or ())) < 2:
        help_ = "list the models that are aligned at once: `together: [b, c]`"
        span = call.place.child("refine").span()
        call.report.add(KeysApart(span=span, keys="`refine` without `together`", help=help_))
        return False
    matched = keys.using or keys.model
    if keys.together is not None and matched not in keys.together:
        call.report.add(NotTogether(span=call.place.child("together").span(), model=matched))
        return False
    return True


def _use(keys: AlignKeys, matched: str, together: Sequence[str], table: Table, call: Call) -> MatchUse:
    save = call.folder / keys.save_permutations if keys.save_permutations is not None else None
    return MatchUse(
        made=call.name,
        moved=matched,
        anchor=keys.to,
        row=together.index(matched),
        together=tuple(together),
        save=save,
        span=call.span,
        caution=table.caution,
    )


def _floats(symmetry: Symmetry, models: Sequence[ModelTable], call: Call) -> set[str]:
    """The tensors that can be compared in all models."""
    names = (name for tensor in symmetry.tensors for name in tensor.names)
    return {
        name for name in names if all(call.graph.type(m.entries[name].node).dtype.is_float for m in models)
    }


def _given(path: str, symmetry: Symmetry, call: Call) -> Tensor | None:
    from mergec.symmetries.permutation_file import (
        UnfitPermutations,
        UnreadablePermutations,
        read_permutations,
    )

    span = call.place.child("permutations").span()
    try:
        vector = read_permutations(call.folder / path, symmetry)
    except UnreadablePermutations as found:
        call.report.add(UnreadableFile(span=span, path=safe(path), problem=str(found)))
        return None
    except UnfitPermutations as found:
        call.report.add(BadPermutations(span=span, path=safe(path), problem=str(found)))
        return None
    return Tensor(call.graph, call.graph.add(GIVEN, (), (vector.tobytes(),), span), call.span)


def _found(
    symmetry: Symmetry, anchor: ModelTable, models: Sequence[ModelTable], keys: AlignKeys, call: Call
) -> Tensor | None:
    """The vectors of a match over all tensors that count."""
    names = [name for tensor in symmetry.tensors if tensor.weight for name in tensor.names]
    if not names or all(group.is_frozen for group in symmetry.groups):
        problem = "no tensor that the table permutes counts" if not names else "all groups are frozen"
        call.report.add(NothingToMatch(span=call.span, problem=problem))
        return None
    if not are_comparable(keys, anchor, models, names, call):
        return None
    operands = [Tensor(call.graph, m.entries[n].node, call.span) for m in (anchor, *models) for n in names]
    wide = any(operand.dtype is DType.F64 for operand in operands)
    inputs = tuple(operand.cast(DType.F64 if wide else DType.F32).node for operand in operands)
    matching = Matching(symmetry, len(models), keys.seed, keys.max_sweeps, keys.refine)
    return Tensor(call.graph, call.graph.add(MATCH, inputs, (matching,), call.span), call.span)


def _permuted(permuter: Permuter, model: ModelTable, call: Call) -> dict[str, Entry]:
    entries = dict(model.entries)
    for tensor in permuter.symmetry.tensors:
        for name, made in _gathered(permuter, tensor, model, call).items():
            entries[name] = Entry(made.node, entries[name].dtype)
    return entries


def _gathered(
    permuter: Permuter, tensor: SymmetricTensor, model: ModelTable, call: Call
) -> dict[str, Tensor]:
    values = [Tensor(call.graph, model.entries[name].node, call.span) for name in tensor.names]
    unfit = next((value.dtype for value in values if not value.dtype.itemsize), None)
    problem = f"values of {unfit} are less than a byte each" if unfit is not None else ""
    if not problem:
        try:
            return dict(zip(tensor.names, permuter.permuted(values, tensor), strict=True))
        except CannotGather as found:
            problem = str(found)
    call.report.add(NotPermutable(span=call.span, tensor=tensor.names[0], problem=problem))
    return {}


def _warn_of_statistics(symmetry: Symmetry, call: Call) -> None:
    found = [name for tensor in symmetry.tensors for name in tensor.names if name.endswith(_RUNNING)]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        call.report.add(RunningStatistics(span=call.span, tensor=found[0], more=more))
