"""PyTorch's side of the comparison; see bench/compare/protocol.ts.

A vision transformer with timm's semantics, written as most people write one:
nn.Linear, nn.LayerNorm, attention as softmax(q kT) v. Run by hand, it answers
one request a line: {"do": "open", "work": …}, {"do": "run", "steps": 3}, ….
"""

import json
import math
import os
import resource
import sys
import time

THREADS = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))


def say(reply):
    print(json.dumps(reply), flush=True)


try:
    import torch
    from torch import nn
except ImportError as error:
    say({"missing": str(error)})
    sys.exit()


class Adapter(nn.Module):
    """x + x sum_e kron(S_e, D_e U_e): n = 4 experts of rank 4, as in ALoRE."""

    def __init__(self, width, experts=4, rank=4):
        super().__init__()
        chunk = width // experts
        bound = 1 / math.sqrt(chunk)
        self.scale = nn.Parameter(torch.rand(experts, experts, experts) - 0.5)
        self.down = nn.Parameter(
            (2 * torch.rand(experts, chunk, rank) - 1) * bound
        )
        self.up = nn.Parameter(torch.zeros(experts, rank, chunk))

    def forward(self, x):
        low = self.down @ self.up  # [e, chunk, chunk]
        delta = torch.einsum("eab,eij->aibj", self.scale, low)
        width = x.shape[-1]
        return x + x @ delta.reshape(width, width)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        shape = (batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = self.qkv(x).reshape(shape).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        mixed = (weights @ v).transpose(1, 2).reshape(batch, tokens, width)
        return self.proj(mixed)


class Block(nn.Module):
    def __init__(self, width, heads, hidden, adapters):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )
        adapter = (lambda: Adapter(width)) if adapters else nn.Identity
        self.adapter1 = adapter()
        self.adapter2 = adapter()

    def forward(self, x):
        x = x + self.attn(self.adapter1(self.norm1(x)))
        return x + self.mlp(self.adapter2(self.norm2(x)))


class VisionTransformer(nn.Module):
    def __init__(self, sizes, adapters):
        super().__init__()
        width, patch = sizes["width"], sizes["patchSize"]
        tokens = (sizes["imageSize"] // patch) ** 2 + 1
        self.patch_embed = nn.Conv2d(sizes["channels"], width, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.Sequential(*[
            Block(width, sizes["heads"], sizes["mlpHidden"], adapters)
            for _ in range(sizes["depth"])
        ])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, sizes["classes"])

    def forward(self, images):
        x = self.patch_embed(images).flatten(2).transpose(1, 2)
        cls = self.cls_token.expand(x.shape[0], -1, -1)
        x = torch.cat([cls, x], dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class Work:
    """A model and what a step of it is."""

    def __init__(self, work):
        sizes, batch = work["model"], work["batch"]
        torch.manual_seed(0)
        self.kind = work["kind"]
        self.model = VisionTransformer(sizes, adapters=self.kind == "peft")
        size = sizes["imageSize"]
        self.images = torch.randn(batch, sizes["channels"], size, size)
        self.labels = torch.arange(batch) % sizes["classes"]
        if self.kind == "inference":
            self.model.eval()
            return
        self.model.train()
        if self.kind == "peft":
            for name, parameter in self.model.named_parameters():
                parameter.requires_grad = "adapter" in name or "head" in name
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-4)

    def step(self):
        if self.kind == "inference":
            with torch.inference_mode():
                self.model(self.images)
            return
        self.optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self.model(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        loss.item()

    def run(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        return time.perf_counter() - start


def gemm_rate(size, runs):
    a, b = torch.randn(size, size), torch.randn(size, size)
    out = torch.empty(size, size)
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        times.append(time.perf_counter() - start)
    return 2 * size**3 / sorted(times[1:])[runs // 2] / 1e9


def export(work, path):
    opened = Work(work)
    torch.onnx.export(
        opened.model,
        opened.images,
        path,
        input_names=["images"],
        output_names=["logits"],
        opset_version=17,
    )


def peak_bytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main():
    torch.set_num_threads(THREADS)
    opened = None
    say({"peer": f"PyTorch {torch.__version__}, {THREADS} threads"})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {}
            if request["do"] == "open":
                opened = None  # Frees the last one first.
                opened = Work(request["work"])
                first = opened.run(1)
                reply = {"firstSeconds": first, "seconds": opened.run(1)}
            elif request["do"] == "run":
                reply = {"seconds": opened.run(request["steps"])}
            elif request["do"] == "gemm":
                reply = {"gflops": gemm_rate(request["size"], request["runs"])}
            elif request["do"] == "export":
                export(request["work"], request["path"])
            elif request["do"] == "memory":
                reply = {"bytes": peak_bytes()}
            elif request["do"] == "close":
                opened = None
            say(reply)
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})


main()
