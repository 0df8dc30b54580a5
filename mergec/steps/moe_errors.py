"""Diagnostics of mixtures of experts. MC0395 to MC0398."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, diagnostic


@diagnostic("MC0395", "`{model}` cannot become a {layout} model: {problem}")
class NoBaseForExperts(Diagnostic):
    """A mixture takes all but its MLPs from a dense model of its own family, whose config.json describes it.

    Mixtral's layers are those of Mistral and Llama without biases; Qwen2-MoE's are those of Qwen2, and
    Qwen3-MoE's those of Qwen3.
    """

    model: str
    layout: str
    problem: str


@diagnostic("MC0396", "`{model}` cannot be an expert: {problem}")
class NoExpert(Diagnostic):
    """Each expert gives the MLP of every layer: gate_proj, up_proj and down_proj, all of the same sizes."""

    model: str
    problem: str
    help: str | None = "experts are models of one shape, such as fine-tunes of one base"


@diagnostic("MC0397", "`{model}` does not hold the router of every layer: {problem}")
class WrongRouters(Diagnostic):
    """A router has a row for each expert, and as many columns as the hidden states.

    Routers are named as the mixture's tensors are; `rename:` on their source brings other names there.
    """

    model: str
    problem: str
    help: str | None = "where they have other names, bring them there with `rename:` on the source"


@diagnostic("MC0398", "`{operation}`: {problem}")
class WrongNumberOfExperts(Diagnostic):
    """A mixture has at least two experts, and as many of them at a token as it has at most.

    Only Qwen2-MoE has an expert that all tokens go through, and it always has one.
    """

    operation: str
    problem: str
