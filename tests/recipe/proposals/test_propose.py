from __future__ import annotations

import random
import time
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import Report
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.recipe.proposals import Kind, Proposal, propose_rules
from mergec.recipe.rename_pass import apply_rules
from tests.recipe.proposals.named_models import LLAVA, bert, kind, llama, meta_name, prefixed
from tests.recipe.rule_runs import rule

if TYPE_CHECKING:
    from mergec.ir.layout import Layout
    from tests.recipe.proposals.named_models import Tensors


def rules_of(proposal: Proposal) -> list[str]:
    return [one.rule.text for one in proposal.rules]


def proposed(sources: Tensors, targets: Tensors) -> Proposal:
    """The proposal, after its text has done in a recipe what it says it does."""
    proposal = propose_rules(sources, targets)
    text = "".join(f"- {one.yaml}\n" for one in proposal.rules)
    values = yaml.safe_load(text) or []  # noqa: TID251  # what a user's paste is, by another reader
    tensors: dict[str, Layout] = {
        name: StridedView.contiguous(number, 0, DType.F32 if of.is_float else DType.I64, of.shape)
        for number, (name, of) in enumerate(sources.items())
    }
    report = Report()
    renamed, _ = apply_rules(tensors, [rule(value) for value in values], "b", report)
    assert report.diagnostics == ()
    kinds = {name: Kind(tuple(view.shape), view.dtype.is_float) for name, view in renamed.items()}
    assert proposal.lined_up == sum(targets.get(name) == of for name, of in kinds.items())
    assert sorted(proposal.names.values()) == sorted(renamed)
    return proposal


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "base_model.model.", "module._orig_mod.", "bert."]
)
def test_one_prefix_is_one_rule(prefix: str) -> None:
    plain = llama()
    removed = proposed(prefixed(prefix, plain), plain)
    assert rules_of(removed) == [f"{prefix}{{rest:**}} -> {{rest}}"]
    assert removed.rules[0].lines_up == removed.lined_up == len(plain)
    added = proposed(plain, prefixed(prefix, plain))
    assert rules_of(added) == [f"{{rest:**}} -> {prefix}{{rest}}"]


@pytest.mark.parametrize(("of", "to"), list(permutations(LLAVA, 2)))
def test_all_layouts_of_llava_line_up(of: str, to: str) -> None:
    proposal = proposed(LLAVA[of], LLAVA[to])
    assert proposal.lined_up == len(LLAVA[of])
    assert len(proposal.rules) <= 6
    assert proposal.ties == ()


def test_bert_with_and_without_its_prefix_and_old_names_of_norms() -> None:
    assert rules_of(proposed(bert(""), bert())) == ["{rest:**} -> bert.{rest}"]
    proposal = proposed(bert("", norm="gamma beta"), bert())
    assert set(rules_of(proposal)) == {
        "{rest:**} -> bert.{rest}",
        "{head:**}.gamma -> {head}.weight",
        "{head:**}.beta -> {head}.bias",
    }
    assert proposal.lined_up == len(bert())


def test_blocks_that_are_named_otherwise() -> None:
    ours = llama()
    theirs = {meta_name(name): of for name, of in ours.items()}
    proposal = proposed(theirs, ours)
    assert {name: proposal.names[meta_name(name)] for name in ours} == {name: name for name in ours}
    assert "layers.{i:int}.attention.wq.{rest:**} -> model.layers.{i}.self_attn.q_proj.{rest}" in rules_of(
        proposal
    )
    assert {meta_name(name): of for name, of in proposed(ours, theirs).names.items()} == {
        name: name for name in theirs
    }


def test_an_encoder_and_a_decoder_that_are_built_alike() -> None:
    parts = {
        "self_attn.q_proj": "attn.query",
        "self_attn.k_proj": "attn.key",
        "self_attn.out_proj": "attn.out",
    }
    parts |= {"self_attn_layer_norm": "attn_ln", "fc1": "mlp.0", "fc2": "mlp.2", "final_layer_norm": "mlp_ln"}
    across = {"encoder_attn.q_proj": "cross_attn.query", "encoder_attn_layer_norm": "cross_attn_ln"}
    shapes = {"fc1": (32, 8), "fc2": (8, 32)}
    names: dict[str, str] = {}
    ours: Tensors = {}
    for side, inside in (("encoder", parts), ("decoder", {**parts, **across})):
        for i in range(2):
            for hf, openai in inside.items():
                name = f"model.{side}.layers.{i}.{hf}.weight"
                names[name] = f"{side}.blocks.{i}.{openai}.weight"
                ours[name] = kind(8) if "norm" in hf else kind(*shapes.get(hf, (8, 8)))
    theirs = {names[name]: of for name, of in ours.items()}
    assert proposed(theirs, ours).names == {new: old for old, new in names.items()}
    assert proposed(ours, theirs).names == names


def test_a_shape_alone_makes_no_rule() -> None:
    head = {"lm_head.dense.weight": kind(64, 64), "lm_head.bias": kind(300)}
    rest = {name: of for name, of in bert("").items() if "pooler" not in name}
    proposal = proposed({**prefixed("roberta.", rest), **head}, bert(""))
    assert rules_of(proposal) == ["roberta.{rest:**} -> {rest}"]


def test_a_weight_does_not_move_without_its_bias() -> None:
    sources = {f"h.{i}.fc1.{name}": of for i in range(2) for name, of in _linear(32, 8).items()}
    targets = {f"l.{i}.c_proj.{name}": of for i in range(2) for name, of in _linear(8, 32).items()}
    targets |= {f"l.{i}.c_proj.weight": kind(32, 8) for i in range(2)}
    assert proposed(sources, targets).rules == ()


def _linear(rows: int, columns: int) -> Tensors:
    return {"weight": kind(rows, columns), "bias": kind(rows)}


def test_numbers_inside_of_segments_and_counted_from_one() -> None:
    ours = llama()
    theirs = {name.replace("layers.", "block_"): of for name, of in ours.items()}
    assert rules_of(proposed(theirs, ours)) == ["model.block_{i:int}.{rest:**} -> model.layers.{i}.{rest}"]
    from_one = {
        ".".join(str(int(part) + 1) if part.isdigit() else part for part in name.split(".")): of
        for name, of in ours.items()
    }
    proposal = proposed(prefixed("m.", from_one), ours)
    assert "m.model.layers.{i:int}.{rest:**} -> model.layers.{i-1}.{rest}" in rules_of(proposal)
    assert proposal.lined_up == len(ours)


def test_fewer_layers_line_up_with_the_first_ones() -> None:
    proposal = proposed(llama(layers=2), prefixed("x.", llama(layers=5)))
    assert rules_of(proposal) == ["{rest:**} -> x.{rest}"]


def test_what_is_equally_likely_is_not_proposed() -> None:
    sources = {f"a.{i}.{name}.weight": kind(8, 8) for i in range(3) for name in ("foo", "bar")}
    targets = {f"a.{i}.{name}.weight": kind(8, 8) for i in range(3) for name in ("ping", "pong")}
    proposal = proposed(sources, targets)
    assert proposal.rules == ()
    assert [(set(tie.sources), set(tie.targets)) for tie in proposal.ties] == [(set(sources), set(targets))]


def test_a_query_is_never_a_key() -> None:
    assert proposed({"a.0.query.weight": kind(8, 8)}, {"b.0.key.weight": kind(8, 8)}).rules == ()


def test_integers_do_not_line_up_with_floats() -> None:
    assert proposed({"a.x": kind(8, 8)}, {"b.x": kind(8, 8, is_float=False)}).rules == ()


def test_equal_and_empty_checkpoints_need_nothing() -> None:
    for sources, targets in ((llama(), llama()), ({}, llama()), (llama(), {}), ({}, {})):
        proposal = proposed(sources, targets)
        assert (proposal.rules, proposal.ties) == ((), ())


def test_hostile_names() -> None:
    hostile = ["a->b.x", "", ".", "..q", "{i}.(x)|y", "re:^z", " sp .w", "\0i.w", "\ud800.w", "${p}.w"]
    hostile += ["\x1b[2J.w", "日本.w", "007.w", "x: y.w", "- #.w", "9" * 5000 + ".w", "é\u2028.w"]
    sources = {name: kind(number + 2, 3) for number, name in enumerate(hostile)}
    wrapped = proposed(prefixed("module.", sources), sources)
    assert rules_of(wrapped) == ["module.{rest:**} -> {rest}"]
    targets = {f"t{number}.v": of for number, of in enumerate(sources.values())}
    proposal = proposed(sources, targets)
    assert proposal.lined_up >= 8
    assert all(one.yaml.isprintable() for one in proposal.rules)


def test_seventy_billion_parameters_take_no_time() -> None:
    ours = llama(layers=80)
    theirs = prefixed("module.", {meta_name(name): of for name, of in ours.items()})
    start = time.perf_counter()
    assert propose_rules(theirs, ours).lined_up == len(ours) == 723
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("shapes", [1, 300])
def test_many_names_without_any_order_end_soon(shapes: int) -> None:
    draw = random.Random(0)  # noqa: S311  # no secret
    names = [".".join(f"{draw.getrandbits(40):x}g" for _ in range(3)) for _ in range(40_000)]
    sources, targets = (
        {name: kind(number % shapes) for number, name in enumerate(half)}
        for half in (names[:20_000], names[20_000:])
    )
    start = time.process_time()
    assert propose_rules(sources, targets).lined_up < 50  # by letters in common, by chance
    assert rules_of(propose_rules(prefixed("w.", sources), sources)) == ["w.{rest:**} -> {rest}"]
    assert time.process_time() - start < 8


words = st.text("bcdfghjklmnpqrstvwxz", min_size=3, max_size=6)


@st.composite
def renamed_checkpoints(draw: st.DrawFn) -> tuple[Tensors, Tensors]:
    """A checkpoint with layers, no two tensors of a layer alike, and the same with its words replaced."""
    modules = draw(st.lists(st.tuples(words, words), min_size=1, max_size=5, unique=True))
    outside = draw(st.lists(words, max_size=3, unique=True))
    layers = draw(st.integers(1, 4))
    stem, other = draw(st.lists(st.lists(words, min_size=1, max_size=3), min_size=2, max_size=2))
    used = sorted({word for pair in modules for word in pair} | set(outside))
    fresh = draw(st.lists(words, min_size=len(used), max_size=len(used), unique=True))
    change = dict(zip(used, (f"{word}o" for word in fresh), strict=True))
    before: Tensors = {}
    after: Tensors = {}
    size = 8
    for names in [*modules, *((one,) for one in outside)]:
        size += 1
        numbers = range(layers) if len(names) == 2 else [-1]
        for i in numbers:
            place, new = ([*stem, str(i)], [*other, str(i)]) if i >= 0 else (["top"], ["other"])
            before[".".join([*place, *names])] = kind(size, size)
            after[".".join([*new, *(change[name] for name in names)])] = kind(size, size)
    return before, after


@given(renamed_checkpoints())
def test_whatever_is_unambiguous_lines_up(pair: tuple[Tensors, Tensors]) -> None:
    before, after = pair
    proposal = proposed(before, after)
    assert proposal.lined_up == len(before)
    assert [proposal.names[name] for name in before] == list(after)


@given(
    st.dictionaries(st.text("ab01.-> {", max_size=8), st.sampled_from([kind(2), kind(3, 3)]), max_size=12),
    st.dictionaries(st.text("ab01.-> {", max_size=8), st.sampled_from([kind(2), kind(3, 3)]), max_size=12),
)
def test_rules_do_what_they_say_and_nothing_collides(sources: Tensors, targets: Tensors) -> None:
    proposal = proposed(sources, targets)
    assert proposal.lined_up >= sum(targets.get(name) == of for name, of in sources.items())
