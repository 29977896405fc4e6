# SPDX-License-Identifier: MIT
"""HTML by hand: escaping, tables, the page's frame with its style and its one small script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Callable

import pandas as pd

from .inline import share_styles

CSS = """
:root { color-scheme: light dark; --back: #ffffff; --ink: #1b1c1d; --muted: #5e6062; --grid: #dcddde;
  --grey: #8c8d8f; --stripe: #f5f6f7; --bad: #a4262c; --warn: #8a5a00; --link: #0060a0;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #e69f00; --c5: #56b4e9; }
@media screen and (prefers-color-scheme: dark) { :root { --back: #15171a; --ink: #e6e7e8; --muted: #a3a6a9;
  --grid: #34373b; --grey: #8c8d8f; --stripe: #1d2024; --bad: #ff8f8f; --warn: #f0bf57; --link: #7fc4f5;
  --c0: #4aa8e0; --c1: #f0803c; --c2: #2fc79a; --c3: #dd93bb; --c4: #f0b429; --c5: #86cdf5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 96rem; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; } a { color: var(--link); }
p, ul { margin: .5rem 0; max-width: 60rem; } .muted, figcaption, .count { color: var(--muted); }
ul.warnings { list-style: none; padding: 0; } ul.warnings li { border-left: 4px solid var(--grid);
  padding: .1rem .7rem; margin: .4rem 0; } li.bad { border-color: var(--bad) !important; }
li.warn { border-color: var(--warn) !important; } li.bad b { color: var(--bad); } li.warn b { color: var(--warn); }
.table { overflow-x: auto; max-width: 100%; margin: .5rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
p.note { color: var(--muted); font-size: .85rem; margin-top: 0; }
th, td { padding: .18rem .5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
th { vertical-align: bottom; font-weight: 600; white-space: normal; } td.text, th.text { text-align: left; }
tr { background: var(--back); } tbody tr:nth-child(even) { background: var(--stripe); }
td.wrap { white-space: normal; overflow-wrap: anywhere; min-width: 14rem; }
th[tabindex] { cursor: pointer; } th[tabindex]::after { content: "\\00a0\\2195"; color: var(--muted); }
th[aria-sort=ascending]::after { content: "\\00a0\\2191"; } th[aria-sort=descending]::after {
  content: "\\00a0\\2193"; } th:focus-visible { outline: 2px solid var(--link); }
figure { margin: 1rem 0 2rem; max-width: 58rem; } figure svg { width: 100%; height: auto; display: block; }
figcaption { font-size: .85rem; margin-top: .4rem; } .narrow { display: none; }
input.filter { font: inherit; padding: .2rem .5rem; width: 100%; max-width: 24rem; color: inherit;
  background: var(--back); border: 1px solid var(--muted); border-radius: 3px; }
@media screen and (max-width: 640px) { body { padding: .7rem; font-size: 14px; } .wide { display: none; }
  .narrow { display: block; } table { font-size: .78rem; } th, td { padding: .15rem .3rem; }
  h1 { font-size: 1.3rem; } }
@media screen { #results-table th:first-child, #results-table td:first-child { position: sticky; left: 0;
  background: inherit; } }
@page { size: A4 portrait; margin: 11mm; }
@page wide { size: A4 landscape; margin: 11mm; }
@media print { body { max-width: none; padding: 0; font-size: 9.5pt; } .table { overflow: visible; }
  table { font-size: 6.6pt; } th, td { padding: 1pt 2.5pt; } td.wrap, td.rerun { white-space: normal;
  overflow-wrap: anywhere; min-width: 26mm; } td.rerun { min-width: 66mm; font-size: 5.5pt; }
  thead { display: table-header-group; }
  thead, tr, figure { break-inside: avoid; }
  figure { max-width: 18.5cm; }
  figure.tall { max-width: 16cm; } section.wide-page { page: wide; } h2, h3 { break-after: avoid; }
  input.filter, th[tabindex]::after { display: none; } }
"""

# Sorting by a click on a heading, and a filter over a table's rows. Without it the tables are plain.
SCRIPT = """
for (const table of document.querySelectorAll('table.sortable')) {
  const body = table.tBodies[0];
  const value = (row, i) => row.cells[i].dataset.v ?? row.cells[i].textContent;
  [...table.tHead.rows[0].cells].forEach((th, i) => {
    th.tabIndex = 0;  // no button inside: Chromium would not repeat such headings on the next printed page
    th.onkeydown = event => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      th.click();
    };
    th.onclick = () => {
      const up = th.getAttribute('aria-sort') !== 'ascending';
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      th.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const number = th.classList.contains('number');
      const rows = [...body.rows].map(row => [value(row, i), row]);
      rows.sort(([a], [b]) => (a === '') - (b === '') ||
        (up ? 1 : -1) * (number ? a - b : a.localeCompare(b, 'en', {numeric: true})));
      body.append(...rows.map(([, row]) => row));
    };
  });
  const input = document.createElement('input');
  Object.assign(input, {className: 'filter', type: 'search', placeholder: 'Show rows with these words'});
  input.setAttribute('aria-label', 'Show rows with these words');
  input.oninput = () => {
    const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
  };
  table.parentElement.before(input);
}
"""


@dataclass
class Column:
    """A column of an HTML table: heading, the frame's column, how a value is written."""

    title: str
    key: str
    write: Callable[[object], str] | None = None  # None: text
    css: str = ""
    hint: str = ""


def blank(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def fixed(digits: int, unit: float = 1.0) -> Callable[[object], str]:
    return lambda value: f"{float(value) * unit:.{digits}f}"


def general(digits: int = 4, unit: float = 1.0) -> Callable[[object], str]:
    return lambda value: f"{float(value) * unit:.{digits}g}"


def _cells(column: Column, values: list[object]) -> list[str]:
    if column.write is not None:
        return [_number_cell(column, value) for value in values]
    css = f"text {column.css}".strip()
    texts = ["" if blank(value) else str(value) for value in values]
    cells = {text: f'<td class="{css}">{escape(text)}</td>' for text in set(texts)}  # few, for many rows
    return [cells[text] for text in texts]


def _number_cell(column: Column, value: object) -> str:
    css = f' class="{column.css}"' if column.css else ""
    if blank(value):
        return f'<td{css} data-v=""></td>'
    exact = "Infinity" if math.isinf(float(value)) else f"{float(value):.12g}"  # as the script reads it
    return f'<td{css} data-v="{exact}">{escape(column.write(value))}</td>'


def _heading(column: Column) -> str:
    hint = f' title="{escape(column.hint)}"' if column.hint else ""
    kind = "text" if column.write is None else "number"
    return f'<th scope="col" class="{kind}"{hint}>{escape(column.title).replace("_", "_<wbr>")}</th>'


def table(frame: pd.DataFrame, columns: list[Column], name: str, sortable: bool = False, note: str = "",
          row_key: str = "") -> str:
    """`data-v` of a cell is its exact value, `data-case` of a row its key: what tests and the sorting read."""
    lists = [_cells(column, frame[column.key].tolist()) for column in columns]
    keys = frame[row_key].tolist() if row_key else None
    rows = []
    for i in range(len(frame)):
        key = f' data-case="{escape(str(keys[i]))}"' if keys else ""
        rows.append(f"<tr{key}>" + "".join([cells[i] for cells in lists]) + "</tr>")
    head = "".join(_heading(column) for column in columns)
    under = f'\n<p class="note">{escape(note)}</p>' if note else ""
    css = ' class="sortable"' if sortable else ""
    return (f'<div class="table"><table id="{name}-table"{css}><thead><tr>{head}</tr></thead><tbody>\n'
            + "\n".join(rows) + f"\n</tbody></table></div>{under}")


def page(title: str, body: list[str]) -> str:
    """A whole document that needs nothing from anywhere else."""
    text, charts = share_styles("\n".join(body))
    return "\n".join([
        '<!DOCTYPE html>', '<html lang="en">', '<head>', '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>", f"<style>{CSS}{charts}</style>", "</head>", "<body>",
        f"<h1>{escape(title)}</h1>",
        text, f"<script>{SCRIPT}</script>", "</body>", "</html>", ""])
