"""Diagnostics of components: what they are, where they are, and how they fit together. MC032x."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, Severity, diagnostic


@diagnostic("MC0320", "`graft` has {found}")
class TakeOrComponent(Diagnostic):
    """A graft says what it takes in one of two ways.

    `take:` lists patterns of tensors by their names in `from`. `component:` names a part of a model, such
    as `vision_tower`, which is then found in both models and renamed as the layout of `into` wants it.
    """

    found: str


@diagnostic("MC0321", "`{model}` has no {component}")
class ComponentAbsent(Diagnostic):
    """The model that a component is to be taken from does not hold it.

    The notes list the components that it does hold. Some checkpoints name their vision tower in
    config.json only, as LLaVA's published files do: take it from the checkpoint that it is named after.
    """

    model: str
    component: str


@diagnostic("MC0322", "the names of `{model}` fit several layouts that divide them differently")
class AmbiguousLayout(Diagnostic):
    """More than one family of models has such tensor names, and they belong to other components in each.

    `model_type` in the config.json beside the weights decides it. `take:` with patterns, and `rename:`,
    say it without knowing the family.
    """

    model: str


@diagnostic("MC0323", "the names of `{model}` fit no family of models that is known")
class UnknownLayout(Diagnostic):
    """The component table has no layout with tensor names like these.

    Wrappers such as `module.` hide a family: rename them away on the source. Otherwise `take:` with
    patterns, and `rename:`, move tensors without knowing the family.
    """

    model: str
    help: str | None = "use `take:` with patterns and `rename:`; `mergec inspect` shows the names"


@diagnostic("MC0324", "`{model}` has no clear place for `{tensor}`{more}")
class NoPlace(Diagnostic):
    """The layout of the model that receives a component has no name for some of its tensors.

    Either that family has no such component, or it is built in another way there.
    """

    model: str
    tensor: str
    more: str


@diagnostic("MC0325", "the components do not fit: {joint}")
class JointMismatch(Diagnostic):
    """Where two components of the output meet, their sizes differ, so that no loader can run it.

    A connector takes in what a tower gives out, or a fixed number of its vectors at once, and gives out
    what the language model takes in; the ids that stand for images are rows of its embeddings. The notes
    say where each figure was read. Components that were trained together fit together: take the connector
    from the model that the tower is from, or make a new one with `op: init` and train it.
    """

    joint: str


@diagnostic(
    "MC0326",
    "config.json of the output still describes another {component} than that of `{donor}`",
    severity=Severity.WARNING,
)
class ConfigSilent(Diagnostic):
    """The weights of a component moved, but what config.json says about it could not move with them.

    The two families write it differently, or the donor has no config.json. A loader builds the component
    that config.json describes: edit it in the output.
    """

    donor: str
    component: str


@diagnostic(
    "MC0327",
    "the {component} of `{donor}` is built otherwise than that of `{into}`",
    severity=Severity.WARNING,
)
class BuiltOtherwise(Diagnostic):
    """None of the tensors of the moved component is called what those in its place are called.

    The code of a model has its connector, and in most families its tower, built in: it will look for the
    names that were there before. That is as it should be only where the code follows config.json.
    """

    donor: str
    into: str
    component: str


@diagnostic(
    "MC0328",
    "config.json of `{owner}` does not describe the {components} of the output",
    severity=Severity.WARNING,
)
class ConfigOfAnother(Diagnostic):
    """The output takes over the config.json of a model that has no such component.

    A loader builds the model that config.json describes: it would leave the tensors of these components
    aside, or refuse them. `copy_files_from` says whose config.json is taken; without it, that of the first
    source that is a directory.
    """

    owner: str
    components: str


@diagnostic(
    "MC0329",
    "the head has {head} rows, and the vocabulary of the language model {vocabulary}",
    severity=Severity.WARNING,
)
class HeadOfAnother(Diagnostic):
    """A language model moved without its head, and the head that stayed is that of another vocabulary.

    Its rows stand for other words than those of the tokenizer, and config.json can name one size only.
    The head of a language model comes with a graft of its own. A model whose embeddings are its head has
    none: then the head that stayed is to be left out, and `tie_word_embeddings` to be set.
    """

    head: int
    vocabulary: int
    help: str | None = "take its head as well, with another graft with `component: head`"
