"""Keys of the served model: shown once, kept only as salted hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from engine.errors import Missing
from engine.store import Store


def new_key(store: Store, course: str, name: str) -> str:
    """Make a key for ``name`` and return it; it cannot be read again later.

    A second key of the same name replaces the first.
    """
    key = "cw-" + secrets.token_urlsafe(32)
    salt = secrets.token_hex(8)
    store.put_api_key(course, name, salt=salt, hash=_hash(key, salt))
    return key


def key_names(store: Store, course: str) -> list[str]:
    """Names of the course's keys."""
    return [row["name"] for row in store.api_keys(course)]


def remove_key(store: Store, course: str, name: str) -> None:
    """Take a key back; the endpoint refuses it from the next request on.

    Raises:
        Missing: the course has no key of this name.
    """
    if not store.remove_api_key(course, name):
        raise Missing(
            f"There is no key named “{name}”.",
            code="key.missing",
            next="List the names: coursewright serve COURSE --keys",
            name=name,
        )


def owner_of(store: Store, course: str, key: str) -> str | None:
    """The name that the key was made for, or None; compared in constant time."""
    owner = None
    for row in store.api_keys(course):
        if hmac.compare_digest(row["hash"], _hash(key, row["salt"])):
            owner = row["name"]
    return owner


def _hash(key: str, salt: str) -> str:
    """SHA-256 is enough: a key has 256 random bits, so there is nothing to guess from."""
    return hashlib.sha256(f"{salt}{key}".encode()).hexdigest()
