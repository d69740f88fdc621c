-- name: insert_import
-- A new import. Zero rows: the caller's idempotency key names an import that is not over (see find_import_by_key).
INSERT INTO import (import_id, access_token, settings, source, caller, idempotency_key, request_hash, created_at,
                    expires_at)
VALUES (%(import_id)s, %(access_token)s, %(settings)s, %(source)s, %(caller)s, %(idempotency_key)s, %(request_hash)s,
        %(created_at)s, %(expires_at)s)
ON CONFLICT (account_id, caller, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING import_id;

-- name: find_import_by_key
-- The import that this caller initiated under this key. Index import_idempotency.
SELECT import_id, request_hash, expires_at <= now() FROM import
WHERE account_id = current_account() AND caller = %(caller)s AND idempotency_key = %(idempotency_key)s;

-- name: release_import_key
-- Removes the key from an import that is over, so that the key can name a new import.
UPDATE import SET idempotency_key = NULL, request_hash = NULL
WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: lock_initiates
-- Only one Initiate of the account runs at a time, so that the daily limit counts each. Until the transaction ends.
SELECT pg_advisory_xact_lock(1768843636, account_id) FROM account WHERE account_id = current_account();

-- name: count_recent_imports
-- The Initiates of the last 24 hours, and the time until the oldest of them leaves the window. Index import_daily.
SELECT count(*), min(created_at) + interval '24 hours' - now() FROM import
WHERE account_id = current_account() AND created_at > now() - interval '24 hours';

-- name: find_import
-- One import with all its columns. Zero rows: the account has no such import. Index: primary key.
SELECT account_id, import_id, access_token, status, settings, received, valid, failed, pending, exceptions,
       not_honored, created, updated, unchanged, deleted, caller, created_at, expires_at, queued_at, started_at,
       completed_at, purged_at, failure_reason, undated_choices, refused_opt_outs, numbers_without_country_code,
       source, held_reason, undo_of, restore_yes
FROM import WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: find_import_by_token
-- Like find_import, by access token. Zero rows: the token is unknown, has expired, or is of another account.
SELECT account_id, import_id, access_token, status, settings, received, valid, failed, pending, exceptions,
       not_honored, created, updated, unchanged, deleted, caller, created_at, expires_at, queued_at, started_at,
       completed_at, purged_at, failure_reason, undated_choices, refused_opt_outs, numbers_without_country_code,
       source, held_reason, undo_of, restore_yes
FROM import WHERE account_id = current_account() AND access_token = %(access_token)s AND expires_at > now();

-- name: list_imports
-- Imports, newest first, like find_import, without the mapping of the source. `before`: the last import_id of the page
-- before (a UUIDv7, so ordered by time), or NULL.
SELECT account_id, import_id, access_token, status, settings, received, valid, failed, pending, exceptions,
       not_honored, created, updated, unchanged, deleted, caller, created_at, expires_at, queued_at, started_at,
       completed_at, purged_at, failure_reason, undated_choices, refused_opt_outs, numbers_without_country_code,
       source - 'Mapping', held_reason, undo_of, restore_yes
FROM import
WHERE account_id = current_account()
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(before)s::uuid IS NULL OR import_id < %(before)s)
ORDER BY import_id DESC LIMIT %(limit)s;

-- name: queue_import
-- Staging -> Queued. Zero rows: it was not Staging.
UPDATE import SET status = 'Queued', queued_at = statement_timestamp(), executed_by = %(caller)s
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = 'Staging'
RETURNING import_id;

-- name: fail_import
-- Initiated, Staging or Queued -> Failed. Zero rows: it was in none of them.
UPDATE import SET status = 'Failed', failure_reason = %(reason)s, completed_at = statement_timestamp(),
  guard_state = NULL, held_reason = NULL
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = ANY(%(from)s)
RETURNING import_id;

-- name: lock_guarded
-- How the guard stands to an import, and who executed it. Locks the import. Zero rows: not there.
SELECT guard_state, executed_by FROM import
WHERE account_id = current_account() AND import_id = %(import_id)s FOR UPDATE;

-- name: check_guarded
-- NULL or Passed -> Checking: the import waits for a preview. Zero rows: it was cancelled meanwhile.
UPDATE import SET guard_state = 'Checking'
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = 'Queued'
  AND (guard_state IS NULL OR guard_state = 'Passed')
RETURNING import_id;

-- name: settle_guarded
-- Checking -> Passed, Held with its reason, or NULL (then it is asked anew). Zero rows: the preview is not the guard's.
UPDATE import SET guard_state = %(guard_state)s, held_reason = %(held_reason)s
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = 'Queued' AND guard_state = 'Checking'
RETURNING import_id;

-- name: release_import
-- Held -> Released. Zero rows: no guard holds it.
UPDATE import SET guard_state = 'Released', held_reason = NULL
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = 'Queued' AND guard_state = 'Held'
RETURNING import_id;

-- name: expire_imports
-- Initiated, Staging -> Failed for every import whose token expired before Execute, of all accounts (worker).
UPDATE import SET status = 'Failed', failure_reason = 'Import.Expired', completed_at = now()
WHERE status IN ('Initiated', 'Staging') AND expires_at <= now()
RETURNING account_id, import_id;

-- name: expire_import
-- Like expire_imports, for one import. Zero rows: the import has not expired, or was executed before.
UPDATE import SET status = 'Failed', failure_reason = 'Import.Expired', completed_at = now()
WHERE account_id = current_account() AND import_id = %(import_id)s AND status IN ('Initiated', 'Staging')
  AND expires_at <= now()
RETURNING import_id;

-- name: list_import_names
-- The name and the name of the file of these imports. Primary key.
SELECT import_id, settings->>'name', source->>'FileName' FROM import
WHERE account_id = current_account() AND import_id = ANY(%(import_ids)s);

-- name: lock_import
-- Like find_import, and the number of batches. Locks the import, so that batches take their ranges one after the other.
-- Zero rows: no such import.
SELECT account_id, import_id, access_token, status, settings, received, valid, failed, pending, exceptions,
       not_honored, created, updated, unchanged, deleted, caller, created_at, expires_at, queued_at, started_at,
       completed_at, purged_at, failure_reason, undated_choices, refused_opt_outs, numbers_without_country_code,
       source, held_reason, undo_of, restore_yes, batches
FROM import
WHERE account_id = current_account() AND import_id = %(import_id)s FOR UPDATE;

-- name: find_batch_by_key
-- The batch staged under this idempotency key. Index import_batch_idempotency.
SELECT body_hash FROM import_batch
WHERE account_id = current_account() AND import_id = %(import_id)s AND idempotency_key = %(idempotency_key)s;

-- name: insert_batch
-- A batch, with its range of SequenceNumbers. The caller holds lock_import.
INSERT INTO import_batch (import_id, batch_number, caller, staged_at, first_sequence, record_count, failed,
                          idempotency_key, body_hash, lines)
VALUES (%(import_id)s, %(batch_number)s, %(caller)s, %(staged_at)s, %(first_sequence)s, %(record_count)s,
        %(failed)s, %(idempotency_key)s, %(body_hash)s, %(lines)s);

-- name: insert_block
-- Up to 64 records of a batch.
INSERT INTO import_block (import_id, first_sequence, record_count, batch_number, raw, work, named_keys, named_at,
                          profile_ids, profile_at)
VALUES (%(import_id)s, %(first_sequence)s, %(record_count)s, %(batch_number)s, %(raw)s, %(work)s,
        %(named_keys)s::uuid[], string_to_array(%(named_at)s, ',')::smallint[],
        %(profile_ids)s, %(profile_at)s);

-- name: insert_faults
-- The faults of staging (phase 1) of a batch: one row for each place in the three arrays. The batch stands in the SELECT,
-- so that Citus runs the statement where the batch is.
INSERT INTO import_fault (import_id, not_honored, sequence_number, repeats, phase, faults)
SELECT b.import_id, false, b.first_sequence + sent.place, sent.repeats, 1, sent.faults
FROM import_batch AS b
CROSS JOIN unnest(%(places)s::integer[], %(repeats)s::smallint[], %(faults)s::bytea[]) AS sent (place, repeats, faults)
WHERE b.account_id = current_account() AND b.import_id = %(import_id)s AND b.batch_number = %(batch_number)s;

-- name: count_batch
-- Adds a batch to the counts of the import. Initiated -> Staging with the first record.
-- Returns the import like find_import. Zero rows: the status forbids it.
UPDATE import SET batches = batches + 1, received = received + %(received)s, valid = valid + %(valid)s,
  failed = failed + %(failed)s, pending = pending + %(valid)s, staged_bytes = staged_bytes + %(staged_bytes)s,
  undated_choices = undated_choices + %(undated_choices)s, refused_opt_outs = refused_opt_outs + %(refused_opt_outs)s,
  numbers_without_country_code = numbers_without_country_code + %(numbers_without_country_code)s,
  status = CASE WHEN received + %(received)s > 0 THEN 'Staging' ELSE status END
WHERE account_id = current_account() AND import_id = %(import_id)s AND status IN ('Initiated', 'Staging')
RETURNING account_id, import_id, access_token, status, settings, received, valid, failed, pending, exceptions,
       not_honored, created, updated, unchanged, deleted, caller, created_at, expires_at, queued_at, started_at,
       completed_at, purged_at, failure_reason, undated_choices, refused_opt_outs, numbers_without_country_code,
       source, held_reason, undo_of, restore_yes;

-- name: add_stage_counts
-- Adds the records that a chunk refused to the counts beside the books. The books are moved first.
UPDATE import SET
  undated_choices = undated_choices + %(undated_choices)s, refused_opt_outs = refused_opt_outs + %(refused_opt_outs)s,
  numbers_without_country_code = numbers_without_country_code + %(numbers_without_country_code)s
WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: prepare_batch
-- The bytes of the account's staged records that are not purged; the revision of its configuration; the database's
-- time. Zero rows: no such account. Index import_kept.
SELECT (SELECT coalesce(sum(staged_bytes), 0) FROM import
        WHERE account_id = current_account() AND purge_completed_at IS NULL AND redacted_at IS NULL),
       revision, clock_timestamp()
FROM account WHERE account_id = current_account();

-- name: list_faults
-- Faults by SequenceNumber, from an offset. One row stands for up to 64 successive records. So the first row with a
-- record above `after` begins at most 63 records before it. Index: primary key, in order.
SELECT record.sequence_number, phase, faults, record.sequence_number - fault.sequence_number
FROM import_fault AS fault
CROSS JOIN LATERAL generate_series(fault.sequence_number, fault.sequence_number + repeats - 1) AS record (sequence_number)
WHERE account_id = current_account() AND import_id = %(import_id)s AND not_honored = %(of_not_honored)s
  AND phase = ANY(%(phases)s) AND fault.sequence_number > %(after)s::integer - 64
  AND record.sequence_number > %(after)s
ORDER BY fault.sequence_number, record.sequence_number LIMIT %(limit)s OFFSET %(offset)s;

-- name: list_all_faults
-- Like list_faults, for records that were refused and records that were not honored together.
SELECT record.sequence_number, phase, faults, record.sequence_number - fault.sequence_number
FROM import_fault AS fault
CROSS JOIN LATERAL generate_series(fault.sequence_number, fault.sequence_number + repeats - 1) AS record (sequence_number)
WHERE account_id = current_account() AND import_id = %(import_id)s
  AND phase = ANY(%(phases)s) AND fault.sequence_number > %(after)s::integer - 64
  AND record.sequence_number > %(after)s
ORDER BY record.sequence_number, phase LIMIT %(limit)s OFFSET %(offset)s;

-- name: list_seek_keys
-- The SequenceNumbers of every `step`th record that was refused (or that was not honored), in order.
-- Index: primary key, in order.
SELECT sequence_number FROM (
  SELECT record.sequence_number, row_number() OVER (ORDER BY fault.sequence_number, record.sequence_number) AS place
  FROM import_fault AS fault
  CROSS JOIN LATERAL generate_series(fault.sequence_number, fault.sequence_number + repeats - 1)
    AS record (sequence_number)
  WHERE account_id = current_account() AND import_id = %(import_id)s AND not_honored = %(of_not_honored)s) AS numbered
WHERE place %% %(step)s = 0
ORDER BY sequence_number;

-- name: count_faults
-- The number of records with a fault of these phases. Always one row.
SELECT coalesce(sum(repeats), 0) FROM import_fault
WHERE account_id = current_account() AND import_id = %(import_id)s AND phase = ANY(%(phases)s);

-- name: stream_fault_codes
-- All faults of an import, each row for up to 64 successive records, in no order. Index: primary key.
SELECT phase, repeats, faults FROM import_fault
WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: list_raw_blocks
-- The raw blocks that hold the given records, by SequenceNumber, with the caller who staged them. Index: primary key.
SELECT DISTINCT f.first_sequence, f.raw, b.caller
FROM unnest(%(sequences)s::integer[]) AS wanted (sequence_number)
CROSS JOIN LATERAL (
  SELECT first_sequence, record_count, batch_number, raw FROM import_block
  WHERE account_id = current_account() AND import_id = %(import_id)s AND first_sequence <= wanted.sequence_number
  ORDER BY first_sequence DESC LIMIT 1
) AS f
JOIN import_batch AS b ON b.account_id = current_account() AND b.import_id = %(import_id)s
  AND b.batch_number = f.batch_number
ORDER BY f.first_sequence;

-- name: list_batch_lines
-- The lines of the batches that hold the given records, by SequenceNumber. Zero rows: no batch of them came from an
-- uploaded file. An import has one batch for some megabytes, so all its batches are looked at. Index: primary key.
SELECT b.first_sequence, b.record_count, b.lines
FROM import_batch AS b
WHERE b.account_id = current_account() AND b.import_id = %(import_id)s AND b.lines IS NOT NULL
  AND EXISTS (SELECT FROM unnest(%(sequences)s::integer[]) AS wanted (sequence_number)
              WHERE wanted.sequence_number BETWEEN b.first_sequence AND b.first_sequence + b.record_count - 1)
ORDER BY b.first_sequence;
