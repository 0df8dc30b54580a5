"""The dialect of Hugging Face's PEFT: how its adapters are named and configured, and what each kind folds."""
