# SPDX-License-Identifier: MIT
"""Figures drawn once for several vector files. Most of a file's time goes into laying out text and ticks, and that is
the same for all of them."""

from __future__ import annotations

import re
from copy import copy
from functools import partial
from typing import Callable

import matplotlib
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from .style import svg_text

_BOTH = re.compile(r" *<!-- path -->\n(.*?) *<!-- none -->\n(.*?) *<!-- end -->\n", re.S)
DPI = 72  # of SVG and PDF, whatever the figure says


def _recorded(name: str) -> Callable[..., None]:
    def method(self: _Recorder, gc: object, *args: object, **named: object) -> None:
        self.calls.append((name, copy(gc), args, named))  # a copy, as artists go on changing theirs
    return method


class _Recorder(RendererBase):
    """Keeps what a figure draws, upwards from the lower edge, instead of drawing it. Collections and meshes arrive as
    paths: the base class takes them apart."""

    def __init__(self, width: float, height: float):
        super().__init__()
        self.size = width, height
        self.calls: list[tuple[str, object, tuple, dict]] = []

    draw_path = _recorded("draw_path")
    draw_markers = _recorded("draw_markers")
    draw_text = _recorded("draw_text")

    def open_group(self, s: str, gid: str | None = None) -> None:
        self.calls.append(("open_group", None, (s, gid), {}))

    def close_group(self, s: str) -> None:
        self.calls.append(("close_group", None, (s,), {}))

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: bool) -> tuple[float, float, float]:
        return text_to_path.get_text_width_height_descent(s, prop, ismath)  # SVG's; PDF's differ by hundredths

    def flipy(self) -> bool:
        return False

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.size


def _draw_both_texts(renderer: RendererBase, call: Callable[[], None]) -> None:
    """Into an SVG in both of its forms, for _BOTH to find."""
    for form in ("path", "none"):
        renderer.writer.comment(form)
        matplotlib.rcParams["svg.fonttype"] = form
        call()
    renderer.writer.comment("end")


class Recording(Figure):
    """Looks like the figure in SVG and PDF, as often as it is saved. The figure must stay as it is meanwhile."""

    def __init__(self, figure: Figure):
        width, height = figure.get_size_inches()
        super().__init__(figsize=(width, height))
        figure.set_dpi(DPI)
        self._recorder = _Recorder(DPI * width, DPI * height)
        self._both_texts = False
        figure.draw(self._recorder)

    def draw(self, renderer: RendererBase) -> None:
        height = self._recorder.size[1]
        for name, recorded, args, named in self._recorder.calls:
            if recorded is None:
                getattr(renderer, name)(*args)
                continue
            if name == "draw_text" and renderer.flipy():
                x, y, *rest = args
                args = (x, height - y, *rest)
            gc = renderer.new_gc()
            gc.copy_properties(recorded)
            call = partial(getattr(renderer, name), gc, *args, **named)
            if name == "draw_text" and self._both_texts:
                _draw_both_texts(renderer, call)
            else:
                call()
            gc.restore()

    def svg_texts(self) -> tuple[str, str]:
        """The figure as SVG, its text once as outlines and once as text: all else is written once."""
        self._both_texts = True
        with matplotlib.rc_context():
            both = svg_text(self)
        self._both_texts = False
        return re.sub(_BOTH, r"\1", both), re.sub(_BOTH, r"\2", both)
