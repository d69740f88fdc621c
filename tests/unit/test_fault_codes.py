"""docs/faults.md lists every code with its meaning and remedy, and is made from the code."""

import re
from pathlib import Path

from consentory.codec.record.fault_codes import FAULT_CODES, render_fault_page

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "src" / "consentory" / "codec" / "record" / "fault_codes.py"
TABLES_OF_CELLS = ROOT / "src" / "consentory" / "codec" / "tabular"
"""Faults of mappings and rows have their own table, in docs/files.md."""
LITERAL = re.compile(r'"([A-Z][A-Za-z]+\.[A-Z][A-Za-z]+)"')
ELSEWHERE = ("codec", "domain", "services")
"""The folders in which records are validated and applied. The codes of refused requests are not in this table."""
REFUSALS = {
    "Request", "Import", "Initiate", "IdempotencyKey", "Configuration", "Account", "Auth", "Server", "Credential",
    "AccessToken", "User", "HmacKey", "Audit", "Batch", "Preview", "Guard", "Upload", "Reader", "Changes", "Filter",
    "Mapping", "Row",  # codes of tables and mappings, which the client reads
    "CustomerName", "Emails", "PhoneNumbers", "Addresses",  # paths of the record that a mapping names
}  # fmt: skip
REFUSAL_CODES = {
    "Permission.Import", "Permission.RefreshContacts", "Permission.Configuration", "Permission.Audit",
    "Permission.Release", "Permission.Undo", "Permission.OtherUser", "Permission.Initiator",
    "Profile.IdMismatch",
    "Profile.TooManyFound", "Stage.SpaceUsedUp",
    "Undo.Done", "Undo.Erased", "Undo.Invalid", "Undo.NotCompleted", "Undo.TakesNoRecords", "Undo.TooLate",
}  # fmt: skip


def find_used() -> set[str]:
    used: set[str] = set()
    for folder in ELSEWHERE:
        for path in (ROOT / "src" / "consentory" / folder).rglob("*.py"):
            if path != TABLE and TABLES_OF_CELLS not in path.parents:
                used.update(LITERAL.findall(path.read_text(encoding="utf-8")))
    return {code for code in used if code.split(".")[0] not in REFUSALS} - REFUSAL_CODES


def test_every_code_that_the_source_uses_is_in_the_table_and_every_code_of_the_table_is_used() -> None:
    assert find_used() == {item.code for item in FAULT_CODES}


def test_every_code_of_a_row_is_explained_to_people() -> None:
    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(Row\.[A-Za-z]+)` \| .", text, re.MULTILINE))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    assert told == {code for source in sources for code in LITERAL.findall(source) if code.startswith("Row.")}


def test_codes_are_unique() -> None:
    assert len({item.code for item in FAULT_CODES}) == len(FAULT_CODES)


def test_the_page_is_made_from_the_table() -> None:
    assert (ROOT / "docs" / "faults.md").read_text(encoding="utf-8") == render_fault_page(), (
        "write it anew: python -c 'from consentory.codec.record.fault_codes import *; "
        'open("docs/faults.md", "w").write(render_fault_page())\''
    )
