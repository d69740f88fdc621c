-- name: find_session_account
-- The account of a session of the console, across accounts, by a function that gives only the id. NULL: none.
-- Index console_session_hash.
SELECT account_of_session(%(session_hash)s);

-- name: read_session
-- The user of a session, the user's groups at sign-in, the revision in force, and if the last use is a minute old.
-- Zero rows: there is no such session, its time is over, or its credential was revoked. Primary keys.
SELECT s.user_id, s.user_groups, a.revision, s.used_at < now() - interval '1 minute'
FROM console_session AS s JOIN account AS a ON a.account_id = s.account_id
WHERE s.account_id = current_account() AND s.session_hash = %(session_hash)s
  AND s.created_at > now() - make_interval(secs => %(lifetime)s) AND s.used_at > now() - make_interval(secs => %(idle)s)
  AND (s.credential_id IS NULL OR EXISTS (
    SELECT FROM credential AS c
    WHERE c.account_id = current_account() AND c.client_id = s.credential_id AND c.revoked_at IS NULL));

-- name: touch_session
-- Notes a use of a session.
UPDATE console_session SET used_at = now() WHERE account_id = current_account() AND session_hash = %(session_hash)s;

-- name: insert_session
-- A new session.
INSERT INTO console_session (session_hash, user_id, user_groups, credential_id)
VALUES (%(session_hash)s, %(user_id)s, %(user_groups)s, %(credential_id)s);

-- name: delete_session
-- Ends a session. Zero rows: it has ended before.
DELETE FROM console_session WHERE account_id = current_account() AND session_hash = %(session_hash)s
RETURNING session_hash;

-- name: delete_old_sessions
-- Deletes the sessions of the account whose time is over.
DELETE FROM console_session
WHERE account_id = current_account()
  AND (created_at < now() - make_interval(secs => %(most_age)s) OR used_at < now() - make_interval(secs => %(most_idle)s));

-- name: insert_link
-- A new link that signs a user in once.
INSERT INTO console_link (link_hash, user_id, expires_at)
VALUES (%(link_hash)s, %(user_id)s, now() + make_interval(secs => %(seconds)s));

-- name: find_link_account
-- The account of a link, across accounts, by a function that gives only the id. NULL: none. Index console_link_hash.
SELECT account_of_link(%(link_hash)s);

-- name: find_link
-- The user of a link that still counts. Zero rows: it was used, or its time is over. Primary key.
SELECT user_id FROM console_link
WHERE account_id = current_account() AND link_hash = %(link_hash)s AND expires_at > now();

-- name: take_link
-- Like find_link, and deletes the link: only one transaction gets the row.
DELETE FROM console_link
WHERE account_id = current_account() AND link_hash = %(link_hash)s AND expires_at > now()
RETURNING user_id;

-- name: delete_old_links
-- Deletes the links of the account whose time is over.
DELETE FROM console_link WHERE account_id = current_account() AND expires_at <= now();
