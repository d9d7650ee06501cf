"""Networks over tokens: encoders, decoders with and without a cache, a recurrent tagger; and one over plain numbers."""

from graph import FLOAT, INT64, Network

# What stands for minus infinity in a mask.
LOWEST = -3.4028234663852886e38


def tokens(net: Network, *names: str) -> list[str]:
    return [net.input(name, "batch", "sequence", dtype=INT64) for name in names]


def split_heads(net: Network, x: str, batch: str, length: str, heads: int, depth: int) -> str:
    return net.op("Transpose", net.reshape(x, batch, length, heads, depth), perm=[0, 2, 1, 3])


def attend(net: Network, q: str, k: str, v: str, mask: str, scale: float) -> str:
    """Weighted values, heads still apart."""
    scores = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = net.op("Add", net.op("Mul", scores, net.number(scale)), mask)
    return net.op("MatMul", net.op("Softmax", scores, axis=-1), v)


def gelu(net: Network, x: str) -> str:
    half = net.op("Add", net.op("Erf", net.op("Div", x, net.number(2**0.5))), net.number(1))
    return net.op("Mul", net.op("Mul", x, half), net.number(0.5))


def gelu_tanh(net: Network, x: str) -> str:
    cubed = net.op("Mul", net.op("Pow", x, net.number(3)), net.number(0.044715))
    inner = net.op("Mul", net.op("Add", x, cubed), net.number(0.7978845608028654))
    whole = net.op("Add", net.op("Tanh", inner), net.number(1))
    return net.op("Mul", net.op("Mul", x, net.number(0.5)), whole)


def additive(net: Network, hidden: str) -> str:
    """A mask of 1 at what is hidden, as what is added to scores."""
    return net.op("Mul", net.op("Cast", hidden, to=FLOAT), net.number(LOWEST))


def bert(name: str, layers: int, width: int, heads: int) -> Network:
    """Normalization after each half of a block; scores for the start and the end of an answer."""
    net, depth = Network(name), width // heads
    ids, shown, types = tokens(net, "input_ids", "attention_mask", "token_type_ids")
    shown = net.op("Unsqueeze", net.op("Unsqueeze", shown, net.const([1])), net.const([2]))
    mask = net.op("Mul", net.op("Sub", net.number(1), net.op("Cast", shown, to=FLOAT)), net.number(LOWEST))
    words = net.op("Gather", net.weight(30522, width), ids)
    words = net.op("Add", words, net.op("Gather", net.weight(2, width), types))
    places = net.op("Slice", net.weight(1, 512, width), net.const([0]), net.size(ids, 1), net.const([1]))
    x = net.layer_norm(net.op("Add", words, places), width, 1e-12)
    for _ in range(layers):
        q, k, v = (
            net.op("Transpose", net.reshape(net.linear(x, width, width), 0, 0, heads, depth), perm=[0, 2, 1, 3])
            for _ in range(3)
        )
        scores = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = net.op("Add", net.op("Div", scores, net.number(depth**0.5)), mask)
        seen = net.op("MatMul", net.op("Softmax", scores, axis=-1), v)
        seen = net.reshape(net.op("Transpose", seen, perm=[0, 2, 1, 3]), 0, 0, width)
        x = net.layer_norm(net.op("Add", net.linear(seen, width, width), x), width, 1e-12)
        wide = gelu(net, net.linear(x, width, 4 * width))
        x = net.layer_norm(net.op("Add", net.linear(wide, 4 * width, width), x), width, 1e-12)
    ends = net.split("Split", net.linear(x, width, 2), net.const([1, 1]), axis=-1)
    for end, called in zip(ends, ("start_logits", "end_logits"), strict=True):
        net.op("Squeeze", end, net.const([-1]), called=called)
        net.output(called, "batch", "sequence")
    return net


def causal_mask(net: Network, shown: str, length: str) -> str:
    """Hides later tokens and padding from every token."""
    order = net.op("Range", net.const(0), net.op("Squeeze", length), net.const(1))
    later = net.op("Greater", net.op("Unsqueeze", order, net.const([0])), net.op("Unsqueeze", order, net.const([1])))
    padding = net.op("Equal", net.op("Unsqueeze", shown, net.const([1, 2])), net.const(0))
    return additive(net, net.op("Or", net.op("Unsqueeze", later, net.const([0, 1])), padding))


def gpt(name: str, layers: int, width: int, heads: int, positions: int) -> Network:
    """GPT-2's block, each product a Gemm over all tokens; logits of every token from the table of words."""
    net, depth, vocabulary = Network(name), width // heads, 50257
    ids, shown = tokens(net, "input_ids", "attention_mask")
    batch, length = net.size(ids, 0), net.size(ids, 1)
    table = net.weight(vocabulary, width)
    places = net.op("Slice", net.weight(positions, width), net.const([0]), length, net.const([0]))
    x = net.op("Add", net.op("Gather", table, ids), places)
    mask = causal_mask(net, shown, length)

    def product(x: str, inside: int, out: int) -> str:
        flat = net.op("Gemm", net.reshape(x, -1, inside), net.weight(inside, out), net.weight(out))
        return net.reshape(flat, batch, length, out)

    for _ in range(layers):
        packed = product(net.layer_norm(x, width), width, 3 * width)
        parts = net.split("Split", packed, net.const([width] * 3), called=3, axis=2)
        q, k, v = (split_heads(net, part, batch, length, heads, depth) for part in parts)
        seen = net.op("Transpose", attend(net, q, k, v, mask, depth**-0.5), perm=[0, 2, 1, 3])
        x = net.op("Add", product(net.reshape(seen, batch, length, width), width, width), x)
        wide = gelu_tanh(net, product(net.layer_norm(x, width), width, 4 * width))
        x = net.op("Add", x, product(wide, 4 * width, width))
    net.op("MatMul", net.layer_norm(x, width), net.op("Transpose", table, perm=[1, 0]), called="logits")
    net.output("logits", "batch", "sequence", vocabulary)
    return net


def opt_1_3b() -> Network:
    """Positions counted over shown tokens from 2 on; products with biases, Relu between the wide ones."""
    net, layers, width, heads, vocabulary = Network("opt-1.3b"), 24, 2048, 32, 50272
    ids, shown = tokens(net, "input_ids", "attention_mask")
    batch, length = net.size(ids, 0), net.size(ids, 1)
    table = net.weight(vocabulary, width)
    counted = net.op("Mul", net.op("CumSum", shown, net.const(1)), shown)
    places = net.op("Gather", net.weight(2050, width), net.op("Add", counted, net.const(1)))
    x = net.op("Add", net.op("Gather", table, ids), places)
    mask = causal_mask(net, shown, length)
    for _ in range(layers):
        y = net.layer_norm(x, width)
        q, k, v = (split_heads(net, net.linear(y, width, width), batch, length, heads, 64) for _ in range(3))
        seen = net.op("Transpose", attend(net, q, k, v, mask, 0.125), perm=[0, 2, 1, 3])
        x = net.op("Add", x, net.linear(net.reshape(seen, batch, length, width), width, width))
        wide = net.op("Relu", net.linear(net.layer_norm(x, width), width, 4 * width))
        x = net.op("Add", x, net.linear(wide, 4 * width, width))
    net.op("MatMul", net.layer_norm(x, width), net.op("Transpose", table, perm=[1, 0]), called="logits")
    net.output("logits", "batch", "sequence", vocabulary)
    return net


def rms_norm(net: Network, x: str, width: int) -> str:
    mean = net.op("ReduceMean", net.op("Pow", x, net.number(2)), axes=[-1], keepdims=1)
    root = net.op("Sqrt", net.op("Add", mean, net.number(1e-5)))
    return net.op("Mul", net.weight(width), net.op("Mul", x, net.op("Reciprocal", root)))


def rotated(net: Network, x: str, cos: str, sin: str) -> str:
    """Turns pairs of columns by an angle that grows with the position."""
    turned = net.op("Concat", net.op("Neg", net.slice(x, 32, 64, 3)), net.slice(x, 0, 32, 3), axis=-1)
    return net.op("Add", net.op("Mul", x, cos), net.op("Mul", turned, sin))


def repeated(net: Network, x: str, batch: str, total: str, kept: int, times: int) -> str:
    """Every head of keys or values once for each of the heads that share it."""
    x = net.op("Expand", net.op("Unsqueeze", x, net.const([2])), net.shape(batch, kept, times, total, 64))
    return net.reshape(x, batch, kept * times, total, 64)


def llama_1b() -> Network:
    """A decoder with its cache as inputs and outputs; four heads of keys and values for 32 of queries."""
    net, layers, width, wide, heads, kept, vocabulary = Network("llama-1b"), 22, 2048, 5632, 32, 4, 32000
    ids, positions = tokens(net, "input_ids", "position_ids")
    cache = ["batch", kept, "past", 64]
    pasts = [
        [net.input(f"past_key_values.{layer}.{part}", *cache) for part in ("key", "value")] for layer in range(layers)
    ]
    batch, length = net.size(ids, 0), net.size(ids, 1)
    past = net.size(pasts[0][0], 2)
    total = net.op("Add", past, length)
    x = net.op("Gather", net.weight(vocabulary, width), ids)
    columns = net.op("Range", net.const(0), net.op("Squeeze", total), net.const(1))
    order = net.op("Range", net.op("Squeeze", past), net.op("Squeeze", total), net.const(1))
    later = net.op("Greater", net.op("Unsqueeze", columns, net.const([0])), net.op("Unsqueeze", order, net.const([1])))
    mask = net.op("Unsqueeze", additive(net, later), net.const([0, 1]))
    rates = net.const([10000 ** (-i / 32) for i in range(32)], "float32")
    angles = net.op("Mul", net.op("Cast", net.op("Unsqueeze", positions, net.const([2])), to=FLOAT), rates)
    angles = net.op("Unsqueeze", net.op("Concat", angles, angles, axis=-1), net.const([1]))
    cos, sin = net.op("Cos", angles), net.op("Sin", angles)
    for layer, past_pair in enumerate(pasts):
        y = rms_norm(net, x, width)
        q = split_heads(net, net.linear(y, width, width, bias=False), batch, length, heads, 64)
        k, v = (split_heads(net, net.linear(y, width, kept * 64, bias=False), batch, length, kept, 64) for _ in "kv")
        q, k = rotated(net, q, cos, sin), rotated(net, k, cos, sin)
        whole = []
        for part, old, new in zip(("key", "value"), past_pair, (k, v), strict=True):
            called = f"present.{layer}.{part}"
            net.op("Concat", old, new, axis=2, called=called)
            net.output(called, "batch", kept, "past + sequence", 64)
            whole.append(repeated(net, called, batch, total, kept, heads // kept))
        seen = net.op("Transpose", attend(net, q, *whole, mask, 0.125), perm=[0, 2, 1, 3])
        seen = net.reshape(seen, batch, length, width)
        x = net.op("Add", x, net.linear(seen, width, width, bias=False))
        y = rms_norm(net, x, width)
        gate = net.linear(y, width, wide, bias=False)
        gate = net.op("Mul", gate, net.op("Sigmoid", gate))
        y = net.op("Mul", gate, net.linear(y, width, wide, bias=False))
        x = net.op("Add", x, net.linear(y, wide, width, bias=False))
    net.linear(rms_norm(net, x, width), width, vocabulary, bias=False, called="logits")
    net.output("logits", "batch", "sequence", vocabulary)
    return net


def lstm_tagger() -> Network:
    """Two layers in both directions; a tag for every token."""
    net, width, hidden, tags = Network("lstm-tagger"), 128, 256, 17
    (ids,) = tokens(net, "input_ids")
    x = net.op("Transpose", net.op("Gather", net.weight(20000, width), ids), perm=[1, 0, 2])
    state = net.op("ConstantOfShape", net.shape(2, net.size(ids, 0), hidden))
    for _ in range(2):
        weights = net.weight(2, 4 * hidden, width), net.weight(2, 4 * hidden, hidden), net.weight(2, 8 * hidden)
        y = net.op("LSTM", x, *weights, "", state, state, direction="bidirectional", hidden_size=hidden)
        width = 2 * hidden
        x = net.reshape(net.op("Transpose", y, perm=[0, 2, 1, 3]), 0, 0, width)
    net.linear(net.op("Transpose", x, perm=[1, 0, 2]), width, tags, called="tags")
    net.output("tags", "batch", "sequence", tags)
    return net


def mlp() -> Network:
    """Three layers over 64 numbers, and a probability."""
    net = Network("mlp")
    x, inside = net.input("features", "batch", 64), 64
    for width in (256, 128):
        x = net.op("Relu", net.op("Gemm", x, net.weight(width, inside), net.weight(width), transB=1))
        inside = width
    net.op("Sigmoid", net.op("Gemm", x, net.weight(1, inside), net.weight(1), transB=1), called="probability")
    net.output("probability", "batch", 1)
    return net
