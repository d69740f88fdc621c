"""The whole application without a database."""

from __future__ import annotations

from litestar import Litestar
from running_server import SECRET_KEY

from consentory.api.application import create_app
from consentory.bootstrap.composition import compose_services
from consentory.console.console_router import make_console
from consentory.services.access.secret_box import SecretBox
from consentory.services.imports.stage_processes import StageProcesses
from consentory.store.database import Database


def make_app(base_path: str = "/Profiles/v4") -> Litestar:
    """The whole application on a database that cannot be reached: what needs none must work."""
    database = Database("host=/nonexistent", "consentory_service", wait_seconds=0.1)
    services = compose_services(database, SecretBox([SECRET_KEY]))
    return create_app(services, StageProcesses(["false"], {}), base_path=base_path, more_routes=[make_console()])
