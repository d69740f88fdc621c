"""The mappings in this package, one for each tool whose exports are supported (`presets/`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from consentory.codec.tabular.mapping_document import TableMapping, read_mapping
from consentory.codec.tabular.table import TableDescription
from consentory.errors import ConsentoryError

_COLUMNS_TO_IDENTIFY = 4
_FOLDER = Path(__file__).with_name("presets")


class UnknownPreset(ConsentoryError):
    """There is no preset of that name. The text lists the existing presets."""


class UnknownParameter(ConsentoryError):
    """The preset has no parameter of that name. The text lists its parameters."""


def list_presets() -> dict[str, TableMapping]:
    """Every preset by its name, in alphabetical order."""
    return {path.stem: read_preset(path.stem) for path in sorted(_FOLDER.glob("*.yaml"))}


def read_preset(name: str) -> TableMapping:
    """Read one preset; raises UnknownPreset."""
    names = sorted(path.stem for path in _FOLDER.glob("*.yaml"))
    if name not in names:
        near = get_close_matches(name.lower(), names, n=1)
        advice = f"Did you mean {near[0]}?" if near else f"The presets are: {', '.join(names)}."
        raise UnknownPreset(f"There is no preset {name}. {advice}")
    return read_mapping((_FOLDER / f"{name}.yaml").read_bytes(), f"preset {name}")


def write_defaults(preset: TableMapping, settings: Mapping[str, str]) -> str:
    """The text of a preset with the given values as the defaults of its parameters. Raises UnknownParameter."""
    text = preset.text.decode()
    for name, value in settings.items():
        if name not in preset.document.parameters:
            known = ", ".join(preset.document.parameters) or "none"
            raise UnknownParameter(f"{name} is not a parameter of this preset. Its parameters are: {known}.")
        # In the presets, a parameter is one line: `  name: {about: …, default: …, optional: true}`.
        line = re.compile(rf'^(  "?{name}"?: \{{.*?)(?:, default: [^,}}]*)?(?:, optional: true)?\}}$', re.MULTILINE)
        before, start, after = line.split(text, maxsplit=1)
        text = f"{before}{start}, default: {json.dumps(value, ensure_ascii=False)}}}{after}"
    return text


def identify_preset(table: TableDescription) -> str | None:
    """The preset whose columns the table has: all required columns, and most of the other known columns."""
    names = {column.name for column in table.columns}
    scores = {
        title: len(names & preset.document.columns.keys())
        for title, preset in list_presets().items()
        if names >= {name for name in preset.document.required_columns if "${" not in name}
    }
    best = max(scores, key=lambda title: scores[title], default=None)
    return best if best is not None and scores[best] >= _COLUMNS_TO_IDENTIFY else None
