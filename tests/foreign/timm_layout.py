"""Runs a folder in timm's layout by torchvision's vision transformer.

    timm_layout.py FOLDER IMAGES.f32

Reads config.json and model.safetensors without the project's own code, maps
timm's names to torchvision's, and prints the logits of all images as JSON.
"""
import json
import struct
import sys

import numpy
import torch
import torchvision

DTYPES = {"F32": numpy.float32, "F16": numpy.float16}


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[8 + length + begin:8 + length + end],
                                  DTYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(
            values.astype(numpy.float32).reshape(entry["shape"]))
    return tensors


def torchvision_names(timm, depth):
    names = {
        "class_token": "cls_token",
        "conv_proj.weight": "patch_embed.proj.weight",
        "conv_proj.bias": "patch_embed.proj.bias",
        "encoder.pos_embedding": "pos_embed",
        "encoder.ln.weight": "norm.weight",
        "encoder.ln.bias": "norm.bias",
        "heads.head.weight": "head.weight",
        "heads.head.bias": "head.bias",
    }
    parts = {
        "ln_1": "norm1",
        "self_attention.out_proj": "attn.proj",
        "ln_2": "norm2",
        "mlp.0": "mlp.fc1",
        "mlp.3": "mlp.fc2",
    }
    for block in range(depth):
        there = "encoder.layers.encoder_layer_%d." % block
        here = "blocks.%d." % block
        for theirs, ours in parts.items():
            for kind in ("weight", "bias"):
                names["%s%s.%s" % (there, theirs, kind)] = \
                    "%s%s.%s" % (here, ours, kind)
        for kind in ("weight", "bias"):
            names["%sself_attention.in_proj_%s" % (there, kind)] = \
                "%sattn.qkv.%s" % (here, kind)
    assert sorted(names.values()) == sorted(timm), "tensors differ"
    return {theirs: timm[ours] for theirs, ours in names.items()}


def main():
    folder, images = sys.argv[1:]
    with open(folder + "/config.json") as file:
        config = json.load(file)
    sizes = config["model_args"]
    model = torchvision.models.VisionTransformer(
        image_size=sizes["img_size"],
        patch_size=sizes["patch_size"],
        num_layers=sizes["depth"],
        num_heads=sizes["num_heads"],
        hidden_dim=sizes["embed_dim"],
        mlp_dim=int(sizes["embed_dim"] * sizes["mlp_ratio"]),
        num_classes=config["num_classes"])
    timm = read_safetensors(folder + "/model.safetensors")
    model.load_state_dict(torchvision_names(timm, sizes["depth"]))
    model.eval()
    shape = config["pretrained_cfg"]["input_size"]
    pixels = torch.from_numpy(numpy.fromfile(images, numpy.float32))
    with torch.no_grad():
        logits = model(pixels.reshape(-1, *shape))
    print(json.dumps(logits.flatten().tolist()))


main()
