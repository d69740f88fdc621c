"""The mapping of the contract, and headers that it fits."""

from __future__ import annotations

CONTRACT = """
file: {delimiter: ";", header: 1, sheet: Contacts, empty: ["", "NULL", "-"]}
match: CRM
zone: Europe/Berlin
columns:
  Email Address: Emails[Home].EmailAddress
  First Name: CustomerName.FirstName
  Customer ID: AlternateIds[CRM].AlternateId
  Newsletter:
    to: Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType
    values: {subscribed: OptIn, unsubscribed: OptOut, cleaned: nothing}
  OPTIN_TIME: {to: "Emails[Home].EmailPreferences[NEWS-EMAIL].CustomerDate", time: "%d.%m.%Y %H:%M"}
  Tags: {to: ProfileTags, split: ","}
  UNSUB_REASON#2: ignore
constants:
  CustomerType: Prospect
  Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceAttributes[source]: spring fair
rules:
  - if: {Email Suppressions: present}
    set: {"Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType": OptOut}
otherColumns: ignore
"""


HEADERS = ["Email Address", "First Name", "Customer ID", "Newsletter", "OPTIN_TIME", "Tags"]
