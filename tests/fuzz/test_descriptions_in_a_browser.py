"""Descriptions are safe where they are shown: the hostile corpus in a real browser (C-06)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from services.course_service.assignments.descriptions import sanitise_description
from tests.fuzz.browser import Page, open_page
from tests.fuzz.hostile_markup import COUNT, hostile_pieces

pytestmark = pytest.mark.fuzz

WATCH = """
for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => executed(name);
"""

PROVOKE = """
(async () => {
  const shown = document.createElement('div');
  (document.body || document.documentElement).append(shown);
  shown.innerHTML = %s;
  const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  await wait(20);
  for (const element of [...document.querySelectorAll('*')]) {
    if (['SCRIPT', 'HTML', 'HEAD', 'BODY'].includes(element.tagName)) continue;
    for (const name of ['mouseover', 'pointerenter', 'focus', 'wheel', 'animationstart', 'toggle'])
      element.dispatchEvent(new Event(name));
    const target = element.protocol || element.action || element.formAction || '';
    const isWeb = /^(https?|mailto|tel):/.test(String(target));
    if (!isWeb && element.click) element.click();
  }
  await wait(20);
})()
"""
"""Set by a script as well, as pages made of components do; then whatever a student could do to it."""


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with open_page(tmp_path / "profile") as opened:
        await opened.call("Runtime.addBinding", name="executed")
        await opened.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        yield opened


class Site:
    """Serves one piece at a time, inside a page as a planner would show it."""

    def __init__(self) -> None:
        self.piece = ""
        self.url = ""

    async def show(self, request: web.Request) -> web.Response:
        if request.path != "/":
            return web.Response(status=404)
        return web.Response(
            text=f"<!doctype html><meta charset=utf-8><title>t</title><div>{self.piece}</div>",
            content_type="text/html",
        )


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    served = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", served.show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield served
    await runner.cleanup()


async def shown(page: Page, site: Site, piece: str) -> tuple[bool, set[str]]:
    """Show a piece; tell whether anything ran, and which foreign hosts were asked for something."""
    site.piece = piece
    try:
        await page.visit(site.url)
        await page.run(PROVOKE % json.dumps(piece).replace("</", "<\\/"))
    except (RuntimeError, TimeoutError):
        # The page went elsewhere while it was looked at; what it did is in the events.
        pass
    ran = any(name == "Runtime.bindingCalled" for name, _ in page.events)
    hosts = {
        urlsplit(event["request"]["url"]).hostname or ""
        for name, event in page.events
        if name == "Network.requestWillBeSent"
        and urlsplit(event["request"]["url"]).scheme in {"http", "https"}
    }
    return ran, hosts - {"127.0.0.1"}


async def test_nothing_of_three_hundred_hostile_pieces_runs(page: Page, site: Site) -> None:
    """C-06: 0 executions; the same pieces as they came do run, so that it would be noticed."""
    pieces = hostile_pieces()
    ran_raw, ran, asked = 0, [], {}
    for piece in pieces:
        did_run, _ = await shown(page, site, piece)
        ran_raw += did_run
    for piece in pieces:
        cleaned = sanitise_description(piece) or ""
        did_run, hosts = await shown(page, site, cleaned)
        if did_run:
            ran.append((piece, cleaned))
        if hosts:
            asked[piece] = hosts

    print(
        f"\nC-06: {len(ran)} of {len(pieces)} hostile pieces run when stored, {ran_raw} as they came;"
        f" {len(asked)} ask a foreign host for something"
    )
    assert len(pieces) == COUNT
    assert ran == []
    assert asked == {}
    assert ran_raw > 150
