from pathlib import Path


def make(folder: Path) -> None:
    (folder / "a" / "config.json").write_text('{"model_type": "llava"}')
    (folder / "b" / "config.json").write_text(
        '{"model_type": "llava", "mm_vision_tower": "openai/clip-vit-large-patch14-336"}'
    )
