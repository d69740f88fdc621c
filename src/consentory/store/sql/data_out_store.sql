-- name: list_people
-- The next people after a ProfileId, in order of ProfileId. The body is NULL if a filter leaves the person out: each
-- statement looks at a limited number of people, however few of them the filters select. `named` is a string of JSON that
-- the body contains anywhere. Zero rows: there are no more people. Primary key.
SELECT profile_id,
  CASE WHEN (%(active)s::boolean IS NULL OR active = %(active)s)
    AND (%(import_id)s::uuid IS NULL OR import_id = %(import_id)s)
    AND (%(modified_since)s::timestamptz IS NULL OR modified >= %(modified_since)s)
    AND (%(named)s::text IS NULL OR strpos(body::text, %(named)s) > 0) THEN body::text END,
  created, modified
FROM profile WHERE account_id = current_account() AND profile_id > %(after)s ORDER BY profile_id LIMIT %(limit)s;

-- name: list_recorded
-- (ProfileId, number of the first entry, time, caller) of the ledger rows of a range of people, in this order. Primary
-- key.
SELECT profile_id, entry, recorded, caller FROM ledger
WHERE account_id = current_account() AND profile_id BETWEEN %(first)s AND %(last)s ORDER BY profile_id, entry;

-- name: keep_alive
-- Shows PostgreSQL that a transaction whose reader is slow still has work.
SELECT;
