import pytest

from mergec import pipeline


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("node 3 has no type")

    monkeypatch.setattr(pipeline, "compile_recipe", fail)
