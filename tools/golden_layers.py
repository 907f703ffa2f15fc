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
            ("prelu_channel", nn.PReLU(3)),
            ("log_softmax", nn.LogSoftmax(1)),
            ("log_softmax2", nn.LogSoftmax(2))]:
        layer(name, flat, 10, module)


class RMSNorm(nn.Module):
    """Of newer PyTorch."""

    def __init__(self, *dims, eps=2.0 ** -52):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.empty(dims)), eps

    def forward(self, x):
        axes = tuple(range(-self.weight.dim(), 0))
        mean = (x ** 2).mean(axes, keepdim=True)
        return x / torch.sqrt(mean + self.eps) * self.weight


def maxout(x):
    n, c = x.shape[:2]
    return x.reshape(n, c // 3, 3, *x.shape[2:]).max(2).values


def shapes():
    line, flat, picture = (2, 4, 9), (4, 6), (2, 4, 5, 3)
    for name, dims, module in [
            ("group_norm", picture, nn.GroupNorm(2, 4)),
            ("group_norm2", flat, nn.GroupNorm(3, 6, eps=0.1)),
            ("instance_norm", picture, nn.InstanceNorm2d(4)),
            ("instance_norm2", line,
             nn.InstanceNorm1d(4, eps=0.01, affine=True)),
            ("rms_norm", flat, RMSNorm(6)),
            ("rms_norm2", picture, RMSNorm(5, 3, eps=0.1)),
            ("maxout", (2, 6, 2, 3), maxout), ("maxout2", flat, maxout),
            ("conv1d", line, nn.Conv1d(4, 3, 3)),
            ("conv1d2", line, nn.Conv1d(4, 6, 3, stride=2, padding=2,
                                        dilation=2, groups=2, bias=False)),
            ("conv1d3", line, nn.Conv1d(4, 2, 4, padding="same")),
            ("transposed", picture, nn.ConvTranspose2d(4, 3, 3)),
            ("transposed2", picture,
             nn.ConvTranspose2d(4, 6, (3, 2), stride=(2, 3), padding=(1, 2),
                                output_padding=(1, 2), groups=2,
                                dilation=(2, 1), bias=False)),
            ("nearest", picture, nn.Upsample(scale_factor=(2, 3))),
            ("bilinear", picture,
             nn.Upsample(scale_factor=(2, 3), mode="bilinear"))]:
        layer(name, dims, 4, module)


def loss(name, f, scale=4, offset=0):
    y = (fill((5, 4), 40, scale) + offset).requires_grad_()
    value = f(y)
    value.backward()
    write(name + ".y", value)
    write(name + ".dx", y.grad)


def losses():
    functional = nn.functional
    label = torch.tensor([3, 0, 1, 1, 2])
    real, share = fill((5, 4), 60, 4), fill((5, 4), 60) + 0.5
    sign = torch.where(real > 0, 1.0, -1.0)
    hot = 2 * functional.one_hot(label, 4).double() - 1
    loss("mae", lambda y: functional.l1_loss(y, real))
    loss("huber", lambda y: functional.huber_loss(y, real))
    loss("huber2", lambda y: functional.huber_loss(y, real, delta=0.75))
    loss("log_cosh", lambda y: torch.log(torch.cosh(y - real)).mean())
    for name, t in [("", sign), ("_class", hot)]:
        loss("hinge" + name, lambda y: torch.clamp(1 - t * y, min=0).mean())
        loss("squared_hinge" + name,
             lambda y: (torch.clamp(1 - t * y, min=0) ** 2).mean())
    loss("kl", lambda y: functional.kl_div(y, share, reduction="batchmean"))
    loss("nll", lambda y: functional.nll_loss(y, label))
    loss("nll_share", lambda y: -(share * y).sum(1).mean())
    loss("poisson", lambda y: functional.poisson_nll_loss(y, share))
    loss("poisson_rate", lambda y: functional.poisson_nll_loss(
        y, share, log_input=False), 1, 0.75)
    for e in [0.1, 1.0]:
        loss(f"smooth_{e}", lambda y: functional.cross_entropy(
            y, label, label_smoothing=e))
        loss(f"smooth_share_{e}", lambda y: functional.cross_entropy(
            y, share, label_smoothing=e))


def main():
    print("# PyTorch, f64; printed by tools/golden_layers.py")
    activations()
    shapes()
    losses()


main()
