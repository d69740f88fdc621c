"""Print the software bill of materials (CycloneDX 1.6, JSON): the packages of requirements.lock, and the scripts of the
browser that are files of this repository (vendored_assets.json).

The same two files give the same bytes: no time, no random number. A package that only development needs has the scope
`excluded`. Standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROJECT = "consentory"

_PACKAGE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_PARENT = re.compile(r"^    # (?:via |  )([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass
class Package:
    """A locked package: the SHA-256 of every file that may be installed, and its dependents (PROJECT: Consentory)."""

    name: str
    version: str
    hashes: list[str] = field(default_factory=list)
    parents: set[str] = field(default_factory=set)

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def normalize(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> dict[str, Package]:
    """The packages of a lock file by name, in its order."""
    packages: dict[str, Package] = {}
    current: Package | None = None
    for line in text.splitlines():
        if match := _PACKAGE.match(line):
            current = packages[normalize(match[1])] = Package(normalize(match[1]), match[2])
        if current is not None:
            current.hashes += _HASH.findall(line)
            if parent := _PARENT.match(line):
                current.parents.add(normalize(parent[1]))
    return packages


def find_required(packages: dict[str, Package], direct: set[str]) -> set[str]:
    """The packages that a running Consentory needs: its direct dependencies and all that they need."""
    required, left = set[str](), list(direct & packages.keys())
    while left:
        name = left.pop()
        if name not in required:
            required.add(name)
            left += [child for child, package in packages.items() if name in package.parents]
    return required


def describe(package: Package, required: bool) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "scope": "required" if required else "excluded",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.hashes],
    }


def describe_asset(asset: dict[str, Any]) -> dict[str, Any]:
    """A library whose files are in this repository, each with its SHA-256."""
    purl = f"pkg:npm/{asset['name']}@{asset['version']}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": asset["name"],
        "version": asset["version"],
        "purl": purl,
        "scope": asset["scope"],
        "licenses": [{"license": {"id": asset["licence"]}}],
        "components": [
            {"type": "file", "name": path, "hashes": [{"alg": "SHA-256", "content": digest}]}
            for path, digest in asset["files"].items()
        ],
    }


def make_sbom(lock: str, assets: str, project: dict[str, Any], version: str) -> dict[str, Any]:
    """The whole document; `project` is pyproject.toml's table of that name."""
    packages = read_lock(lock)
    direct = {normalize(re.split(r"[\s\[=<>!~;]", entry, maxsplit=1)[0]) for entry in project["dependencies"]}
    required = find_required(packages, direct)
    ours = f"pkg:pypi/{PROJECT}@{version}"
    vendored = [describe_asset(asset) for asset in json.loads(assets)]
    needs = {package.purl: [] for package in packages.values()} | {ours: [asset["purl"] for asset in vendored]}
    needs |= {asset["purl"]: [] for asset in vendored}
    digest = hashlib.sha256((lock + assets).encode()).digest()
    for package in packages.values():
        for parent in sorted(package.parents):
            needs[ours if parent == PROJECT else packages[parent].purl].append(package.purl)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": PROJECT,
                "version": version,
                "purl": ours,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": [describe(package, name in required) for name, package in packages.items()] + vendored,
        "dependencies": [{"ref": ref, "dependsOn": children} for ref, children in sorted(needs.items())],
    }


def read_version() -> str:
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "src" / PROJECT / "__init__.py").read_text("utf-8"))
    return found[1] if found else "0"


if __name__ == "__main__":
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    texts = ((ROOT / path).read_text("utf-8") for path in ("requirements.lock", "scripts/vendored_assets.json"))
    sbom = make_sbom(*texts, table, read_version())
    json.dump(sbom, sys.stdout, indent=2)
    sys.stdout.write("\n")
