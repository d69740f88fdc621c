"""Consentory as the bench runs it: `consentory up` on a data folder of its own, called over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import yaml

from consentory.bootstrap.composition import open_services
from consentory.bootstrap.secret_keys import load_secret_keys
from consentory.services.access.secret_box import SecretBox
from consentory.services.service_set import Services
from consentory.store.embedded.embedded_server import EmbeddedServer

ACCOUNT = Path(__file__).parent.parent / "tests" / "accounts" / "acme.yaml"
BATCH_BYTES = 8_000_000
STAGING_CLIENTS = 2


@dataclass
class Subject:
    """A running tree of processes."""

    workers: int = 2
    processes: int = 2
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="consentory-bench-")))
    keep: bool = False
    """Leave the folder with its content."""

    def __enter__(self) -> Subject:
        self.folder.chmod(0o755)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = (self.folder / "log").open("wb")
        command = ["up", "--data", str(self.folder / "data"), "--port", str(port), "--workers", str(self.workers),
                   "--processes", str(self.processes)]  # fmt: skip
        environment = {name: text for name, text in os.environ.items() if not name.startswith("CONSENTORY_")}
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "consentory", *command], stdout=subprocess.PIPE, stderr=self.log, env=environment
        )
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise RuntimeError((self.folder / "log").read_text()[-2000:])
        self.seconds_to_up = time.perf_counter() - begun
        self.database = EmbeddedServer(self.folder / "data")
        self.conninfo = self.database.start()  # shares the running server
        self.services = open_services(self.conninfo, SecretBox(load_secret_keys(self.database)))
        return self

    def __exit__(self, *_: object) -> None:
        self.services.close()
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        if not self.keep:
            self.database.erase()
            shutil.rmtree(self.folder, ignore_errors=True)

    def create_account(self, *, undo_days: int | None = None) -> Account:
        """A fresh account with a credential. `undo_days` None: the default."""
        return create_account(self.url, self.services, undo_days=undo_days)


def create_account(url: str, services: Services, *, undo_days: int | None = None) -> Account:
    """A fresh account with a credential, of the server at this URL. `undo_days` None: the default."""
    name = apply_fresh_document(services, undo_days=undo_days)
    credential = services.authentication.create_credential(services.accounts.find_account(name), "nightly")
    return Account(url, name, credential)


def apply_fresh_document(services: Services, *, undo_days: int | None = None) -> str:
    """Make a fresh account, and return its clientId. `undo_days` None: the default."""
    document = yaml.safe_load(ACCOUNT.read_text())
    name = document["account"]["clientId"] = f"B{uuid4().hex[:8].upper()}"
    document["account"]["importsPerDay"] = 100_000
    document["account"]["maxStageMegabytes"] = 28
    if undo_days is not None:
        document["account"]["undoDays"] = undo_days
    services.accounts.apply_document(json.dumps(document).encode(), source="bench", dry_run=False)
    return str(name)


@dataclass
class Timing:
    """Seconds of one import, and its final status object."""

    stage: float
    execute: float
    status: dict[str, Any]

    @property
    def total(self) -> float:
        return self.stage + self.execute


@dataclass
class Account:
    url: str
    name: str
    credential: tuple[str, str]

    def __post_init__(self) -> None:
        self.client = httpx.Client(timeout=120, base_url=self.url)
        answer = self.client.post(
            "/oauth2/token", auth=self.credential,
            data={"grant_type": "client_credentials", "scope": f"{self.name}/nightly"},
        )  # fmt: skip
        self.client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        self.base = f"/Profiles/v4/Async/{self.name}/Import"

    def initiate(self, name: str, **settings: Any) -> tuple[str, dict[str, Any]]:
        """A new import that matches by CRM id: (its path, its status object)."""
        fields = {"Name": name, "MatchCriteria": "AlternateIdType", "MatchValue": "CRM", **settings}
        item = self.client.post(self.base, json=fields).raise_for_status().json()
        return f"{self.base}/{item['AccessToken']}", item

    def stage(self, where: str, body: bytes) -> None:
        """Stage lines of NDJSON."""
        headers = {"Content-Type": "application/x-ndjson"}
        self.client.post(f"{where}/Stage", content=body, headers=headers).raise_for_status()

    def stage_file(self, path: Path, **settings: Any) -> tuple[str, float]:
        """Initiate and stage a file as NDJSON bodies; (path of the import, seconds of staging)."""
        where, _ = self.initiate(path.name, **settings)
        begun = time.perf_counter()
        with ThreadPoolExecutor(STAGING_CLIENTS) as pool:
            for _ in pool.map(lambda body: self.stage(where, body), cut_bodies(path)):
                pass
        return where, time.perf_counter() - begun

    def execute(self, where: str) -> tuple[dict[str, Any], float]:
        """Execute and wait; (the final status object, seconds)."""
        begun = time.perf_counter()
        self.client.post(f"{where}/Execute").raise_for_status()
        while True:
            status = self.client.get(f"{where}/Status").raise_for_status().json()
            if status["Status"] in ("Completed", "Failed"):
                return status, time.perf_counter() - begun
            time.sleep(0.05)

    def import_file(self, path: Path, **settings: Any) -> Timing:
        """The whole main job for one file."""
        where, staging = self.stage_file(path, **settings)
        status, executing = self.execute(where)
        return Timing(staging, executing, status)


def cut_bodies(path: Path, size: int = BATCH_BYTES) -> Iterator[bytes]:
    """The file in whole lines, about `size` bytes at a time."""
    with path.open("rb") as lines:
        while True:
            body = lines.read(size) + lines.readline()
            if not body:
                return
            yield body
