"""Read the staged rows of an import, and make them older."""

from __future__ import annotations

from datetime import timedelta

import pytest
from workbench import Workbench

from consentory.domain.imports import Import
from consentory.errors import RequestRefused

REFUSED = frozenset({"Stage", "Execute"})


def age(bench: Workbench, item: Import, **by: float) -> None:
    """Let an import have been initiated earlier, its token with it. Citus refuses here a time minus an interval that
    depends on the time zone."""
    past = timedelta(**by)
    bench.owner(
        "UPDATE import SET created_at = (created_at AT TIME ZONE 'UTC' - %s) AT TIME ZONE 'UTC',"
        " expires_at = (expires_at AT TIME ZONE 'UTC' - %s) AT TIME ZONE 'UTC' WHERE import_id = %s",
        past,
        past,
        item.import_id,
    )


def count_staged(bench: Workbench, item: Import) -> tuple[int, int]:
    """(records in blocks, records with faults) still kept."""
    ((records, faults),) = bench.owner(
        "SELECT (SELECT coalesce(sum(record_count), 0) FROM import_block WHERE import_id = %s),"
        " (SELECT count(*) FROM import_fault WHERE import_id = %s)",
        item.import_id,
        item.import_id,
    )
    return records, faults


def assert_gone(bench: Workbench, item: Import) -> None:
    """Nothing staged is left, asking for it is refused as gone, and the import with its books stays."""
    assert count_staged(bench, item) == (0, 0)
    after = bench.find(item)
    assert after.purged_at is not None
    assert after.books == item.books
    for ask in (bench.services.exceptions.page, bench.services.exceptions.stream):
        with pytest.raises(RequestRefused) as refusal:
            ask(*((bench.caller, after, REFUSED) + ((1000, 1) if ask == bench.services.exceptions.page else ())))
        assert (refusal.value.kind, refusal.value.code) == ("gone", "Import.RetentionOver")


MORE_BLOCKS = """
  INSERT INTO import_block (account_id, import_id, first_sequence, record_count, batch_number, raw, work, named_keys,
                            named_at, profile_ids, profile_at)
  SELECT account_id, import_id, first_sequence + 64 * n, 64, batch_number, raw, work, '{}', '{}', '{}', '{}'
  FROM import_block CROSS JOIN generate_series(1, 1000) AS n WHERE import_id = %s"""
