-- name: next_queued_import
-- The next import to resolve: queued, the first of its account, and no import of the account is processing. An import
-- that waits for its guard is not resolved. Later ones pass a held import if the account document says passHeld.
-- Across accounts (worker). No lock: resolving takes an advisory lock of its own, so that Cancel does not wait for it.
SELECT q.account_id, q.import_id FROM import AS q
WHERE q.status = 'Queued' AND coalesce(q.guard_state, '') NOT IN ('Checking', 'Held')
  AND NOT EXISTS (SELECT FROM import AS p WHERE p.account_id = q.account_id AND p.status = 'Processing')
  AND NOT EXISTS (SELECT FROM import AS e WHERE e.account_id = q.account_id AND e.status = 'Queued'
                  AND (e.queued_at, e.import_id) < (q.queued_at, q.import_id)
                  AND CASE WHEN e.held_reason IS NULL THEN true ELSE NOT coalesce((
                    SELECT (c.document->'guard'->>'passHeld')::boolean FROM account AS a
                    JOIN configuration AS c ON c.account_id = a.account_id AND c.revision = a.revision
                    WHERE a.account_id = e.account_id), false) END)
  AND NOT (q.import_id = ANY(%(skipped)s::uuid[]))
ORDER BY q.queued_at LIMIT 1;

-- name: try_resolve_lock
-- True when no other worker resolves for this account; held until the transaction ends.
SELECT pg_try_advisory_xact_lock(1919251311, account_id) FROM account WHERE account_id = current_account();

-- name: allow_long_statement
-- To resolve ten million records takes longer than a chunk may take, and needs memory to sort their tokens.
SELECT set_config('statement_timeout', '30min', true), set_config('work_mem', '64MB', true);

-- name: collect_named
-- The alternate ids and the ProfileIds that the records name, one row for each record and name.
CREATE TEMPORARY TABLE named ON COMMIT DROP AS
  SELECT f.first_sequence + m.place AS sequence_number, m.key, m.profile_id FROM import_block AS f
  CROSS JOIN LATERAL (
    SELECT key, place, NULL::bigint AS profile_id FROM unnest(f.named_keys, f.named_at) AS n (key, place)
    UNION ALL
    SELECT NULL::uuid, place, profile_id FROM unnest(f.profile_ids, f.profile_at) AS n (profile_id, place)
  ) AS m
  WHERE f.account_id = current_account() AND f.import_id = %(import_id)s;

-- name: make_found
-- A place for those of the names that exist: (key, profile that holds it), or (NULL, profile).
CREATE TEMPORARY TABLE found ON COMMIT DROP AS
  SELECT NULL::uuid AS key, NULL::bigint AS profile_id WHERE false;

-- name: list_key_parts
-- The named keys as arrays of up to `size` keys of one shard, with one of the keys. The order is that of the index,
-- because a large account's index is not in memory.
SELECT array_agg(key)::text, (array_agg(key))[1] FROM (
  SELECT key, shard, (row_number() OVER (PARTITION BY shard ORDER BY key) - 1) / %(size)s AS part FROM (
    SELECT key, width_bucket(uuid_hash(key), %(bounds)s::integer[]) AS shard FROM named WHERE key IS NOT NULL) AS k
) AS p
GROUP BY shard, part ORDER BY shard, part;

-- name: list_id_parts
-- Like list_key_parts, the named ProfileIds.
SELECT array_agg(profile_id)::text, (array_agg(profile_id))[1] FROM (
  SELECT profile_id, shard, (row_number() OVER (PARTITION BY shard ORDER BY profile_id) - 1) / %(size)s AS part FROM (
    SELECT profile_id, width_bucket(hashint8(profile_id), %(bounds)s::integer[]) AS shard FROM named
    WHERE profile_id IS NOT NULL) AS k
) AS p
GROUP BY shard, part ORDER BY shard, part;

-- name: find_named_holders
-- Like find_holders of profile_store.sql, as two arrays: the keys, and the profiles that hold them. NULLs: no holder.
SELECT array_agg(w.key)::text, array_agg(k.profile_id)::text FROM unnest(%(keys)s::uuid[]) AS w (key)
CROSS JOIN LATERAL (
  SELECT profile_id FROM alternate_key WHERE account_id = (SELECT current_account()) AND key_hash = w.key
    AND (%(one)s::uuid IS NULL OR key_hash = ANY(%(keys)s::uuid[]) OR key_hash = %(one)s::uuid) OFFSET 0
) AS k;

-- name: find_named_profiles
-- Those of the profiles that exist, as an array. NULL: none. Index: primary key, one look-up for each profile.
SELECT NULL, array_agg(w.profile_id)::text FROM unnest(%(ids)s::bigint[]) AS w (profile_id)
CROSS JOIN LATERAL (
  SELECT 1 FROM profile WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint) OFFSET 0
) AS p;

-- name: keep_found
-- Stores the answers of find_named_holders and find_named_profiles.
INSERT INTO found (key, profile_id)
SELECT key, profile_id FROM unnest(%(keys)s::uuid[], %(ids)s::bigint[]) AS n (key, profile_id);

-- name: collect_tokens
-- The match tokens of the records, one row for each record and token. A token is a profile (by ProfileId, or as the
-- holder of a named alternate id), or an alternate id without a holder. Records with a common token are in one group.
CREATE TEMPORARY TABLE named_token ON COMMIT DROP AS
  SELECT n.sequence_number, coalesce(profile_match_token(f.profile_id), n.key) AS token
  FROM named AS n LEFT JOIN found AS f ON f.key = n.key
  WHERE n.key IS NOT NULL
  UNION
  SELECT n.sequence_number, profile_match_token(n.profile_id)
  FROM named AS n JOIN found AS f ON f.key IS NULL AND f.profile_id = n.profile_id;

-- name: list_shared
-- (token, SequenceNumber) of each token that more than one record names, by token and number.
SELECT token, sequence_number FROM named_token
WHERE token IN (SELECT token FROM named_token GROUP BY token HAVING count(*) > 1)
ORDER BY token, sequence_number;

-- name: load_resolvable
-- The facts for resolving.
SELECT status, received, settings, guard_state FROM import WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: copy_chunks
-- The chunks of an import, when it starts.
COPY import_chunk (import_id, chunk_number, next_sequence, last_sequence, sequences, excluded, waits_for)
FROM STDIN (FORMAT binary);

-- name: start_import
-- Queued -> Processing. Zero rows: it was cancelled. Refused by import_one_processing: another import runs.
UPDATE import SET status = 'Processing', started_at = now(), configuration_revision = %(revision)s,
  first_profile_id = %(first_profile_id)s, before_images = CASE WHEN %(keeps_images)s THEN 'Kept' END
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = 'Queued'
RETURNING import_id;

-- name: complete_import
-- Processing -> Completed once nothing is pending. Zero rows: not yet.
UPDATE import SET status = 'Completed', completed_at = statement_timestamp()
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = 'Processing' AND pending = 0
RETURNING import_id;

-- name: claim_chunk
-- The next chunk that no worker has locked. It is locked, and the lock is the lease. Across accounts (worker). Low
-- numbers come first, so that imports of different accounts run side by side. Zero rows: nothing to do now.
SELECT c.account_id, c.import_id, c.chunk_number, c.next_sequence, c.last_sequence, c.sequences, c.excluded
FROM import_chunk AS c
WHERE NOT (c.import_id = ANY(%(skipped)s::uuid[])) AND (c.waits_for IS NULL OR (
  -- A scalar and not an EXISTS: for an EXISTS, PostgreSQL would hash the whole table at each claim.
  SELECT w.chunk_number FROM import_chunk AS w
  WHERE w.account_id = c.account_id AND w.import_id = c.import_id AND w.chunk_number = c.waits_for) IS NULL)
ORDER BY c.chunk_number LIMIT 1
FOR UPDATE OF c SKIP LOCKED;

-- name: load_running
-- The facts for a chunk.
SELECT settings, undo_of, restore_yes, started_at, configuration_revision, first_profile_id, received,
  status = 'Processing', before_images IS NOT NULL
FROM import
WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: list_work
-- Blocks that overlap a range, in order, with the caller who staged them. The sent bytes are only read if they may be
-- verbatim records, which are short. `work` is empty if a block has no valid record, or was redacted. Index: primary
-- key.
SELECT f.first_sequence, f.record_count,
  CASE WHEN f.work <> '' AND octet_length(f.raw) <= %(verbatim_bytes)s * f.record_count THEN f.raw ELSE '' END,
  f.work, b.caller
FROM import_block AS f
JOIN import_batch AS b ON b.account_id = f.account_id AND b.import_id = f.import_id AND b.batch_number = f.batch_number
WHERE f.account_id = current_account() AND f.import_id = %(import_id)s
  AND f.first_sequence > %(first)s - %(block_records)s AND f.first_sequence <= %(last)s
  AND f.first_sequence + f.record_count > %(first)s
ORDER BY f.first_sequence;

-- name: list_scattered_work
-- Like list_work, for the blocks that hold the given records.
SELECT DISTINCT f.first_sequence, f.record_count,
  CASE WHEN f.work <> '' AND octet_length(f.raw) <= %(verbatim_bytes)s * f.record_count THEN f.raw ELSE '' END AS raw,
  f.work, b.caller
FROM unnest(%(sequences)s::integer[]) AS wanted (sequence_number)
CROSS JOIN LATERAL (
  SELECT first_sequence, record_count, batch_number, raw, work FROM import_block
  WHERE account_id = current_account() AND import_id = %(import_id)s AND first_sequence <= wanted.sequence_number
  ORDER BY first_sequence DESC LIMIT 1
) AS f
JOIN import_batch AS b ON b.account_id = current_account() AND b.import_id = %(import_id)s
  AND b.batch_number = f.batch_number
ORDER BY f.first_sequence;

-- name: list_refused
-- The given records that were refused already. One row stands for up to 64 records. Index: primary key.
SELECT wanted.sequence_number FROM unnest(%(sequences)s::integer[]) AS wanted (sequence_number)
CROSS JOIN LATERAL (
  SELECT FROM import_fault WHERE account_id = current_account() AND import_id = %(import_id)s AND not_honored = false
    AND sequence_number > wanted.sequence_number - 64 AND sequence_number <= wanted.sequence_number
    AND sequence_number + repeats > wanted.sequence_number OFFSET 0
) AS f;

-- name: limit_statements
-- Sets a shorter time-out for the statements of this transaction.
SELECT set_config('statement_timeout', %(limit)s, true);

-- name: advance_chunk
-- The records before `next` are processed.
UPDATE import_chunk SET next_sequence = %(next)s
WHERE account_id = current_account() AND import_id = %(import_id)s AND chunk_number = %(chunk_number)s;

-- name: finish_chunk
-- Deletes the chunk. Then the chunk that waits for it can be claimed.
DELETE FROM import_chunk
WHERE account_id = current_account() AND import_id = %(import_id)s AND chunk_number = %(chunk_number)s;

-- name: count_outcomes
-- Moves records from Pending to their outcomes. It is the last statement of a slice, so that the row is locked only
-- during the commit. Zero rows: the import is not Processing.
UPDATE import SET pending = pending - %(total)s, exceptions = exceptions + %(exceptions)s,
  not_honored = not_honored + %(not_honored)s, created = created + %(created)s, updated = updated + %(updated)s,
  unchanged = unchanged + %(unchanged)s, deleted = deleted + %(deleted)s
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = 'Processing'
RETURNING pending;

-- name: copy_faults
-- The records that execution refused or did not honor.
COPY import_fault (import_id, not_honored, sequence_number, repeats, phase, faults) FROM STDIN (FORMAT binary);

-- name: end_frozen_sessions
-- Ends sessions whose statement has waited for the client for this time, if the heartbeat of the process has stopped.
SELECT count(pg_terminate_backend(s.pid)) FROM pg_stat_activity AS s
WHERE s.datname = current_database() AND pg_has_role(s.usesysid, 'USAGE')
  AND s.application_name ~ '^consentory_(service|worker)/'
  AND s.state = 'active' AND s.wait_event IN ('ClientRead', 'ClientWrite')
  AND s.query_start < clock_timestamp() - make_interval(secs => %(seconds)s)
  AND NOT EXISTS (
    SELECT FROM pg_stat_activity AS heart
    WHERE heart.datname = s.datname AND heart.usename = s.usename
      AND heart.application_name = 'consentory_beat/' || split_part(s.application_name, '/', 2)
      AND heart.query_start > clock_timestamp() - make_interval(secs => %(seconds)s));

-- name: end_long_reads
-- Ends transactions of readers (docs/sql.md) that are older than this time. They would keep dead rows from removal, and
-- a migration would wait for their locks.
SELECT count(pg_terminate_backend(s.pid)) FROM pg_stat_activity AS s
WHERE s.datname = current_database() AND pg_has_role(s.usesysid, 'USAGE')
  AND s.usesysid IN (SELECT member FROM pg_auth_members WHERE roleid = to_regrole('consentory_reader'))
  AND s.xact_start < clock_timestamp() - make_interval(secs => %(seconds)s);

-- name: beat
-- A sign of life (see end_frozen_sessions), and the database's time in seconds since 1970.
SELECT extract(epoch FROM clock_timestamp())::float8;

-- name: notify_work
-- Wakes the workers when the transaction commits. At a node of Citus it wakes nobody, because the workers listen at the
-- coordinator: a transaction of several machines cannot notify at another one. Then the workers find the work when they
-- look for it.
SELECT pg_notify('consentory_work', '');

-- name: count_by_status
-- Imports of all accounts by status, for metrics (worker).
SELECT status, count(*) FROM import GROUP BY status;

-- name: find_purgeable
-- Ended imports whose retention is over (DataStageDuration 0: whose token has expired). Their staged records are
-- purged. Across accounts (worker). Index import_unpurged.
SELECT account_id, import_id FROM import
WHERE status IN ('Completed', 'Failed') AND purged_at IS NULL
  AND now() >= CASE WHEN (settings->>'data_stage_duration')::integer = 0 THEN expires_at
               ELSE created_at + make_interval(days => (settings->>'data_stage_duration')::integer) END
ORDER BY created_at LIMIT 20;

-- name: find_redactable
-- Ended imports with DataStageDuration 0 that still have accepted records. Across accounts (worker).
SELECT account_id, import_id FROM import
WHERE status IN ('Completed', 'Failed') AND purged_at IS NULL AND redacted_at IS NULL
  AND (settings->>'data_stage_duration')::integer = 0
ORDER BY created_at LIMIT 20;

-- name: list_blocks_after
-- The blocks after a SequenceNumber, each with its records that were refused or not honored, in order.
SELECT f.first_sequence, f.raw, ARRAY(
  SELECT record.sequence_number FROM import_fault AS t
  CROSS JOIN LATERAL generate_series(t.sequence_number, t.sequence_number + t.repeats - 1) AS record (sequence_number)
  WHERE t.account_id = f.account_id AND t.import_id = f.import_id
    AND t.sequence_number BETWEEN f.first_sequence AND f.first_sequence + f.record_count - 1)
FROM import_block AS f
WHERE f.account_id = current_account() AND f.import_id = %(import_id)s AND f.first_sequence > %(after)s
ORDER BY f.first_sequence LIMIT 100;

-- name: redact_block
-- Removes the accepted records and the named ids from a block.
UPDATE import_block SET raw = %(raw)s, work = '', named_keys = '{}', named_at = '{}', profile_ids = '{}', profile_at = '{}'
WHERE account_id = current_account() AND import_id = %(import_id)s AND first_sequence = %(first_sequence)s;

-- name: delete_block
-- Deletes a block of which no record is kept.
DELETE FROM import_block
WHERE account_id = current_account() AND import_id = %(import_id)s AND first_sequence = %(first_sequence)s;

-- name: mark_redacted
-- Marks an import as redacted. Zero rows: another worker did it.
UPDATE import SET redacted_at = now()
WHERE account_id = current_account() AND import_id = %(import_id)s AND redacted_at IS NULL
RETURNING import_id;

-- name: mark_purged
-- From now on a request for exceptions is answered by 410. Zero rows: another worker did it.
UPDATE import SET purged_at = now()
WHERE account_id = current_account() AND import_id = %(import_id)s AND purged_at IS NULL
  AND status IN ('Completed', 'Failed')
RETURNING import_id;

-- name: find_purge_left
-- Purged imports that still have staged rows, because their purge was interrupted. Across accounts (worker).
-- Index import_purging.
SELECT account_id, import_id FROM import WHERE purged_at IS NOT NULL AND purge_completed_at IS NULL
ORDER BY purged_at LIMIT 20;

-- name: has_staged_rows
-- True if an import has staged rows, faults or single changes of a preview.
SELECT EXISTS (SELECT FROM import_block WHERE account_id = current_account() AND import_id = %(import_id)s)
  OR EXISTS (SELECT FROM import_fault WHERE account_id = current_account() AND import_id = %(import_id)s)
  OR EXISTS (SELECT FROM preview_change WHERE account_id = current_account() AND import_id = %(import_id)s);

-- name: mark_purge_complete
-- Marks a purge as complete. Zero rows: it is marked already. The caller holds try_maintenance_lock, and has seen that
-- no staged row is left.
UPDATE import SET purge_completed_at = now()
WHERE account_id = current_account() AND import_id = %(import_id)s AND purged_at IS NOT NULL AND purge_completed_at IS NULL
RETURNING import_id;

-- name: try_maintenance_lock
-- True when no other worker maintains this import; held until the transaction ends. The number is "tidy" in ASCII. It
-- must not change, because workers of an earlier release use it.
SELECT pg_try_advisory_xact_lock(1953064057, hashtext(%(import_id)s::text)) FROM account WHERE account_id = current_account();

-- name: purge_blocks
-- Deletes some staged blocks. Zero rows: none is left.
DELETE FROM import_block WHERE account_id = current_account() AND import_id = %(import_id)s
  AND first_sequence IN (SELECT first_sequence FROM import_block WHERE account_id = current_account()
                         AND import_id = %(import_id)s ORDER BY first_sequence LIMIT 1000);

-- name: purge_faults
-- Deletes some faults. Zero rows: none is left.
DELETE FROM import_fault WHERE account_id = current_account() AND import_id = %(import_id)s
  AND (not_honored, sequence_number) IN (SELECT not_honored, sequence_number FROM import_fault WHERE account_id = current_account()
                                  AND import_id = %(import_id)s ORDER BY not_honored, sequence_number LIMIT 10000);
