"""Networks over sound: convolutions over samples, spectra, and encoders and decoders of speech."""

import torch
import transformers as hub
from export import DYNAMO, TORCHSCRIPT, Export, Maker, torch_export
from torch import nn


class Speech(nn.Module):
    """Letters from samples."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.inner(samples).logits


def wav2vec2(way: str) -> Export:
    config = hub.Wav2Vec2Config(
        vocab_size=30, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        conv_dim=(16, 16, 16), conv_kernel=(10, 3, 2), conv_stride=(5, 2, 2), num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4, num_feat_extract_layers=3,
    )  # fmt: skip
    inner = hub.AutoModelForCTC.from_config(config, attn_implementation="eager")
    axes = {"samples": {0: "batch", 1: "length"}}
    axes = axes if way == DYNAMO else {**axes, "out": {0: "batch"}}
    sizes = {"batch": 2, "length": 1600}
    return torch_export(Speech(inner), {"samples": torch.randn(3, 1200)}, axes, sizes, way, ["out"])


def whisper() -> hub.WhisperConfig:
    return hub.WhisperConfig(
        vocab_size=120, num_mel_bins=20, encoder_layers=2, encoder_attention_heads=4, decoder_layers=2,
        decoder_attention_heads=4, d_model=48, encoder_ffn_dim=64, decoder_ffn_dim=64, max_source_positions=50,
        max_target_positions=40, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip


class Listener(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.inner(mel).last_hidden_state


class Writer(nn.Module):
    """Tokens after tokens, with what was heard."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, input_ids: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        return self.inner(
            decoder_input_ids=input_ids, encoder_outputs=(heard,), use_cache=False, return_dict=True
        ).logits


def listener(way: str) -> Export:
    inner = hub.WhisperModel(whisper()).get_encoder()
    axes = {"mel": {0: "batch"}}
    axes = axes if way == DYNAMO else {**axes, "out": {0: "batch"}}
    return torch_export(Listener(inner), {"mel": torch.randn(3, 20, 100)}, axes, {"batch": 2}, way, ["out"])


def writer(way: str) -> Export:
    inner = hub.WhisperForConditionalGeneration(whisper())
    inputs = {"input_ids": torch.ones(3, 9, dtype=torch.int64), "heard": torch.randn(3, 50, 48)}
    axes = {"input_ids": {0: "batch", 1: "sequence"}, "heard": {0: "batch"}}
    axes = axes if way == DYNAMO else {**axes, "out": {0: "batch", 1: "sequence"}}
    return torch_export(Writer(inner), inputs, axes, {"batch": 2, "sequence": 7}, way, ["out"])


class Spectrum(nn.Module):
    """Log power of short-time spectra, then convolutions over time."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(64))
        self.rest = nn.Sequential(
            nn.Conv1d(33, 16, 5, padding=2), nn.BatchNorm1d(16), nn.PReLU(), nn.AvgPool1d(2, ceil_mode=True),
            nn.Conv1d(16, 16, 3, dilation=2, groups=16), nn.GLU(1), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        )  # fmt: skip

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        parts = torch.stft(samples, 64, 32, window=self.window, center=False, return_complex=False, onesided=True)
        return self.rest((parts.pow(2).sum(-1) + 1e-6).log())


def spectrum() -> Export:
    axes = {"samples": {0: "batch"}, "out": {0: "batch"}}
    return torch_export(Spectrum(), {"samples": torch.randn(3, 800)}, axes, {"batch": 2}, TORCHSCRIPT, ["out"])


SOUND: dict[str, Maker] = {
    "wav2vec2-torchscript": lambda: wav2vec2(TORCHSCRIPT),
    "wav2vec2-dynamo": lambda: wav2vec2(DYNAMO),
    "whisper-encoder-torchscript": lambda: listener(TORCHSCRIPT),
    "whisper-encoder-dynamo": lambda: listener(DYNAMO),
    "whisper-decoder-dynamo": lambda: writer(DYNAMO),
    "stft-torchscript": spectrum,
}
