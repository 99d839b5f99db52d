"""The OpenAPI description of the HTTP interface; a test compares it with routes and answers."""

from __future__ import annotations

from typing import Any

from dash_app.settings import PageSettings
from model_zoo.images.decode import FORMATS_IN_WORDS

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}


def describe(page: PageSettings, max_pixels: int, token: bool) -> Schema:
    """OpenAPI 3.1, with the limits of this server.

    Args:
        max_pixels: of the largest picture that is decoded.
        token: whether the routes under ``/api/v1`` ask for a bearer token.
    """
    guarded: list[dict[str, list[str]]] = [{"token": []}] if token else []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Catwalk",
            "version": "1",
            "description": "Predict with the image classifier that is in production.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/api/v1/predict": {"post": _predict(page, max_pixels) | {"security": guarded}},
            "/api/v1/model": {"get": MODEL | {"security": guarded}},
            "/api/v1/projects": {
                "get": {
                    "operationId": "projects",
                    "summary": "The projects of this server, and what is in production of each",
                    "security": guarded,
                    "responses": {
                        "200": _answer("The default project first", "Projects"),
                        **_errors(401),
                    },
                }
            },
            "/api/v1/projects/{project}/predict": {
                "post": _of_project(_predict(page, max_pixels)) | {"security": guarded}
            },
            "/api/v1/projects/{project}/model": {"get": _of_project(MODEL) | {"security": guarded}},
            "/api/v1/corrections": {"post": CORRECT | {"security": guarded}},
            "/api/v1/projects/{project}/corrections": {
                "post": _of_project(CORRECT) | {"security": guarded}
            },
            "/api/v1/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This description",
                    "responses": {"200": _json("OpenAPI 3.1", {"type": "object"})},
                }
            },
            "/healthz": {"get": HEALTHZ},
            "/readyz": {"get": READYZ},
            "/p/{project}/healthz": {"get": _of_project(HEALTHZ)},
            "/p/{project}/readyz": {"get": _of_project(READYZ)},
            "/metrics": {
                "get": {
                    "operationId": "metrics",
                    "summary": "Prometheus metrics",
                    "security": guarded,
                    "responses": {
                        "200": {
                            "description": "Prometheus' text format",
                            "content": {"text/plain": {"schema": TEXT}},
                        },
                        **_errors(401),
                    },
                }
            },
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _predict(page: PageSettings, max_pixels: int) -> Schema:
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    image = _object({"content": TEXT | {"contentEncoding": "base64"}}, {"name": TEXT})
    return {
        "operationId": "predict",
        "summary": "Predict for one image or many",
        "description": f"{FORMATS_IN_WORDS}; at most {page.max_upload_mb:g} MiB and "
        f"{max_pixels:,} pixels each, {page.max_images:,} at once. A file that cannot "
        "be read has an error in place of a prediction; when none can be read the status is 400.",
        "parameters": [
            {
                "name": "without",
                "in": "query",
                "description": "Steps of the preparation to leave out, separated by commas. Each "
                "version has its own: /api/v1/model names them.",
                "schema": TEXT,
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": _object({"file": {"type": "array", "items": file}})
                },
                "application/json": {
                    "schema": _object({"images": {"type": "array", "items": image}})
                },
            },
        },
        "responses": {
            "200": _answer("An answer for each image, in their order", "Predictions"),
            **_errors(400, 401, 413, 415, 429, 503),
        },
    }


def _schemas() -> dict[str, Schema]:
    step = _object({"step": TEXT, "changed": {"type": "boolean"}, "note": TEXT})
    maybe = {"type": ["string", "null"]}
    return {
        "Error": _object({"error": TEXT}),
        "Health": _object({"status": TEXT, "project": TEXT, "version": maybe, "problem": maybe}),
        "Projects": _object(
            {"default": TEXT, "projects": {"type": "array", "items": _reference("Project")}}
        ),
        "Project": _object(
            {
                "project": TEXT,
                "version": maybe,
                "problem": maybe,
                "loaded": {"type": "boolean"},
                "page": TEXT,
            }
        ),
        "Model": _object(
            {
                "model": TEXT,
                "version": TEXT,
                "labels": {"type": "array", "items": TEXT},
                "image_shape": {"type": "array", "items": {"type": "integer"}},
                "preparation": {"type": "array", "items": TEXT},
                "tags": {"type": "object", "additionalProperties": TEXT},
                "problem": maybe,
            }
        ),
        "Predictions": _object(
            {
                "model": TEXT,
                "version": TEXT,
                "predictions": {
                    "type": "array",
                    "items": {"anyOf": [_reference("Prediction"), _reference("Refusal")]},
                },
            }
        ),
        "Prediction": _object(
            {
                "name": TEXT,
                "label": TEXT,
                "confidence": NUMBER,
                "probabilities": {"type": "object", "additionalProperties": NUMBER},
                "doubts": {"type": "array", "items": TEXT},
                "notes": {"type": "array", "items": TEXT},
                "preparation": {"type": "array", "items": step},
            }
        ),
        "Refusal": _object({"name": TEXT, "error": TEXT}),
        "Correction": _object({"id": TEXT, "label": TEXT, "predicted": TEXT, "state": TEXT}),
    }


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
        "additionalProperties": False,
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _answer(description: str, name: str) -> Schema:
    return _json(description, _reference(name))


def _errors(*statuses: int) -> dict[str, Schema]:
    words = {
        400: "What was sent cannot be used; the sentence says why",
        401: "The token is missing or wrong",
        404: "No project has this name; the sentence says the nearest",
        413: "More than the server reads",
        415: "Neither a multipart form nor JSON",
        429: "More pictures a minute or corrections an hour than are taken from one address, or as "
        "many corrections wait as may; Retry-After says when to ask again",
        503: "Nothing is in production, or the project's file cannot be read",
    }
    return {str(status): _answer(words[status], "Error") for status in statuses}


def _of_project(operation: Schema) -> Schema:
    """The same operation for a project named in the path."""
    name = {"name": "project", "in": "path", "required": True, "schema": TEXT}
    return operation | {
        "operationId": f"{operation['operationId']}_of_project",
        "summary": f"{operation['summary']}, of a project",
        "parameters": [name, *operation.get("parameters", [])],
        "responses": operation["responses"] | _errors(404, 503),
    }


MODEL: Schema = {
    "operationId": "model",
    "summary": "The version in production",
    "responses": {
        "200": _answer("The version that answers now", "Model"),
        **_errors(401, 503),
    },
}
CORRECT: Schema = {
    "operationId": "correct",
    "summary": "Say what an image is; a person reviews it before anything is trained on it",
    "description": "With `keep_picture` the file is kept as it is, else only what the model saw. "
    "Every correction is kept; from one address only so many an hour are taken.",
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _object(
                    {
                        "image": _object(
                            {"content": TEXT | {"contentEncoding": "base64"}}, {"name": TEXT}
                        ),
                        "label": TEXT,
                    },
                    {"keep_picture": {"type": "boolean", "default": False}},
                )
            }
        },
    },
    "responses": {
        "201": _answer("It is kept and waits for review", "Correction"),
        **_errors(400, 401, 413, 415, 429, 503),
    },
}
HEALTHZ: Schema = {
    "operationId": "healthz",
    "summary": "Whether the process answers at all",
    "responses": {"200": _answer("It does", "Health")},
}
READYZ: Schema = {
    "operationId": "readyz",
    "summary": "Whether a version is loaded, or can be when it is asked",
    "responses": {
        "200": _answer("One is", "Health"),
        "503": _answer("None is yet", "Health"),
    },
}
