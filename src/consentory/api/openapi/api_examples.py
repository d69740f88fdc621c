"""The examples of the OpenAPI document, made from the schemas. This module has one value for each member."""

from __future__ import annotations

from typing import Any

from consentory.http.media_types import CSV, EVENTS, NDJSON, PARQUET, YAML_TYPES

_ID = "01936f5c-8a00-7c3e-9b1f-2f6d1c0a9e77"
_TIME = "2026-03-02T02:10:00Z"
_COMPOSED = object()
"""The mark of an optional member that the example shows. Its value is made like the value of a required member."""

_VALUES: dict[str, Any] = {
    "client_id": "6f1e0c2b9d7a48e5b3c41f00", "client_secret": "the secret that was shown once",
    "scope": "ACME/nightly", "token_type": "Bearer", "expires_in": 3600, "status": "ok",
    "InitiateRequest.Name": "Nightly load", "StatusObject.Name": "Nightly load", "DataStageDuration": 3,
    "MatchCriteria": "AlternateIdType", "MatchValue": "CRM", "RefreshTags": True,
    "TotalRecordsReceived": 1000, "ValidationSuccessful": 990, "ValidationFailed": 10, "Pending": 0, "Processed": 985,
    "StatusObject.Exceptions": 2, "StatusObject.NotHonored": 3, "Created": 400, "Updated": 500, "Unchanged": 85,
    "Deleted": 0, "AccessToken": 3531657874671127, "Status": "Completed", "FailureReason": None, "NextCursor": None,
    "HeldReason": None,
    "FileName": "people.csv", "Sha256": "5" * 64, "Rows": 1000, "Mapping": "columns: …",
    "Limit": 1000, "Phase": "Stage", "UserProfilePreferences": _COMPOSED, "WrittenProfileAnswer.NotHonored": [],
    "Code": "Email.Malformed", "Message": 'EmailAddress "not-an-address" is not a usable email address.',
    "Path": "$.Emails[0].EmailAddress", "Fault.Value": "not-an-address", "SequenceNumber": 7,
    "AudienceMember.Key": "4711:E0", "AudiencePage.Next": "4711:E0",
    "ProfileId": 4711, "IsActive": True, "DefaultLocale": "en_US", "CustomerType": "Customer",
    "CustomerName": _COMPOSED, "FirstName": "Zoë", "LastName": "Ōkubo", "AlternateIds": _COMPOSED,
    "AlternateIdType": "CRM", "AlternateId": "C-100-1", "Emails": _COMPOSED, "EmailAddressType": "Home",
    "EmailAddress": "zoe.okubo@example.com", "EmailPreferences": _COMPOSED, "FilterId": "NEWS-EMAIL",
    "PreferenceType": 1, "CustomerDate": "2026-03-01T14:05:00Z", "ProgramId": "NEWS", "ChannelId": "Email",
    "PlaceAnswer.Kind": "Email", "Consents": [], "ProfilePreferences": [], "Groups": [], "CustomFields": [],
    "ProfileTags": _COMPOSED, "Name": "loyal", "TagAnswer.Count": 512, "Caller": "nightly", "Newest": 17, "Number": 17,
    "ClientAddress": "203.0.113.7", "RequestId": "5f0c2a9be1d14f6a8f2d7c3b1a0e9d84", "Action": "import.staged",
    "ProfileIds": [], "Details": {"First": 1, "Last": 1000, "ValidationFailed": 10}, "Hash": "9c56" * 16,
    "Changes": ["+ alternate id type CRM"], "Applied": True, "clientId": "ACME", "Account.name": "Acme Retail",
    "ChangeList.Changes": _COMPOSED, "LimitsExceeded": [], "PreviewObject.Exceptions": 2, "PreviewObject.NotHonored": 3,
    "State": "Done", "Records": 990, "RecordsDone": 990, "ChangeItem.Kind": "OptInsEnded", "Member": "NEWS-EMAIL",
    "Place": {"Kind": "Profile"}, "Position": 4711, "ChangeAnswer.Kind": "Updated", "Choices": _COMPOSED,
    "Members": ["EmailPreferences"], "ChangesAnswer.Next": 4711, "Latest": 4711, "Stale": False, "Effects": _COMPOSED,
    "locales": ["en_US"], "alternateIdTypes": _COMPOSED, "TypeName.name": "CRM", "TypeName.pattern": "[A-Z0-9-]{1,40}",
}  # fmt: skip
"""Values by member. The key has the type too if the member has another value in another type."""

_WAITING = {"StartedAt": None, "CompletedAt": None} | dict.fromkeys(
    ("Processed", "Exceptions", "NotHonored", "Created", "Updated", "Unchanged"), 0
)
_QUEUED = {**_WAITING, "Pending": 990, "Status": "Queued"}
_CHANGED: dict[str, dict[str, Any]] = {
    "initiate 200": {**_WAITING, "TotalRecordsReceived": 0, "ValidationSuccessful": 0, "ValidationFailed": 0}
    | {"Status": "Initiated", "Source": None},
    "stage 200": {**_QUEUED, "Status": "Staging", "Batch": {"First": 1, "Last": 1000, "ValidationFailed": 10}},
    "execute 200": _QUEUED,
    "cancel 200": {**_QUEUED, "Status": "Failed", "CompletedAt": _TIME, "FailureReason": "Import.Cancelled"},
    "cancelImport 200": {**_QUEUED, "Status": "Failed", "CompletedAt": _TIME, "FailureReason": "Import.Cancelled"},
    "releaseImport 200": _QUEUED,
    "updateProfile 200": {"Outcome": "Updated"},
}
"""For each call, the members that have other values in its example."""

TEXTS = {
    NDJSON: '{"AlternateIds":[{"AlternateIdType":"CRM","AlternateId":"C-100-1"}],"IsActive":false}\n',
    CSV: "SequenceNumber,Phase,Code,Path,Value,Message\r\n7,Stage,Email.Malformed,$.Emails[0].EmailAddress,x,…\r\n",
    PARQUET: "PAR1…PAR1",
    EVENTS: 'event: status\r\ndata: {"TotalRecordsReceived":1000,"Status":"Processing","Pending":490,…}\r\n\r\n',
    "text/plain": 'consentory_http_requests_total{method="GET",route="/healthz",status="200"} 3.0\n',
} | dict.fromkeys(YAML_TYPES, "account:\n  clientId: ACME\n  …\n")


def make_example(schema: dict[str, Any], place: str, schemas: dict[str, dict[str, Any]]) -> Any:
    """The example of a schema at a place: operationId and `body` or status."""
    return _compose(schema, schemas) | _CHANGED.get(place, {})


def _compose(schema: dict[str, Any], schemas: dict[str, dict[str, Any]]) -> Any:
    if "$ref" in schema:
        return _compose(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "properties" in schema:
        required, found = schema.get("required", ()), {}
        for name, inner in schema["properties"].items():
            value = _VALUES.get(f"{schema['title']}.{name}", _VALUES.get(name))
            if value is _COMPOSED or (value is None and name in required and name not in _VALUES):
                found[name] = _compose(inner, schemas)
            elif value is not None or (name in required and name in _VALUES):
                found[name] = value
        return found
    if "anyOf" in schema:
        return _compose(schema["anyOf"][0], schemas)
    if schema.get("type") == "array":
        return [_compose(schema["items"], schemas)]
    if "enum" in schema:
        return schema["enum"][0]
    by_format = {"date-time": _TIME, "uuid": _ID}.get(schema.get("format", ""), "…")
    return {"string": by_format, "integer": 1, "boolean": False}.get(schema.get("type", ""))
