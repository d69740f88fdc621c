"""The tests of this folder need a cluster. `scripts/test-citus` runs them; other runs do not collect them."""

from __future__ import annotations

import citus_cluster

collect_ignore_glob = [] if citus_cluster.is_wanted() else ["test_*.py"]
