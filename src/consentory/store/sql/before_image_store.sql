-- name: copy_before_images
-- Stores the states of changed people before and after a slice of an import (worker). Refused by before_image_pkey: an
-- earlier slice of the same import changed one of the people, too.
COPY before_image (import_id, profile_id, sequence_number, image, named_keys) FROM STDIN (FORMAT binary);

-- name: append_before_images
-- Like copy_before_images, and appends the states to the row of a person whom an earlier slice of the same import
-- changed, too. It takes a third longer. Index: primary key.
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
  WHERE account_id = (SELECT current_account()) AND import_id = %(undo_of)s AND profile_id = w.profile_id
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS b;

-- name: list_created_people
-- The people of this list whom an import created. `changed_since`: somebody else has changed the person since. Index:
-- primary key.
SELECT w.profile_id, p.changed_since FROM unnest(%(ids)s::bigint[]) AS w (profile_id)
CROSS JOIN LATERAL (
  SELECT changed_since FROM profile
  WHERE account_id = (SELECT current_account()) AND profile_id = w.profile_id AND import_id = %(undo_of)s
    AND (%(one)s::bigint IS NULL OR profile_id = ANY(%(ids)s::bigint[]) OR profile_id = %(one)s::bigint)
  OFFSET 0
) AS p;

-- name: find_own_ids
-- The range of ids in which an import creates people: its first one, and their number.
SELECT first_profile_id, received FROM import WHERE account_id = current_account() AND import_id = %(undo_of)s;

-- name: list_people_created_by
-- The people whom an import created, the last person first. Index: primary key, within the range of ids.
SELECT profile_id FROM profile
WHERE account_id = current_account() AND profile_id >= %(first)s::bigint AND profile_id < %(first)s::bigint + %(count)s::bigint
  AND import_id = %(undo_of)s
ORDER BY profile_id DESC;

-- name: list_people_changed_by
-- The people whom an import changed, with the keys of the alternate ids that the import gave or took. The last person
-- comes first. Index: primary key.
SELECT profile_id, named_keys FROM before_image
WHERE account_id = current_account() AND import_id = %(undo_of)s
ORDER BY sequence_number DESC, profile_id;

-- name: list_imports_with_images
-- The imports that keep images. Index import_before_images.
SELECT import_id FROM import WHERE account_id = current_account() AND before_images IS NOT NULL;

-- name: delete_before_images
-- Deletes the images of deleted people, from these imports. One look-up for each import. Index: primary key.
DELETE FROM before_image WHERE account_id = current_account()
  AND import_id = ANY(%(import_ids)s::uuid[]) AND profile_id = ANY(%(ids)s::bigint[]);

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

-- name: list_images_to_purge
-- Up to 5,000 people of whom an import keeps an image. Index: primary key.
SELECT profile_id FROM before_image WHERE account_id = current_account() AND import_id = %(import_id)s
ORDER BY profile_id LIMIT 5000;

-- name: are_images_going
-- True if the images of an import are marked. They stay marked.
SELECT before_images = 'Going' FROM import WHERE account_id = current_account() AND import_id = %(import_id)s;

-- name: mark_images_gone
-- Going -> NULL. Zero rows: this is stored already. The caller has seen that no image is left.
UPDATE import SET before_images = NULL
WHERE account_id = current_account() AND import_id = %(import_id)s AND before_images = 'Going'
RETURNING import_id;
