#!/usr/bin/env python3
"""Writes tests/data/nn/layers.txt: what PyTorch's layers and losses give.

    tools/golden_layers.py > tests/data/nn/layers.txt

Data and parameters come from the formula of tests/unit/nn/golden.h; the file
holds results only, in f64: a line is a name, a count and the numbers. Of a
layer NAME.y, NAME.dx and NAME.d0, NAME.d1 ...: its output, and the gradients
of sum(y * c) by its input and its parameters. Of a loss its value and its
gradient by what the network gives.
"""
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def number(i, k):
    return ((i * 37 + k * 101 + i * i * 11 + 13) % 509 - 254) / 512


def fill(dims, k, scale=1):
    n = torch.Size(dims).numel()
    return torch.tensor([scale * number(i, k)
                         for i in range(n)]).reshape(dims)


def write(name, t):
    flat = [repr(v) for v in t.detach().reshape(-1).tolist()]
    print(name, len(flat), *flat)


def layer(name, dims, scale, module):
    x = fill(dims, 40, scale).requires_grad_()
    params = list(module.parameters()) if isinstance(module, nn.Module) else []
    with torch.no_grad():
        for k, p in enumerate(params):
            p.copy_(fill(p.shape, k))
    y = module(x)
    (y * fill(y.shape, 50)).sum().backward()
    write(name + ".y", y)
    write(name + ".dx", x.grad)
    for k, p in enumerate(params):
        write(f"{name}.d{k}", p.grad)


# nn.Hardsigmoid's gradient is 1 / 6 in f32, whatever the type.
def hard_sigmoid(x):
    return nn.functional.relu6(x + 3) / 6


def activations():
    flat = (4, 3, 5)
    for name, module in [
            ("elu", nn.ELU(0.7)), ("selu", nn.SELU()), ("celu", nn.CELU(0.5)),
            ("silu", nn.SiLU()), ("mish", nn.Mish()),
            ("softplus", nn.Softplus()), ("softplus2", nn.Softplus(2, 3)),
            ("softsign", nn.Softsign()), ("hard_sigmoid", hard_sigmoid),
            ("hard_swish", nn.Hardswish()), ("hard_tanh", nn.Hardtanh()),
            ("hard_tanh2", nn.Hardtanh(-2, 0.5)), ("prelu", nn.PReLU()),
            ("prelu_channel", nn.PReLU(3))]:
        layer(name, flat, 10, module)


def main():
    print("# PyTorch, f64; printed by tools/golden_layers.py")
    activations()


main()
