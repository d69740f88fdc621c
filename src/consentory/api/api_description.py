from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin


def make_openapi_config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Consentory",
        version="1",
        path="/schema",
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
    )
