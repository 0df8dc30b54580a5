"""A function in a Python file that the user names: loading the file runs it, which is what was asked for."""

from __future__ import annotations

import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import MergecError, did_you_mean
from mergec.symmetries.self_test_errors import NoForward
from mergec.testing.arrays import as_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch
    from numpy.typing import NDArray

_NAME = "mergec_forward"


def given_forward(text: str) -> Callable[[dict[str, torch.Tensor]], list[NDArray[np.generic]]]:
    """The function that `FILE.py:FUNCTION` names, with what it returns as arrays.

    Raises:
        MergecError: MC0553 where there is none, and from the function where it fails.
    """
    path, _, name = text.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier():
        raise _refused(text, "expected FILE.py:FUNCTION, or `transformers`")
    function = _found(text, Path(path), name)

    def forward(tensors: dict[str, torch.Tensor]) -> list[NDArray[np.generic]]:
        try:
            return as_outputs(function(tensors))
        except Exception as error:  # noqa: BLE001  # whatever the user's code raises
            raise _failed(text, path, "the function failed", error) from None

    return forward


def _found(text: str, path: Path, name: str) -> Callable[[dict[str, torch.Tensor]], object]:
    if not path.is_file():
        raise _refused(text, f"no file `{path}`")
    spec = spec_from_file_location(_NAME, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # as for a script: it may import what lies beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001  # whatever the user's code raises
        raise _failed(text, str(path), "the file cannot be run", error) from None
    finally:
        sys.path.pop(0)
    function: Any = getattr(module, name, None)
    if not callable(function):
        known = [one for one, value in vars(module).items() if callable(value)]
        raise _refused(text, f"the file has no function `{name}`", did_you_mean(name, known))
    return function  # type: ignore[no-any-return]


def _refused(text: str, problem: str, help_: str | None = None) -> MergecError:
    return MergecError([NoForward(what=text, problem=problem, help=help_)])


def _failed(text: str, path: str, what: str, error: Exception) -> MergecError:
    """The diagnostic with the last line of the user's own file that was running."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).name == Path(path).name]
    told = str(error).strip().splitlines()
    problem = f"{what}: {type(error).__name__}{f': {told[0]}' if told else ''}"
    notes = (f"in line {lines[-1]} of {path}",) if lines else ()
    return MergecError([NoForward(what=text, problem=problem, notes=notes)])
