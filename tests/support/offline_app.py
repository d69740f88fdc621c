"""The whole application without a database."""

from __future__ import annotations

from litestar import Litestar
from running_server import SECRET_KEY

from consentory.api.application import Services, create_app
from consentory.services.access.authentication import Authentication
from consentory.services.access.secret_box import SecretBox
from consentory.services.accounts.account_service import AccountService
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import AuditTrail
from consentory.services.imports.exception_service import ExceptionService
from consentory.services.imports.import_service import ImportService
from consentory.services.imports.stage_processes import StageProcesses
from consentory.services.imports.staging_service import StagingService
from consentory.services.profiles.profile_service import ProfileService
from consentory.store.database import Database


def make_app(base_path: str = "/Profiles/v4") -> Litestar:
    """The whole application on a database that cannot be reached: what needs none must work."""
    database = Database("host=/nonexistent", "consentory_service", wait_seconds=0.1)
    configurations = ConfigurationCache(database)

    def check_ready() -> None:
        with database.transaction():
            pass

    services = Services(
        Authentication(database, configurations, SecretBox([SECRET_KEY])),
        ImportService(database, configurations),
        StagingService(database, configurations),
        StageProcesses(["false"], {}),
        ExceptionService(database),
        ProfileService(database, configurations),
        AccountService(database, configurations),
        AuditTrail(database),
        check_ready,
    )
    return create_app(services, base_path=base_path)
