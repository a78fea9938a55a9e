"""The one look of charts and graphs; the charts themselves lie beside their screens."""

GREY = "#7f8f89"
"""For lines: seen on a light and on a dark background."""
GRAPH = (
    f'rankdir=LR; bgcolor="transparent"; edge [color="{GREY}"]; '
    f'node [shape=box, style="rounded,filled", fillcolor="#eeeeee", color="{GREY}", '
    'fontname="sans-serif"];'
)
"""How a graph in DOT begins: left to right, seen on both backgrounds."""
