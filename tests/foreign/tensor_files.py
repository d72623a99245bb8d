"""Reads safetensors files without the project's code or that format's package."""
import json
import struct

import numpy
import torch

DTYPES = {"F32": numpy.float32, "F16": numpy.float16}


def read_safetensors(path):
    """Tensors as float32 by name, and the metadata."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[8 + length + begin:8 + length + end],
                                  DTYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(
            values.astype(numpy.float32).reshape(entry["shape"]))
    return tensors, metadata
