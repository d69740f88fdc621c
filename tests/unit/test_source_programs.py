"""Tables as data programs write them. `tests/data/README.md` names the program that wrote each file."""

from pathlib import Path

import pytest
from table_reading import cells, faults, names, read_table

DATA = Path(__file__).parents[1] / "data"
HEADERS = ["customer_id", "email", "first_name", "visits", "newsletter", "since", "phone"]
ANA, BEN, ZOE = ("0017", "ana@example.com", "Ana"), ("0042", "ben@example.com"), ("0099", "zoe@example.com", "Zoë")
PHONES = ("+49 170 1234567", "004917012345")
ROWS = {
    # pandas turns a column of whole numbers with an empty cell into floats, and writes `.0` into the CSV.
    "csv": [
        ["0", *ANA, "3.0", "True", "2024-03-05 14:30:15", PHONES[0]],
        ["1", *BEN, "", "", "False", "2024-01-01 00:00:00", PHONES[1]],
        ["2", *ZOE, "12.0", "", "", ""],
    ],
    "xlsx": [
        ["0", *ANA, "3", "TRUE", "2024-03-05T14:30:15", PHONES[0]],
        ["1", *BEN, None, None, "FALSE", "2024-01-01", PHONES[1]],
        ["2", *ZOE, "12", None, None, None],
    ],
    "parquet": [
        [*ANA, "3", "true", "2024-03-05T14:30:15", PHONES[0]],
        [*BEN, None, None, "false", "2024-01-01", PHONES[1]],
        [*ZOE, "12", None, None, None],
    ],
}


@pytest.mark.parametrize("form", ROWS)
def test_the_files_of_pandas_are_read(form: str) -> None:
    description, rows = read_table(DATA / f"pandas.{form}")
    index = [] if form == "parquet" else ["column 1"]  # the index of pandas has no header
    assert names(description) == [*index, *HEADERS]
    assert cells(rows) == ROWS[form]
    assert not faults(rows)
