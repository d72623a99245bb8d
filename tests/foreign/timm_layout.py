"""Runs folders in timm's layout by torchvision's models.

    timm_layout.py FOLDER…

Reads config.json and model.safetensors of each without the project's own code,
and the images beside it, FOLDER.f32; prints a list of logits for each as JSON.
"""
import json
import sys

import numpy
import torch

from tensor_files import read_safetensors
from torch_models import build, load


def logits_of(folder):
    with open(folder + "/config.json") as file:
        config = json.load(file)
    model, names = build(config["architecture"], config["model_args"],
                         config["num_classes"])
    tensors, _ = read_safetensors(folder + "/model.safetensors")
    load(model, names, tensors)
    shape = config["pretrained_cfg"]["input_size"]
    pixels = torch.from_numpy(numpy.fromfile(folder + ".f32", numpy.float32))
    with torch.no_grad():
        return model(pixels.reshape(-1, *shape)).flatten().tolist()


torch.set_num_threads(1)
print(json.dumps([logits_of(folder) for folder in sys.argv[1:]]))
