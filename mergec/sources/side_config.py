"""config.json, as far as the compiler needs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mergec.sources.errors import BadConfig

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics import Report, Span

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
_LARGEST = 16 << 20


def config_text(config: object) -> bytes:
    """The config as it is written to an output.

    Raises:
        ValueError: it holds half a surrogate pair, which UTF-8 has no bytes for.
        RecursionError: it nests too deeply.
    """
    return (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()


def read_config(folder: Path, span: Span | None, report: Report, name: str = CONFIG) -> dict[str, object]:
    """The config of a checkpoint's folder; empty where there is none. Reports MC0290."""
    path = folder / name
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as stream:
            config = json.loads(stream.read(_LARGEST))
        config_text(config)  # the output's config is made of it: what cannot be written is told now
    except (OSError, ValueError, RecursionError) as error:
        report.add(BadConfig(span=span, path=str(path), problem=str(error)))
        return {}
    if isinstance(config, dict):
        return config
    report.add(BadConfig(span=span, path=str(path), problem="it is not a JSON object"))
    return {}
