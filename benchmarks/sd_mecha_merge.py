"""What users of sd-mecha run to mix two files: `python sd_mecha_merge.py A B ALPHA OUTPUT`."""

import sys

import sd_mecha


def main(first: str, second: str, alpha: str, output: str) -> None:
    """A weighted sum, in float32, written as float16."""
    mixed = sd_mecha.weighted_sum(sd_mecha.model(first), sd_mecha.model(second), alpha=float(alpha))
    sd_mecha.merge(mixed, output=output)


if __name__ == "__main__":
    main(*sys.argv[1:])
