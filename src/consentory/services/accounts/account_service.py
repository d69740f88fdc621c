"""Apply and show the configuration documents of accounts (account.md, "Configuration")."""

from __future__ import annotations

from typing import Literal

from consentory.codec.account.account_document import (
    AccountDocument,
    AccountDocumentInvalid,
    compare_configurations,
    is_change,
    read_account_document,
    render_configuration,
    render_yaml,
    text_hashes,
)
from consentory.domain.caller import NO_REQUEST, OPERATOR, Actor, Caller, Origin, Party
from consentory.domain.configuration import AppliedDocument, Configuration
from consentory.domain.permission import require_configuration
from consentory.errors import ErrorDetail, RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database, Transaction
from consentory.store.tables import account_store


class AccountService:
    """Applies and shows configuration documents."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    def apply_document(
        self, data: bytes, *, source: str, dry_run: bool, by: str = OPERATOR, origin: Origin = NO_REQUEST
    ) -> tuple[str, list[str]]:
        """Apply a document to its account. Returns the clientId, and one line for each change.

        A line may be about spelling only, and is no change then (`is_change`). `by`: the user who applies the document.
        An account that does not exist is created. Raises AccountDocumentInvalid with all faults.
        """
        return self._apply(read_account_document(data, source=source), dry_run, by, origin)

    def _apply(self, document: AccountDocument, dry_run: bool, by: str, origin: Origin) -> tuple[str, list[str]]:
        wanted, lines, source = document
        client_id = wanted.account.client_id
        with self._database.transaction() as tx:
            account_store.lock_accounts(tx)
            account_id = account_store.find_account(tx, client_id)
            if account_id is not None:
                tx.set_account(account_id)
            old = None if account_id is None else self._load_current(tx)
            earlier = account_store.list_configurations(tx) if old is not None else []
            change = compare_configurations(old, wanted, earlier=earlier, source=source, lines=lines)
            if is_change(change.lines) and not dry_run:
                if account_id is None:
                    account_id = account_store.create_account(tx, client_id)
                revision = self._save(tx, change.configuration)
                details = {"Revision": revision, "Changes": sum(is_change([line]) for line in change.lines)}
                note_event(tx, Party(account_id, by, origin), "configuration.applied", details=details)
        return client_id, change.lines

    def _load_current(self, tx: Transaction) -> Configuration | None:
        revision = account_store.current_revision(tx)
        return account_store.load_configuration(tx, revision) if revision else None

    def _save(self, tx: Transaction, configuration: Configuration) -> int:
        """Put a configuration in force, and return its revision."""
        texts = {
            (item.name, version.version, locale): text
            for item in configuration.consent_types
            for version in item.versions
            for locale, text in version.texts.items()
        }
        rows = [
            {
                "consent_type": name,
                "version": version,
                "locale": locale,
                "sha256": digest,
                "body": texts[name, version, locale],
            }
            for name, version, locale, digest in text_hashes(configuration)
        ]
        document = render_configuration(configuration).decode()
        revision = account_store.current_revision(tx) + 1
        account_store.save_configuration(tx, revision, document, rows)
        return revision

    def show(self, client_id: str, form: Literal["json", "yaml"]) -> bytes:
        """The configuration in force. Raises RequestRefused, not_found."""
        configuration = self._read(Party(self.find_account(client_id), OPERATOR))
        return render_yaml(configuration) if form == "yaml" else render_configuration(configuration)

    def find_account(self, client_id: str) -> int:
        """See `find_account_id`."""
        return find_account_id(self._database, client_id)

    def configuration_of(self, caller: Caller) -> Configuration:
        """The configuration in force, for a caller with `configuration: read`."""
        require_configuration(caller, "read")
        return self._read(caller)

    def _read(self, actor: Actor) -> Configuration:
        with self._database.transaction(actor.account_id) as tx:
            configuration_index = self._configurations.current_in(tx, actor.account_id)
            note_event(tx, actor, "configuration.read", details={"Revision": configuration_index.revision})
        return configuration_index.configuration

    def apply_configuration(self, caller: Caller, body: bytes, dry_run: bool) -> AppliedDocument:
        """Apply a document that a caller sent.

        Raises RequestRefused: forbidden, or invalid with every fault and its line.
        """
        require_configuration(caller, "write")
        try:
            document = read_account_document(body, source="body")
            wanted = document.configuration.account.client_id
            if wanted != caller.client_id:
                raise RequestRefused(
                    "invalid",
                    "Configuration.OtherAccount",
                    f"The document names the account {wanted!r}, and the path names {caller.client_id!r}. Send the"
                    " document of the account in the path.",
                )
            _, lines = self._apply(document, dry_run, caller.user_id, caller.origin)
        except AccountDocumentInvalid as error:
            details = [
                ErrorDetail(f.code, f.path, f.message if f.line is None else f"line {f.line}: {f.message}")
                for f in error.faults
            ]
            count = f"{len(details)} fault{'s' if len(details) != 1 else ''}"
            raise RequestRefused(
                "invalid",
                "Configuration.Invalid",
                f"The document has {count}, and nothing of it was applied. See errors.",
                errors=details,
            ) from None
        return AppliedDocument(lines, is_change(lines) and not dry_run)


def find_account_id(database: Database, client_id: str) -> int:
    """The account id of a clientId. Raises RequestRefused, not_found."""
    with database.transaction() as tx:
        account_id = account_store.find_account(tx, client_id)
    if account_id is None:
        raise RequestRefused(
            "not_found", "Account.NotFound", f"There is no account {client_id!r}. Apply its document first."
        )
    return account_id
