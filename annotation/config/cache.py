"""The cache: in Redis while that answers, else one per process. Redis may vanish; log-in and its limits may not."""

from __future__ import annotations

import json
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError


class JsonSerializer:
    """Values as JSON: Django's default is pickle, which would let whoever writes to Redis run code here."""

    def dumps(self, value: Any) -> str | int:
        return value if type(value) is int else json.dumps(value)  # plain integers, so that Redis can count

    def loads(self, raw: bytes) -> Any:
        return json.loads(raw)


class ForgivingCache(BaseCache):
    """`RedisCache`, and a process's own memory for the calls that Redis does not answer."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        options = {**params.get("OPTIONS", {}), "serializer": JsonSerializer}
        self._shared = RedisCache(server, {**params, "OPTIONS": options})
        self._own = LocMemCache("own", {**params, "OPTIONS": {}})

    def _either(self, method: str, *args: Any, **keywords: Any) -> Any:
        try:
            return getattr(self._shared, method)(*args, **keywords)
        except RedisError:
            return getattr(self._own, method)(*args, **keywords)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._either("add", key, value, timeout=timeout, version=version))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._either("get", key, default=default, version=version)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._either("set", key, value, timeout=timeout, version=version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._either("touch", key, timeout=timeout, version=version))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(self._either("delete", key, version=version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return int(self._either("incr", key, delta=delta, version=version))

    def clear(self) -> None:
        self._either("clear")
