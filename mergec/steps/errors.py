"""Diagnostics of lowering: models, operations and how they fit together by name. MC03xx."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, Severity, diagnostic


@diagnostic("MC0301", "unknown operation `{operation}`")
class UnknownOperation(Diagnostic):
    """`op:` names an operation that this mergec does not have.

    `mergec methods` lists them all, `mergec explain NAME` shows the keys of one.
    """

    operation: str


@diagnostic("MC0302", "`{name}` is neither a source nor a {other}")
class UnknownModel(Diagnostic):
    """An operation or the output names a model that the recipe does not define.

    `copy_files_from` takes sources, and folders by their paths; a model has no files of its own.
    """

    name: str
    other: str = "model"


@diagnostic("MC0303", "the models depend on themselves: {cycle}")
class CyclicModels(Diagnostic):
    """Following the inputs of a model leads back to it, so there is nothing to start from."""

    cycle: str
    help: str | None = "let one of these models use a source instead"


@diagnostic("MC0304", "the source `{name}` is never used", severity=Severity.WARNING)
class UnusedSource(Diagnostic):
    """A source that no model on the way to the output reads. It is not opened."""

    name: str


@diagnostic("MC0305", "the model `{name}` is never used", severity=Severity.WARNING)
class UnusedModel(Diagnostic):
    """A model that the output does not need. It is not compiled, so its mistakes are not found."""

    name: str


@diagnostic("MC0306", "`{tensor}` is not in all inputs of `{model}`{more}")
class MissingTensors(Diagnostic):
    """The inputs of a merge must hold the same tensor names after renaming.

    The notes list names that only some inputs have, with the nearest names of the others: a rename
    rule on the source usually lines them up. `missing: skip` leaves such tensors out of the result,
    `missing: base` takes them unchanged from the base (or the first input).
    """

    model: str
    tensor: str
    more: str


@diagnostic("MC0307", "`{operation}`: {problem}")
class BadOperation(Diagnostic):
    """The keys of an operation are each valid but make no sense together."""

    operation: str
    problem: str


@diagnostic("MC0310", "`rest` is given for {count} inputs of `{model}`")
class SeveralRests(Diagnostic):
    """`rest` stands for 1 minus the weights of all other inputs, so only one input can have it."""

    model: str
    count: int
    help: str | None = "keep one `rest` and give the others numbers"


@diagnostic("MC0311", "{problem}")
class BadLayers(Diagnostic):
    """A slice of `op: layers` does not name a run of layers.

    `layers: "model.layers.[0:16]"` is the path of the list of layers and a range of its indices. All
    slices must name the same list, and what lies outside of it must be the same in all models or is
    taken from the first slice.
    """

    problem: str


@diagnostic("MC0312", "the recipe's output holds no tensors")
class EmptyOutput(Diagnostic):
    """Everything was dropped, or the output's model is empty."""

    help: str | None = "look at `keep` and `drop`, and at what `mergec inspect` shows of the sources"


@diagnostic(
    "MC0313",
    "config.json ties `{head}` to `{embeddings}`, and the recipe computes them apart",
    severity=Severity.WARNING,
)
class TiedApart(Diagnostic):
    """`tie_word_embeddings: true` makes loaders use the embeddings as the output head.

    The output holds both tensors, so what the recipe does to the head has no effect when the result
    is loaded with that config. Where a file stores the same values twice this is harmless.
    """

    head: str
    embeddings: str
    help: str | None = "drop the head with `drop:` on the sources, or set `tie_word_embeddings` to false"


@diagnostic(
    "MC0314",
    "`{tensor}`{more} in the output: others do not begin with `{wrapper}`",
    severity=Severity.WARNING,
)
class WrappedNames(Diagnostic):
    """Some tensors of the output have the name of a wrapper before their own, and others have not.

    DistributedDataParallel, `torch.compile` and PEFT put such names before those of the model. Beside
    names without them no loader finds these tensors, and most say nothing about it.
    """

    tensor: str
    more: str
    wrapper: str


@diagnostic("MC0370", "`op: resize`: {problem}")
class BadResize(Diagnostic):
    """A tensor cannot be resized as asked.

    Rows are added only where `pad` says what they hold and cut off only with `truncate: true`; the other
    axes stay. A grid of position embeddings must be known: a square after 0, 1 or 2 other rows is found,
    anything else is given by `from_size` and `prefix_tokens`.
    """

    problem: str


@diagnostic(
    "MC0371",
    "`{tensor}` gets {rows} rows and `{other}` keeps {others_rows}",
    severity=Severity.WARNING,
)
class PartedVocabulary(Diagnostic):
    """Input embeddings and output head have a row for each word, and only one of the two is resized.

    The `vocab_size` of config.json can be right for one of them alone, so that loaders refuse the other.
    """

    tensor: str
    rows: int
    other: str
    others_rows: int
    help: str | None = "resize both, for example with the pattern `**(embed_tokens|lm_head).weight`"
