"""The function of a model that config.json describes, by the library transformers."""

from __future__ import annotations

import zlib
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import torch

from mergec.diagnostics import MergecError
from mergec.symmetries.self_test_errors import NoForward

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

LIBRARY = "transformers"
_BATCH, _LENGTH = 2, 8
_LOGITS = "logits"
_HIDDEN = "last_hidden_state"
_EAGER = {"attn_implementation": "eager", "experts_implementation": "eager"}  # fast kernels lack float64


def pretrained_forward(folder: Path, seed: int) -> Callable[[dict[str, torch.Tensor]], list[torch.Tensor]]:
    """What the model whose config.json is in a folder makes of random inputs, as a function of its tensors.

    It computes in float64, as far as the library does: norms and softmax go through float32, so that the
    result is given as float32.

    Raises:
        MergecError: MC0553 where the library is missing, or cannot make the model.
    """
    try:
        version(LIBRARY)
        library = import_module(LIBRARY)
    except (PackageNotFoundError, ImportError):
        raise _refused(
            "it takes the library transformers", "install it: `pip install transformers`"
        ) from None
    library.utils.logging.disable_progress_bar()
    library.utils.logging.set_verbosity_error()
    try:
        config = library.AutoConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # noqa: BLE001  # whatever the library raises
        raise _refused(f"config.json makes no model ({_first_line(error)})") from None
    kinds = [getattr(library, name, None) for name in config.architectures or ()]
    kind = next((one for one in kinds if one is not None), library.AutoModel)

    def forward(tensors: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        model = _loaded(kind, config, tensors)
        inputs = _inputs(model, config, seed)
        try:
            with torch.no_grad():
                result = model(**inputs, return_dict=True)
        except Exception as error:  # noqa: BLE001  # whatever the library raises
            raise _refused(f"{kind.__name__} fails on random inputs ({_first_line(error)})") from None
        return _outputs(result)

    return forward


def _loaded(kind: Any, config: Any, tensors: Mapping[str, torch.Tensor]) -> Any:  # noqa: ANN401  # untyped
    wide = {name: one.double() if one.is_floating_point() else one for name, one in tensors.items()}
    try:
        model, told = kind.from_pretrained(
            None, config=config, state_dict=wide, dtype=torch.float64, output_loading_info=True, **_EAGER
        )
    except Exception as error:  # noqa: BLE001  # whatever the library raises
        raise _refused(f"the tensors make no {kind.__name__} ({_first_line(error)})") from None
    lacking = sorted({str(name) for name in told["missing_keys"]})
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise _refused(
            f"the tensors make no {kind.__name__}: it also takes `{lacking[0]}`{more}",
            "rename the source's tensors as the model has them, or write a function of your own",
        )
    return model.eval()


def _inputs(model: Any, config: Any, seed: int) -> dict[str, torch.Tensor]:  # noqa: ANN401  # untyped
    """Random inputs in the sizes that the configuration tells."""
    text = config.get_text_config()
    given: dict[str, torch.Tensor] = {}
    main = model.main_input_name

    def ids(name: str) -> None:
        known = min(text.vocab_size, 1 << 15)
        given[name] = torch.randint(known // 10, known, (_BATCH, _LENGTH), generator=_generator(seed, name))

    def floats(name: str, *shape: int) -> None:
        given[name] = torch.randn(_BATCH, *shape, generator=_generator(seed, name), dtype=torch.float64)

    if main == "input_ids":
        ids(main)
    elif main == "pixel_values":
        vision = getattr(config, "vision_config", config)
        size = vision.image_size
        height, width = size if isinstance(size, list | tuple) else (size, size)
        floats(main, vision.num_channels, height, width)
    elif main == "input_features" and hasattr(config, "num_mel_bins"):
        floats(main, config.num_mel_bins, 2 * config.max_source_positions)
    else:
        raise _refused(
            f"there are no inputs for `{main}` of {type(model).__name__}", "write a function of your own"
        )
    if config.is_encoder_decoder:
        ids("decoder_input_ids")
    return given


def _generator(seed: int, name: str) -> torch.Generator:
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode()))


def _outputs(result: Mapping[str, Any]) -> list[torch.Tensor]:
    """The logits, and without any the last hidden state: what else there is has hidden units."""
    logits = [value for name, value in result.items() if name.endswith(_LOGITS)]
    found = logits or [value for name, value in result.items() if name == _HIDDEN]
    if not found:
        names = ", ".join(result)
        raise _refused(f"the model gives neither logits nor a last hidden state ({names})")
    return [value.float() for value in found]


def _refused(problem: str, help_: str | None = None) -> MergecError:
    return MergecError([NoForward(what=LIBRARY, problem=problem, help=help_)])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
