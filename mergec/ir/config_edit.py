"""What a recipe changes in the config.json of its output."""

from __future__ import annotations

from typing import NamedTuple


class ConfigEdit(NamedTuple):
    """The keys of `keys` that hold `old` get `new`; a key that is absent or holds another value stays.

    So the depth of a language model changes where its config counts it, and the depth of a vision tower
    beside it does not.
    """

    keys: tuple[str, ...]
    old: int
    new: int
