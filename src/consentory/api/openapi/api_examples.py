"""The examples of the OpenAPI document: one import from Initiate to Exceptions, one person, one account."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

IMPORT_ID = "01936f5c-8a00-7c3e-9b1f-2f6d1c0a9e77"
TOKEN: Example = {"access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOi…", "token_type": "Bearer", "expires_in": 3600}
TOKEN_FORM: Example = {
    "grant_type": "client_credentials",
    "client_id": "6f1e0c2b9d7a48e5b3c41f00",
    "client_secret": "the secret that was shown once",
    "scope": "ACME/nightly",
}
INITIATE: Example = {
    "Name": "Nightly load",
    "DataStageDuration": 3,
    "ImportAction": "Add",
    "MatchCriteria": "AlternateIdType",
    "MatchValue": "CRM",
    "RefreshTags": True,
}
RECORD: Example = {
    "CustomerName": {"FirstName": "Zoë", "LastName": "Ōkubo"},
    "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-100-1"}],
    "Emails": [
        {
            "EmailAddressType": "Home",
            "EmailAddress": "zoe.okubo@example.com",
            "EmailPreferences": [
                {"FilterId": "NEWS-EMAIL", "PreferenceType": 1, "CustomerDate": "2026-03-01T14:05:00Z"}
            ],
        }
    ],
    "ProfileTags": [{"Name": "loyal"}],
}
BATCH: Example = {"UserProfilePreferences": [RECORD]}
FAULT: Example = {
    "Code": "Email.Malformed",
    "Message": 'EmailAddress "not-an-address" is not a usable email address.',
    "Path": "$.Emails[0].EmailAddress",
    "Value": "not-an-address",
}
STATUS: Example = {
    "TotalRecordsReceived": 1000,
    "ValidationSuccessful": 990,
    "ValidationFailed": 10,
    "Pending": 0,
    "Processed": 985,
    "Exceptions": 2,
    "NotHonored": 3,
    "AccessToken": 3531657874671127,
    "Status": "Completed",
    "Expires": "2026-03-02T14:05:00Z",
    "Name": "Nightly load",
    "DataStageDuration": 3,
    "ImportAction": "Add",
    "MatchCriteria": "AlternateIdType",
    "MatchValue": "CRM",
    "RefreshAlternateIds": False,
    "RefreshContacts": False,
    "RefreshCustomFields": False,
    "RefreshGroups": False,
    "RefreshTags": True,
    "AllowPriorConsents": False,
    "ImportId": IMPORT_ID,
    "Created": 400,
    "Updated": 500,
    "Unchanged": 85,
    "Deleted": 0,
    "StartedAt": "2026-03-02T02:10:00Z",
    "CompletedAt": "2026-03-02T02:10:09Z",
    "FailureReason": None,
    "Source": {"FileName": "people.csv", "Sha256": "5" * 64, "Rows": 1000, "Mapping": "columns: …"},
}
NOTHING_DONE: Example = {
    **STATUS,
    **dict.fromkeys(("Processed", "Exceptions", "NotHonored", "Created", "Updated", "Unchanged"), 0),
    "StartedAt": None,
    "CompletedAt": None,
}
INITIATED: Example = {
    **NOTHING_DONE,
    **dict.fromkeys(("TotalRecordsReceived", "ValidationSuccessful", "ValidationFailed"), 0),
    "Status": "Initiated",
}
STAGED: Example = {
    **NOTHING_DONE,
    "Pending": 990,
    "Status": "Staging",
    "Batch": {"First": 1, "Last": 1000, "ValidationFailed": 10},
}
QUEUED: Example = {**NOTHING_DONE, "Pending": 990, "Status": "Queued"}
CANCELLED: Example = {
    **QUEUED,
    "Status": "Failed",
    "CompletedAt": "2026-03-02T02:09:00Z",
    "FailureReason": "Import.Cancelled",
}
IMPORTS: Example = {"Count": 1, "NextCursor": None, "Imports": [STATUS]}
REFUSED_RECORD: Example = {
    "Emails": [{"EmailAddress": "not-an-address", "Exceptions": [FAULT]}],
    "SequenceNumber": 7,
    "Phase": "Stage",
    "Exceptions": [FAULT],
}
EXCEPTIONS: Example = {
    "Count": 1,
    "Limit": 1000,
    "Offset": 1,
    "HasMore": False,
    "TotalResults": 1,
    "UserProfilePreferences": [REFUSED_RECORD],
}
EXCEPTION_LINE = '{"Emails":[{"EmailAddress":"not-an-address"}],"SequenceNumber":7,"Phase":"Stage","Exceptions":[…]}\n'
EXCEPTION_ROWS = (
    "SequenceNumber,Phase,Code,Path,Value,Message\r\n"
    "7,Stage,Email.Malformed,$.Emails[0].EmailAddress,not-an-address,It is not a usable email address.\r\n"
)
PROGRESS = 'event: status\r\ndata: {"TotalRecordsReceived":1000,"Status":"Processing","Pending":490,…}\r\n\r\n'
PROFILE: Example = {"ProfileId": 4711, "IsActive": True, "DefaultLocale": "en_US", "CustomerType": "Customer", **RECORD}
PEOPLE: Example = {"Count": 1, "UserProfilePreferences": [PROFILE]}
WRITTEN: Example = {**PROFILE, "Outcome": "Created", "NotHonored": []}
HISTORY: Example = {
    "Count": 1,
    "HasMore": False,
    "Items": [
        {
            "Place": {"EmailAddressType": "Home", "EmailAddress": "zoe.okubo@example.com"},
            "FilterId": "NEWS-EMAIL",
            "PreferenceType": 1,
            "CustomerDate": "2026-03-01T14:05:00Z",
            "RecordedDate": "2026-03-02T02:10:04Z",
            "Caller": "nightly",
            "ImportId": IMPORT_ID,
            "SequenceNumber": 1,
        }
    ],
}
AUDIT: Example = {
    "Count": 1,
    "HasMore": False,
    "Newest": 17,
    "Events": [
        {
            "Number": 17,
            "EventId": "01936f5c-8a41-7d02-8c55-9b0e7d1f3a10",
            "RecordedDate": "2026-03-02T02:08:31.402117Z",
            "Caller": "nightly",
            "ClientAddress": "203.0.113.7",
            "RequestId": "5f0c2a9be1d14f6a8f2d7c3b1a0e9d84",
            "Action": "import.staged",
            "ImportId": IMPORT_ID,
            "ProfileIds": [],
            "Details": {"First": 1, "Last": 1000, "ValidationFailed": 10},
            "Hash": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
        }
    ],
}
TAGS: Example = {"AsOf": "2026-03-02T02:11:00Z", "Count": 1, "Tags": [{"Name": "loyal", "Count": 512}]}
CONFIGURATION: Example = {
    "account": {"clientId": "ACME", "name": "Acme Retail", "locales": ["en_US"]},
    "alternateIdTypes": [{"name": "CRM", "pattern": "[A-Za-z0-9-]{1,40}"}],
}
APPLIED: Example = {"Changes": ["+ alternate id type CRM"], "Applied": True}
HEALTHY: Example = {"status": "ok"}
METRICS = 'consentory_http_requests_total{method="GET",route="/healthz",status="200"} 3.0\n'
