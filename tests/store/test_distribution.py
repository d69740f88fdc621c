"""`--distribute` on a PostgreSQL without Citus. `scripts/test-citus` tries it on a cluster (tests/citus)."""

from __future__ import annotations

import psycopg
import pytest

from consentory.store.distribution import DistributionRefused, distribute


def test_a_plain_postgresql_is_refused_with_what_is_missing(database_url: str) -> None:
    with psycopg.connect(database_url) as owner:
        before = owner.execute("SELECT oid, relname FROM pg_class ORDER BY oid").fetchall()
    with pytest.raises(DistributionRefused) as refusal:
        distribute(database_url, 4, print)
    assert "Install Citus 13 or newer on all machines" in str(refusal.value)
    assert "CREATE EXTENSION citus" in str(refusal.value)
    with psycopg.connect(database_url) as owner:
        assert owner.execute("SELECT oid, relname FROM pg_class ORDER BY oid").fetchall() == before
