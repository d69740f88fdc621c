-- name: list_signing_keys
-- The keys of bearer tokens, newest first. The first one signs, and all of them verify. A key with a newer key that is
-- older than `seconds` is left out, because its tokens have expired. Zero rows: none yet.
SELECT key_id, encrypted, secret_key_id, created_at FROM signing_key AS key
WHERE NOT EXISTS (
  SELECT FROM signing_key AS follower WHERE follower.created_at > key.created_at
    AND follower.created_at < now() - make_interval(secs => %(seconds)s))
ORDER BY created_at DESC, key_id;

-- name: insert_signing_key
-- Adds a key. If several processes add a key at the same time, only the first key is stored.
INSERT INTO signing_key (key_id, encrypted, secret_key_id, created_at)
VALUES (%(key_id)s, %(encrypted)s, %(secret_key_id)s, statement_timestamp()) ON CONFLICT (key_id) DO NOTHING;

-- name: delete_signing_keys
-- Deletes all keys except these.
DELETE FROM signing_key WHERE key_id <> ALL(%(key_ids)s::text[]);

-- name: reencrypt_signing_key
-- The same key, encrypted under another secret key.
UPDATE signing_key SET encrypted = %(encrypted)s, secret_key_id = %(secret_key_id)s WHERE key_id = %(key_id)s;

-- name: list_hmac_keys
-- All shared keys of the account, also the revoked ones, oldest first. Zero rows: PNAUTHINFO3 is off.
SELECT key_id, encrypted, secret_key_id, created_at, revoked_at
FROM hmac_key WHERE account_id = current_account() ORDER BY created_at, key_id;

-- name: insert_hmac_key
-- A new live shared key.
INSERT INTO hmac_key (key_id, encrypted, secret_key_id) VALUES (%(key_id)s, %(encrypted)s, %(secret_key_id)s);

-- name: revoke_hmac_key
-- Revokes for good, and deletes the bytes of the key. The time of the first revocation stays. Zero rows: the account
-- has none with that id.
UPDATE hmac_key SET revoked_at = least(revoked_at, now()), encrypted = ''
WHERE account_id = current_account() AND key_id = %(key_id)s
RETURNING key_id, encrypted, secret_key_id, created_at, revoked_at;

-- name: reencrypt_hmac_key
-- The same key, encrypted under another secret key. A key that was revoked meanwhile stays empty.
UPDATE hmac_key SET encrypted = %(encrypted)s, secret_key_id = %(secret_key_id)s
WHERE account_id = current_account() AND key_id = %(key_id)s AND revoked_at IS NULL;

-- name: find_account_to_reencrypt
-- An account with a live key that is encrypted under another secret key, across accounts, by a function that gives only
-- the id. NULL: none.
SELECT account_to_reencrypt(%(secret_key_id)s);

-- name: note_signature
-- How often this signature was used, this time included. Primary key.
INSERT INTO hmac_use (fingerprint, ends_at) VALUES (%(fingerprint)s, now() + make_interval(secs => %(seconds)s))
ON CONFLICT (account_id, fingerprint) DO UPDATE SET uses = hmac_use.uses + 1
RETURNING uses;

-- name: forget_signatures
-- Deletes a few signatures that no longer count. Index hmac_use_ended.
DELETE FROM hmac_use WHERE account_id = current_account() AND fingerprint IN (
  SELECT fingerprint FROM hmac_use WHERE account_id = current_account() AND ends_at < now()
  ORDER BY ends_at LIMIT 20 FOR UPDATE SKIP LOCKED);
