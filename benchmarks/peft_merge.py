"""What users of PEFT run to fold an adapter: `python peft_merge.py BASE ADAPTER OUTPUT`."""

import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def main(base: str, adapter: str, output: str) -> None:
    """Load, merge, save."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
