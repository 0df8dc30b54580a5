import errno
from pathlib import Path

import pytest


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    really = Path.mkdir

    def refuse(path: Path, **options: bool) -> None:
        if path.name == "out.partial":
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        really(path, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
