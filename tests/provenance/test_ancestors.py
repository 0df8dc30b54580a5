from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.diagnostics import Report
from mergec.lower.bind import bind
from mergec.pipeline import compile_recipe
from mergec.provenance.ancestors import Ancestor, ancestors, base_models, common_licence
from mergec.provenance.source_card import Licence

if TYPE_CHECKING:
    from tests.conftest import Workbench

W = np.ones(3, np.float32)
SUM = "0.5 * a + 0.5 * b"


def card(**entries: object) -> str:
    return "".join(("---\n", *(f"{key}: {json.dumps(value)}\n" for key, value in entries.items()), "---\n"))


def found(bench: Workbench, model: object = SUM, **output: object) -> tuple[list[Ancestor], Report]:
    bench.recipe(model, **output)
    report = Report()
    compiled = compile_recipe(bench.folder / "recipe.yaml", {}, report)
    return ancestors(bind(compiled.recipe, Report()), compiled.sources), report


class TestNames:
    def test_config_then_card_then_source(self, bench: Workbench) -> None:
        config = json.dumps({"_name_or_path": "org/A-7b"})
        bench.folder_source("a", {"w": W}, config__json=config, README__md=card(base_model="org/other"))
        bench.folder_source("b", {"w": W}, README__md=card(base_model=["org/z", "org/b"]))
        bench.folder_source("c", {"w": W})
        models, _ = found(bench, "a + b - c")
        assert [one.models for one in models] == [("org/A-7b",), ("org/z", "org/b"), ("c",)]
        assert base_models(models) == ["c", "org/A-7b", "org/b", "org/z"]

    def test_the_hub_s_cache_tells_for_sure(self, bench: Workbench) -> None:
        name = "models--org--b-7b/snapshots/0123abc"
        config = json.dumps({"_name_or_path": "org/parent"})
        (bench.folder / name).mkdir(parents=True)
        bench.folder_source(name, {"w": W}, config__json=config)
        bench.sources = {"a": {"path": name}}
        models, _ = found(bench, "a")
        assert base_models(models) == ["org/b-7b"]

    @pytest.mark.parametrize(
        "origin", ["", ".", "./out", "/home/alice/out", "a/b/c", "org/", "org/a b", "x" * 97, "a\n", 3, None]
    )
    def test_what_is_no_name_on_the_hub_is_passed_over(self, bench: Workbench, origin: object) -> None:
        config = json.dumps({"_name_or_path": origin})
        readme = card(base_model=[origin]) if isinstance(origin, str) else ""
        bench.folder_source("a", {"w": W}, config__json=config, README__md=readme)
        models, _ = found(bench, "a")
        assert base_models(models) == ["a"]

    def test_who_gives_files_alone_is_no_base_model(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W})
        bench.folder_source("b", {"w": W}, README__md=card(license="mit"))
        models, _ = found(bench, "a", copy_files_from="b")
        assert [(one.name, one.is_merged) for one in models] == [("a", True), ("b", False)]
        assert base_models(models) == ["a"]


class TestLicences:
    @pytest.mark.parametrize(
        ("a", "b", "common"),
        [
            ({"license": "mit"}, {"license": "MIT"}, Licence(("mit",))),
            ({"license": "mit"}, {}, None),
            ({}, {}, None),
            ({"license": "mit"}, {"license": "apache-2.0"}, Licence(("other",))),
            ({"license": ["mit", "bsd"]}, {"license": ["bsd", "mit"]}, Licence(("bsd", "mit"))),
            ({"license": "other"}, {"license": "other"}, Licence(("other",))),
            (
                {"license": "other", "license_name": "x", "license_link": "LICENSE"},
                {"license": "other", "license_name": "x", "license_link": "LICENSE"},
                Licence(("other",), "x", "LICENSE"),
            ),
            (
                {"license": "other", "license_name": "x", "license_link": "LICENSE"},
                {"license": "other", "license_name": "x", "license_link": "https://x.example"},
                Licence(("other",), "x"),
            ),
            (
                {"license": "other", "license_name": "x"},
                {"license": "other", "license_name": "y"},
                Licence(("other",)),
            ),
        ],
    )
    def test_of_two(
        self, bench: Workbench, a: dict[str, object], b: dict[str, object], common: Licence | None
    ) -> None:
        bench.folder_source("a", {"w": W}, README__md=card(**a))
        bench.folder_source("b", {"w": W}, README__md=card(**b))
        models, report = found(bench)
        assert common_licence(models) == common
        words = {(tuple(one.card.licence.words), one.card.licence.name) for one in models if one.card.licence}
        assert [one.code for one in report.diagnostics] == (["MC0830"] if len(words) > 1 else [])

    def test_they_differ_though_a_third_says_nothing(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, README__md=card(license="mit"))
        bench.folder_source("b", {"w": W})
        bench.folder_source("c", {"w": W}, README__md=card(license="llama2"))
        models, report = found(bench, "a + b - c")
        assert common_licence(models) == Licence(("other",))
        assert [one.message for one in report.diagnostics] == [
            "the sources have different licences: mit, llama2"
        ]

    def test_a_file_that_only_gives_a_tokenizer_has_a_licence_too(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, README__md=card(license="mit"))
        bench.folder_source("b", {"w": W}, README__md=card(license="llama2"), tokenizer__json="{}")
        _, report = found(bench, "a", copy_files_from="b")
        assert [one.code for one in report.diagnostics] == ["MC0830"]

    def test_a_card_that_cannot_be_used(self, bench: Workbench) -> None:
        bench.folder_source("a", {"w": W}, README__md=card(license="mit"))
        bench.folder_source("b", {"w": W}, README__md="---\nlicense: *mit\n---\n")
        models, report = found(bench)
        assert common_licence(models) is None
        assert [one.code for one in report.diagnostics] == ["MC0831"]
