from __future__ import annotations

import pytest

from mergec.symmetries.table import built_in
from tests.symmetries.reading import Shapes, complaint, made, make, marked


def test_a_group_on_vectors_only() -> None:
    one = complaint(
        'tensors: {"out.0.(weight|bias)": u, out.2.weight: _ v, in.weight: v _}',
        {"out.0.weight": (3,), "out.0.bias": (3,), "out.2.weight": (2, 3), "in.weight": (3, 2)},
    )
    assert one.code == "MC0519"
    assert one.message == "`u` acts on vectors only: `out.0.bias`, `out.0.weight`"
    assert marked(one) == "u"


@pytest.mark.parametrize("axes", ["logits _", "_ pixels"])
def test_inputs_and_outputs_of_a_model(axes: str) -> None:
    bias = "logits" if axes.startswith("logits") else "_"
    one = complaint(
        f"tensors: {{fc.weight: {axes}, fc.bias: {bias}}}", {"fc.weight": (10, 5), "fc.bias": (10,)}
    )
    assert one.code == "MC0520"
    assert one.message.startswith("nothing but `fc` has `")


def test_a_weight_in_two_parts_is_one() -> None:
    one = complaint(
        "tensors: {fc.weight_g: logits _, fc.weight_v: logits _}",
        {"fc.weight_g": (10, 1), "fc.weight_v": (10, 5)},
    )
    assert one.code == "MC0520"


def test_weights_of_other_names_are_several() -> None:
    text = "tensors:\n  '(q|k)_proj_weight': (h qk[h]) _\n  v_proj_weight: (h v[h]) _\n  out: _ (h v[h])"
    shapes: Shapes = {f"{name}_proj_weight": (8, 5) for name in "qkv"}
    assert list(made(text, shapes | {"out": (5, 8)}, sizes={"h": 2}).groups) == ["h", "qk", "v"]


def test_layers_of_one_input_and_one_output_are_weights() -> None:
    found = made("tensors: {a.weight: u _, b.weight: _ u}", {"a.weight": (4, 1), "b.weight": (1, 4)})
    assert list(found.groups) == ["u"]


def test_a_group_that_is_frozen_may_be_an_output() -> None:
    found = made("tensors: {fc.weight: logits _}", {"fc.weight": (10, 5)}, freeze=["logits"])
    assert found.frozen == ["logits"]


def test_recurrent_weights_do_not_read_what_their_module_gives() -> None:
    text = """
        tensors:
          "rnn.weight_ih_l{k:int}": h{k} _
          "rnn.weight_hh_l{k:int}": h{k} h{k}
          "head.weight": _ h0
    """
    shapes: Shapes = {"rnn.weight_ih_l0": (4, 3), "rnn.weight_hh_l0": (4, 4)}
    found = made(text, shapes | {"head.weight": (2, 4)})
    assert [one.code for one in found.said] == ["MC0512"]
    assert found.said[0].message == "`h0` stands on two axes of `rnn.weight_hh_l0`"
    assert complaint(text.replace("_ h0", "_ _"), shapes | {"head.weight": (2, 4)}).code == "MC0520"


def test_parts_of_one_axis_are_several_places() -> None:
    found = made(
        "tensors:\n  qkv.weight: (h q[h] | h q[h] | h v[h]) _\n  o.weight: _ (h v[h])",
        {"qkv.weight": (24, 3), "o.weight": (3, 8)},
        sizes={"h": 2},
    )
    assert list(found.groups) == ["h", "q", "v"]


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "transformer.wte.weight"])
def test_the_vocabulary(name: str) -> None:
    text = f"tensors: {{{name}: words u, lm_head.weight: words u}}"
    table_fixed = f"tensors: {{{name}: _ u, lm_head.weight: words u, other.weight: words u}}"
    shapes: Shapes = {name: (9, 4), "lm_head.weight": (9, 4), "other.weight": (9, 4)}
    found = complaint(table_fixed, shapes)
    assert found.code == "MC0521"
    assert found.message == "axis 0 of `lm_head.weight` is the vocabulary, and `words` permutes it"
    del shapes["other.weight"]
    assert [one.code for one in made(text, shapes).said] == ["MC0521", "MC0521"]


def test_a_layer_of_the_same_name_is_no_embedding() -> None:
    found = made(
        "tensors: {shared.weight: u _, shared.bias: u, head.weight: _ u}",
        {"shared.weight": (9, 4), "shared.bias": (9,), "head.weight": (2, 9)},
    )
    assert list(found.groups) == ["u"]


def test_a_table_of_mergecs_own_covers_models_without_what_reads_a_group() -> None:
    shapes: Shapes = {"encoder.0.weight": (5, 3), "encoder.2.weight": (2, 5)}
    assert list(make(built_in("mlp"), shapes).groups) == ["encoder.0/units"]
    pooled: Shapes = {
        "embeddings.word_embeddings.weight": (9, 4),
        "pooler.dense.weight": (4, 4),
        "pooler.dense.bias": (4,),
    }
    found = make(built_in("bert"), pooled)
    assert found.said == ()
    assert "pool" in found.frozen


def test_a_group_of_one_unit_moves_nothing() -> None:
    assert made("tensors: {a.weight: u _}", {"a.weight": (1, 3)}).groups == {"u": (1, None)}
