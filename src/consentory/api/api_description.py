"""The OpenAPI 3.1 document: paths and parameters from the routes, bodies and answers from `api_calls`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Tag
from msgspec import inspect

from consentory import __version__
from consentory.api.api_calls import CALLS, REFUSAL_HEADERS, REFUSALS, Contents
from consentory.api.problems import PROBLEM_JSON, Problem, problem_type, title_of
from consentory.codec.initiate_request import InitiateRequest
from consentory.codec.status_object import StatusObject
from consentory.codec.wire_record import WireRecord
from consentory.domain.configuration import Configuration

Schema = dict[str, Any]
