from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from huggingface_hub import ModelCard

from mergec.ir.primitive import Reproducibility
from mergec.lock.lock_model import LockedFile, LockedSource
from mergec.provenance.ancestors import Ancestor
from mergec.provenance.model_card import CardFacts, model_card
from mergec.provenance.source_card import Licence, SourceCard

if TYPE_CHECKING:
    from typing import Any

MIT, APACHE = Licence(("mit",)), Licence(("apache-2.0",))


def ancestor(name: str, licence: Licence | None = MIT, *, is_merged: bool = True, **said: Any) -> Ancestor:
    return Ancestor(name, (f"org/{name}",), SourceCard(licence, **said), is_merged)


def facts(*found: Ancestor, **other: Any) -> CardFacts:
    plain: dict[str, Any] = {
        "recipe": "mergec: 1\n",
        "description": None,
        "is_delta": False,
        "reproducibility": Reproducibility.R0,
        "files": [],
        "sources": {},
    }
    return CardFacts(found or (ancestor("a"), ancestor("b")), **{**plain, **other})


def front(card: str) -> dict[str, object]:
    """The front matter as the Hub's library reads it."""
    data: Any = ModelCard(card).data
    found: dict[str, object] = data.to_dict()
    return found


class TestFrontMatter:
    def test_as_the_hub_wants_it(self) -> None:
        said: dict[str, Any] = {"library": "transformers", "task": "text-generation"}
        card = model_card(facts(ancestor("b", **said), ancestor("a", **said)))
        assert card.startswith("---\nlicense: mit\n")
        assert front(card) == {
            "license": "mit",
            "library_name": "transformers",
            "pipeline_tag": "text-generation",
            "tags": ["merge", "mergec"],
            "base_model": ["org/a", "org/b"],
            "base_model_relation": "merge",
        }

    def test_what_sources_do_not_agree_on_is_left_out(self) -> None:
        found = front(model_card(facts(ancestor("a", library="transformers"), ancestor("b", library="peft"))))
        assert "library_name" not in found
        found = front(model_card(facts(ancestor("a", library="transformers"), ancestor("b"))))
        assert found["library_name"] == "transformers"

    def test_who_gives_files_alone_says_nothing_of_the_model(self) -> None:
        giver = ancestor("b", library="peft", is_merged=False)
        found = front(model_card(facts(ancestor("a", library="transformers"), giver)))
        assert (found["library_name"], found["base_model"]) == ("transformers", ["org/a"])

    def test_a_difference_of_weights_is_no_model(self) -> None:
        card = model_card(facts(ancestor("a", library="transformers", task="x"), is_delta=True))
        assert front(card).keys() == {"license", "tags", "base_model", "base_model_relation"}
        assert "A difference of weights that was computed from one source" in card

    @pytest.mark.parametrize(
        ("licences", "stated"),
        [
            ((MIT, MIT), {"license": "mit"}),
            ((MIT, APACHE), {"license": "other"}),
            ((MIT, None), {}),
            ((None, None), {}),
            ((Licence(("bsd", "mit")),), {"license": ["bsd", "mit"]}),
            (
                (Licence(("other",), "llama2", "https://x.example/a"),),
                {"license": "other", "license_name": "llama2", "license_link": "https://x.example/a"},
            ),
            ((Licence(("other",), "x: y", "../LICENSE"),), {"license": "other", "license_name": "x: y"}),
        ],
    )
    def test_licences(self, licences: tuple[Licence | None, ...], stated: dict[str, object]) -> None:
        found = front(model_card(facts(*(ancestor(f"s{at}", one) for at, one in enumerate(licences)))))
        assert {key: value for key, value in found.items() if key.startswith("license")} == stated

    def test_a_link_to_a_file_that_came_along(self) -> None:
        licence = Licence(("other",), "llama2", "LICENSE")
        found = front(model_card(facts(ancestor("a", licence), files=["LICENSE", "config.json"])))
        assert found["license_link"] == "LICENSE"


class TestText:
    @pytest.mark.parametrize(
        ("licences", "text"),
        [
            ((MIT, MIT), "All sources state the same licence."),
            ((MIT, APACHE), "The licences of the sources differ"),
            ((MIT, None), "Not all sources state their licences."),
            ((None, None), "The sources come without a statement of their licences."),
        ],
    )
    def test_licences(self, licences: tuple[Licence | None, ...], text: str) -> None:
        card = model_card(facts(*(ancestor(f"s{at}", one) for at, one in enumerate(licences))))
        assert text in card
        for at, licence in enumerate(licences):
            assert f"| s{at} | org/s{at} | {licence or 'not stated'} |\n" in card

    def test_digests_of_sources_where_they_are_known(self) -> None:
        assert "SHA-256" not in model_card(facts())
        locked = LockedSource(path="a", files={"x|y.bin": LockedFile(size=12, sha256="1" * 64)})
        card = model_card(facts(sources={"a": locked}))
        assert f"| a/x\\|y.bin | 12 | `{'1' * 64}` |\n" in card

    @pytest.mark.parametrize("kind", Reproducibility)
    def test_what_is_promised(self, kind: Reproducibility) -> None:
        card = model_card(facts(reproducibility=kind))
        assert f"Reproducibility class {kind.value}: " in card
        assert ("tolerance" in card) is (kind is Reproducibility.R2)

    def test_the_recipe_stands_in_a_block(self) -> None:
        assert "```yaml\nmergec: 1\n```\n" in model_card(facts())
        assert "````yaml\nx: ```\n````\n" in model_card(facts(recipe="x: ```\n"))

    def test_a_description_is_quoted(self) -> None:
        card = model_card(facts(description="# Mine\n<img src=x>\n---\nlicense: gpl\n"))
        assert "> \\# Mine\n> \\<img src=x\\>\n> \\---\n> license\\: gpl\n" in card
        assert front(card)["license"] == "mit"
        assert model_card(facts(description=" \n")) == model_card(facts())

    def test_names_from_files_do_nothing(self) -> None:
        licence = Licence(("mit | x",), "](javascript:x) `<b>`")
        card = model_card(facts(ancestor("a", licence)))
        assert r"| a | org/a | mit \| x \(\]\(javascript\:x\) \`\<b\>\`\) |" in card
        assert front(card)["license_name"] == "](javascript:x) `<b>`"
