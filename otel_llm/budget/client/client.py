"""Clients of the budget service. A gateway that is away never holds up a call: timeouts are short, and after a few
failures it is left alone for a while."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from uuid import uuid4

import httpx2
from opentelemetry import trace

from otel_llm import semconv
from otel_llm.breaker import Breaker
from otel_llm.budget.client.reservation import BudgetExceeded, BudgetUnavailable, Reservation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from types import TracebackType

__all__ = ["AsyncClient", "Client", "OnError"]

OnError = Literal["open", "closed"]

_FAILURES: Final = 3
_PAUSE_S: Final = 5.0
_OK: Final = 200
_TOO_MANY: Final = 429


class _Words(ABC):
    """What both clients say and understand."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:4320",
        *,
        token: str | None = None,
        timeout_s: float = 1.0,
        on_error: OnError = "open",
    ) -> None:
        """Take the address of a gateway's extension `budgets`.

        Args:
            url: Where it answers over HTTP.
            token: Shown to it.
            timeout_s: How long a question may take.
            on_error: What becomes of calls while it cannot be asked: all are let through, or none.
        """
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._on_error = on_error
        self._breaker = Breaker(_FAILURES, _PAUSE_S)
        self._connect(base_url=url, headers=headers, timeout=timeout_s)

    @abstractmethod
    def _connect(self, **options: Any) -> None:
        """Make the client of HTTP."""

    def _heard(self, answer: httpx2.Response | None) -> httpx2.Response | None:
        """Count an answer, or that there is none, for whether to ask again soon."""
        if answer is None or answer.is_server_error:
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        return answer

    def _question(self, model: str, dimensions: Mapping[str, str] | None, call: Mapping[str, Any]) -> dict[str, Any]:
        whose = {key: value for key, value in (dimensions or {}).items() if value}
        said = {key: value for key, value in call.items() if value is not None}
        return {"reservation_id": uuid4().hex, **said, "model": model, "dimensions": whose}

    def _decision(self, question: Mapping[str, Any], answer: httpx2.Response | None) -> Reservation:
        body = _body(answer)
        if answer is not None and answer.status_code == _OK and "decision" in body:
            reservation = Reservation.read(body)
        elif answer is not None and answer.status_code == _TOO_MANY:
            raise BudgetExceeded(body)
        elif self._on_error == "closed":
            raise BudgetUnavailable("the budgets cannot be asked")
        else:
            reservation = Reservation(question["reservation_id"], "allow", question["model"], "unknown", known=False)
        trace.get_current_span().set_attribute(semconv.RESERVATION_ID, reservation.id)
        return reservation


class Client(_Words):
    """Asks a gateway before a call, and tells it after. May be used by several threads."""

    def _connect(self, **options: Any) -> None:
        self._http = httpx2.Client(**options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def reserve(self, model: str, *, dimensions: Mapping[str, str] | None = None, **call: Any) -> Reservation:
        """Ask whether a call may be made, and hold what it may cost. The current span is marked with the reservation.

        Args:
            model: What would be called.
            dimensions: Whom it is for: `route`, `user`, `tenant`, `conversation`, `environment`, ...
            **call: `provider`, `input_tokens` or `input_text`, `max_output_tokens`, `reservation_id`.

        Raises:
            BudgetExceeded: it may not.
            BudgetUnavailable: nobody can say, and the client fails closed.
        """
        question = self._question(model, dimensions, call)
        return self._decision(question, self._post("/v1/budget/reserve", question))

    def settle(self, reservation: Reservation, **usage: Any) -> None:
        """Tell what a call has used: `input_tokens`, `output_tokens`, or `cost_usd`; and `response_id`, `model`.

        What cannot be told is told by the call's span, or not at all; nothing is raised for it.
        """
        if reservation.known:
            self._post("/v1/budget/settle", {"reservation_id": reservation.id, **usage})

    def release(self, reservation: Reservation) -> None:
        """Tell that a call was not made."""
        if reservation.known:
            self._post("/v1/budget/release", {"reservation_id": reservation.id})

    @contextmanager
    def guard(self, model: str, *, dimensions: Mapping[str, str] | None = None, **call: Any) -> Iterator[Reservation]:
        """Reserve around a block, or as a decorator around a function; what fails in it is released.

        Settle inside it. What is not settled is by the call's span, or given back when the hold expires.

        Raises:
            BudgetExceeded, BudgetUnavailable: as `reserve`.
        """
        reservation = self.reserve(model, dimensions=dimensions, **call)
        try:
            yield reservation
        except BaseException:
            self.release(reservation)
            raise

    def _post(self, path: str, body: Mapping[str, Any]) -> httpx2.Response | None:
        if not self._breaker.allows():
            return None
        try:
            return self._heard(self._http.post(path, json=body))
        except httpx2.HTTPError:
            return self._heard(None)


class AsyncClient(_Words):
    """The same for asyncio."""

    def _connect(self, **options: Any) -> None:
        self._http = httpx2.AsyncClient(**options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def reserve(self, model: str, *, dimensions: Mapping[str, str] | None = None, **call: Any) -> Reservation:
        """Ask whether a call may be made; see `Client.reserve`."""
        question = self._question(model, dimensions, call)
        return self._decision(question, await self._post("/v1/budget/reserve", question))

    async def settle(self, reservation: Reservation, **usage: Any) -> None:
        """Tell what a call has used; see `Client.settle`."""
        if reservation.known:
            await self._post("/v1/budget/settle", {"reservation_id": reservation.id, **usage})

    async def release(self, reservation: Reservation) -> None:
        """Tell that a call was not made."""
        if reservation.known:
            await self._post("/v1/budget/release", {"reservation_id": reservation.id})

    @asynccontextmanager
    async def guard(
        self, model: str, *, dimensions: Mapping[str, str] | None = None, **call: Any
    ) -> AsyncIterator[Reservation]:
        """Reserve around a block or a function; see `Client.guard`."""
        reservation = await self.reserve(model, dimensions=dimensions, **call)
        try:
            yield reservation
        except BaseException:
            await self.release(reservation)
            raise

    async def _post(self, path: str, body: Mapping[str, Any]) -> httpx2.Response | None:
        if not self._breaker.allows():
            return None
        try:
            return self._heard(await self._http.post(path, json=body))
        except httpx2.HTTPError:
            return self._heard(None)


def _body(answer: httpx2.Response | None) -> dict[str, Any]:
    try:
        body = {} if answer is None else answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
