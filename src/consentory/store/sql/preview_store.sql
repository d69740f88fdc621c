-- name: replace_preview
-- Starts a preview of an import. It replaces an earlier preview.
INSERT INTO import_preview (import_id, preview_id, configuration_revision, received, records, effects)
VALUES (%(import_id)s, %(preview_id)s, %(revision)s, %(received)s, %(records)s, %(effects)s)
ON CONFLICT (account_id, import_id) DO UPDATE SET preview_id = excluded.preview_id, state = 'Running',
  requested_at = excluded.requested_at, as_of = NULL, snapshot = NULL, configuration_revision = excluded.configuration_revision,
  received = excluded.received, first_profile_id = NULL, records = excluded.records, records_done = 0, exceptions = 0,
  not_honored = 0, created = 0, updated = 0, unchanged = 0, deleted = 0, effects = excluded.effects,
  limits_exceeded = '[]', active_profiles = 0;

-- name: find_preview
-- The preview of an import. It is stale if more records were staged or the account document changed. Zero rows: none.
SELECT p.preview_id, p.state, p.as_of, p.records, p.records_done, p.created, p.updated, p.unchanged, p.deleted,
  p.exceptions, p.not_honored, p.effects, p.limits_exceeded,
  p.received <> i.received OR p.configuration_revision <> a.revision
FROM import_preview AS p
JOIN import AS i ON i.account_id = p.account_id AND i.import_id = p.import_id
JOIN account AS a ON a.account_id = p.account_id
WHERE p.account_id = current_account() AND p.import_id = %(import_id)s;

-- name: list_changes
-- The changes of a preview after a given one, by kind, SequenceNumber and number, with the caller who staged the
-- record. `kind` NULL: all kinds. Index: primary key.
SELECT c.kind, c.sequence_number, c.number, c.profile_id, c.change, coalesce((
    SELECT b.caller FROM import_batch AS b
    WHERE b.account_id = c.account_id AND b.import_id = c.import_id AND b.first_sequence <= c.sequence_number
      AND b.first_sequence + b.record_count > c.sequence_number
    LIMIT 1), '')
FROM preview_change AS c
WHERE c.account_id = current_account() AND c.import_id = %(import_id)s AND c.preview_id = %(preview_id)s
  AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
  AND (c.kind, c.sequence_number, c.number) > (%(after_kind)s COLLATE "C", %(after_sequence)s, %(after_number)s)
ORDER BY c.kind, c.sequence_number, c.number LIMIT %(limit)s;

-- name: list_running_previews
-- Running previews, the oldest first. Across accounts (worker). Index import_preview_running.
SELECT account_id, import_id, preview_id FROM import_preview WHERE state = 'Running' ORDER BY requested_at LIMIT 20;

-- name: try_preview_lock
-- True when no other worker holds the snapshot of this preview; held until the transaction ends. The number is "prev"
-- in ASCII.
SELECT pg_try_advisory_xact_lock(1886545270, hashtext(%(preview_id)s::text)) FROM account WHERE account_id = current_account();

-- name: export_snapshot
-- The name of this transaction's snapshot, and the time.
SELECT pg_export_snapshot(), clock_timestamp();

-- name: load_previewable
-- The facts of an import that its preview needs. Zero rows: there is no such import.
SELECT i.status, i.received, i.valid, i.settings, a.revision, a.next_profile_id
FROM import AS i JOIN account AS a ON a.account_id = i.account_id
WHERE i.account_id = current_account() AND i.import_id = %(import_id)s;

-- name: drop_preview_chunks
-- Deletes the parts of a preview. Waits for the workers that process them.
DELETE FROM preview_chunk WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: drop_preview_changes
-- Deletes the single changes of all previews of an import.
DELETE FROM preview_change WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: begin_preview
-- Stores the facts of a preview when it begins. Zero rows: it was replaced or purged.
UPDATE import_preview SET as_of = %(as_of)s, snapshot = %(snapshot)s, first_profile_id = %(first_profile_id)s,
  configuration_revision = %(revision)s, received = %(received)s, records = %(records)s, records_done = 0,
  exceptions = 0, not_honored = 0, created = 0, updated = 0, unchanged = 0, deleted = 0, effects = %(effects)s,
  active_profiles = %(active_profiles)s
WHERE account_id = current_account() AND import_id = %(import_id)s AND preview_id = %(preview_id)s
  AND state = 'Running'
RETURNING import_id;

-- name: copy_preview_chunks
-- Stores the parts of a preview.
COPY preview_chunk (import_id, preview_id, chunk_number, first_sequence, last_sequence, sequences, excluded)
FROM STDIN (FORMAT binary);

-- name: claim_preview_chunk
-- The next part of a preview that no worker has locked, with the snapshot to read. It is locked. Across accounts
-- (worker). Zero rows: nothing to do now.
SELECT c.account_id, c.import_id, c.preview_id, c.chunk_number, c.first_sequence, c.last_sequence, c.sequences,
  c.excluded, p.snapshot, p.as_of, p.configuration_revision, p.first_profile_id
FROM preview_chunk AS c
JOIN import_preview AS p ON p.account_id = c.account_id AND p.import_id = c.import_id
  AND p.preview_id = c.preview_id AND p.state = 'Running'
WHERE NOT (c.preview_id = ANY(%(skipped)s::uuid[]))
ORDER BY c.chunk_number LIMIT 1
FOR UPDATE OF c SKIP LOCKED;

-- name: finish_preview_chunk
-- Deletes a part that is done.
DELETE FROM preview_chunk WHERE account_id = current_account() AND import_id = %(import_id)s
  AND preview_id = %(preview_id)s AND chunk_number = %(chunk_number)s;

-- name: list_sample_ends
-- For each kind with this many changes: the SequenceNumber of the last change that is kept. Index: primary key.
SELECT k.kind, e.sequence_number FROM unnest(%(kinds)s::text[]) AS k (kind)
CROSS JOIN LATERAL (
  SELECT sequence_number FROM preview_change
  WHERE account_id = current_account() AND import_id = %(import_id)s AND preview_id = %(preview_id)s
    AND kind = k.kind COLLATE "C"
  ORDER BY sequence_number, number OFFSET %(offset)s LIMIT 1
) AS e;

-- name: copy_preview_changes
-- Stores single changes of a preview.
COPY preview_change (import_id, preview_id, kind, sequence_number, number, profile_id, change)
FROM STDIN (FORMAT binary);

-- name: add_preview_counts
-- Adds the counts of a part. Zero rows: the preview was replaced or purged, or it failed.
UPDATE import_preview SET records_done = records_done + %(records)s, exceptions = exceptions + %(exceptions)s,
  not_honored = not_honored + %(not_honored)s, created = created + %(created)s, updated = updated + %(updated)s,
  unchanged = unchanged + %(unchanged)s, deleted = deleted + %(deleted)s,
  effects = (SELECT array_agg(f.had + f.more ORDER BY f.place)
             FROM unnest(effects, %(effects)s::bigint[]) WITH ORDINALITY AS f (had, more, place))
WHERE account_id = current_account() AND import_id = %(import_id)s AND preview_id = %(preview_id)s
  AND state = 'Running' AND snapshot = %(snapshot)s
RETURNING records_done = records;

-- name: trim_sample
-- Deletes the changes of a kind after the last one that is kept. Index: primary key.
DELETE FROM preview_change WHERE account_id = current_account() AND import_id = %(import_id)s
  AND preview_id = %(preview_id)s AND kind = %(kind)s COLLATE "C" AND (sequence_number, number) > (
    SELECT sequence_number, number FROM preview_change
    WHERE account_id = current_account() AND import_id = %(import_id)s AND preview_id = %(preview_id)s
      AND kind = %(kind)s COLLATE "C"
    ORDER BY sequence_number, number OFFSET %(offset)s LIMIT 1);

-- name: end_preview
-- Running -> Done or Failed. Zero rows: it was replaced or purged.
UPDATE import_preview SET state = %(state)s, limits_exceeded = %(limits_exceeded)s
WHERE account_id = current_account() AND import_id = %(import_id)s AND preview_id = %(preview_id)s
  AND state = 'Running'
RETURNING import_id;

-- name: load_findings
-- The counts that a guard limits. Zero rows: the preview was replaced or purged.
SELECT p.configuration_revision, i.settings, i.received, i.failed, p.effects, p.active_profiles
FROM import_preview AS p
JOIN import AS i ON i.account_id = p.account_id AND i.import_id = p.import_id
WHERE p.account_id = current_account() AND p.import_id = %(import_id)s AND p.preview_id = %(preview_id)s;

-- name: is_preview_running
-- True if a preview still runs on this snapshot.
SELECT EXISTS (SELECT FROM import_preview WHERE account_id = current_account() AND import_id = %(import_id)s
               AND preview_id = %(preview_id)s AND state = 'Running');

-- name: purge_preview_changes
-- Deletes some single changes. Zero rows: none is left.
DELETE FROM preview_change WHERE account_id = current_account() AND import_id = %(import_id)s
  AND (preview_id, kind, sequence_number, number) IN (
    SELECT preview_id, kind, sequence_number, number FROM preview_change
    WHERE account_id = current_account() AND import_id = %(import_id)s LIMIT 10000);

-- name: purge_preview
-- Deletes the row of the preview.
DELETE FROM import_preview WHERE account_id = current_account() AND import_id = %(import_id)s;
