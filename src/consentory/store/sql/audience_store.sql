-- name: find_uncounted
-- Across accounts (worker): accounts whose people were not counted today, or are to be counted again, and that no
-- worker counts now. After an import, an account is counted again if counting takes less than a twentieth of the time.
-- While an import runs, for 6 hours at most, its account is counted only if somebody asks for it: the count would follow
-- the import through all its people, and take the time of the worker that applies them. Index import_one_processing.
SELECT a.account_id FROM account AS a
LEFT JOIN audience_count AS c ON c.account_id = a.account_id AND c.day = (now() AT TIME ZONE 'UTC')::date
WHERE (c.counted_at < c.wanted_at OR (c.counted_at IS NULL AND c.wanted_at IS NOT NULL) OR NOT EXISTS (
    SELECT FROM import AS p WHERE p.account_id = a.account_id AND p.status = 'Processing'
      AND p.started_at > now() - interval '6 hours'))
  AND (c.day IS NULL OR ((c.began_at IS NULL OR c.began_at = c.counted_at OR c.began_at < c.wanted_at
      OR c.began_at < now() - interval '15 minutes')
    AND (c.counted_at IS NULL OR c.counted_at < c.wanted_at
      OR (now() > c.ended_at + interval '1 minute' + 20 * (c.ended_at - c.counted_at)
        AND c.counted_at < (SELECT i.completed_at FROM import AS i
          WHERE i.account_id = a.account_id AND i.status = 'Completed' ORDER BY i.import_id DESC LIMIT 1)))));

-- name: begin_count
-- Claims the count of the account. Zero rows: another worker counts. Primary key.
INSERT INTO audience_count AS c (day, began_at) VALUES ((now() AT TIME ZONE 'UTC')::date, %(began_at)s)
ON CONFLICT (account_id, day) DO UPDATE SET began_at = excluded.began_at
WHERE c.began_at IS NULL OR c.began_at = c.counted_at OR c.began_at < c.wanted_at
  OR excluded.began_at - c.began_at > interval '15 minutes'
RETURNING c.day;

-- name: end_count
-- Keeps a count. It changes nothing if another worker has begun the count anew. Primary key.
UPDATE audience_count SET counted_at = began_at, ended_at = now(), counts = %(numbers)s
WHERE account_id = current_account() AND day = %(day)s AND began_at = %(began_at)s;

-- name: want_count
-- Asks for a count of now, at most once a minute. Primary key.
INSERT INTO audience_count AS c (day, wanted_at) VALUES ((now() AT TIME ZONE 'UTC')::date, now())
ON CONFLICT (account_id, day) DO UPDATE SET wanted_at = excluded.wanted_at
WHERE excluded.wanted_at - c.counted_at > interval '1 minute';

-- name: list_counts
-- The counts of the newest days, the newest first. Primary key.
SELECT day, counted_at, counts, counted_at IS NULL OR counted_at < wanted_at FROM audience_count
WHERE account_id = current_account() ORDER BY day DESC LIMIT %(limit)s;
