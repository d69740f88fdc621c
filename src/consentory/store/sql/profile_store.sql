-- name: read_clock
-- The database's time, one for all machines. Not now(), which is when the transaction began: it may have waited since,
-- for people whom another one then changed.
SELECT clock_timestamp();

-- name: find_holders
-- (key_hash, profile_id) of the alternate ids that somebody holds. Primary key, one look-up a key, here and in all
-- that follow, whatever PostgreSQL expects: of an account that it has no statistics of yet it expects a single person,
-- and would read all of them for a join or (15) for a list of keys. The account in a SELECT: found out once, and not
-- for each look-up.
SELECT uuid_send(w.key), k.profile_id FROM unnest(string_to_array(%(keys)s, ',')::uuid[]) AS w (key)
CROSS JOIN LATERAL (
  SELECT profile_id FROM alternate_key WHERE account_id = (SELECT current_account()) AND key_hash = w.key OFFSET 0
) AS k;

-- name: lock_states
-- States of existing profiles, locked in id order so that two transactions cannot deadlock over them.
SELECT w.profile_id, p.body::text
FROM (SELECT unnest(%(ids)s::bigint[]) AS profile_id ORDER BY 1) AS w
CROSS JOIN LATERAL (
  SELECT body FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id FOR UPDATE
) AS p;

-- name: lock_matched
-- Of each fingerprint with the key to match by: the person who holds the key, locked in id order, and the body where
-- the fingerprint is not the person's.
SELECT uuid_send(m.key), m.profile_id, CASE WHEN p.fingerprint IS DISTINCT FROM m.fingerprint THEN p.body::text END
FROM (
  SELECT w.key, w.fingerprint, k.profile_id
  FROM unnest(string_to_array(%(keys)s, ',')::uuid[], string_to_array(%(fingerprints)s, ',')::uuid[])
    AS w (key, fingerprint)
  CROSS JOIN LATERAL (
    SELECT profile_id FROM alternate_key WHERE account_id = (SELECT current_account()) AND key_hash = w.key OFFSET 0
  ) AS k
  ORDER BY k.profile_id
) AS m
CROSS JOIN LATERAL (
  SELECT body, fingerprint FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = m.profile_id FOR UPDATE
) AS p;

-- name: load_matched
-- As lock_matched, not locked.
SELECT uuid_send(m.key), m.profile_id, CASE WHEN p.fingerprint IS DISTINCT FROM m.fingerprint THEN p.body::text END
FROM (
  SELECT w.key, w.fingerprint, k.profile_id
  FROM unnest(string_to_array(%(keys)s, ',')::uuid[], string_to_array(%(fingerprints)s, ',')::uuid[])
    AS w (key, fingerprint)
  CROSS JOIN LATERAL (
    SELECT profile_id FROM alternate_key WHERE account_id = (SELECT current_account()) AND key_hash = w.key OFFSET 0
  ) AS k
  ORDER BY k.profile_id
) AS m
CROSS JOIN LATERAL (
  SELECT body, fingerprint FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = m.profile_id OFFSET 0
) AS p;

-- name: load_profiles
-- Existing profiles, in id order, not locked.
SELECT w.profile_id, p.body::text, p.created, p.modified
FROM (SELECT unnest(%(ids)s::bigint[]) AS profile_id ORDER BY 1) AS w
CROSS JOIN LATERAL (
  SELECT body, created, modified FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id OFFSET 0
) AS p;

-- name: update_profiles
-- Changed bodies, of people whose rows are locked.
UPDATE profile AS p SET body = c.body::json, modified = %(modified)s, active = c.active,
  customer_type = c.customer_type, fingerprint = c.fingerprint
FROM unnest(%(ids)b::bigint[], %(bodies)b::text[], %(actives)b::boolean[], %(customer_types)b::text[],
            string_to_array(%(fingerprints)s, ',', '')::uuid[])
  AS c (profile_id, body, active, customer_type, fingerprint)
CROSS JOIN LATERAL (
  SELECT ctid FROM profile WHERE account_id = (SELECT current_account()) AND profile_id = c.profile_id OFFSET 0
) AS found
WHERE p.ctid = found.ctid;

-- name: copy_profile
-- As insert_profile, many at once: for the role that no policy binds.
COPY profile (profile_id, body, created, modified, active, customer_type, import_id, fingerprint)
FROM STDIN (FORMAT binary);

-- name: insert_profile
-- A new person.
INSERT INTO profile (profile_id, body, created, modified, active, customer_type, import_id, fingerprint)
VALUES (%s, %s, %s, %s, %s, %s, %s, encode(%s, 'hex')::uuid);

-- name: copy_alternate_key
-- As insert_alternate_key, many at once: for the role that no policy binds.
COPY alternate_key (key_hash, profile_id, type, value) FROM STDIN (FORMAT binary);

-- name: insert_alternate_key
-- Gives out an alternate id. Refused by alternate_key_pkey: somebody holds it.
INSERT INTO alternate_key (key_hash, profile_id, type, value) VALUES (encode(%s, 'hex')::uuid, %s, %s, %s);

-- name: copy_contact_key
-- As insert_contact_key, many at once: for the role that no policy binds.
COPY contact_key (key_hash, profile_id, kind, value) FROM STDIN (FORMAT binary);

-- name: insert_contact_key
-- Makes a person found by an address or number.
INSERT INTO contact_key (key_hash, profile_id, kind, value) VALUES (encode(%s, 'hex')::uuid, %s, %s, %s);

-- name: copy_ledger
-- As insert_ledger, many at once: for the role that no policy binds.
COPY ledger (profile_id, entry, choices, recorded, caller, import_id, sequence_number) FROM STDIN (FORMAT binary);

-- name: insert_ledger
-- The choices applied with one record.
INSERT INTO ledger (profile_id, entry, choices, recorded, caller, import_id, sequence_number)
VALUES (%s, %s, %s, %s, %s, %s, %s);

-- name: copy_tombstone
-- As insert_tombstone, many at once: for the role that no policy binds.
COPY tombstone (profile_id, deleted_at, caller, import_id, sequence_number) FROM STDIN (FORMAT binary);

-- name: insert_tombstone
-- The tombstone of a deleted person.
INSERT INTO tombstone (profile_id, deleted_at, caller, import_id, sequence_number) VALUES (%s, %s, %s, %s, %s);

-- name: copy_tag_change
-- As insert_tag_change, many at once: for the role that no policy binds.
COPY tag_change (tag, name, change) FROM STDIN (FORMAT binary);

-- name: insert_tag_change
-- One more or one less with a tag.
INSERT INTO tag_change (tag, name, change) VALUES (%s, %s, %s);

-- name: delete_alternate_keys
-- Takes alternate ids from whoever holds them, in the order given.
DELETE FROM alternate_key AS k
USING unnest(string_to_array(%(keys)s, ',')::uuid[]) AS w (key)
CROSS JOIN LATERAL (
  SELECT ctid FROM alternate_key WHERE account_id = (SELECT current_account()) AND key_hash = w.key OFFSET 0
) AS found
WHERE k.ctid = found.ctid;

-- name: delete_contact_keys
-- People, whose rows are locked, are no longer found by these.
DELETE FROM contact_key AS k
USING unnest(string_to_array(%(keys)s, ',')::uuid[], %(ids)s::bigint[]) AS g (key_hash, profile_id)
CROSS JOIN LATERAL (
  SELECT ctid FROM contact_key
  WHERE account_id = (SELECT current_account()) AND key_hash = g.key_hash AND profile_id = g.profile_id OFFSET 0
) AS found
WHERE k.ctid = found.ctid;

-- name: delete_profiles
-- Bodies; the keys and the ledger have statements of their own.
DELETE FROM profile AS p
USING unnest(%(ids)s::bigint[]) AS w (profile_id)
CROSS JOIN LATERAL (
  SELECT ctid FROM profile WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id OFFSET 0
) AS found
WHERE p.ctid = found.ctid;

-- name: delete_ledger
-- The erasure of people: their history goes with them.
DELETE FROM ledger WHERE ctid = ANY(ARRAY(
  SELECT l.ctid FROM unnest(%(ids)s::bigint[]) AS w (profile_id)
  CROSS JOIN LATERAL (
    SELECT ctid FROM ledger WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id OFFSET 0
  ) AS l));

-- name: delete_one_ledger
-- As delete_ledger, of one person. Under the policies PostgreSQL would find the places of delete_ledger by reading the
-- history of the whole account. Index: primary key.
DELETE FROM ledger WHERE account_id = current_account() AND profile_id = %(profile_id)s;

-- name: find_contact_profiles
-- Active profiles that have this address or number, actively, by id; one more than the limit says there are too many.
SELECT k.profile_id, p.body::text, p.created, p.modified
FROM (
  SELECT profile_id FROM contact_key
  WHERE account_id = current_account() AND key_hash = encode(%(key)s, 'hex')::uuid ORDER BY profile_id OFFSET 0
) AS k
CROSS JOIN LATERAL (
  SELECT body, created, modified FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = k.profile_id AND active OFFSET 0
) AS p
ORDER BY k.profile_id LIMIT %(limit)s;

-- name: list_history
-- Applied choices of one kind in order of application, from the one after a number on. Index: primary key, entered
-- at the row that holds that number.
SELECT l.entry + c.number::integer - 1, c.choice->>'place', c.choice->'value', (c.choice->>'at')::bigint,
  l.recorded, l.caller, l.import_id, l.sequence_number
FROM ledger AS l CROSS JOIN LATERAL json_array_elements(l.choices) WITH ORDINALITY AS c (choice, number)
WHERE l.account_id = current_account() AND l.profile_id = %(profile_id)s AND c.choice->>'of' = %(of)s
  AND l.entry >= coalesce((
    SELECT max(entry) FROM ledger
    WHERE account_id = current_account() AND profile_id = %(profile_id)s AND entry <= %(after)s), 0)
  AND l.entry + c.number - 1 > %(after)s
ORDER BY l.entry, c.number LIMIT %(limit)s;

-- name: list_entries
-- Who recorded each entry of these, and when: of current choices of many people.
SELECT wanted.profile_id, wanted.entry, l.recorded, l.caller
FROM unnest(%(ids)s::bigint[], %(entries)s::integer[]) AS wanted (profile_id, entry)
CROSS JOIN LATERAL (
  SELECT recorded, caller FROM ledger
  WHERE account_id = (SELECT current_account()) AND profile_id = wanted.profile_id AND entry <= wanted.entry
  ORDER BY entry DESC LIMIT 1
) AS l;

-- name: list_tags
-- (name, profiles that have the tag) by name.
SELECT min(name COLLATE "C"), sum(change) FROM tag_change WHERE account_id = current_account()
GROUP BY tag HAVING sum(change) > 0 ORDER BY 1;

-- name: fold_tags
-- Folds each tag's changes into one row. Safe beside others: it sums just what it deletes.
WITH gone AS (DELETE FROM tag_change WHERE account_id = current_account() RETURNING tag, name, change)
INSERT INTO tag_change (tag, name, change)
SELECT tag, min(name COLLATE "C"), sum(change) FROM gone GROUP BY tag HAVING sum(change) <> 0;

-- name: find_foldable
-- Accounts with so many tag changes that folding pays. Across accounts (worker).
SELECT account_id FROM tag_change GROUP BY account_id HAVING count(*) > 2000;
