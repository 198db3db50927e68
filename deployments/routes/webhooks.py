"""Webhook endpoints."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Document, fields_of
from fraudray.service import LocalService


def router(service: LocalService) -> APIRouter:
    routes, webhooks = APIRouter(), service.webhooks

    @routes.get("")
    def listing() -> Response:
        """All endpoints; their secrets are not shown."""
        return json_response(webhooks.list())

    @routes.post("", status_code=201)
    def add(body: Document, author: Author) -> Response:
        """Add an endpoint: `{"url": …, "events": […], "outcomes": […]}`. The answer shows its secret, this once."""
        return json_response(webhooks.add(body, author=author), 201)

    @routes.get("/{webhook_id}")
    def show(webhook_id: str) -> Response:
        """An endpoint with its counts and newest failures."""
        return json_response(webhooks.show(webhook_id))

    @routes.delete("/{webhook_id}")
    def remove(webhook_id: str, author: Author) -> Response:
        """Remove an endpoint; what waits for it is given up."""
        return json_response(webhooks.remove(webhook_id, author=author))

    @routes.post("/{webhook_id}/rotate")
    def rotate(webhook_id: str, author: Author) -> Response:
        """Make a new secret, shown this once; the one before signs too for 24 hours."""
        return json_response(webhooks.rotate(webhook_id, author=author))

    @routes.post("/{webhook_id}/test")
    def test(webhook_id: str, author: Author) -> Response:
        """Send a `webhook.test` event at once; the answer says what came of it."""
        return json_response(webhooks.test(webhook_id, author=author))

    @routes.post("/{webhook_id}/enable")
    def enable(webhook_id: str, author: Author) -> Response:
        """Switch an endpoint on again."""
        return json_response(webhooks.enable(webhook_id, author=author))

    @routes.post("/{webhook_id}/disable")
    def disable(webhook_id: str, body: Document, author: Author) -> Response:
        """Switch an endpoint off: `{"reason": …}`; events of that time are not sent to it later."""
        reason = fields_of(body, "reason")["reason"]
        return json_response(webhooks.disable(webhook_id, reason=reason, author=author))

    return routes
