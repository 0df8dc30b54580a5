"""The JSON schema of locks, for other programs that read them."""

from __future__ import annotations

from typing import Any

from mergec.lock.lock_model import LockModel

_ID = "https://raw.githubusercontent.com/mergec/mergec/main/schemas/lock.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def lock_schema() -> dict[str, Any]:
    """The schema of a lock as it is written, the same on every machine."""
    made = LockModel.model_json_schema(by_alias=True)
    return {"$schema": _DIALECT, "$id": _ID, **made, "title": "mergec lock"}
