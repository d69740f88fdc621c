-- name: read_clock
-- The moment of application: the database's time, one for all machines.
SELECT now();

-- name: find_holders
-- (key_hash, profile_id) of the alternate ids that somebody holds. Index: primary key.
SELECT key_hash, profile_id FROM alternate_key WHERE account_id = current_account() AND key_hash = ANY(%(keys)s);

-- name: lock_profiles
-- Bodies of existing profiles, locked in id order so that two transactions cannot deadlock over them.
SELECT profile_id, body::text, created, modified FROM profile
WHERE account_id = current_account() AND profile_id = ANY(%(ids)s) ORDER BY profile_id FOR UPDATE;

-- name: load_profiles
-- As lock_profiles, without the lock; in id order.
SELECT profile_id, body::text, created, modified FROM profile
WHERE account_id = current_account() AND profile_id = ANY(%(ids)s) ORDER BY profile_id;

-- name: update_profiles
-- Changed bodies.
UPDATE profile AS p SET body = c.body::jsonb, modified = %(modified)s, active = c.active, customer_type = c.customer_type
FROM unnest(%(ids)b::bigint[], %(bodies)b::text[], %(actives)b::boolean[], %(customer_types)b::text[])
  AS c (profile_id, body, active, customer_type)
WHERE p.account_id = current_account() AND p.profile_id = c.profile_id;

-- name: copy_profile
COPY profile (profile_id, body, created, modified, active, customer_type, import_id) FROM STDIN (FORMAT binary);

-- name: insert_profile
INSERT INTO profile (profile_id, body, created, modified, active, customer_type, import_id)
VALUES (%s, %s, %s, %s, %s, %s, %s);

-- name: copy_alternate_key
COPY alternate_key (key_hash, profile_id, type, value) FROM STDIN (FORMAT binary);

-- name: insert_alternate_key
INSERT INTO alternate_key (key_hash, profile_id, type, value) VALUES (%s, %s, %s, %s);

-- name: copy_contact_key
COPY contact_key (key_hash, profile_id, kind, value) FROM STDIN (FORMAT binary);

-- name: insert_contact_key
INSERT INTO contact_key (key_hash, profile_id, kind, value) VALUES (%s, %s, %s, %s);

-- name: copy_ledger
COPY ledger (profile_id, entry, of, place, value, collected, recorded, caller, import_id, sequence_number)
FROM STDIN (FORMAT binary);

-- name: insert_ledger
INSERT INTO ledger (profile_id, entry, of, place, value, collected, recorded, caller, import_id, sequence_number)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: copy_tombstone
COPY tombstone (profile_id, deleted_at, caller, import_id, sequence_number) FROM STDIN (FORMAT binary);

-- name: insert_tombstone
INSERT INTO tombstone (profile_id, deleted_at, caller, import_id, sequence_number) VALUES (%s, %s, %s, %s, %s);

-- name: copy_tag_change
COPY tag_change (tag, name, change) FROM STDIN (FORMAT binary);

-- name: insert_tag_change
INSERT INTO tag_change (tag, name, change) VALUES (%s, %s, %s);

-- name: delete_alternate_keys
DELETE FROM alternate_key WHERE account_id = current_account() AND key_hash = ANY(%(keys)s);

-- name: delete_contact_keys
DELETE FROM contact_key AS k USING unnest(%(keys)s::uuid[], %(ids)s::bigint[]) AS g (key_hash, profile_id)
WHERE k.account_id = current_account() AND k.key_hash = g.key_hash AND k.profile_id = g.profile_id;

-- name: delete_profiles
DELETE FROM profile WHERE account_id = current_account() AND profile_id = ANY(%(ids)s);

-- name: delete_ledger
-- The erasure of people: their history goes with them.
DELETE FROM ledger WHERE account_id = current_account() AND profile_id = ANY(%(ids)s);

-- name: find_contact_profiles
-- Active profiles that have this address or number, actively, by id; one more than the limit says there are too many.
SELECT p.profile_id, p.body::text, p.created, p.modified FROM contact_key AS k
JOIN profile AS p ON p.account_id = k.account_id AND p.profile_id = k.profile_id
WHERE k.account_id = current_account() AND k.key_hash = %(key)s AND p.active
ORDER BY p.profile_id LIMIT %(limit)s;

-- name: list_history
-- Applied choices of one kind in order of application. Index: primary key.
SELECT entry, place, value, collected, recorded, caller, import_id, sequence_number FROM ledger
WHERE account_id = current_account() AND profile_id = %(profile_id)s AND of = %(of)s
ORDER BY entry LIMIT %(limit)s OFFSET %(offset)s;

-- name: list_entries
-- Who recorded each entry of these, and when: of current choices.
SELECT entry, recorded, caller FROM ledger
WHERE account_id = current_account() AND profile_id = %(profile_id)s AND entry = ANY(%(entries)s);

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
