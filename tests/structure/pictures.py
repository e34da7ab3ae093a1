# SPDX-License-Identifier: Apache-2.0
"""The pictures of docs/ are those of their texts: each docs/pictures/NAME.dot has a NAME.svg that scripts/update-pictures made.

The SVG carries a digest of its text and of the style, so that the check needs no Graphviz."""
import hashlib
import re

FOLDER = "docs/pictures"
# Light background and dark text, for a page in light or dark mode.
STYLE = {
    "G": {"bgcolor": "white", "fontname": "Helvetica,Arial,sans-serif", "fontsize": "11", "fontcolor": "#333333", "color": "#9aa5b1",
          "labeljust": "l", "pad": "0.15"},
    "N": {"shape": "box", "style": "rounded,filled", "fillcolor": "#eef3fa", "color": "#4a6a94", "fontcolor": "#111111",
          "fontname": "Helvetica,Arial,sans-serif", "fontsize": "11", "margin": "0.12,0.06", "height": "0.3"},
    "E": {"color": "#555555", "fontcolor": "#333333", "fontname": "Helvetica,Arial,sans-serif", "fontsize": "9.5", "arrowsize": "0.7"},
}
MOST_WIDTH = 700  # points, 933 pixels: a page of GitHub scales a wider picture down
DIGEST = re.compile(r"<!-- made by scripts/update-pictures from \S+ sha256 ([0-9a-f]{64}) -->")
WIDTH = re.compile(r'<svg width="(\d+)pt"')


def digest_of(text):
    return hashlib.sha256((repr(STYLE) + text).encode()).hexdigest()


def digest_line(name, text):
    return f"<!-- made by scripts/update-pictures from {name} sha256 {digest_of(text)} -->"


def pictures_are_of_their_texts(root):
    folder = root / FOLDER
    for text in sorted(folder.glob("*.dot")):
        picture = text.with_suffix(".svg")
        if not picture.exists():
            yield f"{FOLDER}/{picture.name} is missing: run scripts/update-pictures"
            continue
        svg = picture.read_text()
        digest, width = DIGEST.search(svg), WIDTH.search(svg)
        if not digest or digest[1] != digest_of(text.read_text()):
            yield f"{FOLDER}/{picture.name} is older than {text.name}: run scripts/update-pictures"
        elif not width or int(width[1]) > MOST_WIDTH:
            yield f"{FOLDER}/{picture.name}: wider than {MOST_WIDTH} points"
    for picture in sorted(folder.glob("*.svg")):
        if not picture.with_suffix(".dot").exists():
            yield f"{FOLDER}/{picture.name} has no text {picture.stem}.dot"


RULES = [pictures_are_of_their_texts]
