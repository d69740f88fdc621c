-- The audit trail: what was done, and the chain that makes any change of it show (docs/adr/0010-audit-chain.md).
-- All three tables stay whole on one machine: an account's chain is one line.

-- Who did what. Written in the transaction of what it tells of; insert-only.
CREATE TABLE audit_event (
  account_id integer NOT NULL DEFAULT current_account(),
  event_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL,
  caller text NOT NULL,
  client_address text,                             -- NULL, with request_id: no request (worker, command)
  request_id text,
  action text NOT NULL,
  import_id uuid,
  profile_ids bigint[] NOT NULL,                   -- the persons concerned; nothing else says who they are
  details jsonb NOT NULL,
  PRIMARY KEY (account_id, event_id)
);
CREATE INDEX audit_event_import ON audit_event (account_id, import_id) WHERE import_id IS NOT NULL;

-- Events not yet in the chain: a queue, emptied by the worker about once a second.
CREATE TABLE audit_waiting (
  account_id integer NOT NULL DEFAULT current_account(),
  recorded_at timestamptz NOT NULL,
  event_id uuid NOT NULL,
  digest bytea NOT NULL                            -- domain/audit_event.py, digest_event
);

-- The chain: a link an event. Insert-only.
CREATE TABLE audit_seal (
  account_id integer NOT NULL DEFAULT current_account(),
  number bigint NOT NULL CHECK (number > 0),       -- 1, 2, ... within the account, without a gap
  event_id uuid NOT NULL,
  digest bytea NOT NULL,
  previous bytea NOT NULL,                         -- the hash of number - 1; of the first: 32 zero bytes
  hash bytea NOT NULL,                             -- domain/audit_event.py, chain_hash
  PRIMARY KEY (account_id, number)
);
CREATE INDEX audit_seal_event ON audit_seal (account_id, event_id);

DO $$
DECLARE walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY['audit_event', 'audit_waiting', 'audit_seal']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('CREATE POLICY own_account ON %I USING (account_id = current_account())', walled);
  END LOOP;
END $$;

GRANT SELECT ON audit_event, audit_waiting, audit_seal TO consentory_service, consentory_worker;
GRANT INSERT ON audit_event, audit_waiting TO consentory_service, consentory_worker;
GRANT INSERT ON audit_seal TO consentory_worker;
GRANT DELETE ON audit_waiting TO consentory_worker;
