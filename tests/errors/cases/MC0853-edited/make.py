import re
from pathlib import Path

from tests.lock.locking import edited


def make(folder: Path) -> None:
    edited(folder / "recipe.yaml", lambda text: re.sub("checksum: .*", f"checksum: {'f' * 64}", text))
