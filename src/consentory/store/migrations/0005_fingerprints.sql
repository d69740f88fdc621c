-- A record that comes again as it was is known by its fingerprint, and passed by without its person being read
-- (docs/adr/0012-records-that-come-again.md). NULL: nothing is known of it, as of everybody so far.
ALTER TABLE profile ADD COLUMN fingerprint uuid;   -- services/repeated_records.py
