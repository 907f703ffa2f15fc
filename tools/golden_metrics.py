#!/usr/bin/env python3
"""Writes tests/data/nn/metrics.txt: metrics by their definitions, in f64.

    tools/golden_metrics.py > tests/data/nn/metrics.txt

Plain Python, from definitions rather than from the engine's formulas: the AUC
counts pairs, the counts go over sets of samples. Data comes from the formula
that tests/unit/nn/golden.h knows too. Sums are math.fsum's.
"""
import math

N, K, D = 61, 4, 3


def number(i, k):
    return ((i * 37 + k * 101 + i * i * 11 + 13) % 509 - 254) / 512


LOGITS = [[2 * number(i * K + j, 1) for j in range(K)] for i in range(N)]
SAID = [row.index(max(row)) for row in LOGITS]
# Often right; class 3 is said, and never true.
LABEL = [said if i % 3 and said < 3 else (i * i + i // 7) % 3
         for i, said in enumerate(SAID)]
ONE = [4 * number(i, 2) for i in range(N)]
YES = [1 if number(i, 2) + number(i, 3) > 0.1 else 0 for i in range(N)]
Y = [[3 * number(i * D + j, 4) + 100 for j in range(D)] for i in range(N)]
T = [[Y[i][j] + number(i * D + j, 5) for j in range(D)]
     for i in range(N)]


def softmax(row):
    m = max(row)
    e = [math.exp(x - m) for x in row]
    s = math.fsum(e)
    return [x / s for x in e]


def auc(score, yes):
    pos = [s for s, y in zip(score, yes) if y]
    neg = [s for s, y in zip(score, yes) if not y]
    if not pos or not neg:
        return None
    wins = sum((p > q) + 0.5 * (p == q) for p in pos for q in neg)
    return wins / (len(pos) * len(neg))


def mean(values):
    return math.fsum(values) / len(values)


def one_class(said, is_, c):
    said_c = {i for i in range(N) if said[i] == c}
    is_c = {i for i in range(N) if is_[i] == c}
    hits = len(said_c & is_c)
    p = hits / len(said_c) if said_c else 0
    r = hits / len(is_c) if is_c else 0
    return p, r, 2 * p * r / (p + r) if p + r else 0, len(is_c)


def calibration(sure, right, bins):
    total = 0
    for b in range(bins):
        inside = [i for i in range(N)
                  if b / bins < sure[i] <= (b + 1) / bins]
        if inside:
            total += len(inside) / N * abs(mean([right[i] for i in inside])
                                           - mean([sure[i] for i in inside]))
    return total


def write(name, x):
    print(name, 1, repr(float(x)))


def classes(tag, said, is_):
    seen = sorted(set(said) | set(is_))
    rows = {c: one_class(said, is_, c) for c in seen}
    for m, what in enumerate(("precision", "recall", "f1")):
        write(f"{tag}.{what}", mean([rows[c][m] for c in seen]))
        write(f"{tag}.{what}_1", rows[1][m])
        write(f"{tag}.{what}_weighted",
              math.fsum(rows[c][m] * rows[c][3] for c in seen) / N)
        # One label a sample: all micro averages are the accuracy.
        write(f"{tag}.{what}_micro", mean([a == b for a, b in zip(said, is_)]))


def main():
    print("# Metrics by their definitions, f64; printed by "
          "tools/golden_metrics.py")
    prob = [softmax(row) for row in LOGITS]
    said = SAID
    right = [a == b for a, b in zip(said, LABEL)]
    classes("many", said, LABEL)
    write("many.accuracy", mean(right))
    for k in (1, 3):
        write(f"many.top_{k}", mean([
            sorted(range(K), key=lambda j: -row[j])[:k].count(t)
            for row, t in zip(LOGITS, LABEL)]))
    areas = [auc([p[c] for p in prob], [t == c for t in LABEL])
             for c in range(K)]
    kept = [(a, LABEL.count(c)) for c, a in enumerate(areas) if a is not None]
    write("many.auc", mean([a for a, _ in kept]))
    write("many.auc_weighted", math.fsum(a * n for a, n in kept) / N)
    write("many.auc_2", areas[2])
    sure = [max(p) for p in prob]
    for bins in (15, 4):
        write(f"many.calibration_error_{bins}", calibration(sure, right, bins))
    p1 = [1 / (1 + math.exp(-x)) for x in ONE]
    one_said = [int(x > 0) for x in ONE]
    one_right = [a == b for a, b in zip(one_said, YES)]
    classes("one", one_said, YES)
    write("one.accuracy", mean(one_right))
    write("one.precision_1_0.25",
          one_class([int(x > 0.25) for x in ONE], YES, 1)[0])
    write("one.auc", auc(p1, YES))
    write("one.auc_0", auc([-p for p in p1], [1 - y for y in YES]))
    write("one.calibration_error_15",
          calibration([max(p, 1 - p) for p in p1], one_right, 15))
    errors = [[a - b for a, b in zip(y, t)] for y, t in zip(Y, T)]
    flat = [e for row in errors for e in row]
    write("real.mean_squared_error", mean([e * e for e in flat]))
    write("real.mean_absolute_error", mean([abs(e) for e in flat]))
    write("real.root_mean_squared_error",
          math.sqrt(mean([e * e for e in flat])))
    scores = []
    for j in range(D):
        m = mean([t[j] for t in T])
        scores.append(1 - math.fsum(e[j] ** 2 for e in errors)
                      / math.fsum((t[j] - m) ** 2 for t in T))
    write("real.r2", mean(scores))


main()
