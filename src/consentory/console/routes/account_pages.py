"""The screen "Account": the configuration, readable; upload a document, see the difference, apply it."""

from __future__ import annotations

import hashlib

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.codec.account.account_document import render_yaml
from consentory.codec.account.account_nodes import MAX_BYTES
from consentory.console.form_check import FORM_BODY, MULTIPART, Form
from consentory.console.pages import ConsoleRequest, Page, redirect, render
from consentory.domain.caller import Caller
from consentory.domain.guard import list_limits
from consentory.domain.permission import require_configuration, require_configuration_write
from consentory.http.media_types import FORM, YAML_TYPES
from consentory.services.accounts.account_service import AccountService

Accounts = NamedDependency[SkipValidation[AccountService]]

_UPLOAD = {
    "takes": (MULTIPART, FORM),
    "largest_body": 2 * MAX_BYTES + 20_000,
    "needs": require_configuration_write,
}


def _require_reading(caller: Caller) -> None:
    require_configuration(caller, "read")


@get("/account", operation_id="consoleAccount", sync_to_thread=True, opt={"needs": _require_reading})
def show_account(request: ConsoleRequest, accounts: Accounts) -> Page:
    """The configuration in force."""
    configuration = accounts.configuration_of(request.user)
    return render(
        request,
        "account.html",
        configuration=configuration,
        limits=list_limits(configuration.guard) if configuration.guard else [],
        may_write="write" in request.user.permissions.configuration,
        is_applied=request.query_params.get("applied") == "yes",
    )


@get("/account/document", operation_id="consoleAccountDocument", sync_to_thread=True, opt={"needs": _require_reading})
def download_document(request: ConsoleRequest, accounts: Accounts) -> Response[bytes]:
    """The account document as a file that can be changed and uploaded again."""
    content = render_yaml(accounts.configuration_of(request.user))
    headers = {"Content-Disposition": 'attachment; filename="account.yaml"'}
    return Response(content, media_type=YAML_TYPES[0], headers=headers)


@post("/account/difference", operation_id="consoleCompare", sync_to_thread=True, dependencies=FORM_BODY, opt=_UPLOAD)
def compare(request: ConsoleRequest, accounts: Accounts, form: Form) -> Page:
    """Show what a document would change."""
    document = _read_document(form)
    lines = accounts.apply_configuration(request.user, document.encode(), dry_run=True).changes
    return _show_difference(request, document, lines)


@post("/account/apply", operation_id="consoleApply", sync_to_thread=True, dependencies=FORM_BODY, opt=_UPLOAD)
def apply(request: ConsoleRequest, accounts: Accounts, form: Form) -> Page:
    """Apply a document, if it still changes what the page showed."""
    document = _read_document(form)
    lines = accounts.apply_configuration(request.user, document.encode(), dry_run=True).changes
    if _digest(lines) != form.get("seen"):
        return _show_difference(request, document, lines, is_changed=True)
    accounts.apply_configuration(request.user, document.encode(), dry_run=False)
    return redirect("/console/account?applied=yes")


def _show_difference(request: ConsoleRequest, document: str, lines: list[str], *, is_changed: bool = False) -> Page:
    return render(
        request,
        "account_difference.html",
        document=document,
        lines=lines,
        seen=_digest(lines),
        is_changed=is_changed,
    )


def _read_document(form: dict[str, str]) -> str:
    """The document of the file, else that of the text field. Browsers send a text field with CR LF."""
    return form.get("file") or form.get("document", "").replace("\r\n", "\n")


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


ACCOUNT_PAGES = Router("/", route_handlers=[show_account, download_document, compare, apply])
