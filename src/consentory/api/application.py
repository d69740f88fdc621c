"""The HTTP application: the routes with the services that they call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide

from consentory.api.openapi.api_description import make_openapi_config
from consentory.api.routes.account_routes import ACCOUNT_ROUTES
from consentory.api.routes.audit_routes import AUDIT_ROUTES
from consentory.api.routes.change_routes import CHANGE_ROUTES
from consentory.api.routes.data_out_routes import DATA_OUT_ROUTES
from consentory.api.routes.import_routes import IMPORT_ROUTES
from consentory.api.routes.operation_routes import get_health, get_metrics, get_readiness
from consentory.api.routes.preview_routes import PREVIEW_ROUTES
from consentory.api.routes.profile_routes import PROFILE_ROUTES
from consentory.api.routes.token_routes import issue_token
from consentory.http.access_log import AccessLogMiddleware
from consentory.http.authentication_middleware import AuthenticationMiddleware, note_refusal
from consentory.http.byte_stream import StreamSlots
from consentory.http.call_checks import check_call
from consentory.http.media_types import JSON
from consentory.http.problems import EXCEPTION_HANDLERS
from consentory.http.read_slots import CostlyReads, ReadSlots
from consentory.http.request_body import BodySlots, UploadSlots
from consentory.http.request_form import RequestForm
from consentory.http.stage_slots import StageSlots
from consentory.http.transfer_rate import MinimumTransferRate
from consentory.http.trusted_proxies import TrustedProxies
from consentory.services.imports.stage_processes import StageProcesses
from consentory.services.service_set import Services

DEFAULT_BASE_PATH = "/Profiles/v4"

_ACCOUNT_CALLS = (
    IMPORT_ROUTES, PREVIEW_ROUTES, PROFILE_ROUTES, CHANGE_ROUTES, DATA_OUT_ROUTES, ACCOUNT_ROUTES, AUDIT_ROUTES,
)  # fmt: skip


def create_app(
    services: Services,
    processes: StageProcesses,
    *,
    base_path: str = DEFAULT_BASE_PATH,
    trusted_proxies: TrustedProxies | None = None,
    more_routes: Sequence[Router] = (),
) -> Litestar:
    """The ASGI application. Every call that names a clientId is under `base_path`; no proxy is trusted by default.

    `more_routes`: routes beside the API, such as the console.
    """
    account_calls = Router(
        base_path,
        route_handlers=_ACCOUNT_CALLS,
        middleware=[AuthenticationMiddleware, CostlyReads],
        opt={"answers": (JSON,)},
        security=[{"bearer": []}, {"pnauthinfo3": []}],
    )
    app = Litestar(
        [account_calls, issue_token, get_health, get_readiness, get_metrics, *more_routes],
        dependencies=_provide_services(services, processes),
        exception_handlers=EXCEPTION_HANDLERS,
        before_request=check_call,
        after_exception=[note_refusal],
        openapi_config=make_openapi_config(),
        logging_config=None,
        state=_make_state(services, trusted_proxies or TrustedProxies()),
    )
    # The middleware is around all routes, so a request without a route also gets an id, a log line and a count.
    app.asgi_handler = AccessLogMiddleware(MinimumTransferRate(RequestForm(app.asgi_handler)))
    return app


def _make_state(services: Services, trusted_proxies: TrustedProxies) -> State:
    """The services that middleware uses, and the slots of the process."""
    return State(
        {
            "authentication": services.authentication,
            "audit": services.audit,
            "sessions": services.sessions,
            "stage_slots": StageSlots(),
            "body_slots": BodySlots(),
            "upload_slots": UploadSlots(),
            "read_slots": ReadSlots(),
            "stream_slots": StreamSlots(),
            "trusted_proxies": trusted_proxies,
        }
    )


def _provide_services(services: Services, processes: StageProcesses) -> dict[str, Provide]:
    """The services by the names under which handlers ask for them."""
    return {
        "authentication": _provide(services.authentication),
        "imports": _provide(services.imports),
        "staging": _provide(services.staging),
        "processes": _provide(processes),
        "exceptions": _provide(services.exceptions),
        "previews": _provide(services.previews),
        "undos": _provide(services.undo),
        "uploads": _provide(services.uploads),
        "mappings": _provide(services.mappings),
        "refused_rows": _provide(services.refused_rows),
        "corrections": _provide(services.corrections),
        "places": _provide(services.places),
        "profiles": _provide(services.profiles),
        "people": _provide(services.people),
        "changes": _provide(services.changes),
        "exports": _provide(services.exports),
        "audiences": _provide(services.audiences),
        "audience_days": _provide(services.audience_days),
        "accounts": _provide(services.accounts),
        "audit": _provide(services.audit),
        "sessions": _provide(services.sessions),
        "verification": _provide(services.verification),
        "check_ready": _provide(services.database.check_ready),
    }


def _provide(service: Any) -> Provide:
    return Provide(lambda: service, sync_to_thread=False)
