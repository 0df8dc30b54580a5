"""Diagnostics of adapters: what cannot be folded into a model, and why. MC0330 to MC0349."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, Severity, diagnostic


@diagnostic("MC0330", "`{adapter}` is no adapter that mergec knows")
class NotAnAdapter(Diagnostic):
    """`adapters:` names a source that holds no adapter of a known dialect.

    Dialects are recognised by their files and by the names of their tensors; `dialect:` on the adapter
    forces one. A whole fine-tuned model is no adapter: subtract its base (`tuned - base`) and add the
    difference, or merge the models. `mergec explain adapters` lists the dialects.
    """

    adapter: str


@diagnostic("MC0331", "`{name}` is an adapter, and {place} needs a model")
class AdapterAsModel(Diagnostic):
    """An adapter stands where a model is needed.

    An adapter holds factors, not weights: only `op: lora` knows what they mean. Fold it into the model
    that it was trained on: `{op: lora, base: MODEL, adapters: {ADAPTER: 1.0}}`.
    """

    name: str
    place: str


@diagnostic("MC0332", "{problem}")
class FoldOntoNoWeights(Diagnostic):
    """The base of `op: lora` does not hold weights that an adapter can be added to.

    An adapter changes the weights of a model: it cannot be folded into a difference of weights (of
    degree 0), nor into integers that stand for weights only together with their scales.
    """

    problem: str


@diagnostic("MC0333", "{count} of the tensors of the adapter `{adapter}` fit nothing in `{base}`")
class AdapterLeftOver(Diagnostic):
    """Tensors of an adapter are not used by the fold, so a part of what was learnt would be lost.

    Mostly the names of the base have another prefix than those that the adapter was trained with, or the
    adapter belongs to another model. The notes show what was looked for and what is near to it. The help
    gives the rename rules that make all of it fit, where some do: they have been tried. A rule for a prefix
    and the presets are tried on the adapter, presets on the base, and, for an adapter of stacked experts,
    rules that stack those of the base.
    """

    adapter: str
    base: str
    count: int


@diagnostic("MC0334", "the adapter `{adapter}` is for a model of other shapes: `{target}`{more}")
class AdapterMisfit(Diagnostic):
    """The names fit, and the shapes do not: the adapter was trained on another base.

    A larger or smaller model of the same family has the same names. The notes show what the adapter's
    tensors make, and what the base holds.
    """

    adapter: str
    target: str
    more: str = ""
    help: str | None = "fold it into the model that it was trained on"


@diagnostic("MC0335", "the adapter `{adapter}` has no usable adapter_config.json: {problem}")
class BadAdapterConfig(Diagnostic):
    """A PEFT adapter cannot be folded without its configuration: the scale of the factors stands there.

    It is the file `adapter_config.json` in the adapter's folder, as `save_pretrained` writes it.
    """

    adapter: str
    problem: str


@diagnostic("MC0336", "`{tensor}`{more} of the adapter `{adapter}` is not whole: its shape is {shape}")
class BadFactor(Diagnostic):
    """A factor of an adapter is empty, or has lost its axes.

    A run under DeepSpeed ZeRO-3 or FSDP that is saved without gathering its shards first leaves empty
    or one-dimensional tensors behind. What was learnt is not in this file.
    """

    adapter: str
    tensor: str
    shape: str
    more: str = ""
    help: str | None = "save it again from a run that gathers its shards on all ranks first"


@diagnostic("MC0337", "`{tensor}`{more} of the adapter `{adapter}` lacks its partner `{partner}`")
class IncompletePair(Diagnostic):
    """A factor has no meaning without the others that it is multiplied with.

    The file was cut, or `keep`, `drop` or `rename` on the source took one of them away.
    """

    adapter: str
    tensor: str
    partner: str
    more: str = ""
    help: str | None = "fetch the file again, or look at what `keep`, `drop` and `rename` on the source do"


@diagnostic("MC0338", "the scale of the adapter `{adapter}` is unknown: {problem}{more}")
class BadScale(Diagnostic):
    """The number that the factors are multiplied with (alpha / rank) cannot be told.

    To guess it would make an adapter that is too strong or too weak by any factor.
    """

    adapter: str
    problem: str
    more: str = ""


@diagnostic("MC0339", "the adapter `{adapter}` cannot be folded: {kind}")
class NotFoldable(Diagnostic):
    """What this adapter does is no change of weights, or one that needs more than its file.

    The notes say why. `mergec explain adapters` lists the kinds that are folded and those that are not.
    """

    adapter: str
    kind: str


@diagnostic("MC0340", "the adapters `{first}` and `{second}` both replace `{tensor}`{more}")
class TwoReplacements(Diagnostic):
    """Two adapters bring a whole tensor for the same place, and only one of them can have it.

    Such tensors are those that were trained in full (`modules_to_save`, saved embeddings, biases).
    """

    first: str
    second: str
    tensor: str
    more: str = ""


@diagnostic(
    "MC0341", "`{tensor}`{more} of the adapter `{adapter}` can only be taken whole, not {strength} of it"
)
class PartialReplacement(Diagnostic):
    """An adapter brings a new tensor, or one of another shape than the base's, at a strength that is not 1.

    Between two tensors of one shape there are values in between; here there are none. Give such tensors
    the strength 1, or 0 to leave them out.
    """

    adapter: str
    tensor: str
    strength: str
    more: str = ""


@diagnostic(
    "MC0342", "`{tensor}` shares its weights with `{other}`, and the fold {what}", severity=Severity.WARNING
)
class TiedFold(Diagnostic):
    """The base has one tensor as input embeddings and as output head, and an adapter changes one use of it.

    The adapter was trained with the other use unchanged. Where the fold can, it therefore writes two
    tensors and sets `tie_word_embeddings` to false in config.json, so that the result computes what base
    and adapter compute. PEFT's own merge changes both uses.
    """

    tensor: str
    other: str
    what: str


@diagnostic(
    "MC0343", "`{tensor}`{more} of the adapter `{adapter}` has rank {found}, its configuration says {said}"
)
class RankMismatch(Diagnostic):
    """The rank in the adapter's configuration is not that of its tensors, so that the scale is uncertain.

    The scale is alpha divided by the rank (by its square root for rank-stabilised adapters). PEFT refuses
    to load such an adapter too.
    """

    adapter: str
    tensor: str
    found: int
    said: int
    more: str = ""


@diagnostic("MC0344", "the source of the adapter `{adapter}` holds several adapters: {names}")
class SeveralAdapters(Diagnostic):
    """A raw state dict of a model with several adapters: which one to fold must be said.

    `keep` on the source chooses the tensors of one of them.
    """

    adapter: str
    names: str


@diagnostic("MC0345", "the output holds factors of the adapter `{adapter}`: `{tensor}`{more}")
class AdapterInOutput(Diagnostic):
    """An adapter went through the recipe as if it were a model.

    Its tensors are factors, which no loader of the output understands. `op: lora` folds them.
    """

    adapter: str
    tensor: str
    more: str = ""


@diagnostic(
    "MC0346",
    "which way round `{tensor}`{more} is stored cannot be told for the adapter `{adapter}`",
    severity=Severity.WARNING,
)
class UnknownOrientation(Diagnostic):
    """An adapter changes a Conv1D, and a square layer of which no file tells whether it is one too.

    Linear has its outputs first, Conv1D of transformers its inputs, and square weights look alike.
    `fan_in_fan_out` in adapter_config.json is one switch for all layers: PEFT leaves there what fitted the
    last layer that it wrapped. mergec follows it, which is wrong for the others where both kinds occur.
    """

    adapter: str
    tensor: str
    more: str = ""
