"""What the model card of a source says: README.md with a front matter, as on the Hugging Face Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.provenance.front_matter import front_matter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CARD = "README.md"
_WANTED = ("license", "license_name", "license_link", "base_model", "library_name", "pipeline_tag")
_LONGEST = 200


class Licence(NamedTuple):
    """A licence as a card names it: the Hub's words for it, and for `other` perhaps a name and a link."""

    words: tuple[str, ...]
    name: str | None = None
    link: str | None = None

    def __str__(self) -> str:
        words = ", ".join(self.words)
        return f"{words} ({self.name})" if self.name is not None else words

    def is_same(self, other: Licence) -> bool:
        """Whether both mean the same text, as far as words tell: each repository links its own copy."""
        return (self.words, self.name) == (other.words, other.name)


class SourceCard(NamedTuple):
    """What a card says. `problem` tells why one that is there says nothing."""

    licence: Licence | None = None
    base_models: tuple[str, ...] = ()
    library: str | None = None
    task: str | None = None
    problem: str = ""


def read_card(folder: Path) -> SourceCard:
    """The card in a source's folder. It never stops a build: whoever made the source wrote it."""
    path = folder / CARD
    try:
        if not path.is_file():
            return SourceCard()
        found = front_matter(path, _WANTED)
        return SourceCard(
            _licence(found),
            _texts(found, "base_model"),
            _text(found, "library_name"),
            _text(found, "pipeline_tag"),
        )
    except OSError as error:
        return SourceCard(problem=error.strerror or "it cannot be read")
    except ValueError as error:
        return SourceCard(problem=str(error))


def _licence(found: Mapping[str, object]) -> Licence | None:
    words = tuple(sorted({word.lower() for word in _texts(found, "license")}))
    return Licence(words, _text(found, "license_name"), _text(found, "license_link")) if words else None


def _text(found: Mapping[str, object], key: str) -> str | None:
    texts = _texts(found, key)
    if len(texts) > 1:
        raise ValueError(f"`{key}` is a list")
    return texts[0] if texts else None


def _texts(found: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = found.get(key)
    listed = value if isinstance(value, list) else [value]
    texts: list[str] = []
    for one in listed:
        if one is None or one == "":
            continue
        if not isinstance(one, str):
            raise ValueError(f"`{key}` is no text")  # noqa: TRY004 - a fault of the file
        if len(one) > _LONGEST or not one.isprintable():
            raise ValueError(f"`{key}` is too long or holds characters that cannot be printed")
        texts.append(one)
    return tuple(texts)
