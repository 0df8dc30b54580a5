"""Many merges in one process of mergekit: `python mergekit_merges.py LIST`, in mergekit's environment.

LIST is a JSON file with one entry for each merge: its configuration, the folder to write, and a seed.
"""

import json
import sys
from pathlib import Path

from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions


def main(path: Path) -> None:
    """Run each merge."""
    for config, output, seed in json.loads(path.read_text()):
        options = MergeOptions(copy_tokenizer=False, quiet=True, write_model_card=False, random_seed=seed)
        run_merge(MergeConfiguration.model_validate(config), output, options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
