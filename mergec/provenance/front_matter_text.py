"""Front matter for a model card, in YAML that every parser reads alike."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*")
# What is no text without quotes: in YAML 1.1, which the Hub's Python library reads, or in YAML 1.2.
_WORDS = {"y", "yes", "n", "no", "on", "off", "true", "false", "null"}


def front_matter_text(entries: Mapping[str, str | Sequence[str]]) -> str:
    """The entries, between the lines that set them off. Texts hold printable characters only."""
    return "".join(f"{line}\n" for line in ("---", *_lines(entries), "---"))


def _lines(entries: Mapping[str, str | Sequence[str]]) -> Iterator[str]:
    for key, value in entries.items():
        if isinstance(value, str):
            yield f"{key}: {_quoted(value)}"
        else:
            yield f"{key}:"
            yield from (f"- {_quoted(one)}" for one in value)


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
