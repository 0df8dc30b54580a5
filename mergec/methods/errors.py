"""Diagnostics of merge methods: what they are given that they cannot take. MC0375 to MC0389."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, Severity, diagnostic


@diagnostic("MC0375", "`{tensor}` is larger in `{model}` than in `{base}`{more}")
class LargerThanBase(Diagnostic):
    """A tensor has more rows, or is longer on another axis, than the one of the base that it goes with.

    The usual cause is a vocabulary that was extended: `larger: top_left` then adds the delta to the base
    in the part that both have, the top left, and takes the rest from the delta alone, as the scripts that
    came with Vicuna and LLaVA do. Where most tensors are larger, the delta belongs to a larger model.
    """

    tensor: str
    more: str
    model: str
    base: str


@diagnostic(
    "MC0376",
    "{count} of {total} tensors are larger in `{model}` than in `{base}`",
    severity=Severity.WARNING,
)
class MostAreLarger(Diagnostic):
    """`larger: top_left` is meant for a few tensors that grew, such as embeddings and the output head.

    Where most of them are larger, the delta was made for a model of another size, and adding it to the
    corner of each tensor gives a model that computes nothing of use.
    """

    count: int
    total: int
    model: str
    base: str
    help: str | None = "look whether this is the base that the delta was made from"


@diagnostic("MC0377", "{what} is {value} for `{tensor}`{more}; it must be {allowed}")
class OutOfRange(Diagnostic):
    """A parameter has a value that the method is not defined for, such as a density above 1.

    A schedule may give each tensor another value: the message names the first tensor whose value is
    outside. `mergec explain NAME` lists the parameters of a method with their ranges.
    """

    what: str
    value: str
    tensor: str
    more: str
    allowed: str


@diagnostic("MC0378", "`{operation}` takes {wanted} models, and `{key}` names {count}")
class WrongNumberOfInputs(Diagnostic):
    """A method is given fewer models than it compares, or more than it is defined for."""

    operation: str
    wanted: str
    key: str
    count: int


@diagnostic("MC0379", "`{base}` is the base of `{model}` and also under `{key}`")
class BaseAmongInputs(Diagnostic):
    """The base is listed among the models that were trained from it.

    Its difference to itself is zero: it would take part in votes and averages with nothing to say, and
    weaken what the others have.
    """

    base: str
    model: str
    key: str


@diagnostic("MC0380", "no block matches `{name}`{more}")
class UncoveredByBlocks(Diagnostic):
    """Every tensor of the models must be matched by a pattern under `blocks:`.

    The first pattern that matches a tensor decides which method it gets. End the blocks with `"**": keep`
    to take all others unchanged from the base, or with a method for them.
    """

    name: str
    more: str


@diagnostic("MC0381", "the recipe wants to run `{plugin}`, and this has not been allowed")
class PluginNotAllowed(Diagnostic):
    """`plugins:` names a Python file with merge methods, and to use them mergec must run it.

    A file of Python can do anything that you can. Nothing of it is run unless you allow it: read it first,
    above all where the recipe comes from somebody else. `mergec explain` has a page on writing methods:
    `mergec explain plugins`.
    """

    plugin: str
    help: str | None = "read the file, then add `--allow-plugins` (in Python: `allow_plugins=True`)"


@diagnostic("MC0382", "{problem}")
class BadPlugin(Diagnostic):
    """A file under `plugins:`, or an installed package with merge methods, is not there or fails.

    The message ends with what Python said. A recipe may pin a plugin by the SHA-256 of its code, as the
    recipe beside an output does: then another version is refused too.
    """

    problem: str


@diagnostic("MC0383", "the plugin `{plugin}` has a method `{name}`, and so has {owner}")
class PluginNameTaken(Diagnostic):
    """Each method has one name, so that a recipe means the same for everybody who reads it."""

    plugin: str
    name: str
    owner: str
    help: str | None = "rename the function in the plugin"


@diagnostic("MC0384", "`{operation}` of the plugin `{plugin}` {problem}")
class PluginFailed(Diagnostic):
    """The code of a method that does not come with mergec raised an error, or gave what it must not.

    A method gives one Tensor, of the shape that its models' tensors have, made from these. The notes name
    the line of the plugin; its author can help.
    """

    operation: str
    plugin: str
    problem: str


@diagnostic("MC0387", "`{model}` has {channels} input channels in `{tensor}`, and is not the first model")
class ExtraChannels(Diagnostic):
    """An inpainting or pix2pix model is merged with plain ones, and is not the one that they are merged into.

    Its first convolution reads an image to be edited, or a mask, beside the 4 channels of all diffusion
    models on latent images. Merged into it, the others change the 4 channels that all have, and its own
    stay. The other way round these would have nowhere to go.
    """

    model: str
    channels: int
    tensor: str
