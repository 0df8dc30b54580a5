"""ResNets with torchvision's names, small: every kind of block, norm and shortcut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    Norm = Callable[[int], nn.Module]


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def no_norm(channels: int) -> nn.Module:  # noqa: ARG001  # as the others are called
    return nn.Identity()


def groups_of(count: int) -> Norm:
    return lambda channels: nn.GroupNorm(count, channels)


class Block(nn.Module):
    """Basic without `expansion`, else a bottleneck; norms after the convolutions, or before them."""

    def __init__(
        self, read: int, inner: int, expansion: int, stride: int, norm: Norm, *, before: bool
    ) -> None:
        super().__init__()
        left = inner * max(expansion, 1)
        widths = [read, inner, inner, left] if expansion else [read, inner, inner]
        for number in range(1, len(widths)):
            size = 1 if expansion and number != 2 else 3
            step = stride if number == (2 if expansion else 1) else 1
            conv = nn.Conv2d(widths[number - 1], widths[number], size, step, size // 2, bias=norm is no_norm)
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", norm(widths[number - 1 if before else number]))
        self.count, self.before = len(widths) - 1, before
        if read != left or stride > 1:
            shortcut = nn.Conv2d(read, left, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut) if before else nn.Sequential(shortcut, norm(left))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        carried = self.downsample(x) if hasattr(self, "downsample") else x
        for number in range(1, self.count + 1):
            conv, norm = self.get_submodule(f"conv{number}"), self.get_submodule(f"bn{number}")
            if self.before:
                x = conv(nn.functional.relu(norm(x)))
            else:
                x = norm(conv(x))
                x = nn.functional.relu(x) if number < self.count else x
        return x + carried if self.before else nn.functional.relu(x + carried)


class ResNet(nn.Module):
    """Three stages of two blocks. The first stage keeps the stem's width."""

    def __init__(self, norm: Norm, *, expansion: int = 0, before: bool = False, classes: int = 5) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=norm is no_norm)
        self.before = before
        width = 8
        for stage, inner in enumerate((8, 12, 16), 1):
            blocks = []
            for number in range(2):
                stride = 2 if stage > 1 and number == 0 else 1
                blocks.append(Block(width, inner, expansion, stride, norm, before=before))
                width = inner * max(expansion, 1)
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.bn1 = norm(width if before else 8)
        self.fc = nn.Linear(width, classes) if classes else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x) if self.before else nn.functional.relu(self.bn1(self.conv1(x)))
        for stage in (1, 2, 3):
            x = self.get_submodule(f"layer{stage}")(x)
        x = nn.functional.relu(self.bn1(x)) if self.before else x
        out: torch.Tensor = self.fc(x.mean((2, 3)))
        return out
