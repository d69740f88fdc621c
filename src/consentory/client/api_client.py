"""The HTTP API as a Python class, with one method for each call.

    ConsentoryError
    ├── ApiProblem           the server refused the call or failed; the members of its problem document
    └── ServerUnreachable    the server gave no answer, also after more tries

Each call may be repeated without harm. Calls that make or stage something have an Idempotency-Key, which this class
makes if the caller gives none. Execute, Cancel and Release change nothing when repeated. Undo has no Idempotency-Key:
if its answer is lost, the next try gets 409 `Undo.Done`, and the list of imports shows the undo.

Therefore each call is tried again after a lost connection and after 503, for the time of the client's `patience`. It is
tried again after 429, if the server asks for a short wait. If a server cannot be reached and has not answered this
client before, there is only one try.
"""

import datetime
import ipaddress
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec
import stamina

from consentory.client.row_stream import RowStream, read_key
from consentory.errors import ConsentoryError

JsonObject = dict[str, Any]
ImportRef = int | uuid.UUID
"""The path of an import: by its access token, or by its ImportId, which is valid after the token has expired."""
Phase = Literal["Stage", "Execute", "NotHonored"]
HistoryKind = Literal["Preferences", "Consents"]

_Result = TypeVar("_Result")
_TOKEN_MARGIN = 60.0  # seconds before its end at which a bearer token is renewed
_LONGEST_WAIT = 60.0  # seconds; a server that asks for more is not waited for
_TIMEOUTS = httpx.Timeout(30.0, connect=5.0, read=300.0, write=120.0)
_MOST_CUTS = 5
"""A stream that is cut is continued, unless it is cut once more than this without a row in between."""
_NDJSON = {"Accept": "application/x-ndjson"}


class ApiProblem(ConsentoryError):
    """A refusal. `errors`: objects `{code, path, message}`. `retry_after`: in seconds; None: not given."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        errors: list[JsonObject] | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = errors or []
        self.retry_after = retry_after
        super().__init__(f"{status} {code or title}: {detail or title}")


class ServerUnreachable(ConsentoryError):
    """The server gave no answer. It may have got the last call, and to repeat that call does no harm."""


class ConsentoryClient:
    """A connection to one account of one server, as one user. Close it, or use it as a context manager."""

    def __init__(
        self,
        server: str,
        account: str,
        client_id: str,
        client_secret: str,
        user: str,
        base_path: str = "/Profiles/v4",
        *,
        patience: float = 30.0,
        ca_file: str | None = None,
    ) -> None:
        """`patience`: a call is tried again for these seconds while the server cannot be reached or answers 503.
        `ca_file`: PEM certificates to trust, in place of the public ones.

        Raises ValueError if `server` is not an http or https address, or if `ca_file` has no certificate.
        """
        if not server.startswith(("http://", "https://")):
            raise ValueError(f"The server must be an address such as http://127.0.0.1:8480, not {server!r}.")
        self.server = server.rstrip("/")
        self.account = account
        self.patience = patience
        self._credentials = httpx.BasicAuth(client_id, client_secret)
        self._scope = f"{account}/{user}"
        self._base = f"{self.server}/{base_path.strip('/')}".rstrip("/")
        self._bearer = ""
        self._bearer_ends = 0.0
        self._has_answered = False
        # A proxy of the environment is not for this machine itself.
        self._http = httpx.Client(timeout=_TIMEOUTS, trust_env=not self.is_local, verify=_trust(ca_file))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def is_local(self) -> bool:
        """True if the server is on this machine. Then compression of the bodies only costs time."""
        host = httpx.URL(self.server).host
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    # The import

    def initiate(self, fields: JsonObject, *, idempotency_key: str | None = None) -> JsonObject:
        """Initiate an import. `fields`: see import-api.md, "Initiate". Returns the status object."""
        return self._post(self._async("Import"), fields, key=idempotency_key or str(uuid.uuid4()))

    def stage(
        self,
        access_token: int,
        body: bytes,
        *,
        idempotency_key: str | None = None,
        content_type: str = "application/json",
        content_encoding: Literal["gzip", "zstd"] | None = None,
    ) -> JsonObject:
        """Stage one batch as a whole. `body`: the bytes to send. Returns the status object and `Batch`."""
        headers = {"Content-Type": content_type, "Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        if content_encoding:
            headers["Content-Encoding"] = content_encoding
        return self._call("POST", self._async("Import", access_token, "Stage"), headers=headers, content=body)

    def execute(self, access_token: int, *, preview_id: uuid.UUID | str | None = None) -> JsonObject:
        """Execute the import. A repeated call changes nothing. Returns the status object.

        `preview_id`: only if this preview is done and of the records that are staged now, otherwise ApiProblem 409.
        """
        url = self._async("Import", access_token, "Execute")
        return self._call("POST", url, params=_leave_out_none(previewId=preview_id))

    def cancel(self, ref: ImportRef) -> JsonObject:
        """Cancel the import. ApiProblem 409 if it is processing. Returns the status object."""
        return self._post(self._async("Imports" if isinstance(ref, uuid.UUID) else "Import", ref, "Cancel"))

    def release(self, import_id: uuid.UUID | str) -> JsonObject:
        """Let an import go on that the guard holds; ApiProblem 409 where no guard does. Returns the status object."""
        return self._post(self._async("Imports", import_id, "Release"))

    def undo(self, import_id: uuid.UUID | str, *, restore_yes: bool = False) -> JsonObject:
        """Make a new import. Its execution takes back a completed import. Returns its status object."""
        return self._post(self._async("Imports", import_id, "Undo"), {"RestoreYes": restore_yes})

    def status(self, access_token: int) -> JsonObject:
        """The status object. ApiProblem 401 after the token has expired."""
        return self._get(self._async("Import", access_token, "Status"))

    def import_by_id(self, import_id: uuid.UUID | str) -> JsonObject:
        """The status object, also after the access token has expired."""
        return self._get(self._async("Imports", import_id))

    def imports(self, *, status: str | None = None, limit: int | None = None, cursor: str | None = None) -> JsonObject:
        """One page of the account's imports, newest first. `cursor`: from the page before."""
        return self._get(self._async("Imports"), status=status, limit=limit, cursor=cursor)

    def exceptions(
        self, ref: ImportRef, *, limit: int = 1000, offset: int = 1, phase: Phase | None = None
    ) -> JsonObject:
        """One page of refused records in the order of SequenceNumber. `offset` counts from 1."""
        return self._get(self._exceptions_url(ref), limit=limit, offset=offset, phase=phase)

    def stream_exceptions(self, ref: ImportRef, *, phase: Phase | None = None) -> Iterator[bytes]:
        """All refused records as NDJSON lines, without their line ends, in constant memory.

        If the connection is lost before the first line, the call is tried again. Later it raises ServerUnreachable.
        """
        url, params = self._exceptions_url(ref), _leave_out_none(phase=phase)

        def open_stream() -> httpx.Response:
            return self._send(self._http.build_request("GET", url, params=params, headers=_NDJSON), stream=True)

        response = self._repeat(open_stream)
        try:
            tail = b""
            for chunk in response.iter_bytes():
                *lines, tail = (tail + chunk).split(b"\n")
                yield from filter(None, lines)
            if tail:
                yield tail
        except httpx.TransportError as error:
            raise ServerUnreachable(f"{self.server} stopped sending the exceptions: {error}") from error
        finally:
            response.close()

    def stream_export(self, filters: dict[str, str]) -> RowStream:
        """All profiles that the filters select, as NDJSON lines without their line ends.

        A stream that is cut is continued. Raises ServerUnreachable if no line comes for the time of `patience`.
        """
        return RowStream(partial(self._stream_rows, self._url("Export"), filters))

    def stream_audience(self, filter_id: str, *, opted_out: bool = False) -> RowStream:
        """Everyone who may be contacted now for a filter, as `stream_export` gives profiles."""
        filters = {"optedOut": "true"} if opted_out else {}
        return RowStream(partial(self._stream_rows, self._url("Audience", filter_id), filters))

    def _stream_rows(self, url: str, params: dict[str, str], rows: RowStream) -> Iterator[bytes]:
        """The rows of a stream, continued after its last row if it is cut."""
        headers = _NDJSON | ({"Accept-Encoding": "identity"} if self.is_local else {})
        last, fails = b"", 0
        while True:
            more = {"after": read_key(last)} if last else {}
            request = self._http.build_request("GET", url, params=params | more, headers=headers)
            response = self._repeat(lambda request=request: self._send(request, stream=True))  # type: ignore[misc]
            rows.note_position(response.headers.get("Consentory-Position"))
            try:
                tail = b""
                for chunk in response.iter_bytes():
                    *lines, tail = (tail + chunk).split(b"\n")
                    for line in lines:
                        last, fails = line, 0
                        yield line
                return
            except httpx.TransportError as error:
                fails += 1
                if fails > _MOST_CUTS:
                    raise ServerUnreachable(f"{self.server} stopped sending, {fails} times: {error}") from error
                time.sleep(fails - 1)
            finally:
                response.close()

    # The preview

    def start_preview(self, import_id: uuid.UUID | str) -> JsonObject:
        """Start a preview of a staged import. It replaces an earlier preview. Returns the preview object."""
        return self._post(self._async("Imports", import_id, "Preview"))

    def preview(self, import_id: uuid.UUID | str) -> JsonObject:
        """The preview object. ApiProblem 404 if none was started."""
        return self._get(self._async("Imports", import_id, "Preview"))

    def preview_changes(
        self,
        import_id: uuid.UUID | str,
        *,
        kind: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> JsonObject:
        """One page of single changes by kind and SequenceNumber. `cursor`: from the page before."""
        url = self._async("Imports", import_id, "Preview", "Changes")
        return self._get(url, kind=kind, limit=limit, cursor=cursor)

    # Profiles

    def profile(self, profile_id: int) -> JsonObject:
        """The whole profile. ApiProblem 404 if there is none."""
        return self._get(self._url("Profile", profile_id))

    def profile_by_alternate_id(self, alternate_id_type: str, alternate_id: str) -> JsonObject:
        """The profile that holds this active alternate id. ApiProblem 404 if there is none."""
        return self._get(self._url("Profile"), alternateIdType=alternate_id_type, alternateId=alternate_id)

    def profiles_by_email(self, email_address: str) -> JsonObject:
        """`{Count, UserProfilePreferences}`: the active profiles with this address. There may be none."""
        return self._get(self._url("Profile"), emailAddress=email_address)

    def profiles_by_phone(self, phone_number: str) -> JsonObject:
        """`{Count, UserProfilePreferences}`: the active profiles with this number. There may be none."""
        return self._get(self._url("Profile"), phoneNumber=phone_number)

    def write_profile(self, profile_id: int, record: JsonObject, **flags: bool) -> JsonObject:
        """Change one person by a record, with the rules of an import. `flags`: RefreshContacts and the like.

        Returns the profile with `Outcome` and `NotHonored`. ApiProblem 400 for faults, 404 if there is no such person.
        """
        set_flags = {name: "true" for name, flag in flags.items() if flag}
        headers = {"Content-Type": "application/json"}
        body = msgspec.json.encode(record)
        return self._call("POST", self._url("Profile", profile_id), params=set_flags, headers=headers, content=body)

    def delete_profile(self, profile_id: int) -> None:
        """Delete one person with the history, for good. ApiProblem 404 if there is none.

        The next import of a file that holds the person stores the person again.
        """
        url = self._url("Profile", profile_id)
        self._repeat(lambda: self._send(self._http.build_request("DELETE", url)))

    def history(
        self, profile_id: int, of: HistoryKind, *, limit: int | None = None, offset: int | None = None
    ) -> JsonObject:
        """`{Count, HasMore, Items}`: the applied choices in the order of application."""
        return self._get(self._url("Profile", profile_id, "History"), of=of, limit=limit, offset=offset)

    def changes(self, *, after: int | None = None, limit: int | None = None, wait: int | None = None) -> JsonObject:
        """`{Items, Next, Latest}`: the changes of people after a position. `wait`: the seconds for which the server
        waits for a change. ApiProblem 410 if those changes are no longer kept."""
        return self._get(self._url("Changes"), after=after, limit=limit, wait=wait)

    def tags(self) -> JsonObject:
        """The account's tags with their counts, and `AsOf`, the time of the counts."""
        return self._get(self._url("Tags"))

    def configuration(self) -> JsonObject:
        """The account's configuration document. The user needs the permission `configuration: read`."""
        return self._get(self._url("Configuration"))

    # Addresses of calls

    def _url(self, *parts: object) -> str:
        return "/".join((self._base, *(quote(str(part), safe="") for part in (self.account, *parts))))

    def _async(self, *parts: object) -> str:
        return "/".join((self._base, "Async", *(quote(str(part), safe="") for part in (self.account, *parts))))

    def _exceptions_url(self, ref: ImportRef) -> str:
        return self._async("Imports" if isinstance(ref, uuid.UUID) else "Import", ref, "Exceptions")

    # Sending

    def _get(self, url: str, **params: object) -> JsonObject:
        return self._call("GET", url, params=_leave_out_none(**params))

    def _post(self, url: str, body: JsonObject | None = None, *, key: str | None = None) -> JsonObject:
        headers = {} if key is None else {"Idempotency-Key": key}
        if body is None:
            return self._call("POST", url, headers=headers)
        headers["Content-Type"] = "application/json"
        return self._call("POST", url, headers=headers, content=msgspec.json.encode(body))

    def _call(self, method: str, url: str, **options: Any) -> JsonObject:
        response = self._repeat(lambda: self._send(self._http.build_request(method, url, **options)))
        return _read_object(response)

    def _repeat(self, send: Callable[[], _Result]) -> _Result:
        """Call `send` until it gives an answer, for the time of `patience` at most. Map the errors of httpx."""
        try:
            for attempt in stamina.retry_context(on=self._choose_wait, attempts=None, timeout=self.patience):
                with attempt:
                    return send()
        except httpx.HTTPError as error:
            raise ServerUnreachable(
                f"No answer from {self.server} ({str(error) or type(error).__name__}). Start the server there "
                "(consentory up), or give the address of another one with --server or CONSENTORY_SERVER."
            ) from error
        raise AssertionError("stamina gives a result or raises")

    def _choose_wait(self, error: Exception) -> bool | float | datetime.timedelta:
        if isinstance(error, httpx.ConnectError) and not self._has_answered:
            return False
        return _choose_wait(error)

    def _send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        """Send with a bearer token. After a 401, try once more with a new token. Raises ApiProblem."""
        cached = self._bearer_ends > time.monotonic()
        request.headers["Authorization"] = f"Bearer {self._fetch_bearer()}"
        response = self._http.send(request, stream=stream)
        self._has_answered = True
        if response.status_code == httpx.codes.UNAUTHORIZED and cached:
            response.close()
            self._bearer_ends = 0.0
            request.headers["Authorization"] = f"Bearer {self._fetch_bearer()}"
            response = self._http.send(request, stream=stream)
        if not response.is_success:
            try:
                response.read()
            finally:
                response.close()
            raise _read_problem(response)
        return response

    def _fetch_bearer(self) -> str:
        if self._bearer_ends <= time.monotonic():
            asked = time.monotonic()
            response = self._http.post(
                f"{self.server}/oauth2/token",
                data={"grant_type": "client_credentials", "scope": self._scope},
                auth=self._credentials,
            )
            self._has_answered = True
            if not response.is_success:
                raise _read_problem(response)
            answer = _read_object(response)
            self._bearer = str(answer["access_token"])
            self._bearer_ends = asked + float(answer.get("expires_in", 300)) - _TOKEN_MARGIN
        return self._bearer


def _trust(ca_file: str | None) -> ssl.SSLContext | bool:
    try:
        return True if ca_file is None else ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"The certificates to trust, {ca_file}, cannot be used: {error}.") from error


def _choose_wait(error: Exception) -> bool | float | datetime.timedelta:
    """For stamina: False to give up, True for its own back-off, or the seconds that the server asked for."""
    if isinstance(error, httpx.TransportError):
        return not isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError)
    if not isinstance(error, ApiProblem):
        return False
    if error.status == httpx.codes.SERVICE_UNAVAILABLE:
        return True if error.retry_after is None else min(error.retry_after, _LONGEST_WAIT)
    # A wait for too many concurrent batches takes seconds, but a wait for the daily limit may take hours.
    wait = error.retry_after if error.status == httpx.codes.TOO_MANY_REQUESTS else None
    return False if wait is None or wait > _LONGEST_WAIT else wait


def _leave_out_none(**params: object) -> dict[str, str]:
    return {name: str(value) for name, value in params.items() if value is not None}


def _read_object(response: httpx.Response) -> JsonObject:
    try:
        answer = msgspec.json.decode(response.content, type=JsonObject)
    except msgspec.MsgspecError as error:
        raise ApiProblem(
            response.status_code,
            "",
            "This is not an answer of Consentory",
            f"{response.url.copy_with(query=None)} gave no JSON. Check the setting server.",
        ) from error
    return answer


def _read_problem(response: httpx.Response) -> ApiProblem:
    """The problem document of a refusal. Another answer, for example a proxy's page, gets the same form."""
    try:
        told = msgspec.json.decode(response.content, type=JsonObject)
    except msgspec.MsgspecError:
        told = {}
    wait = response.headers.get("Retry-After", "")
    return ApiProblem(
        response.status_code,
        str(told.get("code") or told.get("error") or ""),
        str(told.get("title") or response.reason_phrase or "Refused"),
        str(told.get("detail") or told.get("error_description") or ""),
        [error for error in told.get("errors") or () if isinstance(error, dict)],
        float(wait) if wait.isdecimal() else None,
    )
