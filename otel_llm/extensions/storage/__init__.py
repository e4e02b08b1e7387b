"""Extension `storage`: where batches wait for their destinations."""

from otel_llm.component import ExtensionFactory
from otel_llm.extensions.storage.config import StorageConfig
from otel_llm.extensions.storage.extension import Storage

__all__ = ["Storage", "StorageConfig", "factory"]

factory = ExtensionFactory("storage", StorageConfig, Storage)
