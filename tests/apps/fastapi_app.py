"""An app in FastAPI, for uvicorn."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware

from otel_llm.sdk import AsgiContext
from tests.apps.calls import call

app = FastAPI(middleware=[Middleware(AsgiContext, {"user": "x-user", "route": lambda _scope: "chat"})])


@app.get("/chat/{name}")
async def chat(name: str) -> dict[str, str]:
    """Call a model."""
    call(name)
    return {"answer": "Potsdam"}
