#!/usr/bin/env python3
"""Writes tests/data/nn/torch.txt: what a small network of PyTorch gives.

    tools/golden_nn.py > tests/data/nn/torch.txt

Parameters and data come from formulas that tests/unit/nn/test_torch.c knows
too, so the file holds results only, in f64: a line is a name and its numbers.
"""
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

ROWS, STEPS = 4, 6
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8,
                                          nesterov=True, weight_decay=0.02),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1,
                                        eps=1e-6),
}


def number(i, k):
    return ((i * 37 + k * 101 + i * i * 11 + 13) % 509 - 254) / 512


def fill(t, k):
    values = [number(i, k) for i in range(t.numel())]
    return torch.tensor(values).reshape(t.shape)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def make_net():
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.ReLU(),
        nn.MaxPool2d(2),
        Residual(nn.Sequential(nn.Conv2d(4, 6, 3, padding=1, groups=2,
                                         bias=False),
                               nn.BatchNorm2d(6, momentum=0.3), nn.GELU(),
                               nn.Conv2d(6, 6, (1, 2), stride=2, dilation=1)),
                 nn.Sequential(nn.Conv2d(4, 6, (1, 2), stride=2))),
        nn.LeakyReLU(0.1), nn.AvgPool2d(2, stride=1, padding=1), nn.Flatten(),
        nn.Linear(36, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 3))
    with torch.no_grad():
        for k, p in enumerate(net.parameters()):
            p.copy_(fill(p, k))
    return net


def write(name, tensors):
    flat = [repr(v) for t in tensors for v in t.reshape(-1).tolist()]
    print(name, len(flat), *flat)


def main():
    x = torch.stack([fill(torch.empty(2, 6, 6), 40 + i) for i in range(ROWS)])
    y = torch.tensor([2, 0, 1, 1])
    print("# PyTorch, f64; printed by tools/golden_nn.py")
    net = make_net()
    loss_fn = nn.CrossEntropyLoss()
    logits = net(x)
    loss = loss_fn(logits, y)
    loss.backward()
    write("logits", [logits])
    write("loss", [loss])
    for name, p in net.named_parameters():
        write("grad." + name, [p.grad])
    for name, make in OPTIMIZERS.items():
        net = make_net()
        params = list(net.parameters())
        optimizer = make(params)
        norms = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss_fn(net(x), y).backward()
            norms.append(nn.utils.clip_grad_norm_(params, 0.3))
            optimizer.step()
        write(name + ".norms", norms)
        write(name + ".params", params)
        write(name + ".buffers", [b for b in net.buffers()
                                  if b.dtype == torch.float64])
        net.eval()
        write(name + ".eval", [net(x)])


main()
