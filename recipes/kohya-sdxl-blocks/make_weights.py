"""Write a checkpoint with every name of SDXL's U-Net and text encoders, 20 times narrower, and a LoRA for it.

The names of the checkpoint are those of the single files that Stability AI released (here without the
image decoder); those of the LoRA are what kohya-ss's sdxl_train_network.py writes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file

Shapes = Iterator[tuple[str, tuple[int, ...]]]

WEIGHTS: Final = Path(__file__).with_name("weights")
UNET: Final = "model.diffusion_model"
CLIP_L: Final = "conditioner.embedders.0.transformer.text_model"
CLIP_G: Final = "conditioner.embedders.1.model"
WIDTHS: Final = (16, 32, 64)
DEPTHS: Final = (0, 2, 10)  # transformer blocks at each level
TIME: Final = 64
TEXT: Final = (40, 64)  # widths of the two text encoders
LABEL: Final = 64 + 6 * 16
WORDS: Final = 99
RANK: Final = 4


def layer(name: str, *shape: int, bias: bool = True) -> Shapes:
    """A linear layer, a convolution or, of one axis, a norm."""
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", shape[:1]


def residual(name: str, before: int, after: int) -> Shapes:
    """A residual block of the U-Net."""
    yield from layer(f"{name}.in_layers.0", before)
    yield from layer(f"{name}.in_layers.2", after, before, 3, 3)
    yield from layer(f"{name}.emb_layers.1", after, TIME)
    yield from layer(f"{name}.out_layers.0", after)
    yield from layer(f"{name}.out_layers.3", after, after, 3, 3)
    if before != after:
        yield from layer(f"{name}.skip_connection", after, before, 1, 1)


def transformer(name: str, width: int, depth: int) -> Shapes:
    """A spatial transformer of the U-Net."""
    yield from layer(f"{name}.norm", width)
    yield from layer(f"{name}.proj_in", width, width)
    for block in range(depth):
        at = f"{name}.transformer_blocks.{block}"
        for attention, seen in (("attn1", width), ("attn2", sum(TEXT))):
            yield from layer(f"{at}.{attention}.to_q", width, width, bias=False)
            yield from layer(f"{at}.{attention}.to_k", width, seen, bias=False)
            yield from layer(f"{at}.{attention}.to_v", width, seen, bias=False)
            yield from layer(f"{at}.{attention}.to_out.0", width, width)
        yield from layer(f"{at}.ff.net.0.proj", 8 * width, width)
        yield from layer(f"{at}.ff.net.2", width, 4 * width)
        for norm in ("norm1", "norm2", "norm3"):
            yield from layer(f"{at}.{norm}", width)
    yield from layer(f"{name}.proj_out", width, width)


def input_blocks() -> Shapes:
    """Down to a quarter of the size; blocks 3 and 6 halve it."""
    yield from layer("input_blocks.0.0", WIDTHS[0], 4, 3, 3)
    before, number = WIDTHS[0], 1
    for level, (width, depth) in enumerate(zip(WIDTHS, DEPTHS, strict=True)):
        for _ in range(2):
            yield from residual(f"input_blocks.{number}.0", before, width)
            if depth:
                yield from transformer(f"input_blocks.{number}.1", width, depth)
            before, number = width, number + 1
        if level < 2:
            yield from layer(f"input_blocks.{number}.0.op", width, width, 3, 3)
            number += 1


def output_blocks() -> Shapes:
    """Up again, each block with what the input block of its size gives it."""
    small, middle, large = WIDTHS
    given = [large, large, middle, middle, middle, small, small, small, small]
    before = large
    for number, skipped in enumerate(given):
        level = 2 - number // 3
        yield from residual(f"output_blocks.{number}.0", before + skipped, WIDTHS[level])
        before = WIDTHS[level]
        if DEPTHS[level]:
            yield from transformer(f"output_blocks.{number}.1", before, DEPTHS[level])
            if number % 3 == 2:
                yield from layer(f"output_blocks.{number}.2.conv", before, before, 3, 3)


def unet() -> Shapes:
    """All of the U-Net."""
    small, _, large = WIDTHS
    yield from layer("time_embed.0", TIME, small)
    yield from layer("time_embed.2", TIME, TIME)
    yield from layer("label_emb.0.0", TIME, LABEL)
    yield from layer("label_emb.0.2", TIME, TIME)
    yield from input_blocks()
    yield from residual("middle_block.0", large, large)
    yield from transformer("middle_block.1", large, DEPTHS[2])
    yield from residual("middle_block.2", large, large)
    yield from output_blocks()
    yield from layer("out.0", small)
    yield from layer("out.2", 4, small, 3, 3)


def clip_l() -> Shapes:
    """OpenAI's text encoder, as transformers names it."""
    width = TEXT[0]
    yield "embeddings.token_embedding.weight", (WORDS, width)
    yield "embeddings.position_embedding.weight", (77, width)
    for number in range(3):
        at = f"encoder.layers.{number}"
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from layer(f"{at}.self_attn.{projection}", width, width)
        yield from layer(f"{at}.mlp.fc1", 4 * width, width)
        yield from layer(f"{at}.mlp.fc2", width, 4 * width)
        yield from layer(f"{at}.layer_norm1", width)
        yield from layer(f"{at}.layer_norm2", width)
    yield from layer("final_layer_norm", width)


def clip_g() -> Shapes:
    """OpenCLIP's text encoder under its own names: query, key and value are one matrix."""
    width = TEXT[1]
    yield "token_embedding.weight", (WORDS, width)
    yield "positional_embedding", (77, width)
    yield "text_projection", (width, width)
    yield "logit_scale", ()
    for number in range(3):
        at = f"transformer.resblocks.{number}"
        yield f"{at}.attn.in_proj_weight", (3 * width, width)
        yield f"{at}.attn.in_proj_bias", (3 * width,)
        yield from layer(f"{at}.attn.out_proj", width, width)
        yield from layer(f"{at}.mlp.c_fc", 4 * width, width)
        yield from layer(f"{at}.mlp.c_proj", width, 4 * width)
        yield from layer(f"{at}.ln_1", width)
        yield from layer(f"{at}.ln_2", width)
    yield from layer("ln_final", width)


def adapted() -> Shapes:
    """The layers that the LoRA has factors for, as kohya's script names them, with their shapes."""
    for name, shape in unet():
        in_transformer = any(part in name for part in (".proj_in.", ".proj_out.", ".transformer_blocks."))
        if in_transformer and name.endswith(".weight") and len(shape) == 2:
            yield f"lora_unet.{name}", shape
    for number, width in enumerate(TEXT, 1):
        for block in range(3):
            at = f"lora_te{number}.text_model.encoder.layers.{block}"
            for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
                yield f"{at}.self_attn.{projection}.weight", (width, width)
            yield f"{at}.mlp.fc1.weight", (4 * width, width)
            yield f"{at}.mlp.fc2.weight", (width, 4 * width)


def main() -> None:
    """Write both, in float16 as they are passed on."""
    WEIGHTS.mkdir(exist_ok=True)
    random = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return (torch.randn(shape, generator=random) * 0.1).half()

    parts = {UNET: unet, CLIP_L: clip_l, CLIP_G: clip_g}
    base = {f"{root}.{name}": drawn(*shape) for root, part in parts.items() for name, shape in part()}
    save_file(base, WEIGHTS / "sdxl.safetensors", metadata={"format": "pt"})
    lora = {}
    for name, (rows, columns) in adapted():
        flat = name.removesuffix(".weight").replace(".", "_")
        lora[f"{flat}.lora_down.weight"] = drawn(RANK, columns)
        lora[f"{flat}.lora_up.weight"] = drawn(rows, RANK)
        lora[f"{flat}.alpha"] = torch.tensor(RANK / 2).half()
    about = {"ss_network_module": "networks.lora", "ss_network_dim": str(RANK), "ss_network_alpha": "2"}
    save_file(lora, WEIGHTS / "ink.safetensors", metadata=about)


if __name__ == "__main__":
    main()
