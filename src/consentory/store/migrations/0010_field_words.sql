-- Tables, columns, functions, indexes and constraints get the words of the field. No row changes.

ALTER TABLE import_frame RENAME TO import_block;
ALTER INDEX import_frame_pkey RENAME TO import_block_pkey;
ALTER TABLE import RENAME COLUMN thinned_at TO redacted_at;
ALTER TABLE import RENAME COLUMN cleared_at TO purge_completed_at;
ALTER TABLE import RENAME CONSTRAINT tidied_when_ended TO maintained_when_ended;
ALTER INDEX import_uncleared RENAME TO import_purging;

ALTER TABLE audit_seal RENAME TO audit_link;
ALTER INDEX audit_seal_pkey RENAME TO audit_link_pkey;
ALTER INDEX audit_seal_event RENAME TO audit_link_event;

ALTER TABLE signing_key RENAME COLUMN sealed TO encrypted;
ALTER TABLE signing_key RENAME COLUMN seal_id TO secret_key_id;
ALTER TABLE hmac_key RENAME COLUMN sealed TO encrypted;
ALTER TABLE hmac_key RENAME COLUMN seal_id TO secret_key_id;
DROP FUNCTION account_to_reseal(text);
-- The next account that has a live key encrypted under another secret key; NULL when none has.
CREATE FUNCTION account_to_reencrypt(secret_key text) RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public, pg_temp
  AS $$ SELECT min(account_id) FROM hmac_key WHERE revoked_at IS NULL AND secret_key_id <> secret_key $$;
REVOKE ALL ON FUNCTION account_to_reencrypt(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_to_reencrypt(text) TO consentory_service;

ALTER FUNCTION profile_thing(bigint) RENAME TO profile_match_token;

ALTER TABLE auth_attempt RENAME COLUMN proven_until TO trusted_until;
ALTER INDEX import_chunk_turn RENAME TO import_chunk_waiting;
ALTER TABLE import_fault RENAME COLUMN held TO not_honored;
