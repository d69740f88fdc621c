-- name: check_schema
-- The newest migration. Fails if the schema does not exist.
SELECT max(number) FROM schema_migration;

-- name: find_account
-- The account of a clientId, across accounts, by a function that gives only the id. NULL: none.
SELECT account_of_client(%(client_id)s);

-- name: reserve_account_id
-- A number for a new account. The INSERT takes the number, so the caller holds the lock of lock_accounts until then.
SELECT next_account_id();

-- name: lock_accounts
-- One account document is applied at a time.
SELECT pg_advisory_xact_lock(1633903476) FROM schema_migration WHERE number = 1;

-- name: insert_account
-- A new account without a configuration yet. Refused by account_client_id_key: the clientId is taken.
INSERT INTO account (account_id, client_id, revision) VALUES (%(account_id)s, %(client_id)s, 0);

-- name: current_revision
-- The revision in force. Zero rows: no such account.
SELECT revision FROM account WHERE account_id = current_account();

-- name: load_configuration
-- One revision of the configuration as JSON. Zero rows: no such revision.
SELECT document::text FROM configuration WHERE account_id = current_account() AND revision = %(revision)s;

-- name: list_configurations
-- Each revision of the configuration as JSON, the oldest first. Zero rows: none yet.
SELECT document::text FROM configuration WHERE account_id = current_account() ORDER BY revision;

-- name: is_respelled
-- True if an earlier release may have changed the spelling of a configured name. Zero rows: no such account.
SELECT respelled FROM account WHERE account_id = current_account();

-- name: save_configuration
-- A new revision. Refused by configuration_pkey: another transaction made it.
INSERT INTO configuration (revision, document) VALUES (%(revision)s, %(document)s);

-- name: set_revision
-- Puts a revision in force.
UPDATE account SET revision = %(revision)s WHERE account_id = current_account();

-- name: keep_consent_text
-- Keeps a text as shown. A text that exists already does not change.
INSERT INTO consent_text (consent_type, version, locale, sha256, body)
VALUES (%(consent_type)s, %(version)s, %(locale)s, %(sha256)s, %(body)s)
ON CONFLICT (account_id, consent_type, version, locale) DO NOTHING;

-- name: reserve_profile_ids
-- Reserves `count` profile ids in sequence, and gives the first one. Locks the account's row until commit.
UPDATE account SET next_profile_id = next_profile_id + %(count)s
WHERE account_id = current_account() RETURNING next_profile_id - %(count)s;
