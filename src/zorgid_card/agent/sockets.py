"""The WebSocket library (extra ``agent``), or what to do where it is missing."""

try:
    from websockets.asyncio.server import Server, ServerConnection, serve
    from websockets.exceptions import ConnectionClosed
    from websockets.http11 import Request, Response
except ModuleNotFoundError as missing:
    advice = "websockets is missing; install it: pip install 'zorgid-card[agent]'"
    raise ModuleNotFoundError(advice, name=missing.name) from missing

__all__ = ["ConnectionClosed", "Request", "Response", "Server", "ServerConnection", "serve"]
