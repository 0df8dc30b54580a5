"""Where the parts of image models lie in a checkpoint, and what adapters call them.

Data only. A checkpoint holds one part (a directory of a diffusers pipeline), or several under the
prefixes of single files.
"""

from __future__ import annotations

from typing import NamedTuple


class Component(NamedTuple):
    """A part of a model.

    `root` begins its names in the base. `flat` are the prefixes of flat adapter names (kohya-ss,
    LyCORIS, OneTrainer), `dotted` those of dotted names (diffusers, ComfyUI).
    """

    root: str
    flat: tuple[str, ...]
    dotted: tuple[str, ...]


_MODEL_FLAT = ("lora_unet", "lora_transformer", "lycoris")
_MODEL_DOTTED = ("unet", "transformer", "diffusion_model", "")
_TEXT_1 = ("lora_te", "lora_te1", "lycoris")
_TEXT_2 = ("lora_te2", "lycoris")
_TEXT_3 = ("lora_te2", "lora_te3", "lycoris")  # Flux has two text encoders, and T5 is its "te3" all the same

COMPONENTS = (
    Component("model.diffusion_model.", _MODEL_FLAT, _MODEL_DOTTED),
    Component("unet.", _MODEL_FLAT, ("unet", "")),
    Component("transformer.", _MODEL_FLAT, ("transformer",)),
    Component("cond_stage_model.transformer.", _TEXT_1, ("text_encoder",)),
    Component("cond_stage_model.model.", _TEXT_1, ("text_encoder",)),
    Component("conditioner.embedders.0.transformer.", _TEXT_1, ("text_encoder",)),
    Component("conditioner.embedders.1.model.", _TEXT_2, ("text_encoder_2",)),
    Component("text_encoders.clip_l.transformer.", _TEXT_1, ("text_encoder",)),
    Component("text_encoders.clip_g.transformer.", _TEXT_2, ("text_encoder_2",)),
    Component("text_encoders.t5xxl.transformer.", _TEXT_3, ("text_encoder_2", "text_encoder_3")),
    Component("text_encoder.", _TEXT_1, ("text_encoder",)),
    Component("text_encoder_2.", _TEXT_3, ("text_encoder_2",)),
    Component("text_encoder_3.", _TEXT_3, ("text_encoder_3",)),
    # A base that is one part only. Its names show which: no two kinds of parts share any.
    Component(
        "",
        (*_MODEL_FLAT, "lora_te", "lora_te1", "lora_te2", "lora_te3"),
        (*_MODEL_DOTTED, "text_encoder", "text_encoder_2", "text_encoder_3"),
    ),
)
