"""Extension `store`: the SQL database of calls, budgets and what was spent."""

from otel_llm.component import ExtensionFactory
from otel_llm.extensions.store.config import StoreConfig
from otel_llm.extensions.store.extension import StoreExtension

__all__ = ["StoreConfig", "StoreExtension", "factory"]

factory = ExtensionFactory("store", StoreConfig, StoreExtension)
