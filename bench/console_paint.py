"""Measure how soon the console paints its screens and answers a click, alone and beside a running import.

The script starts a server, imports the people of the demo with `consentory import`, and signs in with a link. Each
screen is opened several times in Chromium with an empty cache. Then two files are imported in turn, again and again,
and each screen is opened as often beside the imports. Both files have the same people, with other names, addresses and
choices, so each import changes nearly everybody. Beside an import, the screen of one import is that of the running
import.

The table shows milliseconds: the median, and the 95th percentile in brackets. The browser measures them (navigation
timing, and the paint entry `first-contentful-paint`). First byte: from the request to the first byte of the answer.
First paint: from the beginning of the navigation to the first content on the screen. Exit code 1: beside the import,
the median of the first paint of a screen was not under the promised limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from console_browser import find_chromium, open_browser, press
from playwright.sync_api import Browser, Page

from consentory.demo.demo_command import ACCOUNT, ACCOUNT_FILE, PERSON, USER, open_folder
from consentory.demo.demo_server import DemoFailed, DemoServer
from consentory.demo.people import generate_records
from consentory.terminal.terminal_output import make_console

SEEDS = (2026, 2027)
PROMISED_MS = 200.0
RUNNING = ("Staging", "Queued", "Processing")
PATIENCE = 600.0  # seconds
FIGURES = ("first byte", "first paint", "load")

TIMES = """() => new Promise(done => new PerformanceObserver(list => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  if (!paint) return;
  const page = performance.getEntriesByType("navigation")[0];
  const all = [page, ...performance.getEntriesByType("resource")];
  done({
    "first byte": page.responseStart - page.requestStart,
    "first paint": paint.startTime,
    "load": page.loadEventStart,
    "KB": all.reduce((sum, one) => sum + one.transferSize, 0) / 1000,
  });
}).observe({type: "paint", buffered: true}))"""

RENEW = """([path, part]) => {
  const begun = performance.now();
  return htmx.ajax("GET", path, {target: "#" + part, swap: "outerHTML"}).then(() => new Promise(done =>
    requestAnimationFrame(() => setTimeout(() => done({"first paint": performance.now() - begun})))));
}"""

Times = dict[str, float]


@dataclass
class Scene:
    """The console of a server with people. `session`: the cookies of the signed-in user."""

    browser: Browser
    url: str
    session: Any
    crm_id: str
    person: str = ""
    ended: str = ""
    """The paths of one person, and of an import that has ended."""

    @contextmanager
    def open(self) -> Iterator[Page]:
        """A page with an empty cache."""
        context = self.browser.new_context(storage_state=self.session, base_url=self.url)
        try:
            yield context.new_page()
        finally:
            context.close()

    def find(self, page: Page) -> None:
        """Find the person by the CRM id."""
        page.get_by_label("Find by").select_option("id:CRM")
        page.get_by_label("The whole value").fill(self.crm_id)
        press(page, "Find")


class Importing:
    """Imports the files in turn in the block, one import after the other."""

    def __init__(self, runs: Sequence[Callable[[], None]]) -> None:
        self._runs = runs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat)
        self.states: Counter[str] = Counter()
        self.ended = 0
        """The number of steps at whose end the import had ended."""

    def __enter__(self) -> Importing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _repeat(self) -> None:
        for run in itertools.cycle(self._runs):
            if self._stop.is_set():
                return
            run()

    def find(self, page: Page) -> str:
        """Wait until an import runs: its path."""
        while self._thread.is_alive():
            for state in RUNNING:
                if paths := list_imports(page, state):
                    self.states[state] += 1
                    return paths[0]
            time.sleep(0.05)
        raise DemoFailed("The import ended with a failure.")

    def count_ended(self, page: Page, path: str) -> None:
        """Count the step that is over if the import is over, too."""
        self.ended += not any(path in list_imports(page, state) for state in RUNNING)


def list_imports(page: Page, state: str = "") -> list[str]:
    """The paths of the newest imports, read beside the page."""
    text = page.context.request.get(f"/console/imports/rows?status={state}").text()
    return ["/console/imports/" + part.partition('"')[0] for part in text.split('href="/console/imports/')[1:]]


@dataclass
class Step:
    """A screen that is opened, or a click on one. `act` None: the opening itself is measured."""

    name: str
    path: Callable[[str], str]
    act: Callable[[Page], object] | None = None
    renews: str = ""
    """The id of a live part of the screen, which is renewed instead."""
    times: dict[str, list[Times]] = field(default_factory=lambda: {"alone": [], "beside": []})

    def measure(self, page: Page, current: str) -> Times:
        """Do it once. `current`: the path of the import that the screen of one import shows."""
        path = self.path(current)
        page.goto(path)
        if self.renews:
            return dict(page.evaluate(RENEW, [f"{path}/progress", self.renews]))
        if self.act is not None:
            self.act(page)
        return dict(page.evaluate(TIMES))

    def collect(self, when: str, figure: str) -> list[float]:
        """All values of one figure."""
        return [one[figure] for one in self.times[when] if figure in one]


def list_screens(scene: Scene) -> list[Step]:
    """The screens, by their addresses."""
    fixed = {
        "Imports": "/console/imports",
        "New import": "/console/imports/new",
        "People": "/console/people",
        "One person": scene.person,
        "Who may be contacted": "/console/audience",
        "One filter": "/console/audience/of/NEWS-EMAIL",
        "Account": "/console/account",
        "Audit": "/console/audit",
    }
    steps = [Step(name, lambda _, path=path: path) for name, path in fixed.items()]  # type: ignore[misc]
    steps.insert(2, Step("One import", lambda current: current))
    return steps


def list_interactions(scene: Scene) -> list[Step]:
    """The clicks that are measured."""

    def show_completed(page: Page) -> None:
        page.locator("select[name=status]").select_option("Completed")
        press(page, "Show")

    def open_first(page: Page) -> None:
        with page.expect_navigation():
            page.locator("tbody a").first.click()

    return [
        Step("Filter the imports", lambda _: "/console/imports", show_completed),
        Step("Open an import", lambda _: "/console/imports", open_first),
        Step("Renew the live books", lambda current: current, renews="import-progress"),
        Step("Find a person", lambda _: "/console/people", scene.find),
    ]


def measure_all(scene: Scene, steps: list[Step], rounds: int, importing: Importing | None = None) -> None:
    """Do each step once in each round, so that all steps meet all states of the imports."""
    for _ in range(rounds):
        for step in steps:
            with scene.open() as page:
                current = importing.find(page) if importing else scene.ended
                step.times["beside" if importing else "alone"].append(step.measure(page, current))
                if importing:
                    importing.count_ended(page, current)


def prepare(browser: Browser, server: DemoServer, crm_id: str) -> Scene:
    """Sign in with a link, find a person, and wait until the workers have counted the people."""
    link = server.run_command("console", "link", "--account", ACCOUNT, "--user", PERSON, "--server", server.url)
    page = browser.new_page(base_url=server.url)
    page.goto(link.strip())
    press(page, "Sign in")
    scene = Scene(browser, server.url, page.context.storage_state(), crm_id)
    page.goto("/console/people")
    scene.find(page)
    scene.person = page.url.removeprefix(server.url)
    scene.ended = list_imports(page, "Completed")[0]
    until = time.monotonic() + PATIENCE
    while "data-live" in page.context.request.get("/console/audience/rows").text() and time.monotonic() < until:
        time.sleep(0.5)
    page.close()
    return scene


def write_people(path: Path, people: int, seed: int) -> str:
    """Write a file of the demo's people. The result is the CRM id of one of them."""
    crm_id = ""
    with path.open("wb") as out:
        for record in generate_records(people, seed):
            out.write(record.line + b"\n")
            if not crm_id and record.fault is None:
                crm_id = json.loads(record.line)["AlternateIds"][0]["AlternateId"]
    return crm_id


def make_imports(server: DemoServer, paths: Sequence[Path]) -> list[Callable[[], None]]:
    """For each file, a function that imports it with the ordinary client."""
    made = json.loads(server.run_command("credentials", "create", "--account", ACCOUNT, "--user", USER))
    settings = {"account": ACCOUNT, "user": USER, **{name: made[name] for name in ("client_id", "client_secret")}}
    environment = {f"CONSENTORY_{name.upper()}": text for name, text in settings.items()}

    def run(path: Path) -> None:
        done = server.run_client(["import", path.name, "--match", "CRM", "--name", "Demo"], environment)
        if done.returncode not in (0, 1):  # 1: some records were refused, and the demo has such records
            raise DemoFailed(f"The import failed:\n{done.stderr or done.stdout}")

    return [partial(run, path) for path in paths]


def show_times(times: list[float]) -> str:
    """The median, and the 95th percentile in brackets."""
    if not times:
        return "-"
    late = sorted(times)[math.ceil(0.95 * len(times)) - 1]
    return f"{statistics.median(times):.0f} ({late:.0f})"


def show_ratio(step: Step, figure: str) -> str:
    """The median beside the import for each millisecond of the median alone."""
    alone, beside = step.collect("alone", figure), step.collect("beside", figure)
    return f"{statistics.median(beside) / statistics.median(alone):.1f}" if alone and beside else "-"


def show_table(title: str, steps: list[Step], promised: str) -> None:
    """One line for each step."""
    print(f"\n{title:<22}" + "".join(f"| {figure + ', ms':<33}" for figure in FIGURES) + "| KB   | paint promised")
    print(" " * 22 + f"| {'alone':<12} {'beside':<13} {'ratio':<5} " * len(FIGURES) + "|      |")
    for step in steps:
        line = f"{step.name:<22}"
        for figure in FIGURES:
            alone, beside = (show_times(step.collect(when, figure)) for when in ("alone", "beside"))
            line += f"| {alone:<12} {beside:<13} {show_ratio(step, figure):<5} "
        sizes = step.collect("beside", "KB")
        print(f"{line}| {f'{max(sizes):.0f}' if sizes else '-':<4} | {promised}")


def tell(step: str) -> None:
    """Show on standard error that the bench works, and at what."""
    print(step, file=sys.stderr, flush=True)


def main() -> None:
    """Fill, measure alone, measure beside an import, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15, help="how often each screen is opened, alone and beside")
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit("There is no Chromium. Install it, or name it in CONSENTORY_CHROMIUM.")
    with open_folder(None, False, make_console()) as folder, DemoServer(folder) as server:
        server.run_command("account", "apply", str(ACCOUNT_FILE))
        paths = [folder / f"people-{seed}.ndjson" for seed in SEEDS]
        crm_id, _ = (write_people(path, options.people, seed) for path, seed in zip(paths, SEEDS, strict=True))
        first, second = make_imports(server, paths)
        tell(f"importing {options.people:,} people")
        first()
        with open_browser(chromium) as opened:
            scene = prepare(opened.browser, server, crm_id)
            screens, clicks = list_screens(scene), list_interactions(scene)
            tell("opening each screen alone")
            measure_all(scene, screens + clicks, options.rounds)
            tell("opening each screen beside an import")
            with Importing([second, first]) as importing:
                measure_all(scene, screens + clicks, options.rounds, importing)
    print(f"{options.people:,} people, {options.rounds} times each: median (95th percentile)")
    states = ", ".join(f"{number} {state}" for state, number in importing.states.items())
    print(f"state of the import when a step began: {states}; at the end of {importing.ended} steps it had ended")
    show_table("Screen", screens, f"under {PROMISED_MS:.0f}")
    show_table("Click", clicks, "none")
    late = [one.name for one in screens if statistics.median(one.collect("beside", "first paint")) >= PROMISED_MS]
    print(f"\nNot under {PROMISED_MS:.0f} ms beside the import: {', '.join(late) or 'none'}")
    sys.exit(bool(late))


if __name__ == "__main__":
    main()
