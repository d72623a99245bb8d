"""torchvision's models under timm's names and arguments."""
import os
import sys
from functools import partial

import torch
import torchvision
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.swin_transformer import SwinTransformer

sys.path.insert(0, os.path.join(os.path.dirname(__file__),
                                "..", "fixtures", "make"))
from checkpoint_files import timm_names  # noqa: E402
from make_hierarchical import timm_convnext, timm_swin  # noqa: E402


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Vit(torchvision.models.VisionTransformer):
    """With what timm's VisionTransformer has and torchvision's has not."""

    def __init__(self, sizes, eps, classes):
        width, prefix = sizes["embed_dim"], 1 + sizes.get("reg_tokens", 0)
        super().__init__(
            image_size=sizes["img_size"], patch_size=sizes["patch_size"],
            num_layers=sizes["depth"], num_heads=sizes["num_heads"],
            hidden_dim=width, mlp_dim=round(width * sizes["mlp_ratio"]),
            num_classes=classes, norm_layer=partial(nn.LayerNorm, eps=eps))
        patches = (sizes["img_size"] // sizes["patch_size"]) ** 2
        self.encoder.pos_embedding = nn.Parameter(
            torch.zeros(1, prefix + patches, width))
        if prefix > 1:
            self.reg_token = nn.Parameter(torch.zeros(1, prefix - 1, width))
        if sizes.get("pre_norm"):
            self.conv_proj = nn.Conv2d(sizes["in_chans"], width,
                                       sizes["patch_size"],
                                       sizes["patch_size"], bias=False)
            self.norm_pre = nn.LayerNorm(width, eps=eps)
        if sizes.get("act_layer") == "quick_gelu":
            for layer in self.encoder.layers:
                layer.mlp[1] = QuickGelu()

    def forward(self, images):
        x = self.conv_proj(images).flatten(2).transpose(1, 2)
        each = [self.class_token, getattr(self, "reg_token", None)]
        each = [token.expand(len(x), -1, -1) for token in each
                if token is not None]
        x = torch.cat([*each, x], 1) + self.encoder.pos_embedding
        if hasattr(self, "norm_pre"):
            x = self.norm_pre(x)
        x = self.encoder.ln(self.encoder.layers(x))
        return self.heads(x[:, 0])


def vit_names(names):
    """timm's name for each of torchvision's."""
    by_timm = timm_names({name: name for name in names})
    found = {theirs: timm for timm, theirs in by_timm.items()}
    return {name: found.get(name, name) for name in names}


def build(architecture, sizes, classes):
    """A model by timm's configuration, and timm's names of its tensors."""
    if architecture.startswith("swin"):
        side = [sizes["window_size"]] * 2
        model = SwinTransformer(
            [sizes["patch_size"]] * 2, sizes["embed_dim"], sizes["depths"],
            sizes["num_heads"], side, mlp_ratio=sizes["mlp_ratio"],
            num_classes=classes)
        rename = lambda names: {name: timm_swin(name) for name in names}
    elif architecture.startswith("convnext"):
        assert sizes["patch_size"] == 4
        dims = sizes["dims"]
        model = ConvNeXt([CNBlockConfig(*block) for block in
                          zip(dims, [*dims[1:], None], sizes["depths"])],
                         num_classes=classes)
        rename = lambda names: {name: timm_convnext(name) for name in names}
    else:
        # timm's towers of CLIP have PyTorch's eps, its others one of their own.
        model = Vit(sizes, 1e-5 if "_clip_" in architecture else 1e-6, classes)
        rename = vit_names
    names = [name for name in model.state_dict()
             if not name.endswith("relative_position_index")]
    return model.eval(), rename(names)


def load(model, names, tensors):
    """Loads tensors by timm's names; each must be there, and no other."""
    assert sorted(names.values()) == sorted(tensors), \
        set(names.values()) ^ set(tensors)
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    model.load_state_dict(
        {theirs: tensors[timm].reshape(shapes[theirs])
         for theirs, timm in names.items()},
        # An index of distances, which is no weight.
        strict=not any("relative_position" in name for name in names))
