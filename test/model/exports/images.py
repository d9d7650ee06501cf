"""Networks over images: classifiers, segmentation, generators."""

import timm
import torch
import torchvision
from export import DYNAMO, TORCHSCRIPT, Export, Maker, torch_export
from torch import nn

models = torchvision.models
# The fused attention of torch's own encoder layers has no counterpart in TorchScript's exporter.
torch.backends.mha.set_fastpath_enabled(False)


def image(module: nn.Module, way: str, side: int = 64, opened: bool = False, **options) -> Export:
    """A module from images to one tensor; `opened` leaves height and width open, too."""
    axes = {"image": {0: "batch", **({2: "height", 3: "width"} if opened else {})}}
    sizes = {"batch": 2, **({"height": 96, "width": 128} if opened else {})}
    named = axes if way == DYNAMO else {**axes, "out": {0: "batch"}}
    return torch_export(module, {"image": torch.randn(3, 3, side, side)}, named, sizes, way, ["out"], **options)


class Out(nn.Module):
    """Only the main map of a segmentation network."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)["out"]


def double(inside: int, out: int) -> nn.Sequential:
    pair = [nn.Conv2d(inside, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
    return nn.Sequential(*pair, nn.Conv2d(out, out, 3, padding=1), nn.GroupNorm(4, out), nn.LeakyReLU(0.1))


class UNet(nn.Module):
    """Halves the size three times and comes back with skips, by transposed convolutions or by resizing."""

    def __init__(self, resize: bool) -> None:
        super().__init__()
        widths = (16, 32, 64, 128)
        self.down = nn.ModuleList(double(a, b) for a, b in zip((3, *widths[:-1]), widths, strict=True))
        self.up = nn.ModuleList(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            if resize
            else nn.ConvTranspose2d(width, width, 2, 2)
            for width in widths[:0:-1]
        )
        pairs = zip(widths[:0:-1], widths[-2::-1], strict=True)
        self.merge = nn.ModuleList(double(deep + flat, flat) for deep, flat in pairs)
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for up, merge, skip in zip(self.up, self.merge, kept[-2::-1], strict=True):
            x = merge(torch.cat([up(x), skip], 1))
        return self.head(x)


class Generator(nn.Module):
    """From a vector to an image by transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(24, 64 * 16)
        self.rest = nn.Sequential(
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.ConvTranspose2d(32, 32, 3, 3, 0, output_padding=1, groups=4), nn.InstanceNorm2d(32), nn.ELU(),
            nn.Conv2d(32, 12, 3, padding=2, dilation=2, padding_mode="reflect"), nn.PixelShuffle(2), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rest(self.first(x).view(-1, 64, 4, 4))


def generator(way: str) -> Export:
    axes = {"noise": {0: "batch"}}
    return torch_export(Generator(), {"noise": torch.randn(3, 24)}, axes, {"batch": 2}, way, ["out"])


def torchvision_image(make: object, way: str, side: int = 64, **options) -> Maker:
    return lambda: image(make(weights=None), way, side, **options)


IMAGES: dict[str, Maker] = {
    "resnet18-dynamo": torchvision_image(models.resnet18, DYNAMO),
    "resnet50-torchscript": torchvision_image(models.resnet50, TORCHSCRIPT, opened=True),
    "resnet18-batchnorm-torchscript": torchvision_image(
        models.resnet18, TORCHSCRIPT, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False
    ),
    "mobilenet-v2-torchscript": torchvision_image(models.mobilenet_v2, TORCHSCRIPT),
    "mobilenet-v3-small-dynamo": torchvision_image(models.mobilenet_v3_small, DYNAMO),
    "mobilenet-v3-large-torchscript": torchvision_image(models.mobilenet_v3_large, TORCHSCRIPT),
    "efficientnet-b0-dynamo": torchvision_image(models.efficientnet_b0, DYNAMO),
    "densenet121-torchscript": torchvision_image(models.densenet121, TORCHSCRIPT),
    "squeezenet-dynamo": torchvision_image(models.squeezenet1_1, DYNAMO, opened=True),
    "convnext-tiny-dynamo": torchvision_image(models.convnext_tiny, DYNAMO),
    "convnext-tiny-torchscript": torchvision_image(models.convnext_tiny, TORCHSCRIPT),
    "shufflenet-torchscript": torchvision_image(models.shufflenet_v2_x0_5, TORCHSCRIPT),
    "shufflenet-dynamo": torchvision_image(models.shufflenet_v2_x1_0, DYNAMO),
    "regnet-y-dynamo": torchvision_image(models.regnet_y_400mf, DYNAMO),
    "googlenet-torchscript": lambda: image(
        models.googlenet(weights=None, aux_logits=False, init_weights=False, transform_input=True), TORCHSCRIPT
    ),
    "alexnet-dynamo": torchvision_image(models.alexnet, DYNAMO, 96),
    "vgg11-torchscript": torchvision_image(models.vgg11_bn, TORCHSCRIPT, 224),
    "mnasnet-dynamo": torchvision_image(models.mnasnet0_5, DYNAMO),
    "unet-dynamo": lambda: image(UNet(resize=False), DYNAMO, opened=True),
    "unet-torchscript": lambda: image(UNet(resize=True), TORCHSCRIPT, opened=True),
    "fcn-resnet50-torchscript": lambda: image(
        Out(models.segmentation.fcn_resnet50(weights=None, weights_backbone=None)), TORCHSCRIPT, opened=True
    ),
    "deeplab-mobilenet-dynamo": lambda: image(
        Out(models.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None)), DYNAMO
    ),
    "lraspp-torchscript": lambda: image(
        Out(models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)),
        TORCHSCRIPT,
        opened=True,
    ),
    "generator-dynamo": lambda: generator(DYNAMO),
    "generator-torchscript": lambda: generator(TORCHSCRIPT),
    "vit-b16-dynamo": lambda: image(small_vit(), DYNAMO),
    "vit-b16-torchscript": lambda: image(small_vit(), TORCHSCRIPT),
    "swin-tiny-dynamo": lambda: image(
        models.SwinTransformer([4, 4], 48, [2, 2], [3, 6], [4, 4], num_classes=10), DYNAMO
    ),
    "swin-v2-torchscript": lambda: image(
        models.SwinTransformer(
            [4, 4],
            48,
            [1, 1],
            [3, 6],
            [4, 4],
            num_classes=10,
            block=models.swin_transformer.SwinTransformerBlockV2,
            downsample_layer=models.swin_transformer.PatchMergingV2,
        ),
        TORCHSCRIPT,
    ),
    "deit-tiny-dynamo": lambda: image(
        timm.create_model("deit_tiny_patch16_224", pretrained=False, img_size=64, depth=2), DYNAMO
    ),
    "mixer-torchscript": lambda: image(timm.create_model("mixer_s32_224", pretrained=False, img_size=64), TORCHSCRIPT),
    "efficientvit-dynamo": lambda: image(timm.create_model("efficientvit_m0", pretrained=False), DYNAMO, 224),
}


def small_vit() -> nn.Module:
    return models.VisionTransformer(64, 16, 2, 4, 64, 128, num_classes=10)
