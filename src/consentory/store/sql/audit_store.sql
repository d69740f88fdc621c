-- name: insert_event
-- Adds an event, and queues it for the chain. The digest is that of digest_event, with the same time.
WITH event AS (
  INSERT INTO audit_event (event_id, recorded_at, caller, client_address, request_id, action, import_id, profile_ids,
                           details)
  VALUES (%(event_id)s, statement_timestamp(), %(caller)s, %(client_address)s, %(request_id)s, %(action)s,
          %(import_id)s, %(profile_ids)s, %(details)s)
)
INSERT INTO audit_waiting (recorded_at, event_id, digest)
VALUES (statement_timestamp(), %(event_id)s,
        sha256(convert_to((extract(epoch FROM statement_timestamp()) * 1000000)::bigint || ' ' || %(canonical)s,
                          'UTF8')));

-- name: list_events
-- The events of the chain after a number, in the order of the chain. Index: primary key of audit_link, then primary key
-- of audit_event. LATERAL with LIMIT, here and below, makes the planner use these indexes, also for a table without
-- statistics.
SELECT e.event_id, e.caller, e.client_address, e.request_id, e.action, e.import_id, e.profile_ids, e.details,
       e.recorded_at, s.number, s.hash
FROM audit_link AS s
CROSS JOIN LATERAL (
  SELECT * FROM audit_event WHERE account_id = current_account() AND event_id = s.event_id LIMIT 1) AS e
WHERE s.account_id = current_account() AND s.number > %(after)s
  AND (%(action)s::text IS NULL OR e.action = %(action)s)
ORDER BY s.number LIMIT %(limit)s;

-- name: list_import_events
-- Like list_events, for one import. Index audit_event_import, then audit_link_event.
SELECT e.event_id, e.caller, e.client_address, e.request_id, e.action, e.import_id, e.profile_ids, e.details,
       e.recorded_at, s.number, s.hash
FROM audit_event AS e JOIN audit_link AS s ON s.account_id = e.account_id AND s.event_id = e.event_id
WHERE e.account_id = current_account() AND e.import_id = %(import_id)s AND s.number > %(after)s
  AND (%(action)s::text IS NULL OR e.action = %(action)s)
ORDER BY s.number LIMIT %(limit)s;

-- name: list_latest_events
-- Like list_events, newest first: the events before a number; before NULL: the newest ones.
SELECT e.event_id, e.caller, e.client_address, e.request_id, e.action, e.import_id, e.profile_ids, e.details,
       e.recorded_at, s.number, s.hash
FROM audit_link AS s
CROSS JOIN LATERAL (
  SELECT * FROM audit_event WHERE account_id = current_account() AND event_id = s.event_id LIMIT 1) AS e
WHERE s.account_id = current_account() AND (%(before)s::bigint IS NULL OR s.number < %(before)s::bigint)
  AND (%(action)s::text IS NULL OR e.action = %(action)s) AND (%(caller)s::text IS NULL OR e.caller = %(caller)s)
ORDER BY s.number DESC LIMIT %(limit)s;

-- name: list_latest_import_events
-- Like list_latest_events, for one import. Index audit_event_import, then audit_link_event.
SELECT e.event_id, e.caller, e.client_address, e.request_id, e.action, e.import_id, e.profile_ids, e.details,
       e.recorded_at, s.number, s.hash
FROM audit_event AS e JOIN audit_link AS s ON s.account_id = e.account_id AND s.event_id = e.event_id
WHERE e.account_id = current_account() AND e.import_id = %(import_id)s
  AND (%(before)s::bigint IS NULL OR s.number < %(before)s::bigint)
  AND (%(action)s::text IS NULL OR e.action = %(action)s) AND (%(caller)s::text IS NULL OR e.caller = %(caller)s)
ORDER BY s.number DESC LIMIT %(limit)s;

-- name: find_head
-- The newest link of the chain. Zero rows: the chain is empty. Index: primary key, backwards.
SELECT number, hash FROM audit_link WHERE account_id = current_account() ORDER BY number DESC LIMIT 1;

-- name: find_unchained
-- Accounts with waiting events. Across accounts (worker). The queue is short, so it is read as a whole.
SELECT DISTINCT account_id FROM audit_waiting;

-- name: try_chain_lock
-- True when no other worker appends for this account; held until the transaction ends. The number is "audt" in ASCII.
SELECT pg_try_advisory_xact_lock(1635083380, account_id) FROM account WHERE account_id = current_account();

-- name: take_waiting
-- Takes the oldest events from the queue, in no order. Zero rows: none waits. The caller holds try_chain_lock.
DELETE FROM audit_waiting WHERE account_id = current_account() AND ctid = ANY(ARRAY(
  SELECT ctid FROM audit_waiting WHERE account_id = current_account() ORDER BY recorded_at, event_id LIMIT %(limit)s))
RETURNING recorded_at, event_id, digest;

-- name: copy_links
-- Appends to the chain (worker). The caller holds try_chain_lock. The primary key refuses a second link with a number.
COPY audit_link (number, event_id, digest, previous, hash) FROM STDIN (FORMAT binary);

-- name: list_accounts
-- Every account with its clientId, by clientId. Across accounts (worker).
SELECT account_id, client_id FROM account ORDER BY client_id;

-- name: list_chain
-- The whole chain in order, each link with its event. NULLs: the event is gone.
SELECT s.number, s.event_id, s.digest, s.previous, s.hash,
       e.event_id, e.caller, e.client_address, e.request_id, e.action, e.import_id, e.profile_ids, e.details,
       e.recorded_at
FROM audit_link AS s
LEFT JOIN LATERAL (
  SELECT * FROM audit_event WHERE account_id = current_account() AND event_id = s.event_id LIMIT 1) AS e ON true
WHERE s.account_id = current_account()
ORDER BY s.number;

-- name: list_queue
-- All waiting events, oldest first. NULLs: the event is gone.
SELECT w.event_id, w.digest,
       e.event_id, e.caller, e.client_address, e.request_id, e.action, e.import_id, e.profile_ids, e.details,
       e.recorded_at
FROM audit_waiting AS w
LEFT JOIN LATERAL (
  SELECT * FROM audit_event WHERE account_id = current_account() AND event_id = w.event_id LIMIT 1) AS e ON true
WHERE w.account_id = current_account()
ORDER BY w.recorded_at, w.event_id;

-- name: list_loose
-- Events that are not in the chain and not in the queue, by id. Zero rows: the trail is right.
SELECT event_id FROM audit_event WHERE account_id = current_account()
EXCEPT (SELECT event_id FROM audit_link WHERE account_id = current_account()
        UNION ALL SELECT event_id FROM audit_waiting WHERE account_id = current_account())
ORDER BY event_id;

-- name: list_chained_twice
-- Events that are in the chain or the queue more than once, with the newest number. Zero rows: the trail is right.
SELECT event_id, max(number) FROM (
  SELECT event_id, number FROM audit_link WHERE account_id = current_account()
  UNION ALL
  SELECT event_id, NULL FROM audit_waiting WHERE account_id = current_account()) AS place
GROUP BY event_id HAVING count(*) > 1 ORDER BY 2, 1;
