from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from mergec.lock.lock_model import LockModel
from mergec.provenance.statement import BUILD_TYPE, Attested, statement

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGESTS = {name: f"{at:x}" * 64 for at, name in enumerate(("recipe", "a", "b", "config", "table", "lock"))}
LOCK: dict[str, Any] = {
    "lock": {"schema": 1, "checksum": "0" * 64},
    "recipe": {
        "path": "recipe.yaml",
        "sha256": DIGESTS["recipe"],
        "content": {"mergec": 1, "sources": {"a": {"path": "/home/alice/a"}}},
    },
    "tool": {"mergec": "1.2.3", "language": 1, "numerics": 4, "torch": "2.13.0"},
    "sources": {
        "tuned": {"path": "b", "files": {"model.safetensors": {"size": 1, "sha256": DIGESTS["b"]}}},
        "base": {"path": "/home/alice/a", "files": {"x.bin": {"size": 1, "sha256": DIGESTS["a"]}}},
    },
    "copied": {"config.json": {"from": "/home/alice/cfg", "size": 1, "sha256": DIGESTS["config"]}},
    "decisions": {
        "aligned": {
            "table": {"path": "tables/llama.yaml", "sha256": DIGESTS["table"]},
            "found": {"seed": 0, "objective": 1.0, "permutations": "e" * 64},
        }
    },
    "tensors": {"count": 1, "keys": "0" * 64},
    "output": {"class": "R1", "files": {"model.safetensors": 9}, "merkle": "d" * 64, "manifest": "c" * 64},
}
SUBJECTS = {"model.safetensors": "2" * 64, "README.md": "1" * 64}

# The rules of both specifications, as far as they say which fields there are and what they hold.
URI = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:"}
DIGEST_SET = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
DESCRIPTOR = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "uri": URI,
        "digest": DIGEST_SET,
        "content": {"type": "string"},
        "name": {"type": "string"},
        "downloadLocation": URI,
        "mediaType": {"type": "string"},
        "annotations": {"type": "object"},
    },
    "anyOf": [{"required": [key]} for key in ("uri", "digest", "content")],
}
SLSA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["buildDefinition", "runDetails"],
    "properties": {
        "buildDefinition": {
            "type": "object",
            "additionalProperties": False,
            "required": ["buildType", "externalParameters"],
            "properties": {
                "buildType": URI,
                "externalParameters": {"type": "object"},
                "internalParameters": {"type": "object"},
                "resolvedDependencies": {"type": "array", "items": DESCRIPTOR},
            },
        },
        "runDetails": {
            "type": "object",
            "additionalProperties": False,
            "required": ["builder"],
            "properties": {
                "builder": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["id"],
                    "properties": {
                        "id": URI,
                        "version": {"type": "object", "additionalProperties": {"type": "string"}},
                        "builderDependencies": {"type": "array", "items": DESCRIPTOR},
                    },
                },
                "metadata": {"type": "object"},
                "byproducts": {"type": "array", "items": DESCRIPTOR},
            },
        },
    },
}
STATEMENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["_type", "subject", "predicateType"],
    "properties": {
        "_type": {"const": "https://in-toto.io/Statement/v1"},
        "subject": {
            "type": "array",
            "minItems": 1,
            "items": {**DESCRIPTOR, "required": ["digest"]},
        },
        "predicateType": {"const": "https://slsa.dev/provenance/v1"},
        "predicate": SLSA,
    },
}


def check_statement(document: object) -> None:
    """Hold a statement against the specifications."""
    Draft202012Validator(STATEMENT).validate(document)


def attested(**other: Mapping[str, Any] | None) -> Attested:
    lock = LockModel.model_validate({key: value for key, value in {**LOCK, **other}.items() if value})
    assert lock.output is not None
    return Attested(lock, DIGESTS["lock"], lock.output, SUBJECTS)


def test_structure() -> None:
    check_statement(statement(attested()))


def test_subjects_are_sorted() -> None:
    assert statement(attested())["subject"] == [
        {"name": "README.md", "digest": {"sha256": "1" * 64}},
        {"name": "model.safetensors", "digest": {"sha256": "2" * 64}},
    ]


def predicate(of: Attested, builder: str = "https://b.example") -> dict[str, Any]:
    found = statement(of, builder)["predicate"]
    assert isinstance(found, dict)
    return found


def test_the_definition_of_the_build() -> None:
    definition = predicate(attested())["buildDefinition"]
    assert definition["buildType"] == BUILD_TYPE
    assert definition["externalParameters"] == {
        "recipe": {
            "name": "recipe.yaml",
            "canonicalSha256": DIGESTS["recipe"],
            "content": {"mergec": 1, "sources": {"a": {"path": "a"}}},
        }
    }
    assert definition["internalParameters"] == {
        "language": 1,
        "numerics": 4,
        "torch": "2.13.0",
        "reproducibility": "R1",
        "merkleRoot": "d" * 64,
        "permutations": {"aligned": "e" * 64},
    }
    assert [(one["name"], one["digest"]["sha256"]) for one in definition["resolvedDependencies"]] == [
        ("base/x.bin", DIGESTS["a"]),
        ("tuned/model.safetensors", DIGESTS["b"]),
        ("cfg/config.json", DIGESTS["config"]),
        ("tables/llama.yaml", DIGESTS["table"]),
    ]


def test_the_run() -> None:
    assert predicate(attested())["runDetails"] == {
        "builder": {"id": "https://b.example", "version": {"mergec": "1.2.3"}},
        "byproducts": [
            {"name": "recipe.lock", "digest": {"sha256": DIGESTS["lock"]}},
            {"name": "mergec.manifest.json", "digest": {"sha256": "c" * 64}},
        ],
    }


def test_what_there_is_not_is_left_out() -> None:
    tool = {"mergec": "1.2.3", "language": 1, "numerics": 4}
    output = {"class": "R0", "files": {"x.safetensors": 9}, "merkle": "d" * 64}
    recipe = {"path": "big.yaml", "sha256": DIGESTS["recipe"]}
    of = attested(tool=tool, output=output, recipe=recipe, decisions=None, copied=None)
    check_statement(statement(of))
    found = predicate(of)
    assert found["buildDefinition"]["internalParameters"].keys() == {
        "language", "numerics", "reproducibility", "merkleRoot"
    }  # fmt: skip
    assert "content" not in found["buildDefinition"]["externalParameters"]["recipe"]
    assert [one["name"] for one in found["runDetails"]["byproducts"]] == ["big.lock"]


def test_nobody_learns_where_files_lie() -> None:
    assert not re.search("alice|home", str(statement(attested())))


@pytest.mark.parametrize("broken", ["_type", "subject", "predicateType"])
def test_the_rules_find_what_is_missing(broken: str) -> None:
    found = statement(attested())
    del found[broken]
    assert not Draft202012Validator(STATEMENT).is_valid(found)
