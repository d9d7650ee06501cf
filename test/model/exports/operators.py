"""Operators that whole networks seldom have, each in a small graph."""

import numpy as np
import torch
import torchvision
from export import DYNAMO, TORCHSCRIPT, Export, Maker, node_model, torch_export
from onnx import TensorProto, helper
from torch import nn
from torch.nn import functional

node = helper.make_node


class Function(nn.Module):
    """A function of one tensor as a module."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.function(x)


def of(
    function: object, way: str, shape: tuple[int, ...] = (3, 6, 8), axes: dict[int, str] | None = None, **rest
) -> Export:
    """Exports a function; the first two dimensions are open unless told otherwise."""
    named = {"x": axes or {0: "batch", 1: "sequence"}}
    sizes = {"batch": 2, "sequence": 5, "height": 10, "width": 14}
    sizes = {name: size for name, size in sizes.items() if name in named["x"].values()}
    return torch_export(Function(function), {"x": torch.rand(shape)}, named, sizes, way, **rest)


def products(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    weights = torch.ones(8, 3, 4)
    return (
        torch.einsum("bsd,dhk->bhsk", x, weights),
        torch.einsum("bsd,btd->bst", x, x),
        torch.bmm(x, x.transpose(1, 2)),
        torch.outer(x[0, 0], x[0, 1]),
        torch.tensordot(x, weights, 1),
    )


def choices(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    values, places = x.topk(3, dim=-1)
    best = x.argmax(-1)
    return (
        values, places.to(torch.int32), best, x.sort(dim=1, descending=True)[0], functional.one_hot(best, 8),
        torch.where(x > 0.5, x, -x), x.masked_fill(x > 0.5, 0.0), torch.nonzero(x > 0.5), x[x > 0.5],
        x.gather(2, places), x.cumsum(1), torch.triu(x), x.clamp(min=0.1), torch.isnan(x).any(),
    )  # fmt: skip


def places(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    index = torch.tensor([0, 2])
    written = x.clone()
    written[:, 0] = 1.0
    return (
        x[:, ::2, 1:-1], x[..., None, :2], x.index_select(2, index), written, x.flip(1), x.roll(1, 2),
        x.scatter(2, torch.zeros(x.shape[0], x.shape[1], 1, dtype=torch.int64), 5.0), x.repeat(1, 2, 3),
        x.unfold(2, 4, 2), torch.stack(x.unbind(2)[:2]), torch.cat(x.split([3, 5], 2)[::-1], 2), x.tile(2, 1, 1),
    )  # fmt: skip


def sums(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return (
        x.mean(), x.sum((0, 2)), x.std(1), x.var(2, unbiased=False), x.norm(dim=2), x.prod(1), x.amax((1, 2), True),
        x.logsumexp(2), functional.normalize(x, dim=1), x.max(2)[1], functional.softmin(x, 1), x.log_softmax(-1),
    )  # fmt: skip


def spatial(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Over maps whose height and width are open."""
    theta = torch.tensor([[[1.0, 0.1, 0.0], [0.0, 1.0, 0.1]]]).expand(x.shape[0], 2, 3)
    return (
        functional.grid_sample(x, functional.affine_grid(theta, [x.shape[0], 4, 5, 7], False), align_corners=False),
        functional.interpolate(x, size=(9, 11), mode="bilinear"),
        functional.interpolate(x, scale_factor=1.5, mode="bicubic"),
        functional.pad(x, (1, 2, 3, 0), mode="reflect"),
        functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
        functional.max_pool2d(x, 3, 2, 1, 1, ceil_mode=True),
        functional.pixel_unshuffle(x, 2),
        functional.adaptive_max_pool2d(x, 1),
        functional.lp_pool2d(x, 2.0, 2),
        x.mean((2, 3), keepdim=True),
    )


def columns(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    boxes = torch.tensor([[0.0, 0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 1.0, 6.0, 5.0]])
    return functional.unfold(x, 3, padding=1, stride=2), torchvision.ops.roi_align(x, boxes, 3, sampling_ratio=2)


class Bags(nn.Module):
    """Embeddings of categories beside numbers, and their pairwise products."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, 8) for rows in (200, 30, 7))
        self.deep = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 8))
        self.top = nn.Sequential(nn.Linear(16, 12), nn.Hardswish(), nn.Dropout(0.1), nn.Linear(12, 1), nn.Sigmoid())

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
        dense = self.deep(numbers)
        rows = torch.stack([dense, *(table(categories[:, i]) for i, table in enumerate(self.tables))], 1)
        pairs = rows @ rows.transpose(1, 2)
        return self.top(torch.cat([dense, pairs.flatten(1)[:, :8]], 1)).squeeze(-1)


def recommender(way: str) -> Export:
    inputs = {"numbers": torch.randn(3, 5), "categories": torch.ones(3, 3, dtype=torch.int64)}
    axes = {name: {0: "batch"} for name in inputs}
    return torch_export(Bags(), inputs, axes, {"batch": 2}, way, ["out"])


def shapes_computed() -> Export:
    """Sizes that go through arithmetic before they shape a tensor."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["rows"]),
        node("Gather", ["shape", "last"], ["columns"]),
        node("Mul", ["rows", "columns"], ["product"]),
        node("Div", ["product", "two"], ["half"]),
        node("Sub", ["product", "half"], ["rest"]),
        node("Concat", ["half", "rest"], ["parts"], axis=0),
        node("Reshape", ["x", "flat"], ["line"]),
        node("Split", ["line", "parts"], ["left", "right"], axis=0),
        node("Squeeze", ["half"], ["limit"]),
        node("Range", ["start", "limit", "step"], ["order"]),
        node("Unsqueeze", ["order", "zero"], ["row"]),
        node("Expand", ["row", "shape_of_rows"], ["table"]),
        node("Cast", ["table"], ["numbers"], to=TensorProto.FLOAT),
        node("Equal", ["shape", "shape"], ["same"]),
        node("Where", ["same", "shape", "twos"], ["chosen"]),
        node("ConstantOfShape", ["chosen"], ["zeros"]),
        node("Slice", ["shape", "zero", "last"], ["head"]),
        node("ReduceProd", ["shape"], ["count"], keepdims=1),
        node("Tile", ["line", "rows"], ["tiled"]),
        node("Max", ["shape", "twos"], ["larger"]),
        node("Reshape", ["zeros", "larger"], ["again"]),
        node("Size", ["x"], ["elements"]),
        node("OneHot", ["order", "depth", "off_on"], ["hot"]),
        node("Pad", ["x", "pads"], ["padded"]),
    ]
    stored = {"zero": [0], "last": [1], "two": [2], "flat": [-1], "shape_of_rows": [3, 1], "twos": [2, 2]}
    weights = {name: np.array(held, "int64") for name, held in stored.items()}
    weights |= {"start": np.int64(0), "step": np.int64(1), "depth": np.int64(11), "pads": np.array([0, 1, 2, 3])}
    weights["off_on"] = np.array([0, 1], "float32")
    ends = ["left", "right", "numbers", "zeros", "head", "count", "tiled", "again", "elements", "hot", "padded"]
    made = node_model(nodes, {"x": (TensorProto.FLOAT, ["batch", "sequence"])}, ends, weights)
    return Export(made, "onnx.helper", {"batch": 4, "sequence": 6})


OPEN_MAP = {0: "batch", 2: "height", 3: "width"}
MAP = (3, 4, 8, 12)

OPERATORS: dict[str, Maker] = {
    "einsum-dynamo": lambda: of(products, DYNAMO),
    "einsum-torchscript": lambda: of(products, TORCHSCRIPT),
    "choices-dynamo": lambda: of(choices, DYNAMO),
    "choices-torchscript": lambda: of(choices, TORCHSCRIPT),
    "places-dynamo": lambda: of(places, DYNAMO),
    "places-torchscript": lambda: of(places, TORCHSCRIPT),
    "sums-dynamo": lambda: of(sums, DYNAMO),
    "sums-torchscript": lambda: of(sums, TORCHSCRIPT),
    "spatial-dynamo": lambda: of(spatial, DYNAMO, MAP, OPEN_MAP),
    "spatial-torchscript": lambda: of(spatial, TORCHSCRIPT, MAP, OPEN_MAP, opset_version=20),
    "columns-torchscript": lambda: of(columns, TORCHSCRIPT, MAP, {0: "batch"}),
    "unoptimized-dynamo": lambda: of(sums, DYNAMO, optimize=False),
    "recommender-dynamo": lambda: recommender(DYNAMO),
    "recommender-torchscript": lambda: recommender(TORCHSCRIPT),
    "shapes-computed": shapes_computed,
}
