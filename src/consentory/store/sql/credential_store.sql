-- name: find_credential_account
-- The account of a credential, across accounts, by a function that gives only the id. NULL: none.
-- Index credential_client_id.
SELECT account_of_credential(%(client_id)s);

-- name: find_credential
-- One credential of the account, revoked or live. Zero rows: the account has none with that id. Primary key.
SELECT client_id, user_id, secret_hash, created_at, revoked_at
FROM credential WHERE account_id = current_account() AND client_id = %(client_id)s;

-- name: read_standing
-- The revision in force, if a credential is live, and if a token has expired. Zero rows: no such account.
-- Primary keys.
SELECT revision, EXISTS (
    SELECT FROM credential
    WHERE account_id = current_account() AND client_id = %(client_id)s AND revoked_at IS NULL
), %(ends)s::numeric <= extract(epoch FROM clock_timestamp()) FROM account WHERE account_id = current_account();

-- name: list_credentials
-- All credentials of the account, also the revoked ones, oldest first. Zero rows: none was ever made.
SELECT client_id, user_id, secret_hash, created_at, revoked_at
FROM credential WHERE account_id = current_account() ORDER BY created_at, client_id;

-- name: lock_credentials
-- Until commit no other transaction can make a credential of this account, so that there are two at most.
SELECT pg_advisory_xact_lock(1668441444, account_id) FROM account WHERE account_id = current_account();

-- name: count_live_credentials
-- The number of live credentials of a user. Always one row.
SELECT count(*) FROM credential
WHERE account_id = current_account() AND user_id = %(user_id)s AND revoked_at IS NULL;

-- name: insert_credential
-- A new live credential. Refused by credential_client_id: another credential of any account has the id.
INSERT INTO credential (client_id, user_id, secret_hash)
VALUES (%(client_id)s, %(user_id)s, %(secret_hash)s);

-- name: renew_secret_hash
-- Replaces the hash of the same secret. Zero rows: the credential was revoked, or another process replaced the hash.
UPDATE credential SET secret_hash = %(secret_hash)s
WHERE account_id = current_account() AND client_id = %(client_id)s AND secret_hash = %(old)s AND revoked_at IS NULL;

-- name: revoke_credential
-- Revokes for good. The time of the first revocation stays. Zero rows: the account has none with that id.
UPDATE credential SET revoked_at = least(revoked_at, now())
WHERE account_id = current_account() AND client_id = %(client_id)s
RETURNING client_id, user_id, secret_hash, created_at, revoked_at;
