"""The same merge in mergekit's words and in mergec's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mergec.methods.registry import methods

Document = dict[str, Any]
_WEIGHTS: Final = {"weight": [0.3, 0.5, 0.7]}
_DENSITIES: Final = {"density": [0.4, 0.5, 0.6]}


@dataclass(frozen=True)
class ParityCase:
    """A merge of fine-tunes of one base, in the words of both.

    `models` are taken in order: 0 is the base. `base` says that the first one is mergekit's base model.
    Where it `chooses` one model's value or the other's, the number of other choices is told.
    `theirs` are mergekit's shared parameters, `ours` mergec's keys; `per_input` both have, and
    `roles` are mergec's keys for single models.
    """

    method: str
    models: int = 4
    base: bool = True
    theirs: Mapping[str, Any] = field(default_factory=dict)
    ours: Mapping[str, Any] = field(default_factory=dict)
    per_input: Mapping[str, Sequence[float]] = field(default_factory=dict)
    roles: tuple[str, ...] = ("base",)
    note: str = ""
    random: bool = False
    chooses: bool = False

    @property
    def title(self) -> str:
        """The method and what is not at its default."""
        told = ", ".join(f"{key}: {str(value).lower()}" for key, value in self.ours.items())
        return f"{self.method} ({told})" if told else self.method

    def configuration(self, folders: Sequence[Path]) -> Document:
        """The merge as mergekit's configuration."""
        used = [str(folder) for folder in folders[: self.models]]
        listed = used[1:] if self.base and self.roles else used
        models: list[Document] = []
        for i, path in enumerate(listed):
            parameters = {key: values[i] for key, values in self.per_input.items()}
            models.append({"model": path, **({"parameters": parameters} if parameters else {})})
        document: Document = {"merge_method": self.method, "dtype": "float32", "models": models}
        if self.base:
            document["base_model"] = used[0]
        if self.theirs:
            document["parameters"] = dict(self.theirs)
        return document

    def recipe(self, folders: Sequence[Path], out: Path, seed: int) -> Document:
        """The merge as mergec's recipe."""
        names = [f"m{i}" for i in range(self.models)]
        operation: Document = {"op": self.method, **self.ours}
        if methods()[self.method].method.has_key("compat"):
            operation["compat"] = "mergekit-0.1"
        operation.update(zip(self.roles, names, strict=False))
        listed = names[len(self.roles) :]
        if listed:
            operation["inputs"] = {
                name: {key: values[i] for key, values in self.per_input.items()}
                for i, name in enumerate(listed)
            }
            if not self.per_input:
                operation["inputs"] = listed
        if self.random:
            operation["seed"] = seed
        sources = {name: str(folder) for name, folder in zip(names, folders, strict=False)}
        output = {"model": "merged", "path": str(out)}
        return {"mergec": 1, "sources": sources, "models": {"merged": operation}, "output": output}


def _spherical() -> Iterator[ParityCase]:
    keys = {"normalize": True}
    yield ParityCase("linear", 3, base=False, theirs=keys, ours=keys, per_input=_WEIGHTS, roles=())
    unscaled = {"normalize": False}
    yield ParityCase(
        "linear",
        3,
        base=False,
        theirs=unscaled,
        ours={**unscaled, "allow_scaling": True},
        per_input=_WEIGHTS,
        roles=(),
    )
    yield ParityCase("slerp", 2, theirs={"t": 0.3}, ours={"t": 0.3}, roles=())
    two = {"weight": [0.3, 0.5]}
    vectors: dict[str, dict[str, Any]] = {
        "tensor": {},
        "rows": {"nuslerp_flatten": False},
        "columns": {"nuslerp_flatten": False, "nuslerp_row_wise": True},
    }
    for name, theirs in vectors.items():
        ours = {"vectors": name}
        yield ParityCase("nuslerp", 2, base=False, theirs=theirs, ours=ours, per_input=two, roles=())
        yield ParityCase("nuslerp", 3, theirs=theirs, ours=ours, per_input=two, note="with a base")
    yield ParityCase("multislerp", 3, base=False, per_input=_WEIGHTS, roles=())
    yield ParityCase("multislerp", per_input=_WEIGHTS, note="with a base")
    yield ParityCase("karcher", 3, base=False, roles=())


def _task_vectors() -> Iterator[ParityCase]:
    keys: dict[str, Any]
    yield ParityCase("task_arithmetic", theirs={"lambda": 0.7}, ours={"lambda": 0.7}, per_input=_WEIGHTS)
    scaled = {"normalize": True}
    yield ParityCase("task_arithmetic", theirs=scaled, ours=scaled, per_input=_WEIGHTS)
    trimmed = {**_WEIGHTS, **_DENSITIES}
    gamma = {"gamma": [0.01, 0.05, 0.02]}
    for method, given in (
        ("ties", trimmed),
        ("breadcrumbs", {**trimmed, **gamma}),
        ("breadcrumbs_ties", {**trimmed, **gamma}),
    ):
        yield ParityCase(method, per_input=given)
        for normalize in (False, True):
            keys = {"normalize": normalize}
            yield ParityCase(method, theirs=keys, ours=keys, per_input=given)
        yield ParityCase(method, theirs={"rescale": True}, ours={"rescale": "l1"}, per_input=given)
    for topk in (1.0, 0.3):
        keys = {"select_topk": topk}
        yield ParityCase("sce", theirs=keys, ours=keys)
    for filter_wise in (False, True):
        keys = {"filter_wise": filter_wise}
        yield ParityCase("model_stock", theirs=keys, ours=keys)
    yield ParityCase("ram", theirs={"epsilon": 0.01}, ours={"epsilon": 0.01})
    keys = {"epsilon": 0.01, "r": 0.3, "alpha": 0.5}
    yield ParityCase("ramplus_tl", theirs=keys, ours=keys)


def _pairs() -> Iterator[ParityCase]:
    yield ParityCase("nearswap", 2, theirs={"t": 0.005}, ours={"t": 0.005}, roles=("base", "model"))
    yield ParityCase("arcee_fusion", 2, roles=("base", "model"), chooses=True)
    yield ParityCase(
        "passthrough",
        1,
        base=False,
        theirs={"scale": 0.3},
        ours={"scale": 0.3},
        roles=("model",),
    )


def _random() -> Iterator[ParityCase]:
    for method in ("dare_linear", "dare_ties", "della_linear", "della"):
        more = {"epsilon": [0.1, 0.1, 0.1]} if method.startswith("della") else {}
        yield ParityCase(method, per_input={**_WEIGHTS, **_DENSITIES, **more}, random=True)


PARITY_CASES: Final = (*_spherical(), *_task_vectors(), *_pairs(), *_random())
