"""Names that come out of files, made harmless for a terminal."""

from __future__ import annotations

_LONGEST = 200


def safe(name: object) -> str:
    """The name with control and other unprintable characters escaped, and cut when very long.

    Tensor names are untrusted: they may hold terminal escapes, line breaks, or megabytes of text.
    """
    text = str(name)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 3] + "..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
