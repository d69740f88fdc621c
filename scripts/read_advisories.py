"""Print the answer of pip-audit in words. The argument names the file with its JSON.

Exit code 0: every package was looked up, and no weakness is known. 1: a weakness is known. 3: a look-up failed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CLEAN, WEAK, UNKNOWN = 0, 1, 3


def tell(answer: str) -> tuple[int, str]:
    """The exit code, and what to print."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return UNKNOWN, "NOT CHECKED: the advisory service cannot be reached (build/audit/pip-audit.log says why)."
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    looked_up = len(packages) - len(skipped)
    lines = [
        f"{package['name']} {package['version']}: {weakness['id']}, mended in"
        f" {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for package in packages
        for weakness in package.get("vulns", ())
    ]
    if lines:
        return WEAK, "\n".join([*lines, f"{len(lines)} known weaknesses in {looked_up} packages."])
    if not looked_up:
        return UNKNOWN, f"NOT CHECKED: the advisory service that is reached from here knows none of {len(packages)}."
    if skipped:
        return UNKNOWN, f"{looked_up} packages without a known weakness; NOT CHECKED: {', '.join(skipped)}."
    return CLEAN, f"{looked_up} packages, none with a known weakness."


if __name__ == "__main__":
    code, said = tell(Path(sys.argv[1]).read_text("utf-8"))
    print(f"audit-dependencies: {said}")
    sys.exit(code)
