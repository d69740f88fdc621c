-- name: keep_before_images
-- Stores the states of changed people before and after a slice of an import (worker). The states of a later slice of
-- the same import are appended to the row of the person. Index: primary key.
INSERT INTO before_image AS b (import_id, profile_id, sequence_number, image, named_keys)
SELECT %(import_id)s, n.profile_id, n.sequence_number, n.image, string_to_array(n.named, ',')::uuid[]
FROM unnest(%(ids)b::bigint[], %(sequences)b::integer[], %(images)b::bytea[], %(named)b::text[])
  AS n (profile_id, sequence_number, image, named)
ON CONFLICT (account_id, import_id, profile_id) DO UPDATE SET sequence_number = excluded.sequence_number,
  image = b.image || excluded.image, named_keys = b.named_keys || excluded.named_keys;

-- name: list_before_images
-- The images of these people that an import stored. Index: primary key.
SELECT w.profile_id, b.image, ARRAY(SELECT uuid_send(key) FROM unnest(b.named_keys) AS key)
FROM unnest(%(ids)s::bigint[]) AS w (profile_id)
CROSS JOIN LATERAL (
  SELECT image, named_keys FROM before_image
  WHERE account_id = (SELECT current_account()) AND import_id = %(undo_of)s AND profile_id = w.profile_id OFFSET 0
) AS b;

-- name: list_created_people
-- The people of this list whom an import created. `changed_since`: somebody else has changed the person since. Index:
-- primary key.
SELECT w.profile_id, p.changed_since FROM unnest(%(ids)s::bigint[]) AS w (profile_id)
CROSS JOIN LATERAL (
  SELECT changed_since FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id AND import_id = %(undo_of)s OFFSET 0
) AS p;

-- name: list_undoable_people
-- The people whom an import created, then the people whom it changed. In each group the last person comes first. Each
-- person has the keys of the alternate ids that the import gave or took. Index: the primary keys, because an import
-- creates people within its range of ids.
SELECT profile_id, ARRAY(SELECT uuid_send(key) FROM unnest(named_keys) AS key) FROM (
  SELECT b.profile_id, b.sequence_number, b.named_keys, false AS is_created FROM before_image AS b
  WHERE b.account_id = current_account() AND b.import_id = %(undo_of)s
  UNION ALL
  SELECT p.profile_id, (p.profile_id - i.first_profile_id + 1)::integer, '{}', true
  FROM import AS i JOIN profile AS p ON p.account_id = i.account_id
    AND p.profile_id >= i.first_profile_id AND p.profile_id < i.first_profile_id + i.received
    AND p.import_id = i.import_id
  WHERE i.account_id = current_account() AND i.import_id = %(undo_of)s
) AS touched
ORDER BY is_created DESC, sequence_number DESC, profile_id;

-- name: delete_before_images
-- Deletes the images of deleted people, from all imports. One look-up for each import that keeps images. Index
-- import_before_images.
DELETE FROM before_image WHERE account_id = current_account()
  AND import_id = ANY(ARRAY(
    SELECT import_id FROM import WHERE account_id = current_account() AND before_images IS NOT NULL))
  AND profile_id = ANY(%(ids)s::bigint[]);

-- name: judge_undo
-- Three facts: the import still keeps its images; its window is open; the undo of it that has not failed. One row.
SELECT coalesce(before_images = 'Kept', false), coalesce(completed_at + make_interval(days => %(days)s) > now(), false),
  (SELECT u.import_id FROM import AS u WHERE u.account_id = import.account_id AND u.undo_of = import.import_id
          AND u.status <> 'Failed')
FROM import WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: open_undo
-- Initiated -> Staging, as the undo of another import. The constraint import_undone_once refuses a second undo.
UPDATE import SET status = 'Staging', undo_of = %(undo_of)s, restore_yes = %(restore_yes)s
WHERE account_id = current_account() AND import_id = %(import_id)s AND status = 'Initiated'
RETURNING import_id;

-- name: find_images_to_purge
-- Completed imports whose window is over by the present account document, if no unfinished undo needs them; and imports
-- whose images are partly deleted. The earliest completion comes first. Across accounts (worker).
SELECT i.account_id, i.import_id FROM import AS i
JOIN account AS a ON a.account_id = i.account_id
JOIN configuration AS c ON c.account_id = a.account_id AND c.revision = a.revision
WHERE i.before_images = 'Going' OR i.before_images = 'Kept' AND i.status = 'Completed'
  AND now() >= i.completed_at + make_interval(days => coalesce((c.document->'account'->>'undoDays')::integer, 10))
  AND NOT EXISTS (SELECT FROM import AS u WHERE u.account_id = i.account_id AND u.undo_of = i.import_id
                  AND u.status IN ('Initiated', 'Staging', 'Queued', 'Processing'))
ORDER BY i.completed_at LIMIT 20;

-- name: mark_images_going
-- Kept -> Going: the import can no longer be undone. Zero rows: an undo needs the images, or they were marked already.
-- The caller holds the lock of lock_import.
UPDATE import AS i SET before_images = 'Going'
WHERE i.account_id = current_account() AND i.import_id = %(import_id)s AND i.before_images = 'Kept'
  AND NOT EXISTS (SELECT FROM import AS u WHERE u.account_id = i.account_id AND u.undo_of = i.import_id
                  AND u.status IN ('Initiated', 'Staging', 'Queued', 'Processing'))
RETURNING i.import_id;

-- name: purge_before_images
-- Deletes up to 5,000 images of an import whose images are marked. Zero rows: none is left.
DELETE FROM before_image WHERE ctid = ANY(ARRAY(
  SELECT b.ctid FROM before_image AS b
  JOIN import AS i ON i.account_id = b.account_id AND i.import_id = b.import_id AND i.before_images = 'Going'
  WHERE b.account_id = current_account() AND b.import_id = %(import_id)s LIMIT 5000))
  AND account_id = current_account();

-- name: mark_images_gone
-- Going -> NULL: no image is left. Zero rows: some images are left, or this is stored already.
UPDATE import SET before_images = NULL
WHERE account_id = current_account() AND import_id = %(import_id)s AND before_images = 'Going'
  AND NOT EXISTS (SELECT FROM before_image WHERE account_id = current_account() AND import_id = %(import_id)s)
RETURNING import_id;
