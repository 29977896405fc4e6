# SPDX-License-Identifier: MIT
"""Charts inside the page: small SVG in the page's colours, whose text is text, in a font that the page holds."""

from __future__ import annotations

import base64
import io
import re
from html import escape, unescape

from fontTools import subset
from matplotlib import font_manager

from .style import BACK, FONT, GREY, GRID, INK, MUTED, PALETTE

_COLOURS = {INK: "currentColor", MUTED: "var(--muted)", GRID: "var(--grid)", GREY: "var(--grey)",
            BACK: "var(--back)", **{c: f"var(--c{i})" for i, c in enumerate(PALETTE)}}
_BARE_GROUP = re.compile(r"<g>((?:<(?:path|use)\b[^>]*/>|<text\b[^>]*>[^<]*</text>)*)</g>|<g/>")
_EMBEDDED = "chart"  # the font's name in the page


def _tag(tag: str, names: dict[str, str]) -> str:
    """One tag: no id that nothing refers to, two decimals of a point, no line breaks, no rotation by nothing."""
    if tag.startswith("</"):
        return tag
    tag = re.sub(r"\s+", " ", tag)
    if ' id="' in tag:
        tag = re.sub(r' id="([^"]*)"', lambda m: f' id="{names[m.group(1)]}"' if m.group(1) in names else "", tag)
    if "#" in tag:
        tag = re.sub(r'(url\(|href=")#([^")]*)', lambda m: f"{m.group(1)}#{names[m.group(2)]}", tag)
    if "rotate(-0 " in tag:
        tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    tag = tag.replace(f"'{FONT}'", _EMBEDDED)
    return re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m.group(0)):.2f}".rstrip("0").rstrip("."), tag)


def inline_svg(svg: str, prefix: str, label: str) -> str:
    """A figure's SVG for pasting into HTML: ids of its own, the page's colours and font, a name for screen readers."""
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.S)
    used = sorted(set(re.findall(r'(?:url\(|href=")#([^")]*)', svg)))
    names = {name: f"{prefix}{i}" for i, name in enumerate(used)}
    svg = re.sub(r"<[^>]*>", lambda match: _tag(match.group(0), names), svg)
    svg = re.sub(r">\s+<", "><", svg)
    bare = 1
    while bare:
        svg, bare = _BARE_GROUP.subn(lambda match: match.group(1) or "", svg)
    for colour, variable in _COLOURS.items():
        svg = re.sub(colour, variable, svg, flags=re.I)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label, quote=True)}"', 1)


def _subset(weight: str, characters: str) -> bytes:
    options = subset.Options(flavor="woff", layout_features=["kern"], hinting=False)
    options.drop_tables += ["FFTM"]
    path = font_manager.findfont(font_manager.FontProperties(family=FONT, weight=weight))
    font = subset.load_font(path, options)
    font["head"].modified = font["head"].created  # the same bytes whenever it is made
    font.recalcTimestamp = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=characters)
    subsetter.subset(font)
    out = io.BytesIO()
    subset.save_font(font, out, options)
    return out.getvalue()


def _font_css(page: str) -> str:
    """@font-face rules with the characters that the text of the page's charts has."""
    rules = []
    texts = [(style, unescape(text)) for style, text in re.findall(r"<text ([^>]*)>([^<]*)</text>", page)]
    for weight, name in (("400", "normal"), ("700", "bold")):
        characters = "".join(sorted({c for style, text in texts if ("font: 700" in style) == (weight == "700")
                                     for c in text}))
        if characters:
            data = base64.b64encode(_subset(name, characters)).decode()
            rules.append(f"@font-face {{ font-family: {_EMBEDDED}; font-weight: {weight}; "
                         f"src: url(data:font/woff;base64,{data}); }}")
    return "\n".join(rules)


def share_styles(page: str) -> tuple[str, str]:
    """The page with classes for what its charts say in style attributes over and over; and the CSS: of these, and
    the fonts."""
    classes: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        return f'class="{classes.setdefault(match.group(1), f"s{len(classes)}")}"'

    fonts = _font_css(page)
    page = re.sub(r"<svg .*?</svg>", lambda svg: re.sub(r'\bstyle="([^"]*)"', name, svg.group(0)), page, flags=re.S)
    return page, "\n".join([fonts, *(f".{css} {{{rule}}}" for rule, css in classes.items())])
