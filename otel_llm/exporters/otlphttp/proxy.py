"""Which proxy the environment names for a URL: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, in either case."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from otel_llm.endpoint import is_loopback
from otel_llm.errors import ConfigError

__all__ = ["proxy_for"]


def proxy_for(url: str) -> str | None:
    """Return the proxy's URL, None if there is none. This machine is never behind one, as in the Collector.

    aiohttp's own `trust_env` is not used: it would also take credentials out of `~/.netrc`, and read that for every
    request.

    Raises:
        ConfigError: the proxy is of a kind that is not supported, such as SOCKS.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None or is_loopback(host) or proxy_bypass(host):
        return None
    if not proxy.startswith(("http://", "https://")):
        raise ConfigError(f"the proxy that the environment names for {parts.scheme} is not an HTTP proxy")
    return proxy
