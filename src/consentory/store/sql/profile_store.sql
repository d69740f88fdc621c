-- name: read_clock
-- The database's time, which is the same for all machines. Not now(): that is the begin of the transaction, and since
-- then the transaction may have waited for people whom another one changed.
SELECT clock_timestamp();

-- name: find_holders
-- (key_hash, profile_id) of the alternate ids that have a holder. Primary key. This and the next statements force one
-- look-up for each key. Without that, PostgreSQL expects one person in an account without statistics, and reads all
-- people of the account for a join or (15) for a list of keys. The account stands in a SELECT, so that it is read once
-- and not for each look-up.
-- On Citus all keys (or profiles) of one call are of one shard, and `one` is any of them: the condition on `one` shows
-- Citus the shard. Elsewhere `one` is NULL. Then the condition is true at once: without "IS NULL OR" in front, each
-- look-up would compare its row with all keys.
SELECT uuid_send(w.key), k.profile_id FROM unnest(%(keys)s::uuid[]) AS w (key)
CROSS JOIN LATERAL (
  SELECT profile_id FROM alternate_key WHERE account_id = (SELECT current_account()) AND key_hash = w.key
    AND (%(one)s::uuid IS NULL OR key_hash = ANY(%(keys)s::uuid[]) OR key_hash = %(one)s::uuid) OFFSET 0
) AS k;

-- name: lock_states
-- States of existing profiles of one shard, locked in id order so that two transactions cannot deadlock over them.
SELECT w.profile_id, p.body::text
FROM (SELECT unnest(%(ids)s::bigint[]) AS profile_id ORDER BY 1) AS w
CROSS JOIN LATERAL (
  SELECT body FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  FOR UPDATE
) AS p;

-- name: lock_compared
-- For each profile with its match key and a fingerprint: locked in id order. The body is given only if the person has
-- another fingerprint.
SELECT uuid_send(w.key), w.profile_id, CASE WHEN p.fingerprint IS DISTINCT FROM w.fingerprint THEN p.body::text END
FROM (
  SELECT profile_id, key, fingerprint
  FROM unnest(%(ids)s::bigint[], %(keys)s::uuid[], %(fingerprints)s::uuid[]) AS u (profile_id, key, fingerprint)
  ORDER BY profile_id
) AS w
CROSS JOIN LATERAL (
  SELECT body, fingerprint FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  FOR UPDATE
) AS p;

-- name: load_compared
-- Like lock_compared, without locks.
SELECT uuid_send(w.key), w.profile_id, CASE WHEN p.fingerprint IS DISTINCT FROM w.fingerprint THEN p.body::text END
FROM (
  SELECT profile_id, key, fingerprint
  FROM unnest(%(ids)s::bigint[], %(keys)s::uuid[], %(fingerprints)s::uuid[]) AS u (profile_id, key, fingerprint)
  ORDER BY profile_id
) AS w
CROSS JOIN LATERAL (
  SELECT body, fingerprint FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS p;

-- name: load_profiles
-- Existing profiles, in id order, without locks.
SELECT w.profile_id, p.body::text, p.created, p.modified
FROM (SELECT unnest(%(ids)s::bigint[]) AS profile_id ORDER BY 1) AS w
CROSS JOIN LATERAL (
  SELECT body, created, modified FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS p;

-- name: update_profiles
-- Changed bodies, of people whose rows are locked.
UPDATE profile AS p SET body = c.body::json, modified = %(modified)s, active = c.active,
  customer_type = c.customer_type, fingerprint = c.fingerprint,
  changed_since = p.changed_since OR p.import_id IS DISTINCT FROM %(import_id)s
FROM unnest(%(ids)b::bigint[], %(bodies)b::text[], %(actives)b::boolean[], %(customer_types)b::text[],
            %(fingerprints)s::uuid[])
  AS c (profile_id, body, active, customer_type, fingerprint)
CROSS JOIN LATERAL (
  SELECT ctid FROM profile WHERE account_id = (SELECT current_account()) AND profile_id = c.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)b::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS found
WHERE p.ctid = found.ctid
  AND (%(one)s::bigint IS NULL OR p.profile_id = ANY(%(ids)b::bigint[]) OR p.profile_id = %(one)s::bigint);

-- name: copy_profile
-- Like insert_profile, many at once, for the role without row-level security.
COPY profile (profile_id, body, created, modified, active, customer_type, import_id, fingerprint)
FROM STDIN (FORMAT binary);

-- name: insert_profile
-- A new person.
INSERT INTO profile (profile_id, body, created, modified, active, customer_type, import_id, fingerprint)
VALUES (%s, %s, %s, %s, %s, %s, %s, encode(%s, 'hex')::uuid);

-- name: copy_alternate_key
-- Like insert_alternate_key, many at once, for the role without row-level security.
COPY alternate_key (key_hash, profile_id, type, value) FROM STDIN (FORMAT binary);

-- name: insert_alternate_key
-- Gives an alternate id to a profile. Refused by alternate_key_pkey: another profile holds it.
INSERT INTO alternate_key (key_hash, profile_id, type, value) VALUES (encode(%s, 'hex')::uuid, %s, %s, %s);

-- name: copy_contact_key
-- Like insert_contact_key, many at once, for the role without row-level security.
COPY contact_key (key_hash, profile_id, kind, value) FROM STDIN (FORMAT binary);

-- name: insert_contact_key
-- Lets a search by an address or number find a person.
INSERT INTO contact_key (key_hash, profile_id, kind, value) VALUES (encode(%s, 'hex')::uuid, %s, %s, %s);

-- name: copy_ledger
-- Like insert_ledger, many at once, for the role without row-level security.
COPY ledger (profile_id, entry, choices, recorded, caller, import_id, sequence_number) FROM STDIN (FORMAT binary);

-- name: insert_ledger
-- The choices applied with one record.
INSERT INTO ledger (profile_id, entry, choices, recorded, caller, import_id, sequence_number)
VALUES (%s, %s, %s, %s, %s, %s, %s);

-- name: copy_tombstone
-- Like insert_tombstone, many at once, for the role without row-level security.
COPY tombstone (profile_id, deleted_at, caller, import_id, sequence_number) FROM STDIN (FORMAT binary);

-- name: insert_tombstone
-- The tombstone of a deleted person.
INSERT INTO tombstone (profile_id, deleted_at, caller, import_id, sequence_number) VALUES (%s, %s, %s, %s, %s);

-- name: copy_tag_change
-- Like insert_tag_change, many at once, for the role without row-level security.
COPY tag_change (tag, name, change) FROM STDIN (FORMAT binary);

-- name: insert_tag_change
-- One profile more or less with a tag.
INSERT INTO tag_change (tag, name, change) VALUES (%s, %s, %s);

-- name: delete_alternate_keys
-- Takes alternate ids from their holders, in the given order.
DELETE FROM alternate_key AS k
USING unnest(%(keys)s::uuid[]) AS w (key)
CROSS JOIN LATERAL (
  SELECT ctid FROM alternate_key WHERE account_id = (SELECT current_account()) AND key_hash = w.key
    AND (%(one)s::uuid IS NULL OR key_hash = ANY(%(keys)s::uuid[]) OR key_hash = %(one)s::uuid)
  OFFSET 0
) AS found
WHERE k.ctid = found.ctid
  AND (%(one)s::uuid IS NULL OR k.key_hash = ANY(%(keys)s::uuid[]) OR k.key_hash = %(one)s::uuid);

-- name: delete_contact_keys
-- A search no longer finds people by these addresses and numbers. The rows of the people are locked.
DELETE FROM contact_key AS k
USING unnest(%(keys)s::uuid[], %(ids)s::bigint[]) AS g (key_hash, profile_id)
CROSS JOIN LATERAL (
  SELECT ctid FROM contact_key
  WHERE account_id = (SELECT current_account()) AND key_hash = g.key_hash AND profile_id = g.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS found
WHERE k.ctid = found.ctid
  AND (%(one)s::bigint IS NULL OR k.profile_id = ANY(%(ids)s::bigint[]) OR k.profile_id = %(one)s::bigint);

-- name: delete_profiles
-- Deletes bodies. The keys and the ledger have statements of their own.
DELETE FROM profile AS p
USING unnest(%(ids)s::bigint[]) AS w (profile_id)
CROSS JOIN LATERAL (
  SELECT ctid FROM profile WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS found
WHERE p.ctid = found.ctid
  AND (%(one)s::bigint IS NULL OR p.profile_id = ANY(%(ids)s::bigint[]) OR p.profile_id = %(one)s::bigint);

-- name: delete_ledger
-- Deletes the history of erased people.
DELETE FROM ledger WHERE ctid = ANY(ARRAY(
  SELECT l.ctid FROM unnest(%(ids)s::bigint[]) AS w (profile_id)
  CROSS JOIN LATERAL (
    SELECT ctid FROM ledger WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id
      AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
    OFFSET 0
  ) AS l))
  AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint);

-- name: delete_one_ledger
-- Like delete_ledger, for one person. Under the policies PostgreSQL would read the history of the whole account for
-- delete_ledger. Index: primary key.
DELETE FROM ledger WHERE account_id = current_account() AND profile_id = %(profile_id)s;

-- name: list_contact_holders
-- Ids of profiles with this active address or number, after an id, in order. Index: primary key.
SELECT profile_id FROM contact_key
WHERE account_id = current_account() AND key_hash = encode(%(key)s, 'hex')::uuid AND profile_id > %(after)s
ORDER BY profile_id LIMIT %(limit)s;

-- name: load_active_profiles
-- Like load_profiles, active profiles only.
SELECT w.profile_id, p.body::text, p.created, p.modified
FROM (SELECT unnest(%(ids)s::bigint[]) AS profile_id ORDER BY 1) AS w
CROSS JOIN LATERAL (
  SELECT body, created, modified FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id AND active
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS p;

-- name: list_history
-- The applied choices of one kind after a number, in the order of application. Index: primary key, from the row that
-- holds that number.
SELECT l.entry + c.number::integer - 1, c.choice->>'place', c.choice->'value', (c.choice->>'at')::bigint,
  l.recorded, l.caller, l.import_id, l.sequence_number
FROM ledger AS l CROSS JOIN LATERAL json_array_elements(l.choices) WITH ORDINALITY AS c (choice, number)
WHERE l.account_id = current_account() AND l.profile_id = %(profile_id)s AND c.choice->>'of' = %(of)s
  AND l.entry >= coalesce((
    SELECT max(entry) FROM ledger
    WHERE account_id = current_account() AND profile_id = %(profile_id)s AND entry <= %(after)s), 0)
  AND l.entry + c.number - 1 > %(after)s
ORDER BY l.entry, c.number LIMIT %(limit)s;

-- name: list_latest_choices
-- The applied choices before a number, the newest first. Index: primary key, backwards.
SELECT l.entry + c.number::integer - 1, c.choice->>'place', c.choice->'value', (c.choice->>'at')::bigint,
  l.recorded, l.caller, l.import_id, l.sequence_number
FROM ledger AS l CROSS JOIN LATERAL json_array_elements(l.choices) WITH ORDINALITY AS c (choice, number)
WHERE l.account_id = current_account() AND l.profile_id = %(profile_id)s AND l.entry < %(before_entry)s
  AND l.entry + c.number - 1 < %(before_entry)s
ORDER BY l.entry DESC, c.number DESC LIMIT %(limit)s;

-- name: list_origins
-- For each entry of one person: the time, the caller, the import and the record. Primary key.
SELECT wanted.entry, l.recorded, l.caller, l.import_id, l.sequence_number
FROM unnest(%(entries)s::integer[]) AS wanted (entry)
CROSS JOIN LATERAL (
  SELECT recorded, caller, import_id, sequence_number FROM ledger
  WHERE account_id = current_account() AND profile_id = %(profile_id)s AND entry <= wanted.entry
  ORDER BY entry DESC LIMIT 1
) AS l;

-- name: list_entries
-- The caller and the time of these entries, for the current choices of many people.
SELECT wanted.profile_id, wanted.entry, l.recorded, l.caller
FROM unnest(%(ids)s::bigint[], %(entries)s::integer[]) AS wanted (profile_id, entry)
CROSS JOIN LATERAL (
  SELECT recorded, caller FROM ledger
  WHERE account_id = (SELECT current_account()) AND profile_id = wanted.profile_id AND entry <= wanted.entry
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  ORDER BY entry DESC LIMIT 1
) AS l;

-- name: list_tags
-- (name, profiles that have the tag) by name.
SELECT min(name COLLATE "C"), sum(change) FROM tag_change WHERE account_id = current_account()
GROUP BY tag HAVING sum(change) > 0 ORDER BY 1;

-- name: fold_tags
-- Folds the changes of each tag into one row. It sums only the rows that it deletes, so concurrent changes are safe.
WITH gone AS (DELETE FROM tag_change WHERE account_id = current_account() RETURNING tag, name, change)
INSERT INTO tag_change (tag, name, change)
SELECT tag, min(name COLLATE "C"), sum(change) FROM gone GROUP BY tag HAVING sum(change) <> 0;

-- name: find_foldable
-- Accounts with enough tag changes to fold. Across accounts (worker).
SELECT account_id FROM tag_change GROUP BY account_id HAVING count(*) > 2000;

-- name: count_active
-- Active profiles of the account.
SELECT count(*) FROM profile WHERE account_id = current_account() AND active;

-- name: count_some_active
-- Active profiles of the account, counted no further than `most`.
SELECT count(*) FROM (
  SELECT profile_id FROM profile WHERE account_id = current_account() AND active LIMIT %(most)s) AS p;

-- name: list_ids_after
-- The ids of the next profiles after an id, in ascending order. Zero rows: there are no more. Index: primary key.
SELECT profile_id FROM profile
WHERE account_id = current_account() AND profile_id > %(after)s ORDER BY profile_id LIMIT %(limit)s;

-- name: respell_state
-- The same person with names as configured, whose row is locked. For everybody who reads over HTTP nothing changes.
UPDATE profile SET body = %(body)s::json, customer_type = %(customer_type)s
WHERE account_id = current_account() AND profile_id = %(profile_id)s;
