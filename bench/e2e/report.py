# SPDX-License-Identifier: Apache-2.0
"""A table and a plot of what compare.py has measured: report.py FILE.json [FILE.svg]"""
import json
import pathlib
import statistics
import sys

BASE = "no NAT"
COLOURS = ("#2a6fbb", "#4aa564", "#c9a227", "#b3541e", "#7d7d7d")


def ratios(samples, name, invert=False):
    """The rounds' ratios to no NAT: median and half the interquartile range."""
    pairs = zip(samples[name], samples[BASE])
    values = [b["rate"] / a["rate"] if invert else a["rate"] / b["rate"] for a, b in pairs]
    if len(values) < 2:
        return values[0], 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return statistics.median(values), (high - low) / 2


def rows(result):
    """Name, no NAT's median with its unit, (median, half range) by contender."""
    for test in result["tests"]:
        samples = test["samples"]
        base = statistics.median(sample["rate"] for sample in samples[BASE])
        others = [name for name in samples if name != BASE]
        shown = f"{base:.2f} {test['unit']}" if base < 1000 else f"{base:,.0f} {test['unit']}".replace(" /s", "/s")
        yield test["name"], shown, {name: ratios(samples, name) for name in others}
        if test["unit"] == "Gbit/s":
            cost = f"{8 / base:.2f} s/GB"
            yield "CPU of that, less is better", cost, {name: ratios(samples, name, True) for name in others}


def table(result):
    names = [name for name in result["tests"][0]["samples"] if name != BASE]
    lines = ["| | " + " | ".join([BASE, *names]) + " |", "| --- |" + " ---: |" * (len(names) + 1)]
    for title, base, values in rows(result):
        cells = [f"{values[name][0]:.2f} ± {values[name][1]:.2f}" for name in names]
        lines.append("| " + " | ".join([title, base, *cells]) + " |")
    return "\n".join(lines)


def plot(result):
    """Bars: each contender's ratio to no NAT, of what is better when it is more. Whiskers: half an interquartile range."""
    groups = [row for row in rows(result) if not row[0].startswith("CPU")]
    names = list(groups[0][2])
    left, top, bar, gap, wide = 250, 60, 13, 16, 460
    height = top + len(groups) * (len(names) * bar + gap) + 30
    most = max(1.2, max(value + spread for _, _, values in groups for value, spread in values.values()))

    def x(value):
        return left + wide * value / most

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + wide + 70}" height="{height}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="18">as a multiple of the same without NAT; more is better</text>']
    for number, name in enumerate(names):
        at = left - 240 + number * 150
        out.append(f'<rect x="{at}" y="30" width="10" height="10" fill="{COLOURS[number]}"/>'
                   f'<text x="{at + 14}" y="39">{name}</text>')
    y = top
    for title, _, values in groups:
        out.append(f'<text x="{left - 8}" y="{y + len(names) * bar / 2 + 4:.0f}" text-anchor="end">{title}</text>')
        for number, name in enumerate(names):
            value, spread = values[name]
            middle = y + bar / 2 - 1
            out.append(f'<rect x="{left}" y="{y}" width="{x(value) - left:.1f}" height="{bar - 2}" '
                       f'fill="{COLOURS[number]}"/>'
                       f'<path d="M{x(value - spread):.1f} {middle}H{x(value + spread):.1f}" stroke="black"/>'
                       f'<text x="{x(value + spread) + 5:.1f}" y="{y + bar - 3}" font-size="10">{value:.2f}</text>')
            y += bar
        y += gap
    out.append(f'<path d="M{x(1):.1f} {top - 6}V{y - gap + 4}" stroke="black" stroke-dasharray="3 3"/></svg>')
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    measured = json.loads(pathlib.Path(sys.argv[1]).read_text())
    print(table(measured))
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(plot(measured))
