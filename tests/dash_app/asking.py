"""Callbacks of the page, asked without a browser."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient


def asked(client: FlaskClient, output: str, given: dict[str, Any], steps: list[str]) -> Any:
    """What the callback with this output answers, asked as the browser asks it.

    Args:
        given: values of inputs, by ``id.property``; the first is what changed.
        steps: names of the steps whose switches are on the page, all on.
    """
    found = client.get("/_dash-dependencies").json
    callback = next(
        one for one in found if output in one["output"] and not one["clientside_function"]
    )

    def of(id: str, property: str) -> Any:
        if not id.startswith("{"):
            return {"id": id, "property": property, "value": given.get(f"{id}.{property}")}
        (kind,) = json.loads(id)
        ids = [{kind: name} for name in steps]
        values = {"checked": True}
        return [
            {
                "id": one,
                "property": property,
                "value": one if property == "id" else values.get(property),
            }
            for one in ids
        ]

    parts = [one.rpartition(".") for one in callback["output"].strip(".").split("...")]
    body = {
        "output": callback["output"],
        "outputs": [of(id, property) for id, _, property in parts],
        "inputs": [of(one["id"], one["property"]) for one in callback["inputs"]],
        "state": [of(one["id"], one["property"]) for one in callback["state"]],
        "changedPropIds": [next(iter(given))],
    }
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json["response"]
