# SPDX-License-Identifier: MIT
"""A server made with the first generation of the Python package: server1.py [PORT [sse]]; without a port, over standard input and
output."""

import sys

from mcp.server.fastmcp import FastMCP

port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
server = FastMCP("math", host="127.0.0.1", port=port, log_level="WARNING")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


server.run("stdio" if port == 0 else "sse" if len(sys.argv) > 2 else "streamable-http")
