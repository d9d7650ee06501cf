"""Networks that find objects, up to the boxes that non-maximum suppression picks."""

import torch
import torchvision
from export import DYNAMO, TORCHSCRIPT, Export, Maker, torch_export
from torch import nn

detection = torchvision.models.detection
# No weights at all, the backbone's included.
NONE = {"weights": None, "weights_backbone": None}


class Picked(nn.Module):
    """torchvision's detectors take a list of images and give a list of dictionaries."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = self.inner([image])[0]
        return found["boxes"], found["scores"], found["labels"]


def detector(inner: nn.Module, way: str = TORCHSCRIPT) -> Export:
    """One image of open size: these graphs have no batch. Names of nodes, a fifth of the file, are left out."""
    axes = {"image": {1: "height", 2: "width"}}
    names = ["boxes", "scores", "labels"]
    axes = axes if way == DYNAMO else {**axes, **{name: {0: "found"} for name in names}}
    sizes = {"height": 96, "width": 128}
    export = torch_export(Picked(inner), {"image": torch.rand(3, 100, 120)}, axes, sizes, way, names)
    for node in export.model.graph.node:
        node.ClearField("name")
    return export


def unit(inside: int, out: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inside, out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.SiLU())


class Split(nn.Module):
    """Keeps half, works on the other half, and joins all steps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.last = unit(width, width), unit(width * 2, width)
        self.steps = nn.ModuleList(unit(width // 2, width // 2, 3) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = list(self.first(x).chunk(2, 1))
        for step in self.steps:
            parts.append(parts[-1] + step(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Yolo(nn.Module):
    """Two scales, a head without anchors; `pick` ends with non-maximum suppression of the first image."""

    def __init__(self, pick: bool, classes: int = 6) -> None:
        super().__init__()
        self.pick = pick
        self.stem = nn.Sequential(unit(3, 16, 3, 2), unit(16, 32, 3, 2), Split(32), unit(32, 32, 3, 2), Split(32))
        self.deep = nn.Sequential(unit(32, 64, 3, 2), Split(64))
        self.pools = nn.MaxPool2d(5, 1, 2)
        self.after = unit(64 * 3, 64)
        self.merge = nn.Sequential(unit(96, 32), Split(32))
        self.heads = nn.ModuleList(nn.Conv2d(width, 4 + classes, 1) for width in (32, 64))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...] | torch.Tensor:
        flat = self.stem(x)
        deep = self.deep(flat)
        once = self.pools(deep)
        deep = self.after(torch.cat([deep, once, self.pools(once)], 1))
        flat = self.merge(torch.cat([nn.functional.interpolate(deep, scale_factor=2.0), flat], 1))
        rows = []
        for level, head, stride in zip((flat, deep), self.heads, (8, 16), strict=True):
            found = head(level)
            down, across = torch.meshgrid(torch.arange(found.shape[2]), torch.arange(found.shape[3]), indexing="ij")
            places = torch.stack([across, down]).float() + 0.5
            centre = (found[:, :2].sigmoid() + places) * stride
            extent = found[:, 2:4].exp() * stride
            rows.append(torch.cat([centre, extent, found[:, 4:].sigmoid()], 1).flatten(2))
        whole = torch.cat(rows, 2)
        if not self.pick:
            return whole
        first = whole[0].T
        corners = torchvision.ops.box_convert(first[:, :4], "cxcywh", "xyxy")
        scores, labels = first[:, 4:].max(1)
        kept = torchvision.ops.nms(corners, scores, 0.5)[:20]
        return corners[kept], scores[kept], labels[kept]


def yolo(way: str, pick: bool) -> Export:
    axes = {"image": {0: "batch", 2: "height", 3: "width"}}
    names = ["boxes", "scores", "labels"] if pick else ["candidates"]
    image = torch.rand(3, 3, 64, 96)
    return torch_export(Yolo(pick), {"image": image}, axes, {"batch": 2, "height": 96, "width": 128}, way, names)


def retinanet() -> nn.Module:
    return detection.retinanet_resnet50_fpn(**NONE, min_size=96, max_size=160, num_classes=5)


def faster() -> nn.Module:
    return detection.fasterrcnn_mobilenet_v3_large_320_fpn(**NONE, min_size=96, max_size=160, num_classes=5)


DETECTORS: dict[str, Maker] = {
    "ssdlite-torchscript": lambda: detector(detection.ssdlite320_mobilenet_v3_large(**NONE, num_classes=5)),
    "retinanet-torchscript": lambda: detector(retinanet()),
    "fasterrcnn-torchscript": lambda: detector(faster()),
    "yolo-torchscript": lambda: yolo(TORCHSCRIPT, pick=False),
    "yolo-dynamo": lambda: yolo(DYNAMO, pick=False),
    "yolo-nms-torchscript": lambda: yolo(TORCHSCRIPT, pick=True),
    "yolo-nms-dynamo": lambda: yolo(DYNAMO, pick=True),
}
