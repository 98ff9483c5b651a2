"""A headless Chromium of its own, driven through the DevTools protocol; it reaches loopback only."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 60.0


class BrowserMissing(Exception):
    """No Chromium is installed; the message names the command that installs one."""


class Page:
    """One tab; `events` holds what it reported since `forget`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session: str | None = None
        self._loaded = asyncio.Event()
        self.events: list[tuple[str, dict[str, Any]]] = []

    async def listen(self) -> None:
        """Sort answers and events until the browser ends."""
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
                continue
            self.events.append((said["method"], said["params"]))
            if said["method"] == "Page.loadEventFired":
                self._loaded.set()

    async def open(self) -> None:
        """Open the tab and let it report."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            await self.call(f"{domain}.enable")

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return what a command of the protocol answers."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        session = {} if self._session is None else {"sessionId": self._session}
        await self._socket.send_json(
            {"id": number, "method": method, "params": parameters, **session}
        )
        said = await asyncio.wait_for(answer, START_SECONDS)
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']['message']}")
        return dict(said["result"])

    async def visit(self, url: str) -> None:
        """Go to an address and wait until it is loaded with all it refers to."""
        self._loaded.clear()
        self.events.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), START_SECONDS)

    async def run(self, expression: str) -> Any:
        """Return the value of a script, awaited when it is a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")


@asynccontextmanager
async def open_page(profile: Path) -> AsyncIterator[Page]:
    """Start a browser with an empty profile, and end it by its own process id.

    Raises:
        BrowserMissing: There is none.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise BrowserMissing("chromium is missing: run 'sudo apt-get install chromium'")
    process = await asyncio.create_subprocess_exec(
        program,
        "--headless=new",
        # Containers run as root, where the browser's own sandbox cannot start; it shows our pages only.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        url = await asyncio.wait_for(_debugger_url(process), START_SECONDS)
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(url, max_msg_size=0) as socket,
        ):
            page = Page(socket)
            listening = asyncio.create_task(page.listen())
            await page.open()
            yield page
            listening.cancel()
    finally:
        process.kill()
        await process.wait()


async def _debugger_url(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        text = line.decode(errors="replace")
        if "DevTools listening on " in text:
            return text.rpartition(" ")[2].strip()
    raise RuntimeError("the browser ended before it could be driven")
