"""Names whose dots were made underscores, so that their numbers can be told again."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<=_)([0-9]+)(?=_|$)")


def spread(path: str) -> str:
    """A flat path with dots around its numbers, for grouping: `te_layers.3.mlp`; others stay as they are."""
    if "." in path:
        return path
    return _NUMBER.sub(r".\1.", path).replace("_.", ".").replace("._", ".").strip(".")
