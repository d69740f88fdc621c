"""Draw docs/pictures/house.svg: the layers and rooms of the code, and the imports between them.

`.venv/bin/python scripts/draw_house.py` writes the picture. With `--check` it only compares: exit code 1 means that the
picture differs from the code. The order of the layers is that of import-linter in pyproject.toml, and grimp,
which import-linter itself uses, reads the imports.
"""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "pictures" / "house.svg"
PACKAGE = "consentory"

PURPOSES = {
    "cli": "the commands",
    "demo": "generated people for make demo",
    "bootstrap": "puts settings, services and processes together",
    "terminal": "what a command prints and asks",
    "console": "the pages for the browser",
    "api": "the routes: decode, call a service, render",
    "worker": "executes imports, runs maintenance",
    "http": "what every HTTP call passes",
    "services": "imports, execution, people, accounts, access",
    "client": "the Python client over HTTP",
    "store": "SQL, migrations, PostgreSQL",
    "codec": "from bytes to types and back",
    "domain": "frozen types, the rules; no I/O",
    "config": "the one table of settings",
    "errors": "the one tree of errors",
}
"""One line for each layer; a layer without one is drawn with its name alone."""

WIDTH, LEFT, RIGHT = 1080, 24, 900
"""Of the picture, and the sides of the bands. Arrows have the room from RIGHT to WIDTH."""
TOP, GAP = 64, 14
HEAD, ROOM, ROOM_GAP = 44, 42, 8
"""Heights: the head of a band, a room, and the space between rooms."""
ROOMS_A_ROW = 4

STYLE = """
    svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --band: #f6f8fa; --line: #8c959f; --room: #ddf4ff;
          --room-line: #0969da; --way: #8250df; }
    @media (prefers-color-scheme: dark) {
      svg { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --band: #161b22; --line: #656c76; --room: #0c2d6b;
            --room-line: #4493f8; --way: #ab7df8; }
    }
    text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--ink); }
    .title { font-size: 18px; font-weight: 650; }
    .name { font-size: 16px; font-weight: 650; }
    .note { font-size: 12.5px; fill: var(--soft); }
    .ground { fill: var(--ground); }
    .band { fill: var(--band); stroke: var(--line); }
    .room { fill: var(--room); stroke: var(--room-line); }
    .way { stroke: var(--way); fill: none; marker-end: url(#tip); stroke-width: 1.3; }
    #tip path { fill: var(--way); }
"""


@dataclass
class Layer:
    """A package or a module directly in `consentory`."""

    name: str
    knows: set[str] = field(default_factory=set)
    """The layers that it imports."""
    rooms: set[str] = field(default_factory=set)
    """Its sub-packages that hold modules."""
    ways: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The rooms that a room imports, within this layer."""
    y: int = 0
    height: int = 0


def read_rows() -> list[list[str]]:
    """The layers from top to bottom; layers of one row do not import each other."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers" and one["containers"] == [PACKAGE])
    return [[name.strip() for name in row.split("|")] for row in layers]


def read_layers() -> list[Layer]:
    """Every layer with its rooms and the imports, from the imports of all modules."""
    layers = {name: Layer(name) for row in read_rows() for name in row}
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    for module in sorted(graph.modules):
        layer, room = place(module)
        if layer not in layers:
            continue
        here = layers[layer]
        if room and not graph.find_children(module):
            here.rooms.add(room)
        for imported in graph.find_modules_directly_imported_by(module):
            other, other_room = place(imported)
            if other != layer and other in layers:
                here.knows.add(other)
            elif room and other_room and room != other_room:
                here.ways[room].add(other_room)
    return list(layers.values())


def place(module: str) -> tuple[str, str]:
    """The layer and the room of a module; a module directly in its layer has no room."""
    parts = module.split(".")
    is_room = len(parts) > 3 or (ROOT / "src" / Path(*parts[:3]) / "__init__.py").exists()
    return parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 and is_room else ""


def arrange(layers: list[Layer]) -> int:
    """Give each layer its place. The result is the height of the picture."""
    y = TOP
    for layer in layers:
        lines = -(-len(layer.rooms) // ROOMS_A_ROW)
        layer.y, layer.height = y, HEAD + lines * (ROOM + ROOM_GAP)
        y += layer.height + GAP
    return y + 10


def draw(layers: list[Layer]) -> str:
    """The picture."""
    height = arrange(layers)
    told = "; ".join(f"{one.name} imports {', '.join(sorted(one.knows)) or 'nothing of ours'}" for one in layers)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-labelledby="title text">',
        '  <title id="title">The house: layers, rooms, and the imports between them</title>',
        f'  <desc id="text">{escape(told)}.</desc>',
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 10 5 0 10z"/></marker></defs>',
        f'  <rect class="ground" width="{WIDTH}" height="{height}" rx="12"/>',
        f'  <text class="title" x="{LEFT}" y="34">An import goes down, never up</text>',
        f'  <text class="note" x="{LEFT}" y="52">Each band is a layer, each blue box a room. '
        "Its second line names the layers that it imports; the arrows lead to the nearest of them.</text>",
    ]
    for layer in layers:
        lines += draw_layer(layer)
    return "\n".join([*lines, *draw_ways(layers), "</svg>", ""])


def draw_layer(layer: Layer) -> list[str]:
    """A band: name, purpose, the imported layers, and the rooms."""
    known = "imports " + (", ".join(sorted(layer.knows)) or "no other layer")
    name, purpose = f'<tspan class="name">{layer.name}</tspan>', escape(PURPOSES.get(layer.name, ""))
    lines = [
        f'  <rect class="band" x="{LEFT}" y="{layer.y}" width="{RIGHT - LEFT}" height="{layer.height}" rx="8"/>',
        f'  <text x="{LEFT + 14}" y="{layer.y + 20}">{name}<tspan dx="10">{purpose}</tspan></text>',
        f'  <text class="note" x="{LEFT + 14}" y="{layer.y + 37}">{escape(known)}</text>',
    ]
    width = (RIGHT - LEFT - 28 - (ROOMS_A_ROW - 1) * ROOM_GAP) // ROOMS_A_ROW
    for number, room in enumerate(sorted(layer.rooms)):
        x = LEFT + 14 + number % ROOMS_A_ROW * (width + ROOM_GAP)
        y = layer.y + HEAD + number // ROOMS_A_ROW * (ROOM + ROOM_GAP)
        ways = ", ".join(sorted(layer.ways[room]))
        lines += [
            f'  <rect class="room" x="{x}" y="{y}" width="{width}" height="{ROOM}" rx="6"/>',
            f'  <text x="{x + 10}" y="{y + 18}">{room}</text>',
            f'  <text class="note" x="{x + 10}" y="{y + 34}">{"imports " + ways if ways else ""}</text>',
        ]
    return lines


def draw_ways(layers: list[Layer]) -> list[str]:
    """Arrows to the imported layers. No arrow leads to a layer that another imported layer imports as well."""
    by_name = {layer.name: number for number, layer in enumerate(layers)}
    lines = []
    for number, layer in enumerate(layers):
        further = {name for known in layer.knows for name in layers[by_name[known]].knows}
        for name in sorted(layer.knows - further):
            other = layers[by_name[name]]
            start, end = layer.y + layer.height * 2 // 3, other.y + other.height // 3
            reach = RIGHT + 20 + 18 * (by_name[name] - number)
            way = f"M{RIGHT} {start}C{reach} {start} {reach} {end} {RIGHT + 2} {end}"
            lines.append(f'  <path class="way" d="{way}"><title>{layer.name} imports {name}</title></path>')
    return lines


def check_order(layers: list[Layer]) -> None:
    """Refuse to draw an import that leads up: import-linter would refuse it too."""
    names = [layer.name for layer in layers]
    for layer in layers:
        for name in layer.knows:
            if names.index(name) < names.index(layer.name):
                raise SystemExit(f"{layer.name} imports {name}, which is above it")


def main(words: list[str]) -> int:
    """Write the picture, or compare it."""
    layers = read_layers()
    check_order(layers)
    drawn = draw(layers)
    if words == ["--check"]:
        if PICTURE.exists() and PICTURE.read_text("utf-8") == drawn:
            return 0
        print("Picture: the imports between layers or rooms changed. Run .venv/bin/python scripts/draw_house.py")
        return 1
    PICTURE.write_text(drawn, "utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    sys.exit(main(sys.argv[1:]))
