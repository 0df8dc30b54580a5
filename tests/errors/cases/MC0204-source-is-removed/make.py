from pathlib import Path

import pytest

from mergec.output.partial_output import PartialOutput


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the source when the output has been prepared, just before the weights are read."""
    prepare = PartialOutput.__init__

    def changed(*args: object, **named: object) -> None:
        prepare(*args, **named)  # type: ignore[arg-type]
        Path("changing.safetensors").unlink()

    monkeypatch.setattr(PartialOutput, "__init__", changed)
