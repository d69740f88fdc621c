"""Memory does not grow with the size of a table of CSV or Parquet (files.md, "What is read")."""

import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

pytestmark = pytest.mark.processes

MEASURE = """
import resource, sys
from pathlib import Path
from consentory.codec.sources import open_file
from consentory.codec.tabular.table import ReadOptions

with open_file(Path(sys.argv[1])) as source:
    rows = sum(1 for _ in source.open_table(ReadOptions()).read_rows())
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
ROWS, COLUMNS = 100, 10
CELL = "Zoë " * 250  # one megabyte per hundred rows


def write_csv(file: Path, megabytes: int) -> None:
    piece = (";".join([CELL] * COLUMNS) + "\n") * ROWS
    with file.open("w", encoding="utf-8") as text:
        text.write(";".join(f"c{place}" for place in range(COLUMNS)) + "\n")
        for _ in range(megabytes):
            text.write(piece)


def write_parquet(file: Path, megabytes: int) -> None:
    # Each cell has another text, so a dictionary does not make the file small.
    schema = pyarrow.schema([(f"c{place}", pyarrow.string()) for place in range(COLUMNS)])
    with parquet.ParquetWriter(file, schema, compression="none", use_dictionary=False) as writer:
        for number in range(0, megabytes, 5):
            columns = [[f"{number} {row} {CELL}" for row in range(5 * ROWS)] for _ in range(COLUMNS)]
            writer.write_table(pyarrow.table(columns, schema=schema))


def measure(file: Path) -> tuple[int, int]:
    printed = subprocess.run([sys.executable, "-c", MEASURE, file], check=True, capture_output=True, text=True).stdout
    rows, kilobytes = map(int, printed.split())
    return rows, kilobytes


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_large_table_takes_no_more_memory_than_a_small_one(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "people"
    write(file, 10)
    rows, small = measure(file)
    assert rows == 10 * ROWS
    write(file, 150)
    rows, large = measure(file)
    assert rows == 150 * ROWS
    assert large - small < 40_000
