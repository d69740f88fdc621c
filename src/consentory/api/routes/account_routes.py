"""The account's configuration over HTTP (account.md, "Configuration")."""

from __future__ import annotations

from litestar import Response, Router, get, put
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.codec.account.account_document import render_configuration
from consentory.codec.account.account_nodes import MAX_BYTES
from consentory.codec.answers.account_answer import AppliedConfiguration, render_applied
from consentory.domain.configuration import Configuration
from consentory.domain.permission import require_configuration_write
from consentory.http.authentication_middleware import ApiRequest
from consentory.http.media_types import JSON, YAML_TYPES
from consentory.http.parameters import DryRun
from consentory.http.request_body import BODY, Content
from consentory.services.accounts.account_service import AccountService

Accounts = NamedDependency[SkipValidation[AccountService]]


@get(
    "/{clientId:str}/Configuration",
    operation_id="getConfiguration",
    sync_to_thread=True,
    opt={"answer": Configuration},
)
def get_configuration(request: ApiRequest, accounts: Accounts) -> Response[bytes]:
    """The configuration in force."""
    return Response(render_configuration(accounts.configuration_of(request.user)), media_type=JSON)


@put(
    "/{clientId:str}/Configuration",
    operation_id="applyConfiguration",
    sync_to_thread=True,
    dependencies=BODY,
    opt={
        "takes": (JSON, *YAML_TYPES),
        "body": Configuration,
        "needs": require_configuration_write,
        "largest_body": MAX_BYTES,
    },
)
def apply_configuration(
    request: ApiRequest, accounts: Accounts, content: Content, dry_run: DryRun = False
) -> AppliedConfiguration:
    """Make the account equal to the document, or with dryRun only report the changes."""
    return render_applied(accounts.apply_configuration(request.user, content, dry_run))


ACCOUNT_ROUTES = Router("/", route_handlers=[get_configuration, apply_configuration], tags=["Account"])
