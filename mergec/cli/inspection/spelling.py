"""Values of configs, for people."""

from __future__ import annotations

import json


def spelled(value: object) -> str:
    """A value as JSON spells it; a text without its quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
