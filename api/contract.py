"""Prints the API's contract (OpenAPI 3.1) as JSON: `python -m api.contract`. The console's client is made from it.

Every operation names its own problems there; a client wants one type of them all, so they are told as one here. The
header that commands need is given by the client itself wherever a caller of it has none to give.
"""

import json
from typing import Any

from api.app import contract
from api.problems import MEDIA_TYPE, Kind

IDEMPOTENCY_KEY = "Idempotency-Key"
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "field", "reason", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": [kind.value for kind in Kind]},
        "field": {"type": "string"},
        "reason": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}


def brief() -> dict[str, Any]:
    """The contract with one kind of problem for all operations."""
    told = contract()
    told["components"]["schemas"] = {
        name: schema for name, schema in told["components"]["schemas"].items() if not name.endswith("Problem")
    } | {"Problem": PROBLEM}
    problem = {
        "description": "What was wrong.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in told["paths"].values():
        for operation in operations.values():
            kept = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
            operation["responses"] = kept | {"default": problem}
            for parameter in operation.get("parameters", []):
                if parameter["name"] == IDEMPOTENCY_KEY:
                    parameter["required"] = False
    return told


if __name__ == "__main__":
    print(json.dumps(brief(), ensure_ascii=False, sort_keys=True))
