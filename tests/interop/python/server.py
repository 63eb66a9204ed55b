# SPDX-License-Identifier: MIT
"""A server made with fastmcp: server.py [PORT [sse]]; without a port, over standard input and output."""

import sys

from fastmcp import FastMCP

server = FastMCP("math")


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


if len(sys.argv) > 1:
    kind = sys.argv[2] if len(sys.argv) > 2 else "http"
    server.run(transport=kind, host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="WARNING")
else:
    server.run(show_banner=False, log_level="WARNING")
