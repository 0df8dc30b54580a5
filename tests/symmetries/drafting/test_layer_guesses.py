from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mergec.symmetries.drafting.layer_guesses import layer_guesses
from mergec.symmetries.drafting.model_facts import ModelFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

STORED = ModelFacts(16, "", 4, "n_head", has_stored_positions=True)
ROTARY = ModelFacts(16, "", 4, "n_head", 2, "n_kv", has_stored_positions=False, is_rotary=True)
SEPARATE = {f"attn.{part}.weight": (16, 16) for part in ("q", "k", "v", "o")}


def texts(shapes: Mapping[str, tuple[int, ...]], facts: ModelFacts = STORED) -> dict[str, str]:
    return {name: guess.text for name, guess in layer_guesses(shapes, facts)[0].items()}


def test_heads_of_their_own() -> None:
    assert texts(SEPARATE) == {
        "attn.q.weight": "(h qk[h]) res",
        "attn.k.weight": "(h qk[h]) res",
        "attn.v.weight": "(h v[h]) res",
        "attn.o.weight": "res (h v[h])",
    }
    assert layer_guesses(SEPARATE, STORED)[1] == {"h": "n_head"}


def test_grouped_queries() -> None:
    shapes = {**SEPARATE, "attn.k.weight": (8, 16), "attn.v.weight": (8, 16)}
    assert texts(shapes, ROTARY) == {
        "attn.q.weight": "(kv q[kv] _) res",
        "attn.k.weight": "(kv _) res",
        "attn.v.weight": "(kv v[kv]) res",
        "attn.o.weight": "res (kv q[kv] v[kv])",
    }


@pytest.mark.parametrize(
    ("shapes", "facts"),
    [
        (SEPARATE, ModelFacts(16, "")),
        (SEPARATE, ModelFacts(16, "", 3, "n_head")),
        ({**SEPARATE, "attn.slopes": (4,)}, STORED),
        ({name: shape for name, shape in SEPARATE.items() if ".o." not in name}, STORED),
        ({**SEPARATE, "attn.k.weight": (4, 16)}, STORED),
        ({**SEPARATE, "attn.q_bias": (16,)}, STORED),
        ({**SEPARATE, "attn.k.weight": (16, 12)}, STORED),
    ],
    ids=[
        "no heads told",
        "heads that do not divide",
        "a number for each head",
        "no output",
        "odd keys",
        "a bias under a name of its own",
        "keys of another stream",
    ],
)
def test_heads_in_doubt_stay(shapes: dict[str, tuple[int, ...]], facts: ModelFacts) -> None:
    guesses, sizes = layer_guesses(shapes, facts)
    assert sizes == {}
    assert guesses["attn.q.weight"].text == "_ res"
    assert not guesses["attn.q.weight"].is_sure


@pytest.mark.parametrize(
    ("facts", "axes"),
    [(STORED, "(h qk[h] | h qk[h] | h v[h]) res"), (ROTARY, "(h _hd | h _hd | h v[h]) res")],
)
def test_fused(facts: ModelFacts, axes: str) -> None:
    shapes = {"attn.qkv.weight": (48, 16), "attn.qkv.bias": (48,), "attn.proj.weight": (16, 16)}
    guesses, _ = layer_guesses(shapes, facts)
    assert guesses["attn.qkv.weight"].text == axes
    assert guesses["attn.qkv.bias"].text == axes.removesuffix(" res")
    assert guesses["attn.proj.weight"].text == "res (h v[h])"
    assert not guesses["attn.qkv.weight"].is_sure


def test_norms_of_queries_over_one_head() -> None:
    """The order inside a head is that of the norm's weight, which all heads share."""
    norms = {"attn.q_norm.weight": (4,), "attn.k_norm.weight": (4,)}
    found = texts({**SEPARATE, **norms})
    assert found["attn.q.weight"] == "(h _) res"
    assert found["attn.q_norm.weight"] == "_"


def test_norms_of_queries_over_all_heads() -> None:
    found = texts({**SEPARATE, "attn.q_norm.weight": (16,), "attn.k_norm.weight": (16,)})
    assert found["attn.q.weight"] == found["attn.k.weight"] == "(h _) res"
    assert found["attn.q_norm.weight"] == found["attn.k_norm.weight"] == "(h _)"


def test_two_attentions_have_groups_of_their_own() -> None:
    both = {**SEPARATE, **{name.replace("attn", "cross_attn"): shape for name, shape in SEPARATE.items()}}
    found = texts(both)
    assert found["attn.v.weight"] == "(h v[h]) res"
    assert found["cross_attn.v.weight"] == "(h2 v2[h2]) res"


def test_inputs_first() -> None:
    shapes = {
        "mlp.up.weight": (16, 20),
        "mlp.up.bias": (20,),
        "mlp.down.weight": (20, 16),
        "mlp.down.bias": (16,),
    }
    assert texts(shapes) == {
        "mlp.up.weight": "res ffn",
        "mlp.up.bias": "ffn",
        "mlp.down.weight": "ffn res",
        "mlp.down.bias": "res",
    }


def test_two_feed_forward_parts() -> None:
    one = {"a.up.weight": (20, 16), "a.down.weight": (16, 20)}
    two = {"b.up.weight": (20, 16), "b.down.weight": (16, 20)}
    assert texts(one | two)["b.down.weight"] == "res ffn2"


def test_vectors_of_hidden_units() -> None:
    shapes = {"mlp.up.weight": (20, 16), "mlp.norm.weight": (20,), "mlp.down.weight": (16, 20)}
    guesses, _ = layer_guesses(shapes, STORED)
    assert guesses["mlp.norm.weight"].text == "ffn"
    assert not guesses["mlp.norm.weight"].is_sure


def test_hidden_units_that_something_else_reads_stay() -> None:
    shapes = {"mlp.up.weight": (20, 16), "mlp.mix.weight": (20, 20), "mlp.down.weight": (16, 20)}
    assert texts(shapes) == {
        "mlp.up.weight": "_ res",
        "mlp.mix.weight": "_ _",
        "mlp.down.weight": "_ _",
    }


def test_a_fused_gate() -> None:
    shapes = {"mlp.w12.weight": (40, 16), "mlp.w12.bias": (40,), "mlp.w3.weight": (16, 20)}
    guesses, _ = layer_guesses(shapes, STORED)
    assert guesses["mlp.w12.weight"].text == "(ffn | ffn) res"
    assert guesses["mlp.w12.bias"].text == "(ffn | ffn)"
    assert not guesses["mlp.w12.weight"].is_sure


def test_hidden_units_as_many_as_the_stream_are_told_by_name() -> None:
    shapes = {"mlp.up.weight": (16, 16), "mlp.down.weight": (16, 16)}
    guesses, _ = layer_guesses(shapes, STORED)
    assert guesses["mlp.up.weight"].text == "ffn res"
    assert guesses["mlp.down.weight"].text == "res ffn"
    assert not guesses["mlp.up.weight"].is_sure


@pytest.mark.parametrize(
    ("name", "shape", "text", "is_sure"),
    [
        ("norm1.weight", (16,), "res", True),
        ("ln_2.bias", (16,), "res", True),
        ("gamma_1", (16,), "res", False),
        ("bn.running_mean", (16,), "res!", False),
        ("router.weight", (5, 16), "_ res", False),
        ("mixer.weight", (16, 16), "_ _", False),
        ("table", (3, 5), "_ _", False),
    ],
)
def test_other_tensors(name: str, shape: tuple[int, ...], text: str, *, is_sure: bool) -> None:
    guess = layer_guesses({name: shape}, STORED)[0][name]
    assert (guess.text, guess.is_sure) == (text, is_sure)


def test_a_model_of_unknown_width() -> None:
    assert layer_guesses({"x": (3, 3)}, ModelFacts(None, ""))[0]["x"].text == "_ _"
