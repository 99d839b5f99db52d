"""The health of the images as a page of its own: HTML that needs no other file and no script."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from model_zoo.health.findings import Finding, Health

#: Classes and months that a table has at the most; the rest is in health.json.
MOST_ROWS = 100
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.5rem 0 .3rem; }
.quiet { opacity: .75; font-size: .9rem; margin: .2rem 0 1rem; }
.warn, .stop { border-left: .3rem solid #d9730d; padding-left: .7rem; }
.stop { border-color: #c92a2a; }
.images { display: flex; flex-wrap: wrap; gap: .8rem; }
figure { margin: 0; width: 8.5rem; font-size: .78rem; line-height: 1.35; overflow-wrap: anywhere; }
.leaks figure, .duplicates figure { width: 14rem; } /* with their twins beside them */
img { width: 100%; image-rendering: pixelated; border-radius: .3rem; background: #8882; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .15rem .8rem .15rem 0; text-align: right; }
th:first-child { text-align: left; }
"""


def page_of(health: Health) -> str:
    """The whole page, as HTML."""
    parts = [
        f"<p class='quiet'>Snapshot {escape(health.snapshot)}. Every image of every finding is in "
        "<code>findings.csv</code> beside this page.</p>",
        *(f"<p>{escape(note)}</p>" for note in health.notes),
        *(_section(one) for one in health.findings if one.found),
        _nothing_of(health),
        "<h2>Images by class and part</h2>",
        _table(health.classes, "class"),
    ]
    if len(health.months) > 1:
        parts += ["<h2>Images by class and month of arrival</h2>", _table(health.months, "month")]
    body = "\n".join(filter(None, parts))
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Health of the images</title><style>{STYLE}</style></head>"
        f"<body><h1>Health of the images</h1>\n{body}\n</body></html>\n"
    )


def _section(finding: Finding) -> str:
    shown, found = len(finding.pictures), finding.found
    cut = f" The first {shown:,} of {found:,}." if shown < found else ""
    figures = "".join(
        f"<figure><img alt='' src='{picture}'><figcaption><strong>{escape(one.label)}</strong><br>"
        f"{escape(one.note)}<br>{escape(one.origin or f'{one.part} image {one.row:,}')}"
        "</figcaption></figure>"
        for one, picture in zip(finding.suspects, finding.pictures, strict=False)
    )
    return (
        f"<h2>{escape(finding.title)}: {found:,}</h2><p class='{finding.outcome}'>"
        f"{escape(finding.sentence)}.</p><p class='quiet'>{escape(finding.explained)}{cut}</p>"
        f"<div class='images {finding.kind}'>{figures}</div>"
    )


def _nothing_of(health: Health) -> str:
    none = [one.title.lower() for one in health.findings if not one.found]
    return f"<p class='quiet'>None found: {escape(', '.join(none))}.</p>" if none else ""


def _table(rows: Mapping[str, Mapping[str, int]], name: str) -> str:
    columns = list(dict.fromkeys(column for one in rows.values() for column in one))[:MOST_ROWS]
    head = "".join(f"<th scope='col'>{escape(one)}</th>" for one in (name, *columns))
    body = "".join(
        f"<tr><th scope='row'>{escape(row)}</th>"
        + "".join(f"<td>{one.get(column, 0):,}</td>" for column in columns)
        + "</tr>"
        for row, one in list(rows.items())[:MOST_ROWS]
    )
    return f"<div class='scroll'><table><tr>{head}</tr>{body}</table></div>"
