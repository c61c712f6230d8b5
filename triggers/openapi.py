"""The OpenAPI document of the HTTP API; a test holds it against the registered routes."""

from typing import Any

_BATCH = {"name": "batch", "in": "path", "required": True, "schema": {"type": "string"}}
_JSON = {"application/json": {"schema": {"type": "object"}}}
_HTML = {"text/html": {"schema": {"type": "string"}}}
_WISH = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["mailboxes"],
                "properties": {
                    "mailboxes": {
                        "oneOf": [
                            {"type": "string", "enum": ["all"]},
                            {"type": "array", "items": {"type": "string", "format": "email"}},
                        ]
                    },
                    "at": {"type": "string", "format": "date-time"},
                    "waive": {"type": "array", "items": {"type": "string"}},
                },
            }
        }
    },
}


_DIRECTORY_FILES = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {
                        "type": "object",
                        "properties": {
                            f"{name}.csv": {"type": "string", "contentEncoding": "base64"}
                            for name in (
                                "groups",
                                "group_members",
                                "shared_mailboxes",
                                "delegations",
                                "contacts",
                            )
                        },
                    }
                },
            }
        }
    },
}

_WORKSTATION_MARKS = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["step", "mailboxes"],
                "properties": {
                    "step": {"type": "string"},
                    "mailboxes": {"type": "array", "items": {"type": "string", "format": "email"}},
                    "done": {"type": "boolean"},
                },
            }
        },
        "text/csv": {"schema": {"type": "string"}},
    },
}
_COMPLETION_STEP = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["step"],
                "properties": {"step": {"type": "string"}},
            }
        }
    },
}


_SELECTION: dict[str, Any] = {
    "batch": {"type": "string"},
    "cohort": {"type": "string"},
    "unit": {"type": "string"},
    "mailboxes": {"type": "array", "items": {"type": "string", "format": "email"}},
}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_PASSWORD_EXPORT = _object(
    {
        **_SELECTION,
        "new_only": {"type": "boolean"},
        "uncertain": {"type": "boolean"},
        "after": {"type": "string"},
        "top": {"type": "integer"},
    }
)
_WRITTEN = {"type": "object", "additionalProperties": {"type": "string", "format": "date-time"}}
_PASSWORD_RESET = _object(
    {
        **_SELECTION,
        "rule": {"type": "string", "enum": ["given", "random", "pad"]},
        "must_change": {"type": "boolean"},
        "dry_run": {"type": "boolean"},
    }
)
_ONE_ACCOUNT = _object({"address": {"type": "string", "format": "email"}}, "address")


def _query(name: str, kind: str = "string", *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": {"type": kind}}


def _operation(
    summary: str,
    *parameters: dict[str, Any],
    status: int = 200,
    body: dict[str, Any] | None = None,
    content: dict[str, Any] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            str(status): {
                "description": "Done" if status == 200 else "Taken",
                "content": content or _JSON,
            },
            "default": {"description": "What is wrong, all of it at once", "content": _JSON},
        },
    }
    return operation | ({"requestBody": body} if body else {})


def _wish(summary: str) -> dict[str, Any]:
    return _operation(summary, _BATCH, status=202, body=_WISH)


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Bascule", "version": "1", "description": "Mailbox migration."},
    "servers": [{"url": "/api"}],
    "security": [{"key": []}, {"token": []}],
    "components": {
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
            "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        }
    },
    "paths": {
        "/tenant": {"get": _operation("How far the tenant is prepared, and whether it still is")},
        "/tenant/differences": {"get": _operation("What a preparation would change now")},
        "/tenant/readiness": {"get": _operation("Everything a migration needs, checked now")},
        "/tenant/prepare": {"post": _operation("Prepare the tenant", status=202)},
        "/tenant/repair": {"post": _operation("Repair the tenant", status=202)},
        "/tenant/adopt": {"post": _operation("Watch a tenant that was prepared by hand")},
        "/batches": {
            "get": _operation("Every batch with its state"),
            "post": _operation(
                "Upload a batch CSV",
                _query("name", required=True),
                status=202,
                body={"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}},
            ),
        },
        "/batches/{batch}": {"get": _operation("One batch", _BATCH)},
        "/batches/{batch}/mailboxes": {
            "get": _operation(
                "Mailboxes of a batch",
                _BATCH,
                _query("stage"),
                _query("top", "integer"),
                _query("after"),
            )
        },
        "/batches/{batch}/mailboxes/{address}": {
            "get": _operation(
                "One mailbox",
                _BATCH,
                {"name": "address", "in": "path", "required": True, "schema": {"type": "string"}},
            )
        },
        "/batches/{batch}/cutover": {"post": _wish("Cut mailboxes over")},
        "/batches/{batch}/rollback": {
            "post": _wish("Bring mailboxes back to the source, or take back what has not begun")
        },
        "/batches/{batch}/retry": {"post": _wish("Let mailboxes that were set aside go on")},
        "/batches/{batch}/abandon": {"post": _wish("Leave mailboxes at the source for good")},
        "/batches/{batch}/survey": {
            "post": _wish("Survey sources again, where something was mended")
        },
        "/batches/{batch}/sync": {
            "post": _operation("Ask for a delta of the whole batch now", _BATCH, status=202)
        },
        "/batches/{batch}/difference": {
            "post": _operation(
                "Apply a changed upload", _BATCH, _query("fingerprint", required=True), status=202
            )
        },
        "/requests/{request_id}": {
            "get": _operation(
                "What became of a request",
                {
                    "name": "request_id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                },
            )
        },
        "/dashboard": {"get": _operation("What waits for whom, as a page", content=_HTML)},
        "/workstations": {
            "get": _operation(
                "Migrated users of a batch with what is left to do at their desks",
                _query("batch", required=True),
                _query("open"),
                _query("after"),
            ),
            "post": _operation(
                "Mark a step as done, or as not done",
                _query("batch", required=True),
                body=_WORKSTATION_MARKS,
            ),
        },
        "/tenant/completion": {
            "get": _operation("Where the completion of the tenant stands, and who holds it up")
        },
        "/tenant/complete": {
            "post": _operation(
                "Say a word about a step of the completion", status=202, body=_COMPLETION_STEP
            )
        },
        "/tenant/dns": {"get": _operation("The plan's domains in public DNS, now", _query("aim"))},
        "/directory": {
            "get": _operation("Which directory files are in force, and the last report"),
            "post": _operation(
                "Check the directory files together and keep them",
                _query("check", "boolean"),
                body=_DIRECTORY_FILES,
            ),
        },
        "/directory/differences": {
            "get": _operation("What separates the tenant from the directory files now")
        },
        "/directory/apply": {
            "post": _operation(
                "Create, correct and add what the directory files want",
                _query("removals"),
                status=202,
            )
        },
        "/passwords/export": {
            "post": _operation("New passwords of a selection, in clear", body=_PASSWORD_EXPORT)
        },
        "/passwords/exported": {
            "post": _operation(
                "Count passwords as exported: they are written down",
                body=_object({"exported": _WRITTEN}, "exported"),
            )
        },
        "/passwords/import": {
            "post": _operation(
                "Take in a list of passwords",
                _query("map", required=True),
                _query("dry_run", "boolean"),
                body={"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}},
            )
        },
        "/passwords/reset": {
            "post": _operation(
                "Change the passwords of a selection", status=202, body=_PASSWORD_RESET
            )
        },
        "/passwords/tell": {
            "post": _operation(
                "Tell people what will happen to their passwords",
                status=202,
                body=_object(_SELECTION),
            )
        },
        "/passwords/resets/{request_id}": {
            "get": _operation(
                "Every account of a reset",
                {
                    "name": "request_id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                },
                _query("after"),
            )
        },
        "/passwords/administrator": {
            "post": _operation(
                "A temporary password for one account, shown once", body=_ONE_ACCOUNT
            )
        },
        "/licences/plan": {
            "get": _operation(
                "What would change for a batch or a cohort", _query("batch"), _query("cohort")
            )
        },
        "/licences/apply": {
            "post": _operation(
                "Bring the licences of a batch or a cohort to what the plan says",
                status=202,
                body=_object(
                    {
                        "batch": {"type": "string"},
                        "cohort": {"type": "string"},
                        "dry_run": {"type": "boolean"},
                    }
                ),
            )
        },
        "/licences/report": {"get": _operation("How far the seats of every licence go")},
        "/cohorts/{cohort}/apply": {
            "post": _operation(
                "Give accounts that have appeared in a cohort what it says",
                {"name": "cohort", "in": "path", "required": True, "schema": {"type": "string"}},
                _query("dry_run", "boolean"),
                status=202,
            )
        },
        "/openapi.json": {"get": _operation("This document")},
    },
}
