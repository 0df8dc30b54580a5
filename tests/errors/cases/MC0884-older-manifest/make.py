import json
from pathlib import Path

import mergec


def make(folder: Path) -> None:
    out = mergec.load(folder / "recipe.yaml").build(workers=1).path
    manifest = out / "mergec.manifest.json"
    files = json.loads(manifest.read_text())["files"]
    manifest.write_text(json.dumps({"format_version": "1.0", "files": files}))
