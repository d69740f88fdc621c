"""The statements that look across accounts, and those that look at temporary tables only."""

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
    "find_unnumbered",
    "find_uncounted",
    "find_outdated_changes",
    "list_accounts",
    "list_running_previews",
    "claim_preview_chunk",
    "list_waiting_uploads",
    "list_outdated_uploads",
}
"""The statements that a worker runs for all accounts at once. Every other statement names its account."""

MADE_BEFORE = {
    "list_key_parts": ["collect_named"],
    "list_id_parts": ["collect_named"],
    "keep_found": ["make_found"],
    "collect_tokens": ["collect_named", "make_found"],
    "list_shared": ["collect_named", "make_found", "collect_tokens"],
}
"""Statement -> the statements that make the temporary tables that it reads or writes."""
