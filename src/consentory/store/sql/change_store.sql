-- name: read_wal_place
-- A number that grows with each commit: the place in PostgreSQL's log where the next entry begins. The table is on the
-- coordinator of a cluster, so the log is the coordinator's.
SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint FROM account WHERE account_id = current_account();

-- name: insert_change_block
-- Adds changes that are applied together. They get their positions after the commit.
INSERT INTO change_block (block_id, wal_place, change_count, applied_at, import_id, changes)
VALUES (%(block_id)s, %(wal_place)s, %(change_count)s, %(applied_at)s, %(import_id)s, %(changes)b);

-- name: find_unnumbered
-- Accounts with changes that wait for their positions; `true`: the account has a range. Across accounts (worker). Index
-- change_block_waiting.
SELECT b.account_id, r.latest IS NOT NULL
FROM (SELECT DISTINCT account_id FROM change_block WHERE first_position IS NULL) AS b
LEFT JOIN change_range AS r ON r.account_id = b.account_id;

-- name: insert_change_range
-- The range of an account without positions. It changes nothing if the account has a range.
INSERT INTO change_range DEFAULT VALUES ON CONFLICT DO NOTHING;

-- name: lock_change_range
-- Locks the range until the transaction ends. Zero rows: another transaction has the lock. The next statement sees all
-- that the last holder of the lock committed.
SELECT latest FROM change_range WHERE account_id = current_account() FOR UPDATE SKIP LOCKED;

-- name: list_waiting_blocks
-- The blocks that number_changes would number. Index change_block_waiting.
SELECT block_id FROM change_block
WHERE account_id = current_account() AND first_position IS NULL ORDER BY wal_place, block_id LIMIT %(limit)s;

-- name: number_changes
-- Gives the next positions to waiting blocks, in the order of their places in the log. `blocks`: only to these; NULL: to
-- all. One row: the number of blocks. The caller holds lock_change_range. Index change_block_waiting, then primary key.
WITH waiting AS (
  SELECT block_id, change_count, wal_place FROM change_block
  WHERE account_id = current_account() AND first_position IS NULL
    AND (%(blocks)s::uuid[] IS NULL OR block_id = ANY(%(blocks)s::uuid[]))
  ORDER BY wal_place, block_id LIMIT %(limit)s
), given AS (
  SELECT block_id, sum(change_count) OVER (ORDER BY wal_place, block_id) AS last FROM waiting
), numbered AS (
  UPDATE change_block AS b
  SET first_position = (SELECT latest FROM change_range WHERE account_id = current_account()) + g.last - b.change_count + 1
  FROM given AS g WHERE b.account_id = current_account() AND b.block_id = g.block_id
  RETURNING b.change_count
), counted AS (
  SELECT count(*) AS blocks, coalesce(sum(change_count), 0) AS changes FROM numbered
)
UPDATE change_range SET latest = latest + c.changes FROM counted AS c WHERE account_id = current_account()
RETURNING c.blocks;

-- name: read_change_range
-- The oldest position that is kept, and the latest that was given. Zero rows: there are no positions yet.
SELECT oldest, latest FROM change_range WHERE account_id = current_account();

-- name: list_change_blocks
-- The blocks that have a position from `first` to `last`, in order: the block that has `first`, and all after it. Index
-- change_block_position.
SELECT first_position, applied_at, import_id, changes FROM change_block
WHERE account_id = current_account() AND first_position <= %(last)s AND first_position >= coalesce((
    SELECT max(first_position) FROM change_block
    WHERE account_id = current_account() AND first_position <= %(first)s), 0)
ORDER BY first_position;

-- name: list_change_choices
-- The choices that these changes applied. Zero rows for a deleted person. Index: primary key.
SELECT w.profile_id, w.entry, l.choices::text
FROM unnest(%(ids)s::bigint[], %(entries)s::integer[]) AS w (profile_id, entry)
CROSS JOIN LATERAL (
  SELECT choices FROM ledger
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id AND entry = w.entry
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS l;

-- name: find_outdated_changes
-- Accounts whose oldest kept changes are older than their document permits, with the number of days. Across accounts
-- (worker). Index change_block_position, one look-up for each account.
SELECT o.account_id, o.days FROM (
  SELECT r.account_id, r.oldest, coalesce((c.document->'account'->>'changesDays')::integer, 30) AS days
  FROM change_range AS r JOIN account AS a ON a.account_id = r.account_id
  JOIN configuration AS c ON c.account_id = a.account_id AND c.revision = a.revision
  WHERE r.oldest <= r.latest
) AS o JOIN change_block AS b ON b.account_id = o.account_id AND b.first_position = o.oldest
WHERE b.applied_at < now() - make_interval(days => o.days);

-- name: purge_changes
-- Deletes the oldest blocks, in order, up to the first block that is not old; 1,000 at most. Zero rows: none is old. The
-- caller holds lock_change_range. Index change_block_position, then primary key.
WITH oldest AS (
  SELECT block_id, first_position + change_count AS next,
    bool_and(applied_at < now() - make_interval(days => %(days)s)) OVER (ORDER BY first_position) AS is_old
  FROM (
    SELECT block_id, first_position, change_count, applied_at FROM change_block
    WHERE account_id = current_account() AND first_position IS NOT NULL ORDER BY first_position LIMIT 1000
  ) AS b
), gone AS (
  DELETE FROM change_block AS b USING oldest AS o
  WHERE b.account_id = current_account() AND b.block_id = o.block_id AND o.is_old
  RETURNING o.next
)
UPDATE change_range SET oldest = g.next FROM (SELECT max(next) AS next, count(*) AS blocks FROM gone) AS g
WHERE account_id = current_account() AND g.next IS NOT NULL
RETURNING g.blocks;
