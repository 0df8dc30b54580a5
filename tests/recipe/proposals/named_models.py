"""The tensor names and shapes of known models, small, for the tests of proposed rules."""

from __future__ import annotations

from mergec.recipe.proposals import Kind

Tensors = dict[str, Kind]


def kind(*shape: int, is_float: bool = True) -> Kind:
    return Kind(shape, is_float)


def prefixed(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: of for name, of in tensors.items()}


def llama(layers: int = 3, model: str = "model.", head: str = "lm_head.", hidden: int = 64) -> Tensors:
    """Llama as transformers has it, with grouped queries."""
    made = {
        f"{model}embed_tokens.weight": kind(320, hidden),
        f"{model}norm.weight": kind(hidden),
        f"{head}weight": kind(320, hidden),
    }
    shapes = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (hidden // 4, hidden),
        "self_attn.v_proj": (hidden // 4, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (3 * hidden, hidden),
        "mlp.up_proj": (3 * hidden, hidden),
        "mlp.down_proj": (hidden, 3 * hidden),
        "input_layernorm": (hidden,),
        "post_attention_layernorm": (hidden,),
    }
    for i in range(layers):
        made |= {f"{model}layers.{i}.{name}.weight": kind(*shape) for name, shape in shapes.items()}
    return made


META = {
    "model.embed_tokens": "tok_embeddings",
    "model.norm": "norm",
    "lm_head": "output",
    "model.layers": "layers",
    "self_attn.q_proj": "attention.wq",
    "self_attn.k_proj": "attention.wk",
    "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
}


def meta_name(name: str) -> str:
    """What Meta's own files call a tensor of `llama`."""
    for ours, theirs in META.items():
        name = name.replace(ours, theirs)
    return name


_BERT_LINEAR = (
    ("attention.self.query", 1, 1),
    ("attention.self.key", 1, 1),
    ("attention.self.value", 1, 1),
    ("attention.output.dense", 1, 1),
    ("intermediate.dense", 4, 1),
    ("output.dense", 1, 4),
)


def bert(prefix: str = "bert.", layers: int = 3, hidden: int = 64, norm: str = "weight bias") -> Tensors:
    """BERT; `norm` is what the parameters of its norms are called."""
    weight, bias = norm.split()
    made = {
        "embeddings.word_embeddings.weight": kind(300, hidden),
        "embeddings.position_embeddings.weight": kind(100, hidden),
        "embeddings.token_type_embeddings.weight": kind(2, hidden),
        f"embeddings.LayerNorm.{weight}": kind(hidden),
        f"embeddings.LayerNorm.{bias}": kind(hidden),
        "pooler.dense.weight": kind(hidden, hidden),
        "pooler.dense.bias": kind(hidden),
    }
    for i in range(layers):
        layer = f"encoder.layer.{i}"
        for name, rows, columns in _BERT_LINEAR:
            made[f"{layer}.{name}.weight"] = kind(rows * hidden, columns * hidden)
            made[f"{layer}.{name}.bias"] = kind(rows * hidden)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            made |= {f"{layer}.{name}.{weight}": kind(hidden), f"{layer}.{name}.{bias}": kind(hidden)}
    return prefixed(prefix, made)


def llava(*, model: str, head: str, vision: str, projector: tuple[str, str]) -> Tensors:
    """LLaVA in one of its layouts."""
    made = llama(layers=3, model=model, head=head)
    for name, width in zip(projector, (48, 64), strict=True):
        made |= {f"{name}.weight": kind(64, width), f"{name}.bias": kind(64)}
    made |= {f"{vision}embeddings.class_embedding": kind(48)}
    made |= {f"{vision}embeddings.patch_embedding.weight": kind(48, 3, 14, 14)}
    for name in ("pre_layrnorm", "post_layernorm"):
        made |= {f"{vision}{name}.weight": kind(48), f"{vision}{name}.bias": kind(48)}
    for i in range(4):
        layer = f"{vision}encoder.layers.{i}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            made |= {
                f"{layer}.self_attn.{name}.weight": kind(48, 48),
                f"{layer}.self_attn.{name}.bias": kind(48),
            }
    return made


_LINEAR = ("multi_modal_projector.linear_1", "multi_modal_projector.linear_2")
LLAVA = {
    "original": llava(
        model="model.",
        head="lm_head.",
        vision="model.vision_tower.vision_tower.vision_model.",
        projector=("model.mm_projector.0", "model.mm_projector.2"),
    ),
    "hub": llava(
        model="language_model.model.",
        head="language_model.lm_head.",
        vision="vision_tower.vision_model.",
        projector=_LINEAR,
    ),
    "memory": llava(
        model="model.language_model.",
        head="lm_head.",
        vision="model.vision_tower.vision_model.",
        projector=(f"model.{_LINEAR[0]}", f"model.{_LINEAR[1]}"),
    ),
    "saved by 5.23": llava(
        model="language_model.model.",
        head="language_model.lm_head.",
        vision="vision_tower.",
        projector=_LINEAR,
    ),
}
