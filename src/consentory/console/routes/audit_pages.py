"""The screen "Audit": who did what, newest first, and whether the chain of the trail verifies."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.console.pages import ConsoleRequest, Page, render
from consentory.console.routes.imports_routes import PAGE_ITEMS, make_address
from consentory.domain.audit_event import Action, TrailFilter
from consentory.domain.permission import require_audit
from consentory.errors import RequestRefused
from consentory.services.audit.audit_trail import AuditTrail
from consentory.services.audit.chain_verification import OwnVerification

Trail = NamedDependency[SkipValidation[AuditTrail]]
Verification = NamedDependency[SkipValidation[OwnVerification]]

MOST_FINDINGS = 50
_ACTIONS: tuple[Action, ...] = get_args(Action)
_PATH = "/console/audit"
_COSTLY = {"needs": require_audit, "is_costly": True}


@get("/audit", operation_id="consoleAudit", sync_to_thread=True, opt=_COSTLY)
def show_audit(request: ConsoleRequest, audit: Trail) -> Page:
    """The newest events, with a filter."""
    wanted = _read_filter(request)
    before = request.query_params.get("before", "")
    page = audit.list_latest(request.user, int(before) if before.isdecimal() else None, PAGE_ITEMS, wanted)
    last = str(page.events[-1].number) if page.events and page.has_more else None
    import_id = None if wanted.import_id is None else str(wanted.import_id)
    given = {"action": wanted.action, "import": import_id, "user": wanted.caller}
    first_page, next_page = make_address(_PATH, **given), make_address(_PATH, **given, before=last)
    return render(
        request,
        "audit.html",
        page=page,
        wanted=wanted,
        actions=_ACTIONS,
        first_page=first_page,
        next_page=next_page if last else "",
        is_first=not before,
        may_import=request.user.permissions.import_,
    )


@get("/audit/verification", operation_id="consoleVerifyAudit", sync_to_thread=True, opt=_COSTLY)
def verify_audit(request: ConsoleRequest, verification: Verification) -> Page:
    """Read the whole trail of the account, and say whether somebody changed it."""
    verdict = verification.verify(request.user)
    return render(request, "audit_verdict.html", verdict=verdict, findings=verdict.findings[:MOST_FINDINGS])


def _read_filter(request: ConsoleRequest) -> TrailFilter:
    action = next((one for one in _ACTIONS if one == request.query_params.get("action")), None)
    text = request.query_params.get("import", "").strip()
    try:
        import_id = UUID(text) if text else None
    except ValueError:
        raise RequestRefused(
            "invalid", "Request.InvalidParameter", f"An ImportId is a UUID, and not {text[:50]!r}. Correct it."
        ) from None
    return TrailFilter(action, import_id, request.query_params.get("user", "").strip() or None)


AUDIT_PAGES = Router("/", route_handlers=[show_audit, verify_audit])
