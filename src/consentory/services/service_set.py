"""The services of one process together: the type that the composition makes and the API takes."""

from __future__ import annotations

from dataclasses import dataclass

from consentory.services.access.authentication import Authentication
from consentory.services.access.console_sessions import ConsoleSessions
from consentory.services.accounts.account_service import AccountService
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import AuditTrail
from consentory.services.audit.chain_verification import OwnVerification
from consentory.services.data_out.audience_days import AudienceDays
from consentory.services.data_out.audience_service import AudienceService
from consentory.services.data_out.change_reading import ChangeReading
from consentory.services.data_out.export_service import ExportService
from consentory.services.imports.correction_service import CorrectionService
from consentory.services.imports.exception_service import ExceptionService
from consentory.services.imports.import_service import ImportService
from consentory.services.imports.preview_service import PreviewService
from consentory.services.imports.staging_service import StagingService
from consentory.services.imports.undo_service import UndoService
from consentory.services.profiles.person_reading import PersonReading
from consentory.services.profiles.profile_service import ProfileService
from consentory.services.uploads.mapping_service import MappingService
from consentory.services.uploads.record_places import RecordPlaces
from consentory.services.uploads.refused_rows_service import RefusedRowsService
from consentory.services.uploads.upload_service import UploadService
from consentory.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services for requests. They share one pool of connections."""

    database: Database
    configurations: ConfigurationCache
    imports: ImportService
    staging: StagingService
    exceptions: ExceptionService
    corrections: CorrectionService
    previews: PreviewService
    undo: UndoService
    uploads: UploadService
    mappings: MappingService
    refused_rows: RefusedRowsService
    places: RecordPlaces
    profiles: ProfileService
    people: PersonReading
    changes: ChangeReading
    exports: ExportService
    audiences: AudienceService
    audience_days: AudienceDays
    accounts: AccountService
    authentication: Authentication
    audit: AuditTrail
    verification: OwnVerification
    sessions: ConsoleSessions

    def close(self) -> None:
        """Close the connections."""
        self.database.close()
