"""README.md of an output: a model card as the Hugging Face Hub reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.primitive import Reproducibility
from mergec.provenance.ancestors import base_models, common_licence
from mergec.provenance.built_recipe import BUILT_RECIPE
from mergec.provenance.front_matter_text import front_matter_text
from mergec.provenance.markdown_text import escaped, fenced, quotation, table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mergec.lock.lock_model import LockedSource
    from mergec.provenance.ancestors import Ancestor
    from mergec.provenance.source_card import Licence

_PROMISES = {
    Reproducibility.R0: "all tensors then have the same bytes, on any machine.",
    Reproducibility.R1: "all tensors then have the same bytes, with the same builds of torch and NumPy.",
    Reproducibility.R2: "some tensors then have the same values only within a tolerance.",
}


class CardFacts(NamedTuple):
    """What a card tells.

    `recipe` is the text of the built recipe, `files` name what lies beside the card, and `sources` tell
    what is known of the files of each source, by its name.
    """

    ancestors: Sequence[Ancestor]
    recipe: str
    description: str | None
    is_delta: bool
    reproducibility: Reproducibility
    files: Collection[str]
    sources: Mapping[str, LockedSource]


def model_card(facts: CardFacts) -> str:
    """The text of the card: no byte of it depends on time, place or machine."""
    return "\n".join((front_matter_text(_front_matter(facts)), *_sections(facts)))


def _front_matter(facts: CardFacts) -> dict[str, str | Sequence[str]]:
    merged = [ancestor.card for ancestor in facts.ancestors if ancestor.is_merged]
    # A difference of weights is nothing that a library loads or a task is solved with.
    library = None if facts.is_delta else _agreed(card.library for card in merged)
    task = None if facts.is_delta else _agreed(card.task for card in merged)
    return {
        **_licence_entries(common_licence(facts.ancestors), facts.files),
        **({"library_name": library} if library is not None else {}),
        **({"pipeline_tag": task} if task is not None else {}),
        "tags": ["merge", "mergec"],
        "base_model": base_models(facts.ancestors),
        "base_model_relation": "merge",
    }


def _agreed(said: Iterable[str | None]) -> str | None:
    """What all that say something say."""
    found = {one for one in said if one is not None}
    return found.pop() if len(found) == 1 else None


def _licence_entries(licence: Licence | None, files: Collection[str]) -> dict[str, str | Sequence[str]]:
    if licence is None:
        return {}
    words = licence.words
    entries: dict[str, str | Sequence[str]] = {"license": words[0] if len(words) == 1 else words}
    if licence.name is not None:
        entries["license_name"] = licence.name
    # A link into the repository of a source leads nowhere from here, unless the file came along.
    if licence.link is not None and (
        licence.link.startswith(("https://", "http://")) or licence.link in files
    ):
        entries["license_link"] = licence.link
    return entries


def _sections(facts: CardFacts) -> Iterable[str]:
    count = len(facts.ancestors)
    what = "A difference of weights" if facts.is_delta else "A checkpoint"
    whose = "one source" if count == 1 else f"{count} sources"
    yield "# Merged model\n"
    if facts.description is not None and facts.description.strip():
        yield quotation(facts.description)
    yield f"{what} that was computed from {whose} by the recipe below, with mergec. Nothing was trained.\n"
    yield "## Sources\n"
    yield table(("source", "model", "licence"), [_row(one) for one in facts.ancestors])
    yield f"{_licence_text(facts.ancestors)}\n"
    files = [
        (escaped(f"{name}/{file}"), str(locked.size), f"`{locked.sha256}`")
        for name, source in sorted(facts.sources.items())
        for file, locked in sorted(source.files.items())
    ]
    if files:
        yield table(("file", "bytes", "SHA-256"), files)
    yield "## Recipe\n"
    yield fenced(facts.recipe, "yaml")
    yield "## Building it again\n"
    yield (
        f"Put `{BUILT_RECIPE}` where its paths lead to the sources above (of absolute paths only the last "
        f"part is written there), and run `mergec build {BUILT_RECIPE}`. Reproducibility class "
        f"{facts.reproducibility.value}: {_PROMISES[facts.reproducibility]} `mergec verify` compares this "
        "folder with `mergec.manifest.json`, which lists all tensors and their digests.\n"
    )


def _row(ancestor: Ancestor) -> tuple[str, ...]:
    licence = ancestor.card.licence
    return (
        escaped(ancestor.name),
        ", ".join(map(escaped, ancestor.models)),
        escaped(str(licence)) if licence is not None else "not stated",
    )


def _licence_text(found: Sequence[Ancestor]) -> str:
    stated = [ancestor.card.licence for ancestor in found if ancestor.card.licence is not None]
    if any(not stated[0].is_same(other) for other in stated):
        return "The licences of the sources differ: whoever uses or passes this on has to heed all of them."
    if not stated:
        return "The sources come without a statement of their licences."
    if len(stated) < len(found):
        return "Not all sources state their licences."
    return "All sources state the same licence."
