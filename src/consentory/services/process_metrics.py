"""The metrics of the processes of a tree. Import this module after PROMETHEUS_MULTIPROC_DIR is set."""

from __future__ import annotations

from prometheus_client import Counter

_FROZEN = Counter("consentory_processes_frozen", "Processes that were killed and replaced because they were frozen.")


def count_frozen() -> None:
    """Count one process that is killed because it is frozen."""
    _FROZEN.inc()
