-- name: lock_uploads
-- Only one upload of the account begins or grows by a form at a time, so that the limits count each. Until the
-- transaction ends. The number is "uplo" in ASCII.
SELECT pg_advisory_xact_lock(1970302063, account_id) FROM account WHERE account_id = current_account();

-- name: measure_uploads
-- The number of uploads that no import has taken yet, and the bytes that all uploads take or have announced.
SELECT count(*) FILTER (WHERE state NOT IN ('Staged', 'GivenUp')), coalesce(sum(greatest(size, received)), 0)::bigint
FROM upload WHERE account_id = current_account();

-- name: insert_upload
-- A new upload without bytes.
INSERT INTO upload (upload_id, file_name, size, caller, options)
VALUES (%(upload_id)s, %(file_name)s, %(size)s, %(caller)s, %(options)s);

-- name: find_upload
-- One upload with all its columns. Zero rows: the account has no such upload, or it was given up. Index: primary key.
SELECT account_id, upload_id, file_name, size, received, caller, state, created_at, touched_at, attempts, options,
       recognition, staging_order, orders, import_id, phase, bytes_done, records_done, counts, fault_code, fault
FROM upload WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state <> 'GivenUp';

-- name: lock_upload
-- Like find_upload, and locks the row.
SELECT account_id, upload_id, file_name, size, received, caller, state, created_at, touched_at, attempts, options,
       recognition, staging_order, orders, import_id, phase, bytes_done, records_done, counts, fault_code, fault
FROM upload WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state <> 'GivenUp' FOR UPDATE;

-- name: list_uploads
-- The uploads of the account that are no staged import yet, newest first (a UUIDv7 is ordered by time), like
-- find_upload, without the recognition. `caller`: only those of this user; NULL: all.
SELECT account_id, upload_id, file_name, size, received, caller, state, created_at, touched_at, attempts, options,
       NULL::bytea, NULL::bytea, orders, import_id, phase, bytes_done, records_done, counts, fault_code, fault
FROM upload
WHERE account_id = current_account() AND state NOT IN ('Staged', 'GivenUp')
  AND (%(caller)s::text IS NULL OR caller = %(caller)s)
ORDER BY upload_id DESC LIMIT %(limit)s;

-- name: find_upload_of_import
-- The upload whose last order made this import. Zero rows: the import came in another way, or its file is gone.
SELECT upload_id FROM upload
WHERE account_id = current_account() AND import_id = %(import_id)s AND state <> 'GivenUp';

-- name: grow_upload
-- Counts a part that begins where the bytes end. The last byte: Receiving -> Recognizing. Zero rows: the part begins
-- elsewhere, or the upload takes no more bytes.
UPDATE upload SET received = received + %(length)s, touched_at = now(),
  state = CASE WHEN received + %(length)s = size THEN 'Recognizing' ELSE state END
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state = 'Receiving'
  AND received = %(offset)s AND (size IS NULL OR received + %(length)s <= size)
RETURNING state;

-- name: insert_part
-- The bytes of a part. The caller has counted them by grow_upload.
INSERT INTO upload_part (upload_id, first_byte, bytes) VALUES (%(upload_id)s, %(offset)s, %(bytes)s);

-- name: complete_upload
-- Receiving -> Recognizing, for a form: its end is known now. Zero rows: no byte came, or the state is another one.
UPDATE upload SET size = received, state = 'Recognizing', touched_at = now()
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state = 'Receiving' AND size IS NULL
  AND received > 0
RETURNING upload_id;

-- name: read_part
-- The part that holds a byte. Index: primary key.
SELECT first_byte, bytes FROM upload_part
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND first_byte <= %(at)s
ORDER BY first_byte DESC LIMIT 1;

-- name: recognize_again
-- Recognized, Failed -> Recognizing, with other options for reading. Zero rows: it was in neither state.
UPDATE upload SET state = 'Recognizing', options = %(options)s, recognition = NULL, attempts = 0, fault_code = NULL,
  fault = NULL, touched_at = now()
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state IN ('Recognized', 'Failed')
RETURNING upload_id;

-- name: record_recognition
-- Recognizing -> Recognized. Zero rows: it was given up meanwhile.
UPDATE upload SET state = 'Recognized', recognition = %(recognition)s, attempts = 0, touched_at = now()
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state = 'Recognizing'
RETURNING upload_id;

-- name: order_staging
-- Recognized -> Staging. Zero rows: it was not Recognized.
UPDATE upload SET state = 'Staging', staging_order = %(staging_order)s, orders = orders + 1, import_id = NULL,
  phase = NULL, bytes_done = 0, records_done = 0, counts = NULL, attempts = 0, fault_code = NULL, fault = NULL,
  touched_at = now()
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state = 'Recognized'
RETURNING upload_id;

-- name: note_attempt
-- Counts a process that begins to read the file. Returns how many began since the last progress. Zero rows: there is
-- nothing to do.
UPDATE upload SET attempts = attempts + 1
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state IN ('Recognizing', 'Staging')
RETURNING attempts;

-- name: note_upload_import
-- The import that a staging order made, and the counts of the check. Zero rows: it was given up meanwhile.
UPDATE upload SET import_id = %(import_id)s, counts = %(counts)s
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state = 'Staging'
RETURNING upload_id;

-- name: note_progress
-- How far a staging order is. Zero rows: it was given up meanwhile.
UPDATE upload SET phase = %(reading)s, bytes_done = %(bytes_done)s, records_done = %(records_done)s, touched_at = now(),
  attempts = CASE WHEN %(reading)s::text = 'Stage' THEN 0 ELSE attempts END
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state = 'Staging'
RETURNING upload_id;

-- name: end_staging
-- Staging -> Staged. Zero rows: it was given up meanwhile.
UPDATE upload SET state = 'Staged', counts = %(counts)s, bytes_done = size, touched_at = now()
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state = 'Staging'
RETURNING upload_id;

-- name: fail_upload
-- Recognizing -> Failed, and Staging -> Recognized: the file is good, and another order may do. Zero rows: it was in
-- neither state.
UPDATE upload SET state = CASE WHEN state = 'Recognizing' THEN 'Failed' ELSE 'Recognized' END,
  fault_code = %(code)s, fault = %(message)s, touched_at = now(), attempts = 0
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state IN ('Recognizing', 'Staging')
RETURNING upload_id;

-- name: give_up_upload
-- Any state -> GivenUp. Maintenance deletes it. Zero rows: there is no such upload.
UPDATE upload SET state = 'GivenUp', recognition = NULL, staging_order = NULL, counts = NULL, fault = NULL
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND state <> 'GivenUp'
RETURNING upload_id;

-- name: count_uploaded_batches
-- The batches that were staged into an import under keys with this beginning, their records, and their last
-- SequenceNumber.
SELECT count(*), coalesce(sum(record_count), 0)::bigint, coalesce(max(first_sequence + record_count - 1), 0)
FROM import_batch
WHERE account_id = current_account() AND import_id = %(import_id)s
  AND starts_with(idempotency_key, %(beginning)s);

-- name: try_upload_lock
-- True when no other process reads this upload; held until the transaction ends. The number is "uplw" in ASCII.
SELECT pg_try_advisory_xact_lock(1970302071, hashtext(%(upload_id)s::text)) FROM account
WHERE account_id = current_account();

-- name: list_waiting_uploads
-- The uploads that a process has to read: first those of the account whose files were not read for the longest time.
-- Across accounts (worker). Index upload_waiting.
SELECT account_id, upload_id FROM upload AS waiting WHERE state = %(state)s AND state IN ('Recognizing', 'Staging')
ORDER BY (SELECT max(touched_at) FROM upload AS served
          WHERE served.account_id = waiting.account_id
            AND (served.phase IS NOT NULL OR served.state IN ('Recognized', 'Staged', 'Failed'))) NULLS FIRST,
  touched_at LIMIT 20;

-- name: list_outdated_uploads
-- The uploads that are given up, that nobody has touched for so many days, or whose import has no staged records any
-- more. Across accounts (worker).
SELECT account_id, upload_id FROM upload AS u
WHERE state = 'GivenUp'
   OR (state NOT IN ('Staged', 'GivenUp') AND touched_at < now() - make_interval(days => %(days)s::integer))
   OR (state = 'Staged' AND NOT EXISTS (
         SELECT FROM import AS i
         WHERE i.account_id = u.account_id AND i.import_id = u.import_id AND i.purged_at IS NULL
           AND i.redacted_at IS NULL))
ORDER BY touched_at LIMIT 20;

-- name: delete_upload_parts
-- Some parts of an upload (worker). Zero rows: none is left.
DELETE FROM upload_part
WHERE account_id = current_account() AND upload_id = %(upload_id)s AND first_byte IN (
  SELECT first_byte FROM upload_part WHERE account_id = current_account() AND upload_id = %(upload_id)s
  ORDER BY first_byte LIMIT 16)
RETURNING first_byte;

-- name: delete_upload
-- An upload whose parts are gone (worker).
DELETE FROM upload WHERE account_id = current_account() AND upload_id = %(upload_id)s RETURNING upload_id;

-- name: list_mappings
-- The saved mappings of the account, by name.
SELECT name, document, caller, saved_at FROM saved_mapping WHERE account_id = current_account() ORDER BY name;

-- name: find_mapping
-- One saved mapping. Zero rows: there is none of that name.
SELECT name, document, caller, saved_at FROM saved_mapping WHERE account_id = current_account() AND name = %(name)s;

-- name: replace_mapping
-- Another document for a saved mapping. Zero rows: there is none of that name.
UPDATE saved_mapping SET document = %(document)s, caller = %(caller)s, saved_at = now()
WHERE account_id = current_account() AND name = %(name)s RETURNING name;

-- name: insert_mapping
-- A new saved mapping. Zero rows: another call saved one of that name meanwhile, or the account has too many.
INSERT INTO saved_mapping (name, document, caller)
SELECT %(name)s, %(document)s, %(caller)s
WHERE (SELECT count(*) FROM saved_mapping WHERE account_id = current_account()) < %(most)s::integer
ON CONFLICT DO NOTHING
RETURNING name;

-- name: delete_mapping
-- Zero rows: there is none of that name.
DELETE FROM saved_mapping WHERE account_id = current_account() AND name = %(name)s RETURNING name;
