"""The audit trail over HTTP (account.md, "Who may call"): who did what, from which address, at which time."""

from __future__ import annotations

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.codec.answers.audit_answer import AuditPage, render_audit
from consentory.http.authentication_middleware import ApiRequest
from consentory.http.parameters import ActionFilter, AfterNumber, ImportFilter, Limit
from consentory.services.audit.audit_trail import AuditTrail

Trail = NamedDependency[SkipValidation[AuditTrail]]


@get("/{clientId:str}/Audit", operation_id="readAudit", sync_to_thread=True, opt={"is_costly": True})
def read_audit(
    request: ApiRequest,
    audit: Trail,
    after: AfterNumber = 0,
    limit: Limit = 1000,
    action: ActionFilter = None,
    import_id: ImportFilter = None,
) -> AuditPage:
    """The events of the account, oldest first. Each event appears here about a second after it happened."""
    return render_audit(audit.read(request.user, after, limit, action, import_id))


AUDIT_ROUTES = Router("/", route_handlers=[read_audit], tags=["Account"])
