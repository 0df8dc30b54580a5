"""Models whose pairs are aligned: their tensors, and which hidden units each axis holds.

Written for the benchmarks, apart from mergec's tables. Only plain groups are named, one permutation of a
whole axis each, which is all that the peer can express: inside attention the axes of heads stay as they are.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple


class Axes(NamedTuple):
    """A tensor's shape, and for each axis the group of units that it holds, if these have no fixed order.

    What is not `counted` moves with its units and is not compared: running statistics, and the bias of keys,
    to which attention pays no heed.
    """

    name: str
    shape: tuple[int, ...]
    groups: tuple[str | None, ...]
    counted: bool = True


class Shaped(NamedTuple):
    """A kind of model: mergec's table for it, its tensors, dtype and config.json."""

    symmetry: str
    tensors: tuple[Axes, ...]
    dtype: str = "float32"
    config: dict[str, object] | None = None


def perceptron(inputs: int, hidden: tuple[int, ...], outputs: int) -> Shaped:
    """Linear layers as a torch `Sequential` with activations between them names them."""
    widths = (inputs, *hidden, outputs)
    groups = (None, *(f"hidden{number}" for number in range(len(hidden))), None)
    tensors: list[Axes] = []
    for number in range(len(widths) - 1):
        name = f"{2 * number}"
        tensors += _linear(name, (widths[number + 1], widths[number]), (groups[number + 1], groups[number]))
    return Shaped("mlp", tuple(tensors))


def resnet50() -> Shaped:
    """ResNet50 as torchvision names it, without the counters of its batch norms."""
    tensors = [*_convolution("conv1", 64, 3, 7, ("S0", None)), *_norm("bn1", 64, "S0")]
    inputs = 64
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        width = 32 << stage
        for block in range(blocks):
            before = f"S{stage}" if block else f"S{stage - 1}"
            tensors += _bottleneck(f"layer{stage}.{block}", inputs, width, before, f"S{stage}")
            inputs = 4 * width
    return Shaped("resnet", (*tensors, *_linear("fc", (1000, inputs), (None, "S4"))))


def _bottleneck(at: str, inputs: int, width: int, before: str, after: str) -> Iterator[Axes]:
    first, second = f"{at}/first", f"{at}/second"
    yield from _convolution(f"{at}.conv1", width, inputs, 1, (first, before))
    yield from _norm(f"{at}.bn1", width, first)
    yield from _convolution(f"{at}.conv2", width, width, 3, (second, first))
    yield from _norm(f"{at}.bn2", width, second)
    yield from _convolution(f"{at}.conv3", 4 * width, width, 1, (after, second))
    yield from _norm(f"{at}.bn3", 4 * width, after)
    if before != after:
        yield from _convolution(f"{at}.downsample.0", 4 * width, inputs, 1, (after, before))
        yield from _norm(f"{at}.downsample.1", 4 * width, after)


def bert_base(layers: int = 12, hidden: int = 768, ffn: int = 3072, words: int = 30522) -> Shaped:
    """A classifier on BERT-base, as transformers names it."""
    at = "bert.embeddings"
    tensors = [
        Axes(f"{at}.word_embeddings.weight", (words, hidden), (None, "res")),
        Axes(f"{at}.position_embeddings.weight", (512, hidden), (None, "res")),
        Axes(f"{at}.token_type_embeddings.weight", (2, hidden), (None, "res")),
        *_pair(f"{at}.LayerNorm", hidden, "res"),
    ]
    for layer in range(layers):
        at, inner = f"bert.encoder.layer.{layer}", f"ffn{layer}"
        for part in ("query", "key", "value"):
            name = f"{at}.attention.self.{part}"
            tensors.append(Axes(f"{name}.weight", (hidden, hidden), (None, "res")))
            tensors.append(Axes(f"{name}.bias", (hidden,), (None,), counted=part != "key"))
        tensors += _linear(f"{at}.attention.output.dense", (hidden, hidden), ("res", None))
        tensors += _pair(f"{at}.attention.output.LayerNorm", hidden, "res")
        tensors += _linear(f"{at}.intermediate.dense", (ffn, hidden), (inner, "res"))
        tensors += _linear(f"{at}.output.dense", (hidden, ffn), ("res", inner))
        tensors += _pair(f"{at}.output.LayerNorm", hidden, "res")
    tensors += _linear("bert.pooler.dense", (hidden, hidden), ("pool", "res"))
    tensors += _linear("classifier", (2, hidden), (None, "pool"))
    config = {"model_type": "bert", "num_attention_heads": hidden // 64, "num_hidden_layers": layers}
    classifier = ["BertForSequenceClassification"]  # it reads the pooler, whose order is then its own
    return Shaped("bert", tuple(tensors), config=config | {"architectures": classifier})


def llama_7b_layer(hidden: int = 4096, ffn: int = 11008, words: int = 256) -> Shaped:
    """One layer of Llama 7B between embeddings and a head of few words."""
    at = "model.layers.0"
    tensors = [
        Axes("model.embed_tokens.weight", (words, hidden), (None, "res")),
        *(
            Axes(f"{at}.self_attn.{part}_proj.weight", (hidden, hidden), (None, "res"))
            for part in ("q", "k", "v")
        ),
        Axes(f"{at}.self_attn.o_proj.weight", (hidden, hidden), ("res", None)),
        Axes(f"{at}.mlp.gate_proj.weight", (ffn, hidden), ("ffn", "res")),
        Axes(f"{at}.mlp.up_proj.weight", (ffn, hidden), ("ffn", "res")),
        Axes(f"{at}.mlp.down_proj.weight", (hidden, ffn), ("res", "ffn")),
        Axes(f"{at}.input_layernorm.weight", (hidden,), ("res",)),
        Axes(f"{at}.post_attention_layernorm.weight", (hidden,), ("res",)),
        Axes("model.norm.weight", (hidden,), ("res",)),
        Axes("lm_head.weight", (words, hidden), (None, "res")),
    ]
    heads = hidden // 128
    config = {"model_type": "llama", "num_attention_heads": heads, "num_key_value_heads": heads}
    return Shaped("llama", tuple(tensors), "bfloat16", config | {"tie_word_embeddings": False})


def _linear(name: str, shape: tuple[int, int], groups: tuple[str | None, str | None]) -> Iterator[Axes]:
    yield Axes(f"{name}.weight", shape, groups)
    yield Axes(f"{name}.bias", shape[:1], groups[:1])


def _convolution(
    name: str, outputs: int, inputs: int, size: int, groups: tuple[str, str | None]
) -> Iterator[Axes]:
    yield Axes(f"{name}.weight", (outputs, inputs, size, size), (*groups, None, None))


def _norm(name: str, width: int, group: str) -> Iterator[Axes]:
    yield from _pair(name, width, group)
    for statistic in ("running_mean", "running_var"):
        yield Axes(f"{name}.{statistic}", (width,), (group,), counted=False)


def _pair(name: str, width: int, group: str) -> Iterator[Axes]:
    for part in ("weight", "bias"):
        yield Axes(f"{name}.{part}", (width,), (group,))


SHAPED: Final = {
    "mlp": perceptron(784, (512, 512, 512), 10),
    "resnet50": resnet50(),
    "bert": bert_base(),
    "llama": llama_7b_layer(),
}
