"""The statements that look across accounts."""

from __future__ import annotations

ACROSS_ACCOUNTS = {
    "next_queued_import",
    "claim_chunk",
    "count_by_status",
    "expire_imports",
    "find_purgeable",
    "find_redactable",
    "find_purge_left",
    "find_images_to_purge",
    "find_foldable",
    "find_unchained",
    "list_accounts",
    "list_running_previews",
    "claim_preview_chunk",
}
"""The statements that a worker runs for all accounts at once. Every other statement names its account."""
