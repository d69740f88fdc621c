"""The whole application without a database."""

from __future__ import annotations

from litestar import Litestar

from consentory.api.application import Services, create_app
from consentory.services.account_service import AccountService
from consentory.services.audit_trail import AuditTrail
from consentory.services.authentication import Authentication
from consentory.services.catalogs import Catalogs
from consentory.services.exception_service import ExceptionService
from consentory.services.import_service import ImportService
from consentory.services.profile_service import ProfileService
from consentory.services.secret_box import SecretBox
from consentory.services.stage_processes import StageProcesses
from consentory.services.staging_service import StagingService
from consentory.store.database import Database
from running_server import SECRET_KEY


def make_app(base_path: str = "/Profiles/v4") -> Litestar:
    """The whole application on a database that cannot be reached: what needs none must work."""
    database = Database("host=/nonexistent", "consentory_service", wait_seconds=0.1)
    catalogs = Catalogs(database)

    def check_ready() -> None:
        with database.transaction():
            pass

    services = Services(
        Authentication(database, catalogs, SecretBox([SECRET_KEY])),
        ImportService(database, catalogs),
        StagingService(database, catalogs),
        StageProcesses(["false"], {}),
        ExceptionService(database),
        ProfileService(database, catalogs),
        AccountService(database, catalogs),
        AuditTrail(database),
        check_ready,
    )
    return create_app(services, base_path=base_path)
