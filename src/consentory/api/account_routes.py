"""The account's configuration over HTTP (account.md, "Configuration")."""

from __future__ import annotations

from typing import Any

from litestar import Response, Router, get, put
from litestar.di import NamedDependency
from litestar.params import RawBody, SkipValidation

from consentory.api.gate import ApiRequest
from consentory.api.media_types import JSON, YAML_TYPES
from consentory.api.parameters import DryRun
from consentory.services.account_service import AccountService

Accounts = NamedDependency[SkipValidation[AccountService]]

_BODY_BYTES = 20_000_000


@get("/{clientId:str}/Configuration", operation_id="getConfiguration", sync_to_thread=True)
def get_configuration(request: ApiRequest, accounts: Accounts) -> Response[bytes]:
    """The configuration in force."""
    return Response(accounts.configuration_of(request.user), media_type=JSON)


@put(
    "/{clientId:str}/Configuration",
    operation_id="applyConfiguration",
    sync_to_thread=True,
    request_max_body_size=_BODY_BYTES,
    opt={"takes": (JSON, *YAML_TYPES)},
)
def apply_configuration(
    request: ApiRequest, accounts: Accounts, body: RawBody, dry_run: DryRun = False
) -> dict[str, Any]:
    """Make the account be what the document says, or with dryRun only say what would change."""
    return accounts.apply_configuration(request.user, body, dry_run)


ACCOUNT_ROUTES = Router("/", route_handlers=[get_configuration, apply_configuration], tags=["Account"])
