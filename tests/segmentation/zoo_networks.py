"""Segmenters as other zoos build and name them, written down from their layouts, with random weights."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

State = dict[str, Tensor]


class Body(nn.Module):
    """torchvision's residual network without its classifier; deep: MMSegmentation's V1c, which begins with `stem`."""

    def __init__(self, name: str, *, dense: Sequence[bool] = (), deep: bool = False) -> None:
        super().__init__()
        options = {"replace_stride_with_dilation": [*dense]} if dense else {}
        net = torchvision.models.get_model(name, **options)
        if deep:
            self.stem = nn.Sequential(*_layers(3, 32, 2), *_layers(32, 32), *_layers(32, 64))
        else:
            self.conv1, self.bn1 = net.conv1, net.bn1
        self.layer1, self.layer2 = net.layer1, net.layer2
        self.layer3, self.layer4 = net.layer3, net.layer4

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x) if hasattr(self, "stem") else self.bn1(self.conv1(x)).relu()
        x = F.max_pool2d(x, 3, 2, 1)
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        return [x := stage(x) for stage in stages]

    @property
    def channels(self) -> list[int]:
        """Of the four maps."""
        width = 256 if hasattr(self.layer1[0], "conv3") else 64
        return [width << stage for stage in range(4)]


def _layers(channels: int, width: int, stride: int = 1) -> Iterator[nn.Module]:
    yield nn.Conv2d(channels, width, 3, stride, 1, bias=False)
    yield nn.BatchNorm2d(width)
    yield nn.ReLU()


class ConvModule(nn.Module):
    """MMSegmentation's convolution with norm and ReLU, or with a bias."""

    def __init__(self, channels: int, width: int, kernel: int = 3, *, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(
            channels, width, kernel, padding=padding, dilation=dilation, bias=False
        )
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn(self.conv(x)).relu()
        return out


class PlainConv(nn.Module):
    """The same without a norm."""

    def __init__(self, channels: int, width: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class ConvHead(nn.Module):
    """MMSegmentation's FCNHead, with two convolutions and a look back, or with one."""

    def __init__(self, channels: int, *, classes: int, dilation: int, looks_back: bool) -> None:
        super().__init__()
        width = channels // 4
        widths = [channels, width, width] if looks_back else [channels, width]
        convs = (ConvModule(*pair, dilation=dilation) for pair in pairwise(widths))
        self.convs = nn.Sequential(*convs)
        if looks_back:
            self.conv_cat = ConvModule(channels + width, width)
        self.conv_seg = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.convs(x)
        if hasattr(self, "conv_cat"):
            hidden = self.conv_cat(torch.cat([x, hidden], 1))
        out: Tensor = self.conv_seg(hidden)
        return out


class MMSegmentationFCN(nn.Module):
    """Its EncoderDecoder with FCN heads; `forward` gives logits and auxiliary logits in the size of the image."""

    def __init__(
        self, body: Body, *, classes: int = 19, dilation: int = 1, align_corners: bool = False
    ) -> None:
        super().__init__()
        self.backbone = body
        *_, middle, last = body.channels
        options = {"classes": classes, "dilation": dilation}
        self.decode_head = ConvHead(last, looks_back=True, **options)
        self.auxiliary_head = ConvHead(middle, looks_back=False, **options)
        self.align_corners = align_corners

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        *_, middle, last = self.backbone(x)
        to_image = partial(enlarge, target=x, align_corners=self.align_corners)
        return to_image(self.decode_head(last)), to_image(self.auxiliary_head(middle))


class MMSegmentationFPN(nn.Module):
    """Its semantic FPN."""

    def __init__(self, body: Body, *, classes: int = 19) -> None:
        super().__init__()
        self.backbone = body
        self.neck = nn.Module()
        self.neck.lateral_convs = nn.ModuleList(PlainConv(c, 256, 1) for c in body.channels)
        self.neck.fpn_convs = nn.ModuleList(PlainConv(256, 256, 3) for _ in range(4))
        self.decode_head = nn.Module()
        self.decode_head.scale_heads = nn.ModuleList(map(self._scale_head, (1, 1, 2, 3)))
        self.decode_head.conv_seg = nn.Conv2d(128, classes, 1)

    def _scale_head(self, convs: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for index in range(convs):
            layers.append(ConvModule(128 if index else 256, 128))
            layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        laterals = [
            conv(y) for conv, y in zip(self.neck.lateral_convs, self.backbone(x), strict=True)
        ]
        for index in (2, 1, 0):
            laterals[index] = laterals[index] + enlarge(
                laterals[index + 1], laterals[index], "nearest"
            )
        maps = [conv(y) for conv, y in zip(self.neck.fpn_convs, laterals, strict=True)]
        finest, *coarser = zip(self.decode_head.scale_heads, maps, strict=True)
        total = finest[0][0](finest[1])
        for head, y in coarser:
            total = total + head(y)
        return enlarge(self.decode_head.conv_seg(total), x)


class SMPFPN(nn.Module):
    """The FPN of segmentation-models-pytorch."""

    def __init__(self, body: Body, *, classes: int = 1, policy: str = "add") -> None:
        super().__init__()
        self.encoder = body
        *skips, last = body.channels
        self.decoder = nn.Module()
        self.decoder.p5 = nn.Conv2d(last, 256, 1)
        for level, channels in zip((4, 3, 2), reversed(skips), strict=True):
            block = nn.Module()
            block.skip_conv = nn.Conv2d(channels, 256, 1)
            self.decoder.add_module(f"p{level}", block)
        self.decoder.seg_blocks = nn.ModuleList(map(self._seg_block, (3, 2, 1, 1)))
        width = 128 if policy == "add" else 512
        self.segmentation_head = nn.Sequential(nn.Conv2d(width, classes, 1))

    def _seg_block(self, convs: int) -> nn.Module:
        seg_block = nn.Module()
        seg_block.block = nn.Sequential()
        for index in range(convs):
            layer = nn.Module()
            conv = nn.Conv2d(128 if index else 256, 128, 3, padding=1, bias=False)
            layer.block = nn.Sequential(conv, nn.GroupNorm(32, 128), nn.ReLU())
            seg_block.block.append(layer)
        return seg_block

    def forward(self, x: Tensor) -> Tensor:
        c2, c3, c4, c5 = self.encoder(x)
        maps = [self.decoder.p5(c5)]
        for level, skip in ((4, c4), (3, c3), (2, c2)):
            coarse = F.interpolate(maps[-1], scale_factor=2.0, mode="nearest")
            maps.append(coarse + self.decoder.get_submodule(f"p{level}.skip_conv")(skip))
        blocks = zip(self.decoder.seg_blocks, maps, strict=True)
        enlarged = [self._enlarged(seg_block, y) for seg_block, y in blocks]
        return enlarge(self.segmentation_head(sum(enlarged)), x, align_corners=True)

    def _enlarged(self, seg_block: nn.Module, y: Tensor) -> Tensor:
        for layer in seg_block.block:
            y = layer.block(y)
            if seg_block is not self.decoder.seg_blocks[-1]:
                y = F.interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=True)
        return y


def enlarge(
    x: Tensor, target: Tensor, mode: str = "bilinear", *, align_corners: bool = False
) -> Tensor:
    """To the size of the target."""
    corners = None if mode == "nearest" else align_corners
    return F.interpolate(x, size=target.shape[-2:], mode=mode, align_corners=corners)


@torch.no_grad()
def calibrated(network: nn.Module, seed: int = 0) -> nn.Module:
    """Random affines, and statistics of noise: as in a trained network, no layer's values grow large or vanish."""
    generator = torch.Generator().manual_seed(seed)
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.GroupNorm)):
        norm.weight.uniform_(0.5, 1.5, generator=generator)
        norm.bias.normal_(std=0.2, generator=generator)
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 1.0
    dtype = next(network.parameters()).dtype
    network.train()(torch.randn(2, 3, 32, 64, generator=generator).to(dtype))
    return network.eval()


def save(path: Path, network: nn.Module, **notes: object) -> str:
    """Writes a checkpoint as the trainers of these zoos do."""
    torch.save({"state_dict": network.state_dict(), **notes}, path)
    return str(path)


def recipe_text(
    *, dilations: tuple[int, ...] = (1, 1, 2, 4), dilation: int = 1, **head: object
) -> str:
    """The config of an FCN as MMSegmentation writes it into its files; `head` goes into `decode_head`."""
    strides = {(1, 1, 2, 4): (1, 2, 1, 1), (1, 1, 1, 2): (1, 2, 2, 1)}.get(dilations, (1, 2, 2, 2))
    more = "".join(f",\n        {key}={value!r}" for key, value in head.items())
    return f"""
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='ResNetV1c', depth=50, dilations={dilations}, strides={strides},
        norm_cfg=dict(type='SyncBN', requires_grad=True), norm_eval=False, style='pytorch',
        contract_dilation=True),
    decode_head=dict(
        type='FCNHead', in_channels=2048, channels=512, num_convs=2, concat_input=True,
        dropout_ratio=0.1, num_classes=19, dilation={dilation}{more},
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)),
    auxiliary_head=dict(
        type='FCNHead', in_channels=1024, channels=256, num_convs=1, dilation={dilation},
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=0.4)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
data = dict(samples_per_gpu=2, train=dict(pipeline=[dict(type='LoadImageFromFile')]))
"""
