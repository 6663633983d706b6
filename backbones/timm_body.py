"""Any network of timm as a body, with timm's names for its tensors."""

from collections.abc import Iterator
from copy import deepcopy
from difflib import get_close_matches
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backbones.base import FeatureSpec
from backbones.body import Body
from backbones.names import TIMM
from backbones.pixels import PixelNorm

_FINEST = 4
"""Maps of a smaller stride belong to the stem."""
_GRANULE = 32
_TRIAL = 128
_NORMS = ("frozen", "eval", "batch")
_BATCH_NORM = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - the base of all batch norms


class TimmBody(Body):
    """A network of timm; yields its maps from stride 4 on, c2..c5 where they halve.

    Images are padded with zeros to a multiple of 32, so that maps have the sizes of the contract. Where maps shrink
    because layers do not look beyond the border (Inception's), the layers are made to.

    Args:
        net: The network.
        name: Of the network, for messages.
        norm: frozen (batch norms are fixed), eval (their statistics are) or batch.

    Raises:
        ValueError: It has no maps, or of other sizes than it says, or cannot have such norms.
    """

    def __init__(self, net: nn.Module, *, name: str, norm: str = "batch") -> None:
        infos = getattr(net, "feature_info", [])
        kept = [number for number, info in enumerate(infos) if info["reduction"] >= _FINEST]
        if not kept or not hasattr(net, "forward_intermediates"):
            raise ValueError(f"model.backbone.name={name}: timm gives no feature maps of it")
        super().__init__(("stem", *(f"layer{number + 1}" for number in range(len(kept)))))
        if norm not in _NORMS:
            raise ValueError(
                f"model.backbone.norm={norm}: a network of timm keeps its own norms; set it to {', '.join(_NORMS)}"
            )
        first = infos[kept[0]]["reduction"].bit_length() - 1
        self.features = {
            f"c{first + place}": FeatureSpec(infos[number]["num_chs"], infos[number]["reduction"])
            for place, number in enumerate(kept)
        }
        net.prune_intermediate_layers(kept, prune_head=True)  # type: ignore[operator]
        self.net, self.kept, self.norm = net, kept, norm
        self.parts = self._measured(name)
        for key, parameter in net.named_parameters():
            owner = net.get_submodule(key.rpartition(".")[0])
            fixed = norm == "frozen" and isinstance(owner, _BATCH_NORM)
            parameter.requires_grad_(key in self.parts and not fixed)
        self.train(self.training)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Maps (B, C, H, W) to c2..c5, each (B, channels, ceil(H / stride), ceil(W / stride))."""
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % _GRANULE, 0, -height % _GRANULE))
        maps = _maps(self.net, x, self.kept)
        return {
            name: y[..., : -(-height // stride), : -(-width // stride)]
            for y, (name, (_, stride)) in zip(maps, self.features.items(), strict=True)
        }

    def modules_of(self, stage: str) -> Iterator[nn.Module]:
        """The modules that hold the parameters of a stage: those that its map needs, and no finer one."""
        owners = {name.rpartition(".")[0] for name, where in self.parts.items() if where == stage}
        yield from (self.net.get_submodule(owner) for owner in owners)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - as in nn.Module
        """Sets the mode of all stages that are not frozen and, where they learn, of the norms."""
        super().train(mode)
        if self.norm != "batch":
            for module in self.modules():
                if isinstance(module, _BATCH_NORM):
                    module.eval()
        return self

    def _measured(self, name: str) -> dict[str, str]:
        """The stage of each parameter that some map needs, by its name; the maps get the sizes they should have."""
        shapes = [(c, _TRIAL // stride, _TRIAL // stride) for c, stride in self.features.values()]
        indices = list(range(self.kept[-1] + 1))
        maps, trial = _try(self.net, indices)
        if [tuple(maps[number].shape[1:]) for number in self.kept if maps] != shapes:
            _look_beyond_the_border(self.net)
            maps, trial = _try(self.net, indices)
        if [tuple(maps[number].shape[1:]) for number in self.kept if maps] != shapes:
            raise ValueError(
                f"model.backbone.name={name}: timm's network has maps of other sizes than it says, or takes images of "
                "one size only"
            )
        stages = dict(zip(self.kept, self.stages[1:], strict=True))
        parts: dict[str, str] = {}
        for number, x in enumerate(maps):
            for key in _reached(trial, x):
                parts.setdefault(key, stages.get(number, "stem"))
        return parts


def make_timm(
    name: str,
    *,
    in_channels: int = 3,
    output_stride: int = 32,
    norm: str = "batch",
    pretrained: bool = False,
) -> tuple[TimmBody, PixelNorm]:
    """A network of timm and the normalisation that its weights expect.

    Args:
        name: Without `timm/`; `resnet50.a1_in1k` names one of several weights.
        in_channels: Channels of the image.
        output_stride: Stride of the coarsest map.
        norm: frozen, eval or batch.
        pretrained: Whether it gets timm's weights, from its cache or fetched.

    Raises:
        ValueError: timm is not installed, knows no such network, or cannot build it so.
    """
    try:
        import timm
    except ImportError as error:
        raise ValueError(
            f"model.backbone.name={TIMM}{name} needs timm: pip install timm"
        ) from error
    architecture = name.partition(".")[0]
    if not timm.is_model(architecture):
        near = get_close_matches(architecture, timm.list_models(), 1, 0.5)
        hint = f', did you mean "{TIMM}{near[0]}"?' if near else ""
        raise ValueError(
            f'model.backbone.name={TIMM}{name}: timm has no network "{architecture}"{hint}'
        )
    more: dict[str, Any] = {} if output_stride == 32 else {"output_stride": output_stride}
    try:
        net = timm.create_model(
            name, pretrained=pretrained, in_chans=in_channels, num_classes=0, **more
        )
    except (TypeError, NotImplementedError, AssertionError) as error:
        raise ValueError(
            f"model.backbone.name={TIMM}{name}: timm cannot build it for model.backbone.in_channels={in_channels} and "
            f"output_stride={output_stride} ({error})"
        ) from error
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"model.backbone.weights={TIMM}{name}: not in the cache, and fetching failed ({error}); set "
            "model.backbone.weights=FILE or none"
        ) from error
    return TimmBody(net, name=f"{TIMM}{name}", norm=norm), _pixels(net, in_channels)


def _pixels(net: nn.Module, channels: int) -> PixelNorm:
    stated: dict[str, Any] = getattr(net, "pretrained_cfg", {})
    mean, std = ([255 * value for value in stated[what]] for what in ("mean", "std"))
    if len(mean) == channels:
        return PixelNorm(mean, std)
    return PixelNorm([sum(mean) / len(mean)] * channels, [sum(std) / len(std)] * channels)


def _maps(net: nn.Module, x: Tensor, indices: list[int]) -> list[Tensor]:
    maps: list[Tensor] = net.forward_intermediates(  # type: ignore[operator]
        x, indices=indices, norm=True, intermediates_only=True
    )
    return maps


def _try(net: nn.Module, indices: list[int]) -> tuple[list[Tensor], nn.Module]:
    """The maps of a square image, without values, and the network that made them; no maps where it cannot."""
    trial = deepcopy(net).to("meta").requires_grad_().eval()
    channels = next(p.shape[1] for p in trial.parameters() if p.ndim == 4)
    try:
        maps = _maps(trial, torch.zeros(1, channels, _TRIAL, _TRIAL, device="meta"), indices)
    except (AssertionError, RuntimeError):
        return [], trial
    return maps, trial


def _reached(net: nn.Module, x: Tensor) -> list[str]:
    """Names of the parameters that a map (1, C, H, W) depends on."""
    names, parameters = zip(*net.named_parameters(), strict=True)
    grads = torch.autograd.grad(x.sum(), parameters, allow_unused=True, retain_graph=True)
    return [name for name, grad in zip(names, grads, strict=True) if grad is not None]


def _look_beyond_the_border(net: nn.Module) -> None:
    """Lets layers without padding see zeros around their maps, or nothing, so that only strides make maps smaller."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            kernels, paddings = _pair(layer.kernel_size), _pair(layer.padding)
            layer.padding = tuple(
                kernel // 2 if padding == 0 and kernel % 2 else padding
                for kernel, padding in zip(kernels, paddings, strict=True)
            )


def _pair(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value, value)
