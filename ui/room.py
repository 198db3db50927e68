"""What a page is built from: places for HTML, what fills them when it opens, and what the reader does.

A page never sees Gradio's requests: its functions get a `Visit`. What the API refuses, and what it does not answer,
becomes a state that says what to do next, in the first place that the function fills.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from fraudray.domain.errors import FraudrayError
from fraudray.ui.config import PageConfig
from fraudray.ui.states import UNEXPECTED, error_html, state_html
from fraudray.ui.templates import render
from fraudray.ui.visit import visit_of

logger = logging.getLogger("fraudray.ui")
MESSAGE_CHARS_MAX = 200_000
ACTION_PREFIX = "fr-do-"
"""What the id of an action's hidden field begins with; `static/page.js` writes there."""

Shown = str | None
"""HTML for a place; None leaves it as it is."""
Filling = Callable[..., Any]
"""Returns HTML for each place, `Shown` or a sequence of them, or is a generator of such."""


class Room:
    """Where one page is built. Use it inside that page's `build`."""

    def __init__(self, config: PageConfig) -> None:
        self._config = config

    def place(self, name: str, html: str | None = None, *, live: bool = False) -> gr.HTML:
        """A place for HTML, found as `#name`; it says that it loads until it is first filled. `live` has a screen
        reader say what comes in."""
        classes = ["fr-place", *(["fr-live"] if live else [])]
        return gr.HTML(
            render("loading.html") if html is None else html, elem_id=name, elem_classes=classes, js_on_load=None,
            apply_default_css=False, container=False, padding=False,
        )  # fmt: skip

    def on_open(self, fill: Filling, places: Sequence[gr.HTML]) -> None:
        """Call `fill(visit)` when the page has opened. It returns HTML for each place, or yields it again and again."""
        gr.on(
            [self._load_event()], self._guarded(fill, len(places), told=False), None, list(places),
            show_progress="hidden", api_visibility="private", queue=inspect.isgeneratorfunction(fill),
        )  # fmt: skip

    def action(self, name: str, fill: Filling, places: Sequence[gr.HTML], *, replaces: bool = False) -> None:
        """Call `fill(visit, message)` when the reader does what a template marks with `data-do="name"`: submits such a
        form (the message is its fields), or clicks such a button (its `data-message`, JSON). With `replaces`, doing it
        anew ends what the time before still does."""
        field = gr.Textbox(visible="hidden", elem_id=ACTION_PREFIX + name, max_length=MESSAGE_CHARS_MAX)
        event = field.change(
            self._guarded(fill, len(places), told=True), field, list(places), show_progress="hidden",
            api_visibility="private", trigger_mode="multiple", queue=True,
        )  # fmt: skip
        if replaces:
            field.change(None, None, None, cancels=[event], api_visibility="private", queue=False)

    def _load_event(self) -> Any:
        root = gr.context.Context.root_block
        if root is None:
            raise RuntimeError("a room is used inside its page's build")
        return root.load

    def _guarded(self, fill: Filling, count: int, *, told: bool) -> Callable[..., Any]:
        """`fill` as Gradio calls it: with a visit for the request, and its failures as states."""

        def filled(request: gr.Request, message: str = "{}") -> Iterator[Any]:
            cookies, query = request.cookies, dict(request.query_params)
            visit = visit_of(cookies, api=self._config.api, key=self._config.key, query=query)
            try:
                shown = fill(visit, json.loads(message or "{}").get("values", {})) if told else fill(visit)
                for values in shown if inspect.isgenerator(shown) else (shown,):
                    yield _outputs(values, count)
            except FraudrayError as error:
                yield _outputs(error_html(error), count)
            except Exception:
                logger.exception("the page failed")
                yield _outputs(state_html(UNEXPECTED), count)

        return _as_gradio_calls(filled, told=told, streams=inspect.isgeneratorfunction(fill))


def _as_gradio_calls(filled: Callable[..., Iterator[Any]], *, told: bool, streams: bool) -> Callable[..., Any]:
    """Gradio finds by the signature what a function wants: the request, after the message where there is one."""

    def stream(request: gr.Request) -> Iterator[Any]:
        yield from filled(request)

    def told_stream(message: str, request: gr.Request) -> Iterator[Any]:
        yield from filled(request, message)

    def once(request: gr.Request) -> Any:
        return next(filled(request))

    def told_once(message: str, request: gr.Request) -> Any:
        return next(filled(request, message))

    if streams:
        return told_stream if told else stream
    return told_once if told else once


def _outputs(shown: Shown | Sequence[Shown], count: int) -> Any:
    """A value for each place."""
    values = [shown] if shown is None or isinstance(shown, str) else list(shown)
    filled = [gr.skip() if value is None else value for value in values]
    filled += [gr.skip()] * (count - len(filled))
    return filled[0] if count == 1 else filled
