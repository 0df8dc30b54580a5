"""Names, dtypes and shapes of the models that the benchmarks use."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import ceil, prod
from typing import Final, NamedTuple


class TensorShape(NamedTuple):
    """One tensor of a checkpoint."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its data."""
        return prod(self.shape) * {"BF16": 2, "F16": 2, "F32": 4}[self.dtype]


@dataclass(frozen=True)
class Llama:
    """A model of the Llama family. The fields are those of its config.json."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    vocab_size: int = 32000

    def tensors(self) -> Iterator[TensorShape]:
        """Every tensor, in the order of the layers."""
        yield _bf16("model.embed_tokens", self.vocab_size, self.hidden_size)
        for index in range(self.num_hidden_layers):
            yield from self._layer(f"model.layers.{index}")
        yield _bf16("model.norm", self.hidden_size)
        yield _bf16("lm_head", self.vocab_size, self.hidden_size)

    def _layer(self, at: str) -> Iterator[TensorShape]:
        hidden, ffn = self.hidden_size, self.intermediate_size
        kv = hidden // self.num_attention_heads * self.num_key_value_heads
        yield _bf16(f"{at}.input_layernorm", hidden)
        yield _bf16(f"{at}.self_attn.q_proj", hidden, hidden)
        yield _bf16(f"{at}.self_attn.k_proj", kv, hidden)
        yield _bf16(f"{at}.self_attn.v_proj", kv, hidden)
        yield _bf16(f"{at}.self_attn.o_proj", hidden, hidden)
        yield _bf16(f"{at}.post_attention_layernorm", hidden)
        yield _bf16(f"{at}.mlp.gate_proj", ffn, hidden)
        yield _bf16(f"{at}.mlp.up_proj", ffn, hidden)
        yield _bf16(f"{at}.mlp.down_proj", hidden, ffn)

    def lora(self, rank: int) -> Iterator[TensorShape]:
        """A PEFT adapter of this rank on every linear layer but the head, in float32 as training saves it."""
        for tensor in self.tensors():
            module = tensor.name.removesuffix(".weight")
            if module.endswith("_proj"):
                rows, columns = tensor.shape
                at = f"base_model.model.{module}"
                yield TensorShape(f"{at}.lora_A.weight", "F32", (rank, columns))
                yield TensorShape(f"{at}.lora_B.weight", "F32", (rows, rank))

    def config(self) -> dict[str, object]:
        """A config.json that transformers reads."""
        return asdict(self) | {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "dtype": "bfloat16",
            "hidden_act": "silu",
            "rms_norm_eps": 1e-05,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": False,
            "bos_token_id": 1,
            "eos_token_id": 2,
        }


SIZES: Final = {
    "1.1b": Llama(2048, 22, 32, 4, 5632),
    "100m": Llama(640, 12, 10, 2, 1792),
}
LLAMA_70B: Final = Llama(8192, 80, 64, 8, 28672)


def deepseek_v3() -> Iterator[TensorShape]:
    """DeepSeek-V3's 92,000 tensors: 62 layers, 256 experts in all but the first three.

    In bfloat16 where the original is in float8, and with its block scales: here their number counts.
    """
    yield _bf16("model.embed_tokens", 129280, 7168)
    for index in range(62):
        at = f"model.layers.{index}"
        yield from _latent_attention(at)
        if index < 3:
            yield from _gated(f"{at}.mlp", 18432)
        else:
            yield _bf16(f"{at}.mlp.gate", 256, 7168)
            yield TensorShape(f"{at}.mlp.gate.e_score_correction_bias", "F32", (256,))
            yield from _gated(f"{at}.mlp.shared_experts", 2048)
            for expert in range(256):
                yield from _gated(f"{at}.mlp.experts.{expert}", 2048)
    yield _bf16("model.norm", 7168)
    yield _bf16("lm_head", 129280, 7168)


def _latent_attention(at: str) -> Iterator[TensorShape]:
    yield _bf16(f"{at}.input_layernorm", 7168)
    yield _bf16(f"{at}.post_attention_layernorm", 7168)
    yield _bf16(f"{at}.self_attn.q_a_layernorm", 1536)
    yield _bf16(f"{at}.self_attn.kv_a_layernorm", 512)
    yield from _scaled(f"{at}.self_attn.q_a_proj", 1536, 7168)
    yield from _scaled(f"{at}.self_attn.q_b_proj", 24576, 1536)
    yield from _scaled(f"{at}.self_attn.kv_a_proj_with_mqa", 576, 7168)
    yield from _scaled(f"{at}.self_attn.kv_b_proj", 32768, 512)
    yield from _scaled(f"{at}.self_attn.o_proj", 7168, 16384)


def _gated(at: str, width: int) -> Iterator[TensorShape]:
    yield from _scaled(f"{at}.gate_proj", width, 7168)
    yield from _scaled(f"{at}.up_proj", width, 7168)
    yield from _scaled(f"{at}.down_proj", 7168, width)


def _scaled(at: str, rows: int, columns: int) -> Iterator[TensorShape]:
    yield _bf16(at, rows, columns)
    yield TensorShape(f"{at}.weight_scale_inv", "F32", (ceil(rows / 128), ceil(columns / 128)))


def _bf16(module: str, *shape: int) -> TensorShape:
    return TensorShape(f"{module}.weight", "BF16", shape)
