import errno
import os

import pytest


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith("base.safetensors"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
