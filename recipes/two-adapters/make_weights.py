"""Write a classifier of BERT's shape, 12 times narrower, and two adapters that PEFT saved."""

import warnings
from pathlib import Path
from typing import Final

import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PEFT, about libraries that it does not find
    import peft

WEIGHTS: Final = Path(__file__).with_name("weights")
BERT: Final = BertConfig(
    vocab_size=400,
    hidden_size=64,
    intermediate_size=256,
    num_hidden_layers=3,
    num_attention_heads=4,
    max_position_embeddings=64,
    num_labels=3,
)


def save_adapter(name: str, model: PreTrainedModel, config: peft.LoraConfig) -> None:
    """An adapter whose factors and full tensors are all drawn anew, as if it had been trained."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PEFT, about its own use of transformers
        tuned = peft.get_peft_model(model, config)
        tuned.peft_config["default"].base_model_name_or_path = "org/base"  # as on the hub
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.data.normal_(0, 0.1)
        tuned.save_pretrained(WEIGHTS / name)


def main() -> None:
    """Write all three."""
    disable_progress_bar()
    torch.manual_seed(0)
    BertForSequenceClassification(BERT).save_pretrained(WEIGHTS / "base")
    # PEFT saves the head of a classifier whole: modules_to_save.
    topics = peft.LoraConfig(
        task_type="SEQ_CLS",
        r=16,
        lora_alpha=8,
        use_rslora=True,
        target_modules=["query", "value", "intermediate.dense"],
    )
    save_adapter("topics", BertForSequenceClassification.from_pretrained(WEIGHTS / "base"), topics)
    # Trained on the encoder alone, whose names lack `bert.`.
    medicine = peft.LoraConfig(
        task_type="FEATURE_EXTRACTION",
        r=4,
        lora_alpha=8,
        target_modules=["query", "key", "value"],
        rank_pattern={r"layer\.0\.attention\.self\.query": 8},
    )
    save_adapter("medicine", BertModel.from_pretrained(WEIGHTS / "base"), medicine)


if __name__ == "__main__":
    main()
