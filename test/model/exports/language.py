"""Networks over text and sound from transformers' configurations: encoders, decoders with a cache, both together."""

import torch
import transformers as hub
from export import DYNAMO, TORCHSCRIPT, Export, Maker, torch_export
from torch import nn

# Sizes of the small networks, by the names that most configurations use.
SMALL = {
    "vocab_size": 100, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96,
    "max_position_embeddings": 128,
}  # fmt: skip
TOKENS = {0: "batch", 1: "sequence"}
SIZES = {"batch": 2, "sequence": 7}


class Encoder(nn.Module):
    """Only the states of the last layer, or the field that `take` names."""

    def __init__(self, inner: nn.Module, names: tuple[str, ...], take: str = "last_hidden_state") -> None:
        super().__init__()
        self.inner, self.names, self.take = inner, names, take

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return getattr(self.inner(**dict(zip(self.names, inputs, strict=True))), self.take)


def call_with(names: tuple[str, ...], inner: nn.Module, take: str) -> nn.Module:
    """A module of as many inputs as there are names; exporters look at the signature."""

    class Two(Encoder):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return super().forward(a, b)

    class Three(Encoder):
        def forward(self, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
            return super().forward(a, b, c)

    return {2: Two, 3: Three}[len(names)](inner, names, take)


def encoder(
    inner: nn.Module,
    way: str,
    take: str = "last_hidden_state",
    names: tuple[str, ...] = ("input_ids", "attention_mask"),
    **options,
) -> Export:
    inputs = {name: torch.ones(3, 11, dtype=torch.int64) for name in names}
    axes = dict.fromkeys(names, TOKENS)
    axes = axes if way == DYNAMO else {**axes, "out": {0: "batch"}}
    return torch_export(call_with(names, inner, take), inputs, axes, SIZES, way, ["out"], **options)


class Decoder(nn.Module):
    """Two layers with their cache as flat inputs and outputs."""

    def __init__(self, inner: nn.Module, placed: bool) -> None:
        super().__init__()
        self.inner, self.placed = inner, placed

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        key0: torch.Tensor,
        value0: torch.Tensor,
        key1: torch.Tensor,
        value1: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        cache = hub.DynamicCache()
        cache.update(key0, value0, 0)
        cache.update(key1, value1, 1)
        rest = {"past_key_values": cache, "use_cache": True}
        if self.placed:
            rest["position_ids"] = (attention_mask.cumsum(1) - 1)[:, -input_ids.shape[1] :]
        found = self.inner(input_ids=input_ids, attention_mask=attention_mask, **rest)
        pairs = [(layer.keys, layer.values) for layer in found.past_key_values.layers]
        return found.logits, *[part for pair in pairs for part in pair]


def decoder(inner: nn.Module, way: str, heads: int, placed: bool = False, **options) -> Export:
    """`placed` counts the positions of every row from its mask."""
    pasts = [f"past_key_values.{layer}.{part}" for layer in range(2) for part in ("key", "value")]
    inputs = {
        "input_ids": torch.ones(3, 4, dtype=torch.int64),
        "attention_mask": torch.ones(3, 9, dtype=torch.int64),
        **{name: torch.randn(3, heads, 5, 16) for name in pasts},
    }
    axes = {
        "input_ids": TOKENS,
        "attention_mask": {0: "batch", 1: "past + sequence"},
        **{name: {0: "batch", 2: "past"} for name in pasts},
    }
    outputs = ["logits", *[name.replace("past_key_values", "present") for name in pasts]]
    if way == TORCHSCRIPT:
        axes |= {"logits": TOKENS, **{name: {0: "batch", 2: "past + sequence"} for name in outputs[1:]}}
    sizes = {"batch": 2, "sequence": 3, "past": 6}
    return torch_export(Decoder(inner, placed), inputs, axes, sizes, way, outputs, **options)


def model(auto: type, config: hub.PretrainedConfig, attention: str = "eager") -> nn.Module:
    return auto.from_config(config, attn_implementation=attention)


def bert(head: type = hub.AutoModel, attention: str = "eager") -> nn.Module:
    return model(head, hub.BertConfig(**SMALL), attention)


def llama(attention: str = "eager") -> nn.Module:
    return model(hub.AutoModelForCausalLM, hub.LlamaConfig(**SMALL, num_key_value_heads=2), attention)


def gpt2() -> nn.Module:
    config = hub.GPT2Config(vocab_size=100, n_embd=64, n_layer=2, n_head=4, n_positions=128)
    return model(hub.AutoModelForCausalLM, config)


def opt() -> nn.Module:
    return model(hub.AutoModelForCausalLM, hub.OPTConfig(
        vocab_size=100, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, ffn_dim=96,
        max_position_embeddings=128, word_embed_proj_dim=64,
    ))  # fmt: skip


def t5() -> hub.T5Config:
    return hub.T5Config(
        vocab_size=100, d_model=64, d_kv=16, d_ff=96, num_layers=2, num_heads=4, decoder_start_token_id=0
    )


TYPED = ("input_ids", "attention_mask", "token_type_ids")

LANGUAGE: dict[str, Maker] = {
    "bert-torchscript": lambda: encoder(bert(), TORCHSCRIPT, names=TYPED),
    "bert-dynamo": lambda: encoder(bert(attention="sdpa"), DYNAMO, names=TYPED),
    "bert-classifier-opset23-dynamo": lambda: encoder(
        bert(hub.AutoModelForSequenceClassification, "sdpa"), DYNAMO, "logits", opset_version=23
    ),
    "distilbert-torchscript": lambda: encoder(
        model(
            hub.AutoModel,
            hub.DistilBertConfig(
                vocab_size=100, dim=64, n_layers=2, n_heads=4, hidden_dim=96, max_position_embeddings=128
            ),
        ),
        TORCHSCRIPT,
    ),
    "roberta-dynamo": lambda: encoder(
        model(hub.AutoModelForTokenClassification, hub.RobertaConfig(**SMALL)), DYNAMO, "logits"
    ),
    "albert-dynamo": lambda: encoder(model(hub.AutoModel, hub.AlbertConfig(**SMALL, embedding_size=32)), DYNAMO),
    "electra-torchscript": lambda: encoder(
        model(hub.AutoModel, hub.ElectraConfig(**SMALL, embedding_size=32), "sdpa"), TORCHSCRIPT
    ),
    "deberta-dynamo": lambda: encoder(
        model(hub.AutoModel, hub.DebertaV2Config(**SMALL, relative_attention=True, pos_att_type="c2p|p2c")), DYNAMO
    ),
    "modernbert-dynamo": lambda: encoder(
        model(hub.AutoModel, hub.ModernBertConfig(**SMALL, pad_token_id=0, local_attention=8)), DYNAMO
    ),
    "t5-encoder-torchscript": lambda: encoder(hub.T5EncoderModel(t5()), TORCHSCRIPT),
    "t5-encoder-dynamo": lambda: encoder(hub.T5EncoderModel(t5()), DYNAMO),
    "t5-both-dynamo": lambda: encoder(
        hub.T5ForConditionalGeneration(t5()), DYNAMO, "logits", ("input_ids", "attention_mask", "decoder_input_ids")
    ),
    "gpt2-dynamo": lambda: decoder(gpt2(), DYNAMO, 4),
    "gpt2-torchscript": lambda: decoder(gpt2(), TORCHSCRIPT, 4),
    "gpt2-no-cache-dynamo": lambda: encoder(gpt2(), DYNAMO, "logits"),
    "llama-dynamo": lambda: decoder(llama(), DYNAMO, 2),
    "llama-torchscript": lambda: decoder(llama(), TORCHSCRIPT, 2),
    "llama-opset23-dynamo": lambda: decoder(llama("sdpa"), DYNAMO, 2, placed=True, opset_version=23),
    "qwen2-dynamo": lambda: decoder(
        model(hub.AutoModelForCausalLM, hub.Qwen2Config(**SMALL, num_key_value_heads=2), "sdpa"), DYNAMO, 2
    ),
    "gemma-dynamo": lambda: decoder(
        model(hub.AutoModelForCausalLM, hub.GemmaConfig(**SMALL, num_key_value_heads=1, head_dim=16)), DYNAMO, 1
    ),
    "phi-dynamo": lambda: decoder(model(hub.AutoModelForCausalLM, hub.PhiConfig(**SMALL)), DYNAMO, 4),
    "opt-dynamo": lambda: decoder(opt(), DYNAMO, 4),
    "opt-torchscript": lambda: decoder(opt(), TORCHSCRIPT, 4),
}
