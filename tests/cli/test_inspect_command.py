from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.recipe.proposals.named_models import LLAVA, bert, kind, llama, prefixed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.recipe.proposals.named_models import Tensors

HOSTILE = "a\x1b[2J.0.[bold]<script>alert(1)</script>&\u202e"


def write(folder: Path, tensors: Tensors, config: dict[str, Any] | None = None) -> Path:
    """A checkpoint of zeros, with a config.json if one is given."""
    folder.mkdir()
    save_file(
        {name: np.zeros(of.shape, np.float16) for name, of in tensors.items()}, folder / "model.safetensors"
    )
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_components_and_layers(mergec_command: Callable[..., Result], recipe: Path) -> None:
    path = recipe.parent / "base.safetensors"
    result = mergec_command("inspect", path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"{path}: safetensors, 1 file, 5 tensors, 232 B\n"
        "  float32: 4 tensors, 224 B\n"
        "  int64: 1 tensor, 8 B\n"
        "  metadata: format=pt\n"
        "\n"
        "Components\n"
        "  layout: none that is known, so no component can be named\n"
        "  other  57 parameters  232 B  float32, int64  3 layers  5 tensors  steps, head.w, layers.{0-2}.w\n"
        "\n"
        "Tensors\n"
        "  steps: 1 tensor, 8 B\n"
        "    steps  [1]  int64  8 B\n"
        "  head: 1 tensor, 32 B\n"
        "    head.w  [8]  float32  32 B\n"
        "  layers: 3 layers, 3 tensors, 192 B\n"
        "    layers.{0-2}.w  3 x [4, 4]  float32  192 B\n"
    )


def test_what_a_build_wrote_beside_the_weights(mergec_command: Callable[..., Result], recipe: Path) -> None:
    out = recipe.parent / "out"
    assert mergec_command("build", recipe, "--out", out).exit_code == 0
    text = mergec_command("inspect", out).stdout
    assert "  beside the weights: README.md, mergec.manifest.json, recipe.yaml\n" in text
    names = json.loads(mergec_command("inspect", out, "--json").stdout)["beside"]
    assert names == ["README.md", "mergec.manifest.json", "recipe.yaml"]
    for number in range(20):
        (out / f"vocab-{number:02}.txt").write_text("")
    assert "vocab-08.txt and 11 more\n" in mergec_command("inspect", out).stdout
    assert "vocab-19.txt\n" in mergec_command("inspect", out, "--tensors").stdout


def test_a_line_for_every_tensor(mergec_command: Callable[..., Result], recipe: Path) -> None:
    text = mergec_command("inspect", recipe.parent / "base.safetensors", "--tensors").stdout
    assert "  base.safetensors: " in text
    for i in range(3):
        assert f"  layers.{i}.w  [4, 4]  float32  64 B\n" in text


CONFIG = {
    "model_type": "llava",
    "image_token_index": 319,
    "text_config": {"hidden_size": 64, "vocab_size": 321, "num_hidden_layers": 3},
    "vision_config": {"hidden_size": 48, "patch_size": 14, "num_hidden_layers": 4},
    "torch_dtype": "bfloat16",
    "tie_word_embeddings": True,
}


def test_components_joints_and_what_the_config_says(
    mergec_command: Callable[..., Result], tmp_path: Path
) -> None:
    path = write(tmp_path / "llava", LLAVA["hub"], CONFIG)
    text = mergec_command("inspect", path).stdout
    assert "layout: llava-hf (as in files)" in text
    rows = {line.strip().split("  ")[0]: line for line in text.splitlines() if "parameters " in line}
    assert list(rows) == ["vision tower", "connector", "language model", "head"]
    assert "4 layers" in rows["vision tower"]
    assert "38 tensors  vision_tower.vision_model" in rows["vision tower"]
    assert "connector input 48 = vision tower width 48\n" in text
    assert "connector output 64 = hidden size 64\n" in text
    assert "image_token_index 319 < vocabulary rows 320\n" in text
    said = {line.split()[0]: line for line in text.splitlines() if "agrees" in line or "CONTRADICTS" in line}
    assert "CONTRADICTS the file: 320" in said["text_config.vocab_size"]
    assert "CONTRADICTS the file: float16" in said["torch_dtype"]
    assert "CONTRADICTS the file: false" in said["tie_word_embeddings"]
    for key in ("text_config.hidden_size", "text_config.num_hidden_layers", "vision_config.hidden_size"):
        assert "agrees" in said[key]
    assert "agrees" in said["vision_config.patch_size"]
    assert "agrees" in said["vision_config.num_hidden_layers"]
    assert "`rename: {preset: hf-to-llava}` leads to the layout llava (as its authors have it)" in text


def test_a_tower_that_only_the_config_names(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    tensors = {name: of for name, of in LLAVA["original"].items() if "vision_tower" not in name}
    config = {"model_type": "llava_llama", "mm_vision_tower": "openai/clip\x1b", "mm_hidden_size": 1024}
    path = write(tmp_path / "llava", tensors, config)
    text = mergec_command("inspect", path).stdout
    assert "vision tower: not in the file; config.json names openai/clip\\x1b\n" in text
    document = json.loads(mergec_command("inspect", path, "--json").stdout)
    assert document["named_elsewhere"] == {"vision_tower": "openai/clip\x1b"}


def test_wrappers_are_seen_through_and_named(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    tensors = prefixed("module._orig_mod.", LLAVA["hub"])
    path = write(tmp_path / "wrapped", tensors)
    text = mergec_command("inspect", path).stdout
    assert "layout: llava-hf (as in files)" in text
    assert "`module` in 72 names: `rename: {preset: strip-wrappers}` removes it" in text
    assert "`_orig_mod` in 72 names" in text


def test_a_state_dict_of_peft_and_what_to_do_about_it(
    mergec_command: Callable[..., Result], tmp_path: Path
) -> None:
    head = "base_model.model.lm_head"
    tensors = {name: of for name, of in LLAVA["memory"].items() if name != "lm_head.weight"}
    raw = {**prefixed("base_model.model.", tensors), f"{head}.original_module.weight": kind(320, 64)}
    raw[f"{head}.modules_to_save.default.weight"] = kind(320, 64)
    text = mergec_command("inspect", write(tmp_path / "raw", raw)).stdout
    assert "layout: llava-hf (as in memory)\n" in text
    assert "`original_module` in 1 name: `rename: {preset: strip-peft}` removes it\n" in text
    advice = 'trained copies; `drop: ["**.modules_to_save.**"]` leaves them out\n'
    assert f"`modules_to_save` in 1 name: {advice}" in text
    assert "`rename: [{preset: strip-peft}, {preset: hf-memory-to-file}]` leads to the layout" in text


def test_quantised_weights(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    module = "model.layers.0.self_attn.q_proj.weight"
    state = json.dumps({"quant_type": "nf4", "blocksize": 64, "dtype": "float16", "shape": [64, 64]})
    packed: dict[str, Any] = {
        module: np.zeros((2048, 1), np.uint8),
        f"{module}.absmax": np.zeros(64, np.float32),
        f"{module}.quant_map": np.zeros(16, np.float32),
        f"{module}.quant_state.bitsandbytes__nf4": np.frombuffer(state.encode(), np.uint8),
    }
    save_file(packed, tmp_path / "model.safetensors")
    text = mergec_command("inspect", tmp_path).stdout
    assert "language model  4.1 K parameters" in text
    made = "`dequantize: true` on the source makes 4.1 K parameters of them\n"
    assert f"  bitsandbytes NF4: 1 weight in 4 tensors; {made}" in text
    (found,) = json.loads(mergec_command("inspect", tmp_path, "--json").stdout)["quantised"]
    assert (found["weights"], found["parameters"], found["problem"]) == ([module], 4096, "")


def test_a_file_without_tensors(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "empty.safetensors"
    save_file({}, path)
    assert mergec_command("inspect", path).stdout == f"{path}: safetensors, 1 file, 0 tensors, 0 B\n"
    assert "<p>no tensors</p>" in mergec_command("inspect", path, "--html", "-").stdout


def test_modules_of_a_sequence_are_not_called_layers(
    mergec_command: Callable[..., Result], tmp_path: Path
) -> None:
    tensors = {f"projector.{i}.weight": kind(4, 4) for i in (0, 2)}
    tensors |= {f"stage.{i}.weight": kind(4, 4) for i in (4, 5, 6)}
    text = mergec_command("inspect", write(tmp_path / "parts", tensors)).stdout
    assert "  projector: 2 tensors, 64 B\n" in text
    assert "  stage: 3 layers, 3 tensors, 96 B\n" in text


def test_a_config_that_is_broken_hides_nothing(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    path = write(tmp_path / "bert", bert())
    (path / "config.json").write_text("{")
    result = mergec_command("inspect", path)
    assert result.exit_code == 0
    assert "layout: bert" in result.stdout
    assert "config.json` cannot be read" in result.stdout


def test_json_of_components(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    path = write(tmp_path / "llava", LLAVA["hub"], CONFIG)
    document = json.loads(mergec_command("inspect", path, "--json").stdout)
    parts = {part["name"]: part for part in document["components"]}
    assert parts["connector"]["parameters"] == 64 * 48 + 64 + 64 * 64 + 64
    assert parts["connector"]["bytes"] == 2 * parts["connector"]["parameters"]
    assert parts["language_model"]["layers"] == 3
    assert sum(len(part["tensors"]) for part in parts.values()) == len(LLAVA["hub"])
    assert document["joints"]["hidden_size"]["value"] == 64
    assert document["joints"]["connectors"][0]["in"]["value"] == 48
    assert all(verdict["fits"] for verdict in document["joints"]["verdicts"])
    assert {line["key"]: line["agrees"] for line in document["config"]}["text_config.vocab_size"] is False
    assert document["adapter"] is None


class TestAdapters:
    @pytest.fixture
    def peft(self, tmp_path: Path) -> Path:
        tensors = {"base_model.model.lm_head.weight": np.zeros((32, 8), np.float32)}
        for i in range(3):
            for name, rank in (("q_proj", 2), ("v_proj", 4)):
                module = f"base_model.model.model.layers.{i}.self_attn.{name}"
                tensors[f"{module}.lora_A.default.weight"] = np.zeros((rank, 8), np.float32)
                tensors[f"{module}.lora_B.default.weight"] = np.zeros((8, rank), np.float32)
        save_file(tensors, tmp_path / "adapter_model.safetensors")
        config = {"peft_type": "LORA", "r": 2, "lora_alpha": 8, "rank_pattern": {"v_proj": 4}}
        config |= {"use_rslora": True, "base_model_name_or_path": "lmsys/vicuna", "bias": "none"}
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        return tmp_path

    def test_a_folder_of_peft(self, mergec_command: Callable[..., Result], peft: Path) -> None:
        text = mergec_command("inspect", peft).stdout
        assert "LoRA of 6 modules, dialect peft\n" in text
        assert "base model: lmsys/vicuna\n" in text
        assert "adapters named inside of keys: default\n" in text
        assert (
            "  model.layers.{0-2}.self_attn.v_proj  LoRA  rank 4  alpha 8        scale 4  3 modules\n" in text
        )
        assert "full tensors: base_model.model.lm_head.weight\n" in text
        assert "use_rslora=true" in text
        assert "Components" not in text

    def test_its_json(self, mergec_command: Callable[..., Result], peft: Path) -> None:
        adapter = json.loads(mergec_command("inspect", peft, "--json").stdout)["adapter"]
        assert adapter["kinds"] == {"LoRA": 6}
        first = next(m for m in adapter["modules"] if m["path"] == "model.layers.0.self_attn.q_proj")
        assert first["rank"] == 2
        assert first["scale"] == pytest.approx(8 / 2**0.5, rel=1e-5)
        assert first["alpha"] == pytest.approx(8)
        assert adapter["full_tensors"] == ["base_model.model.lm_head.weight"]

    def test_a_file_of_kohya(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        tensors = {}
        for i in range(3):
            module = f"lora_unet_down_blocks_{i}_attentions_0_proj_in"
            tensors[f"{module}.lora_down.weight"] = np.zeros((4, 8), np.float16)
            tensors[f"{module}.lora_up.weight"] = np.zeros((8, 4), np.float16)
            tensors[f"{module}.alpha"] = np.array(1 + (i == 2), np.float16)
        tensors["lora_te_text_model_encoder_layers_0_mlp_fc1.hada_w1_b"] = np.zeros((5, 8), np.float16)
        save_file(tensors, tmp_path / "style.safetensors")
        text = mergec_command("inspect", tmp_path / "style.safetensors").stdout
        assert "LoRA of 3 modules, LoHa of 1 module, dialect kohya\n" in text
        rows = [line.split() for line in text.splitlines() if "rank" in line]
        assert rows[0][:4] == ["lora_te_text_model_encoder_layers_0_mlp_fc1", "LoHa", "rank", "5"]
        assert rows[1][0] == "lora_unet_down_blocks_{0-1}_attentions_0_proj_in"
        assert rows[1][1:] == ["LoRA", "rank", "4", "alpha", "1", "scale", "0.25", "2", "modules"]
        assert rows[2][1:] == ["LoRA", "rank", "4", "alpha", "2", "scale", "0.5", "1", "module"]

    def test_dora_of_diffusers(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        module = "unet.down_blocks.0.attentions.0.to_q"
        tensors = {
            f"{module}.lora_A.weight": np.zeros((3, 8), np.float32),
            f"{module}.lora_B.weight": np.zeros((8, 3), np.float32),
            f"{module}.lora_magnitude_vector": np.zeros(8, np.float32),
        }
        header = {"lora_adapter_metadata": json.dumps({"unet.r": 3, "unet.lora_alpha": 6})}
        save_file(tensors, tmp_path / "pytorch_lora_weights.safetensors", header)
        text = mergec_command("inspect", tmp_path / "pytorch_lora_weights.safetensors").stdout
        assert "DoRA of 1 module, dialect diffusers\n" in text
        assert "rank 3  alpha 6  scale 2  1 module" in text


class _Page(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.content = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.content += data


class TestHtml:
    def test_one_page_that_holds_everything(
        self, mergec_command: Callable[..., Result], tmp_path: Path
    ) -> None:
        path = write(tmp_path / "llava", LLAVA["hub"], CONFIG)
        target = tmp_path / "page.html"
        assert mergec_command("inspect", path, "--html", target).stdout == ""
        page = _Page()
        page.feed(target.read_text())
        assert page.open == []
        assert "script" not in page.tags
        assert {"table", "details", "i"} <= set(page.tags)
        for text in (
            "vision tower",
            "contradicts",
            "connector input 48",
            "multi_modal_projector.linear_1.bias",
        ):
            assert text in page.content
        assert mergec_command("inspect", path, "--html", "-").stdout == target.read_text()

    def test_hostile_names_stay_text(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        path = tmp_path / "hostile.safetensors"
        save_file({HOSTILE: np.ones(1, np.float32)}, path)
        for arguments in ((path,), (path, path)):
            text = mergec_command("inspect", *arguments, "--html", "-").stdout
            page = _Page()
            page.feed(text)
            assert "script" not in page.tags
            assert text.replace("\n", "").isprintable()

    def test_only_pages_are_replaced(self, mergec_command: Callable[..., Result], recipe: Path) -> None:
        base = recipe.parent / "base.safetensors"
        before = base.read_bytes()
        result = mergec_command("inspect", base, "--html", base)
        assert result.exit_code == 2
        assert "is no HTML page" in result.stderr
        assert base.read_bytes() == before
        page = recipe.parent / "page.html"
        for _ in range(2):
            assert mergec_command("inspect", base, "--html", page).exit_code == 0
        assert mergec_command("inspect", base, "--html", recipe.parent / "no" / "page.html").exit_code == 2

    def test_one_form_at_a_time(self, mergec_command: Callable[..., Result], recipe: Path) -> None:
        base = recipe.parent / "base.safetensors"
        assert mergec_command("inspect", base, "--html", "-", "--json").exit_code == 2
        assert mergec_command("inspect", "base", "--recipe", recipe, "--html", "-").exit_code == 2


class TestPair:
    def test_nothing_to_rename(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        ours = llama()
        a = write(tmp_path / "a", {**ours, "model.rotary.inv_freq": kind(7)})
        b = write(tmp_path / "b", {**ours, "model.mm_projector.0.weight": kind(64, 48)})
        text = mergec_command("inspect", a, b).stdout
        assert "Nothing to rename: what only B has is like nothing that only A has.\n" in text

    def test_an_adapter_needs_no_rules(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        modules = [f"base_model.model.model.layers.{i}.self_attn.q_proj" for i in range(3)]
        factors = {f"{path}.lora_A.weight": kind(4, 64) for path in modules}
        factors |= {f"{path}.lora_B.weight": kind(64, 4) for path in modules}
        a = write(tmp_path / "a", llama())
        b = write(tmp_path / "b", {**factors, "base_model.model.lm_head.weight": kind(320, 64)})
        (b / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4}))
        text = mergec_command("inspect", a, b).stdout
        assert f"B: {b}: 7 tensors, an adapter of the dialect peft\n" in text
        assert "\nB is an adapter; `op: lora` folds it into a model" in text
        assert "Rules that line" not in text
        document = json.loads(mergec_command("inspect", b, a, "--json").stdout)
        assert [document[side]["dialect"] for side in "ab"] == ["peft", None]
        assert "\nA is an adapter;" in mergec_command("inspect", b, a).stdout

    def test_models_of_two_kinds(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        one = {"a.0.query.weight": kind(4, 4), **{f"x.{i}": kind(5 + i) for i in range(4)}}
        other = {"b.0.q_proj.weight": kind(4, 4), **{f"y.{i}": kind(50 + i) for i in range(4)}}
        text = mergec_command("inspect", write(tmp_path / "a", one), write(tmp_path / "b", other)).stdout
        assert "After them 1 of 5 names of B have a partner of their shape in A.\nLess than half" in text
        assert "Then only in" not in text

    def test_rules_that_line_up(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        a = write(tmp_path / "a", LLAVA["hub"])
        b = write(tmp_path / "b", LLAVA["original"])
        text = mergec_command("inspect", a, b).stdout
        assert "Equal in name, shape and dtype: 0 tensors\n" in text
        assert "Only in A: 72 tensors\n" in text
        assert "  - model.{rest:**} -> language_model.model.{rest} " in text
        assert "# lines up 29\n" in text
        assert "After them 72 of 72 names of B have a partner of their shape in A.\n" in text
        assert "Then only in A" not in text

    def test_a_build_with_the_proposed_rules(
        self, mergec_command: Callable[..., Result], tmp_path: Path
    ) -> None:
        a, b = write(tmp_path / "a", bert()), write(tmp_path / "b", bert("", norm="gamma beta"))
        document = json.loads(mergec_command("inspect", a, b, "--json").stdout)
        assert document["lined_up"] == len(bert())
        assert document["after_rules"]["alike"] == len(bert())
        assert document["undecided"] == []
        recipe = {
            "mergec": 1,
            "sources": {"a": "a", "b": {"path": "b", "rename": [one["rule"] for one in document["rules"]]}},
            "models": {"m": {"op": "linear", "inputs": {"a": 0.5, "b": 0.5}}},
            "output": {"model": "m", "path": "out.safetensors"},
        }
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
        assert mergec_command("check", tmp_path / "recipe.yaml").exit_code == 0

    def test_what_differs(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
        shared = {"w": np.zeros(3, np.float32), "v": np.zeros(3, np.float32)}
        extra = {f"l.{i}.x": np.zeros(2, np.float32) for i in range(4)}
        save_file({**shared, "s": np.zeros((2, 2), np.float32), **extra}, a)
        save_file({"w": shared["w"], "v": np.zeros(3, np.float16), "s": np.zeros((3, 2), np.float32)}, b)
        text = mergec_command("inspect", a, b).stdout
        assert "Equal in name, shape and dtype: 1 tensor\n" in text
        assert "Only in A: 4 tensors\n  l.{0-3}.x  4 x [2]  float32\n" in text
        assert "Of other shapes (A, B): 1 tensor\n  s  [2, 2]  [3, 2]\n" in text
        assert "Of other dtypes (A, B): 1 tensor\n  v  float32  float16\n" in text
        assert "Rules" not in text
        document = json.loads(mergec_command("inspect", a, b, "--json").stdout)
        assert document["alike"] == 1
        assert document["other_shape"] == [{"name": "s", "a": "[2, 2]", "b": "[3, 2]"}]
        assert document["only_in_a"] == [f"l.{i}.x" for i in range(4)]

    def test_nothing_is_guessed(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        for name in ("ab", "cd"):
            save_file(
                {f"l.{i}.{c}": np.zeros((4, 4), np.float32) for c in name for i in range(2)}, tmp_path / name
            )
        text = mergec_command("inspect", tmp_path / "ab", tmp_path / "cd").stdout
        assert "No rule is clear enough to be proposed." in text
        assert "  l.{0-1}.c, l.{0-1}.d  <->  l.{0-1}.a, l.{0-1}.b\n" in text

    def test_empty_files(self, mergec_command: Callable[..., Result], tmp_path: Path) -> None:
        save_file({}, tmp_path / "empty.safetensors")
        a = write(tmp_path / "a", llama())
        for pair in ((a, tmp_path / "empty.safetensors"), (tmp_path / "empty.safetensors",) * 2):
            assert mergec_command("inspect", *pair).exit_code == 0
        assert mergec_command("inspect", tmp_path / "empty.safetensors").exit_code == 0

    def test_no_recipe_beside_two_paths(self, mergec_command: Callable[..., Result], recipe: Path) -> None:
        assert mergec_command("inspect", "base", "tuned", "--recipe", recipe).exit_code == 2


def test_names_before_and_after_the_rules_of_a_recipe(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    recipe.write_text(recipe.read_text().replace('{rest}"]', '{rest}"], drop: [module.steps]'))
    for named in ("tuned", "tuned.safetensors", str(recipe.parent / "tuned.safetensors")):
        text = mergec_command("inspect", named, "--recipe", recipe).stdout
        assert "  module.layers.{0-2}.w  ->  layers.{0-2}.w  3 x [4, 4]  float32\n" in text
        assert "  module.steps               left out" in text


def test_a_source_that_the_recipe_lacks(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("inspect", "tunde", "--recipe", recipe)
    assert result.exit_code == 2
    assert "did you mean `tuned`?" in result.stderr


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    document = json.loads(mergec_command("inspect", "tuned", "--recipe", recipe, "--json").stdout)
    assert document["bytes"] == 232
    assert document["dtypes"] == {"float32": 4, "int64": 1}
    assert {"before": "module.head.w", "after": ["head.w"]} in document["renamed"]
    assert document["tensors"][0]["file"] == "tuned.safetensors"


def test_the_candidates_of_a_nested_file(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    import torch

    path = tmp_path / "training.pth"
    torch.save({"model": {"w": torch.ones(2)}, "ema": {"w": torch.ones(2)}}, path)
    result = mergec_command("inspect", path)
    assert result.exit_code == 1
    assert "`nest: model` or `nest: ema`" in result.stderr
    assert "--nest" in result.stderr
    assert mergec_command("inspect", path, "--nest", "ema").exit_code == 0


def test_hostile_names(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    path, other = tmp_path / "hostile.safetensors", tmp_path / "other.safetensors"
    save_file({HOSTILE: np.ones(1, np.float32)}, path, {"k\x07": "v\n"})
    save_file({f"module.{HOSTILE}": np.ones(1, np.float32)}, other)
    (tmp_path / "config.json").write_text(json.dumps({"dtype": "\x1b[2J", "hidden_size": ["\x07"]}))
    for arguments in ((path,), (path, "--tensors"), (path, other), (other, path)):
        text = mergec_command("inspect", *arguments).stdout
        assert text.replace("\n", "").isprintable()
        assert "[bold]" in text


def test_a_missing_file(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    assert mergec_command("inspect", tmp_path / "none.safetensors").exit_code == 5


def test_each_part_of_a_tensor_has_a_line(mergec_command: Callable[..., Result], recipe: Path) -> None:
    rule = "{from: head.w, to: [head.a, head.b], split: {dim: 0}}"
    recipe.write_text(recipe.read_text().replace('{rest}"]', f'{{rest}}", {rule}]'))
    lines = mergec_command("inspect", "tuned", "--recipe", recipe).stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if "->  head.a" in line)
    assert lines[at].split()[0] == "module.head.w"
    assert lines[at + 1].strip() == "head.b"


def test_a_path_that_is_not_there_says_nothing_of_recipes(mergec_command: Callable[..., Result]) -> None:
    result = mergec_command("inspect", "nowhere/at/all")
    assert result.exit_code == 5
    assert "has no `nowhere`\n" in result.stderr
