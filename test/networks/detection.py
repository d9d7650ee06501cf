"""Networks that find objects in images, up to the boxes and scores that non-maximum suppression would pick from."""

from graph import Network
from vision import conv, max_pool, resnet_stages


def rows(net: Network, x: str, columns: int) -> str:
    """A map of predictions as a list: every place and anchor a row."""
    return net.reshape(net.op("Transpose", x, perm=[0, 2, 3, 1]), 0, -1, columns)


def decoded(net: Network, offsets: str, anchors: int, scales: tuple[float, float]) -> str:
    """Corners of boxes from offsets to stored anchors."""
    place, size = net.split("Split", offsets, net.const([2, 2]), axis=2)
    anchor_place, anchor_size = net.weight(1, anchors, 2), net.weight(1, anchors, 2)
    moved = net.op("Mul", net.op("Mul", place, net.number(scales[0])), anchor_size)
    centre = net.op("Add", moved, anchor_place)
    extent = net.op("Mul", net.op("Exp", net.op("Mul", size, net.number(scales[1]))), anchor_size)
    half = net.op("Mul", extent, net.number(0.5))
    return net.op("Concat", net.op("Sub", centre, half), net.op("Add", centre, half), axis=2, called="boxes")


def basic_block(net: Network, x: str, inside: int, out: int, stride: int) -> str:
    y = conv(net, conv(net, x, inside, out, 3, stride), out, out, 3, act=None)
    skip = conv(net, x, inside, out, 1, stride, act=None) if inside != out else x
    return net.op("Relu", net.op("Add", y, skip))


def ssd_resnet34() -> Network:
    """Three stages of ResNet-34, the third at the size of the second; six maps, read by heads of stride 3."""
    net, classes = Network("ssd-resnet34"), 81
    x = max_pool(net, conv(net, net.input("image", "batch", 3, 1200, 1200), 3, 64, 7, 2), 3, 2)
    inside = 64
    for out, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 1)):
        for block in range(blocks):
            x = basic_block(net, x, inside, out, 1 if block else first)
            inside = out
    maps = [(x, 256, 4)]
    same, none = [1] * 4, [0] * 4
    extra = [
        (256, 512, 2, same, 6), (256, 512, 2, same, 6), (128, 256, 2, same, 6), (128, 256, 2, none, 4),
        (128, 256, 1, none, 4),
    ]  # fmt: skip
    for narrow, out, stride, pads, anchors in extra:
        x = conv(net, conv(net, x, inside, narrow), narrow, out, 3, stride, pads=pads)
        inside = out
        maps.append((x, out, anchors))
    offsets, scores = [], []
    for level, width, anchors in maps:
        offsets.append(net.reshape(conv(net, level, width, 4 * anchors, 3, 3, act=None), 0, 4, -1))
        scores.append(net.reshape(conv(net, level, width, classes * anchors, 3, 3, act=None), 0, classes, -1))
    offsets = net.op("Transpose", net.op("Concat", *offsets, axis=2), perm=[0, 2, 1])
    scores = net.op("Transpose", net.op("Concat", *scores, axis=2), perm=[0, 2, 1])
    decoded(net, offsets, 15130, (0.1, 0.2))
    net.op("Softmax", scores, axis=-1, called="scores")
    net.output("boxes", "batch", 15130, 4)
    net.output("scores", "batch", 15130, classes)
    return net


def ssd_mobilenet() -> Network:
    """MobileNet v1 with six maps and heads of 1x1; strides pad the far side, as TensorFlow does."""
    net, classes = Network("ssd-mobilenet"), 91
    x, side, inside = net.input("image", "batch", 3, 300, 300), 300, 3

    def strided(x: str, inside: int, out: int, groups: int = 1) -> str:
        near = (3 - (2 - side % 2)) // 2
        return conv(net, x, inside, out, 3, 2, groups, "Relu6", [near, near, 1, 1])

    x, side, inside = strided(x, 3, 32), 150, 32
    maps = []
    widths = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
    for index, out in enumerate(widths):
        if index in (1, 3, 5, 11):
            x, side = strided(x, inside, inside, inside), -(-side // 2)
        else:
            x = conv(net, x, inside, inside, 3, 1, inside, "Relu6")
        x, inside = conv(net, x, inside, out, act="Relu6"), out
        if index in (10, 12):
            maps.append((x, out, 3 if index == 10 else 6))
    for narrow, out in ((256, 512), (128, 256), (128, 256), (64, 128)):
        x = strided(conv(net, x, inside, narrow, act="Relu6"), narrow, out)
        side, inside = -(-side // 2), out
        maps.append((x, out, 6))
    offsets = [rows(net, conv(net, level, width, 4 * n, act=None), 4) for level, width, n in maps]
    scores = [rows(net, conv(net, level, width, classes * n, act=None), classes) for level, width, n in maps]
    decoded(net, net.op("Concat", *offsets, axis=1), 1917, (0.1, 0.2))
    net.op("Sigmoid", net.op("Concat", *scores, axis=1), called="scores")
    net.output("boxes", "batch", 1917, 4)
    net.output("scores", "batch", 1917, classes)
    return net


def retinanet() -> Network:
    """ResNeXt-50 32x4d, a pyramid of five maps of 256, and two heads of four convolutions on each."""
    net, classes, width = Network("retinanet"), 264, 256
    ends = resnet_stages(net, net.input("image", "batch", 3, 800, 800), groups=32, width_per_group=4)[1:]
    inner = [conv(net, end, 512 << level, width, act=None) for level, end in enumerate(ends)]
    pyramid = [inner[2]]
    for lateral in inner[1::-1]:
        scales = net.const([1, 1, 2, 2], "float32")
        larger = net.op("Resize", pyramid[0], "", scales, mode="nearest", coordinate_transformation_mode="asymmetric",
                        nearest_mode="floor")  # fmt: skip
        pyramid.insert(0, net.op("Add", lateral, larger))
    levels = [conv(net, level, width, width, 3, act=None) for level in pyramid]
    levels.append(conv(net, levels[2], width, width, 3, 2, act=None))
    levels.append(conv(net, net.op("Relu", levels[3]), width, width, 3, 2, act=None))
    scores = [rows(net, level, classes) for level in shared_head(net, levels, width, 9 * classes)]
    offsets = [rows(net, level, 4) for level in shared_head(net, levels, width, 36)]
    decoded(net, net.op("Concat", *offsets, axis=1), 120087, (1, 1))
    net.op("Sigmoid", net.op("Concat", *scores, axis=1), called="scores")
    net.output("boxes", "batch", 120087, 4)
    net.output("scores", "batch", 120087, classes)
    return net


def shared_head(net: Network, levels: list[str], width: int, out: int) -> list[str]:
    """The same five convolutions on every level."""
    weights = [(net.weight(n, width, 3, 3), net.weight(n)) for n in (width,) * 4 + (out,)]
    found = []
    for level in levels:
        for index, pair in enumerate(weights):
            level = net.op("Conv", level, *pair, kernel_shape=[3, 3], pads=[1] * 4)
            level = net.op("Relu", level) if index < 4 else level
        found.append(level)
    return found


def c2f(net: Network, x: str, inside: int, out: int, blocks: int, skip: bool) -> str:
    """Half of the channels goes through pairs of convolutions; every step is kept and joined."""
    half = out // 2
    parts = net.split("Split", conv(net, x, inside, out, act="Silu"), net.const([half, half]), axis=1)
    for _ in range(blocks):
        y = conv(net, conv(net, parts[-1], half, half, 3, act="Silu"), half, half, 3, act="Silu")
        parts.append(net.op("Add", parts[-1], y) if skip else y)
    return conv(net, net.op("Concat", *parts, axis=1), (2 + blocks) * half, out, act="Silu")


def yolov8m() -> Network:
    net = Network("yolov8m")
    x = conv(net, net.input("images", "batch", 3, 640, 640), 3, 48, 3, 2, act="Silu")
    inside, kept = 48, []
    for out, blocks in ((96, 2), (192, 4), (384, 4), (576, 2)):
        x = c2f(net, conv(net, x, inside, out, 3, 2, act="Silu"), out, out, blocks, skip=True)
        inside = out
        kept.append(x)
    pooled = [conv(net, x, 576, 288, act="Silu")]
    for _ in range(3):
        pooled.append(max_pool(net, pooled[-1], 5, 1))
    deep = conv(net, net.op("Concat", *pooled, axis=1), 4 * 288, 576, act="Silu")
    middle = c2f(net, joined_larger(net, deep, kept[2]), 576 + 384, 384, 2, skip=False)
    small = c2f(net, joined_larger(net, middle, kept[1]), 384 + 192, 192, 2, skip=False)
    down = net.op("Concat", conv(net, small, 192, 192, 3, 2, act="Silu"), middle, axis=1)
    middle = c2f(net, down, 192 + 384, 384, 2, skip=False)
    down = net.op("Concat", conv(net, middle, 384, 384, 3, 2, act="Silu"), deep, axis=1)
    large = c2f(net, down, 384 + 576, 576, 2, skip=False)
    distribution_head(net, [(small, 192), (middle, 384), (large, 576)])
    return net


def joined_larger(net: Network, x: str, other: str) -> str:
    scales = net.const([1, 1, 2, 2], "float32")
    larger = net.op("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric",
                    nearest_mode="floor")  # fmt: skip
    return net.op("Concat", larger, other, axis=1)


def distribution_head(net: Network, levels: list[tuple[str, int]], classes: int = 80, bins: int = 16) -> None:
    """Distances to the four sides as the mean of a distribution over bins, and a score for each class."""
    found = []
    for level, width in levels:
        box = conv(net, conv(net, level, width, 64, 3, act="Silu"), 64, 64, 3, act="Silu")
        box = conv(net, box, 64, 4 * bins, act=None)
        score = conv(net, conv(net, level, width, 192, 3, act="Silu"), 192, 192, 3, act="Silu")
        score = conv(net, score, 192, classes, act=None)
        found.append(net.reshape(net.op("Concat", box, score, axis=1), 0, 4 * bins + classes, -1))
    both = net.op("Concat", *found, axis=2)
    boxes, scores = net.split("Split", both, net.const([4 * bins, classes]), axis=1)
    boxes = net.op("Transpose", net.reshape(boxes, 0, 4, bins, 8400), perm=[0, 2, 1, 3])
    boxes = net.op("Conv", net.op("Softmax", boxes, axis=1), net.const([[[[i]] for i in range(bins)]], "float32"))
    boxes = net.reshape(boxes, 0, 4, 8400)
    near, far = net.slice(boxes, 0, 2, 1), net.slice(boxes, 2, 4, 1)
    anchors = net.weight(1, 2, 8400)
    low, high = net.op("Sub", anchors, near), net.op("Add", anchors, far)
    centre = net.op("Div", net.op("Add", low, high), net.number(2))
    boxes = net.op("Mul", net.op("Concat", centre, net.op("Sub", high, low), axis=1), net.weight(1, 8400))
    net.op("Concat", boxes, net.op("Sigmoid", scores), axis=1, called="output0")
    net.output("output0", "batch", 4 + classes, 8400)
