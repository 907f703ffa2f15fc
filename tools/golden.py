#!/usr/bin/env python3
"""Writes tests/data/op/*.txt: what each op must give, computed with numpy.

    tools/golden.py [OUTPUT_DIRECTORY]

Nothing here comes from the library under test but the list of ops
(src/ir/ops.def); every op that is not a leaf needs a function below. The
numbers that go in are multiples of 1/256, so that they are the same in f32
and f64; what comes out is computed in f64. tests/op/test_value.c reads the
files:

    case [~] name=value ...    attributes; ~: the inputs vary (one shard)
    bound REL ABS              |y - ref| <= (REL |ref| + ABS) epsilon
    in TYPE [DIMS] VALUES      TYPE f stands for f32 and for f64
    out TYPE [DIMS] VALUES
"""
import math
import os
import re
import sys

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
LEAVES = {"input", "const", "variable", "backward"}
NAN, INF = math.nan, math.inf
CASES = {}
rng = np.random.default_rng(20240501)


# ---- writing ---------------------------------------------------------------

def text(value):
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    if isinstance(value, (float, np.floating)):
        value = float(value)
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        return repr(value)
    return str(int(value))


def tensor(kind, dtype, array):
    array = np.asarray(array)
    dims = ",".join(str(n) for n in array.shape)
    values = " ".join(text(v) for v in array.reshape(-1))
    return f"{kind} {dtype} [{dims}] {values}".rstrip()


def attribute(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(str(v) for v in value) + "]"
    return repr(value) if isinstance(value, float) else str(value)


def case(op, ins, outs, attrs=None, rel=0, abs_=0, varying=False):
    """ins and outs: (type, array) pairs."""
    head = "case" + (" ~" if varying else "")
    for name, value in (attrs or {}).items():
        head += f" {name}={attribute(value)}"
    lines = [head, f"bound {rel} {abs_}"]
    lines += [tensor("in", t, a) for t, a in ins]
    lines += [tensor("out", t, a) for t, a in outs]
    CASES.setdefault(op, []).append("\n".join(lines))


def draw(*dims, lo=-2, hi=2):
    return np.round(rng.uniform(lo, hi, dims) * 256) / 256


def whole(*dims, lo=-9, hi=9):
    return rng.integers(lo, hi + 1, dims)


def truth(*dims):
    return rng.integers(0, 2, dims).astype(bool)


# ---- elementwise, one operand ----------------------------------------------

def unary(op, f, lo=-2, hi=2, rel=0, special=(), out="f"):
    vector = np.vectorize(f, otypes=[bool if out == "bool" else float])
    for x in [draw(4, 5, lo=lo, hi=hi), draw(lo=lo, hi=hi), np.zeros((0, 3)),
              np.array(special, float)]:
        y = vector(x) if x.size else np.zeros(x.shape)
        case(op, [("f", x)], [(out, y)], rel=rel)


def elementwise_one():
    every = (0.0, -0.0, INF, -INF, NAN)
    unary("neg", lambda x: -x, special=every)
    unary("abs", abs, special=every)
    unary("sign", lambda x: float(np.sign(x)) if x else x, special=every)
    unary("floor", np.floor, special=every + (1.0, -1.5, 3e9))
    unary("reciprocal", lambda x: 1 / x, 0.25, 4, rel=1, special=(INF, NAN))
    unary("square", lambda x: x * x, rel=1, special=every)
    unary("sqrt", math.sqrt, 0, 9, rel=1, special=(0.0, INF, 1e-30))
    unary("exp", np.exp, -8, 8, rel=4,
          special=(0.0, INF, -INF, NAN, 80.0, -80.0))
    unary("log", np.log, 0.01, 9, rel=4, special=(1.0, INF, NAN, 1e-30))
    unary("log1p", np.log1p, -0.9, 4, rel=4,
          special=(0.0, INF, NAN, 2.0 ** -40, -2.0 ** -40))
    unary("sin", np.sin, -9, 9, rel=4, special=(0.0, NAN, 1000.0, 2.0 ** 20))
    unary("cos", np.cos, -9, 9, rel=4, special=(0.0, NAN, 1000.0, 2.0 ** 20))
    unary("tanh", np.tanh, -4, 4, rel=4,
          special=(0.0, INF, -INF, NAN, 2.0 ** -40, 50.0))
    unary("sigmoid", lambda x: 1 / (1 + math.exp(-x)), -9, 9, rel=4,
          special=(0.0, INF, NAN, 80.0, -80.0))
    unary("erf", math.erf, -4, 4, rel=4,
          special=(0.0, INF, -INF, NAN, 2.0 ** -40))
    unary("relu", lambda x: x if not x <= 0 else 0.0, special=every)
    unary("is_finite", math.isfinite, out="bool", special=every)
    x = truth(3, 4)
    case("not", [("bool", x)], [("bool", ~x)])


def saturate(x, lo, hi):
    return 0 if math.isnan(x) else int(min(max(x, lo), hi))


def casts():
    x = np.concatenate([draw(6, lo=-9, hi=300),
                        [NAN, INF, -INF, 2.0 ** 40, -0.75, 255.5, 0.0]])
    ints = [saturate(v, -2 ** 31, 2 ** 31 - 1) for v in x]
    case("cast", [("f", x)], [("i32", ints)], {"dtype": "i32"})
    case("cast", [("f", x)], [("u8", [saturate(v, 0, 255) for v in x])],
         {"dtype": "u8"})
    case("cast", [("f", x)], [("bool", x != 0)], {"dtype": "bool"})
    case("cast", [("f", x)], [("f64", x)], {"dtype": "f64"})
    case("cast", [("f", x)], [("f32", x)], {"dtype": "f32"})
    wide = np.array([1 / 3, 1e-50, 1e300, 16777217.0])
    with np.errstate(over="ignore"):
        case("cast", [("f64", wide)],
             [("f32", wide.astype(np.float32).astype(float))],
             {"dtype": "f32"})
    i = np.array([0, 1, -1, 300, 2 ** 24, -2 ** 31])
    case("cast", [("i32", i)], [("f", i.astype(float))], {"dtype": "f"})
    case("cast", [("i32", i)], [("u8", [0, 1, 0, 255, 255, 0])],
         {"dtype": "u8"})
    case("cast", [("u8", [0, 7, 255])], [("i32", [0, 7, 255])],
         {"dtype": "i32"})
    case("cast", [("bool", [0, 1])], [("f", [0.0, 1.0])], {"dtype": "f"})
    for op in ["stop_gradient", "spread", "psum"]:
        x = draw(3, 2)
        case(op, [("f", x)], [("f", x)], varying=op == "psum")
        i = whole(4)
        case(op, [("i32", i)], [("i32", i)], varying=op == "psum")


# ---- elementwise, two and three operands -------------------------------------

SHAPES = [((3, 4), (3, 4)), ((2, 1, 3), (4, 1)), ((3,), (2, 3)), ((2, 3), ()),
          ((0, 3), (1, 3))]


def binary(op, f, lo=-2, hi=2, lo_b=None, hi_b=None, rel=0, special=None,
           out="f", ints=False):
    lo_b = lo if lo_b is None else lo_b
    hi_b = hi if hi_b is None else hi_b
    for a, b in SHAPES:
        x, y = draw(*a, lo=lo, hi=hi), draw(*b, lo=lo_b, hi=hi_b)
        case(op, [("f", x), ("f", y)], [(out, f(x, y))], rel=rel)
    if special is not None:
        x, y = (np.array(v, float) for v in zip(*special))
        case(op, [("f", x), ("f", y)], [(out, f(x, y))], rel=rel)
    if ints:
        x, y = whole(2, 1, 4), whole(3, 1)
        case(op, [("i32", x), ("i32", y)],
             [("i32" if out == "f" else out, f(x, y))])
    if out == "bool":
        x, y = whole(3, 4, lo=0, hi=2), whole(4, lo=0, hi=2)
        case(op, [("u8", x), ("u8", y)], [(out, f(x, y))])
        x, y = truth(6), truth(6)
        case(op, [("bool", x), ("bool", y)], [(out, f(x, y))])


def wrap(f):
    return lambda a, b: f(np.int64(a), np.int64(b)).astype(np.int32)


def elementwise_more():
    odd = [(NAN, 1), (1, NAN), (INF, 1), (-INF, 1), (2, 2), (0.0, -0.0),
           (NAN, NAN)]
    binary("add", np.add, rel=1, special=odd, ints=True)
    binary("sub", np.subtract, rel=1, special=odd, ints=True)
    binary("mul", np.multiply, rel=1, special=odd, ints=True)
    big = np.array([2 ** 31 - 1, -2 ** 31, 2 ** 30])
    for op, f in [("add", np.add), ("sub", np.subtract),
                  ("mul", np.multiply)]:
        one = np.array([1, 1, 4]) * (-1 if op == "sub" else 1)
        case(op, [("i32", big), ("i32", one)], [("i32", wrap(f)(big, one))])
    binary("div", np.divide, lo_b=0.25, hi_b=4, rel=1,
           special=[(1, INF), (NAN, 1), (1, 0.0), (-1, 0.0)])
    binary("pow", np.power, lo=0.25, hi=4, lo_b=-3, hi_b=3, rel=8,
           special=[(0, 2), (4, 0), (NAN, 1), (INF, 1), (-2, 3)])
    binary("maximum", np.maximum, special=odd, ints=True)
    binary("minimum", np.minimum, special=odd, ints=True)
    for op, f in [("eq", np.equal), ("ne", np.not_equal), ("lt", np.less),
                  ("le", np.less_equal), ("gt", np.greater),
                  ("ge", np.greater_equal)]:
        binary(op, f, out="bool", special=odd, ints=True)
    for op, f in [("and", np.logical_and), ("or", np.logical_or)]:
        for a, b in SHAPES:
            x, y = truth(*a), truth(*b)
            case(op, [("bool", x), ("bool", y)], [("bool", f(x, y))])
    for a, b in SHAPES:
        c, x, y = truth(*a), draw(*b), draw(*a)
        case("select", [("bool", c), ("f", x), ("f", y)],
             [("f", np.where(c, x, y))])
    for t, lo in [("i32", -9), ("u8", 0), ("bool", 0)]:
        c = truth(4, 1)
        x, y = (whole(3, lo=lo, hi=1) for _ in range(2))
        case("select", [("bool", c), (t, x), (t, y)],
             [(t, np.where(c, x, y))])


# ---- reductions ---------------------------------------------------------------

AXES = [((3, 4), [1]), ((3, 4), [0]), ((2, 3, 4), [0, 2]), ((2, 3), [0, 1]),
        ((2, 3), []), ((2, 3, 1, 2), [1, 2]), ((), [])]


def keep_dims(y, x, axes, keep):
    return y if keep else y.reshape([n for i, n in enumerate(x.shape)
                                     if i not in axes])


def reductions():
    for dims, axes in AXES:
        for keep in [False, True]:
            attrs = {"axes": axes, "keep": keep}
            x = draw(*dims)
            for op, f in [("sum", np.sum), ("amax", np.max), ("amin", np.min),
                          ("mean", np.mean)]:
                y = keep_dims(f(x, axis=tuple(axes), keepdims=True), x, axes,
                              keep)
                rel = {"sum": 1, "mean": 4}.get(op, 0)
                scale = np.abs(x).sum() if rel else 0
                case(op, [("f", x)], [("f", y)], attrs, rel, scale)
    empty = np.zeros((2, 0, 3))
    case("sum", [("f", empty)], [("f", np.zeros((2, 3)))],
         {"axes": [1], "keep": False})
    case("sum", [("f", empty)], [("f", np.zeros((2, 0)))],
         {"axes": [2], "keep": False})
    x = draw(1000, 3, lo=-1, hi=1)
    case("sum", [("f", x)], [("f", x.sum(0))], {"axes": [0], "keep": False},
         1, np.abs(x).sum())
    x = draw(4, 3)
    case("mean", [("f", x)], [("f", x.mean(0))], {"axes": [0], "keep": False},
         4, 8, varying=True)
    i = whole(4, 5)
    case("sum", [("i32", i)], [("i32", i.sum(0))], {"axes": [0], "keep": False})
    case("amax", [("i32", i)], [("i32", i.max(1))],
         {"axes": [1], "keep": False})
    case("amin", [("i32", i)], [("i32", i.min(1))],
         {"axes": [1], "keep": False})
    u = whole(4, 5, lo=0, hi=200)
    case("amax", [("u8", u)], [("u8", u.max(0))], {"axes": [0], "keep": False})
    case("amin", [("u8", u)], [("u8", u.min(0))], {"axes": [0], "keep": False})
    odd = np.array([[1, NAN, 3, 2], [INF, -INF, 5, 5], [-1, -1, -3, -3],
                    [NAN, 1, NAN, 0], [-INF, -INF, -INF, -INF]])
    for op, f in [("amax", np.max), ("amin", np.min)]:
        case(op, [("f", odd)], [("f", f(odd, axis=1))],
             {"axes": [1], "keep": False})
    for op, f in [("argmax", np.argmax), ("argmin", np.argmin)]:
        case(op, [("f", odd)], [("i32", f(odd, axis=1))], {"axis": 1})
        for dims, axis in [((3, 4), 0), ((2, 3, 4), 1), ((5,), 0),
                           ((2, 0, 4), 2)]:
            x = draw(*dims)
            case(op, [("f", x)], [("i32", f(x, axis=axis))], {"axis": axis})
            i = whole(*dims, lo=0, hi=2)
            case(op, [("i32", i)], [("i32", f(i, axis=axis))], {"axis": axis})
            case(op, [("u8", i)], [("i32", f(i, axis=axis))], {"axis": axis})


# ---- shape ----------------------------------------------------------------------

def each_type(*dims):
    yield "f", draw(*dims)
    yield "i32", whole(*dims)
    yield "u8", whole(*dims, lo=0, hi=255)
    yield "bool", truth(*dims)


def shapes():
    for t, x in each_type(2, 3, 4):
        case("reshape", [(t, x)], [(t, x.reshape(4, 6))], {"dims": [4, 6]})
        case("permute", [(t, x)], [(t, x.transpose(2, 0, 1))],
             {"dims": [2, 0, 1]})
        case("permute", [(t, x)], [(t, x.transpose(0, 2, 1))],
             {"dims": [0, 2, 1]})
        case("broadcast", [(t, x[:, :1])],
             [(t, np.broadcast_to(x[:, :1], (3, 2, 5, 4)))],
             {"dims": [3, 2, 5, 4]})
        case("slice", [(t, x)], [(t, x[1:2, 0:3:2, 1:4])],
             {"start": [1, 0, 1], "stop": [2, 3, 4], "step": [1, 2, 1]})
        case("slice", [(t, x)], [(t, x[0:2, 2:2, 0:4:3])],
             {"start": [0, 2, 0], "stop": [2, 2, 4], "step": [1, 1, 3]})
        y = np.zeros((2 + 3, 1 + 2 + 2 * 2 + 1, 4), x.dtype)
        y[3:, 1:6:2] = x
        case("pad", [(t, x)], [(t, y)],
             {"lo": [3, 1, 0], "hi": [0, 2, 0], "step": [1, 2, 1]})
        case("flip", [(t, x)], [(t, x[::-1, :, ::-1])], {"dims": [0, 2]})
        case("flip", [(t, x)], [(t, x)], {"dims": []})
        a, b, c = x[:, :1], x[:, 1:], x[:, :0]
        case("concat", [(t, b), (t, c), (t, a)],
             [(t, np.concatenate([b, c, a], 1))], {"axis": 1})
        case("concat", [(t, x), (t, x[:1])],
             [(t, np.concatenate([x, x[:1]], 0))], {"axis": 0})
        for axis, index in [(0, whole(5, lo=0, hi=1)),
                            (1, whole(2, 2, lo=0, hi=2)),
                            (2, whole(lo=0, hi=3))]:
            case("gather", [(t, x), ("i32", index)],
                 [(t, np.take(x, index, axis))], {"axis": axis})
    x = draw(3, 0)
    case("reshape", [("f", x)], [("f", x.reshape(0, 5))], {"dims": [0, 5]})
    case("reshape", [("f", draw(1, 1) * 0 + 2)], [("f", np.float64(2))],
         {"dims": []})
    case("broadcast", [("f", np.float64(1.5))], [("f", np.full((2, 2), 1.5))],
         {"dims": [2, 2]})
    for t, x, zero in [("f", draw(2, 3, 2, 4), 0.0), ("i32",
                                                      whole(2, 3, 2, 4), 0)]:
        index = whole(3, 2, lo=0, hi=4)
        y = np.full((2, 5, 4), zero)
        for j in np.ndindex(3, 2):
            y[:, index[j]] += x[:, j[0], j[1]]
        case("scatter_add", [(t, x), ("i32", index)], [(t, y)],
             {"axis": 1, "size": 5}, 1, 24)
        index = whole(2, lo=0, hi=2)
        y = np.full((3, 3, 2, 4), zero)
        for j in range(2):
            y[index[j]] += x[j]
        case("scatter_add", [(t, x), ("i32", index)], [(t, y)],
             {"axis": 0, "size": 3}, 1, 8)
    for t in ["f", "i32", "u8"]:
        y = np.broadcast_to(np.arange(3).reshape(3, 1), (2, 3, 4))
        y = y.astype(float) if t == "f" else y
        case("iota", [], [(t, y)], {"dtype": t, "dims": [2, 3, 4], "axis": 1})
    index = np.array([[0, 2], [3, -1], [1, 4]])
    y = (index[..., None] == np.arange(4)).astype(float)
    case("one_hot", [("i32", index)], [("f", y)], {"depth": 4, "dtype": "f"})
    index = np.array([1, 0, 2])
    y = index[..., None] == np.arange(3)
    case("one_hot", [("u8", index)], [("i32", y.astype(int))],
         {"depth": 3, "dtype": "i32"})


# ---- products --------------------------------------------------------------------

def products():
    for a, b, ta, tb in [((3, 4), (4, 2), False, False),
                         ((4, 3), (4, 2), True, False),
                         ((3, 4), (2, 4), False, True),
                         ((2, 4, 3), (3, 1, 2, 4), True, True),
                         ((5, 1, 3), (3, 4), False, False),
                         ((2, 0), (0, 3), False, False),
                         ((1, 70), (70, 1), False, False)]:
        x, y = draw(*a), draw(*b)
        p = x.swapaxes(-1, -2) if ta else x
        q = y.swapaxes(-1, -2) if tb else y
        scale = (np.abs(p) @ np.abs(q)).max(initial=0)
        case("matmul", [("f", x), ("f", y)], [("f", p @ q)],
             {"ta": ta, "tb": tb}, 1, scale * 4)


CONVS = [
    # x dims, w dims, stride, pad (top, bottom, left, right), dilation, groups
    ((2, 3, 5, 6), (4, 3, 3, 2), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ((1, 2, 6, 5), (2, 2, 3, 3), (2, 1), (1, 1, 1, 1), (1, 1), 1),
    ((2, 2, 7, 7), (4, 1, 2, 3), (2, 3), (1, 0, 2, 1), (2, 2), 2),
    ((1, 3, 4, 4), (6, 1, 3, 3), (1, 1), (2, 2, 0, 1), (1, 1), 3),
    ((3, 4, 1, 1), (5, 4, 1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
]


def conv_loops(xd, wd, stride, pad, dil):
    """Yields (output row, column, kernel row, column, input row, column)."""
    oh = (xd[2] + pad[0] + pad[1] - dil[0] * (wd[2] - 1) - 1) // stride[0] + 1
    ow = (xd[3] + pad[2] + pad[3] - dil[1] * (wd[3] - 1) - 1) // stride[1] + 1
    taps = []
    for i, j, h, k in np.ndindex(oh, ow, wd[2], wd[3]):
        r = i * stride[0] + h * dil[0] - pad[0]
        c = j * stride[1] + k * dil[1] - pad[2]
        if 0 <= r < xd[2] and 0 <= c < xd[3]:
            taps.append((i, j, h, k, r, c))
    return oh, ow, taps


def convolutions():
    for xd, wd, stride, pad, dil, groups in CONVS:
        oh, ow, taps = conv_loops(xd, wd, stride, pad, dil)
        x, w = draw(*xd), draw(*wd)
        dy = draw(xd[0], wd[0], oh, ow)
        y, dx, dw = np.zeros(dy.shape), np.zeros(xd), np.zeros(wd)
        per_in, per_out = xd[1] // groups, wd[0] // groups
        for o in range(wd[0]):
            first = o // per_out * per_in
            part = slice(first, first + per_in)
            for i, j, h, k, r, c in taps:
                y[:, o, i, j] += x[:, part, r, c] @ w[o, :, h, k]
                dx[:, part, r, c] += np.outer(dy[:, o, i, j], w[o, :, h, k])
                dw[o, :, h, k] += dy[:, o, i, j] @ x[:, part, r, c]
        at = {"stride_h": stride[0], "stride_w": stride[1], "pad_top": pad[0],
              "pad_bottom": pad[1], "pad_left": pad[2], "pad_right": pad[3],
              "dil_h": dil[0], "dil_w": dil[1], "groups": groups}
        bound = dict(rel=1, abs_=4 * max(per_in * wd[2] * wd[3],
                                         xd[0] * oh * ow))
        case("conv2d", [("f", x), ("f", w)], [("f", y)], at, **bound)
        case("conv2d_dx", [("f", dy), ("f", w)], [("f", dx)],
             dict(at, size_h=xd[2], size_w=xd[3]), **bound)
        case("conv2d_dw", [("f", x), ("f", dy)], [("f", dw)],
             dict(at, size_h=wd[2], size_w=wd[3]), **bound)


POOLS = [
    ((2, 3, 4, 6), (2, 2), (2, 2), (0, 0, 0, 0)),
    ((1, 2, 5, 5), (3, 2), (2, 1), (1, 1, 0, 1)),
    ((2, 1, 3, 4), (2, 3), (1, 2), (1, 0, 2, 1)),
]


def max_pool(x, k, stride, pad):
    n, c, rows, cols = x.shape
    oh = (rows + pad[0] + pad[1] - k[0]) // stride[0] + 1
    ow = (cols + pad[2] + pad[3] - k[1]) // stride[1] + 1
    y = np.zeros((n, c, oh, ow))
    place = np.zeros((n, c, oh, ow), int)
    mean = np.zeros((n, c, oh, ow))
    count = np.zeros((oh, ow), int)
    shares = []
    for i, j in np.ndindex(oh, ow):
        r0, c0 = i * stride[0] - pad[0], j * stride[1] - pad[2]
        rs = range(max(r0, 0), min(r0 + k[0], rows))
        cs = range(max(c0, 0), min(c0 + k[1], cols))
        window = x[:, :, rs.start:rs.stop, cs.start:cs.stop]
        flat = window.reshape(n, c, -1)
        best = np.argmax(flat, -1)
        y[:, :, i, j] = np.take_along_axis(flat, best[..., None], -1)[..., 0]
        place[:, :, i, j] = ((rs.start + best // len(cs)) * cols + cs.start +
                             best % len(cs))
        count[i, j] = len(rs) * len(cs)
        mean[:, :, i, j] = window.sum((2, 3))
        shares.append((i, j, rs, cs))
    return y, place, mean, count, shares


def pools():
    for xd, k, stride, pad in POOLS:
        at = {"k_h": k[0], "k_w": k[1], "stride_h": stride[0],
              "stride_w": stride[1], "pad_top": pad[0], "pad_bottom": pad[1],
              "pad_left": pad[2], "pad_right": pad[3]}
        for odd in [False, True]:
            x = draw(*xd)
            if odd:
                x[0, 0, 1, 1] = NAN
                x[0, 0, 0, 0] = -INF
                x[0, -1] = np.round(x[0, -1])
            y, place, total, count, shares = max_pool(x, k, stride, pad)
            case("max_pool2d", [("f", x)], [("f", y), ("i32", place)], at)
        x = draw(*xd)
        y, place, total, count, shares = max_pool(x, k, stride, pad)
        dy = draw(*y.shape)
        size = {"size_h": xd[2], "size_w": xd[3]}
        for count_pad in [True, False]:
            n = k[0] * k[1] if count_pad else count
            case("avg_pool2d", [("f", x)], [("f", total / n)],
                 dict(at, count_pad=count_pad), 2, 16)
            dx = np.zeros(xd)
            for i, j, rs, cs in shares:
                part = np.broadcast_to(n, count.shape)[i, j]
                dx[:, :, rs.start:rs.stop, cs.start:cs.stop] += (
                    dy[:, :, i, j] / part)[..., None, None]
            case("avg_pool2d_dx", [("f", dy)], [("f", dx)],
                 dict(at, count_pad=count_pad, **size), 2, 16)
        flat = np.zeros((xd[0], xd[1], xd[2] * xd[3]))
        for at_ in np.ndindex(*place.shape):
            flat[at_[0], at_[1], place[at_]] += dy[at_]
        case("pool_scatter", [("f", dy), ("i32", place)],
             [("f", flat.reshape(xd))], size, 1, 16)
        picked = np.take_along_axis(x.reshape(xd[0], xd[1], -1),
                                    place.reshape(xd[0], xd[1], -1), -1)
        case("pool_gather", [("f", x), ("i32", place)],
             [("f", picked.reshape(place.shape))])


# ---- random numbers ----------------------------------------------------------------

MASK = 0xFFFFFFFF


def philox(ctr, key):
    """Philox4x32-10 as published by Salmon, Moraes, Dror and Shaw (2011)."""
    c, k = list(ctr), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & MASK, a >> 32 ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


class Stream:
    """The sequences that src/base/rng.h describes."""

    def __init__(self, key, stream):
        k = [v & MASK for v in key]
        s = [stream & MASK, stream >> 32 & MASK]
        self.k = philox([k[2], k[3]] + s, k[:2])

    def block(self, n):
        return philox([n & MASK, n >> 32] + self.k[2:], self.k[:2])

    def u32(self, i):
        return self.block(i // 4)[i % 4]

    def u64(self, i):
        b = self.block(i // 2)[i % 2 * 2:]
        return b[0] | b[1] << 32

    def uniform(self, i, bits):
        return (self.u64(i) >> (64 - bits)) / 2.0 ** bits

    def normal(self, i):
        b = self.block(i // 2)
        u = (((b[0] | b[1] << 32) >> 12) + 0.5) / 2.0 ** 52
        turn = ((b[2] | b[3] << 32) >> 11) / 2.0 ** 53
        f = math.sin if i % 2 else math.cos
        return math.sqrt(-2 * math.log(u)) * f(2 * math.pi * turn)


def filled(dims, f, base=0):
    n = math.prod(dims)
    return np.array([f(base + i) for i in range(n)]).reshape(dims)


def random_numbers():
    for key, stream, dims, base in [([1, 2, 3, 4], 0, [3, 5], 0),
                                    ([-1, 7, -2 ** 31, 0], 12345, [9], 1001),
                                    ([0, 0, 0, 0], 2 ** 40, [], 2 ** 33)]:
        s = Stream(key, stream)
        at = {"dims": dims, "stream": stream, "base": base}
        k = [("i32", key)]
        for t, bits in [("f32", 24), ("f64", 53)]:
            case("uniform", k, [(t, filled(dims, lambda i: s.uniform(i, bits),
                                           base))], dict(at, dtype=t))
            # The angle near a quarter turn: an absolute bound as well.
            case("normal", k, [(t, filled(dims, s.normal, base))],
                 dict(at, dtype=t), 4, 16)
        for p in [0.0, 0.25, 1.0]:
            y = filled(dims, lambda i: s.u32(i) < p * 2.0 ** 32, base)
            case("bernoulli", k, [("bool", y)], dict(at, dtype="bool", p=p))
    x, key = draw(4, 6), [5, 6, 7, 8]
    s = Stream(key, 3)
    for p in [0.0, 0.25, 0.5]:
        keep = filled([4, 6], lambda i: s.u32(i) < (1 - p) * 2.0 ** 32)
        case("dropout", [("f", x), ("i32", key)],
             [("f", np.where(keep, x / (1 - p), 0.0))],
             {"p": p, "stream": 3}, 2)


# ---- probabilities, losses, norms ------------------------------------------------------

def lse(x, axis):
    m = x.max(axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0)
    with np.errstate(divide="ignore"):
        return m + np.log(np.exp(x - m).sum(axis, keepdims=True))


def probabilities():
    for dims, axis in [((3, 5), 1), ((2, 4, 3), 1), ((6,), 0)]:
        for scale in [1, 50]:
            x = draw(*dims) * scale
            y = lse(x, axis)
            bound = dict(rel=8, abs_=8 * scale)
            case("logsumexp", [("f", x)], [("f", y)],
                 {"axis": axis, "keep": True}, **bound)
            case("logsumexp", [("f", x)], [("f", y.squeeze(axis))],
                 {"axis": axis, "keep": False}, **bound)
            case("log_softmax", [("f", x)], [("f", x - y)], {"axis": axis},
                 **bound)
            case("softmax", [("f", x)], [("f", np.exp(x - y))],
                 {"axis": axis}, 16 * scale, 2)
    low = np.array([[-INF, 1.0, 2.0], [-INF, -INF, -INF]])
    case("logsumexp", [("f", low)], [("f", lse(low, 1).squeeze(1))],
         {"axis": 1, "keep": False}, 8, 8)
    for scale in [1, 30]:
        x, t = draw(4, 5) * scale, whole(4, lo=0, hi=4)
        l = x - lse(x, 1)
        y = -np.take_along_axis(l, t[:, None], 1)[:, 0]
        bound = dict(rel=8, abs_=16 * scale)
        for kind in ["i32", "u8"]:
            case("softmax_cross_entropy", [("f", x), (kind, t)], [("f", y)],
                 **bound)
        d = draw(4, 5, lo=0, hi=1)
        case("softmax_cross_entropy", [("f", x), ("f", d)],
             [("f", -(d * l).sum(1))], rel=8, abs_=64 * scale)
        x, t = draw(3, 4) * scale, draw(3, 4, lo=-1, hi=2)
        y = np.logaddexp(0, x) - x * t
        case("sigmoid_cross_entropy", [("f", x), ("f", t)], [("f", y)],
             rel=8, abs_=8 * scale)


def activations():
    x = np.concatenate([draw(9, lo=-4, hi=4), [0.0, -30.0, 30.0]])
    phi = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])
    case("gelu", [("f", x)], [("f", x * phi)], rel=16, abs_=4)
    for slope in [0.1, 0.0, 1.5]:
        y = np.where(x > 0, x, slope * x)
        case("leaky_relu", [("f", x)], [("f", y)], {"value": slope}, 2)


def norms():
    for dims, eps, varying in [((4, 3), 1e-5, False), ((3, 2, 2, 3), 0.1, True),
                               ((5, 1, 2), 1e-3, True)]:
        x, c = draw(*dims), dims[1]
        gamma, beta = draw(c, lo=0.5, hi=2), draw(c)
        axes = (0,) + tuple(range(2, len(dims)))
        mean, var = x.mean(axes), x.var(axes)
        shape = (1, c) + (1,) * (len(dims) - 2)
        y = ((x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps) *
             gamma.reshape(shape) + beta.reshape(shape))
        case("batch_norm", [("f", x), ("f", gamma), ("f", beta)],
             [("f", y), ("f", mean), ("f", var)], {"eps": eps}, 16, 64,
             varying)
    for dims, n, eps in [((4, 6), 1, 1e-5), ((2, 3, 4), 2, 0.1),
                         ((3, 2, 5), 1, 1e-3)]:
        x, own = draw(*dims), dims[len(dims) - n:]
        gamma, beta = draw(*own), draw(*own)
        axes = tuple(range(len(dims) - n, len(dims)))
        y = ((x - x.mean(axes, keepdims=True)) /
             np.sqrt(x.var(axes, keepdims=True) + eps) * gamma + beta)
        case("layer_norm", [("f", x), ("f", gamma), ("f", beta)], [("f", y)],
             {"eps": eps, "n_axes": n}, 16, 64)


def exponential_units():
    x = np.concatenate([draw(9, lo=-4, hi=4), [0.0, -200.0, 200.0]])
    below = np.minimum(x, 0)
    for alpha in [1.0, 0.5]:
        case("elu", [("f", x)],
             [("f", np.where(x > 0, x, alpha * np.expm1(below)))],
             {"alpha": alpha}, 4, 2)
        case("celu", [("f", x)],
             [("f", np.where(x > 0, x, alpha * np.expm1(below / alpha)))],
             {"alpha": alpha}, 4, 2)
    alpha, scale = 1.6732632423543772848, 1.0507009873554804934
    case("selu", [("f", x)],
         [("f", scale * np.where(x > 0, x, alpha * np.expm1(below)))],
         rel=4, abs_=4)


def smooth_units():
    x = np.concatenate([draw(9, lo=-6, hi=6), [0.0, -80.0, 80.0, 300.0]])
    plus = np.array([math.log1p(math.exp(-abs(v))) + max(v, 0) for v in x])
    case("silu", [("f", x)], [("f", x / (1 + np.exp(-x)))], rel=16, abs_=4)
    case("mish", [("f", x)], [("f", x * np.tanh(plus))], rel=16, abs_=4)
    case("softsign", [("f", x)], [("f", x / (1 + np.abs(x)))], rel=4)
    for beta, threshold in [(1.0, 20.0), (0.5, 20.0), (2.0, 3.0)]:
        z = beta * x
        y = np.array([math.log1p(math.exp(-abs(v))) + max(v, 0) for v in z])
        y = np.where(z > threshold, x, y / beta)
        case("softplus", [("f", x)], [("f", y)],
             {"beta": beta, "threshold": threshold}, 16, 4)


def hard_units():
    x = np.concatenate([draw(9, lo=-5, hi=5), [0.0, -3.0, 3.0, -1.0, 1e30,
                                               -1e30]])
    gate = np.minimum(np.maximum(x + 3, 0), 6) / 6
    case("hard_sigmoid", [("f", x)], [("f", gate)], rel=4, abs_=1)
    case("hard_swish", [("f", x)], [("f", x * gate)], rel=4, abs_=4)
    for low, high in [(-1.0, 1.0), (-2.0, 0.5)]:
        case("hard_tanh", [("f", x)], [("f", np.clip(x, low, high))],
             {"low": low, "high": high})


# ---- all -----------------------------------------------------------------------------

def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        ROOT, "tests", "data", "op")
    with np.errstate(all="ignore"):
        for part in [elementwise_one, casts, elementwise_more, reductions,
                     shapes, products, convolutions, pools, random_numbers,
                     probabilities, activations, norms, exponential_units,
                     smooth_units, hard_units]:
            part()
    with open(os.path.join(ROOT, "src", "ir", "ops.def")) as f:
        ops = re.findall(r"BP__OP\((\w+)\)", f.read())
    missing = [op for op in ops if op not in CASES and op not in LEAVES]
    unknown = [op for op in CASES if op not in ops]
    if missing or unknown:
        sys.exit(f"no cases for {missing}; no ops for {unknown}")
    os.makedirs(out, exist_ok=True)
    for op, cases in CASES.items():
        with open(os.path.join(out, op + ".txt"), "w") as f:
            f.write("# Made by tools/golden.py with numpy. Do not edit.\n")
            f.write("\n".join(cases) + "\n")


if __name__ == "__main__":
    main()
