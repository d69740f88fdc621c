"""Compose the services over one database, and find that database."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from consentory.bootstrap.process_setup import make_environment
from consentory.bootstrap.staged_bound import read_staged_bound, read_upload_limits
from consentory.config import DATA_FOLDER, SETTINGS, load_setting
from consentory.errors import ConsentoryError
from consentory.http.byte_stream import STREAMS
from consentory.services.access.authentication import Authentication
from consentory.services.access.console_sessions import ConsoleSessions
from consentory.services.access.secret_box import SecretBox
from consentory.services.accounts.account_service import AccountService
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.accounts.reader_service import ReaderService
from consentory.services.audit.audit_chaining import AuditChaining
from consentory.services.audit.audit_trail import AuditTrail
from consentory.services.audit.audit_verification import AuditVerification
from consentory.services.audit.chain_verification import OwnVerification
from consentory.services.data_out.audience_counting import AudienceCounting
from consentory.services.data_out.audience_days import AudienceDays
from consentory.services.data_out.audience_service import AudienceService
from consentory.services.data_out.change_reading import ChangeReading
from consentory.services.data_out.export_service import ExportService
from consentory.services.data_out.position_sequencing import PositionSequencing
from consentory.services.execution.chunking import CHUNK_RECORDS
from consentory.services.execution.import_execution import Execution
from consentory.services.execution.previewing import Previewing
from consentory.services.imports.correction_service import CorrectionService
from consentory.services.imports.exception_service import ExceptionService
from consentory.services.imports.import_service import ImportService
from consentory.services.imports.preview_service import PreviewService
from consentory.services.imports.retention import Retention
from consentory.services.imports.staging_service import StagingService
from consentory.services.imports.undo_service import UndoService
from consentory.services.profiles.person_reading import PersonReading
from consentory.services.profiles.profile_service import ProfileService
from consentory.services.service_set import Services
from consentory.services.uploads.mapping_service import MappingService
from consentory.services.uploads.record_places import RecordPlaces
from consentory.services.uploads.refused_rows_service import RefusedRowsService
from consentory.services.uploads.upload_jobs import UploadJobs
from consentory.services.uploads.upload_service import UploadService
from consentory.store.database import Database
from consentory.store.distribution import distribute
from consentory.store.embedded.embedded_server import EmbeddedServer
from consentory.store.migration import migrate

SERVER_CONNECTIONS = 16
"""The connections of one server process for requests, beside one for each stream. Further requests wait for a
connection, 5 s at most."""

WORKER_CONNECTIONS = 7
"""The chunk loop, the maintenance loop and the two upload loops use one connection each. A preview uses three."""

BASE_PATH_VARIABLE = SETTINGS["base_path"].variable
DATABASE_VARIABLE = SETTINGS["database_url"].variable


class DatabaseUnset(ConsentoryError):
    """A command needs a data folder or a database, and none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerServices:
    """The services that execute imports, number changes and maintain the audit trail. They share one pool of
    connections."""

    database: Database
    execution: Execution
    previewing: Previewing
    retention: Retention
    chaining: AuditChaining
    uploads: UploadJobs
    sequencing: PositionSequencing
    counting: AudienceCounting
    verification: AuditVerification
    audit: AuditTrail

    def close(self) -> None:
        """Close the connections."""
        self.database.close()


def open_services(conninfo: str, box: SecretBox | None = None) -> Services:
    """The services of one server process, under the database's row-level security.

    Without a box, everything that needs the secret key is refused: tokens and shared keys.
    """
    return compose_services(Database(conninfo, "consentory_service", size=SERVER_CONNECTIONS + STREAMS), box, conninfo)


def compose_services(database: Database, box: SecretBox | None = None, conninfo: str = "") -> Services:
    """Like `open_services`, over a given pool of connections. `conninfo`: for the processes that services start."""
    configurations = ConfigurationCache(database)
    authentication = Authentication(database, configurations, box)
    imports = ImportService(database, configurations)
    uploads = UploadService(database, configurations, imports, read_upload_limits())
    staging = StagingService(database, configurations, read_staged_bound())
    exceptions = ExceptionService(database)
    return Services(
        database=database,
        configurations=configurations,
        imports=imports,
        uploads=uploads,
        mappings=MappingService(database, configurations, uploads),
        refused_rows=RefusedRowsService(
            uploads, imports, [sys.executable, "-m", "consentory.bootstrap.refused_entry"], make_environment(conninfo)
        ),
        undo=UndoService(database, configurations),
        staging=staging,
        exceptions=exceptions,
        corrections=CorrectionService(database, configurations, imports, staging, exceptions),
        places=RecordPlaces(uploads),
        previews=PreviewService(database),
        profiles=ProfileService(database, configurations),
        people=PersonReading(database, configurations),
        changes=ChangeReading(database, configurations),
        exports=ExportService(database, configurations),
        audiences=AudienceService(database, configurations),
        audience_days=AudienceDays(database, configurations),
        accounts=AccountService(database, configurations),
        authentication=authentication,
        audit=AuditTrail(database),
        verification=OwnVerification(database),
        sessions=ConsoleSessions(database, configurations, authentication),
    )


def check_secret_key(conninfo: str, box: SecretBox) -> None:
    """Read the keys that sign tokens, or make the first key. Raises SecretKeyError if the box cannot decrypt them."""
    services = open_services(conninfo, box)
    try:
        services.authentication.tokens.load_keys()
    finally:
        services.close()


def open_worker(conninfo: str, chunk_records: int | None = None) -> WorkerServices:
    """The services of one worker process. `chunk_records` None: the default."""
    database = Database(conninfo, "consentory_worker", size=WORKER_CONNECTIONS)
    configurations = ConfigurationCache(database)
    size = CHUNK_RECORDS if chunk_records is None else chunk_records
    return WorkerServices(
        database=database,
        execution=Execution(database, configurations, chunk_records=size),
        previewing=Previewing(database, configurations, chunk_records=size),
        retention=Retention(database),
        chaining=AuditChaining(database),
        uploads=UploadJobs(database),
        sequencing=PositionSequencing(database),
        counting=AudienceCounting(database, configurations),
        verification=AuditVerification(database),
        audit=AuditTrail(database),
    )


def open_readers(conninfo: str) -> ReaderService:
    """The service that makes logins for SQL. It needs the login of a superuser."""
    return ReaderService(Database(conninfo, "owner", size=2), conninfo)


def migrate_schema(conninfo: str) -> list[str]:
    """Bring a schema up to date, and return the applied migrations. Raises like `store.migration.migrate`."""
    return migrate(conninfo)


def distribute_tables(conninfo: str, shards: int, report: Callable[[str], None]) -> None:
    """Spread the tables over the nodes of a Citus cluster. Raises like `store.distribution.distribute`."""
    distribute(conninfo, shards, report)


def make_embedded(data: Path) -> EmbeddedServer:
    """The PostgreSQL of a data folder, with the binaries that the setting names, if any. Raises SettingError."""
    binaries = load_setting("postgres_binaries")
    return EmbeddedServer(data, binaries=Path(binaries) if binaries else None)


@contextmanager
def open_database(data: Path | None, database_url: str | None) -> Iterator[str]:
    """The conninfo of the database for a command. Its schema is up to date.

    If the server of a data folder is not running, it runs for the time of the command.
    Raises DatabaseUnset if both are None and the default data folder does not exist.
    """
    if database_url is not None and data is None:
        migrate(database_url)
        yield database_url
        return
    folder = data or Path(DATA_FOLDER)
    if data is None and not folder.exists():
        raise DatabaseUnset(
            f"There is no folder {folder} here. Name the data folder with --data, or a database with --database-url."
        )
    with make_embedded(folder) as server:
        migrate(server.conninfo)
        yield server.conninfo
