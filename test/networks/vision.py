"""Networks that classify images, batch normalization folded into the convolutions as exporters do."""

from graph import Network

# Residual networks: blocks of each stage.
RESNET50 = (3, 4, 6, 3)


def conv(
    net: Network, x: str, inside: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1,
    act: str | None = "Relu", pads: list[int] | None = None, called: str | None = None,
) -> str:  # fmt: skip
    """A convolution with bias, padded to keep the size unless told otherwise, and its activation."""
    weights = net.weight(out, inside // groups, kernel, kernel), net.weight(out)
    attributes = {
        "dilations": [1, 1],
        "group": groups,
        "kernel_shape": [kernel, kernel],
        "pads": pads or [kernel // 2] * 4,
        "strides": [stride, stride],
    }
    if act is None:
        return net.op("Conv", x, *weights, called=called, **attributes)
    return ACTIVATIONS[act](net, net.op("Conv", x, *weights, **attributes))


def relu(net: Network, x: str) -> str:
    return net.op("Relu", x)


def relu6(net: Network, x: str) -> str:
    return net.op("Clip", x, net.number(0), net.number(6))


def silu(net: Network, x: str) -> str:
    return net.op("Mul", x, net.op("Sigmoid", x))


ACTIVATIONS = {"Relu": relu, "Relu6": relu6, "Silu": silu}


def max_pool(net: Network, x: str, kernel: int, stride: int) -> str:
    return net.op("MaxPool", x, kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4, strides=[stride] * 2)


def bottleneck(net: Network, x: str, inside: int, width: int, out: int, stride: int, groups: int) -> str:
    """1x1, 3x3, 1x1; the 3x3 convolution strides."""
    y = conv(net, x, inside, width)
    y = conv(net, y, width, width, 3, stride, groups)
    y = conv(net, y, width, out, act=None)
    skip = conv(net, x, inside, out, 1, stride, act=None) if inside != out else x
    return net.op("Relu", net.op("Add", y, skip))


def resnet_stages(net: Network, image: str, groups: int = 1, width_per_group: int = 64) -> list[str]:
    """The ends of the four stages of a residual network of 50 layers."""
    x = max_pool(net, conv(net, image, 3, 64, 7, 2), 3, 2)
    inside, ends = 64, []
    for stage, blocks in enumerate(RESNET50):
        width, out = groups * width_per_group << stage, 256 << stage
        for block in range(blocks):
            x = bottleneck(net, x, inside, width, out, 2 if stage and not block else 1, groups)
            inside = out
        ends.append(x)
    return ends


def classify(net: Network, x: str, width: int, classes: int = 1000) -> None:
    """Averages over the image and scores the classes."""
    x = net.op("Flatten", net.op("GlobalAveragePool", x), axis=1)
    net.op("Gemm", x, net.weight(classes, width), net.weight(classes), transB=1, called="logits")
    net.output("logits", "batch", classes)


def resnet50() -> Network:
    net = Network("resnet50")
    image = net.input("image", "batch", 3, 224, 224)
    classify(net, resnet_stages(net, image)[-1], 2048)
    return net


def mobilenet_v2() -> Network:
    net = Network("mobilenet-v2")
    x = conv(net, net.input("image", "batch", 3, 224, 224), 3, 32, 3, 2, act="Relu6")
    inside = 32
    plan = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, out, blocks, first in plan:
        for block in range(blocks):
            wide, stride = inside * expansion, 1 if block else first
            y = conv(net, x, inside, wide, act="Relu6") if expansion > 1 else x
            y = conv(net, y, wide, wide, 3, stride, wide, act="Relu6")
            y = conv(net, y, wide, out, act=None)
            x = net.op("Add", x, y) if inside == out and stride == 1 else y
            inside = out
    classify(net, conv(net, x, 320, 1280, act="Relu6"), 1280)
    return net


def squeeze_excite(net: Network, x: str, width: int, squeezed: int) -> str:
    means = net.op("GlobalAveragePool", x)
    gate = conv(net, conv(net, means, width, squeezed, act="Silu"), squeezed, width, act=None)
    return net.op("Mul", net.op("Sigmoid", gate), x)


def efficientnet_b0() -> Network:
    net = Network("efficientnet-b0")
    x = conv(net, net.input("image", "batch", 3, 224, 224), 3, 32, 3, 2, act="Silu")
    inside = 32
    plan = [
        (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2),
        (6, 5, 112, 3, 1), (6, 5, 192, 4, 2), (6, 3, 320, 1, 1),
    ]  # fmt: skip
    for expansion, kernel, out, blocks, first in plan:
        for block in range(blocks):
            wide, stride = inside * expansion, 1 if block else first
            y = conv(net, x, inside, wide, act="Silu") if expansion > 1 else x
            y = conv(net, y, wide, wide, kernel, stride, wide, act="Silu")
            y = squeeze_excite(net, y, wide, inside // 4)
            y = conv(net, y, wide, out, act=None)
            x = net.op("Add", y, x) if inside == out and stride == 1 else y
            inside = out
    classify(net, conv(net, x, 320, 1280, act="Silu"), 1280)
    return net


def vit_b16() -> Network:
    """Patches of 16 pixels and a class token; queries, keys and values from one product."""
    net, width, heads = Network("vit-b16"), 768, 12
    image = net.input("image", "batch", 3, 224, 224)
    x = conv(net, image, 3, width, 16, 16, act=None, pads=[0] * 4)
    x = net.op("Transpose", net.reshape(x, 0, width, 196), perm=[0, 2, 1])
    token = net.op("Expand", net.weight(1, 1, width), net.shape(net.size(image, 0), 1, 1))
    x = net.op("Add", net.op("Concat", token, x, axis=1), net.weight(1, 197, width))
    for _ in range(12):
        packed = net.linear(net.layer_norm(x, width, 1e-6), width, 3 * width)
        packed = net.op("Transpose", net.reshape(packed, 0, 197, 3, heads, 64), perm=[2, 0, 3, 1, 4])
        q, k, v = (net.op("Gather", packed, net.const(part), axis=0) for part in range(3))
        scores = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2]))
        shares = net.op("Softmax", net.op("Mul", scores, net.number(0.125)), axis=-1)
        joined = net.op("Transpose", net.op("MatMul", shares, v), perm=[0, 2, 1, 3])
        x = net.op("Add", x, net.linear(net.reshape(joined, 0, 197, width), width, width))
        wide = net.linear(net.layer_norm(x, width, 1e-6), width, 4 * width)
        half = net.op("Add", net.op("Erf", net.op("Div", wide, net.number(2**0.5))), net.number(1))
        gelu = net.op("Mul", net.op("Mul", wide, half), net.number(0.5))
        x = net.op("Add", x, net.linear(gelu, 4 * width, width))
    first = net.op("Gather", net.layer_norm(x, width, 1e-6), net.const(0), axis=1)
    net.op("Gemm", first, net.weight(1000, width), net.weight(1000), transB=1, called="logits")
    net.output("logits", "batch", 1000)
    return net
