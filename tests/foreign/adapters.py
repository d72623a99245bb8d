"""Folds an adapter's folder into a backbone and runs the result in PyTorch.

    adapters.py peft FOLDER BASE IMAGES.f32
    adapters.py alore FOLDER BASE IMAGES.f32

BASE is a folder in Hugging Face's layout. The adapter is read as peft's
documentation, or docs/adapter_format.md, has it; the logits are printed as JSON.
"""
import json
import re
import sys

import numpy
import torch

from tensor_files import read_safetensors
from torch_models import Vit, load, vit_names

PREFIX = "base_model.model."


def fold_peft(folder, weights):
    """W + alpha / r B A, and the classifier in the place of the old one."""
    with open(folder + "/adapter_config.json") as file:
        config = json.load(file)
    assert config["peft_type"] == "LORA" and config["bias"] == "none"
    assert not config["use_dora"] and not config["use_rslora"]
    tensors, _ = read_safetensors(folder + "/adapter_model.safetensors")
    tensors = {name[len(PREFIX):]: value for name, value in tensors.items()
               if name.startswith(PREFIX)}
    modules = {name[:-len(".weight")] for name, value in weights.items()
               if name.endswith(".weight") and value.dim() == 2}
    # How peft finds the modules of a list.
    chosen = {module for module in modules if any(
        module == target or module.endswith("." + target)
        for target in config["target_modules"])}
    for module in chosen:
        down = tensors.pop(module + ".lora_A.weight")
        up = tensors.pop(module + ".lora_B.weight")
        assert down.shape[0] == up.shape[1] == config["r"]
        weights[module + ".weight"] += \
            config["lora_alpha"] / config["r"] * up @ down
    for module in config["modules_to_save"]:
        for kind in ("weight", "bias"):
            weights[f"{module}.{kind}"] = tensors.pop(f"{module}.{kind}")
    assert not tensors, sorted(tensors)


def fold_alore(folder, weights):
    """W (I + s delta) transposed, delta the sum of S_e kron D_e U_e."""
    tensors, metadata = read_safetensors(folder + "/adapter.safetensors")
    assert metadata["format"] == "alore-adapter"
    assert metadata["method"] == "alore"
    options = json.loads(metadata["options"])
    assert options["place"] == "both" and options["share"] == "network"
    mix = tensors["adapter.shared.experts.scale"]
    for name, down in tensors.items():
        found = re.match(r"adapter\.blocks\.(\d+)\.(attn|mlp)\.down", name)
        if not found:
            continue
        up = tensors[name.replace(".down", ".up")]
        delta = sum(torch.kron(mix[e], down[e] @ up[e])
                    for e in range(options["experts"]))
        change = torch.eye(len(delta)) + options["scale"] * delta
        layer = f"vit.encoder.layer.{found[1]}."
        following = ["intermediate.dense"] if found[2] == "mlp" else [
            f"attention.attention.{part}" for part in ("query", "key", "value")]
        for module in following:
            weights[f"{layer}{module}.weight"] = \
                weights[f"{layer}{module}.weight"] @ change.T
    for kind in ("weight", "bias"):
        weights["classifier." + kind] = tensors["head." + kind]


def timm_tensors(weights):
    """timm's names for those of Hugging Face's ViT."""
    renames = [
        (r"^classifier\.", "head."),
        (r"^vit\.embeddings\.cls_token", "cls_token"),
        (r"^vit\.embeddings\.position_embeddings", "pos_embed"),
        (r"^vit\.embeddings\.patch_embeddings\.projection",
         "patch_embed.proj"),
        (r"^vit\.layernorm\.", "norm."),
        (r"^vit\.encoder\.layer\.", "blocks."),
        (r"\.attention\.output\.dense\.", ".attn.proj."),
        (r"\.intermediate\.dense\.", ".mlp.fc1."),
        (r"\.output\.dense\.", ".mlp.fc2."),
        (r"\.layernorm_before\.", ".norm1."),
        (r"\.layernorm_after\.", ".norm2."),
    ]
    tensors = {}
    for name, value in weights.items():
        if ".attention.attention." in name:
            if ".query." not in name:
                continue
            value = torch.cat([weights[name.replace("query", part)]
                               for part in ("query", "key", "value")])
            name = name.replace(".attention.attention.query.", ".attn.qkv.")
        for old, new in renames:
            name = re.sub(old, new, name)
        tensors[name] = value
    return tensors


def main():
    kind, folder, base, images = sys.argv[1:]
    torch.set_num_threads(1)
    with open(base + "/config.json") as file:
        config = json.load(file)
    weights, _ = read_safetensors(base + "/model.safetensors")
    {"peft": fold_peft, "alore": fold_alore}[kind](folder, weights)
    size, width = config["image_size"], config["hidden_size"]
    model = Vit({
        "img_size": size,
        "patch_size": config["patch_size"],
        "depth": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "embed_dim": width,
        "mlp_ratio": config["intermediate_size"] / width,
    }, config["layer_norm_eps"], len(weights["classifier.bias"])).eval()
    load(model, vit_names(model.state_dict()), timm_tensors(weights))
    pixels = torch.from_numpy(numpy.fromfile(images, numpy.float32))
    with torch.no_grad():
        logits = model(pixels.reshape(-1, 3, size, size))
    print(json.dumps(logits.flatten().tolist()))


main()
