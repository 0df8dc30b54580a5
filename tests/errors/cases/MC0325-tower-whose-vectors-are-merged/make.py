from pathlib import Path


def make(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name / "config.json").write_text('{"vision_config": {"spatial_merge_size": 2}}')
