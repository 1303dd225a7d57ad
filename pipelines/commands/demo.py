"""A page in which the champion answers in the browser: made, and served to this machine alone."""

from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from compression_ops.errors import CompressionError
from compression_ops.wasm import page
from pipelines.commands import champion
from pipelines.state.home import Home

HOST = "127.0.0.1"


def made(home: Home, recipe: str) -> page.Page:
    """The page of the recipe's champion.

    Raises CompressionError where there is none, where its network has no form in C, and without clang and lld.
    """
    version, folder = champion.in_use(home, recipe)
    return page.write(folder / "model.onnx", recipe, f"The champion: {champion.in_words(version, recipe)}.")


class Server(ThreadingHTTPServer):
    """Answers with one page at `/`, and with nothing else.

    Raises CompressionError for a port that is taken; 0 is any free one.
    """

    def __init__(self, text: str, port: int) -> None:
        try:
            super().__init__((HOST, port), partial(_Answer, text.encode()))
        except OSError as error:
            raise CompressionError(
                f"port {port} cannot be opened: {error.strerror}\n  end the program that uses it, or leave out --port"
            ) from error

    @property
    def address(self) -> str:
        """`http://127.0.0.1:8000/`."""
        return f"http://{HOST}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no news."""


class _Answer(BaseHTTPRequestHandler):
    def __init__(self, content: bytes, *arguments: Any) -> None:
        self._content = content
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def _answer(self, with_content: bool) -> None:
        if self.path != "/":
            self.send_error(404, "here is one page alone, at /")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self._content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_content:
            self.wfile.write(self._content)

    def log_message(self, format: str, *args: Any) -> None:
        """No line for each request."""
