"""What models call the two tensors that they may tie: the input embeddings and the output head."""

from __future__ import annotations

# What transformers calls the output heads that it ties to the input embeddings.
HEADS = (
    "lm_head.weight",
    "embed_out.weight",
    "proj_out.weight",
    "cls.predictions.decoder.weight",
)
EMBEDDINGS = (
    "embed_tokens.weight",
    "wte.weight",
    "word_embeddings.weight",
    "shared.weight",
    "embed_in.weight",
)
# The key of config.json that says so.
TIED = "tie_word_embeddings"
