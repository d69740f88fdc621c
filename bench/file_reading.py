"""Measure the reading and mapping of tables: rows a second, and the memory of the process.

The script writes each file first, and reads it in a process of its own. `--import` also imports the CSV and the XLSX
into a server, from the file to the end of staging. Exit code 1: a file took more memory than its bound.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from subject import Subject

HEADER = ["Id", "Email", "First", "Last", "Phone", "Zip", "City", "Newsletter", "Date", "Tags"]
MAPPING = """\
match: CRM
columns:
  Id: AlternateIds[CRM].AlternateId
  Email: Emails[Home].EmailAddress
  First: CustomerName.FirstName
  Last: CustomerName.LastName
  Phone: ignore
  Zip: ignore
  City: ignore
  Newsletter: {to: "Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType", values: {yes: OptIn, no: OptOut}}
  Date: {to: "Emails[Home].EmailPreferences[NEWS-EMAIL].CustomerDate", time: "%d.%m.%Y"}
  Tags: {to: ProfileTags, split: ","}
"""
READ = """\
import resource, sys, time
from pathlib import Path
from consentory.codec.sources.record_inputs import InputOptions, open_inputs
from consentory.codec.tabular.mapping_document import read_mapping
options = InputOptions(mapping=read_mapping(Path(sys.argv[2]).read_bytes(), "mapping.yaml"))
began = time.perf_counter()
with open_inputs([Path(sys.argv[1])], options) as inputs:
    count = sum(1 for _ in inputs[0].read_records())
print(count, time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
MEGABYTES = {"csv": 150, "parquet": 300, "xlsx": 700}
"""Of memory, at most: whatever the size of a CSV or a Parquet file, and for a spreadsheet of the largest size."""


def make_rows(count: int) -> Iterator[list[str]]:
    for n in range(count):
        yield [
            f"C-{n}", f"p{n}@example.com", f"First{n % 997}", f"Läst{n % 1009}", f"+4915112{n % 1_000_000:06}",
            f"{n % 100_000:05}", "Köln", "yes" if n % 3 else "no", f"{n % 28 + 1:02}.03.2024", "new,vip",
        ]  # fmt: skip


def write_file(path: Path, rows: int) -> None:
    """Write a file of the form that its name ends with."""
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as text:
            csv.writer(text, delimiter=";").writerows([HEADER])
            csv.writer(text, delimiter=";").writerows(make_rows(rows))
    elif path.suffix == ".xlsx":
        import openpyxl

        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("People")
        for row in (HEADER, *make_rows(rows)):
            sheet.append(row)
        book.save(path)
    else:
        import pyarrow
        import pyarrow.parquet

        schema = pyarrow.schema([(name, pyarrow.string()) for name in HEADER])
        with pyarrow.parquet.ParquetWriter(path, schema) as writer:
            for start in range(0, rows, 100_000):
                columns = zip(*list(make_rows(min(100_000, rows - start))), strict=True)
                writer.write_table(pyarrow.table([pyarrow.array(column) for column in columns], schema=schema))


def main() -> None:
    """Write, read and measure each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000, help="of the CSV and the Parquet file")
    parser.add_argument("--sheet-rows", type=int, default=60_000, help="of the XLSX file")
    parser.add_argument("--import", action="store_true", dest="imports", help="also import end to end")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="consentory-bench-") as folder:
        mapping = Path(folder) / "mapping.yaml"
        mapping.write_text(MAPPING)
        for form, bound in MEGABYTES.items():
            path = Path(folder) / f"people.{form}"
            write_file(path, options.sheet_rows if form == "xlsx" else options.rows)
            command = [sys.executable, "-c", READ, path, mapping]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            count, seconds, megabytes = map(float, printed.split())
            size = path.stat().st_size / 1e6
            print(f"  {form:8} {size:7,.0f} MB: {count / seconds:8,.0f} rows/s read and mapped, {megabytes:,.0f} MB")
            failed |= megabytes > bound
        if options.imports:
            import_files(Path(folder), mapping)
    sys.exit(failed)


def import_files(folder: Path, mapping: Path) -> None:
    """Import the CSV and the XLSX into a server on this machine, each into an account of its own."""
    from consentory.client.api_client import ConsentoryClient
    from consentory.client.import_run import ImportRun
    from consentory.codec.sources.record_inputs import InputOptions, open_inputs
    from consentory.codec.tabular.mapping_document import read_mapping

    with Subject() as subject:
        for form in ("csv", "xlsx"):
            account = subject.create_account()
            options = InputOptions(mapping=read_mapping(mapping.read_bytes(), "mapping.yaml"))
            client = ConsentoryClient(account.url, account.name, *account.credential, "nightly")
            began = time.perf_counter()
            with client, open_inputs([folder / f"people.{form}"], options) as inputs:
                fields = {"Name": "bench", "MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
                outcome = ImportRun(client, inputs, fields).run()
            staged = time.perf_counter() - began - outcome.seconds["execute"]
            count = outcome.status["TotalRecordsReceived"]
            print(f"  {form:8} {count / staged:8,.0f} rows/s checked, mapped and staged, end to end")


if __name__ == "__main__":
    main()
