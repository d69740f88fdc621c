"""The ASGI application as the HTTP server's processes load it, configured by their environment."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from litestar.concurrency import set_asyncio_executor
from litestar.types import ASGIApp

from consentory.api import application
from consentory.bootstrap.composition import BASE_PATH_VARIABLE, DATABASE_VARIABLE, SERVER_CONNECTIONS, open_services
from consentory.bootstrap.logs import configure_logs
from consentory.bootstrap.process_setup import (
    SECRET_VARIABLE,
    die_with_parent,
    return_memory,
    tune_garbage_collector,
)
from consentory.bootstrap.secret_keys import open_secret_box
from consentory.config import load_setting
from consentory.console.console_router import make_console
from consentory.http.trusted_proxies import TrustedProxies
from consentory.services.clock_metrics import show_clock
from consentory.services.imports.stage_processes import StageProcesses


def create_served_app() -> ASGIApp:
    """The application of one server process. Raises KeyError if CONSENTORY_DATABASE_URL is not set."""
    die_with_parent()
    configure_logs()
    tune_garbage_collector()
    return_memory()
    set_asyncio_executor(ThreadPoolExecutor(SERVER_CONNECTIONS, "call"))
    services = open_services(os.environ[DATABASE_VARIABLE], open_secret_box())
    services.database.heartbeat.on_clock = show_clock
    return application.create_app(
        services,
        open_stage_processes(),
        base_path=os.environ.get(BASE_PATH_VARIABLE, application.DEFAULT_BASE_PATH),
        trusted_proxies=TrustedProxies(load_setting("trusted_proxies") or ""),
        more_routes=[make_console()],
    )


def open_stage_processes() -> StageProcesses:
    """The stage processes of this server process, on the same database. They do not get the secret key."""
    environment = {name: text for name, text in os.environ.items() if name != SECRET_VARIABLE}
    return StageProcesses([sys.executable, "-m", "consentory.bootstrap.stage_entry"], environment)
