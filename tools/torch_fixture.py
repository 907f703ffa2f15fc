#!/usr/bin/env python3
"""Writes tests/data/torch: a small convolutional network of PyTorch's, its
logits, gradients and parameters after a few steps of each optimizer, for
tests/e2e/test_torch.c to compare with. Wants PyTorch and NumPy.

    python3 tools/torch_fixture.py [FOLDER]

    net.safetensors        state_dict, f32
    input.npy target.npy   three batches of five samples
    logits.npy             of all samples, in evaluation mode, f32
    grad.safetensors       of the first batch, f64: gradients under the names
                           of their parameters, running statistics as the step
                           leaves them
    NAME.safetensors       parameters and running statistics after a step on
                           each batch with an optimizer, f64
    loss.npy               f64: row 0, the first batch's loss; row 1 and on,
                           the losses of the steps, an optimizer a row

    python3 tools/torch_fixture.py --logits FILE.safetensors OUT.npy

loads a state_dict that bprop wrote into the network, and writes its logits of
FOLDER/input.npy (FOLDER as above, beside this script).
"""
import json
import os
import sys

import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "tests", "data", "torch")
DTYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64,
          "I32": np.int32, "U8": np.uint8}


def write_safetensors(path, tensors):
    header, blobs, at = {}, [], 0
    for name, t in tensors.items():
        a = np.ascontiguousarray(t.detach().numpy()).reshape(t.shape)
        kind = next(k for k, d in DTYPES.items() if a.dtype == d)
        header[name] = {"dtype": kind, "shape": list(a.shape),
                        "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
        blobs.append(a.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + b"".join(blobs))


def read_safetensors(path):
    with open(path, "rb") as f:
        data = f.read()
    n = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, t in json.loads(data[8:8 + n]).items():
        if name == "__metadata__":
            continue
        begin, end = t["data_offsets"]
        a = np.frombuffer(data[8 + n + begin:8 + n + end], DTYPES[t["dtype"]])
        tensors[name] = torch.from_numpy(a.reshape(t["shape"]).copy())
    return tensors


def network(dropout):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4),
        nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1), nn.GELU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24, 16), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(16, 10))


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8,
                                          nesterov=True, weight_decay=0.001),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.001),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.05),
    "clipped": lambda p: torch.optim.SGD(p, lr=0.1),
}
CLIP_NORM = 0.5  # of "clipped"


def draw():
    """A network whose statistics are those of some data, and three batches."""
    torch.manual_seed(20)
    net = network(0.5)
    with torch.no_grad():
        for name, p in net.named_parameters():
            if p.dim() == 1:
                p.add_(0.2 * torch.randn(p.shape))
    x = torch.randn(15, 1, 8, 8)
    y = torch.randint(0, 10, (15,))
    net.train()
    for _ in range(5):
        net(x + 0.1 * torch.randn(x.shape))
    net.eval()
    return net, x, y


def train(state, x, y, optimizer, clip):
    net = network(0.0).double()
    net.load_state_dict({k: v.double() if v.is_floating_point() else v
                         for k, v in state.items()})
    net.train()
    opt = optimizer(net.parameters()) if optimizer else None
    losses = []
    for i in range(3 if opt else 1):
        net.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i].double()), y[i])
        loss.backward()
        losses.append(loss.item())
        if clip:
            norm = nn.utils.clip_grad_norm_(net.parameters(), clip)
            assert norm > 2 * clip
        if opt:
            opt.step()
    kept = {k: v for k, v in net.state_dict().items()
            if v.is_floating_point()}
    if not opt:
        kept.update({k: p.grad for k, p in net.named_parameters()})
    return losses + [0.0] * (3 - len(losses)), kept


def write_fixtures(folder):
    net, x, y = draw()
    state = net.state_dict()

    def path(name):
        return os.path.join(folder, name)

    write_safetensors(path("net.safetensors"), state)
    np.save(path("input.npy"), x.numpy().reshape(3, 5, 1, 8, 8))
    np.save(path("target.npy"), y.numpy().astype(np.int32).reshape(3, 5))
    with torch.no_grad():
        np.save(path("logits.npy"), net(x).numpy())
    x, y = x.reshape(3, 5, 1, 8, 8), y.reshape(3, 5)
    losses, kept = train(state, x, y, None, 0)
    table = [losses]
    write_safetensors(path("grad.safetensors"), kept)
    for name, optimizer in OPTIMIZERS.items():
        clip = CLIP_NORM if name == "clipped" else 0
        losses, kept = train(state, x, y, optimizer, clip)
        table.append(losses)
        write_safetensors(path(name + ".safetensors"), kept)
    np.save(path("loss.npy"), np.array(table))


def write_logits(weights, out):
    net = network(0.5)
    state = read_safetensors(weights)
    missing = net.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys, missing
    assert all(k.endswith("num_batches_tracked")
               for k in missing.missing_keys), missing
    net.eval()
    x = np.load(os.path.join(FOLDER, "input.npy")).reshape(15, 1, 8, 8)
    with torch.no_grad():
        np.save(out, net(torch.from_numpy(x)).numpy())


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--logits":
        write_logits(sys.argv[2], sys.argv[3])
    elif len(sys.argv) <= 2 and not sys.argv[-1].startswith("-"):
        write_fixtures(sys.argv[1] if len(sys.argv) == 2 else FOLDER)
    else:
        sys.exit(__doc__)
